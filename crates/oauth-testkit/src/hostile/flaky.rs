//! A store that fails at a chosen call.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oauth_core::{
    Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore, Document,
    Documents, Filter, Key, StoreError, Timestamp,
};

/// When a [`Flaky`] store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it did anything: the call had no effect.
    Before,
    /// After it did what it was asked: the effect is there, and only the answer was lost.
    After,
}

/// A store that counts its calls, and fails the one it was told to. Clones share the count and the store.
///
/// To see what a server does when the store fails anywhere: run a request once, read [`calls`](Self::calls), and
/// then again for each call and each [`Moment`].
#[derive(Debug)]
pub struct Flaky<S>(Arc<Inner<S>>);

#[derive(Debug)]
struct Inner<S> {
    store: S,
    calls: AtomicU64,
    fails: Mutex<Option<(u64, Moment)>>,
}

impl<S> Clone for Flaky<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Flaky<S> {
    /// That store, failing at nothing yet.
    pub fn new(store: S) -> Self {
        Self(Arc::new(Inner {
            store,
            calls: AtomicU64::new(0),
            fails: Mutex::new(None),
        }))
    }

    /// The store itself.
    pub fn inner(&self) -> &S {
        &self.0.store
    }

    /// How many calls there were since the start, or since the last [`fail`](Self::fail).
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Begins to count anew, and fails the call of that number: 1 is the next one. Later calls work again.
    pub fn fail(&self, call: u64, moment: Moment) {
        *self.0.fails.lock().unwrap_or_else(PoisonError::into_inner) = Some((call, moment));
        self.0.calls.store(0, Ordering::SeqCst);
    }

    /// Begins to count anew, and fails nothing.
    pub fn recover(&self) {
        *self.0.fails.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.calls.store(0, Ordering::SeqCst);
    }

    async fn call<T, E: From<StoreError>>(&self, effect: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = *self.0.fails.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = fails.filter(|(chosen, _)| *chosen == call).map(|(_, moment)| moment);
        let failed = || Err(StoreError::new(format!("the store was told to fail at call {call}")).into());
        match fails {
            None => effect.await,
            Some(Moment::Before) => failed(),
            Some(Moment::After) => {
                effect.await?;
                failed()
            }
        }
    }
}

#[async_trait]
impl<S: ClientStore> ClientStore for Flaky<S> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.call(self.0.store.client(id)).await
    }
}

#[async_trait]
impl<S: CredentialStore> CredentialStore for Flaky<S> {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.call(self.0.store.find(key)).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.call(self.0.store.commit(changes)).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.call(self.0.store.sweep(expired_before, limit)).await
    }
}

#[async_trait]
impl<S: CredentialIndex> CredentialIndex for Flaky<S> {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        self.call(self.0.store.select(filter, after, limit)).await
    }
}

#[async_trait]
impl<S: Documents> Documents for Flaky<S> {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.call(self.0.store.read(collection, id)).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        self.call(self.0.store.write(collection, document)).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        self.call(self.0.store.remove(collection, id)).await
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.call(self.0.store.list(collection, after, limit)).await
    }
}
