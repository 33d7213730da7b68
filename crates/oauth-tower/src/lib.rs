//! The endpoints of an OAuth 2.x authorization server as one tower service, for hyper, tonic, poem, a serverless
//! runtime, and whatever else takes those.
//!
//! [`service`] answers at every endpoint that programs talk to, and 404 elsewhere. The authorization endpoint is
//! yours, because sign-in and consent are: give the request to [`Server::authorize`], ask the person, and answer
//! with [`Redirect::into_response`](oauth_core::Redirect::into_response) or
//! [`AuthorizeError::into_response`](oauth_core::AuthorizeError::into_response). A resource is protected by
//! [`Server::authenticate`].
//!
//! This crate knows no grant, no store and no framework.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use oauth_core::{Incoming, Rejection, Server};
use tower_service::Service;

/// Every endpoint of the server as one service: each at its path from the root of the issuer's host, 404 elsewhere.
///
/// Whoever accepts connections may tell where a request came from, by an extension of the type
/// [`PeerAddr`](oauth_core::PeerAddr).
///
/// ```
/// # use oauth_core::Server;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower_service::Service as _;
///
/// # async fn answer(server: &Server, request: Request<String>) -> Response<Full<bytes::Bytes>> {
/// let mut endpoints = oauth_tower::service(server);
/// match endpoints.call(request).await {
///     Ok(response) => response,
///     Err(never) => match never {},
/// }
/// # }
/// ```
pub fn service(server: impl Borrow<Server>) -> Endpoints {
    Endpoints(server.borrow().clone())
}

/// What [`service`] makes. Cheap to clone, and always ready.
#[derive(Clone, Debug)]
pub struct Endpoints(Server);

impl<B> Service<Request<B>> for Endpoints
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self(server) = self.clone();
        Box::pin(async move {
            let response = answer(&server, request).await;
            Ok(response.map(Full::from))
        })
    }
}

async fn answer<B>(server: &Server, request: Request<B>) -> Response<Vec<u8>>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // A body for nobody is not read.
    let Some(at) = server.paths().position(|path| path == request.uri().path()) else {
        let mut nothing = Response::new(Vec::new());
        *nothing.status_mut() = StatusCode::NOT_FOUND;
        return nothing;
    };
    let (parts, body) = request.into_parts();
    match whole(body, server.max_body()).await {
        Ok(body) => {
            let request = Incoming {
                method: &parts.method,
                uri: &parts.uri,
                headers: &parts.headers,
                extensions: &parts.extensions,
                body: &body,
            };
            server.serve_at(at, &request).await
        }
        Err(rejection) => rejection.reply().into_response(),
    }
}

/// Reads a body up to the limit.
async fn whole<B>(body: B, limit: usize) -> Result<Bytes, Rejection>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Rejection::body_too_large()),
        Err(_) => Err(Rejection::body_broken_off()),
    }
}
