//! A clock that stands still until it is told to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oauth_core::{Clock, Timestamp};

/// A clock that a test sets and advances. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows that point in time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_millis())))
    }

    /// Sets every clone to that point in time, later or earlier.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves every clone forward and says what it then shows.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let step = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let later = |now: u64| now.saturating_add(step).min(Timestamp::MAX.as_millis());
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(later(now)));
        Timestamp::from_millis(later(before.unwrap_or_else(|now| now)))
    }
}

impl Default for ManualClock {
    /// A clock in the year 2027, far from both ends of what stores can keep.
    fn default() -> Self {
        Self::at(Timestamp::from_secs(1_800_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shows_the_same_time() {
        let clock = ManualClock::default();
        let other = clock.clone();
        let later = clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now(), later);
        assert_eq!(later, Timestamp::from_millis(1_800_000_001_500));
        other.set(Timestamp::from_secs(1));
        assert_eq!(clock.now(), Timestamp::from_secs(1));
    }

    #[test]
    fn the_end_of_time_is_never_passed() {
        let clock = ManualClock::at(Timestamp::MAX);
        assert_eq!(clock.advance(Duration::MAX), Timestamp::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
