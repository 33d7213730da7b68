//! A guard before a whole subtree of routes (RFC 6750).

use std::borrow::Borrow;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage as _};
use oauth_core::{AccessToken, Challenge, Incoming, Scope, Server};

use crate::request::{Head, into_response};

/// Lets nobody through without a good access token: a middleware for whole scopes.
///
/// Everybody else gets the challenge of RFC 6750 §3. The token becomes an extension of the request, where
/// [`Bearer`](crate::Bearer), [`Scoped`](crate::Scoped) and `ReqData<AccessToken>` find it.
///
/// ```
/// # use oauth_core::Server;
/// use actix_web::web;
/// use oauth_actix::{Bearer, require, require_scope};
///
/// # fn app(server: &Server) -> Result<(), oauth_core::NotAScope> {
/// let everybody = web::scope("/me")
///     .wrap(require(server))
///     .route("", web::get().to(async |Bearer(token): Bearer| format!("{:?}", token.subject())));
/// let administrators = web::scope("/users")
///     .wrap(require_scope(server, "admin".parse()?))
///     .route("", web::get().to(async || "all of them"));
/// # actix_web::App::new().service(everybody).service(administrators);
/// # Ok(())
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

impl<S, B> Transform<S, ServiceRequest> for Require
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Guarded {
            require: self.clone(),
            inner: Rc::new(inner),
        }))
    }
}

/// A service behind [`Require`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    require: Require,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let require = self.require.clone();
        let inner = Rc::clone(&self.inner);
        Box::pin(async move {
            let checked = match Head::of(request.request()) {
                Ok(head) => require.check(&head.incoming(&[])).await,
                Err(rejection) => Err(rejection.into()),
            };
            match checked {
                Ok(token) => {
                    request.extensions_mut().insert(token);
                    Ok(inner.call(request).await?.map_into_left_body())
                }
                Err(challenge) => {
                    let refusal = into_response(challenge.into_response());
                    Ok(request.into_response(refusal).map_into_right_body())
                }
            }
        })
    }
}
