//! Chance that repeats itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oauth_core::{Entropy, EntropyFailed};

/// Randomness that is the same at every run with the same seed, and never the same twice within one. For
/// tests only: who knows the seed knows every secret. Clones draw from the same sequence.
#[derive(Clone, Debug)]
pub struct SeededEntropy(Arc<AtomicU64>);

/// The step of SplitMix64: odd, so that the counter visits every value once.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl SeededEntropy {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(mixed(seed))))
    }

    fn next(&self) -> u64 {
        mixed(self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP))
    }
}

/// The output function of SplitMix64: a bijection, so distinct counters give distinct words.
const fn mixed(counter: u64) -> u64 {
    let z = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Entropy for SeededEntropy {
    fn fill(&self, dest: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in dest.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Randomness that cannot be had: what a server does then is worth a test.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyFailed> {
        Err(EntropyFailed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oauth_core::Secret;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_secrets_and_another_seed_gives_others() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            (0..100)
                .map(|_| Secret::generate(&entropy).unwrap().into_exposed())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        let all: HashSet<String> = draw(7).into_iter().chain(draw(8)).collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn an_odd_length_is_filled_to_its_end() {
        let mut bytes = [0u8; 13];
        SeededEntropy::new(1).fill(&mut bytes).unwrap();
        assert_ne!(bytes[8..], [0u8; 5]);
    }
}
