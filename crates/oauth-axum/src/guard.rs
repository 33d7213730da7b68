//! A guard before a whole subtree of routes (RFC 6750).

use std::borrow::Borrow;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use oauth_core::{AccessToken, Challenge, Incoming, Scope, Server};
use tower_layer::Layer;
use tower_service::Service;

use crate::routes::{incoming, into_response, note_peer};

/// Lets nobody through without a good access token: a layer for whole routers.
///
/// Everybody else gets the challenge of RFC 6750 §3. The token becomes an extension of the request, where
/// [`Bearer`](crate::Bearer), [`Scoped`](crate::Scoped) and `Extension<AccessToken>` find it.
///
/// ```
/// # use oauth_core::Server;
/// use axum::{Router, routing::get};
/// use oauth_axum::{Bearer, require, require_scope};
///
/// # fn app(server: &Server) -> Result<Router<Server>, oauth_core::NotAScope> {
/// let everybody = Router::new()
///     .route("/me", get(async |Bearer(token): Bearer| format!("{:?}", token.subject())))
///     .route_layer(require(server));
/// let administrators = Router::new()
///     .route("/users", get(async || "all of them"))
///     .route_layer(require_scope(server, "admin".parse()?));
/// # Ok(everybody.merge(administrators))
/// # }
/// ```
pub fn require(server: impl Borrow<Server>) -> Require {
    Require {
        server: server.borrow().clone(),
        scope: None,
    }
}

/// As [`require()`], and the token has to allow the scope; otherwise 403 `insufficient_scope`.
pub fn require_scope(server: impl Borrow<Server>, scope: Scope) -> Require {
    Require {
        server: server.borrow().clone(),
        scope: Some(scope),
    }
}

/// What [`require()`] and [`require_scope`] make.
#[derive(Clone, Debug)]
pub struct Require {
    server: Server,
    scope: Option<Scope>,
}

impl Require {
    async fn check(&self, request: &Incoming<'_>) -> Result<AccessToken, Challenge> {
        match &self.scope {
            Some(scope) => self.server.authenticate_for(request, scope).await,
            None => self.server.authenticate(request).await,
        }
    }
}

impl<S> Layer<S> for Require {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            require: self.clone(),
            inner,
        }
    }
}

/// A service behind [`Require`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    require: Require,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let require = self.require.clone();
        // The one that said it is ready is the one that is called.
        let another = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, another);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            note_peer(&mut parts);
            match require.check(&incoming(&parts, &[])).await {
                Ok(token) => {
                    parts.extensions.insert(token);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(challenge) => Ok(into_response(challenge.into_response())),
            }
        })
    }
}
