//! A store that is too simple to be wrong: what a history of commits should lead to.

use std::collections::{BTreeMap, BTreeSet};

use oauth_core::{AuthorizationId, Change, Credential, Key, State, Timestamp};

use super::trial::Outcome;

/// Every sentence of [`CredentialStore`](oauth_core::CredentialStore) and [`Change`] in a line, one commit at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    rows: BTreeMap<Key, Credential>,
    revoked: BTreeSet<AuthorizationId>,
    forgotten: BTreeSet<AuthorizationId>,
}

impl Reference {
    pub(super) fn find(&self, key: &Key) -> Option<Credential> {
        let mut row = self.rows.get(key)?.clone();
        if self.revoked.contains(&row.authorization) {
            row.state = State::Revoked;
        }
        Some(row)
    }

    pub(super) fn commit(&mut self, changes: &[Change]) -> Outcome {
        let before = self.clone();
        for change in changes {
            if self.make(change).is_none() {
                *self = before;
                return Outcome::Conflict;
            }
        }
        Outcome::Made
    }

    fn make(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::Insert(row) => {
                let free = !self.rows.contains_key(&row.key) && !self.revoked.contains(&row.authorization);
                free.then(|| self.rows.insert(row.key.clone(), row.clone()))?;
            }
            Change::Spend(key) => {
                let live = self.find(key)?.state == State::Live;
                live.then(|| self.rows.get_mut(key))??.state = State::Spent;
            }
            Change::Update { key, revision, data } => {
                let found = self.find(key)?;
                let current = found.state != State::Revoked && found.revision == *revision;
                let row = current.then(|| self.rows.get_mut(key))??;
                row.revision += 1;
                row.data = data.clone();
            }
            Change::Revoke(key) => {
                if let Some(row) = self.rows.get_mut(key) {
                    row.state = State::Revoked;
                }
            }
            Change::RevokeAuthorization(id) => {
                self.revoked.insert(*id);
                self.forgotten.remove(id);
            }
        }
        Some(())
    }

    pub(super) fn sweep(&mut self, expired_before: Timestamp, limit: usize) -> usize {
        let expired = self.rows.values().filter(|row| row.expires_at < expired_before).count();
        // Which ones a store forgets first is its own affair, so a history asks for all or for none.
        if limit < expired {
            return 0;
        }
        self.rows.retain(|_, row| row.expires_at >= expired_before);
        let alive: BTreeSet<AuthorizationId> = self.rows.values().map(|row| row.authorization).collect();
        self.forgotten = self.revoked.difference(&alive).copied().collect();
        expired
    }

    /// Whether it is for the store to know that this authorization is revoked: once all that descended
    /// from it was swept, a store may have forgotten that.
    pub(super) fn is_settled(&self, id: AuthorizationId) -> bool {
        !self.forgotten.contains(&id)
    }
}
