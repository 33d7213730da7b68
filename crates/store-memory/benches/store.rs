//! What a request costs here: finding a token, inserting one, redeeming a code for one.

use std::cell::Cell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use oauth_core::{AuthorizationId, Change, ClientId, Credential, CredentialStore, Json, Key, Secret, State, Timestamp};
use oauth_testkit::block_on;
use oauth_testkit::sample::{OTHER, SAMPLE};
use store_memory::MemoryStore;

/// As many tokens as a store of some size holds.
const LIVE: u64 = 100_000;

fn token(n: u64) -> Credential {
    let mut id = [0u8; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    Credential {
        key: Key::of(&SAMPLE, &Secret::new(format!("token {n}"))),
        authorization: AuthorizationId::from_bytes(id),
        client: ClientId::new("client"),
        subject: None,
        scope: "read write".parse().unwrap_or_default(),
        expires_at: Timestamp::from_secs(1_800_000_000 + n),
        state: State::Live,
        revision: 0,
        data: Json::from_stored("{\"iat\":1800000000000}"),
    }
}

fn code(n: u64) -> Credential {
    Credential {
        key: Key::of(&OTHER, &Secret::new(format!("code {n}"))),
        ..token(n)
    }
}

fn filled() -> MemoryStore {
    let store = MemoryStore::new();
    for n in 0..LIVE {
        commit(&store, &[Change::Insert(token(n))]);
    }
    store
}

fn commit(store: &MemoryStore, changes: &[Change]) {
    if let Err(error) = block_on(store.commit(changes)) {
        panic!("a commit of a benchmark failed: {error}");
    }
}

fn benches(c: &mut Criterion) {
    let store = filled();
    let next = Cell::new(LIVE);
    let fresh = || {
        next.set(next.get() + 1);
        next.get()
    };

    let keys: Vec<Key> = (0..LIVE).step_by(97).map(|n| token(n).key).collect();
    let mut turn = keys.iter().cycle();
    c.bench_function("find", |b| {
        b.iter(|| turn.next().map(|key| block_on(store.find(black_box(key)))));
    });
    let missing: Vec<Key> = (0..1_000).map(|n| code(n).key).collect();
    let mut turn = missing.iter().cycle();
    c.bench_function("find nothing", |b| {
        b.iter(|| turn.next().map(|key| block_on(store.find(black_box(key)))));
    });
    c.bench_function("insert", |b| {
        b.iter_batched(
            || [Change::Insert(token(fresh()))],
            |changes| {
                commit(&store, &changes);
                changes
            },
            BatchSize::SmallInput,
        );
    });
    c.bench_function("spend a code and insert a token", |b| {
        b.iter_batched(
            || {
                let n = fresh();
                let code = code(n);
                let key = code.key.clone();
                commit(&store, &[Change::Insert(code)]);
                [Change::Spend(key), Change::Insert(token(n))]
            },
            |changes| {
                commit(&store, &changes);
                changes
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(group, benches);
criterion_main!(group);
