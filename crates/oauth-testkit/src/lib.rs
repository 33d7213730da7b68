//! Laws for stores and servers: conformance suites, manual clock, seeded entropy, hostile stores.
//!
//! # A store of your own
//! One line makes one `#[test]` for each of the laws that grants rely on, each on a fresh and empty store:
//!
//! ```text
//! oauth_testkit::store_conformance!(mine: || async { MyStore::open().await.unwrap() });
//! ```
//!
//! [`index_conformance!`], [`documents_conformance!`] and [`client_conformance!`] do the same for the optional
//! traits. A store that needs something torn down after a test comes [`Guarded`].
//!
//! # A server
//! [`ManualClock`] and [`SeededEntropy`] take the place of time and chance; [`Flaky`] and [`Rival`] stand between
//! the server and its store, fail at a chosen call and lose races on purpose; [`cancel_at_every_poll`] hangs up
//! on it in the middle. [`Lab`] is a whole server with clients of every sort, [`http`] the requests that a test writes
//! and the answers that it reads, [`Watched`] the memory of what the store was asked.

mod clock;
mod conformance;
mod entropy;
mod guarded;
mod hostile;
pub mod http;
pub mod lab;
pub mod laws;
pub mod parallel;
mod polling;
pub mod sample;
mod watched;

pub use clock::ManualClock;
pub use conformance::{Broken, Verdict, judge};
pub use entropy::{NoEntropy, SeededEntropy};
pub use guarded::Guarded;
pub use hostile::{Flaky, Hesitant, Moment, Rival};
pub use lab::Lab;
pub use polling::{block_on, cancel_at_every_poll, cancelled_after, interleaved, racing, yield_once};
pub use watched::Watched;
