//! Forgetting, a little at a time.

use std::sync::atomic::Ordering;

use oauth_core::Timestamp;

use crate::Inner;
use crate::locks::{let_others_run, read, write};
use crate::shard::SHARDS;

/// How many rows are forgotten while a shard is locked.
const STEP: usize = 512;

/// Forgets rows shard by shard, then the revoked authorizations of which nothing is left.
pub(crate) async fn sweep(store: &Inner, expired_before: Timestamp, limit: usize) -> usize {
    if limit == 0 {
        return 0;
    }
    settle(store, expired_before).await;
    let first = store.sweeps_at.load(Ordering::Relaxed);
    let mut swept = 0;
    for step in 0..SHARDS {
        let number = (usize::from(first) + step) % SHARDS;
        let shard = &store.shards[number];
        if !read(shard).may_have_expired(expired_before) {
            continue;
        }
        let mut from = None;
        loop {
            let part = write(shard).sweep(expired_before, STEP.min(limit - swept), from);
            swept += part.count;
            if swept == limit {
                store
                    .sweeps_at
                    .store(u8::try_from(number).unwrap_or(0), Ordering::Relaxed);
                return swept;
            }
            let_others_run().await;
            from = part.rest;
            if from.is_none() {
                break;
            }
        }
    }
    store.revoked.forget(expired_before);
    swept
}

/// Finds out until when freshly revoked authorizations must be remembered: until the last that descends from
/// them has expired. What is to come conflicts, so one look at every row is enough, and it is taken here, not
/// when they are revoked.
async fn settle(store: &Inner, now: Timestamp) {
    let mut bounds = store.revoked.fresh(now);
    if bounds.is_empty() {
        return;
    }
    for shard in &store.shards {
        for row in read(shard).rows() {
            bounds.see(&row.authorization, row.expires_at);
        }
        let_others_run().await;
    }
    store.revoked.settle(&bounds);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use oauth_core::{AuthorizationId, Change, CredentialStore};
    use oauth_testkit::block_on;
    use oauth_testkit::sample::{authorization, credential};

    use super::*;
    use crate::MemoryStore;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn revoked(store: &MemoryStore, id: AuthorizationId) {
        block_on(store.commit(&[Change::RevokeAuthorization(id)])).unwrap();
    }

    fn swept(store: &MemoryStore, before: Timestamp) -> usize {
        block_on(store.sweep(before, usize::MAX)).unwrap()
    }

    #[test]
    fn a_revoked_authorization_is_remembered_as_long_as_anything_descends_from_it() {
        let store = MemoryStore::new();
        let row = credential("a", authorization("a"));
        let expiry = row.expires_at;
        block_on(store.commit(&[Change::Insert(row)])).unwrap();
        revoked(&store, authorization("a"));
        assert_eq!(swept(&store, expiry.minus(48 * HOUR)), 0);
        assert_eq!(swept(&store, expiry), 0);
        assert_eq!(store.0.revoked.len(), 1);
        assert_eq!(swept(&store, expiry.plus(HOUR)), 1);
        assert_eq!(store.0.revoked.len(), 0);
    }

    #[test]
    fn a_revoked_authorization_of_which_nothing_is_left_is_remembered_for_a_day() {
        let store = MemoryStore::new();
        let now = Timestamp::from_secs(1_800_000_000);
        for n in 0..100 {
            revoked(&store, authorization(&n.to_string()));
        }
        for hours in [0, 1, 23, 24] {
            swept(&store, now.plus(hours * HOUR));
            assert_eq!(store.0.revoked.len(), 100);
        }
        // What came later has its own day.
        revoked(&store, authorization("late"));
        swept(&store, now.plus(25 * HOUR));
        assert_eq!(store.0.revoked.len(), 1);
        swept(&store, now.plus(50 * HOUR));
        assert_eq!(store.0.revoked.len(), 0);
    }

    #[test]
    fn a_revocation_that_was_undone_is_not_remembered() {
        let store = MemoryStore::new();
        let [a, b] = ["a", "b"].map(authorization);
        let missing = Change::Spend(oauth_testkit::sample::key("missing"));
        revoked(&store, a);
        let changes = [Change::RevokeAuthorization(b), Change::RevokeAuthorization(a), missing];
        assert!(block_on(store.commit(&changes)).is_err());
        assert_eq!(store.0.revoked.len(), 1);
        swept(&store, Timestamp::from_secs(1));
        swept(&store, Timestamp::from_secs(1).plus(48 * HOUR));
        assert_eq!(store.0.revoked.len(), 0);
    }
}
