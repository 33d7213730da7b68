//! Looking after clients, users and tokens, on the store that the server uses.
//!
//! It works while the server runs: the server reads clients and users anew for every request. What ends somebody's
//! access writes that first and revokes afterwards, so that nothing is issued in between.

mod clients;
mod tokens;
mod users;

use std::collections::BTreeSet;
use std::sync::Arc;

use oauth_server::argon2::{Argon2, Argon2Error};
use oauth_server::{Change, Clock, CommitError, CredentialIndex, CredentialStore, Entropy, Filter, State, StoreError};

pub use clients::{ClientEntry, NewClient, NewSecret, Registered};
pub use tokens::{TokenEntry, Which};
pub use users::UserEntry;

use crate::config::{Fault, Vocabulary};
use crate::registry::Registry;
use crate::users::Users;

/// Everything that administration needs.
#[derive(Clone)]
pub struct Admin {
    /// All clients, and the store.
    pub registry: Registry,
    /// All users.
    pub users: Users,
    /// What clients can be registered for.
    pub vocabulary: Vocabulary,
    /// Hashes chosen secrets and passwords.
    pub argon2: Argon2,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a command was not carried out. Nothing was changed, unless it says so.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// What the command is about is not there.
    #[error("there is no {noun} `{name}`")]
    Absent {
        /// `client` or `user`.
        noun: &'static str,
        /// Its name.
        name: String,
    },
    /// What is to be added is there already.
    #[error("there is a {noun} `{name}` already")]
    Present {
        /// `client` or `user`.
        noun: &'static str,
        /// Its name.
        name: String,
    },
    /// It is written in the configuration.
    #[error("the {noun} `{name}` is from configuration: change it there")]
    Configured {
        /// `client` or `user`.
        noun: &'static str,
        /// Its name.
        name: String,
    },
    /// A client cannot be registered like that.
    #[error("{}", in_lines(.0))]
    Faulty(Vec<Fault>),
    /// A user cannot be called that, or have that password.
    #[error("{0}")]
    Unfit(String),
    /// A public client has no secret.
    #[error("the client `{0}` is public: it has no secret")]
    NoSecret(String),
    /// There is no such token.
    #[error("no such token: it was not issued here, or has been forgotten since it expired")]
    NoToken,
    /// Somebody else changed the same thing.
    #[error("somebody else changed the {noun} `{name}` at the same moment: look and try again")]
    Raced {
        /// `client` or `user`.
        noun: &'static str,
        /// Its name.
        name: String,
    },
    /// The store failed.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// A secret or password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] Argon2Error),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] oauth_server::EntropyFailed),
}

impl Refusal {
    /// Whether the command itself was wrong, whatever the store holds: a usage error.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Faulty(_) | Self::Unfit(_))
    }
}

fn in_lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("{}: {}", fault.key, fault.message))
        .collect();
    lines.join("\n")
}

/// How many credentials are looked at, and how many authorizations are ended, in one step.
const PAGE: usize = 256;

impl Admin {
    /// Ends every authorization that has a credential of that filter; how many there were.
    async fn end(&self, filter: &Filter) -> Result<usize, Refusal> {
        let mut ended = BTreeSet::new();
        let mut after = None;
        loop {
            let rows = self.registry.select(filter, after.as_ref(), PAGE).await?;
            let fresh: Vec<Change> = rows
                .iter()
                .filter(|row| row.state != State::Revoked && ended.insert(row.authorization))
                .map(|row| Change::RevokeAuthorization(row.authorization))
                .collect();
            if !fresh.is_empty() {
                self.registry.commit(&fresh).await.map_err(unwritten)?;
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(ended.len()),
            }
        }
    }
}

/// A commit that cannot conflict did not take effect.
fn unwritten(error: CommitError) -> Refusal {
    match error {
        CommitError::Store(error) => error.into(),
        conflict @ CommitError::Conflict => StoreError::caused_by("a change was not made", conflict).into(),
    }
}

/// A document was not written.
fn raced(noun: &'static str, name: &str) -> impl Fn(CommitError) -> Refusal {
    move |error| match error {
        CommitError::Conflict => Refusal::Raced {
            noun,
            name: name.to_owned(),
        },
        CommitError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
