//! Opening the store that a URL names.

use std::sync::Arc;

use oauth_server::{MemoryStore, SqliteStore, StoreError};

use crate::backend::Backend;
use crate::config::StoreUrl;

/// Opens the store, making it if it is not there.
///
/// # Errors
/// [`StoreError`] says in words why it cannot be used.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Backend>, StoreError> {
    Ok(match url {
        StoreUrl::Memory => Arc::new(MemoryStore::new()),
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open(path).await?),
    })
}

/// Opens the store to look after it. Nothing is made: a mistyped path should not become an empty store, so what is not
/// there is an empty one in memory.
///
/// # Errors
/// [`StoreError`] says in words why it is there and cannot be used.
pub async fn open_existing(url: &StoreUrl) -> Result<Arc<dyn Backend>, StoreError> {
    Ok(match url {
        StoreUrl::Sqlite(path) if path.exists() => Arc::new(SqliteStore::options(path).must_exist().open().await?),
        StoreUrl::Sqlite(_) | StoreUrl::Memory => Arc::new(MemoryStore::new()),
    })
}
