//! Stores that fail at a chosen call, lose a race on purpose, or take their time.

mod flaky;
mod hesitant;
mod rival;

pub use flaky::{Flaky, Moment};
pub use hesitant::Hesitant;
pub use rival::Rival;
