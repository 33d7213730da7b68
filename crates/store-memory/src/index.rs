//! Listing credentials: a walk over the rows.

use async_trait::async_trait;
use oauth_core::{Credential, CredentialIndex, Filter, Key, StoreError};

use crate::MemoryStore;
use crate::locks::{let_others_run, read};
use crate::row::Row;
use crate::shard::{self, Shard};

#[async_trait]
impl CredentialIndex for MemoryStore {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        let mut listed = Vec::new();
        // The shards are in the order of the keys, so the walk begins at one and ends with enough.
        let first = after.map_or(0, |key| shard::number(key.digest()));
        for shard in &self.0.shards[first..] {
            if listed.len() >= limit {
                break;
            }
            {
                let shard = read(shard);
                let rows = matching(&shard, filter, after);
                let wanted = rows.into_iter().take(limit - listed.len());
                listed.extend(wanted.map(|row| self.0.revoked.joined(row.credential(shard.key(row)))));
            }
            let_others_run().await;
        }
        Ok(listed)
    }
}

/// The rows of a shard that are meant, in the order of their keys.
fn matching<'s>(shard: &'s Shard, filter: &Filter, after: Option<&Key>) -> Vec<&'s Row> {
    let place = |row: &'s Row| (&row.digest, shard.kind_name(row.kind).as_ref());
    let is_meant = |row: &&'s Row| match filter {
        Filter::Subject(subject) => row.is_of_subject(subject),
        Filter::Client(client) => row.is_of_client(client),
        Filter::Authorization(id) => row.authorization == *id,
    };
    let is_after = |row: &&'s Row| after.is_none_or(|after| place(row) > (after.digest(), after.kind()));
    let mut rows: Vec<&Row> = shard.rows().filter(is_meant).filter(is_after).collect();
    rows.sort_unstable_by_key(|row| place(row));
    rows
}
