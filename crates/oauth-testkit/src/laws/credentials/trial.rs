//! The words in which the laws are written.

use std::sync::Arc;

use oauth_core::{Change, CommitError, Credential, Key, State, Timestamp};

use super::Erased;
use crate::conformance::{Broken, Verdict};

/// One law put to one store.
#[derive(Clone)]
pub(super) struct Trial {
    law: &'static str,
    store: Erased,
}

impl Trial {
    pub(super) fn of(law: &'static str, store: &Erased) -> Self {
        let store = Arc::clone(store);
        Self { law, store }
    }

    pub(super) fn broken(&self, what: impl Into<String>) -> Broken {
        Broken::new(self.law, what)
    }

    /// Breaks the law with `what` unless it `holds`.
    pub(super) fn ensure(&self, holds: bool, what: impl FnOnce() -> String) -> Verdict {
        if holds { Ok(()) } else { Err(self.broken(what())) }
    }

    /// Whether the commit took effect; a failing store is a broken law.
    pub(super) async fn commits(&self, what: &str, changes: &[Change]) -> Result<Outcome, Broken> {
        match self.store.commit(changes).await {
            Ok(()) => Ok(Outcome::Made),
            Err(CommitError::Conflict) => Ok(Outcome::Conflict),
            Err(CommitError::Store(error)) => Err(self.broken(format!("{what}: the store failed: {error}"))),
        }
    }

    pub(super) async fn accepts(&self, what: &str, changes: &[Change]) -> Verdict {
        let outcome = self.commits(what, changes).await?;
        self.ensure(outcome == Outcome::Made, || {
            format!("{what} was refused as a conflict, and should not be")
        })
    }

    pub(super) async fn refuses(&self, what: &str, changes: &[Change]) -> Verdict {
        let outcome = self.commits(what, changes).await?;
        self.ensure(outcome == Outcome::Conflict, || {
            format!("{what} was accepted, and should be a conflict")
        })
    }

    pub(super) async fn find(&self, what: &str, key: &Key) -> Result<Option<Credential>, Broken> {
        let found = self.store.find(key).await;
        found.map_err(|error| self.broken(format!("{what}: the store failed to find {key:?}: {error}")))
    }

    pub(super) async fn finds(&self, what: &str, expected: &Credential) -> Verdict {
        let found = self.find(what, &expected.key).await?;
        self.ensure(found.as_ref() == Some(expected), || {
            format!("{what}: {}", difference(expected, found.as_ref()))
        })
    }

    pub(super) async fn finds_nothing(&self, what: &str, key: &Key) -> Verdict {
        let found = self.find(what, key).await?;
        self.ensure(found.is_none(), || {
            format!("{what}: {key:?} is there, and should not be")
        })
    }

    pub(super) async fn finds_in(&self, state: State, what: &str, key: &Key) -> Verdict {
        let found = self.find(what, key).await?.map(|credential| credential.state);
        self.ensure(found == Some(state), || {
            format!("{what}: {key:?} should be {state:?} and is {}", shown(found))
        })
    }

    pub(super) async fn sweeps(&self, before: Timestamp, limit: usize) -> Result<usize, Broken> {
        let swept = self.store.sweep(before, limit).await;
        swept.map_err(|error| self.broken(format!("sweeping failed: {error}")))
    }
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Made,
    Conflict,
}

fn shown(state: Option<State>) -> String {
    state.map_or_else(|| "not there".to_owned(), |state| format!("{state:?}"))
}

/// The first field in which what was found differs from what was expected.
pub(crate) fn difference(expected: &Credential, found: Option<&Credential>) -> String {
    let Some(found) = found else {
        return format!("{:?} is not there", expected.key);
    };
    let fields = [
        ("key", expected.key == found.key),
        ("authorization", expected.authorization == found.authorization),
        ("client", expected.client == found.client),
        ("subject", expected.subject == found.subject),
        ("scope", expected.scope == found.scope),
        ("expires_at", expected.expires_at == found.expires_at),
        ("state", expected.state == found.state),
        ("revision", expected.revision == found.revision),
        ("data", expected.data == found.data),
    ];
    let differing: Vec<&str> = fields
        .iter()
        .filter(|(_, equal)| !equal)
        .map(|(name, _)| *name)
        .collect();
    format!(
        "differs in {}: expected {expected:?}, found {found:?}",
        differing.join(", ")
    )
}

/// Several inserts at once.
pub(super) fn inserts<'a>(credentials: impl IntoIterator<Item = &'a Credential>) -> Vec<Change> {
    credentials.into_iter().cloned().map(Change::Insert).collect()
}
