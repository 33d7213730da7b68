//! The endpoints that programs talk to, as routers.

use std::borrow::Borrow;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::any;
use http::request::Parts;
use http_body_util::LengthLimitError;
use oauth_core::{Incoming, PeerAddr, Rejection, Server};

/// Every endpoint of the server, at its path from the root of the issuer's host.
///
/// Merge it into the router of the whole application. To nest the endpoints somewhere, see [`endpoints`].
pub fn router<S: Clone + Send + Sync + 'static>(server: impl Borrow<Server>) -> Router<S> {
    mounted(server.borrow(), |path| -> Option<&str> { Some(path) })
}

/// The endpoints below the issuer, at their paths relative to it: for `nest` under the issuer's path.
///
/// The documents of [`well_known`] stay at the root (RFC 8414 §3.1), so they are a router of their own:
///
/// ```
/// # use oauth_core::Server;
/// # fn nested(server: &Server) -> axum::Router {
/// // With the issuer "https://auth.example.com/tenant":
/// axum::Router::new()
///     .nest("/tenant", oauth_axum::endpoints(server))
///     .merge(oauth_axum::well_known(server))
/// # }
/// ```
pub fn endpoints<S: Clone + Send + Sync + 'static>(server: impl Borrow<Server>) -> Router<S> {
    let server = server.borrow();
    let authorization = server.authorization_path();
    let prefix = authorization.strip_suffix("/authorize").unwrap_or_default().to_owned();
    mounted(server, move |path| {
        if is_well_known(path) {
            None
        } else {
            path.strip_prefix(prefix.as_str())
        }
    })
}

/// The documents under `/.well-known/`, at their paths from the root of the issuer's host.
pub fn well_known<S: Clone + Send + Sync + 'static>(server: impl Borrow<Server>) -> Router<S> {
    mounted(server.borrow(), |path| is_well_known(path).then_some(path))
}

fn is_well_known(path: &str) -> bool {
    path.starts_with("/.well-known/")
}

fn mounted<S: Clone + Send + Sync + 'static>(server: &Server, place: impl Fn(&str) -> Option<&str>) -> Router<S> {
    let mut router = Router::new();
    for (at, path) in server.paths().enumerate() {
        if let Some(path) = place(path) {
            let endpoint = Endpoint {
                server: server.clone(),
                at,
            };
            router = router.route(path, any(endpoint));
        }
    }
    router
}

/// An endpoint of the server, by its place in [`Server::paths`].
///
/// A handler by hand: one made of a closure takes the request apart and puts it together again first.
#[derive(Clone)]
struct Endpoint {
    server: Server,
    at: usize,
}

impl<S> Handler<(), S> for Endpoint {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, _: S) -> Self::Future {
        Box::pin(async move {
            into_response(match Whole::read(request, self.server.max_body()).await {
                Ok(whole) => self.server.serve_at(self.at, &whole.incoming()).await,
                Err(rejection) => rejection.reply().into_response(),
            })
        })
    }
}

/// A request that has been read to its end.
pub(crate) struct Whole {
    parts: Parts,
    body: Bytes,
}

impl Whole {
    /// Reads the body up to the limit.
    pub(crate) async fn read(request: Request, limit: usize) -> Result<Self, Rejection> {
        let (mut parts, body) = request.into_parts();
        note_peer(&mut parts);
        match body::to_bytes(body, limit).await.map_err(axum::Error::into_inner) {
            Ok(body) => Ok(Self { parts, body }),
            Err(error) if error.is::<LengthLimitError>() => Err(Rejection::body_too_large()),
            Err(_) => Err(Rejection::body_broken_off()),
        }
    }

    pub(crate) fn incoming(&self) -> Incoming<'_> {
        incoming(&self.parts, &self.body)
    }
}

/// Notes where the request came from, unless somebody in front knew better.
pub(crate) fn note_peer(parts: &mut Parts) {
    if parts.extensions.get::<PeerAddr>().is_none()
        && let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>()
    {
        let peer = PeerAddr(peer.ip());
        parts.extensions.insert(peer);
    }
}

pub(crate) fn incoming<'a>(parts: &'a Parts, body: &'a [u8]) -> Incoming<'a> {
    Incoming {
        method: &parts.method,
        // A nested router sees its own part of the path only; what the client asked for is the whole.
        uri: parts.extensions.get().map_or(&parts.uri, |OriginalUri(whole)| whole),
        headers: &parts.headers,
        extensions: &parts.extensions,
        body,
    }
}

pub(crate) fn into_response(response: http::Response<Vec<u8>>) -> Response {
    response.map(Body::from)
}
