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
