//! A store in use, from its first commit to its last.

use std::fs;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use oauth_core::{
    CLIENTS, Change, ClientStore, CommitError, CredentialIndex, CredentialStore, Document, Documents, Filter, Json,
    State, Timestamp,
};
use oauth_testkit::sample::{EXPIRY, key};
use oauth_testkit::{block_on, cancelled_after, racing};
use store_sqlite::{Durability, SqliteStore};

use crate::sample::{beside, heavy, insert, inserted, message, place, row, state};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap()
}

#[test]
fn no_runtime_is_needed() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
        assert!(state(&store, &row("a")).await.is_some());
        let filter = Filter::Client("client".into());
        assert_eq!(
            CredentialIndex::select(&store, &filter, None, 10).await.unwrap().len(),
            1
        );
        assert_eq!(store.sweep(Timestamp::MAX, 10).await.unwrap(), 1);
        store.close().await.unwrap();
    });
}

/// Each of the commits that conflict has made changes before, so the group that they are in is made twice.
#[test]
fn commits_that_conflict_halfway_take_nothing_of_their_group_with_them() {
    let (_directory, path) = place();
    runtime().block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        for round in 0..10 {
            let name = |what: &str, n: usize| format!("{round} {what} {n}");
            let commits = (0..64).map(|n| {
                let mut changes = insert(&row(&name("good", n)));
                changes.extend(insert(&row(&name("other", n))));
                if n % 4 == 0 {
                    changes.push(Change::Spend(key("never inserted")));
                }
                let store = store.clone();
                async move { store.commit(&changes).await }
            });
            for (n, made) in racing(commits).await.into_iter().enumerate() {
                let expected = n % 4 != 0;
                assert_eq!(made.is_ok(), expected, "{made:?}");
                assert!(made.is_ok() || matches!(made, Err(CommitError::Conflict)));
                for what in ["good", "other"] {
                    assert_eq!(state(&store, &row(&name(what, n))).await.is_some(), expected);
                }
            }
        }
    });
}

#[test]
fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
    let (_directory, path) = place();
    runtime().block_on(async {
        let store = SqliteStore::options(&path).largest_file(1 << 20).open().await.unwrap();
        let mut kept = Vec::new();
        let said = loop {
            let one = heavy(&format!("heavy {}", kept.len()), 50_000);
            match store.commit(&insert(&one)).await {
                Ok(()) => kept.push(one),
                failed => {
                    assert_eq!(state(&store, &one).await, None);
                    break message(failed);
                }
            }
        };
        assert!(
            said.contains("cannot grow: the disk is full or the largest size"),
            "{said}"
        );
        assert!(kept.len() > 10);
        // In one group with what does not fit is what does.
        let commits = (0..32).map(|n| {
            let one = if n % 2 == 0 {
                heavy(&format!("too heavy {n}"), 90_000)
            } else {
                row(&format!("light {n}"))
            };
            let store = store.clone();
            async move {
                (
                    store.commit(&insert(&one)).await.is_ok(),
                    state(&store, &one).await.is_some(),
                )
            }
        });
        for (n, (made, found)) in racing(commits).await.into_iter().enumerate() {
            assert_eq!((made, found), (n % 2 == 1, n % 2 == 1), "{n}");
        }
        for one in &kept {
            assert_eq!(store.find(&one.key).await.unwrap().as_ref(), Some(one));
        }
        // Room is made, and it goes on.
        assert_eq!(store.sweep(Timestamp::MAX, 10).await.unwrap(), 10);
        inserted(&store, &heavy("after", 50_000)).await;
    });
}

#[test]
fn a_closed_store_says_so() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let clone = store.clone();
        inserted(&store, &row("a")).await;
        store.close().await.unwrap();
        assert!(!beside(&path, "-wal").exists());
        let closed = "the store is closed";
        assert_eq!(message(clone.commit(&insert(&row("b"))).await), closed);
        assert_eq!(clone.find(&row("a").key).await.unwrap_err().to_string(), closed);
        assert_eq!(clone.sweep(EXPIRY, 1).await.unwrap_err().to_string(), closed);
        let filter = Filter::Subject("subject".into());
        let listed = CredentialIndex::select(&clone, &filter, None, 1).await;
        assert_eq!(listed.unwrap_err().to_string(), closed);
        assert_eq!(clone.remove("things", "a").await.unwrap_err().to_string(), closed);
        clone.close().await.unwrap();
    });
}

