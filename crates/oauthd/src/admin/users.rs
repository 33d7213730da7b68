//! Users in the store.

use oauth_server::{CommitError, Document, Documents, Filter, Json, Secret, Subject};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Admin, Refusal, raced};
use crate::config::{check_password, check_username};
use crate::registry::Origin;
use crate::users::{USERS, User};

/// A user in a listing: nothing of the password.
#[derive(Clone, Debug, Serialize)]
pub struct UserEntry {
    /// The name to sign in with.
    pub username: String,
    /// Whether the user may not sign in.
    pub disabled: bool,
    /// Facts about the person.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Where the user is kept.
    pub source: Origin,
}

impl UserEntry {
    /// That user, as a listing shows it.
    pub fn of(user: &User, source: Origin) -> Self {
        Self {
            username: user.username.clone(),
            disabled: user.disabled,
            claims: user.claims.clone(),
            source,
        }
    }
}

impl Admin {
    /// Adds somebody who can sign in.
    ///
    /// # Errors
    /// [`Refusal::Unfit`] for a name or password that cannot be, [`Refusal::Present`] for a name that is taken.
    pub async fn add_user(
        &self,
        username: &str,
        password: &Secret,
        claims: Map<String, Value>,
    ) -> Result<User, Refusal> {
        check_username(username).map_err(|why| Refusal::Unfit(why.to_owned()))?;
        check_password(password).map_err(Refusal::Unfit)?;
        let present = || Refusal::Present {
            noun: "user",
            name: username.to_owned(),
        };
        if self.users.is_configured(username) || self.registry.read(USERS, username).await?.is_some() {
            return Err(present());
        }
        let user = User {
            username: username.to_owned(),
            password_hash: self.argon2.hash(password).await?,
            claims,
            disabled: false,
            created_at: self.clock.now(),
        };
        match self.registry.write(USERS, &document(&user, 0)?).await {
            Ok(()) => Ok(user),
            Err(CommitError::Conflict) => Err(present()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Gives a user another password, and ends everything that was begun with the old one: whoever had that may not
    /// have been the user. How many authorizations and sessions ended.
    ///
    /// # Errors
    /// [`Refusal::Absent`], [`Refusal::Configured`] or [`Refusal::Unfit`].
    pub async fn set_password(&self, username: &str, password: &Secret) -> Result<usize, Refusal> {
        let (user, revision) = self.stored_user(username).await?;
        check_password(password).map_err(Refusal::Unfit)?;
        let password_hash = self.argon2.hash(password).await?;
        self.replace(&User { password_hash, ..user }, revision).await?;
        self.end_everything_of(username).await
    }

    /// Keeps a user out: no sign-in, and every session and token ends. How many authorizations and sessions ended.
    ///
    /// # Errors
    /// [`Refusal::Absent`] or [`Refusal::Configured`].
    pub async fn disable_user(&self, username: &str) -> Result<usize, Refusal> {
        let (user, revision) = self.stored_user(username).await?;
        let disabled = User { disabled: true, ..user };
        self.replace(&disabled, revision).await?;
        self.end_everything_of(username).await
    }

    /// Lets a user in again. What was ended stays ended.
    ///
    /// # Errors
    /// [`Refusal::Absent`] or [`Refusal::Configured`].
    pub async fn enable_user(&self, username: &str) -> Result<(), Refusal> {
        let (user, revision) = self.stored_user(username).await?;
        let enabled = User {
            disabled: false,
            ..user
        };
        self.replace(&enabled, revision).await
    }

    /// Removes a user and ends every session and token. How many authorizations and sessions ended.
    ///
    /// # Errors
    /// [`Refusal::Absent`] or [`Refusal::Configured`].
    pub async fn remove_user(&self, username: &str) -> Result<usize, Refusal> {
        self.stored_user(username).await?;
        self.registry.remove(USERS, username).await?;
        self.end_everything_of(username).await
    }

    async fn end_everything_of(&self, username: &str) -> Result<usize, Refusal> {
        self.end(&Filter::Subject(Subject::from(username))).await
    }

    async fn replace(&self, user: &User, revision: u64) -> Result<(), Refusal> {
        self.registry
            .write(USERS, &document(user, revision)?)
            .await
            .map_err(raced("user", &user.username))
    }

    async fn stored_user(&self, username: &str) -> Result<(User, u64), Refusal> {
        let name = || username.to_owned();
        if self.users.is_configured(username) {
            return Err(Refusal::Configured {
                noun: "user",
                name: name(),
            });
        }
        match self.registry.read(USERS, username).await? {
            Some(document) => {
                let user = document.body.read().map_err(|error| Refusal::Store(error.into()))?;
                Ok((user, document.revision))
            }
            None => Err(Refusal::Absent {
                noun: "user",
                name: name(),
            }),
        }
    }
}

fn document(user: &User, revision: u64) -> Result<Document, Refusal> {
    Ok(Document {
        id: user.username.clone(),
        revision,
        body: Json::of(user).map_err(|error| Refusal::Store(error.into()))?,
    })
}
