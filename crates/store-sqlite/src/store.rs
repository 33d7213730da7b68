//! The store itself: which part does what.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::{
    CLIENTS, Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore,
    Document, Documents, Filter, Key, StoreError, Timestamp,
};

use crate::change::Outcome;
use crate::failure::Place;
use crate::file;
use crate::options::SqliteOptions;
use crate::queue::{Answer, Work};
use crate::reader::{self, Readers};
use crate::writer::Writer;

/// How many credentials are swept at a time. Commits that wait are made in between, so this bounds how long a
/// sweep can hold one up: some milliseconds.
const SWEPT_AT_ONCE: usize = 128;

/// A store in one SQLite file. Cheap to clone; all clones are the same store.
///
/// When the last clone is dropped, what was queued is written and the file is closed; [`SqliteStore::close`] does
/// so earlier and says how it went.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
    // Dropped first, so that the writer's connection is the last and tidies up the log.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, and creates it if it is not there, readable and writable only by its owner.
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options(path).open().await
    }

    /// Options for opening the file.
    pub fn options(path: impl AsRef<Path>) -> SqliteOptions {
        SqliteOptions::new(path.as_ref())
    }

    pub(crate) async fn start(options: SqliteOptions) -> Result<Self, StoreError> {
        let place = Place {
            path: file::absolute(&options.path)?.into(),
            busy_timeout: options.busy_timeout,
        };
        let (writer, opening) = Writer::start(options, place.clone())?;
        opening
            .await
            .unwrap_or_else(|_| Err(StoreError::new("the writer of the store has stopped")))?;
        Ok(Self {
            shared: Arc::new(Shared {
                readers: Readers::of(place.clone()),
                place,
                writer,
            }),
        })
    }

    /// Where the file is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.shared.place.path
    }

    /// Writes what was queued and closes the file, for all clones. Whatever is asked of them afterwards is an error.
    ///
    /// # Errors
    /// When the log could not be moved into the file. Nothing is lost then: it stays beside it and is read at the
    /// next opening.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.shared.readers.close();
        self.shared.writer.close().await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.path()).finish()
    }
}

#[async_trait]
impl ClientStore for SqliteStore {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let Some(document) = self.read(CLIENTS, id.as_str()).await? else {
            return Ok(None);
        };
        let client = document.body.read().map_err(|error| {
            StoreError::caused_by(
                format!("the document of the client {:?} is no client", id.as_str()),
                error,
            )
        })?;
        Ok(Some(client))
    }
}

#[async_trait]
impl CredentialStore for SqliteStore {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        let key = key.clone();
        let query = move |connection: &_| reader::find(connection, &key);
        self.shared.readers.at_once(query).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        if changes.is_empty() {
            return Ok(());
        }
        settled(self.shared.writer.make(Work::Commit(changes.to_vec())).await)
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut swept = 0;
        while swept < limit {
            let limit = SWEPT_AT_ONCE.min(limit - swept);
            let work = Work::Sweep { expired_before, limit };
            let count = counted(self.shared.writer.make(work).await)?;
            swept += count;
            if count < limit {
                break;
            }
        }
        Ok(swept)
    }
}

#[async_trait]
impl CredentialIndex for SqliteStore {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        let query = move |connection: &_| reader::list(connection, &filter, after.as_ref(), limit);
        self.shared.readers.at_leisure(query).await
    }
}

#[async_trait]
impl Documents for SqliteStore {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let (collection, id) = (collection.to_owned(), id.to_owned());
        let query = move |connection: &_| reader::read(connection, &collection, &id);
        self.shared.readers.at_once(query).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        let work = Work::Write {
            collection: collection.to_owned(),
            document: document.clone(),
        };
        settled(self.shared.writer.make(work).await)
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        let work = Work::Remove {
            collection: collection.to_owned(),
            id: id.to_owned(),
        };
        counted(self.shared.writer.make(work).await).map(|removed| removed > 0)
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let (collection, after) = (collection.to_owned(), after.map(str::to_owned));
        let query = move |connection: &_| reader::list_documents(connection, &collection, after.as_deref(), limit);
        self.shared.readers.at_leisure(query).await
    }
}

fn settled(answer: Answer) -> Result<(), CommitError> {
    match answer? {
        Outcome::Done(_) => Ok(()),
        Outcome::Conflict => Err(CommitError::Conflict),
    }
}

fn counted(answer: Answer) -> Result<usize, StoreError> {
    answer.map(|outcome| match outcome {
        Outcome::Done(count) => count,
        Outcome::Conflict => 0,
    })
}
