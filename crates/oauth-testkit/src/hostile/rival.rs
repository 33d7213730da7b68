//! A store in which another request is always a little faster.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oauth_core::{
    Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore, Document,
    Documents, Filter, Key, StoreError, Timestamp,
};

/// A store that lets a rival act between what a request has read and what it commits. Clones share the rival.
///
/// The rival acts before the next commit, once, and its own commits go through undisturbed.
pub struct Rival<S>(Arc<Inner<S>>);

struct Inner<S> {
    store: Arc<S>,
    rivals: Mutex<Vec<Act<S>>>,
}

type Act<S> = Box<dyn FnOnce(Arc<S>, Vec<Change>) -> Acting + Send>;
type Acting = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<S> Clone for Rival<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Rival<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rival({} waiting)", self.waiting())
    }
}

impl<S> Rival<S> {
    /// That store, with no rival yet.
    pub fn new(store: S) -> Self {
        Self(Arc::new(Inner {
            store: Arc::new(store),
            rivals: Mutex::new(Vec::new()),
        }))
    }

    /// The store itself, past the rival.
    pub fn inner(&self) -> &Arc<S> {
        &self.0.store
    }

    /// How many rivals have not acted yet.
    pub fn waiting(&self) -> usize {
        self.0.rivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Lets `rival` act before the next commit that has no rival yet. It is given the store itself and the
    /// changes that are about to be committed.
    pub fn before_commit<F>(&self, rival: impl FnOnce(Arc<S>, Vec<Change>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let act: Act<S> = Box::new(move |store, changes| Box::pin(rival(store, changes)));
        self.0
            .rivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(0, act);
    }

    fn next(&self) -> Option<Act<S>> {
        self.0.rivals.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl<S: CredentialStore + 'static> Rival<S> {
    /// Lets a rival commit these changes before the next commit.
    ///
    /// # Panics
    /// Later, when the rival's commit fails: then it was no race.
    pub fn commits_first(&self, changes: Vec<Change>) {
        self.before_commit(async move |store, _| {
            if let Err(error) = store.commit(&changes).await {
                panic!("the rival's own commit failed: {error}");
            }
        });
    }

    /// Lets a rival spend what the next commit is about to spend.
    ///
    /// # Panics
    /// Later, when that commit spends nothing, or what it spends is not live.
    pub fn spends_first(&self) {
        self.before_commit(async move |store, changes| {
            let spends: Vec<Change> = changes.into_iter().filter(|c| matches!(c, Change::Spend(_))).collect();
            assert!(!spends.is_empty(), "there is nothing that a rival could spend first");
            if let Err(error) = store.commit(&spends).await {
                panic!("the rival's own commit failed: {error}");
            }
        });
    }
}

#[async_trait]
impl<S: ClientStore> ClientStore for Rival<S> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.0.store.client(id).await
    }
}

#[async_trait]
impl<S: CredentialStore> CredentialStore for Rival<S> {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.0.store.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        if let Some(act) = self.next() {
            act(Arc::clone(&self.0.store), changes.to_vec()).await;
        }
        self.0.store.commit(changes).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.store.sweep(expired_before, limit).await
    }
}

#[async_trait]
impl<S: CredentialIndex> CredentialIndex for Rival<S> {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        self.0.store.select(filter, after, limit).await
    }
}

#[async_trait]
impl<S: Documents> Documents for Rival<S> {
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
