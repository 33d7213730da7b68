//! Parameters of a request: `application/x-www-form-urlencoded`, read strictly.

use std::borrow::Cow;

use crate::rejection::Rejection;
use crate::secret::Secret;

/// The most parameters that one request may carry.
pub const MOST_PARAMETERS: usize = 128;

/// The parameters of a request (RFC 6749 appendix B).
///
/// Read strictly where the usual form decoders guess: a broken percent-encoding, invalid UTF-8 or a NUL
/// is an error, so that no two readers of the same bytes can disagree. An empty value is an absent
/// parameter (RFC 6749 §3.1, §3.2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Why bytes are not a list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadParams {
    /// A `%` without two hexadecimal digits after it.
    #[error("a percent-encoding is broken")]
    PercentEncoding,
    /// The decoded bytes are not UTF-8.
    #[error("a parameter is not valid UTF-8")]
    Utf8,
    /// A decoded value holds U+0000.
    #[error("a parameter holds a NUL character")]
    Nul,
    /// More than [`MOST_PARAMETERS`].
    #[error("the request has more than {MOST_PARAMETERS} parameters")]
    TooMany,
}

impl From<BadParams> for Rejection {
    fn from(error: BadParams) -> Self {
        Rejection::invalid_request(error.to_string())
    }
}

/// Parameters of the registry (RFC 6749 §11.2 and its successors): repeating one of these is an error
/// even where nobody reads it (RFC 6749 §3.1, §3.2). `resource` and `audience` may repeat (RFC 8707 §2, RFC 8693 §2.1).
const REGISTERED: &[&str] = &[
    "client_id",
    "client_secret",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "grant_type",
    "username",
    "password",
    "refresh_token",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "token",
    "token_type_hint",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "device_code",
    "user_code",
    "response_mode",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "request",
    "request_uri",
    "dpop_jkt",
];

