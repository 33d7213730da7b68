//! The floor's store: one hash map in shards.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

const SHARDS: usize = 16;

/// What is kept of a code or token. `Clone` is a few reference counts.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) client: Arc<str>,
    pub(super) subject: Option<Arc<str>>,
    pub(super) scope: Arc<str>,
    pub(super) expires_at: u64,
    pub(super) redirect_uri: Option<String>,
    pub(super) challenge: Option<String>,
}

/// Rows by the SHA-256 of their secret.
#[derive(Default)]
pub(super) struct Rows([Mutex<Shard>; SHARDS]);

type Shard = HashMap<[u8; 32], Row, BuildHasherDefault<Head>>;

impl Rows {
    pub(super) fn insert(&self, key: [u8; 32], row: Row) {
        self.shard(&key, |shard| shard.insert(key, row));
    }

    pub(super) fn find(&self, key: &[u8; 32]) -> Option<Row> {
        self.shard(key, |shard| shard.get(key).cloned())
    }

    pub(super) fn remove(&self, key: &[u8; 32]) -> Option<Row> {
        self.shard(key, |shard| shard.remove(key))
    }

    fn shard<T>(&self, key: &[u8; 32], with: impl FnOnce(&mut Shard) -> T) -> T {
        let shard = &self.0[usize::from(key[31]) % SHARDS];
        with(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The head of a digest as its own hash: it is uniformly distributed already.
#[derive(Default)]
struct Head(u64);

impl Hasher for Head {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk::<8>()
            && bytes.len() == 32
        {
            self.0 = u64::from_le_bytes(*head);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
