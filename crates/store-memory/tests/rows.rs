//! What the laws of the kit cannot see: many rows in one place, sweeps in steps, documents that are no clients.

use oauth_core::{
    AuthorizationId, CLIENTS, Change, Client, ClientId, ClientStore, Credential, CredentialIndex, CredentialStore,
    Document, Documents, Filter, Json, Key, State, Timestamp,
};
use oauth_testkit::sample::{authorization, credential};
use oauth_testkit::{block_on, interleaved, racing};
use store_memory::MemoryStore;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

/// The `n`th of many credentials that lie in the same shard.
fn crowded(n: u32, expires_at: Timestamp) -> Credential {
    let mut digest = [7u8; 32];
    digest[28..].copy_from_slice(&n.to_be_bytes());
    let kind = if n.is_multiple_of(3) {
        "testkit:third"
    } else {
        "testkit:sample"
    };
    Credential {
        key: Key::from_parts(kind, digest),
        authorization: authorization(&format!("of {}", n % 10)),
        expires_at,
        ..credential("crowded", AuthorizationId::from_bytes([0; 16]))
    }
}

fn inserted(store: &MemoryStore, rows: &[Credential]) {
    for some in rows.chunks(97) {
        let changes: Vec<Change> = some.iter().cloned().map(Change::Insert).collect();
        block_on(store.commit(&changes)).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[track_caller]
fn assert_has(store: &MemoryStore, rows: &[Credential]) {
    assert_eq!(store.len(), rows.len());
    for row in rows {
        assert_eq!(block_on(store.find(&row.key)).unwrap_or_default().as_ref(), Some(row));
    }
}

#[test]
fn rows_that_are_moved_into_gaps_are_still_found() {
    let store = MemoryStore::new();
    // Which expire when is spread over the whole shard.
    let rows: Vec<Credential> = (0..3_000).map(|n| crowded(n, at(u64::from(n * 7 % 10)))).collect();
    inserted(&store, &rows);
    assert_has(&store, &rows);
    let mut left = rows;
    for secs in 1..=10u32 {
        let before = left.len();
        let now = at(u64::from(secs));
        left.retain(|row| row.expires_at >= now);
        assert_eq!(block_on(store.sweep(now, usize::MAX)).unwrap(), before - left.len());
        assert_has(&store, &left);
        // The gaps are used again.
        let anew: Vec<Credential> = (0..50).map(|n| crowded(10_000 * secs + n, at(100))).collect();
        inserted(&store, &anew);
        left.extend(anew);
        assert_has(&store, &left);
    }
    assert_eq!(block_on(store.sweep(Timestamp::MAX, usize::MAX)).unwrap(), 500);
    assert!(store.is_empty());
}

#[test]
fn a_commit_that_conflicts_at_its_end_leaves_a_crowded_shard_as_it_was() {
    let store = MemoryStore::new();
    let rows: Vec<Credential> = (0..200).map(|n| crowded(n, at(1))).collect();
    inserted(&store, &rows);
    let mut changes: Vec<Change> = (200..400).map(|n| Change::Insert(crowded(n, at(1)))).collect();
    changes.push(Change::Insert(rows[3].clone()));
    assert!(block_on(store.commit(&changes)).is_err());
    assert_has(&store, &rows);
    changes.pop();
    block_on(store.commit(&changes)).unwrap();
    assert_eq!(store.len(), 400);
}

#[test]
fn two_sweeps_at_once_forget_everything_once() {
    let store = MemoryStore::new();
    let rows: Vec<Credential> = (0..5_000).map(|n| crowded(n, at(u64::from(n % 2)))).collect();
    inserted(&store, &rows);
    let sweeps = [1_300, 1_300, usize::MAX].map(|limit| store.sweep(at(1), limit));
    let swept: usize = block_on(interleaved(sweeps)).into_iter().map(Result::unwrap).sum();
    assert_eq!(swept, 2_500);
    let left: Vec<Credential> = rows.into_iter().filter(|row| row.expires_at == at(1)).collect();
    assert_has(&store, &left);
}

#[test]
fn a_sweep_that_is_dropped_has_done_what_it_did() {
    let store = MemoryStore::new();
    let rows: Vec<Credential> = (0..2_000).map(|n| crowded(n, at(0))).collect();
    inserted(&store, &rows);
    block_on(store.commit(&[Change::RevokeAuthorization(authorization("of 3"))])).unwrap();
    for polls in 0..600 {
        block_on(oauth_testkit::cancelled_after(polls, store.sweep(at(1), 1)));
    }
    let rest = store.len();
    assert!(rest < 2_000);
    assert_eq!(block_on(store.sweep(at(1), usize::MAX)).unwrap(), rest);
}

#[test]
fn commits_on_many_threads_lose_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = MemoryStore::new();
        let tasks = (0..8u32).map(|task| {
            let store = store.clone();
            async move {
                for n in 0..500 {
                    let row = crowded(task * 1_000 + n, at(u64::from(n % 2) * 10));
                    let spent = Change::Spend(row.key.clone());
                    store.commit(&[Change::Insert(row)]).await.unwrap();
                    // What has expired may be swept before it is spent.
                    if n % 2 == 1 {
                        store.commit(&[spent]).await.unwrap();
                    }
                    if n % 50 == 0 {
                        store.sweep(at(5), 100).await.unwrap();
                    }
                }
            }
        });
        racing(tasks).await;
        store.sweep(at(5), usize::MAX).await.unwrap();
        assert_eq!(store.len(), 8 * 250);
        for task in 0..8 {
            for n in (1..500).step_by(2) {
                let expected = Credential {
                    state: State::Spent,
                    ..crowded(task * 1_000 + n, at(10))
                };
                assert_eq!(store.find(&expected.key).await.unwrap(), Some(expected));
            }
        }
    });
}

