//! Serving a router the way `oauthd` does: the same runtime, the same HTTP server.

use std::io::Write as _;
use std::net::Ipv4Addr;

use axum::Router;
use tokio::net::TcpListener;

/// What a server prints once it can be reached; the rest of the line is its address.
pub(crate) const ANNOUNCEMENT: &str = "listening on http://";

/// Serves on a free port of the loopback interface until the process is ended.
pub(crate) fn serve(router: Router) -> Result<(), String> {
    // As many workers as the process may use processors: one, when it is pinned to one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| format!("no address to listen on: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        println!("{ANNOUNCEMENT}{address}");
        std::io::stdout().flush().map_err(|error| error.to_string())?;
        axum::serve(listener, router).await.map_err(|error| error.to_string())
    })
}
