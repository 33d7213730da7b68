//! What the laws for stores do not say: files, failures, crashes, other processes.

#![expect(clippy::unwrap_used, reason = "what the tests share fails as they do")]

mod conformance;
#[cfg(unix)]
mod crash;
mod damage;
mod opening;
mod sample;
mod serving;
mod sharing;
