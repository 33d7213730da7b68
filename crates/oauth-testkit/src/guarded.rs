//! A store together with what has to be cleaned up after it.

use async_trait::async_trait;
use oauth_core::{
    Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore, Document,
    Documents, Filter, Key, StoreError, Timestamp,
};

/// A store and something that is dropped after it: a temporary directory, a database of its own.
///
/// Tests run on a multi-thread tokio runtime, so a guard's `Drop` may use `tokio::task::block_in_place`
/// to wait for a server that drops a schema.
#[derive(Debug)]
pub struct Guarded<S, G> {
    // Fields are dropped in the order of their declaration: the store first.
    store: S,
    _guard: G,
}

impl<S, G> Guarded<S, G> {
    /// That store, and what is dropped after it.
    pub const fn new(store: S, guard: G) -> Self {
        Self { store, _guard: guard }
    }
}

#[async_trait]
impl<S: ClientStore, G: Send + Sync> ClientStore for Guarded<S, G> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.store.client(id).await
    }
}

#[async_trait]
impl<S: CredentialStore, G: Send + Sync> CredentialStore for Guarded<S, G> {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.store.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.store.commit(changes).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.store.sweep(expired_before, limit).await
    }
}

#[async_trait]
impl<S: CredentialIndex, G: Send + Sync> CredentialIndex for Guarded<S, G> {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        self.store.select(filter, after, limit).await
    }
}

#[async_trait]
impl<S: Documents, G: Send + Sync> Documents for Guarded<S, G> {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.store.read(collection, id).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        self.store.write(collection, document).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        self.store.remove(collection, id).await
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.store.list(collection, after, limit).await
    }
}
