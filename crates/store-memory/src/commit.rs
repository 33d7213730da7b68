//! A commit: lock, make the changes in order, undo them if one conflicts.

use std::sync::{RwLock, RwLockWriteGuard};

use oauth_core::{AuthorizationId, Change, CommitError, Credential, Json, Key, State, StoreError};

use crate::locks::write;
use crate::revoked::{Held, Parts, Revoked};
use crate::row::Row;
use crate::shard::{self, Refused, SHARDS, Shard};

/// Makes all changes or none.
///
/// Locks are taken in one order, shards by number and then the revoked authorizations by number, so two
/// commits never wait for each other. All of them are held until the end: a commit is seen whole.
pub(crate) fn commit(
    shards: &[RwLock<Shard>; SHARDS],
    revoked: &Revoked,
    changes: &[Change],
) -> Result<(), CommitError> {
    let mut rows = Rows::lock(shards, changes);
    let revoked = revoked.hold(rows.parts(changes));
    let mut made = Made {
        revoked,
        undo: Vec::new(),
    };
    for change in changes {
        if let Err(error) = made.make(&mut rows, change) {
            made.undo(&mut rows);
            return Err(error);
        }
    }
    Ok(())
}

/// The shards that a commit touches.
struct Rows<'a> {
    /// One bit for each shard.
    needed: [u64; SHARDS / 64],
    guards: Vec<RwLockWriteGuard<'a, Shard>>,
}

impl<'a> Rows<'a> {
    fn lock(shards: &'a [RwLock<Shard>; SHARDS], changes: &[Change]) -> Self {
        let mut needed = [0u64; SHARDS / 64];
        for number in changes.iter().filter_map(key).map(|key| shard::number(key.digest())) {
            needed[number / 64] |= 1 << (number % 64);
        }
        let count: u32 = needed.iter().map(|word| word.count_ones()).sum();
        let mut guards = Vec::with_capacity(count as usize);
        for (n, word) in needed.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                guards.push(write(&shards[n * 64 + rest.trailing_zeros() as usize]));
                rest &= rest - 1;
            }
        }
        Self { needed, guards }
    }

    /// Where the guard of a key's shard is: as many as are held before it.
    fn place(&self, key: &Key) -> usize {
        let number = shard::number(key.digest());
        let before: u32 = self.needed[..number / 64].iter().map(|word| word.count_ones()).sum();
        let within = self.needed[number / 64] & ((1 << (number % 64)) - 1);
        (before + within.count_ones()) as usize
    }

    fn shard(&mut self, key: &Key) -> &mut Shard {
        let place = self.place(key);
        &mut self.guards[place]
    }

    /// Which revoked authorizations matter to these changes.
    fn parts(&self, changes: &[Change]) -> Parts {
        let mut parts = Parts::default();
        for change in changes {
            match change {
                Change::Insert(credential) => parts.look_at(&credential.authorization),
                Change::Spend(key) | Change::Update { key, .. } => {
                    if let Some(row) = self.guards[self.place(key)].row(key) {
                        parts.look_at(&row.authorization);
                    }
                }
                Change::Revoke(_) => {}
                Change::RevokeAuthorization(id) => parts.change(id),
            }
        }
        parts
    }
}

/// The key that a change is about.
const fn key(change: &Change) -> Option<&Key> {
    match change {
        Change::Insert(Credential { key, .. })
        | Change::Spend(key)
        | Change::Update { key, .. }
        | Change::Revoke(key) => Some(key),
        Change::RevokeAuthorization(_) => None,
    }
}

/// What has been made so far.
struct Made<'a, 'c> {
    revoked: Held<'a>,
    undo: Vec<Undo<'c>>,
}

/// How to go back by one change.
enum Undo<'c> {
    Insert(&'c Key),
    State(&'c Key, State),
    Data(&'c Key, u64, Json),
    RevokeAuthorization(AuthorizationId),
}

impl<'c> Made<'_, 'c> {
    fn make(&mut self, rows: &mut Rows<'_>, change: &'c Change) -> Result<(), CommitError> {
        let undo = match change {
            Change::Insert(credential) => {
                if self.revoked.contains(&credential.authorization) {
                    return Err(CommitError::Conflict);
                }
                rows.shard(&credential.key).insert(credential)?;
                Undo::Insert(&credential.key)
            }
            Change::Spend(key) => {
                let row = self.unrevoked(rows, key).ok_or(CommitError::Conflict)?;
                if row.state != State::Live {
                    return Err(CommitError::Conflict);
                }
                Undo::State(key, std::mem::replace(&mut row.state, State::Spent))
            }
            Change::Update { key, revision, data } => {
                let row = self.unrevoked(rows, key).ok_or(CommitError::Conflict)?;
                if row.revision != *revision {
                    return Err(CommitError::Conflict);
                }
                row.revision = revision.saturating_add(1);
                Undo::Data(key, *revision, std::mem::replace(&mut row.data, data.clone()))
            }
            Change::Revoke(key) => {
                let Some(row) = rows.shard(key).row_mut(key) else {
                    return Ok(());
                };
                Undo::State(key, std::mem::replace(&mut row.state, State::Revoked))
            }
            Change::RevokeAuthorization(id) => {
                if !self.revoked.revoke(*id) {
                    return Ok(());
                }
                Undo::RevokeAuthorization(*id)
            }
        };
        self.undo.push(undo);
        Ok(())
    }

    /// The row at that key, unless it or its authorization is revoked.
    fn unrevoked<'r>(&self, rows: &'r mut Rows<'_>, key: &Key) -> Option<&'r mut Row> {
        let row = rows.shard(key).row_mut(key)?;
        let is_revoked = row.state == State::Revoked || self.revoked.contains(&row.authorization);
        (!is_revoked).then_some(row)
    }

    fn undo(mut self, rows: &mut Rows<'_>) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Insert(key) => rows.shard(key).remove(key),
                Undo::State(key, state) => {
                    if let Some(row) = rows.shard(key).row_mut(key) {
                        row.state = state;
                    }
                }
                Undo::Data(key, revision, data) => {
                    if let Some(row) = rows.shard(key).row_mut(key) {
                        row.revision = revision;
                        row.data = data;
                    }
                }
                Undo::RevokeAuthorization(id) => self.revoked.restore(id),
            }
        }
    }
}

impl From<Refused> for CommitError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Taken => Self::Conflict,
            Refused::Full => Self::Store(StoreError::new("the memory store has as many rows as it can number")),
        }
    }
}
