//! What waits for the writer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use oauth_core::{Change, Document, StoreError, Timestamp};
use tokio::sync::oneshot;

use crate::change::Outcome;

/// Something to write.
#[derive(Debug)]
pub(crate) enum Work {
    Commit(Vec<Change>),
    Write { collection: String, document: Document },
    Remove { collection: String, id: String },
    Sweep { expired_before: Timestamp, limit: usize },
}

/// What the one who waits for it hears, once it is durable.
pub(crate) type Answer = Result<Outcome, StoreError>;

/// Something to write, and who waits for it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Jobs in the order in which they came.
///
/// A queue of its own instead of a channel, because the writer takes all that is there in one step, and whoever
/// brings a job wakes it only when it sleeps: the system calls of waking cost more than the rest of it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrival: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: Vec<Job>,
    writer: Activity,
    stage: Stage,
    closers: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Activity {
    #[default]
    Busy,
    Asleep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Nothing new is taken; what is there is still done.
    Closing,
    /// The writer has gone.
    Closed,
}

impl Queue {
    /// Puts work at the end; `None` if the store is closed.
    pub(crate) fn push(&self, work: Work) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.stage != Stage::Open {
            return None;
        }
        waiting.jobs.push(Job { work, answer });
        self.wake(waiting);
        Some(answered)
    }

    /// Moves all that is there into `jobs`, and sleeps until there is something; false when there will be no more.
    pub(crate) fn wait(&self, jobs: &mut Vec<Job>) -> bool {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() {
            if waiting.stage != Stage::Open {
                return false;
            }
            waiting.writer = Activity::Asleep;
            waiting = self.arrival.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.writer = Activity::Busy;
        jobs.append(&mut waiting.jobs);
        true
    }

    /// Moves all that is there into `jobs`, without sleeping.
    pub(crate) fn take(&self, jobs: &mut Vec<Job>) {
        jobs.append(&mut self.lock().jobs);
    }

    /// Takes nothing new from now on. The answer comes when the writer has gone.
    pub(crate) fn close(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (closer, gone) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.stage == Stage::Closed {
            // Whether anyone still waits for this is not of interest here.
            drop(closer.send(Ok(())));
            return gone;
        }
        waiting.stage = Stage::Closing;
        waiting.closers.push(closer);
        self.wake(waiting);
        gone
    }

    /// Says that the writer has gone, and how that went.
    pub(crate) fn closed(&self, how: &Result<(), StoreError>) {
        let mut waiting = self.lock();
        waiting.stage = Stage::Closed;
        // What is left here was never started; whoever waits for it hears that its sender is gone.
        waiting.jobs.clear();
        for closer in waiting.closers.drain(..) {
            drop(closer.send(how.clone()));
        }
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let asleep = std::mem::take(&mut waiting.writer) == Activity::Asleep;
        drop(waiting);
        if asleep {
            self.arrival.notify_one();
        }
    }

    /// No invariant spans more than one field, so a panic elsewhere leaves nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
