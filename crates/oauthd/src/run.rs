//! Accepting connections until told to stop, and sweeping meanwhile.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use oauth_server::Server;
use tokio::net::TcpListener;
use tokio::time::Sleep;
use tower::Service as _;

use crate::telemetry::{self, Metrics};

/// How long requests in flight may take once the program is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(15);

/// How long the body of a request may take, once its head is there.
const BODY: Duration = Duration::from_secs(15);

/// Serves until `stop` ends, then finishes what is in flight.
///
/// Written on hyper rather than `axum::serve`, which has no time limit for a request's head.
///
/// # Errors
/// [`io::Error`] when the listener breaks for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: &Metrics,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a connection that was gone already: neither is a reason to stop.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Answers are small and whole: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let peer = telemetry::peer(address);
        let metrics = metrics.clone();
        let shown: Arc<str> = peer.0.to_string().into();
        let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            let mut router = router.clone();
            let (metrics, shown) = (metrics.clone(), Arc::clone(&shown));
            let request = request.map(|body| Body::new(Timely { body, until: None }));
            async move {
                let answer = |request: Request<Body>| {
                    let answer = router.call(request);
                    async { answer.await.unwrap_or_else(|never| match never {}) }
                };
                Ok::<_, Infallible>(telemetry::observe(&metrics, &shown, request, answer).await)
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight after {DRAIN:?}; they are cut off");
    }
    Ok(())
}

/// The body of a request, which breaks off if it takes longer than [`BODY`]: whoever sends a byte now and then
/// must not hold a connection for ever.
struct Timely {
    body: hyper::body::Incoming,
    /// Begun when the body is waited for, which it seldom is.
    until: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let is_over = match &mut self.until {
            Some(until) => until.as_mut().poll(cx).is_ready(),
            None => false,
        };
        if is_over {
            return Poll::Ready(Some(Err("the body did not arrive in time".into())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_pending() && self.until.is_none() {
            let mut until = Box::pin(tokio::time::sleep(BODY));
            // Polled once, so that it wakes this task.
            let _ = until.as_mut().poll(cx);
            self.until = Some(until);
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends when the program is asked to stop: ctrl-C or SIGTERM.
///
/// # Errors
/// [`io::Error`] when signals cannot be listened to.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Forgets expired credentials now and then, in batches small enough that requests are not kept waiting.
pub async fn sweep(server: Server) {
    const BATCH: usize = 500;
    loop {
        match server.sweep(BATCH).await {
            Ok(swept) if swept == BATCH => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(_) => tokio::time::sleep(Duration::from_secs(30)).await,
            Err(error) => {
                tracing::error!(%error, "expired credentials could not be forgotten");
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    }
}
