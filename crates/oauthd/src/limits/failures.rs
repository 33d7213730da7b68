//! Failed attempts to guess: the secrets of clients, the passwords of people, the codes that devices show.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{Admission, Attempt, AttemptLimit, Clock, Timestamp, Verdict};
use tokio::sync::Notify;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);

/// How many times the limit of one name an address may fail in all.
const NAMES_PER_ADDRESS: usize = 10;

/// How many names and how many addresses are kept at most. What is kept of one is a few hundred bytes.
const MOST_TALLIES: usize = 65_536;

/// A limit on failed attempts (RFC 6749 §2.3.1, §10.10), shared by every endpoint that checks a secret.
///
/// In any minute, one address may fail so many times for one name, and ten times as often in all; after that even the
/// right secret is not looked at from there, while other addresses are served.
///
/// An attempt takes its place *before* it is judged, so parallel guesses cannot slip through between a check and a
/// count. When all places are taken by attempts that are still being judged, the next one waits for their outcome: so
/// a client with many requests at once is slowed by nothing but its own failures. What is kept is bounded, however
/// many names are tried.
///
/// Clones share their counts.
#[derive(Clone)]
pub struct FailedAuthentications(Arc<Shared>);

struct Shared {
    limit: usize,
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    books: Mutex<Books>,
    judged: Notify,
}

#[derive(Default)]
struct Books {
    names: HashMap<u64, Tally>,
    addresses: HashMap<u64, Tally>,
}

/// What is known of one name from one address, or of one address.
#[derive(Default)]
struct Tally {
    /// When attempts failed, oldest first.
    failed: VecDeque<Timestamp>,
    /// How many are being judged.
    under_way: usize,
}

/// Where an attempt is counted. Without an address only the name counts: everybody would share the rest.
#[derive(Clone, Copy)]
struct Place {
    name: u64,
    address: Option<u64>,
}

/// Why an attempt is not judged at this moment.
enum Full {
    /// Too many have failed; one will be forgotten after that time.
    Failures(Duration),
    /// Too many are being judged.
    UnderWay,
}

impl FailedAuthentications {
    /// So many failures in a minute for one name from one address; `None` for 0, which means no limit.
    pub fn per_minute(limit: u32, clock: &Arc<dyn Clock>) -> Option<Self> {
        (limit > 0).then(|| {
            Self(Arc::new(Shared {
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
                clock: Arc::clone(clock),
                hasher: RandomState::new(),
                books: Mutex::default(),
                judged: Notify::new(),
            }))
        })
    }
}

#[async_trait]
impl AttemptLimit for FailedAuthentications {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<Admission, Duration> {
        let place = self.0.place(attempt);
        self.0.admit(place).await?;
        let shared = Arc::clone(&self.0);
        Ok(Admission::new(move |verdict| shared.judged(place, verdict)))
    }
}

impl Shared {
    /// Names are kept as hashes, under a key of this process, so that long ones cost no more than short ones.
    fn place(&self, attempt: &Attempt<'_>) -> Place {
        let address = attempt.address.map(network);
        Place {
            name: self.hasher.hash_one((attempt.what, attempt.name, address)),
            address: address.map(|address| self.hasher.hash_one(address)),
        }
    }

    async fn admit(&self, place: Place) -> Result<(), Duration> {
        match self.try_admit(place) {
            Ok(()) => return Ok(()),
            Err(Full::Failures(wait)) => return Err(wait),
            Err(Full::UnderWay) => {}
        }
        loop {
            // Listening begins before looking, so that no verdict falls between the two.
            let mut judged = std::pin::pin!(self.judged.notified());
            judged.as_mut().enable();
            match self.try_admit(place) {
                Ok(()) => return Ok(()),
                Err(Full::Failures(wait)) => return Err(wait),
                Err(Full::UnderWay) => judged.await,
            }
        }
    }

    fn try_admit(&self, place: Place) -> Result<(), Full> {
        let now = self.clock.now();
        let mut books = self.books();
        books.make_room(now);
        let Books { names, addresses } = &mut *books;
        let name = names.entry(place.name).or_default();
        let mut address = place.address.map(|address| addresses.entry(address).or_default());
        let mut admitted = name.has_room(self.limit, now);
        if let (Ok(()), Some(address)) = (&admitted, &mut address) {
            admitted = address.has_room(self.limit.saturating_mul(NAMES_PER_ADDRESS), now);
        }
        if admitted.is_ok() {
            name.under_way += 1;
            if let Some(address) = address {
                address.under_way += 1;
            }
        }
        books.forget_if_idle(place);
        admitted
    }

