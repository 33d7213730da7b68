//! How much of what SQLite can do by hand comes through the store: `cargo bench -p store-sqlite`.
//!
//! Every round measures all contenders one after the other on files of their own, so that what else the machine
//! does meets all of them. A ratio is the median of the rounds' ratios, because disks have their moods.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has nothing to say")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::{
    AuthorizationId, Change, Credential, CredentialStore, Entropy, Json, Key, Kind, Secret, State, Timestamp,
};
use oauth_testkit::SeededEntropy;
use rusqlite::{Connection, params};
use store_sqlite::SqliteStore;
use tokio::runtime::Runtime;

const ACCESS_TOKEN: Kind<()> = Kind::new("access_token");
const COMMITTERS: usize = 64;
const ROUNDS: usize = 15;

fn main() {
    let rows: usize = std::env::var("BENCH_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(6_400);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench {
        runtime,
        directory: directory.path().to_owned(),
    };
    bench.inserts(rows);
    bench.redemptions(rows / 4);
    bench.finds(rows);
}

struct Bench {
    runtime: Runtime,
    directory: std::path::PathBuf,
}

impl Bench {
    fn inserts(&self, rows: usize) {
        println!("durable inserts, {rows} rows into an empty file, {ROUNDS} rounds");
        let (mut by_hand, mut store, mut one_by_one, mut alone) = (vec![], vec![], vec![], vec![]);
        for round in 0..ROUNDS {
            let credentials = credentials(round, rows);
            by_hand.push(self.raw(&credentials, COMMITTERS));
            store.push(self.store(one_change(&credentials), COMMITTERS));
            let few = &credentials[..rows / 16];
            one_by_one.push(self.raw(few, 1) * 16);
            alone.push(self.store(one_change(few), 1) * 16);
        }
        rate("by hand, 64 to a transaction", rows, &by_hand);
        rate("by hand, one to a transaction", rows, &one_by_one);
        rate("store, 64 committers", rows, &store);
        rate("store, one committer", rows, &alone);
        ratio("64 committers / by hand in groups", &by_hand, &store);
        ratio("64 committers / by hand one by one", &one_by_one, &store);
        ratio("one committer / by hand one by one", &one_by_one, &alone);
    }

    /// What a grant commits: a code is spent, an access token and a refresh token are born.
    fn redemptions(&self, codes: usize) {
        println!("durable redemptions (a spend and two inserts), {codes} codes, {ROUNDS} rounds");
        let (mut by_hand, mut store) = (vec![], vec![]);
        for round in 0..ROUNDS {
            let credentials = credentials(round, codes * 3);
            let (codes, tokens) = credentials.split_at(codes);
            let commits: Vec<Vec<Change>> = codes
                .iter()
                .zip(tokens.chunks(2))
                .map(|(code, tokens)| {
                    let mut changes = vec![Change::Spend(code.key.clone())];
                    changes.extend(tokens.iter().cloned().map(Change::Insert));
                    changes
                })
                .collect();
            by_hand.push(self.raw_redemptions(codes, tokens));
            store.push(self.store_after(codes, commits, COMMITTERS));
        }
        rate("by hand, 64 to a transaction", codes, &by_hand);
        rate("store, 64 committers", codes, &store);
        ratio("64 committers / by hand in groups", &by_hand, &store);
    }

    fn finds(&self, rows: usize) {
        let credentials = credentials(0, rows);
        let path = self.directory.join("finds.db");
        let store = self.runtime.block_on(SqliteStore::open(&path)).unwrap();
        self.committed(&store, one_change(&credentials), COMMITTERS);
        let some = || credentials.iter().step_by(rows.div_ceil(5_000));
        let through_the_store = some().map(|credential| {
            let clock = Stopwatch::start();
            let found = self.runtime.block_on(store.find(&credential.key)).unwrap();
            assert!(found.is_some());
            clock.elapsed()
        });
        latency(&format!("find among {rows} rows"), through_the_store);
        let connection = Connection::open(&path).unwrap();
        let by_hand = some().map(|credential| {
            let clock = Stopwatch::start();
            let mut find = connection
                .prepare_cached("SELECT * FROM credentials WHERE digest = ?1 AND kind = ?2")
                .unwrap();
            let found = find
                .exists(params![credential.key.digest(), credential.key.kind()])
                .unwrap();
            assert!(found);
            clock.elapsed()
        });
        latency("  by hand, without reading the columns", by_hand);
        self.runtime.block_on(store.close()).unwrap();
        forget(&path);
    }

    /// A transaction for every `size` of them, with the statements that one would write by hand.
    fn raw(&self, credentials: &[Credential], size: usize) -> Duration {
        let (connection, path) = self.raw_connection();
        let clock = Stopwatch::start();
        for group in credentials.chunks(size) {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            for credential in group {
                raw_insert(&connection, credential);
            }
            connection.execute_batch("COMMIT").unwrap();
        }
        let took = clock.elapsed();
        drop(connection);
        forget(&path);
        took
    }

