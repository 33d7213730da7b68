//! The house by axum.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, Request};
use oauth_server::axum::{Authorize, Bearer, Scoped, decided, endpoints, require, require_scope, router, well_known};
use oauth_server::{PeerAddr, Server};
use oauth_testkit::lab::scope;
use tower::ServiceExt as _;

use crate::adapter::{Adapter, Delivery, Pieces, certain};
use crate::house::{House, Write, decide, greeting, greeting_or_none};

pub(crate) struct ByAxum(pub(crate) Router);

impl ByAxum {
    pub(crate) fn new(house: &House) -> Self {
        Self(app(house))
    }
}

pub(crate) fn app(house: &House) -> Router {
    router(&house.root)
        .merge(own(&house.root))
        .with_state(house.root.clone())
        .merge(below("/one", &house.one))
        .merge(below("/a/two", &house.two))
}

fn below(path: &str, server: &Server) -> Router {
    Router::new()
        .nest(path, endpoints(server).merge(own(server)))
        .merge(well_known(server))
        .with_state(server.clone())
}

fn own(server: &Server) -> Router<Server> {
    let guarded = Router::new()
        .route("/guarded/bearer", get(bearer))
        .route("/guarded/optional", get(optional))
        .route("/guarded/scoped", get(scoped))
        .route_layer(require(server));
    let narrow = Router::new()
        .route("/narrow/bearer", get(bearer))
        .route_layer(require_scope(server, scope("write")));
    Router::new()
        .route("/authorize", axum::routing::any(authorize))
        .route("/bearer", get(bearer))
        .route("/optional", get(optional))
        .route("/scoped", get(scoped))
        .merge(guarded)
        .merge(narrow)
}

async fn authorize(headers: HeaderMap, Authorize(pending): Authorize) -> Response {
    decided(decide(pending, &headers).await)
}

async fn bearer(Bearer(token): Bearer) -> String {
    greeting(&token)
}

async fn optional(token: Option<Bearer>) -> String {
    greeting_or_none(token.as_ref().map(|Bearer(token)| token))
}

async fn scoped(token: Scoped<Write>) -> String {
    greeting(&token)
}

impl Adapter for ByAxum {
    async fn answer(&self, request: Request<Vec<u8>>, delivery: Delivery) -> http::Response<Vec<u8>> {
        let mut request = request.map(|body| Body::new(Pieces::<std::io::Error>::of(&body, delivery)));
        // The address comes from where axum has it.
        if let Some(PeerAddr(peer)) = request.extensions_mut().remove() {
            let peer = ConnectInfo(SocketAddr::from((peer, 1)));
            request.extensions_mut().insert(peer);
        }
        let response = certain(self.0.clone().oneshot(request).await);
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        http::Response::from_parts(parts, body.to_vec())
    }
}
