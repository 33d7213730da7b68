//! The laws themselves, as functions: what the macros make tests of.
//!
//! Each takes a store that is empty, and says how it broke the law if it did. [`credentials`] has those that
//! every store keeps; the others are for the optional traits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::conformance::Verdict;

pub mod clients;
pub mod credentials;
pub mod documents;
pub mod index;

/// A law with its name, so that all of them can be run one after the other.
pub struct Law<S> {
    name: &'static str,
    judge: Judge<S>,
}

type Judge<S> = for<'a> fn(&'a S) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>;

impl<S> Law<S> {
    #[doc(hidden)]
    pub const fn new(name: &'static str, judge: Judge<S>) -> Self {
        Self { name, judge }
    }

    /// Its name: that of its function and of its test.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Puts the law to an empty store.
    ///
    /// # Errors
    /// [`Broken`](crate::Broken) when the store does not keep it.
    pub async fn judge(&self, store: &S) -> Verdict {
        (self.judge)(store).await
    }
}

impl<S> fmt::Debug for Law<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Law({})", self.name)
    }
}
