//! Futures driven by hand: without a runtime, in step with each other, or only so far.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread, without any runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        std::thread::park();
    }
}

/// Gives every other task a turn: returns the second time it is polled.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs futures in one task, polling each in turn: whatever awaits in its middle is
/// interleaved with all the others, the same way at every run.
pub async fn interleaved<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<(Option<Pin<Box<F>>>, _)> = futures
        .into_iter()
        .map(|future| (Some(Box::pin(future)), None))
        .collect();
    poll_fn(|cx| {
        let mut waiting = false;
        for (running, output) in &mut slots {
            let Some(future) = running else { continue };
            match future.as_mut().poll(cx) {
                Poll::Ready(value) => {
                    *output = Some(value);
                    *running = None;
                }
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    slots.into_iter().filter_map(|(_, output)| output).collect()
}

/// Runs futures as tasks of their own that start together, on as many threads as the runtime has.
///
/// # Panics
/// When one of the futures panics, and outside a tokio runtime.
pub async fn racing<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let futures: Vec<F> = futures.into_iter().collect();
    let start = Arc::new(tokio::sync::Barrier::new(futures.len()));
    let tasks: Vec<_> = futures
        .into_iter()
        .map(|future| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                future.await
            })
        })
        .collect();
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.await {
            Ok(output) => outputs.push(output),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => panic!("a racing task was cancelled: {error}"),
            },
        }
    }
    outputs
}

/// Polls a future at most `polls` times and then drops it: what a server does to a request whose
/// client hangs up. `None` if it was dropped before its end.
pub async fn cancelled_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polled = 0;
    poll_fn(move |cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll gave the future its chance; nobody waits for its wake-up.
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Cancels a future after no poll, after one, after two, … until it once runs to its end; how often it was
/// cancelled. `attempt` makes the future of that number of polls, and `check` looks at what it left behind.
///
/// Stops after `most` cancellations: a future that waits for a timer or a network can need any number of polls.
///
/// # Errors
/// The first error of `check`.
pub async fn cancel_at_every_poll<F, C, E>(
    most: usize,
    mut attempt: impl FnMut(usize) -> F,
    mut check: impl FnMut(usize, Option<F::Output>) -> C,
) -> Result<usize, E>
where
    F: Future,
    C: Future<Output = Result<(), E>>,
{
    for polls in 0..most {
        let output = cancelled_after(polls, attempt(polls)).await;
        let finished = output.is_some();
        check(polls, output).await?;
        if finished {
            return Ok(polls);
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    async fn yielding(times: usize) -> usize {
        for _ in 0..times {
            yield_once().await;
        }
        times
    }

    #[test]
    fn a_future_is_cancelled_at_each_of_its_polls_and_then_finishes() {
        let seen = RefCell::new(Vec::new());
        let cancelled = block_on(cancel_at_every_poll(
            100,
            |_| yielding(3),
            |polls, output| {
                seen.borrow_mut().push((polls, output));
                async { Ok::<_, ()>(()) }
            },
        ));
        assert_eq!(cancelled, Ok(4));
        assert_eq!(
            seen.into_inner(),
            [(0, None), (1, None), (2, None), (3, None), (4, Some(3))]
        );
    }

    #[test]
    fn interleaved_futures_take_turns() {
        let order = RefCell::new(Vec::new());
        let step = |name: &'static str| {
            let order = &order;
            async move {
                order.borrow_mut().push(name);
                yield_once().await;
                order.borrow_mut().push(name);
                name
            }
        };
        assert_eq!(block_on(interleaved([step("a"), step("b")])), ["a", "b"]);
        assert_eq!(order.into_inner(), ["a", "b", "a", "b"]);
    }
}
