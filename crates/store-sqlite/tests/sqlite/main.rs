//! What the laws for stores do not say: files, failures, crashes, other processes.

mod conformance;
#[cfg(unix)]
mod crash;
mod damage;
mod opening;
mod sample;
mod serving;
mod sharing;
