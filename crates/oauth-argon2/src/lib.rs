//! argon2id off the async threads, with bounded concurrency.
//!
//! Checking a password with argon2id takes about 20 ms of a core and 19 MiB of memory, on purpose.
//! Done on an async thread it stalls every other request; done without a bound it lets whoever
//! sends many wrong passwords use up the machine. [`Argon2`] has threads of its own, as many as it
//! is given, and a queue that ends: when it is full the answer is [`Argon2Error::Overloaded`], at
//! once. It needs no particular async runtime.
//!
//! ```
//! # async fn example() -> Result<(), oauth_argon2::Argon2Error> {
//! use oauth_argon2::Argon2;
//! use oauth_core::Secret;
//!
//! let argon2 = Argon2::new();
//! let stored = argon2.hash(&Secret::new("correct horse battery staple")).await?;
//! assert!(argon2.verify(&Secret::new("correct horse battery staple"), &stored).await?);
//! assert!(!argon2.verify(&Secret::new("Tr0ub4dor&3"), &stored).await?);
//! # Ok(()) }
//! ```
//!
//! A client shows its secret with every token request, so its check is worth remembering:
//! [`Remembered`] pays for a right secret once per process.

mod cost;
mod error;
mod hasher;
mod phc;
mod pool;
mod remembered;

pub use cost::Cost;
pub use error::Argon2Error;
pub use hasher::{Argon2, LONGEST_PASSWORD, is_argon2};
pub use remembered::Remembered;
