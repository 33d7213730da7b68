//! The authorization endpoint's two halves.

use std::fmt;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use oauth_core::{AuthorizeError, Pending, Redirect};

use crate::request::{Head, into_response, server_for, status, whole};

/// An authorization request that has been checked and waits for the person's decision.
///
/// ```
/// use actix_web::HttpResponse;
/// use oauth_actix::{Authorize, decided};
///
/// async fn authorize(Authorize(pending): Authorize) -> HttpResponse {
///     // Sign the person in, show who asks for what, and only then:
///     let scope = pending.scope().clone();
///     decided(pending.approve("alice", scope).await)
/// }
/// ```
#[derive(Debug)]
pub struct Authorize(pub Pending);

/// Why an authorization request goes no further. As a response it redirects where that is safe, and is a
/// plain-text page where it is not; take `Result<Authorize, AuthorizeRejection>` to show a page of your own.
#[derive(Debug)]
pub struct AuthorizeRejection(pub AuthorizeError);

impl From<AuthorizeError> for AuthorizeRejection {
    /// So that `?` does it in a handler: `server.resume(&handle, &browser).await?`.
    fn from(error: AuthorizeError) -> Self {
        Self(error)
    }
}

impl FromRequest for Authorize {
    type Error = AuthorizeRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AuthorizeRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let asked = server_for(request).and_then(|server| Ok((server, Head::of(request)?)));
        let payload = payload.take();
        Box::pin(async move {
            let (server, head) = asked.map_err(AuthorizeError::Show)?;
            let body = whole(payload, server.max_body()).await.map_err(AuthorizeError::Show)?;
            Ok(Self(server.authorize(&head.incoming(&body)).await?))
        })
    }
}

/// The response to a decision: the redirect, or what [`AuthorizeRejection`] answers.
pub fn decided(outcome: Result<Redirect, AuthorizeError>) -> HttpResponse {
    match outcome {
        Ok(redirect) => into_response(redirect.into_response()),
        Err(error) => into_response(error.into_response()),
    }
}

impl fmt::Display for AuthorizeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for AuthorizeRejection {
    fn status_code(&self) -> StatusCode {
        status(self.0.clone().into_response().status())
    }

    fn error_response(&self) -> HttpResponse {
        into_response(self.0.clone().into_response())
    }
}
