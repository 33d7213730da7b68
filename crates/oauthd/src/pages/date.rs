//! Points in time as people read them, in UTC: a server cannot know a reader's time zone.

use std::borrow::Borrow;

use oauth_server::Timestamp;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `7 March 2026, 14:05 UTC`.
pub(crate) fn in_words(time: impl Borrow<Timestamp>) -> String {
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        ..
    } = Moment::of(*time.borrow());
    let name = MONTHS[month - 1];
    format!("{day} {name} {year}, {hour:02}:{minute:02} UTC")
}

/// `2026-03-07T14:05:09Z`, the form that programs read (RFC 3339).
pub(crate) fn rfc3339(time: impl Borrow<Timestamp>) -> String {
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Moment::of(*time.borrow());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A point in time by the calendar.
struct Moment {
    year: u64,
    /// From 1.
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    fn of(time: Timestamp) -> Self {
        let seconds = time.as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Counted in years that begin with March, so that the leap day is a year's last, and in eras of
        // 400 years, after which the calendar repeats. Day 0 of era 0 is the first of March of the year 0.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // 153 days are five months, whichever five from March on; the remainder picks the day.
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let (month, next_year) = if march_month < 10 {
            (march_month + 3, 0)
        } else {
            (march_month - 9, 1)
        };
        Self {
            year: era * 400 + year_of_era + next_year,
            month: usize::try_from(month).unwrap_or(1),
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_in_time_are_written_as_the_calendar_has_them() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_772_892_309, "2026-03-07T14:05:09Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_secs(seconds)), written);
        }
    }

    #[test]
    fn people_read_the_name_of_the_month() {
        let time = Timestamp::from_secs(1_772_892_309);
        assert_eq!(in_words(time), "7 March 2026, 14:05 UTC");
    }

    #[test]
    fn every_point_in_time_can_be_written() {
        assert!(rfc3339(Timestamp::MAX).ends_with('Z'));
        assert!(in_words(Timestamp::MAX).ends_with("UTC"));
    }

    #[test]
    fn days_follow_each_other_through_an_era() {
        let day = |n: u64| Moment::of(Timestamp::from_secs(n * 86_400));
        for n in 0..146_097 {
            let (today, tomorrow) = (day(n), day(n + 1));
            let next_day =
                tomorrow.day == today.day + 1 && tomorrow.month == today.month && tomorrow.year == today.year;
            let next_month = tomorrow.day == 1 && tomorrow.month == today.month + 1 && tomorrow.year == today.year;
            let next_year =
                tomorrow.day == 1 && tomorrow.month == 1 && today.month == 12 && tomorrow.year == today.year + 1;
            assert!((next_day && today.day < 31) || (next_month && today.day >= 28) || (next_year && today.day == 31));
        }
    }
}