    fn raw_redemptions(&self, codes: &[Credential], tokens: &[Credential]) -> Duration {
        let (connection, path) = self.raw_connection();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for code in codes {
            raw_insert(&connection, code);
        }
        connection.execute_batch("COMMIT").unwrap();
        let clock = Stopwatch::start();
        for (codes, tokens) in codes.chunks(COMMITTERS).zip(tokens.chunks(COMMITTERS * 2)) {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            for (code, tokens) in codes.iter().zip(tokens.chunks(2)) {
                let mut spend = connection
                    .prepare_cached("UPDATE credentials SET state = 1 WHERE digest = ?1 AND kind = ?2 AND state = 0")
                    .unwrap();
                let count = spend.execute(params![code.key.digest(), code.key.kind()]).unwrap();
                assert_eq!(count, 1);
                for token in tokens {
                    raw_insert(&connection, token);
                }
            }
            connection.execute_batch("COMMIT").unwrap();
        }
        let took = clock.elapsed();
        drop(connection);
        forget(&path);
        took
    }

    /// The store's own file and settings, without the store.
    fn raw_connection(&self) -> (Connection, std::path::PathBuf) {
        let path = self.directory.join("raw.db");
        self.runtime.block_on(async {
            SqliteStore::open(&path).await.unwrap().close().await.unwrap();
        });
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
                 PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY",
            )
            .unwrap();
        (connection, path)
    }

    fn store(&self, commits: Vec<Vec<Change>>, committers: usize) -> Duration {
        self.store_after(&[], commits, committers)
    }

    fn store_after(&self, before: &[Credential], commits: Vec<Vec<Change>>, committers: usize) -> Duration {
        let path = self.directory.join("store.db");
        let store = self.runtime.block_on(SqliteStore::open(&path)).unwrap();
        self.committed(&store, one_change(before), COMMITTERS);
        let took = self.committed(&store, commits, committers);
        self.runtime.block_on(store.close()).unwrap();
        forget(&path);
        took
    }

    /// That many tasks, each of which commits one after the other.
    fn committed(&self, store: &SqliteStore, commits: Vec<Vec<Change>>, committers: usize) -> Duration {
        let mut shares: Vec<Vec<Vec<Change>>> = (0..committers).map(|_| Vec::new()).collect();
        for (n, commit) in commits.into_iter().enumerate() {
            shares[n % committers].push(commit);
        }
        let store = Arc::new(store.clone());
        self.runtime.block_on(async {
            let clock = Stopwatch::start();
            let tasks: Vec<_> = shares
                .into_iter()
                .map(|share| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move {
                        for commit in share {
                            store.commit(&commit).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            clock.elapsed()
        })
    }
}

fn raw_insert(connection: &Connection, credential: &Credential) {
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO credentials
                (digest, kind, authorization, client, subject, scope, expires_at, state, revision, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )
        .unwrap();
    insert
        .execute(params![
            credential.key.digest(),
            credential.key.kind(),
            credential.authorization.as_bytes(),
            credential.client.as_str(),
            credential.subject.as_ref().map(oauth_core::Subject::as_str),
            credential.scope.as_str(),
            i64::try_from(credential.expires_at.as_millis()).unwrap(),
            0,
            0,
            credential.data.as_str(),
        ])
        .unwrap();
}

fn one_change(credentials: &[Credential]) -> Vec<Vec<Change>> {
    credentials
        .iter()
        .cloned()
        .map(|row| vec![Change::Insert(row)])
        .collect()
}

/// Access tokens of many authorizations and subjects.
fn credentials(round: usize, count: usize) -> Vec<Credential> {
    let entropy = SeededEntropy::new(round as u64);
    let start = Timestamp::from_secs(1_900_000_000);
    (0..count)
        .map(|n| {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes).unwrap();
            Credential {
                key: Key::of(&ACCESS_TOKEN, &Secret::new(format!("{round} {n}"))),
                authorization: AuthorizationId::from_bytes(bytes),
                client: "web".into(),
                subject: Some(format!("user-{}", u16::from_le_bytes([bytes[0], bytes[1]])).into()),
                scope: "profile read write".parse().unwrap(),
                expires_at: start.plus(Duration::from_millis(n as u64)),
                state: State::Live,
                revision: 0,
                data: Json::from_stored(r#"{"resource":[],"issued_at":1900000000000}"#),
            }
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^52")]
fn rate(what: &str, count: usize, times: &[Duration]) {
    let median = median(times.iter().map(Duration::as_secs_f64));
    println!("  {what:36} {:>9.0} /s", count as f64 / median);
}

/// How many times as fast `theirs` is as `ours`.
fn ratio(what: &str, ours: &[Duration], theirs: &[Duration]) {
    let ratios = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64());
    println!("  {what:36} {:>9.2}", median(ratios));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn latency(what: &str, times: impl Iterator<Item = Duration>) {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let (median, slow) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{what}: median {median:?}, 99th percentile {slow:?}");
}

fn forget(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        drop(std::fs::remove_file(name));
    }
}

struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "measuring time is what a benchmark is for")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
