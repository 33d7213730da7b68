//! What a store has to do. `docs/writing-a-store.md` goes through it step by step.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::client::Client;
use crate::credential::{Change, Credential, Json, Key};
use crate::id::{AuthorizationId, ClientId, Subject};
use crate::time::Timestamp;

/// Where registered clients are looked up.
///
/// node-oauth2-server's `getClient`, without the secret: a
/// [`ClientAuthenticator`](crate::ClientAuthenticator) judges that, in constant time.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know any clients",
    label = "this would have to implement `ClientStore`",
    note = "implement `ClientStore` (client): node-oauth2-server's `getClient` without the secret",
    note = "`docs/writing-a-store.md` goes through it"
)]
pub trait ClientStore: Send + Sync {
    /// The client of that identifier, or `None` if there is none.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;
}

/// Where everything issued is kept.
///
/// A store decides nothing and never looks at the clock. It keeps one promise: a commit is all or nothing,
/// and its conditions hold at the moment it takes effect. `oauth-testkit` has a test for every sentence here.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep credentials: codes, access tokens, refresh tokens",
    label = "this would have to implement `CredentialStore`",
    note = "implement `CredentialStore` (find, commit, sweep)",
    note = "`docs/writing-a-store.md` goes through it, and `oauth-testkit` tests it"
)]
pub trait CredentialStore: Send + Sync {
    /// The credential at that key, expired or not. One whose authorization is revoked comes back
    /// [`State::Revoked`](crate::State::Revoked).
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError>;

    /// Makes all changes, in order, or none; returns once they are as durable as this store makes anything.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when a change's condition does not hold: another request was faster.
    /// [`CommitError::Store`] when it is not known to have taken effect.
    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError>;

    /// Forgets at most `limit` credentials that expired before that point in time; how many it forgot.
    /// Fewer than `limit` means that none is left.
    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// Everything the engine needs of an application's data: clients and credentials.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the store of an authorization server",
    label = "this would have to implement both `ClientStore` and `CredentialStore`",
    note = "implement `ClientStore` (client) and `CredentialStore` (find, commit, sweep): whatever has both is a `Model`",
    note = "`docs/writing-a-store.md` goes through it, and `MemoryStore` will do to begin with"
)]
pub trait Model: ClientStore + CredentialStore + 'static {}

impl<T: ClientStore + CredentialStore + 'static> Model for T {}

/// Which credentials a listing is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those of a resource owner.
    Subject(Subject),
    /// Those of a client.
    Client(ClientId),
    /// Those of one authorization.
    Authorization(AuthorizationId),
}

/// Listing credentials: for administration and for a person's own overview, never for a grant.
#[async_trait]
pub trait CredentialIndex: Send + Sync {
    /// At most `limit` credentials in the order of their keys, those after `after`. A credential whose
    /// authorization is revoked comes back [`State::Revoked`](crate::State::Revoked).
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError>;
}

/// A named JSON document: a registered client, a user, a signing key.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its name within its collection.
    pub id: String,
    /// How many times it has been written; 0 means never.
    pub revision: u64,
    /// What it says.
    pub body: Json,
}

/// Documents beside the credentials, so that one store holds all that a server keeps.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The document of that name, or `None`.
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Writes a document. Its `revision` is the one that was read (0: it must not exist yet);
    /// the stored one becomes that plus one.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when the stored revision is another.
    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError>;

    /// Removes a document; whether it was there.
    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError>;

    /// At most `limit` documents in the byte order of their names, those after `after`.
    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError>;
}

/// The collection in which stores that keep [`Documents`] look for clients, by `client_id`.
pub const CLIENTS: &str = "clients";

/// A store could not do what it was asked: it is unreachable, full, or holds what cannot be read.
///
/// The client hears 503 and `Retry-After`; the message is for the log.
#[derive(Clone)]
pub struct StoreError {
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error that says in words what failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// An error with what failed and its cause.
    pub fn caused_by(message: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            message: message.into(),
            source: Some(Arc::new(source)),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({self})")
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<crate::credential::JsonError> for StoreError {
    fn from(error: crate::credential::JsonError) -> Self {
        Self::caused_by("a stored row could not be read", error)
    }
}

impl From<crate::scope::NotAScope> for StoreError {
    fn from(error: crate::scope::NotAScope) -> Self {
        Self::caused_by("a stored scope could not be read", error)
    }
}

/// Why a commit did not take effect.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold. Nothing was changed.
    #[error("another request changed the same credentials first")]
    Conflict,
    /// The store failed; as far as is known, nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
