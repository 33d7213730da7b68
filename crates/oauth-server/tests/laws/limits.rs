//! A limit on guesses, small enough to be reached in a test.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{Admission, Attempt, AttemptLimit, Verdict};

type Counted = BTreeMap<(&'static str, String, Option<IpAddr>), usize>;

/// Three failures of each name and address, and then a minute's wait.
#[derive(Clone, Default)]
pub(crate) struct Three(Arc<Mutex<Counted>>);

impl Three {
    /// How many attempts have failed.
    pub(crate) fn failures(&self) -> usize {
        self.0.lock().unwrap().values().sum()
    }

    /// The names that attempts were counted under.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().map(|(_, name, _)| name.clone()).collect()
    }

    /// What was guessed at, rightly or wrongly.
    pub(crate) fn guessed(&self) -> BTreeSet<&'static str> {
        self.0.lock().unwrap().keys().map(|(what, ..)| *what).collect()
    }
}

#[async_trait]
impl AttemptLimit for Three {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<Admission, Duration> {
        let key = (attempt.what, attempt.name.to_owned(), attempt.address);
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(key.clone()).or_default();
        if *count == 3 {
            return Err(Duration::from_millis(59_001));
        }
        *count += 1;
        let counts = Arc::clone(&self.0);
        Ok(Admission::new(move |verdict| {
            if verdict == Verdict::Succeeded {
                *counts.lock().unwrap().entry(key).or_default() -= 1;
            }
        }))
    }
}
