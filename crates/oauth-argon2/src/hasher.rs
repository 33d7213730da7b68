//! Hashing and checking passwords.

use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;

use oauth_core::{Entropy, Secret, SystemEntropy};

use crate::cost::Cost;
use crate::error::Argon2Error;
use crate::phc::{Recipe, Stored};
use crate::pool::Pool;

/// The longest password, in bytes, that is ever hashed. Longer ones are refused before any work is
/// done for them.
pub const LONGEST_PASSWORD: usize = 4096;

/// How many passwords wait at most, if not said otherwise: at 20 ms each, a few seconds' worth.
const QUEUE: usize = 256;

/// Whether this is a hash that [`Argon2`] should judge: a PHC string of the argon2 family.
///
/// It looks at the name only; whether the rest can be read is told by [`Argon2::verify`].
pub fn is_argon2(hash: &str) -> bool {
    ["$argon2id$", "$argon2i$", "$argon2d$"]
        .iter()
        .any(|prefix| hash.starts_with(prefix))
}

/// argon2id on threads of its own.
///
/// Clones share the threads and the queue. Nothing runs before the first password comes; the
/// threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Argon2 {
    cost: Cost,
    threads: usize,
    queue: usize,
    entropy: Arc<dyn Entropy>,
    pool: Arc<Pool>,
}

impl Argon2 {
    /// argon2id at [`Cost::OWASP`], on half of the cores (at least one), with 256 waiting at most.
    pub fn new() -> Self {
        let threads = available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        Self {
            cost: Cost::OWASP,
            threads,
            queue: QUEUE,
            entropy: Arc::new(SystemEntropy),
            pool: Arc::new(Pool::new(threads, QUEUE)),
        }
    }

    /// The same at a cost of your own. It applies to new hashes; stored ones carry theirs.
    ///
    /// # Errors
    /// [`Argon2Error::BadCost`] and [`Argon2Error::TooCostly`] when there is no such hash.
    pub fn with(cost: Cost) -> Result<Self, Argon2Error> {
        cost.check()?;
        Ok(Self { cost, ..Self::new() })
    }

    /// How many passwords are computed at the same time; at least one. Each takes
    /// [`Cost::memory_kib`] while it is.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        let threads = threads.max(1);
        Self {
            threads,
            pool: Arc::new(Pool::new(threads, self.queue)),
            ..self
        }
    }

    /// How many may wait while all threads are busy. One more is [`Argon2Error::Overloaded`].
    #[must_use]
    pub fn queue(self, queue: usize) -> Self {
        Self {
            queue,
            pool: Arc::new(Pool::new(self.threads, queue)),
            ..self
        }
    }

    /// Where salts come from.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    /// The PHC string to store for a password.
    ///
    /// # Errors
    /// [`Argon2Error::TooLong`], [`Argon2Error::Overloaded`], [`Argon2Error::Entropy`] and
    /// [`Argon2Error::NoResources`].
    pub async fn hash(&self, password: &Secret) -> Result<String, Argon2Error> {
        let recipe = self.recipe(password)?;
        let output = self.pool.run(recipe.clone(), password.clone()).await?;
        recipe.phc(output)
    }

    /// Whether this is the password behind a stored hash of the argon2 family.
    ///
    /// The comparison takes constant time; a password that is too long is simply wrong.
    ///
    /// # Errors
    /// [`Argon2Error::Unreadable`] and [`Argon2Error::TooCostly`] say that the hash is at fault;
    /// [`Argon2Error::Overloaded`] and [`Argon2Error::NoResources`] that the answer is not known.
    pub async fn verify(&self, presented: &Secret, phc: &str) -> Result<bool, Argon2Error> {
        let stored = Stored::parse(phc)?;
        if is_too_long(presented) {
            return Ok(false);
        }
        Ok(self.pool.run(stored.recipe, presented.clone()).await? == stored.output)
    }

    /// Whether this is the password of somebody who may not exist: `None` is nobody, and takes as long.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_if_any(&self, presented: &Secret, phc: Option<&str>) -> Result<bool, Argon2Error> {
        match phc {
            Some(phc) => self.verify(presented, phc).await,
            None => self.verify_nothing(presented).await.map(|()| false),
        }
    }

    /// Takes as long as [`verify`](Self::verify) takes for a hash of this cost.
    ///
    /// For users and clients that do not exist: if they were answered at once, anybody could find
    /// out with a clock who does.
    ///
    /// # Errors
    /// [`Argon2Error::Overloaded`] and [`Argon2Error::NoResources`], as they would be for somebody who exists.
    pub async fn verify_nothing(&self, presented: &Secret) -> Result<(), Argon2Error> {
        if is_too_long(presented) {
            return Ok(());
        }
        self.pool
            .run(Recipe::of_nothing(self.cost)?, presented.clone())
            .await
            .map(|_| ())
    }

    /// Whether a stored hash can be computed at all, told without computing it: for configuration that is checked
    /// before anybody signs in.
    ///
    /// # Errors
    /// [`Argon2Error::Unreadable`] and [`Argon2Error::TooCostly`].
    pub fn check(phc: &str) -> Result<(), Argon2Error> {
        Stored::parse(phc).map(|_| ())
    }

    /// Whether a stored hash was made otherwise than new ones are: another cost, another variant,
    /// or not to be read at all. Then hash the password anew the next time it proves right.
    pub fn needs_rehash(&self, phc: &str) -> bool {
        !Stored::parse(phc).is_ok_and(|stored| stored.recipe.is_current(self.cost))
    }

    /// [`hash`](Self::hash) on the calling thread, for command lines and tests.
    ///
    /// # Errors
    /// As [`hash`](Self::hash), but never [`Argon2Error::Overloaded`].
    pub fn hash_blocking(&self, password: &Secret) -> Result<String, Argon2Error> {
        let recipe = self.recipe(password)?;
        let output = recipe.run(password)?;
        recipe.phc(output)
    }

    /// [`verify`](Self::verify) on the calling thread, for command lines and tests.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but never [`Argon2Error::Overloaded`].
    pub fn verify_blocking(&self, presented: &Secret, phc: &str) -> Result<bool, Argon2Error> {
        let stored = Stored::parse(phc)?;
        Ok(!is_too_long(presented) && stored.recipe.run(presented)? == stored.output)
    }

    pub(crate) fn source(&self) -> &dyn Entropy {
        &*self.entropy
    }

    fn recipe(&self, password: &Secret) -> Result<Recipe, Argon2Error> {
        if is_too_long(password) {
            return Err(Argon2Error::TooLong);
        }
        Recipe::fresh(self.cost, &*self.entropy)
    }
}

