//! How a log line looks to people: time, level, message, then what it is about as `name=value`.
//!
//! Written by hand, because there is one line per request: what `tracing-subscriber` has for this formats every
//! number and every time through `core::fmt`, which takes as long as all other work of a request's log line together.

use std::fmt;

use oauth_server::{Clock as _, SystemClock, Timestamp};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines for people.
pub(super) struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write_time(&mut out, SystemClock.now())?;
        out.write_str(match *event.metadata().level() {
            Level::ERROR => " ERROR ",
            Level::WARN => "  WARN ",
            Level::INFO => "  INFO ",
            Level::DEBUG => " DEBUG ",
            Level::TRACE => " TRACE ",
        })?;
        let mut fields = Fields {
            out,
            separator: "",
            outcome: Ok(()),
        };
        event.record(&mut fields);
        fields.outcome?;
        fields.out.write_str("\n")
    }
}

struct Fields<'a> {
    out: Writer<'a>,
    separator: &'static str,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn field(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() {
            self.outcome = self.name(field).and_then(|()| write(&mut self.out));
        }
    }

    fn name(&mut self, field: &Field) -> fmt::Result {
        self.out.write_str(self.separator)?;
        self.separator = " ";
        if field.name() == "message" {
            return Ok(());
        }
        self.out.write_str(field.name())?;
        self.out.write_str("=")
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |out| write_number(out, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // What could be taken for another field, or for another line, is quoted and escaped.
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/' | b'[' | b']');
        let is_plain = field.name() == "message" || (!value.is_empty() && value.bytes().all(plain));
        self.field(field, |out| {
            if is_plain {
                out.write_str(value)
            } else {
                write!(out, "{value:?}")
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, |out| write!(out, "{value:?}"));
    }
}

fn write_number(out: &mut impl fmt::Write, mut number: u64) -> fmt::Result {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = digit(number % 10);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.write_str(std::str::from_utf8(&digits[start..]).map_err(|_| fmt::Error)?)
}

/// A point in time in UTC, as RFC 3339 has it, to the millisecond.
fn write_time(out: &mut impl fmt::Write, time: Timestamp) -> fmt::Result {
    let seconds = time.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (at, width, number) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, of_day / 3600),
        (14, 2, of_day / 60 % 60),
        (17, 2, of_day % 60),
        (20, 3, time.as_millis() % 1000),
    ] {
        let mut rest = number;
        for place in text[at..at + width].iter_mut().rev() {
            *place = digit(rest % 10);
            rest /= 10;
        }
    }
    out.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the day that some of them have more is their last. Whole eras of 400 years
/// have 146 097 days.
const fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + (month <= 2) as u64;
    (year, month, day)
}

#[expect(clippy::cast_possible_truncation, reason = "a number below ten")]
const fn digit(number: u64) -> u8 {
    b'0' + number as u8
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn at(millis: u64) -> String {
        let mut text = String::new();
        write_time(&mut text, Timestamp::from_millis(millis)).unwrap();
        text
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, time) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_732_451_696_789, "2024-11-24T12:34:56.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(at(millis), time);
        }
    }

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Text)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let line = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        line["0000-00-00T00:00:00.000Z".len()..].to_owned()
    }

    #[test]
    fn a_line_is_its_message_and_its_fields() {
        let shown = line(|| {
            tracing::info!(
                method = "GET",
                status = 200_u16,
                took_us = u64::MAX,
                peer = "[::1]",
                "request"
            );
        });
        let expected = "  INFO request method=GET status=200 took_us=18446744073709551615 peer=[::1]\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_absent_is_not_shown() {
        assert_eq!(line(|| tracing::warn!(peer = None::<&str>, "x")), "  WARN x\n");
    }

    #[test]
    fn a_value_cannot_pretend_to_be_another_field_or_line() {
        let shown = line(|| tracing::error!(path = "/a status=200\n", empty = "", code = %7, "x"));
        assert_eq!(shown, " ERROR x path=\"/a status=200\\n\" empty=\"\" code=7\n");
    }
}