    fn judged(&self, place: Place, verdict: Verdict) {
        let now = self.clock.now();
        let mut books = self.books();
        let Books { names, addresses } = &mut *books;
        let address = place.address.and_then(|address| addresses.get_mut(&address));
        for tally in names.get_mut(&place.name).into_iter().chain(address) {
            tally.under_way = tally.under_way.saturating_sub(1);
            if verdict == Verdict::Failed {
                tally.failed.push_back(now);
            }
        }
        books.forget_if_idle(place);
        drop(books);
        self.judged.notify_waiters();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing between lock and unlock can panic halfway through a change that matters.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn has_room(&mut self, limit: usize, now: Timestamp) -> Result<(), Full> {
        while self.failed.front().is_some_and(|at| at.plus(WINDOW) <= now) {
            self.failed.pop_front();
        }
        if let Some(excess) = self.failed.len().checked_sub(limit) {
            // The failure whose end makes room; there can be more failures than places when a clock went backwards.
            let ends = self.failed.get(excess).map_or(now, |at| at.plus(WINDOW));
            return Err(Full::Failures(ends.since(now)));
        }
        if self.failed.len() + self.under_way >= limit {
            return Err(Full::UnderWay);
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.failed.is_empty() && self.under_way == 0
    }

    fn last(&self) -> Timestamp {
        self.failed.back().copied().unwrap_or_default()
    }
}

impl Books {
    /// An attempt that succeeded leaves nothing behind.
    fn forget_if_idle(&mut self, place: Place) {
        if self.names.get(&place.name).is_some_and(Tally::is_idle) {
            self.names.remove(&place.name);
        }
        if let Some(address) = place.address
            && self.addresses.get(&address).is_some_and(Tally::is_idle)
        {
            self.addresses.remove(&address);
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        for tallies in [&mut self.names, &mut self.addresses] {
            if tallies.len() < MOST_TALLIES {
                continue;
            }
            tallies.retain(|_, tally| tally.under_way > 0 || tally.last().plus(WINDOW) > now);
            if tallies.len() < MOST_TALLIES {
                continue;
            }
            // Whoever fails from that many places at once gains little by being forgotten in one of them, so
            // the half that failed longest ago goes.
            let mut latest: Vec<Timestamp> = tallies.values().map(Tally::last).collect();
            let middle = latest.len() / 2;
            let (_, median, _) = latest.select_nth_unstable(middle);
            let median = *median;
            let mut surplus = tallies.len() - middle;
            tallies.retain(|_, tally| {
                let goes = surplus > 0 && tally.under_way == 0 && tally.last() <= median;
                surplus -= usize::from(goes);
                !goes
            });
        }
    }
}

/// What counts as one address: an IPv6 subscriber has a whole /64 to send from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use oauth_testkit::ManualClock;

    use super::*;

    fn limit(limit: u32) -> (FailedAuthentications, ManualClock) {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        (FailedAuthentications::per_minute(limit, &shared).unwrap(), clock)
    }

    async fn admit(limit: &FailedAuthentications, name: &str, address: &str) -> Result<Admission, Duration> {
        let attempt = Attempt {
            what: Attempt::PASSWORD,
            name,
            address: Some(address.parse().unwrap()),
        };
        limit.admit(&attempt).await
    }

    async fn fail(limit: &FailedAuthentications, name: &str, address: &str) -> Result<(), Duration> {
        admit(limit, name, address).await.map(drop)
    }

    const HERE: &str = "192.0.2.1";
    const THERE: &str = "192.0.2.2";

    #[tokio::test]
    async fn so_many_failures_and_no_more_in_any_minute() {
        let (limit, clock) = limit(3);
        for _ in 0..3 {
            fail(&limit, "alice", HERE).await.unwrap();
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(fail(&limit, "alice", HERE).await, Err(Duration::from_secs(30)));
        clock.advance(Duration::from_secs(30));
        fail(&limit, "alice", HERE).await.unwrap();
        assert_eq!(fail(&limit, "alice", HERE).await, Err(Duration::from_secs(10)));
    }

    #[tokio::test]
    async fn other_addresses_and_other_names_are_served() {
        let (limit, _) = limit(2);
        for _ in 0..2 {
            fail(&limit, "alice", HERE).await.unwrap();
        }
        assert!(fail(&limit, "alice", HERE).await.is_err());
        assert!(fail(&limit, "alice", THERE).await.is_ok());
        assert!(fail(&limit, "bob", HERE).await.is_ok());
    }

    #[tokio::test]
    async fn one_address_fails_ten_times_as_often_in_all() {
        let (limit, _) = limit(2);
        for name in 0..20 {
            fail(&limit, &format!("user{name}"), HERE).await.unwrap();
        }
        assert!(fail(&limit, "another", HERE).await.is_err());
        assert!(fail(&limit, "another", THERE).await.is_ok());
    }

    #[tokio::test]
    async fn a_success_costs_nothing_and_forgives_nothing() {
        let (limit, _) = limit(2);
        fail(&limit, "alice", HERE).await.unwrap();
        for _ in 0..10 {
            admit(&limit, "alice", HERE).await.unwrap().succeeded();
        }
        fail(&limit, "alice", HERE).await.unwrap();
        assert!(fail(&limit, "alice", HERE).await.is_err());
    }

    #[tokio::test]
    async fn successes_leave_nothing_behind() {
        let (limit, _) = limit(2);
        for name in 0..100 {
            admit(&limit, &format!("user{name}"), HERE).await.unwrap().succeeded();
        }
        let books = limit.0.books();
        assert!(books.names.is_empty());
        assert!(books.addresses.is_empty());
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn parallel_guesses_wait_for_the_verdicts_on_those_before_them() {
        let (limit, _) = limit(2);
        let mut first = pin!(admit(&limit, "alice", HERE));
        let mut second = pin!(admit(&limit, "alice", HERE));
        let mut third = pin!(admit(&limit, "alice", HERE));
        let mut fourth = pin!(admit(&limit, "alice", HERE));
        let Poll::Ready(Ok(first)) = poll(first.as_mut()) else {
            panic!("there is room for the first");
        };
        let Poll::Ready(Ok(second)) = poll(second.as_mut()) else {
            panic!("there is room for the second");
        };
        assert!(poll(third.as_mut()).is_pending());
        assert!(poll(fourth.as_mut()).is_pending());
        first.succeeded();
        let Poll::Ready(Ok(third)) = poll(third.as_mut()) else {
            panic!("a success gives its place to the next");
        };
        assert!(poll(fourth.as_mut()).is_pending());
        drop(second);
        assert!(poll(fourth.as_mut()).is_pending());
        drop(third);
        assert!(matches!(poll(fourth.as_mut()), Poll::Ready(Err(_))));
    }

    #[tokio::test]
    async fn without_an_address_only_the_name_counts() {
        let (limit, _) = limit(1);
        for name in 0..100 {
            let attempt = Attempt {
                what: Attempt::CLIENT_SECRET,
                name: &format!("c{name}"),
                address: None,
            };
            assert!(limit.admit(&attempt).await.is_ok());
            assert!(limit.admit(&attempt).await.is_err());
        }
    }

    #[test]
    fn zero_means_no_limit() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        assert!(FailedAuthentications::per_minute(0, &clock).is_none());
    }

    #[tokio::test]
    async fn an_ipv6_subscriber_is_one_address() {
        let (limit, _) = limit(1);
        fail(&limit, "alice", "2001:db8::1").await.unwrap();
        assert!(fail(&limit, "alice", "2001:db8::ffff:1").await.is_err());
        assert!(fail(&limit, "alice", "2001:db8:0:1::1").await.is_ok());
        fail(&limit, "bob", "::ffff:192.0.2.1").await.unwrap();
        assert!(fail(&limit, "bob", HERE).await.is_err());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut books = Books::default();
        for place in 0..MOST_TALLIES as u64 {
            let tally = Tally {
                failed: VecDeque::from([Timestamp::from_millis(place)]),
                under_way: usize::from(place == 0),
            };
            books.names.insert(place, tally);
        }
        books.make_room(Timestamp::from_millis(1));
        assert!(books.names.len() <= MOST_TALLIES / 2 + 1, "{}", books.names.len());
        assert!(books.names.contains_key(&0), "whoever is being judged stays");
        assert!(books.names.contains_key(&(MOST_TALLIES as u64 - 1)), "the latest stays");
    }
}
