//! The laws for stores, put to this one.

use oauth_testkit::Guarded;
use store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn fresh() -> Guarded<SqliteStore, TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("oauth.db")).await.unwrap();
    Guarded::new(store, directory)
}

oauth_testkit::store_conformance!(credentials: fresh);
oauth_testkit::index_conformance!(index: fresh);
oauth_testkit::documents_conformance!(documents: fresh);
oauth_testkit::client_conformance!(clients: fresh);
