//! In-memory store for an OAuth 2.x authorization server: the reference store.
//!
//! [`MemoryStore`] keeps everything in this process and forgets it when the process ends. It is what tests and
//! demonstrations run on, and what a single server may run on whose clients can simply ask for new tokens.
//!
//! # How it keeps credentials
//! Rows lie in 64 shards by the first bits of their digest, each behind a lock of its own, so requests on
//! many cores rarely meet. A commit locks the shards of its keys in the order of their numbers, makes its changes
//! and undoes them if one conflicts; nobody else sees anything in between. Nothing in it awaits, so a commit
//! cannot be dropped half-way.
//!
//! A revoked authorization is one entry in a table beside the rows. [`find`](oauth_core::CredentialStore::find) looks
//! there as well, so revoking costs the same however much descends from it, and a token costs no entry in any index
//! by authorization. The entry is kept until [`sweep`](oauth_core::CredentialStore::sweep) has forgotten everything that
//! descends from it, and a day longer, for requests that were on their way.
//!
//! # What it costs
//! A live access token of the client credentials grant takes about 200 bytes: a row of 136, its place in the index, and
//! its data (`cargo run --release -p store-memory --example memory_per_token` measures it). Scopes and the
//! identifiers of clients are shared. What is swept is given back to the allocator.
//! Finding a token takes about 100 ns while it is in the processor's cache and some hundreds when it is not; so does
//! a commit (`cargo bench -p store-memory`).
//! [`list`](oauth_core::CredentialIndex::select) walks over all rows: it is for administration.

mod commit;
mod documents;
mod index;
mod locks;
mod revoked;
mod row;
mod shard;
mod sweep;

use std::borrow::Borrow;
use std::fmt;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use oauth_core::{Change, Client, CommitError, Credential, CredentialStore, Key, StoreError, Timestamp};

use crate::documents::Folders;
use crate::locks::read;
use crate::revoked::Revoked;
use crate::shard::{SHARDS, Shard};

/// A store in memory. Clones share what they keep.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    shards: [RwLock<Shard>; SHARDS],
    revoked: Revoked,
    folders: Folders,
    /// The shard in which the next sweep begins: where the last one had to stop.
    sweeps_at: AtomicU8,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            shards: std::array::from_fn(|_| RwLock::default()),
            revoked: Revoked::default(),
            folders: Folders::default(),
            sweeps_at: AtomicU8::new(0),
        }))
    }

    /// The same store with that client, in place of any other with its identifier.
    ///
    /// It can be changed later as a document of the collection [`CLIENTS`](oauth_core::CLIENTS).
    #[must_use]
    pub fn with_client(self, client: impl Borrow<Client>) -> Self {
        self.0.folders.put_client(client.borrow());
        self
    }

    /// How many credentials there are, in whatever state.
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| read(shard).len()).sum()
    }

    /// Whether there are no credentials.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} credentials)", self.len())
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        let shard = read(&self.0.shards[shard::number(key.digest())]);
        // The shard stays locked until the authorization was looked up: a commit that changes both is seen whole.
        Ok(shard
            .row(key)
            .map(|row| self.0.revoked.joined(row.credential(key.clone()))))
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        commit::commit(&self.0.shards, &self.0.revoked, changes)
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(sweep::sweep(&self.0, expired_before, limit).await)
    }
}
