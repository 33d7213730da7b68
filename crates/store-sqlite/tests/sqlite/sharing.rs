//! Several connections to one file: the server's, an administrator's, a backup's.
//!
//! SQLite keeps connections of one process apart as it does those of several.

use std::time::Duration;

use oauth_core::{Change, CommitError, CredentialStore, Document, Documents, Json, State};
use oauth_testkit::sample::json;
use oauth_testkit::{block_on, racing};
use rusqlite::Connection;
use store_sqlite::SqliteStore;

use crate::sample::{insert, inserted, message, place, row, state};

#[test]
fn two_stores_on_one_file_see_each_other_at_once() {
    let (_directory, path) = place();
    block_on(async {
        let server = SqliteStore::open(&path).await.unwrap();
        let administration = SqliteStore::open(&path).await.unwrap();
        let one = row("a");
        inserted(&server, &one).await;
        administration
            .commit(&[Change::RevokeAuthorization(one.authorization)])
            .await
            .unwrap();
        assert_eq!(state(&server, &one).await, Some(State::Revoked));
        let spent = server.commit(&[Change::Spend(one.key.clone())]).await;
        assert!(matches!(spent, Err(CommitError::Conflict)));
        let document = Document {
            id: "web".to_owned(),
            revision: 0,
            body: Json::from_stored("{}"),
        };
        administration.write("things", &document).await.unwrap();
        assert!(server.read("things", "web").await.unwrap().is_some());
        administration.close().await.unwrap();
        inserted(&server, &row("b")).await;
    });
}

#[test]
fn a_credential_is_spent_once_even_by_two_stores() {
    let (_directory, path) = place();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build();
    runtime.unwrap().block_on(async {
        let stores = [
            SqliteStore::open(&path).await.unwrap(),
            SqliteStore::open(&path).await.unwrap(),
        ];
        for round in 0..20 {
            let code = row(&format!("code {round}"));
            inserted(&stores[0], &code).await;
            let attempts = (0..8).map(|n| {
                let store = stores[n % 2].clone();
                let mut changes = vec![Change::Spend(code.key.clone())];
                changes.extend(insert(&row(&format!("token {round} {n}"))));
                async move { store.commit(&changes).await }
            });
            let made = racing(attempts).await;
            assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
            for (n, made) in made.iter().enumerate() {
                let token = state(&stores[0], &row(&format!("token {round} {n}"))).await;
                assert_eq!(token.is_some(), made.is_ok());
            }
        }
    });
}

#[test]
fn readers_go_on_while_another_process_writes_and_commits_say_that_they_waited() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::options(&path)
            .busy_timeout(Duration::from_millis(1))
            .open()
            .await
            .unwrap();
        inserted(&store, &row("a")).await;
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let said = message(store.commit(&insert(&row("b"))).await);
        assert!(
            said.contains("is locked by another process and stayed so for 1ms"),
            "{said}"
        );
        assert!(state(&store, &row("a")).await.is_some());
        assert_eq!(state(&store, &row("b")).await, None);
        other.execute_batch("COMMIT").unwrap();
        inserted(&store, &row("b")).await;
    });
}

#[test]
fn a_backup_of_a_file_in_use_is_a_store() {
    let (directory, path) = place();
    let copy = directory.path().join("backup.db");
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
        let other = Connection::open(&path).unwrap();
        other.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        inserted(&store, &row("b")).await;
        let restored = SqliteStore::options(&copy).must_exist().open().await.unwrap();
        assert_eq!(restored.find(&row("a").key).await.unwrap(), Some(row("a")));
        assert_eq!(state(&restored, &row("b")).await, None);
        let change = Change::Update {
            key: row("a").key,
            revision: 0,
            data: json("restored"),
        };
        restored.commit(&[change]).await.unwrap();
    });
}
