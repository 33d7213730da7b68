//! The one thread that writes, many commits at a time.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use oauth_core::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::change::{self, Care, Outcome, Setback};
use crate::failure::{Place, Trouble};
use crate::file;
use crate::options::SqliteOptions;
use crate::queue::{Answer, Job, Queue, Work};

/// A group that is as large as this takes in no more, so that the first of it is not kept waiting by the last.
const LARGEST_GROUP: usize = 1024;

/// How often the writer lets other threads go first when fewer jobs are there than the last time. Those who were just
/// answered are about to ask again; without it, the first of them is served alone and the others wait for a whole
/// write to the disk.
const COURTESIES: usize = 8;

/// The writer's thread, and the queue in front of it. Dropping it waits until all that was queued is done.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which opens the file first and tells how that went.
    pub(crate) fn start(
        options: SqliteOptions,
        place: Place,
    ) -> Result<(Self, oneshot::Receiver<Result<(), StoreError>>), StoreError> {
        let queue = Arc::new(Queue::default());
        let (opened, opening) = oneshot::channel();
        let served = Arc::clone(&queue);
        let thread = thread::Builder::new().name("store-sqlite".to_owned()).spawn(move || {
            let desk = Desk { queue: served };
            match file::open(&options, &place) {
                // Whoever opened it may have stopped waiting; then the queue is closed already.
                Ok(connection) => {
                    drop(opened.send(Ok(())));
                    desk.serve(connection, &place);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        let thread = thread.map_err(|error| StoreError::caused_by("no thread could be started", error))?;
        let writer = Self {
            queue,
            thread: Some(thread),
        };
        Ok((writer, opening))
    }

    /// Has the work done, and returns when it is durable.
    pub(crate) async fn make(&self, work: Work) -> Answer {
        let closed = || StoreError::new("the store is closed");
        let answered = self.queue.push(work).ok_or_else(closed)?;
        // Its sender is dropped unused only when the writer's thread has panicked.
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::new("the writer of the store has stopped")))
    }

    /// Takes nothing new from now on, and returns when all that was queued is done and the file is closed.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let gone = self.queue.close().await;
        gone.unwrap_or_else(|_| Err(StoreError::new("the writer of the store has stopped")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.close());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The writer's end of the queue. Nobody is left waiting when it is dropped, whatever the reason.
struct Desk {
    queue: Arc<Queue>,
}

impl Desk {
    fn serve(&self, connection: Connection, place: &Place) {
        // Every statement that the writer runs stays prepared.
        connection.set_prepared_statement_cache_capacity(32);
        let mut scribe = Scribe {
            connection: &connection,
            queue: &self.queue,
            place,
            expected: 0,
        };
        let mut jobs = Vec::new();
        while self.queue.wait(&mut jobs) {
            let answers = scribe.write(&mut jobs);
            scribe.expected = jobs.len();
            for (job, answer) in jobs.drain(..).zip(answers) {
                // Whoever waited may have gone in the meantime; what was done stays done.
                drop(job.answer.send(answer));
            }
        }
        self.queue.closed(&close(connection, place));
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.queue
            .closed(&Err(StoreError::new("the writer of the store has stopped")));
    }
}

/// Moves what is in the log into the file, as far as nobody is in the way, and closes it. What was answered is
/// durable already, so an error here loses nothing; with [`Durability::Normal`](crate::Durability::Normal) this
/// is what makes the last commits durable.
fn close(connection: Connection, place: &Place) -> Result<(), StoreError> {
    let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    let closed = connection.close().map_err(|(_, error)| error);
    moved.and(closed).map_err(|error| place.explain(error.into()))
}

/// Why a transaction was not made.
enum Failure {
    /// It could not begin, or could not be made durable: a matter of the file, not of what was written.
    Ends(rusqlite::Error),
    /// Its work was set back.
    Within(Setback),
}

struct Scribe<'a> {
    connection: &'a Connection,
    queue: &'a Queue,
    place: &'a Place,
    /// How many jobs there were the last time: a guess at how many there will be.
    expected: usize,
}

impl Scribe<'_> {
    /// Does all jobs, and those that come in the meantime, in one transaction; one answer for each job.
    ///
    /// A commit that conflicts halfway takes the transaction with it, which is then made again with more care. When a
    /// statement fails, it may be for a reason of its own (a damaged page, a value that is too large, no room for
    /// all of it): so that the others do not suffer for it, each job then gets a transaction of its own.
    fn write(&self, jobs: &mut Vec<Job>) -> Vec<Answer> {
        let mut made = self.transaction(|| self.together(jobs, Care::Swift));
        if matches!(made, Err(Failure::Within(Setback::Halfway))) {
            made = self.transaction(|| self.together(jobs, Care::Savepoints));
        }
        match made {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(Failure::Within(_)) if jobs.len() > 1 => jobs.iter().map(|job| self.alone(job)).collect(),
            Err(failure) => {
                let error = self.explain(failure);
                jobs.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    /// Each takes what came while the ones before it were done, so that a group grows without anyone waiting for it.
    fn together(&self, jobs: &mut Vec<Job>, care: Care) -> Result<Vec<Outcome>, Setback> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut courtesies = 0..COURTESIES;
        while let Some(job) = jobs.get(outcomes.len()) {
            outcomes.push(self.one(job, care)?);
            if outcomes.len() < jobs.len() || jobs.len() >= LARGEST_GROUP {
                continue;
            }
            self.queue.take(jobs);
            while outcomes.len() == jobs.len() && jobs.len() < self.expected && courtesies.next().is_some() {
                thread::yield_now();
                self.queue.take(jobs);
            }
        }
        Ok(outcomes)
    }

    fn alone(&self, job: &Job) -> Answer {
        self.transaction(|| self.one(job, Care::Savepoints))
            .map_err(|failure| self.explain(failure))
    }

    fn one(&self, job: &Job, care: Care) -> Result<Outcome, Setback> {
        // Nobody waits for it any more, and it has not begun: it never will.
        if job.answer.is_closed() {
            return Ok(Outcome::Done(0));
        }
        match &job.work {
            Work::Commit(changes) => change::commit(self.connection, changes, care),
            Work::Write { collection, document } => Ok(change::write(self.connection, collection, document)?),
            Work::Remove { collection, id } => Ok(change::remove(self.connection, collection, id)?),
            Work::Sweep { expired_before, limit } => Ok(change::sweep(self.connection, *expired_before, *limit)?),
        }
    }

    /// Runs `body` in a transaction. It locks the file against other processes from its beginning, so that every
    /// condition that is checked within still holds when it ends.
    fn transaction<T>(&self, body: impl FnOnce() -> Result<T, Setback>) -> Result<T, Failure> {
        self.roll_back();
        self.run("BEGIN IMMEDIATE").map_err(Failure::Ends)?;
        let made = match body() {
            Ok(outcome) => self.run("COMMIT").map(|()| outcome).map_err(Failure::Ends),
            Err(setback) => Err(Failure::Within(setback)),
        };
        if made.is_err() {
            self.roll_back();
        }
        made
    }

    fn explain(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Ends(error) | Failure::Within(Setback::Sqlite(error)) => {
                self.place.explain(Trouble::Sqlite(error))
            }
            // With savepoints there is no halfway.
            Failure::Within(Setback::Halfway) => self.place.refuse("could not undo a commit that conflicted"),
        }
    }

    /// Some errors end a transaction by themselves; if this fails, it is tried again before the next one.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            drop(self.run("ROLLBACK"));
        }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
