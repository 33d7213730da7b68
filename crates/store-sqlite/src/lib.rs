//! SQLite store for an OAuth 2.x authorization server: the embedded default.
//!
//! One file on a local disk, no server to run, SQLite compiled in. It keeps everything that a server keeps:
//! credentials ([`CredentialStore`](oauth_core::CredentialStore), [`CredentialIndex`](oauth_core::CredentialIndex)),
//! documents ([`Documents`](oauth_core::Documents)) and among these the clients
//! ([`ClientStore`](oauth_core::ClientStore) reads the collection [`CLIENTS`](oauth_core::CLIENTS)).
//!
//! ```no_run
//! # async fn example() -> Result<(), oauth_core::StoreError> {
//! use store_sqlite::SqliteStore;
//!
//! let store = SqliteStore::open("oauth.db").await?;
//! // … serve …
//! store.close().await?;
//! # Ok(()) }
//! ```
//!
//! It works on any async runtime, and on none: it has a thread of its own for writing.
//!
//! # What it promises
//! - A commit is all or nothing, also when its future is dropped and when the process is killed.
//! - What was answered is on the disk: it survives a crash of the program and of the operating system, and a loss of
//!   power, as far as the disk tells the truth about `fsync`. [`Durability::Normal`] gives up the last two.
//! - A look-up never waits for a commit. It sees every commit that was answered before it began.
//! - When something fails (disk full, I/O error, locked file) every commit concerned hears it, nothing is half
//!   done, and the store goes on when the cause is gone; it needs no restart.
//! - No secret is in the file: credentials are kept by the SHA-256 of their secret. Personal data is, so the file is
//!   created readable for its owner only.
//!
//! # How it works
//! One thread writes. It takes all commits that are waiting into one transaction, and answers them after one `fsync`, so
//! that throughput grows with load and a single commit is not held up. Look-ups run on the thread that asks, on
//! read-only connections: they take some microseconds, less than it takes to wake another thread. Listings, which may
//! take longer, run on threads of their own. A revoked authorization is one row that every look-up consults, so that
//! revoking is one insert however much descends from it.
//!
//! # Limits
//! - **One machine, a local disk.** The write-ahead log needs shared memory: a network file system is refused where
//!   SQLite can tell, and is wrong where it cannot. For several servers there are stores of another kind.
//! - Several *processes* on that machine can share the file: an administrator's command beside a running server.
//!   They take turns in writing; one that waits longer than [`SqliteOptions::busy_timeout`] gets an error that says so.
//! - Listing by client goes through all credentials. By subject and by authorization there are indexes.
//! - The file does not shrink; room that was swept is used again. `VACUUM`, at a quiet time, makes it smaller: it
//!   locks the file while it runs and needs as much room again.
//! - Beside `oauth.db` lie `oauth.db-wal` (the log, some 16 MiB at most) and `oauth.db-shm` while it is open. After a
//!   crash the log holds commits that are nowhere else: never delete it, and move the three together.
//!
//! # Backups
//! Never copy the file of a running server with `cp`: the copy lacks what is in the log. Any of these is safe while
//! it serves:
//!
//! ```text
//! sqlite3 oauth.db ".backup backup.db"
//! sqlite3 oauth.db "VACUUM INTO 'backup.db'"
//! ```
//!
//! So is a snapshot of the file system that takes all three files at one instant. To restore, stop the server, delete
//! `oauth.db`, `oauth.db-wal` and `oauth.db-shm`, and put the backup in the place of the first; with a log that belongs
//! to another file, SQLite would damage it. A restored backup knows nothing of what came after it: codes and refresh
//! tokens that were used since are unused again, and what was revoked since is alive. Restore only if the original
//! is lost, and revoke what was revoked in between.
//!
//! # Versions
//! The file says that it is ours (`PRAGMA application_id`) and of which schema (`PRAGMA user_version`). Opening one of an
//! older version brings it up to date, all or nothing; one of a newer version, of another program, or no database at
//! all is refused and stays untouched.

mod change;
mod failure;
mod file;
mod options;
mod queue;
mod reader;
mod row;
mod schema;
mod store;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
