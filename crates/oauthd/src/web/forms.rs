//! What pages send, and the browsers that send it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use oauth_server::{Incoming, Params};

use super::Web;
use super::session::Browser;
use crate::pages::Trouble;

/// The browser behind a request.
pub(crate) struct Visitor(pub(crate) Browser);

impl FromRequestParts<Web> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        web.0
            .sessions
            .browser(&parts.headers)
            .await
            .map(Self)
            .map_err(|error| web.unavailable(&error))
    }
}

/// A form that a page of this site sent. A browser that says it came from elsewhere is believed.
pub(crate) struct SiteForm {
    pub(crate) params: Params<'static>,
    request: axum::http::Request<Bytes>,
}

impl FromRequest<Web> for SiteForm {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Self::Rejection> {
        let bad = |status| web.failure(status, Trouble::BadRequest);
        let (parts, body) = request.into_parts();
        let elsewhere = |value: &HeaderValue| value == "cross-site" || value == "same-site";
        if parts.headers.get("sec-fetch-site").is_some_and(elsewhere) {
            return Err(web.failure(StatusCode::FORBIDDEN, Trouble::Forbidden));
        }
        let body = axum::body::to_bytes(body, web.0.server.max_body())
            .await
            .map_err(|_| bad(StatusCode::PAYLOAD_TOO_LARGE))?;
        let request = axum::http::Request::from_parts(parts, body);
        let incoming = Incoming::of(&request);
        let params = incoming.form().map_err(|_| bad(StatusCode::BAD_REQUEST))?.into_owned();
        Ok(Self { params, request })
    }
}

impl SiteForm {
    /// The request that brought it.
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming::of(&self.request)
    }

    /// The value of a field; empty if it is absent or occurs more than once.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.params.one(name).ok().flatten().unwrap_or_default()
    }
}

/// A form of the browser's own session: its CSRF token is right.
pub(crate) struct Form {
    pub(crate) browser: Browser,
    sent: SiteForm,
}

impl FromRequest<Web> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Self::Rejection> {
        let form = SiteForm::from_request(request, web).await?;
        let browser = web
            .0
            .sessions
            .browser(form.request.headers())
            .await
            .map_err(|error| web.unavailable(&error))?;
        if !browser.sent(&form.params) {
            return Err(web.failure(StatusCode::FORBIDDEN, Trouble::Stale));
        }
        Ok(Self { browser, sent: form })
    }
}

impl Form {
    /// The request that brought it.
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        self.sent.incoming()
    }

    /// The value of a field; empty if it is absent or occurs more than once.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.sent.field(name)
    }
}
