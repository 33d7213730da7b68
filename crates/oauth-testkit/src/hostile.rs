//! Stores that fail at a chosen call, or lose a race on purpose.

mod flaky;
mod rival;

pub use flaky::{Flaky, Moment};
pub use rival::Rival;
