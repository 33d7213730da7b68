//! What a device shows and a person types.

use std::fmt;

use oauth_core::{Context, Rejection, Secret};

/// A user code (RFC 8628 §6.1): eight consonants, which are 34.5 bits; without vowels they spell no words, and none looks
/// like a digit.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; Self::LENGTH]);

impl UserCode {
    const ALPHABET: &'static [u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    const LENGTH: usize = 8;

    /// Reads what somebody typed: case does not matter, and neither does punctuation (RFC 8628 §6.1). `None` if it cannot be
    /// a user code.
    pub fn read(typed: &str) -> Option<Self> {
        // What is far too long is no code with some dashes in it.
        if typed.len() > 64 {
            return None;
        }
        let mut code = [0; Self::LENGTH];
        let mut places = code.iter_mut();
        for letter in typed.chars() {
            if letter.is_whitespace() || letter.is_ascii_punctuation() || matches!(letter, '\u{2010}'..='\u{2015}') {
                continue;
            }
            let letter = u8::try_from(letter).ok()?.to_ascii_uppercase();
            if !Self::ALPHABET.contains(&letter) {
                return None;
            }
            *places.next()? = letter;
        }
        places.next().is_none().then_some(Self(code))
    }

    pub(crate) fn generate(cx: &Context<'_>) -> Result<Self, Rejection> {
        let mut code = [0; Self::LENGTH];
        let mut filled = 0;
        while filled < code.len() {
            let mut random = [0; 16];
            cx.fill_random(&mut random)?;
            // 240 is a multiple of 20: so each letter is as likely as any other.
            for byte in random.into_iter().filter(|byte| *byte < 240) {
                if let Some(place) = code.get_mut(filled) {
                    *place = Self::ALPHABET[usize::from(byte) % Self::ALPHABET.len()];
                    filled += 1;
                }
            }
        }
        Ok(Self(code))
    }

    /// The code as it is looked up: without the dash.
    pub(crate) fn secret(&self) -> Secret {
        Secret::new(self.0.iter().copied().map(char::from).collect::<String>())
    }

    /// The code as people are shown it: `WDJB-MJHT`.
    pub fn shown(&self) -> String {
        let (left, right) = self.0.split_at(Self::LENGTH / 2);
        let text = |half: &[u8]| half.iter().copied().map(char::from).collect::<String>();
        format!("{}-{}", text(left), text(right))
    }
}

impl fmt::Debug for UserCode {
    /// Shows nothing: whoever reads it in a log could enter it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_do_not_matter() {
        for typed in [
            "WDJB-MJHT",
            "wdjb-mjht",
            "WDJBMJHT",
            " wdjb mjht ",
            "w.d.j.b_mjht",
            "WDJB\u{2013}MJHT",
            "wdjb\tmjht\n",
        ] {
            assert_eq!(UserCode::read(typed).unwrap().shown(), "WDJB-MJHT", "{typed:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in [
            "",
            "-",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJA-MJHT",
            "WDJ8-MJHT",
            "ŴDJB-MJHT",
            "ＷDJB-MJHT",
            "WDJB\0MJHT",
            &"-".repeat(65),
            &"W".repeat(10_000),
        ] {
            assert_eq!(UserCode::read(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_code_has_at_least_34_bits() {
        let letters = f64::from(u8::try_from(UserCode::ALPHABET.len()).unwrap());
        assert!(letters.log2() * 8.0 >= 34.0);
        assert!(UserCode::ALPHABET.is_sorted_by(|a, b| a < b), "no letter twice");
    }
}
