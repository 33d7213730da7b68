//! How long a test waits for the program, and how long something took.

use std::time::{Duration, Instant};

/// A moment by which something has to have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    began: Instant,
    patience: Duration,
}

impl Deadline {
    /// That many seconds from now.
    #[expect(clippy::disallowed_methods, reason = "the program under test runs in real time")]
    pub(crate) fn in_seconds(seconds: u64) -> Self {
        Self {
            began: Instant::now(),
            patience: Duration::from_secs(seconds),
        }
    }

    /// How much of it is over.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How much of it is left; zero when it is over.
    pub(crate) fn left(&self) -> Duration {
        self.patience.saturating_sub(self.elapsed())
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}