impl<'a> Params<'a> {
    /// Reads a query or a form body.
    ///
    /// # Errors
    /// [`BadParams`] says what is wrong with the encoding.
    pub fn parse(encoded: &'a [u8]) -> Result<Self, BadParams> {
        let mut pairs = Vec::with_capacity(8);
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MOST_PARAMETERS {
                return Err(BadParams::TooMany);
            }
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self { pairs })
    }

    /// The value of a parameter that may occur once; `None` if it is absent or empty.
    ///
    /// # Errors
    /// `invalid_request` if it occurs more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Rejection> {
        let mut values = self
            .pairs
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| &**value);
        let first = values.next();
        if values.next().is_some() {
            return Err(occurs_again(name));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` if it is absent, empty, or occurs more than once.
    pub fn required(&self, name: &str) -> Result<&str, Rejection> {
        self.one(name)?
            .ok_or_else(|| Rejection::invalid_request(format!("the parameter {name} is missing")))
    }

    /// The secret value of a parameter that must be there.
    ///
    /// # Errors
    /// As [`Params::required`].
    pub fn secret(&self, name: &str) -> Result<Secret, Rejection> {
        self.required(name).map(Secret::new)
    }

    /// Every non-empty value of a parameter that may occur more than once.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.pairs
            .iter()
            .filter(move |(own, value)| own == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }

    /// Whether a parameter of that name occurs at all, even empty.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(own, _)| own == name)
    }

    /// Every name and value, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Insists that no registered parameter occurs more than once, unless it is one of `repeatable` (RFC 6749 §3.1, §3.2). Every
    /// endpoint asks this first.
    ///
    /// # Errors
    /// `invalid_request` that names the parameter.
    pub fn each_once(&self, repeatable: &[&str]) -> Result<(), Rejection> {
        let repeated = self.pairs.iter().enumerate().find(|(at, (name, _))| {
            self.pairs[..*at].iter().any(|(earlier, _)| earlier == name)
                && REGISTERED.contains(&&**name)
                && !repeatable.contains(&&**name)
        });
        match repeated {
            Some((_, (name, _))) => Err(occurs_again(name)),
            None => Ok(()),
        }
    }

    /// The same parameters, borrowing from nothing.
    pub fn into_owned(self) -> Params<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Params {
            pairs: self
                .pairs
                .into_iter()
                .map(|(name, value)| (own(name), own(value)))
                .collect(),
        }
    }
}

fn occurs_again(name: &str) -> Rejection {
    Rejection::invalid_request(format!("the parameter {name} occurs more than once"))
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Params<'static> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (Cow::Owned(name.into()), Cow::Owned(value.into())));
        Self { pairs: pairs.collect() }
    }
}

impl std::fmt::Debug for Params<'_> {
    /// Shows the names only: the values are secrets as often as not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

/// Decodes one name or value, strictly.
pub(crate) fn decode(encoded: &[u8]) -> Result<Cow<'_, str>, BadParams> {
    // Almost every name and value is what it says. One look at each byte finds the others; without
    // an early end, so that the processor looks at many bytes at once.
    let plain = encoded
        .iter()
        .fold(true, |plain, byte| plain & !matches!(byte, b'%' | b'+' | 0));
    if plain {
        return match std::str::from_utf8(encoded) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => Err(BadParams::Utf8),
        };
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let [high, low, after @ ..] = rest else {
                    return Err(BadParams::PercentEncoding);
                };
                decoded.push(hex(*high)? << 4 | hex(*low)?);
                rest = after;
            }
            other => decoded.push(*other),
        }
    }
    let text = String::from_utf8(decoded).map_err(|_| BadParams::Utf8)?;
    if text.contains('\0') {
        Err(BadParams::Nul)
    } else {
        Ok(Cow::Owned(text))
    }
}

fn hex(digit: u8) -> Result<u8, BadParams> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(BadParams::PercentEncoding),
    }
}

/// Appends `name=value` pairs to a URI's query, percent-encoded so that only unreserved characters stay.
pub(crate) fn append_query(uri: &str, separator_if_none: char, pairs: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(uri.len() + 128);
    out.push_str(uri);
    let mut separator = match (separator_if_none, uri.rfind('?')) {
        ('?', Some(at)) if at + 1 == uri.len() => None,
        ('?', Some(_)) => Some('&'),
        (first, _) => Some(first),
    };
    for (name, value) in pairs {
        if let Some(separator) = separator {
            out.push(separator);
        }
        separator = Some('&');
        encode_into(&mut out, name);
        out.push('=');
        encode_into(&mut out, value);
    }
    out
}

fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params<'_> {
        Params::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_parameter_is_absent_and_an_unknown_one_is_ignored() {
        let read = params("&&a=&b&=x&c=1&");
        assert_eq!(read.one("a").unwrap(), None);
        assert_eq!(read.one("b").unwrap(), None);
        assert_eq!(read.one("c").unwrap(), Some("1"));
        assert!(read.required("a").is_err());
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        assert!(params("scope=a&scope=a").one("scope").is_err());
        for repeated in ["scope=a&scope=b", "scope=&scope="] {
            let refusal = params(repeated).each_once(&[]).unwrap_err();
            assert_eq!(refusal.reason(), "the parameter scope occurs more than once");
        }
        assert!(params("x=a&x=b&resource=1&resource=2").each_once(&[]).is_ok());
        assert!(params("scope=a&scope=b").each_once(&["scope"]).is_ok());
    }

    #[test]
    fn decoding_is_exact() {
        assert_eq!(params("a=%2563+%2B%20").one("a").unwrap(), Some("%63 + "));
        assert_eq!(params("a=b;c=d").one("a").unwrap(), Some("b;c=d"));
        assert_eq!(params("a=b=c").one("a").unwrap(), Some("b=c"));
        assert_eq!(params("%61=1").one("a").unwrap(), Some("1"));
        assert_eq!(params("A=1").one("a").unwrap(), None);
    }

    #[test]
    fn what_decoders_could_disagree_on_is_an_error() {
        for (bytes, why) in [
            (&b"a=%"[..], BadParams::PercentEncoding),
            (b"a=%2", BadParams::PercentEncoding),
            (b"a=%zz", BadParams::PercentEncoding),
            (b"a=%u0041", BadParams::PercentEncoding),
            (b"a=%+1", BadParams::PercentEncoding),
            (b"a=%ff", BadParams::Utf8),
            (b"a=\xff", BadParams::Utf8),
            (b"a=%c0%af", BadParams::Utf8),
            (b"a=%ed%a0%80", BadParams::Utf8),
            (b"a=x%00y", BadParams::Nul),
            (b"a%00=x", BadParams::Nul),
        ] {
            assert_eq!(Params::parse(bytes), Err(why), "{bytes:?}");
        }
        assert_eq!(
            Params::parse("a=1&".repeat(MOST_PARAMETERS + 1).as_bytes()),
            Err(BadParams::TooMany)
        );
    }

    #[test]
    fn a_query_is_appended_to_and_never_replaced() {
        assert_eq!(
            append_query("https://c/cb", '?', &[("code", "a b&")]),
            "https://c/cb?code=a%20b%26"
        );
        assert_eq!(
            append_query("https://c/cb?a=1", '?', &[("x", "é\r\n")]),
            "https://c/cb?a=1&x=%C3%A9%0D%0A"
        );
        assert_eq!(append_query("https://c/cb?", '?', &[("x", "1")]), "https://c/cb?x=1");
        assert_eq!(
            append_query("https://c/cb?a=1", '#', &[("x", "1"), ("y", "2")]),
            "https://c/cb?a=1#x=1&y=2"
        );
    }
}
