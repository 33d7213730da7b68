//! Codes of devices as people read them.

use std::borrow::Cow;

/// The longest code that is easier to read in one piece.
const ONE_PIECE: usize = 5;

/// A user code in groups: `WDJBMJHT` as `WDJB-MJHT`. One that is in groups already, or is no code at all, is
/// shown as it stands.
pub(crate) fn as_shown(code: &str) -> Cow<'_, str> {
    if code.len() <= ONE_PIECE || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Cow::Borrowed(code);
    }
    let size = if code.len().is_multiple_of(3) && !code.len().is_multiple_of(4) {
        3
    } else {
        4
    };
    let mut grouped = String::with_capacity(code.len() + code.len() / size);
    for (at, letter) in code.chars().enumerate() {
        if at > 0 && at % size == 0 {
            grouped.push('-');
        }
        grouped.push(letter);
    }
    Cow::Owned(grouped)
}

#[cfg(test)]
mod tests {
    use super::as_shown;

    #[test]
    fn a_long_code_is_read_in_groups() {
        assert_eq!(as_shown("WDJBMJHT"), "WDJB-MJHT");
        assert_eq!(as_shown("019450730"), "019-450-730");
        assert_eq!(as_shown("019450"), "019-450");
        assert_eq!(as_shown("WDJBMJHTXZ"), "WDJB-MJHT-XZ");
    }

    #[test]
    fn what_is_short_grouped_or_no_code_stays_as_it_is() {
        for code in ["", "WDJBM", "WDJB-MJHT", "WD JB MJ HT", "<élan>&<élan>"] {
            assert_eq!(as_shown(code), code);
        }
    }
}
