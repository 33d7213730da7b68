//! Right secrets, remembered for as long as the process runs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use oauth_core::{Secret, SecretVerifier, VerifierBusy};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::error::Argon2Error;
use crate::hasher::{Argon2, is_argon2, is_too_long};

/// How many pairs are remembered at most, if not said otherwise.
const CAPACITY: usize = 10_000;

/// An [`Argon2`] that pays for a right secret once.
///
/// A client authenticates with every token request. Its first right secret costs what argon2
/// costs; after that, the same secret against the same stored hash costs microseconds. Requests
/// that bring the same secret while it is being computed wait for that one computation.
///
/// What is kept is an HMAC-SHA-256 of the pair (stored hash, presented secret) under a random key
/// that never leaves the process, and only of pairs that proved right: a wrong secret costs in
/// full every time, and a new stored hash makes a new pair, so that nothing has to be forgotten
/// when a secret changes. Somebody who can read the memory of the process could try guesses
/// against the tags faster than against argon2; so use it for client secrets, which come by the
/// thousand and are long, and [`Argon2`] itself for people's passwords, which come rarely.
#[derive(Clone)]
pub struct Remembered {
    argon2: Argon2,
    shared: Arc<Shared>,
}

struct Shared {
    keyed: Hmac<Sha256>,
    state: Mutex<State>,
}

type Tag = [u8; 32];

struct State {
    known: Known,
    /// Pairs being computed, each with the number of those who wait for it.
    under_way: HashMap<Tag, (Arc<OnceCell<bool>>, usize)>,
}

/// A bounded set that forgets by halves: what was not asked for during the time it took to learn
/// half a capacity of others is gone.
struct Known {
    half: usize,
    young: HashSet<Tag>,
    old: HashSet<Tag>,
}

impl Remembered {
    /// Remembers up to 10 000 right secrets.
    ///
    /// # Errors
    /// [`Argon2Error::Entropy`] when no randomness can be had for the key.
    pub fn new(argon2: Argon2) -> Result<Self, Argon2Error> {
        Self::with_capacity(argon2, CAPACITY)
    }

    /// Remembers up to `capacity` right secrets, and at least two.
    ///
    /// # Errors
    /// [`Argon2Error::Entropy`] when no randomness can be had for the key.
    pub fn with_capacity(argon2: Argon2, capacity: usize) -> Result<Self, Argon2Error> {
        let mut key = [0u8; 64];
        argon2.source().fill(&mut key)?;
        let state = State {
            known: Known {
                half: (capacity / 2).max(1),
                young: HashSet::new(),
                old: HashSet::new(),
            },
            under_way: HashMap::new(),
        };
        let shared = Shared {
            keyed: Hmac::new(&key.into()),
            state: Mutex::new(state),
        };
        Ok(Self {
            argon2,
            shared: Arc::new(shared),
        })
    }

    /// The hasher that is asked for what is not known yet.
    pub fn argon2(&self) -> &Argon2 {
        &self.argon2
    }

    /// Whether this is the secret behind a stored hash; as [`Argon2::verify`], and quick for what
    /// has proved right before.
    ///
    /// # Errors
    /// Those of [`Argon2::verify`].
    pub async fn verify(&self, presented: &Secret, phc: &str) -> Result<bool, Argon2Error> {
        if is_too_long(presented) {
            return self.argon2.verify(presented, phc).await;
        }
        let tag = self.shared.tag(presented, phc);
        let Some(turn) = self.shared.turn(tag) else {
            return Ok(true);
        };
        // If whoever computes goes away or fails, the next of those who wait takes over.
        let is_right = *turn.cell.get_or_try_init(|| self.argon2.verify(presented, phc)).await?;
        if is_right {
            self.shared.lock().known.insert(tag);
        }
        Ok(is_right)
    }

    /// As [`Argon2::verify_nothing`].
    ///
    /// # Errors
    /// Those of [`Argon2::verify_nothing`].
    pub async fn verify_nothing(&self, presented: &Secret) -> Result<(), Argon2Error> {
        self.argon2.verify_nothing(presented).await
    }
}

/// For `Builder::secret_verifier`: chosen client secrets.
#[async_trait]
impl SecretVerifier for Remembered {
    fn recognizes(&self, hash: &str) -> bool {
        is_argon2(hash)
    }

