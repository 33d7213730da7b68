//! A few threads and a queue that ends.

use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use argon2::password_hash::phc::Output;
use oauth_core::Secret;
use tokio::sync::oneshot;

use crate::error::Argon2Error;
use crate::phc::Recipe;

/// Threads that compute hashes. They are started when there is something to do, and end when the
/// pool is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: usize,
    /// How many may wait while all threads are busy.
    queue: usize,
}

struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Threads that were started.
    alive: usize,
    /// Threads that are computing a hash.
    busy: usize,
    closed: bool,
}

struct Job {
    recipe: Recipe,
    password: Secret,
    reply: oneshot::Sender<Result<Output, Argon2Error>>,
}

impl Pool {
    pub(crate) fn new(threads: usize, queue: usize) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            arrived: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            threads,
            queue,
        }
    }

    /// Computes the hash on one of the threads. When this future is dropped while the password is
    /// still waiting, it is never computed.
    pub(crate) async fn run(&self, recipe: Recipe, password: Secret) -> Result<Output, Argon2Error> {
        let answer = self.submit(recipe, password)?;
        answer.await.unwrap_or(Err(Argon2Error::NoResources))
    }

    fn submit(
        &self,
        recipe: Recipe,
        password: Secret,
    ) -> Result<oneshot::Receiver<Result<Output, Argon2Error>>, Argon2Error> {
        let mut state = self.shared.lock();
        let room = self.queue + (self.threads - state.busy);
        if state.waiting.len() >= room {
            // Those who went away leave their places to those who are still here.
            state.waiting.retain(|job| !job.reply.is_closed());
            if state.waiting.len() >= room {
                return Err(Argon2Error::Overloaded);
            }
        }
        if state.alive < self.threads && state.waiting.len() >= state.alive - state.busy {
            match Shared::start(&self.shared) {
                Ok(()) => state.alive += 1,
                // The other threads get to it.
                Err(_) if state.alive > 0 => {}
                Err(_) => return Err(Argon2Error::NoResources),
            }
        }
        let (reply, answer) = oneshot::channel();
        state.waiting.push_back(Job {
            recipe,
            password,
            reply,
        });
        self.shared.arrived.notify_one();
        Ok(answer)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done under this lock, so that a panic elsewhere does not matter here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(shared: &Arc<Self>) -> std::io::Result<()> {
        let shared = Arc::clone(shared);
        thread::Builder::new()
            .name("argon2".to_owned())
            .spawn(move || shared.work())
            .map(|_| ())
    }

    fn work(&self) {
        while let Some(Job {
            recipe,
            password,
            reply,
        }) = self.next()
        {
            // Were a hash to panic, those who wait behind it would wait for ever.
            let output = catch_unwind(|| recipe.run(&password)).unwrap_or(Err(Argon2Error::NoResources));
            self.lock().busy -= 1;
            // Nobody may be waiting any more, which is no harm.
            let _ = reply.send(output);
        }
    }

    /// The next password that somebody still waits for, or nothing when the pool has been dropped.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            match state.waiting.pop_front() {
                Some(job) if job.reply.is_closed() => {}
                Some(job) => {
                    state.busy += 1;
                    return Some(job);
                }
                None => state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use oauth_core::SystemEntropy;

    use super::*;
    use crate::Cost;

    pub(crate) const CHEAP: Cost = Cost {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };

    impl Pool {
        /// Does what one thread would do with one password; a pool of no threads has no other way.
        pub(crate) fn step(&self) {
            let Job {
                recipe,
                password,
                reply,
            } = self.shared.next().unwrap();
            let output = recipe.run(&password);
            self.shared.lock().busy -= 1;
            let _ = reply.send(output);
        }
    }

    pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn recipe() -> Recipe {
        Recipe::fresh(CHEAP, &SystemEntropy).unwrap()
    }

    #[test]
    fn a_full_queue_is_an_answer_at_once() {
        let pool = Pool::new(0, 2);
        let first = pool.submit(recipe(), Secret::new("first")).unwrap();
        let second = pool.submit(recipe(), Secret::new("second")).unwrap();
        assert_eq!(
            pool.submit(recipe(), Secret::new("third")).err(),
            Some(Argon2Error::Overloaded)
        );
        pool.step();
        let fourth = pool.submit(recipe(), Secret::new("fourth")).unwrap();
        pool.step();
        pool.step();
        for answer in [first, second, fourth] {
            assert!(answer.blocking_recv().unwrap().is_ok());
        }
    }

    #[test]
    fn who_goes_away_leaves_the_place_to_others_and_is_never_computed() {
        let pool = Pool::new(0, 2);
        let gone = pool.submit(recipe(), Secret::new("gone")).unwrap();
        let staying = pool.submit(recipe(), Secret::new("staying")).unwrap();
        drop(gone);
        let mut late = Box::pin(pool.run(recipe(), Secret::new("late")));
        assert!(poll(late.as_mut()).is_pending());
        pool.step();
        assert!(staying.blocking_recv().unwrap().is_ok());
        pool.step();
        assert!(matches!(poll(late.as_mut()), Poll::Ready(Ok(_))));
        assert!(pool.shared.lock().waiting.is_empty());
    }

    #[test]
    fn a_password_whose_future_was_dropped_while_waiting_is_passed_over() {
        let pool = Pool::new(0, 2);
        drop(pool.submit(recipe(), Secret::new("gone")).unwrap());
        let staying = pool.submit(recipe(), Secret::new("staying")).unwrap();
        pool.step();
        assert!(staying.blocking_recv().unwrap().is_ok());
    }

    #[test]
    fn no_more_threads_are_started_than_allowed() {
        let pool = Pool::new(2, 100);
        let answers: Vec<_> = (0..50)
            .map(|_| pool.submit(recipe(), Secret::new("one of many")).unwrap())
            .collect();
        for answer in answers {
            assert!(answer.blocking_recv().unwrap().is_ok());
        }
        assert!(pool.shared.lock().alive <= 2);
    }

    #[test]
    fn the_threads_end_with_the_pool() {
        let pool = Pool::new(1, 1);
        pool.submit(recipe(), Secret::new("any"))
            .unwrap()
            .blocking_recv()
            .unwrap()
            .unwrap();
        let shared = Arc::downgrade(&pool.shared);
        drop(pool);
        // Each thread holds the shared state until it ends; were one to stay, this would not end.
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
