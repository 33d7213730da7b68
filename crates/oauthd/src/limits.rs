//! How often is too often: failed authentications, sign-ins, token requests.
//!
//! Every limit is a bucket that leaks: an attempt adds one, time takes them away, and a full bucket
//! refuses. An attempt is counted before it is judged and taken back if it was right, so a thousand parallel
//! guesses count like a thousand in a row.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{Approval, Attempt, AttemptLimit, Client, ClientId, Clock, Policy, Rejection, Timestamp};

/// How many buckets one shard keeps before it looks for empty ones to drop.
const CROWDED: usize = 4096;

const SHARDS: usize = 16;

/// Leaking buckets, by key.
struct Buckets<K> {
    per_minute: u32,
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Mutex<HashMap<K, Bucket>>; SHARDS],
}

#[derive(Clone, Copy)]
struct Bucket {
    /// How full it was, in thousandths of an attempt.
    level: u64,
    at: Timestamp,
}

const ATTEMPT: u64 = 1000;

impl<K: Eq + Hash> Buckets<K> {
    fn new(per_minute: u32, clock: Arc<dyn Clock>) -> Self {
        Self {
            per_minute,
            clock,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn shard(&self, key: &K) -> &Mutex<HashMap<K, Bucket>> {
        let place = self.hasher.hash_one(key) % SHARDS as u64;
        &self.shards[usize::try_from(place).unwrap_or_default()]
    }

    fn level(&self, bucket: Bucket, now: Timestamp) -> u64 {
        let passed = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        bucket
            .level
            .saturating_sub(passed.saturating_mul(u64::from(self.per_minute)) / 60)
    }

    /// Counts an attempt, or says how long to wait.
    fn admit(&self, key: K) -> Result<(), Duration> {
        let now = self.clock.now();
        let capacity = u64::from(self.per_minute) * ATTEMPT;
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= CROWDED && !shard.contains_key(&key) {
            shard.retain(|_, bucket| self.level(*bucket, now) > 0);
            // Still crowded means that many addresses are guessing at once: forgetting the emptier half
            // gives each of those a few more guesses, and keeps the memory bounded.
            if shard.len() >= CROWDED {
                let mut levels: Vec<u64> = shard.values().map(|bucket| self.level(*bucket, now)).collect();
                levels.sort_unstable();
                let middle = levels[levels.len() / 2];
                shard.retain(|_, bucket| self.level(*bucket, now) > middle);
            }
        }
        let bucket = shard.entry(key).or_insert(Bucket { level: 0, at: now });
        let level = self.level(*bucket, now);
        if level + ATTEMPT > capacity {
            let over = level + ATTEMPT - capacity;
            return Err(Duration::from_millis(over * 60 / u64::from(self.per_minute).max(1)));
        }
        *bucket = Bucket {
            level: level + ATTEMPT,
            at: now,
        };
        Ok(())
    }

    /// Takes an attempt back.
    fn forgive(&self, key: &K) {
        let now = self.clock.now();
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = shard.get_mut(key) {
            let level = self.level(*bucket, now).saturating_sub(ATTEMPT);
            *bucket = Bucket { level, at: now };
            if level == 0 {
                shard.remove(key);
            }
        }
    }
}

/// Failed authentications: so many a minute per client and address, and ten times that per address.
pub struct FailedAuthentications {
    pairs: Buckets<(ClientId, Option<IpAddr>)>,
    addresses: Buckets<IpAddr>,
}

impl FailedAuthentications {
    /// A limit of that many; `None` for 0, which means no limit.
    pub fn per_minute(limit: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        (limit > 0).then(|| Self {
            pairs: Buckets::new(limit, Arc::clone(clock)),
            addresses: Buckets::new(limit.saturating_mul(10), Arc::clone(clock)),
        })
    }
}

#[async_trait]
impl AttemptLimit for FailedAuthentications {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        let address = attempt.address.map(network);
        if let Some(address) = address {
            self.addresses.admit(address)?;
        }
        self.pairs.admit((attempt.client.clone(), address)).inspect_err(|_| {
            // What was never judged is no failure of the address.
            if let Some(address) = address {
                self.addresses.forgive(&address);
            }
        })
    }

    async fn succeeded(&self, attempt: &Attempt<'_>) {
        let address = attempt.address.map(network);
        if let Some(address) = address {
            self.addresses.forgive(&address);
        }
        self.pairs.forgive(&(attempt.client.clone(), address));
    }
}

/// Whoever has one IPv6 address has at least the 2⁶⁴ of its network, so the network counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Token requests of one client: so many a minute.
pub struct TokenRequests {
    clients: Buckets<ClientId>,
}

impl TokenRequests {
    /// A limit of that many; `None` for 0, which means no limit.
    pub fn per_minute(limit: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        (limit > 0).then(|| Self {
            clients: Buckets::new(limit, Arc::clone(clock)),
        })
    }
}

#[async_trait]
impl Policy for TokenRequests {
    async fn review(&self, approval: Approval, client: &Client) -> Result<Approval, Rejection> {
        self.clients.admit(client.id.clone()).map_err(Rejection::throttled)?;
        Ok(approval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oauth_testkit::ManualClock;

    fn limit(per_minute: u32) -> (FailedAuthentications, ManualClock) {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        (FailedAuthentications::per_minute(per_minute, &shared).unwrap(), clock)
    }

    async fn admit(limit: &FailedAuthentications, client: &str, address: &str) -> Result<(), Duration> {
        let client = ClientId::from(client);
        limit
            .admit(&Attempt {
                client: &client,
                address: Some(address.parse().unwrap()),
            })
            .await
    }

    #[tokio::test]
    async fn the_limit_is_per_client_and_address() {
        let (limit, _) = limit(3);
        for _ in 0..3 {
            assert_eq!(admit(&limit, "a", "192.0.2.1").await, Ok(()));
        }
        assert_eq!(admit(&limit, "a", "192.0.2.1").await, Err(Duration::from_secs(20)));
        assert_eq!(admit(&limit, "a", "192.0.2.2").await, Ok(()));
        assert_eq!(admit(&limit, "b", "192.0.2.1").await, Ok(()));
    }

    #[tokio::test]
    async fn ten_times_the_limit_is_too_many_for_one_address_whatever_the_client() {
        let (limit, _) = limit(2);
        for client in 0..20 {
            assert_eq!(admit(&limit, &client.to_string(), "2001:db8::1").await, Ok(()));
        }
        assert!(admit(&limit, "another", "2001:db8::2").await.is_err(), "the same /64");
        assert_eq!(admit(&limit, "another", "2001:db8:0:1::1").await, Ok(()));
    }

    #[tokio::test]
    async fn time_and_success_give_attempts_back() {
        let (limit, clock) = limit(2);
        let client = ClientId::from("a");
        let attempt = Attempt {
            client: &client,
            address: None,
        };
        for _ in 0..100 {
            assert_eq!(limit.admit(&attempt).await, Ok(()));
            limit.succeeded(&attempt).await;
        }
        assert_eq!(limit.admit(&attempt).await, Ok(()));
        assert_eq!(limit.admit(&attempt).await, Ok(()));
        assert!(limit.admit(&attempt).await.is_err());
        clock.advance(Duration::from_secs(30));
        assert_eq!(limit.admit(&attempt).await, Ok(()));
        assert!(limit.admit(&attempt).await.is_err());
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let (limit, _) = limit(1);
        for host in 0..200_000u32 {
            let client = ClientId::from("a");
            let address = Some(IpAddr::from(host.to_be_bytes()));
            let _ = limit
                .admit(&Attempt {
                    client: &client,
                    address,
                })
                .await;
        }
        let kept: usize = limit.pairs.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * CROWDED, "{kept}");
    }

    #[test]
    fn nothing_is_no_limit() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        assert!(FailedAuthentications::per_minute(0, &clock).is_none());
        assert!(TokenRequests::per_minute(0, &clock).is_none());
    }
}
