//! Values that must not be seen.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::entropy::{Entropy, EntropyFailed};

/// A value whose knowledge is authority: a token, a code, a password, a client secret.
///
/// It cannot be printed by accident: `Debug` shows `Secret(..)`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// How many random bytes a generated secret carries: 256 bits, twice what RFC 6749 §10.10 asks.
    pub const BYTES: usize = 32;

    /// Wraps a value that somebody presented or configured.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// A fresh secret of 256 random bits in 43 base64url characters, all of them unreserved in URIs.
    ///
    /// # Errors
    /// [`EntropyFailed`] when no randomness can be had.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        let mut bytes = [0u8; Self::BYTES];
        entropy.fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The value itself. Every place that needs it says so by this name.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value itself, without a copy.
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
