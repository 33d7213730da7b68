//! One part of the rows: dense, indexed, and small again when they are gone.

use std::borrow::Cow;
use std::collections::HashSet;

use hashbrown::HashTable;
use oauth_core::{Credential, Key, Scope, Timestamp};

use crate::row::Row;

/// How many shards there are: one for each value of a digest's first six bits, so that they are in the order of the keys.
pub(crate) const SHARDS: usize = 64;

/// The number of a digest's shard.
pub(crate) const fn number(digest: &[u8; 32]) -> usize {
    digest[0] as usize * SHARDS / 256
}

/// How many rows are allocated together. Rows are never moved to grow, and given back chunk by chunk.
const CHUNK: usize = 64;

/// The rows of one shard.
pub(crate) struct Shard {
    /// Where each row is: its number. The hash is computed from the row itself.
    index: HashTable<u32>,
    chunks: Vec<Vec<Row>>,
    len: usize,
    /// The names of the kinds. There are as many as the program has constants, so they are never forgotten.
    kinds: Vec<Cow<'static, str>>,
    /// One of each scope, so that rows share it.
    scopes: HashSet<Scope>,
    /// No row expires before this.
    earliest: Timestamp,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            chunks: Vec::new(),
            len: 0,
            kinds: Vec::new(),
            scopes: HashSet::new(),
            earliest: Timestamp::MAX,
        }
    }
}

/// Why a row could not be inserted.
pub(crate) enum Refused {
    /// Its key is taken.
    Taken,
    /// There are as many rows as can be numbered.
    Full,
}

/// How far a sweep of a shard got.
pub(crate) struct Swept {
    pub(crate) count: usize,
    /// Below which row it goes on; `None` at its end.
    pub(crate) rest: Option<usize>,
}

impl Shard {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.chunks.iter().flatten()
    }

    pub(crate) fn row(&self, key: &Key) -> Option<&Row> {
        let number = self.number(key)?;
        Some(self.at(number))
    }

    pub(crate) fn row_mut(&mut self, key: &Key) -> Option<&mut Row> {
        let number = self.number(key)?;
        Some(&mut self.chunks[number / CHUNK][number % CHUNK])
    }

    /// The key of one of its rows.
    pub(crate) fn key(&self, row: &Row) -> Key {
        Key::from_parts(self.kind_name(row.kind).clone(), row.digest)
    }

    pub(crate) fn kind_name(&self, kind: u32) -> &Cow<'static, str> {
        &self.kinds[kind as usize]
    }

    pub(crate) fn insert(&mut self, credential: &Credential) -> Result<(), Refused> {
        if self.number(&credential.key).is_some() {
            return Err(Refused::Taken);
        }
        let number = u32::try_from(self.len).map_err(|_| Refused::Full)?;
        let kind = self.kind_for(&credential.key)?;
        let scope = self.shared(&credential.scope);
        let row = Row::of(credential, kind, scope);
        let chunks = &self.chunks;
        self.index.insert_unique(hash(&row.digest), number, |other| {
            hash(&at(chunks, *other as usize).digest)
        });
        self.earliest = self.earliest.min(row.expires_at);
        if self.len.is_multiple_of(CHUNK) {
            // The first chunk grows with its rows; whoever needs a second one will fill it.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        self.chunks[self.len / CHUNK].push(row);
        self.len += 1;
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(number) = self.number(key) {
            self.remove_at(number);
        }
    }

    /// Whether there can be a row that expired before that point in time.
    pub(crate) fn may_have_expired(&self, before: Timestamp) -> bool {
        self.len > 0 && self.earliest < before
    }

    /// Forgets at most `limit` rows that expired before, going down from the row `from`, or from the last one.
    ///
    /// Downwards, because a removed row is replaced by the last one, which was looked at already: so a sweep in several
    /// steps misses nothing, whatever others remove between them.
    pub(crate) fn sweep(&mut self, before: Timestamp, limit: usize, from: Option<usize>) -> Swept {
        let mut count = 0;
        let mut earliest = Timestamp::MAX;
        let mut number = from.unwrap_or(self.len).min(self.len);
        while number > 0 {
            if count == limit {
                self.shrink();
                return Swept {
                    count,
                    rest: Some(number),
                };
            }
            number -= 1;
            let expires_at = self.at(number).expires_at;
            if expires_at < before {
                self.remove_at(number);
                count += 1;
            } else {
                earliest = earliest.min(expires_at);
            }
        }
        if from.is_none() {
            self.earliest = earliest;
        }
        self.shrink();
        Swept { count, rest: None }
    }

    fn at(&self, number: usize) -> &Row {
        at(&self.chunks, number)
    }

    fn number(&self, key: &Key) -> Option<usize> {
        let digest = key.digest();
        let found = self.index.find(hash(digest), |number| {
            let row = self.at(*number as usize);
            row.digest == *digest && self.kind_name(row.kind) == key.kind()
        });
        found.map(|number| *number as usize)
    }

    fn kind_for(&mut self, key: &Key) -> Result<u32, Refused> {
        let known = self.kinds.iter().position(|kind| kind == key.kind());
        let number = known.unwrap_or_else(|| {
            self.kinds.push(Cow::Owned(key.kind().to_owned()));
            self.kinds.len() - 1
        });
        u32::try_from(number).map_err(|_| Refused::Full)
    }

    fn shared(&mut self, scope: &Scope) -> Scope {
        if let Some(known) = self.scopes.get(scope) {
            return known.clone();
        }
        // Scopes that nobody holds any more are not noticed; beginning anew now and then is enough.
        if self.scopes.len() > self.len / 2 + 16 {
            self.scopes.clear();
        }
        self.scopes.insert(scope.clone());
        scope.clone()
    }

    /// Removes a row and puts the last one in its place.
    fn remove_at(&mut self, number: usize) {
        let last = self.len - 1;
        self.forget(number);
        if number != last {
            let moved = hash(&self.at(last).digest);
            if let Some(entry) = self.index.find_mut(moved, |entry| *entry as usize == last)
                && let Ok(number) = u32::try_from(number)
            {
                *entry = number;
            }
        }
        let end = self.chunks.last_mut().and_then(|chunk| {
            let row = chunk.pop();
            row.map(|row| (row, chunk.is_empty()))
        });
        if let Some((row, emptied)) = end {
            if emptied {
                self.chunks.pop();
            }
            if number != last {
                self.chunks[number / CHUNK][number % CHUNK] = row;
            }
        }
        self.len = last;
    }

    fn forget(&mut self, number: usize) {
        let hash = hash(&self.at(number).digest);
        if let Ok(entry) = self.index.find_entry(hash, |entry| *entry as usize == number) {
            entry.remove();
        }
    }

    /// Gives memory back once three quarters of it are unused.
    fn shrink(&mut self) {
        if self.len == 0 {
            *self = Self {
                kinds: std::mem::take(&mut self.kinds),
                ..Self::default()
            };
            return;
        }
        if self.index.capacity() / 4 > self.len {
            let chunks = &self.chunks;
            self.index
                .shrink_to(self.len * 2, |number| hash(&at(chunks, *number as usize).digest));
            self.chunks.shrink_to(self.chunks.len() * 2);
        }
    }
}

fn at(chunks: &[Vec<Row>], number: usize) -> &Row {
    &chunks[number / CHUNK][number % CHUNK]
}

fn hash(digest: &[u8; 32]) -> u64 {
    // A digest is uniformly distributed; all of it is folded in, so that keys made by hand spread as well.
    let mut hash = 0u64;
    for word in digest.chunks_exact(8) {
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(word);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    hash ^ (hash >> 32)
}
