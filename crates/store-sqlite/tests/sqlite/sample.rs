//! What the tests here have in common.

use std::path::PathBuf;

use oauth_core::{Change, CommitError, Credential, CredentialStore, Json, State};
use oauth_testkit::sample::{authorization, credential};
use store_sqlite::SqliteStore;
use tempfile::TempDir;

/// A directory of its own, and the path of a file that is not there yet.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    (directory, path)
}

/// The file beside the one at that path.
pub(crate) fn beside(path: &std::path::Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A live credential with an authorization of its own.
pub(crate) fn row(name: &str) -> Credential {
    credential(name, authorization(name))
}

/// The same with so many bytes of data.
pub(crate) fn heavy(name: &str, bytes: usize) -> Credential {
    Credential {
        data: Json::from_stored(format!("\"{}\"", "x".repeat(bytes))),
        ..row(name)
    }
}

pub(crate) fn insert(row: &Credential) -> Vec<Change> {
    vec![Change::Insert(row.clone())]
}

pub(crate) async fn inserted(store: &SqliteStore, row: &Credential) {
    store.commit(&insert(row)).await.unwrap();
}

pub(crate) async fn state(store: &SqliteStore, row: &Credential) -> Option<State> {
    store.find(&row.key).await.unwrap().map(|found| found.state)
}

/// What a failed commit says.
pub(crate) fn message(result: Result<(), CommitError>) -> String {
    match result {
        Err(CommitError::Store(error)) => error.to_string(),
        other => panic!("the store should have failed, and gave {other:?}"),
    }
}
