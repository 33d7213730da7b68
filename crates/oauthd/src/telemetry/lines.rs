//! Log lines on their way to standard error, many at a time.
//!
//! A line per request is one system call per request when each is written by itself, which is a tenth of what a whole
//! request costs. So lines that are no warning wait for a moment, and go out together.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others.
const PAUSE: Duration = Duration::from_millis(20);

/// How many bytes may wait. More are written by whoever brings them, so that a reader who is too slow holds up the
/// server, and not its memory.
const MOST: usize = 1 << 20;

/// Where log lines are brought. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

/// What keeps log lines going out. When it is dropped, those that wait go out, and later ones go out at once.
#[derive(Debug)]
#[must_use = "lines that wait are lost if this is not kept until the end"]
pub struct Logging(Lines);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrival: Condvar,
    /// Held from the taking of lines until they are written, so that they stay in their order.
    out: Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Closed,
}

impl Lines {
    /// A place for lines, and what keeps them going out.
    ///
    /// # Errors
    /// [`io::Error`] when the system has no thread for it.
    pub(super) fn to_stderr() -> io::Result<(Self, Logging)> {
        let lines = Self(Arc::new(Shared {
            waiting: Mutex::default(),
            arrival: Condvar::new(),
            out: Mutex::new(()),
        }));
        let carrier = lines.clone();
        thread::Builder::new()
            .name("oauthd-log".to_owned())
            .spawn(move || carrier.carry())?;
        Ok((lines.clone(), Logging(lines)))
    }

    /// Carries lines out until there will be no more.
    fn carry(&self) {
        loop {
            let mut waiting = self.waiting();
            while waiting.text.is_empty() && waiting.stage == Stage::Open {
                waiting = self.0.arrival.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.stage == Stage::Closed {
                return;
            }
            drop(waiting);
            thread::sleep(PAUSE);
            // Nobody is left to be told that standard error is closed.
            let _ = self.flush(&mut io::stderr());
        }
    }

    /// Writes what waits.
    fn flush(&self, out: &mut impl Write) -> io::Result<()> {
        let _ordered = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut self.waiting().text);
        out.write_all(&text)
    }

    /// A line is one call, so nothing is half done when a panic elsewhere poisons the lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.waiting().stage = Stage::Closed;
        self.0.0.arrival.notify_one();
        let _ = self.0.flush(&mut io::stderr());
    }
}

/// Whether a line may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Waits,
    Now,
}

/// One line, as the formatter writes it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    lines: &'a Lines,
    urgency: Urgency,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            urgency: Urgency::Now,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        let urgency = if *metadata.level() <= Level::WARN {
            Urgency::Now
        } else {
            Urgency::Waits
        };
        Line { lines: self, urgency }
    }
}

impl Line<'_> {
    fn bring(&self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut waiting = self.lines.waiting();
        let is_first = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        if self.urgency == Urgency::Now || waiting.stage == Stage::Closed || waiting.text.len() > MOST {
            drop(waiting);
            return self.lines.flush(out);
        }
        drop(waiting);
        if is_first {
            self.lines.0.arrival.notify_one();
        }
        Ok(())
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.bring(line, &mut io::stderr())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that nobody carries out by himself.
    fn lines() -> Lines {
        Lines(Arc::new(Shared {
            waiting: Mutex::default(),
            arrival: Condvar::new(),
            out: Mutex::new(()),
        }))
    }

    fn bring(lines: &Lines, urgency: Urgency, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Line { lines, urgency }.bring(line, &mut out).unwrap();
        out
    }

    #[test]
    fn a_warning_takes_with_it_what_waits_before_it() {
        let lines = lines();
        assert_eq!(bring(&lines, Urgency::Waits, b"one\n"), b"");
        assert_eq!(bring(&lines, Urgency::Waits, b"two\n"), b"");
        assert_eq!(bring(&lines, Urgency::Now, b"three\n"), b"one\ntwo\nthree\n");
        assert_eq!(bring(&lines, Urgency::Now, b"four\n"), b"four\n");
    }

    #[test]
    fn what_waits_is_bounded() {
        let lines = lines();
        let line = vec![b'x'; 64 * 1024];
        let written: usize = (0..64).map(|_| bring(&lines, Urgency::Waits, &line).len()).sum();
        assert!(lines.waiting().text.len() <= MOST);
        assert_eq!(written + lines.waiting().text.len(), 64 * line.len());
    }

    #[test]
    fn nothing_waits_once_logging_has_ended() {
        let lines = lines();
        lines.waiting().stage = Stage::Closed;
        assert_eq!(bring(&lines, Urgency::Waits, b"late\n"), b"late\n");
    }
}
