//! A store that takes its time.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::{
    Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialStore, Document, Documents, Key,
    StoreError, Timestamp,
};

use crate::polling::yield_once;

/// A store that waits once before each call has its effect and once after, so that a request can be cancelled at
/// both moments and two requests can be interleaved. Clones share the store.
#[derive(Debug)]
pub struct Hesitant<S>(Arc<S>);

impl<S> Clone for Hesitant<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Hesitant<S> {
    /// That store, hesitating at every call.
    pub fn new(store: S) -> Self {
        Self(Arc::new(store))
    }

    /// The store itself.
    pub fn inner(&self) -> &S {
        &self.0
    }
}

async fn hesitating<T>(effect: impl Future<Output = T>) -> T {
    yield_once().await;
    let output = effect.await;
    yield_once().await;
    output
}

#[async_trait]
impl<S: ClientStore> ClientStore for Hesitant<S> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        hesitating(self.0.client(id)).await
    }
}

#[async_trait]
impl<S: CredentialStore> CredentialStore for Hesitant<S> {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        hesitating(self.0.find(key)).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        hesitating(self.0.commit(changes)).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        hesitating(self.0.sweep(expired_before, limit)).await
    }
}

#[async_trait]
impl<S: Documents> Documents for Hesitant<S> {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        hesitating(self.0.read(collection, id)).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        hesitating(self.0.write(collection, document)).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        hesitating(self.0.remove(collection, id)).await
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        hesitating(self.0.list(collection, after, limit)).await
    }
}