    async fn verify(&self, presented: &Secret, hash: &str) -> Result<bool, VerifierBusy> {
        match Remembered::verify(self, presented, hash).await {
            Ok(is_right) => Ok(is_right),
            // A stored hash that cannot be computed proves nothing, whatever is presented.
            Err(Argon2Error::Unreadable(_) | Argon2Error::TooCostly { .. } | Argon2Error::TooLong) => Ok(false),
            Err(_) => Err(VerifierBusy),
        }
    }

    async fn pretend(&self, presented: &Secret) -> Result<(), VerifierBusy> {
        match self.verify_nothing(presented).await {
            Ok(()) | Err(Argon2Error::TooLong) => Ok(()),
            Err(_) => Err(VerifierBusy),
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("argon2", &self.argon2)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn tag(&self, presented: &Secret, phc: &str) -> Tag {
        let mut mac = self.keyed.clone();
        // The length keeps ("ab", "c") apart from ("a", "bc").
        mac.update(&(phc.len() as u64).to_be_bytes());
        mac.update(phc.as_bytes());
        mac.update(presented.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A place among those who wait for this pair, or nothing if it is known to be right.
    fn turn(&self, tag: Tag) -> Option<Turn<'_>> {
        let mut state = self.lock();
        if state.known.contains(&tag) {
            return None;
        }
        let (cell, waiting) = state.under_way.entry(tag).or_default();
        *waiting += 1;
        Some(Turn {
            shared: self,
            tag,
            cell: Arc::clone(cell),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for a pair to be computed. The last to leave, also by being cancelled, clears up.
struct Turn<'a> {
    shared: &'a Shared,
    tag: Tag,
    cell: Arc<OnceCell<bool>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some((_, waiting)) = state.under_way.get_mut(&self.tag) {
            *waiting -= 1;
            if *waiting == 0 {
                state.under_way.remove(&self.tag);
            }
        }
    }
}

impl Known {
    fn contains(&mut self, tag: &Tag) -> bool {
        if self.young.contains(tag) {
            return true;
        }
        let is_old = self.old.remove(tag);
        if is_old {
            self.insert(*tag);
        }
        is_old
    }

    fn insert(&mut self, tag: Tag) {
        if self.young.contains(&tag) {
            return;
        }
        if self.young.len() >= self.half {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::{cheap, stuck};
    use crate::pool::tests::poll;

    fn secret() -> Secret {
        Secret::new("a-long-random-secret")
    }

    /// The same memory, but a hasher that has no room: whatever needs computing is an overload.
    fn exhausted(remembered: &Remembered) -> Remembered {
        Remembered {
            argon2: stuck(0),
            shared: Arc::clone(&remembered.shared),
        }
    }

    #[tokio::test]
    async fn a_right_secret_is_computed_once() {
        let argon2 = cheap();
        let phc = argon2.hash_blocking(&secret()).unwrap();
        let remembered = Remembered::new(argon2).unwrap();
        assert_eq!(
            exhausted(&remembered).verify(&secret(), &phc).await,
            Err(Argon2Error::Overloaded)
        );
        assert_eq!(remembered.verify(&secret(), &phc).await, Ok(true));
        assert_eq!(exhausted(&remembered).verify(&secret(), &phc).await, Ok(true));
    }

    #[tokio::test]
    async fn a_wrong_secret_costs_in_full_every_time() {
        let argon2 = cheap();
        let phc = argon2.hash_blocking(&secret()).unwrap();
        let remembered = Remembered::new(argon2).unwrap();
        assert_eq!(remembered.verify(&secret(), &phc).await, Ok(true));
        let wrong = Secret::new("guess");
        assert_eq!(remembered.verify(&wrong, &phc).await, Ok(false));
        assert_eq!(
            exhausted(&remembered).verify(&wrong, &phc).await,
            Err(Argon2Error::Overloaded)
        );
    }

    #[tokio::test]
    async fn a_changed_hash_forgets_the_old_secret() {
        let argon2 = cheap();
        let (old, new) = (secret(), Secret::new("rotated"));
        let phc = argon2.hash_blocking(&old).unwrap();
        let rotated = argon2.hash_blocking(&new).unwrap();
        let remembered = Remembered::new(argon2).unwrap();
        assert_eq!(remembered.verify(&old, &phc).await, Ok(true));
        assert_eq!(remembered.verify(&old, &rotated).await, Ok(false));
        assert_eq!(remembered.verify(&new, &rotated).await, Ok(true));
    }

    #[tokio::test]
    async fn a_boundary_moved_between_hash_and_secret_is_another_pair() {
        let remembered = Remembered::new(cheap()).unwrap();
        let tag = |presented: &str, phc| remembered.shared.tag(&Secret::new(presented), phc);
        assert_ne!(tag("bc", "a"), tag("c", "ab"));
        let other = Remembered::new(cheap()).unwrap();
        assert_ne!(
            tag("c", "ab"),
            other.shared.tag(&Secret::new("c"), "ab"),
            "the key is the process's own"
        );
    }

    #[tokio::test]
    async fn those_who_bring_the_same_pair_wait_for_one_computation() {
        let phc = cheap().hash_blocking(&secret()).unwrap();
        let argon2 = stuck(1);
        let remembered = Remembered::new(argon2.clone()).unwrap();
        let (one, other) = (secret(), Secret::new("guess"));
        let mut first = Box::pin(remembered.verify(&one, &phc));
        let mut second = Box::pin(remembered.verify(&one, &phc));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(remembered.verify(&other, &phc).await, Err(Argon2Error::Overloaded));
        argon2.step();
        assert_eq!(first.await, Ok(true));
        assert_eq!(second.await, Ok(true));
        assert!(remembered.shared.lock().under_way.is_empty());
    }

    #[tokio::test]
    async fn when_the_first_is_cancelled_the_next_takes_over() {
        let phc = cheap().hash_blocking(&secret()).unwrap();
        let argon2 = stuck(1);
        let remembered = Remembered::new(argon2.clone()).unwrap();
        let one = secret();
        let mut first = Box::pin(remembered.verify(&one, &phc));
        let mut second = Box::pin(remembered.verify(&one, &phc));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        drop(first);
        assert!(poll(second.as_mut()).is_pending());
        argon2.step();
        assert_eq!(second.await, Ok(true));
        assert!(remembered.shared.lock().under_way.is_empty());
    }

    #[test]
    fn no_more_is_kept_than_the_capacity_and_what_is_used_stays() {
        let mut known = Known {
            half: 4,
            young: HashSet::new(),
            old: HashSet::new(),
        };
        let used = [255; 32];
        known.insert(used);
        for n in 0..200 {
            known.insert([n; 32]);
            assert!(known.contains(&used), "after {n}");
            assert!(known.young.len() + known.old.len() <= 8);
        }
        assert!(!known.contains(&[0; 32]));
        assert!(known.contains(&[199; 32]));
    }

    #[tokio::test]
    async fn a_secret_that_is_too_long_is_wrong_without_being_looked_at() {
        let phc = cheap().hash_blocking(&secret()).unwrap();
        let remembered = Remembered::new(stuck(0)).unwrap();
        assert_eq!(remembered.verify(&Secret::new("a".repeat(5000)), &phc).await, Ok(false));
    }

    #[tokio::test]
    async fn nothing_secret_is_shown() {
        let shown = format!("{:?}", Remembered::new(cheap()).unwrap());
        assert!(
            shown.starts_with("Remembered { argon2: Argon2 { cost: Cost {"),
            "{shown}"
        );
        assert!(!shown.contains("keyed"), "{shown}");
    }

    #[tokio::test]
    async fn the_engine_is_told_right_wrong_or_busy() {
        let argon2 = cheap();
        let phc = argon2.hash_blocking(&secret()).unwrap();
        let remembered = Remembered::new(argon2).unwrap();
        let verifier: &dyn SecretVerifier = &remembered;
        assert!(verifier.recognizes(&phc));
        assert_eq!(verifier.verify(&Secret::new("guess"), &phc).await, Ok(false));
        let busy = exhausted(&remembered);
        let verifier: &dyn SecretVerifier = &busy;
        assert_eq!(verifier.verify(&secret(), &phc).await, Err(VerifierBusy));
        let verifier: &dyn SecretVerifier = &remembered;
        assert_eq!(verifier.verify(&secret(), &phc).await, Ok(true));
    }

    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_computed_proves_nothing() {
        let remembered = Remembered::new(cheap()).unwrap();
        let verifier: &dyn SecretVerifier = &remembered;
        let costly = "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for hash in ["$argon2id$garbage", costly] {
            assert!(verifier.recognizes(hash));
            assert_eq!(verifier.verify(&secret(), hash).await, Ok(false), "{hash}");
        }
    }
}
