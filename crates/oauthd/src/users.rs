//! People who can sign in: those of the configuration laid over those of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oauth_server::argon2::{Argon2, Argon2Error};
use oauth_server::{Clock, Secret, StoreError, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backend::Backend;
use crate::config::{ConfiguredUser, Password};
use crate::registry::{Origin, all_documents};
use crate::web::{People, SignInFailed};

/// The collection of the store in which people are kept, by username.
pub const USERS: &str = "users";

/// A person who can sign in.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// The name to sign in with, and the `sub` of tokens.
    pub username: String,
    /// The PHC string of the password.
    pub password_hash: String,
    /// Facts about the person.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Whether the person may not sign in, and no token of theirs is honoured.
    #[serde(default)]
    pub disabled: bool,
    /// When the person was added.
    pub created_at: Timestamp,
}

impl User {
    fn configured(user: &ConfiguredUser, password_hash: String, clock: &dyn Clock) -> Self {
        Self {
            username: user.username.clone(),
            password_hash,
            claims: user.claims.clone(),
            disabled: user.disabled,
            created_at: clock.now(),
        }
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({:?})", self.username)
    }
}

/// Everybody who can sign in. Cheap to clone.
#[derive(Clone)]
pub struct Users {
    configured: Arc<BTreeMap<String, User>>,
    backend: Arc<dyn Backend>,
    argon2: Argon2,
}

impl Users {
    /// Lays the people of the configuration over those of a store. Passwords in plain text are hashed here, which takes
    /// some 20 ms for each: what is kept in memory is what would be kept in a store.
    ///
    /// # Errors
    /// [`Argon2Error`] when a password cannot be hashed.
    pub fn new(
        configured: &[ConfiguredUser],
        backend: Arc<dyn Backend>,
        argon2: Argon2,
        clock: &dyn Clock,
    ) -> Result<Self, Argon2Error> {
        let people = configured.iter().map(|user| {
            let password_hash = match &user.password {
                Password::Plain(password) => argon2.hash_blocking(password)?,
                Password::Hashed(hash) => hash.clone(),
            };
            Ok(User::configured(user, password_hash, clock))
        });
        let people = people.collect::<Result<Vec<_>, Argon2Error>>()?;
        Ok(Self::of(people, backend, argon2))
    }

    /// The same for administration, where nobody signs in: no password of the configuration is hashed.
    pub fn by_name(
        configured: &[ConfiguredUser],
        backend: Arc<dyn Backend>,
        argon2: Argon2,
        clock: &dyn Clock,
    ) -> Self {
        let people = configured
            .iter()
            .map(|user| User::configured(user, String::new(), clock));
        Self::of(people.collect(), backend, argon2)
    }

    fn of(configured: Vec<User>, backend: Arc<dyn Backend>, argon2: Argon2) -> Self {
        let configured = configured
            .into_iter()
            .map(|user| (user.username.clone(), user))
            .collect();
        Self {
            configured: Arc::new(configured),
            backend,
            argon2,
        }
    }

    /// Whether that person is one of the configuration.
    pub fn is_configured(&self, username: &str) -> bool {
        self.configured.contains_key(username)
    }

    /// The person of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        if let Some(user) = self.configured.get(username) {
            return Ok(Some(user.clone()));
        }
        match self.backend.read(USERS, username).await? {
            Some(document) => Ok(Some(document.body.read()?)),
            None => Ok(None),
        }
    }

    /// Everybody, in the order of their names. Somebody of the store whom the configuration hides is left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn all(&self) -> Result<Vec<(User, Origin)>, StoreError> {
        let mut all: Vec<(User, Origin)> = self
            .configured
            .values()
            .map(|user| (user.clone(), Origin::Configuration))
            .collect();
        for document in all_documents(&*self.backend, USERS).await? {
            if !self.is_configured(&document.id) {
                all.push((document.body.read()?, Origin::Store));
            }
        }
        all.sort_by(|(a, _), (b, _)| a.username.cmp(&b.username));
        Ok(all)
    }
}

#[async_trait]
impl People for Users {
    async fn sign_in(&self, username: &str, password: &Secret) -> Result<Option<Subject>, SignInFailed> {
        let verdict = match self.user(username).await? {
            // A disabled person's password is checked all the same, so that it takes as long.
            Some(user) => match self.argon2.verify(password, &user.password_hash).await {
                Ok(is_right) => Ok((is_right && !user.disabled).then(|| Subject::new(user.username))),
                Err(error @ (Argon2Error::Unreadable(_) | Argon2Error::TooCostly { .. })) => {
                    tracing::error!(%error, "the password hash of a user cannot be used");
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            None => self.argon2.verify_nothing(password).await.map(|()| None),
        };
        verdict.map_err(|_| SignInFailed::Busy)
    }

    async fn is_active(&self, subject: &Subject) -> Result<bool, StoreError> {
        // Asked for every token that is presented, so nothing is copied for those of the configuration.
        if let Some(user) = self.configured.get(subject.as_str()) {
            return Ok(!user.disabled);
        }
        Ok(self.user(subject.as_str()).await?.is_some_and(|user| !user.disabled))
    }
}
