//! A store that remembers what it was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use oauth_core::{
    AuthorizationId, Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialStore, Document,
    Documents, Key, REFRESH_TOKEN, State, StoreError, Timestamp,
};

/// A store that remembers every commit, so that a test can look at all that was ever inserted, in any store.
/// Clones share the store and the memory.
pub struct Watched<S>(Arc<Inner<S>>);

struct Inner<S> {
    store: S,
    commits: Mutex<Vec<Vec<Change>>>,
}

impl<S> Clone for Watched<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watched({} commits)", self.memory().len())
    }
}

impl<S> Watched<S> {
    /// That store, watched from now on.
    pub fn new(store: S) -> Self {
        let commits = Mutex::new(Vec::new());
        Self(Arc::new(Inner { store, commits }))
    }

    /// The store itself.
    pub fn inner(&self) -> &S {
        &self.0.store
    }

    /// Every commit that was tried, those that failed too.
    pub fn commits(&self) -> Vec<Vec<Change>> {
        self.memory().clone()
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Vec<Change>>> {
        self.0.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: CredentialStore> Watched<S> {
    /// Every credential that was ever inserted and is still there, as it is now.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn everything(&self) -> BTreeMap<Key, Credential> {
        let keys: Vec<Key> = self
            .commits()
            .into_iter()
            .flatten()
            .filter_map(|change| match change {
                Change::Insert(row) => Some(row.key),
                _ => None,
            })
            .collect();
        let mut rows = BTreeMap::new();
        for key in keys {
            match self.0.store.find(&key).await {
                Ok(Some(row)) => rows.insert(key, row),
                Ok(None) => None,
                Err(error) => panic!("{error}"),
            };
        }
        rows
    }

    /// How many refresh tokens of each authorization are live.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn live_refresh_tokens(&self) -> BTreeMap<AuthorizationId, usize> {
        let mut live = BTreeMap::new();
        for (key, row) in self.everything().await {
            let count = live.entry(row.authorization).or_insert(0);
            *count += usize::from(key.is(&REFRESH_TOKEN) && row.state == State::Live);
        }
        live
    }
}

#[async_trait]
impl<S: ClientStore> ClientStore for Watched<S> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.0.store.client(id).await
    }
}

#[async_trait]
impl<S: CredentialStore> CredentialStore for Watched<S> {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.0.store.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.memory().push(changes.to_vec());
        self.0.store.commit(changes).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.store.sweep(expired_before, limit).await
    }
}

#[async_trait]
impl<S: Documents> Documents for Watched<S> {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.0.store.read(collection, id).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        self.0.store.write(collection, document).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        self.0.store.remove(collection, id).await
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.0.store.list(collection, after, limit).await
    }
}