impl Default for Argon2 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Argon2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2")
            .field("cost", &self.cost)
            .field("threads", &self.threads)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

pub(crate) fn is_too_long(password: &Secret) -> bool {
    password.expose().len() > LONGEST_PASSWORD
}

#[cfg(test)]
pub(crate) mod tests {
    use oauth_core::EntropyFailed;

    use super::*;
    use crate::pool::tests::{CHEAP, poll};

    pub(crate) fn cheap() -> Argon2 {
        Argon2::with(CHEAP).unwrap()
    }

    /// No threads, and room for so many.
    pub(crate) fn stuck(queue: usize) -> Argon2 {
        Argon2 {
            pool: Arc::new(Pool::new(0, queue)),
            ..cheap()
        }
    }

    impl Argon2 {
        pub(crate) fn step(&self) {
            self.pool.step();
        }
    }

    fn long() -> Secret {
        Secret::new("a".repeat(LONGEST_PASSWORD + 1))
    }

    #[tokio::test]
    async fn the_right_password_is_right_and_another_is_wrong() {
        let argon2 = cheap();
        let phc = argon2.hash(&Secret::new("pässword 🔑")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
        assert_eq!(argon2.verify(&Secret::new("pässword 🔑"), &phc).await, Ok(true));
        for wrong in ["", "password", "pässword 🔑 ", "Pässword 🔑"] {
            assert_eq!(argon2.verify(&Secret::new(wrong), &phc).await, Ok(false), "{wrong}");
        }
    }

    #[test]
    fn it_works_without_tokio_running() {
        let argon2 = cheap();
        let right = pollster::block_on(async {
            let phc = argon2.hash(&Secret::new("secret")).await?;
            argon2.verify(&Secret::new("secret"), &phc).await
        });
        assert_eq!(right, Ok(true));
    }

    #[test]
    fn blocking_and_async_agree() {
        let argon2 = cheap();
        let phc = argon2.hash_blocking(&Secret::new("secret")).unwrap();
        assert_eq!(
            pollster::block_on(argon2.verify(&Secret::new("secret"), &phc)),
            Ok(true)
        );
        assert_eq!(argon2.verify_blocking(&Secret::new("secret"), &phc), Ok(true));
        assert_eq!(argon2.verify_blocking(&Secret::new("Secret"), &phc), Ok(false));
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        let argon2 = cheap();
        let secret = Secret::new("secret");
        assert_ne!(argon2.hash_blocking(&secret), argon2.hash_blocking(&secret));
    }

    #[test]
    fn the_recommended_cost_is_what_is_stored() {
        let phc = Argon2::new().hash_blocking(&Secret::new("secret")).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    }

    #[tokio::test]
    async fn a_password_that_is_too_long_costs_nothing() {
        let phc = cheap().hash_blocking(&Secret::new("secret")).unwrap();
        // Without room for a single password, each of these would be an overload.
        let argon2 = stuck(0);
        assert_eq!(argon2.hash(&long()).await, Err(Argon2Error::TooLong));
        assert_eq!(argon2.verify(&long(), &phc).await, Ok(false));
        assert_eq!(argon2.verify_blocking(&long(), &phc), Ok(false));
        assert_eq!(argon2.verify_nothing(&long()).await, Ok(()));
        assert_eq!(
            argon2.verify_nothing(&Secret::new("short")).await,
            Err(Argon2Error::Overloaded)
        );
    }

    #[test]
    fn the_longest_password_counts_to_its_last_byte() {
        let argon2 = cheap();
        let longest = "a".repeat(LONGEST_PASSWORD);
        let phc = argon2.hash_blocking(&Secret::new(longest.clone())).unwrap();
        assert_eq!(argon2.verify_blocking(&Secret::new(longest.clone()), &phc), Ok(true));
        assert_eq!(argon2.verify_blocking(&Secret::new(&longest[1..]), &phc), Ok(false));
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let phc = cheap().hash_blocking(&Secret::new("secret")).unwrap();
        let argon2 = stuck(1);
        // Both take the one place there is: both are computed, at the same cost.
        let guess = Secret::new("guess");
        let mut nobody = Box::pin(argon2.verify_nothing(&guess));
        assert!(poll(nobody.as_mut()).is_pending());
        assert_eq!(
            argon2.verify(&Secret::new("guess"), &phc).await,
            Err(Argon2Error::Overloaded)
        );
        argon2.step();
        nobody.await.unwrap();
        assert!(Recipe::of_nothing(CHEAP).unwrap().is_current(CHEAP));
    }

    #[tokio::test]
    async fn a_bad_hash_is_an_error_and_not_a_wrong_password() {
        let argon2 = cheap();
        let unreadable = argon2.verify(&Secret::new("secret"), "secret").await;
        assert!(matches!(unreadable, Err(Argon2Error::Unreadable(_))));
        let costly = "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let refused = argon2.verify(&Secret::new("secret"), costly).await;
        assert_eq!(
            refused,
            Err(Argon2Error::TooCostly {
                memory_kib: 4_000_000,
                iterations: 2
            })
        );
    }

    #[test]
    fn a_bad_hash_is_found_without_computing_it() {
        let phc = cheap().hash_blocking(&Secret::new("secret")).unwrap();
        assert_eq!(Argon2::check(&phc), Ok(()));
        assert!(matches!(
            Argon2::check("$argon2id$garbage"),
            Err(Argon2Error::Unreadable(_))
        ));
        let costly = "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(matches!(Argon2::check(costly), Err(Argon2Error::TooCostly { .. })));
    }

    #[test]
    fn a_hash_made_otherwise_wants_to_be_made_anew() {
        let argon2 = cheap();
        let phc = argon2.hash_blocking(&Secret::new("secret")).unwrap();
        assert!(!argon2.needs_rehash(&phc));
        assert!(Argon2::new().needs_rehash(&phc));
        assert!(argon2.needs_rehash(&phc.replace("$argon2id$", "$argon2i$")));
        assert!(argon2.needs_rehash(&phc.replace("$v=19$", "$v=16$")));
        assert!(argon2.needs_rehash("garbage"));
    }

    #[test]
    fn only_the_argon2_family_is_recognized() {
        assert!(is_argon2("$argon2id$v=19$m=8,t=1,p=1$x$y"));
        assert!(is_argon2("$argon2i$m=8"));
        assert!(is_argon2("$argon2d$"));
        for other in ["", "argon2id", "$argon2$", "$argon2idx$", "$2b$12$x", "sha256:abc"] {
            assert!(!is_argon2(other), "{other}");
        }
    }

    #[test]
    fn without_randomness_there_is_no_hash() {
        struct Dry;
        impl Entropy for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), EntropyFailed> {
                Err(EntropyFailed)
            }
        }
        let argon2 = cheap().entropy(Arc::new(Dry));
        assert_eq!(argon2.hash_blocking(&Secret::new("secret")), Err(Argon2Error::Entropy));
        assert_eq!(crate::Remembered::new(argon2).err(), Some(Argon2Error::Entropy));
    }
}
