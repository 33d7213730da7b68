//! The authorization endpoint: who is signed in, and what they decide.

use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use oauth_server::axum::{Authorize, AuthorizeRejection, decided};
use oauth_server::{Client, Params, Pending, Secret};

use super::forms::{Form, Visitor};
use super::session::Browser;
use super::{Web, respond};
use crate::pages::{Consent, Requester, SignIn, Trouble, field};

/// `GET` and `POST /authorize` (RFC 6749 §3.1).
pub(crate) async fn authorize(
    State(web): State<Web>,
    method: Method,
    Visitor(browser): Visitor,
    checked: Result<Authorize, AuthorizeRejection>,
) -> Response {
    let pending = match checked {
        Ok(Authorize(pending)) => pending,
        Err(AuthorizeRejection(error)) => return respond::refused(&web, error),
    };
    // HEAD must not change anything, and everything from here on does.
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    web.proceed(pending, &browser).await
}

/// `GET /consent`: the page again, after a sign-in.
pub(crate) async fn consent(State(web): State<Web>, Visitor(browser): Visitor, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let handle = Params::parse(query.as_bytes())
        .ok()
        .and_then(|params| params.one("request").ok().flatten().map(Secret::new));
    let Some(handle) = handle else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest);
    };
    match web.0.server.resume(&handle, &browser.secret).await {
        Ok(pending) => web.ask(&pending, &browser, &handle),
        Err(error) => respond::refused(&web, error),
    }
}

/// `POST /consent`: the decision. Only the explicit word approves; anything else but the other word is an error.
pub(crate) async fn decide(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let Some(subject) = browser.subject.clone() else {
        return web.failure(StatusCode::FORBIDDEN, Trouble::Stale);
    };
    match web.0.people.is_active(&subject).await {
        Ok(true) => {}
        Ok(false) => return web.failure(StatusCode::FORBIDDEN, Trouble::Forbidden),
        Err(error) => return web.unavailable(&error),
    }
    let pending = match web
        .0
        .server
        .resume(&Secret::new(form.field(field::CONTINUE)), &browser.secret)
        .await
    {
        Ok(pending) => pending.decided_in(&form.incoming()),
        Err(error) => return respond::refused(&web, error),
    };
    let outcome = match form.field(field::DECISION) {
        field::APPROVE => {
            let scope = pending.scope().clone();
            pending.approve(subject, scope).await
        }
        field::DENY => pending.deny().await,
        _ => return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest),
    };
    match outcome {
        Ok(redirect) => decided(Ok(redirect)),
        Err(error) => respond::refused(&web, error),
    }
}

impl Web {
    /// Goes on with a request: to the sign-in page, to the consent page, or straight back to a first-party client.
    pub(super) async fn proceed(&self, pending: Pending, browser: &Browser) -> Response {
        let subject = match self.active(browser).await {
            Ok(subject) => subject,
            Err(error) => return self.unavailable(&error),
        };
        if let Some(subject) = subject.clone()
            && skips_consent(pending.client(), pending.redirect_uri())
        {
            let scope = pending.scope().clone();
            return match pending.approve(subject, scope).await {
                Ok(redirect) => decided(Ok(redirect)),
                Err(error) => respond::refused(self, error),
            };
        }
        let handle = match pending.park(&browser.secret).await {
            Ok(handle) => handle,
            Err(error) => return respond::refused(self, error),
        };
        let response = if subject.is_some() {
            self.ask(&pending, browser, &handle)
        } else {
            let page = SignIn {
                site: self.site(),
                action: &self.path("/sign-in"),
                csrf: &browser.csrf(),
                resume: handle.expose(),
                username: "",
                client: Some(requester(pending.client(), Some(pending.redirect_uri()))),
                refusal: None,
            };
            respond::page(StatusCode::OK, &page.render())
        };
        respond::with_cookie(response, self.0.sessions.cookie(browser))
    }

    /// The consent page.
    pub(super) fn ask(&self, pending: &Pending, browser: &Browser, handle: &Secret) -> Response {
        let Some(subject) = &browser.subject else {
            return self.failure(StatusCode::FORBIDDEN, Trouble::Stale);
        };
        let permissions = self.permissions(pending.scope().tokens());
        let page = Consent {
            site: self.site(),
            action: &self.path("/consent"),
            csrf: &browser.csrf(),
            resume: handle.expose(),
            client: requester(pending.client(), Some(pending.redirect_uri())),
            user_code: None,
            permissions: &permissions,
            username: subject.as_str(),
            switch_account: Some(&self.path("/switch-account")),
        };
        respond::page(StatusCode::OK, &page.render())
    }
}

/// Who asks, as people are shown it.
pub(super) fn requester<'a>(client: &'a Client, redirect_uri: Option<&'a str>) -> Requester<'a> {
    Requester {
        name: client.name.as_deref().unwrap_or(client.id.as_str()),
        redirect_uri,
    }
}

/// Whether a first-party client need not ask. Never for a public client on the person's own device: any
/// program there can claim its redirect URI (RFC 8252 §8.6).
pub(crate) fn skips_consent(client: &Client, redirect_uri: &str) -> bool {
    let anybody_can_listen = !redirect_uri.starts_with("https://");
    client.metadata::<bool>("skip_consent").unwrap_or(false) && (client.is_confidential() || !anybody_can_listen)
}