#[test]
fn the_log_stays_bounded() {
    let (_directory, path) = place();
    runtime().block_on(async {
        let store = SqliteStore::options(&path)
            .durability(Durability::Normal)
            .open()
            .await
            .unwrap();
        let mut longest = 0;
        for n in 0..1200 {
            inserted(&store, &heavy(&n.to_string(), 64 * 1024)).await;
            assert!(state(&store, &row(&n.to_string())).await.is_some());
            longest = longest.max(fs::metadata(beside(&path, "-wal")).unwrap().len());
        }
        assert!(fs::metadata(&path).unwrap().len() > 60 << 20);
        assert!(longest < 20 << 20, "the log was {longest} bytes long");
    });
}

#[test]
fn a_sweep_and_commits_take_turns() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let old: Vec<Change> = (0..1_000).flat_map(|n| insert(&row(&format!("old {n}")))).collect();
        store.commit(&old).await.unwrap();
        let left = async || {
            let filter = Filter::Subject("subject".into());
            CredentialIndex::select(&store, &filter, None, usize::MAX)
                .await
                .unwrap()
                .len()
        };
        // The writer is held back until the sweep stands in the queue, and the commit behind it.
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut sweep = pin!(store.sweep(Timestamp::MAX, usize::MAX));
        let waits = poll_fn(|context| Poll::Ready(sweep.as_mut().poll(context).is_pending())).await;
        assert!(waits);
        let fresh = oauth_core::Credential {
            expires_at: Timestamp::MAX,
            subject: None,
            ..row("fresh")
        };
        let changes = insert(&fresh);
        let mut commit = pin!(store.commit(&changes));
        let waits = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await;
        assert!(waits);
        other.execute_batch("COMMIT").unwrap();
        commit.await.unwrap();
        let left = left().await;
        assert!(0 < left && left < 1_000, "{left} were left when the commit was made");
        assert_eq!(sweep.await.unwrap(), 1_000);
        assert_eq!(state(&store, &fresh).await, Some(State::Live));
    });
}

/// Nobody's revocation can be forgotten while a request that read before it may still be under way.
#[test]
fn a_revocation_is_remembered_for_a_day_after_the_last_credential_expired() {
    const DAY: u64 = 24 * 60 * 60;
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        for name in ["with a credential", "without any"] {
            let one = row(name);
            if name == "with a credential" {
                inserted(&store, &one).await;
            }
            store
                .commit(&[Change::RevokeAuthorization(one.authorization)])
                .await
                .unwrap();
            let after = |secs: u64| EXPIRY.plus(std::time::Duration::from_secs(secs));
            for before in [after(1), after(DAY)] {
                store.sweep(before, 100).await.unwrap();
                let late = store.commit(&insert(&row(name))).await;
                assert!(matches!(late, Err(CommitError::Conflict)), "{name}: {late:?}");
            }
            store.sweep(after(DAY + 2), 100).await.unwrap();
            inserted(&store, &one).await;
            store.sweep(Timestamp::MAX, 100).await.unwrap();
        }
    });
}

#[test]
fn a_document_that_is_no_client_is_an_error_that_quotes_nothing_of_it() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let document = Document {
            id: "web".to_owned(),
            revision: 0,
            body: Json::from_stored(r#"{"client_id": 7, "secrets": "hidden"}"#),
        };
        store.write(CLIENTS, &document).await.unwrap();
        let said = store.client(&"web".into()).await.unwrap_err().to_string();
        assert!(
            said.starts_with("the document of the client \"web\" is no client"),
            "{said}"
        );
        assert!(!said.contains("hidden"), "{said}");
    });
}

#[test]
fn a_commit_that_is_dropped_before_its_turn_is_never_made() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let changes = insert(&row("dropped"));
        assert!(cancelled_after(1, store.commit(&changes)).await.is_none());
        other.execute_batch("COMMIT").unwrap();
        inserted(&store, &row("kept")).await;
        assert_eq!(state(&store, &row("dropped")).await, None);
    });
}
