//! Whether the program runs, and whether its store answers.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use oauth_server::Key;

use super::Web;

/// The process is alive.
pub(crate) async fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// The store answers.
pub(crate) async fn readyz(State(web): State<Web>) -> Response {
    match web.0.backend.find(&Key::from_parts("oauthd:readiness", [0; 32])).await {
        Ok(_) => plain(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            super::respond::retry_later(plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"))
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
