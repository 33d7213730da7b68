//! How many tokens a client gets in a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{Approval, Client, ClientId, Clock, Context, Policy, Rejection, Timestamp};

/// How many clients are kept at most before those that have been quiet are forgotten.
const TIDY_ABOVE: usize = 10_000;

/// A limit on the token requests of a client, counted when a request is about to be granted.
///
/// It is a bucket that holds a minute's worth and fills up evenly, so a client may come in bursts. Counted is what an
/// authenticated client was approved for: nobody can use up another client's share.
pub struct TokenRequests {
    per_minute: u32,
    clock: Arc<dyn Clock>,
    /// For each client the point in time, in units of 1/limit milliseconds, at which its bucket is full again.
    full_at: Mutex<HashMap<ClientId, u128>>,
}

impl TokenRequests {
    /// So many token requests in a minute for each client; `None` for 0, which means no limit.
    pub fn per_minute(per_minute: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        (per_minute > 0).then(|| Self {
            per_minute,
            clock: Arc::clone(clock),
            full_at: Mutex::default(),
        })
    }

    /// Takes one request out of the client's bucket.
    ///
    /// # Errors
    /// How long to wait when the bucket is empty.
    // The generic cell rate algorithm, in whole numbers: a request costs a minute divided by the limit, so in units of
    // 1/limit milliseconds it costs 60000, and a full bucket is worth a minute of 60000 × limit.
    pub fn take(&self, client: &ClientId) -> Result<(), Duration> {
        const COST: u128 = 60_000;
        let limit = u128::from(self.per_minute);
        let now = self.now(limit);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= TIDY_ABOVE {
            full_at.retain(|_, full| *full > now);
        }
        let begins = full_at.get(client).map_or(now, |full| (*full).max(now));
        let ends = begins + COST;
        let excess = (ends - now).saturating_sub(COST * limit);
        if excess > 0 {
            let millis = u64::try_from(excess.div_ceil(limit)).unwrap_or(u64::MAX);
            return Err(Duration::from_millis(millis));
        }
        full_at.insert(client.clone(), ends);
        Ok(())
    }

    fn now(&self, limit: u128) -> u128 {
        let now: Timestamp = self.clock.now();
        u128::from(now.as_millis()) * limit
    }
}

#[async_trait]
impl Policy for TokenRequests {
    async fn review(&self, approval: Approval, client: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        self.take(&client.id).map_err(Rejection::throttled)?;
        Ok(approval)
    }
}

#[cfg(test)]
mod tests {
    use oauth_testkit::ManualClock;

    use super::*;

    fn limit(per_minute: u32) -> (TokenRequests, ManualClock) {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        (TokenRequests::per_minute(per_minute, &shared).unwrap(), clock)
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_as_fast_as_it_fills_up() {
        let (limit, clock) = limit(6);
        let client = ClientId::new("c");
        for _ in 0..6 {
            limit.take(&client).unwrap();
        }
        assert_eq!(limit.take(&client), Err(Duration::from_secs(10)));
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(limit.take(&client), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(limit.take(&client), Ok(()));
        assert!(limit.take(&client).is_err());
        clock.advance(Duration::from_secs(10_000));
        for _ in 0..6 {
            limit.take(&client).unwrap();
        }
        assert!(limit.take(&client).is_err());
    }

    #[test]
    fn one_client_does_not_use_up_anothers_share() {
        let (limit, _) = limit(1);
        limit.take(&ClientId::new("a")).unwrap();
        assert!(limit.take(&ClientId::new("a")).is_err());
        assert!(limit.take(&ClientId::new("b")).is_ok());
    }

    #[test]
    fn zero_means_no_limit() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        assert!(TokenRequests::per_minute(0, &clock).is_none());
    }

    #[test]
    fn clients_that_have_been_quiet_are_forgotten() {
        let (limit, clock) = limit(1);
        for client in 0..TIDY_ABOVE {
            limit.take(&ClientId::new(client.to_string())).unwrap();
        }
        clock.advance(Duration::from_secs(60));
        limit.take(&ClientId::new("another")).unwrap();
        assert_eq!(limit.full_at.lock().unwrap().len(), 1);
    }
}
