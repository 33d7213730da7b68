//! Chance, and where it comes from.

use rand::Rng;

/// Where secrets come from. Tests put a seeded source here.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `dest` with unpredictable bytes.
    ///
    /// # Errors
    /// [`EntropyFailed`] when no randomness can be had; the request then ends with
    /// `server_error`, never with a guessable secret.
    fn fill(&self, dest: &mut [u8]) -> Result<(), EntropyFailed>;
}

/// No randomness could be had.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct EntropyFailed;

/// A cryptographically secure generator per thread, seeded and re-seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that draws from the system's generator"
    )]
    fn fill(&self, dest: &mut [u8]) -> Result<(), EntropyFailed> {
        rand::rng().fill_bytes(dest);
        Ok(())
    }
}
