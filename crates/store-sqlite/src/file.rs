//! Opening the file: whose it is, who may read it, how durable it is.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use oauth_core::StoreError;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::failure::{Place, Trouble, is_busy};
use crate::options::{Creation, Durability, SqliteOptions};
use crate::schema::{self, Owner};

/// How many pages the write-ahead log may have before a commit moves them into the file: 16 MiB.
///
/// More than SQLite's 1000, because random keys touch the same index pages again and again, and each page
/// is moved once however often it was changed.
const CHECKPOINT_AFTER: i64 = 4000;

/// The writer's page cache, in KiB. It is never invalidated by other connections of this process, so the
/// upper levels of the indexes stay in it.
const WRITER_CACHE: i64 = 32 * 1024;

/// How often it is tried again to make the file one with a write-ahead log while another process does the same.
const PAUSE: Duration = Duration::from_millis(5);

/// The path as one that stays the same when the process changes its directory, and means a file.
///
/// The absolute form is also what keeps a name such as `file:x?mode=memory` from being read as a URI.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(StoreError::new(format!(
            "{:?} names no file, and this store needs one; to keep nothing, use the in-memory store",
            path.display().to_string()
        )));
    }
    let describe = |error| StoreError::caused_by(format!("{} cannot be made absolute", path.display()), error);
    std::path::absolute(path).map_err(describe)
}

/// Opens the file for writing: creates it if it is to be created, and brings it up to this version's schema.
pub(crate) fn open(options: &SqliteOptions, place: &Place) -> Result<Connection, StoreError> {
    match options.creation {
        Creation::IfMissing => create(place)?,
        Creation::Never => exists(place)?,
    }
    open_existing(options, place)
}

/// Opens the file for reading, without waiting for anybody.
pub(crate) fn open_reader(place: &Place) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

/// Makes sure that there is a file. A new one is empty, and only its owner may read it; SQLite gives the files
/// beside it the same mode.
fn create(place: &Place) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match options.open(&place.path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::caused_by(
            format!("{} cannot be created", place.path.display()),
            error,
        )),
    }
}

fn exists(place: &Place) -> Result<(), StoreError> {
    match fs::metadata(&place.path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(place.refuse("does not exist")),
        Err(error) => Err(StoreError::caused_by(
            format!("{} cannot be opened", place.path.display()),
            error,
        )),
    }
}

fn open_existing(options: &SqliteOptions, place: &Place) -> Result<Connection, StoreError> {
    if fs::metadata(&place.path).is_ok_and(|file| file.is_dir()) {
        return Err(place.refuse("is a directory"));
    }
    let explain = |error: rusqlite::Error| place.explain(Trouble::from(error));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&place.path, flags).map_err(explain)?;
    connection.busy_timeout(place.busy_timeout).map_err(explain)?;
    // SQLite opens for reading what it may not write, without a word.
    if connection.is_readonly(MAIN_DB).map_err(explain)? {
        return Err(place.refuse("is read-only"));
    }
    // Before anything is changed: another program's file stays as it is.
    accept(&schema::look(&mut connection).map_err(explain)?, place)?;
    use_write_ahead_log(&connection, place)?;
    accept(&schema::migrate(&mut connection).map_err(explain)?, place)?;
    set_up(&connection, options).map_err(explain)?;
    Ok(connection)
}

fn accept(owner: &Owner, place: &Place) -> Result<(), StoreError> {
    match owner {
        Owner::Nobody | Owner::Us(_) => Ok(()),
        Owner::Another => Err(place.refuse("is a SQLite database of another program")),
        Owner::Newer { schema, known } => Err(place.refuse(&format!(
            "was written by a newer version: its schema is {schema}, and this version knows {known}"
        ))),
    }
}

/// Switches the file to a write-ahead log, which it then stays with.
fn use_write_ahead_log(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(place.refuse("is on a file system that does not share memory; a local disk is needed")),
            // Here SQLite does not wait by itself.
            Err(error) if is_busy(&error) && waited < place.busy_timeout => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(error) => return Err(place.explain(error.into())),
        }
    }
}

fn set_up(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Elsewhere than on macOS this is what `fsync` means anyway.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    // What a savepoint goes back to is kept in memory instead of a temporary file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let page_size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_AFTER}"), [], |_| {
        Ok(())
    })?;
    let limit = CHECKPOINT_AFTER * page_size;
    connection.query_row(&format!("PRAGMA journal_size_limit = {limit}"), [], |_| Ok(()))?;
    if let Some(bytes) = options.largest_file {
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_size;
        connection.query_row(&format!("PRAGMA max_page_count = {}", pages.max(1)), [], |_| Ok(()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_what_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oauth.db");
        for (durability, expected) in [(Durability::Full, 2), (Durability::Normal, 1)] {
            let options = SqliteOptions::new(&path).durability(durability);
            let place = Place {
                path: path.clone().into(),
                busy_timeout: options.busy_timeout,
            };
            let connection = open(&options, &place).unwrap();
            let pragma = |name: &str| connection.query_row(name, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(pragma("PRAGMA synchronous"), expected);
            assert_eq!(pragma("PRAGMA wal_autocheckpoint"), CHECKPOINT_AFTER);
            assert_eq!(pragma("PRAGMA fullfsync"), 1);
        }
    }
}