#[test]
fn a_listing_of_a_crowded_shard_is_in_order_and_in_pages() {
    let store = MemoryStore::new();
    let rows: Vec<Credential> = (0..1_000).rev().map(|n| crowded(n, at(1))).collect();
    inserted(&store, &rows);
    let filter = Filter::Authorization(authorization("of 4"));
    let mut listed: Vec<Key> = Vec::new();
    loop {
        let page = block_on(CredentialIndex::select(&store, &filter, listed.last(), 7)).unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|row| row.key));
    }
    assert_eq!(listed.len(), 100);
    assert!(listed.is_sorted());
}

#[test]
fn a_document_that_is_no_client_is_an_error_that_names_it() {
    let store = MemoryStore::new();
    let write = |id: &str, revision, body: &str| {
        let document = Document {
            id: id.to_owned(),
            revision,
            body: Json::from_stored(body),
        };
        block_on(store.write(CLIENTS, &document)).unwrap();
    };
    write("broken", 0, "{\"client_id\": 1}");
    let error = block_on(store.client(&ClientId::new("broken"))).unwrap_err();
    assert!(error.to_string().contains("\"broken\""), "{error}");
    let other = Json::of(&Client::public("somebody else")).unwrap();
    write("wrong", 0, other.as_str());
    let error = block_on(store.client(&ClientId::new("wrong"))).unwrap_err();
    assert!(error.to_string().contains("describes another client"), "{error}");
    assert_eq!(block_on(store.client(&ClientId::new("somebody else"))).unwrap(), None);

    let mended = Client::public("broken");
    write("broken", 1, Json::of(&mended).unwrap().as_str());
    assert_eq!(block_on(store.client(&mended.id)).unwrap(), Some(mended));
}

#[test]
fn a_client_given_at_the_start_can_be_changed_as_a_document() {
    let store = MemoryStore::new()
        .with_client(Client::public("app").named("one"))
        .with_client(Client::public("app"));
    let document = block_on(store.read(CLIENTS, "app")).unwrap().unwrap();
    assert_eq!(document.revision, 2);
    assert_eq!(document.body.read::<Client>().unwrap(), Client::public("app"));
    assert!(block_on(store.remove(CLIENTS, "app")).unwrap());
    assert_eq!(block_on(store.client(&ClientId::new("app"))).unwrap(), None);
}
