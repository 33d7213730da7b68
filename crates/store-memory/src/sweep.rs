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
