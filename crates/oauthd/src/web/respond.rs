//! Answers: pages with their headers, and redirections within the site.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oauth_server::AuthorizeError;

use super::Web;
use crate::pages::{Failure, Page, Trouble};

/// A page with the headers that belong to it.
pub(crate) fn page(status: StatusCode, page: &Page) -> Response {
    let mut response = (status, page.html().to_owned()).into_response();
    for (name, value) in page.headers() {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// 303 to a path of this site.
pub(crate) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // Paths are made by this crate from its own paths and base64url handles.
    let location = HeaderValue::try_from(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same answer with a cookie set.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// The same answer with `Retry-After`.
pub(crate) fn retry_later(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// For every path that is none of ours.
pub(crate) async fn not_found(State(web): State<Web>) -> Response {
    web.failure(StatusCode::NOT_FOUND, Trouble::NotFound)
}

/// An authorization request that goes no further: back to the client where that is safe, and a page where it is not.
pub(crate) fn refused(web: &Web, error: AuthorizeError) -> Response {
    let rejection = match error {
        AuthorizeError::Redirect(redirect) => return oauth_server::axum::decided(Ok(redirect)),
        AuthorizeError::Show(rejection) => rejection,
    };
    let trouble = match (rejection.code().as_str(), rejection.status()) {
        (_, StatusCode::CONFLICT) => Trouble::Stale,
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR) => Trouble::Unavailable,
        ("invalid_client", _) => Trouble::UnknownClient,
        _ if is_about_redirect(rejection.reason()) => Trouble::UntrustedRedirect,
        _ => Trouble::BadRequest,
    };
    let failure = Failure {
        site: web.site(),
        trouble,
        code: Some(rejection.code().as_str()),
        detail: rejection.description(),
        reference: None,
        back: None,
    };
    let mut response = page(rejection.status(), &failure.render());
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = rejection.reply().headers_mut().remove(&name) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn is_about_redirect(reason: &str) -> bool {
    use oauth_server::NotRegistered::{Missing, Unknown};
    [Missing, Unknown].iter().any(|why| why.to_string() == reason)
}
