//! The authorization endpoint's two halves.

use axum::extract::{FromRef, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use oauth_core::{AuthorizeError, Pending, Redirect, Server};

use crate::routes::{Whole, into_response};

/// An authorization request that has been checked and waits for the person's decision.
///
/// ```
/// use axum::response::Response;
/// use oauth_axum::{Authorize, decided};
///
/// async fn authorize(Authorize(pending): Authorize) -> Response {
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

impl<S> FromRequest<S> for Authorize
where
    S: Send + Sync,
    Server: FromRef<S>,
{
    type Rejection = AuthorizeRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let server = Server::from_ref(state);
        let whole = Whole::read(request, server.max_body()).await;
        if whole.body.is_none() {
            let too_large = oauth_core::Rejection::invalid_request("the request body is too large")
                .with_status(StatusCode::PAYLOAD_TOO_LARGE);
            return Err(AuthorizeRejection(AuthorizeError::Show(too_large)));
        }
        server
            .authorize(&whole.incoming())
            .await
            .map(Authorize)
            .map_err(AuthorizeRejection)
    }
}

/// The response to a decision: the redirect, or what [`AuthorizeRejection`] answers.
pub fn decided(outcome: Result<Redirect, AuthorizeError>) -> Response {
    match outcome {
        Ok(redirect) => into_response(redirect.into_response()),
        Err(error) => AuthorizeRejection(error).into_response(),
    }
}

impl IntoResponse for AuthorizeRejection {
    fn into_response(self) -> Response {
        match self.0 {
            AuthorizeError::Redirect(redirect) => into_response(redirect.into_response()),
            AuthorizeError::Show(rejection) => {
                let words = rejection.description().unwrap_or("the request cannot be completed");
                let page = format!("{words} ({})\n", rejection.code());
                let mut response = (rejection.status(), page).into_response();
                let mut reply = rejection.reply();
                for name in [http::header::ALLOW, http::header::RETRY_AFTER] {
                    if let Some(value) = reply.headers_mut().remove(&name) {
                        response.headers_mut().insert(name, value);
                    }
                }
                for (name, value) in [
                    (http::header::CACHE_CONTROL, "no-store"),
                    (http::header::X_FRAME_OPTIONS, "DENY"),
                    (
                        http::header::CONTENT_SECURITY_POLICY,
                        "default-src 'none'; frame-ancestors 'none'",
                    ),
                    (http::header::REFERRER_POLICY, "no-referrer"),
                ] {
                    response
                        .headers_mut()
                        .insert(name, http::HeaderValue::from_static(value));
                }
                response
            }
        }
    }
}
