//! Serving a router the way `oauthd` does: the same runtime, the same HTTP server, the same limits.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::Service as _;

/// What a server prints once it can be reached; the rest of the line is its address.
pub(crate) const ANNOUNCEMENT: &str = "listening on http://";

/// Serves on a free port of the loopback interface until the process is ended.
pub(crate) fn serve(router: impl Future<Output = Result<Router, String>>) -> Result<(), String> {
    // As many workers as the process may use processors: one, when it is pinned to one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let router = runtime.block_on(router)?;
    let served: Result<Infallible, std::io::Error> = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{ANNOUNCEMENT}{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        accept(listener, router).await
    });
    match served {
        Ok(never) => match never {},
        Err(error) => Err(format!("cannot serve: {error}")),
    }
}

async fn accept(listener: TcpListener, router: Router) -> Result<Infallible, std::io::Error> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(15))
        .max_buf_size(64 * 1024);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let router = router.clone();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut router = router.clone();
            async move { router.call(request.map(Body::new)).await }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that goes away is nothing to report.
            let _ = connection.await;
        });
    }
}
