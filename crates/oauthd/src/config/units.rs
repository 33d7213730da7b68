//! Time spans and sizes as people write them.

use std::time::Duration;

/// Reads a time span such as `90s`, `1h 30m` or `14d`.
///
/// # Errors
/// Why it is none, in words.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("not a time span ({error}); write it like \"90s\", \"1h\" or \"14d\""))
}

/// A time span as [`duration`] reads it.
pub(crate) fn in_words(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Reads a size such as `64KiB`, `1MB` or `65536`.
///
/// # Errors
/// Why it is none, in words.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    const HOW: &str = "not a size; write it like \"64KiB\", \"1MiB\" or a number of bytes";
    let text = text.trim();
    let unit_begins = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_begins);
    let number: usize = number.parse().map_err(|_| HOW.to_owned())?;
    let factor = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1024,
        "mb" => 1_000_000,
        "mib" => 1024 * 1024,
        _ => return Err(HOW.to_owned()),
    };
    match number.checked_mul(factor) {
        None => Err("too large for this machine".to_owned()),
        Some(0) => Err("a size of nothing would refuse every request".to_owned()),
        Some(size) => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(size("64KiB"), Ok(65536));
        assert_eq!(size("64 kib"), Ok(65536));
        assert_eq!(size("1MB"), Ok(1_000_000));
        assert_eq!(size("1MiB"), Ok(1_048_576));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("512B"), Ok(512));
        for bad in [
            "",
            "KiB",
            "-1",
            "64KiBs",
            "1.5MiB",
            "0",
            "99999999999999999999",
            "18446744073709551615MiB",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_spans_are_read_as_people_write_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("14d"), Ok(Duration::from_secs(14 * 86400)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for bad in ["", "90", "soon", "-1s", "1 fortnight"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(in_words(Duration::from_secs(5400)), "1h 30m");
    }
}
