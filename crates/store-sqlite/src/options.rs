//! How a file is to be opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use oauth_core::StoreError;

use crate::SqliteStore;

/// What a commit that was answered survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A crash of the program, of the operating system, and a loss of power: the answer comes after the disk
    /// said that it has the commit (`PRAGMA synchronous = FULL`).
    #[default]
    Full,
    /// A crash of the program. A loss of power may take back the commits of the last moments, and never a part
    /// of one (`PRAGMA synchronous = NORMAL`).
    ///
    /// A commit that is taken back un-spends codes and un-revokes tokens, so this is for machines whose
    /// power is safe, or for tests.
    Normal,
}

/// Whether a file that is not there is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    IfMissing,
    Never,
}

/// A [`SqliteStore`] that is not open yet.
///
/// ```
/// # use std::time::Duration;
/// # async fn example() -> Result<(), oauth_core::StoreError> {
/// use store_sqlite::SqliteStore;
///
/// let store = SqliteStore::options("oauth.db")
///     .busy_timeout(Duration::from_secs(1))
///     .largest_file(10 << 30)
///     .open()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `.open().await`"]
pub struct SqliteOptions {
    pub(crate) path: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) busy_timeout: Duration,
    pub(crate) largest_file: Option<u64>,
    pub(crate) creation: Creation,
}

impl SqliteOptions {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            durability: Durability::Full,
            busy_timeout: Duration::from_secs(5),
            largest_file: None,
            creation: Creation::IfMissing,
        }
    }

    /// The same options with another durability than [`Durability::Full`].
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The same options with another time to wait for another process that has the file for itself, than 5 seconds.
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// The same options with a largest size for the file, in bytes. What would make it larger fails as a full
    /// disk does, and [`sweep`](oauth_core::CredentialStore::sweep) makes room again.
    pub const fn largest_file(mut self, bytes: u64) -> Self {
        self.largest_file = Some(bytes);
        self
    }

    /// The same options, for a file that is there already: for administration, where a mistyped path should
    /// not become an empty store.
    pub const fn must_exist(mut self) -> Self {
        self.creation = Creation::Never;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be created or written, is not a database, is another program's, was written by a newer
    /// version, or is locked by another process for longer than the busy timeout. Then nothing was changed.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(self).await
    }
}
