//! What SQLite says, in words that name the file and the remedy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::StoreError;
use rusqlite::ErrorCode;

/// Which file it is and how long it is waited for: what an error has to say.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: Arc<Path>,
    pub(crate) busy_timeout: Duration,
}

/// Why a statement did not do what it should.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite could not.
    Sqlite(rusqlite::Error),
    /// A row holds what this store never writes there.
    Row {
        /// The table.
        table: &'static str,
        /// The column that is wrong.
        column: &'static str,
    },
    /// The store was closed before.
    Closed,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    /// Whether another process has the file for itself at the moment.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_busy(error))
    }
}

/// Whether another process has the file for itself at the moment.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

impl Place {
    /// The error for the caller's log. It holds no bound value: those can be anybody's data.
    pub(crate) fn explain(&self, trouble: Trouble) -> StoreError {
        match trouble {
            Trouble::Closed => StoreError::new("the store is closed"),
            Trouble::Sqlite(error) => self.explain_sqlite(error),
            Trouble::Row { table, column } => self.refuse(&format!(
                "holds a row of {table} whose {column} cannot be read; the file was damaged or changed by something else"
            )),
        }
    }

    /// An error that says what is wrong with the file.
    pub(crate) fn refuse(&self, what: &str) -> StoreError {
        StoreError::new(format!("{} {what}", self.path.display()))
    }

    fn explain_sqlite(&self, error: rusqlite::Error) -> StoreError {
        let path = self.path.display();
        let message = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
                "{path} is locked by another process and stayed so for {:?}",
                self.busy_timeout
            ),
            Some(ErrorCode::DiskFull) => {
                format!("{path} cannot grow: the disk is full or the largest size set for the file is reached")
            }
            Some(ErrorCode::ReadOnly) => format!("{path} or its directory is read-only"),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                format!("{path} or a file beside it cannot be opened")
            }
            Some(ErrorCode::NotADatabase) => format!("{path} is not a SQLite database"),
            Some(ErrorCode::DatabaseCorrupt) => format!("{path} is damaged and has to be restored from a backup"),
            Some(ErrorCode::SystemIoFailure) => format!("reading or writing {path} failed"),
            Some(ErrorCode::TooBig) => format!("a value is too large for {path}"),
            _ => format!("SQLite failed on {path}"),
        };
        StoreError::caused_by(message, error)
    }
}
