//! Proof Key for Code Exchange (RFC 7636), `S256` only: for every grant whose request and redemption are two messages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::credential::{Change, Credential, State};
use crate::params::Params;
use crate::rejection::Rejection;

/// The SHA-256 of the verifier that is to come: `code_challenge` (RFC 7636 §4.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenge(..)")
    }
}

/// What a verifier is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is the right one, or none was asked for and none came.
    Passed,
    /// It cannot be right whatever the challenge is, so it was no guess.
    Malformed(&'static str),
    /// It could have been right and is not.
    Wrong,
}

impl Challenge {
    /// The challenge of a request, if it has one.
    ///
    /// # Errors
    /// `invalid_request` for any method but `S256`, none at all (which would mean `plain`,
    /// RFC 7636 §4.3), or a challenge that SHA-256 cannot have made.
    pub fn of(params: &Params<'_>) -> Result<Option<Self>, Rejection> {
        let method = params.one("code_challenge_method")?;
        let Some(challenge) = params.one("code_challenge")? else {
            return match method {
                None => Ok(None),
                Some(_) => Err(Rejection::invalid_request(
                    "code_challenge_method without code_challenge",
                )),
            };
        };
        match method {
            Some("S256") => {}
            Some(_) => return Err(Rejection::invalid_request("code_challenge_method must be S256")),
            None => {
                return Err(Rejection::invalid_request(
                    "code_challenge_method is missing: it must be S256",
                ));
            }
        }
        // 43 characters of base64url: decoding refuses padding, other alphabets and stray trailing bits.
        let decodes = URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|digest| digest.len() == 32);
        if challenge.len() != 43 || !decodes {
            return Err(Rejection::invalid_request(
                "code_challenge must be 43 characters of base64url",
            ));
        }
        Ok(Some(Self(challenge.to_owned())))
    }
}

/// Insists on the verifier of the challenge that the request of a credential had (RFC 7636 §4.6).
///
/// # Errors
/// `invalid_grant` if it is not the one. One guess is all there is: a live credential whose verifier was guessed wrong is
/// spent. What cannot be right whatever the challenge is was no guess, and spends nothing.
pub fn verify<T>(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
    credential: &Credential<T>,
) -> Result<(), Rejection> {
    match judge(challenge, verifier) {
        Verdict::Passed => Ok(()),
        Verdict::Malformed(why) => Err(Rejection::invalid_grant(why)),
        Verdict::Wrong => {
            let refusal = Rejection::invalid_grant("wrong code verifier");
            Err(match credential.state {
                State::Live => refusal.and(Change::Spend(credential.key.clone())),
                State::Spent | State::Revoked => refusal,
            })
        }
    }
}

/// Compares a verifier with a challenge, in constant time.
fn judge(challenge: Option<&Challenge>, verifier: Option<&str>) -> Verdict {
    match (challenge, verifier) {
        (None, None) => Verdict::Passed,
        // Somebody took the challenge out of the authorization request (RFC 9700 §4.8.2).
        (None, Some(_)) => Verdict::Malformed("a code verifier for a code without challenge"),
        (Some(_), None) => Verdict::Malformed("the code verifier is missing"),
        (Some(_), Some(verifier)) if !is_verifier(verifier) => {
            Verdict::Malformed("the code verifier is not 43 to 128 unreserved characters")
        }
        (Some(challenge), Some(verifier)) => {
            let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            if bool::from(computed.as_bytes().ct_eq(challenge.0.as_bytes())) {
                Verdict::Passed
            } else {
                Verdict::Wrong
            }
        }
    }
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn challenge(pairs: &[(&str, &str)]) -> Result<Option<Challenge>, Rejection> {
        Challenge::of(&pairs.iter().copied().collect())
    }

    #[test]
    fn the_example_of_rfc_7636_passes() {
        let challenge = challenge(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]).unwrap();
        assert!(matches!(judge(challenge.as_ref(), Some(VERIFIER)), Verdict::Passed));
        let other = VERIFIER.replace('d', "e");
        assert!(matches!(judge(challenge.as_ref(), Some(&other)), Verdict::Wrong));
    }

    #[test]
    fn only_s256_exists() {
        for method in ["plain", "s256", "S512", "S256 ", "S256\nfoo", "none"] {
            assert!(
                challenge(&[("code_challenge", CHALLENGE), ("code_challenge_method", method)]).is_err(),
                "{method}"
            );
        }
        assert!(challenge(&[("code_challenge", CHALLENGE)]).is_err());
        assert!(challenge(&[("code_challenge_method", "S256")]).is_err());
        assert!(challenge(&[]).unwrap().is_none());
    }

    #[test]
    fn a_challenge_is_43_characters_of_base64url() {
        for bad in [
            &CHALLENGE[1..],
            &format!("{CHALLENGE}A"),
            &format!("{}=", &CHALLENGE[1..]),
            &CHALLENGE.replace('-', "+"),
            "a",
        ] {
            assert!(
                challenge(&[("code_challenge", bad), ("code_challenge_method", "S256")]).is_err(),
                "{bad}"
            );
        }
        // The last character carries two bits that SHA-256 does not have.
        let stray = format!("{}N", &CHALLENGE[..42]);
        assert!(challenge(&[("code_challenge", &stray), ("code_challenge_method", "S256")]).is_err());
    }

    #[test]
    fn a_verifier_that_cannot_be_right_is_no_guess() {
        let challenge = challenge(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]).unwrap();
        for bad in [
            "a",
            &VERIFIER[1..],
            &"a".repeat(129),
            &format!("{VERIFIER} "),
            &format!("{VERIFIER}="),
        ] {
            assert!(
                matches!(judge(challenge.as_ref(), Some(bad)), Verdict::Malformed(_)),
                "{bad}"
            );
        }
        assert!(matches!(judge(challenge.as_ref(), None), Verdict::Malformed(_)));
        assert!(matches!(judge(None, Some(VERIFIER)), Verdict::Malformed(_)));
        assert!(matches!(judge(None, None), Verdict::Passed));
    }
}
