//! What every store of `oauthd` can do, and how one is opened.

use std::sync::Arc;

use oauth_server::{ClientStore, CredentialIndex, CredentialStore, Documents, MemoryStore, SqliteStore, StoreError};

use crate::config::StoreUrl;

/// A store that keeps all that this program has: credentials, clients, users.
pub trait Backend: ClientStore + CredentialStore + CredentialIndex + Documents + 'static {}

impl<T: ClientStore + CredentialStore + CredentialIndex + Documents + 'static> Backend for T {}

/// An open store.
#[derive(Clone)]
pub enum OpenStore {
    /// In this process.
    Memory(MemoryStore),
    /// In a file.
    Sqlite(SqliteStore),
}

impl OpenStore {
    /// Opens a store; a file that is not there is created.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Memory => Ok(Self::Memory(MemoryStore::new())),
            StoreUrl::Sqlite(path) => SqliteStore::open(path).await.map(Self::Sqlite),
        }
    }

    /// Opens a store to look at it; nothing is created. What is not there yet is empty.
    ///
    /// # Errors
    /// [`StoreError`] when it is there and cannot be opened.
    pub async fn open_existing(url: &StoreUrl) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Sqlite(path) if path.exists() => {
                SqliteStore::options(path).must_exist().open().await.map(Self::Sqlite)
            }
            StoreUrl::Sqlite(_) | StoreUrl::Memory => Ok(Self::Memory(MemoryStore::new())),
        }
    }

    /// The store, as everybody uses it.
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// [`StoreError`] when that fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(store) => store.close().await,
        }
    }
}
