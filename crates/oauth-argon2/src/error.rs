//! What can go wrong, none of it a wrong password: that is an answer, not an error.

use oauth_core::EntropyFailed;

/// Why there is no answer.
///
/// None of its texts holds a password or a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Argon2Error {
    /// As many passwords are waiting as may wait. Whoever asked should ask again a little later
    /// (`temporarily_unavailable`, HTTP 503).
    #[error("too many passwords are being checked at the moment")]
    Overloaded,
    /// The password to hash is longer than [`LONGEST_PASSWORD`](crate::LONGEST_PASSWORD).
    #[error("the password is longer than {} bytes", crate::LONGEST_PASSWORD)]
    TooLong,
    /// The stored hash is not an argon2 hash in PHC format.
    #[error("not an argon2 hash in PHC format: {0}")]
    Unreadable(&'static str),
    /// The stored hash asks for more memory or time than anybody means to spend. It is not computed.
    #[error("the hash asks for {memory_kib} KiB and {iterations} iterations, more than is ever spent")]
    TooCostly {
        /// The memory it asks for.
        memory_kib: u32,
        /// How often it asks to go over that memory.
        iterations: u32,
    },
    /// argon2 is not defined for this cost.
    #[error("argon2 is not defined for this cost: {0}")]
    BadCost(&'static str),
    /// The memory that the cost asks for could not be had, or no thread could be started.
    #[error("no memory or no thread to compute the hash with")]
    NoResources,
    /// No randomness could be had for a salt or a key.
    #[error("the source of randomness failed")]
    Entropy,
}

impl From<EntropyFailed> for Argon2Error {
    fn from(_: EntropyFailed) -> Self {
        Self::Entropy
    }
}
