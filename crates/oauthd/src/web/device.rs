//! The device page (RFC 8628 §3.3): enter the code, sign in if need be, decide, and go back to the device.
//!
//! A device always asks for consent, whatever its registration says: whoever sent the code may have sent it to somebody
//! else's screen (RFC 8628 §5.4).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use oauth_server::device::{self, DeviceRequest, UserCode};
use oauth_server::{Params, Rejection};

use super::authorize::requester;
use super::forms::{Form, Visitor};
use super::going::Going;
use super::session::Browser;
use super::{Web, respond};
use crate::pages::{Consent, DeviceDone, DeviceEntry, DeviceOutcome, DeviceRefusal, SignIn, Trouble, field};

/// `GET /device`: the form, with the code of a `verification_uri_complete` in it. It is never submitted by itself.
pub(crate) async fn show(State(web): State<Web>, Visitor(browser): Visitor, RawQuery(query): RawQuery) -> Response {
    let code = code_in(query.as_deref());
    let shown = code.map(|code| code.shown());
    let page = web.device_entry(&browser, shown.as_deref(), None);
    respond::with_cookie(respond::page(StatusCode::OK, &page), web.0.sessions.cookie(&browser))
}

/// `POST /device`: the code that the person typed.
pub(crate) async fn enter(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let typed = form.field(field::USER_CODE);
    let request = match device::enter(&web.0.server, typed, &browser.secret, &form.incoming()).await {
        Ok(request) => request,
        Err(rejection) => return web.code_refused(browser, typed, &rejection),
    };
    let subject = match web.active(browser).await {
        Ok(subject) => subject,
        Err(error) => return web.unavailable(&error),
    };
    let response = match subject {
        Some(_) => web.ask_for_device(&request, browser),
        None => web.sign_in_for_device(&request, browser),
    };
    respond::with_cookie(response, web.0.sessions.cookie(browser))
}

/// `GET /device/consent`: the question, after a sign-in.
pub(crate) async fn consent(State(web): State<Web>, Visitor(browser): Visitor, RawQuery(query): RawQuery) -> Response {
    let Some(code) = code_in(query.as_deref()) else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest);
    };
    match device::resume(&web.0.server, &code, &browser.secret).await {
        Ok(request) => web.ask_for_device(&request, &browser),
        Err(rejection) => web.code_refused(&browser, &code.shown(), &rejection),
    }
}

/// `POST /device/consent`: the decision. Only the explicit word approves; anything else but the other word is an error.
pub(crate) async fn decide(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let subject = match web.active(browser).await {
        Ok(Some(subject)) => subject,
        Ok(None) => return web.failure(StatusCode::FORBIDDEN, Trouble::Stale),
        Err(error) => return web.unavailable(&error),
    };
    let Going::Device(code) = Going::of(&form) else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest);
    };
    let request = match device::resume(&web.0.server, &code, &browser.secret).await {
        Ok(request) => request,
        Err(rejection) => return web.code_refused(browser, &code.shown(), &rejection),
    };
    let client = request.client().clone();
    let (outcome, said) = match form.field(field::DECISION) {
        field::APPROVE => {
            let scope = request.scope().clone();
            (DeviceOutcome::Approved, request.approve(subject, scope).await)
        }
        field::DENY => (DeviceOutcome::Denied, request.deny().await),
        _ => return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest),
    };
    if let Err(rejection) = said {
        return web.code_refused(browser, &code.shown(), &rejection);
    }
    let page = DeviceDone {
        site: web.site(),
        client: requester(&client, None),
        outcome,
        account: &web.path("/account"),
    };
    respond::page(StatusCode::OK, &page.render())
}

fn code_in(query: Option<&str>) -> Option<UserCode> {
    let params = Params::parse(query.unwrap_or_default().as_bytes()).ok()?;
    UserCode::read(params.one(field::USER_CODE).ok()??)
}

impl Web {
    fn device_entry(
        &self,
        browser: &Browser,
        user_code: Option<&str>,
        refusal: Option<DeviceRefusal>,
    ) -> crate::pages::Page {
        DeviceEntry {
            site: self.site(),
            action: &self.path("/device"),
            csrf: &browser.csrf(),
            user_code,
            refusal,
        }
        .render()
    }

    /// The form once more, with the same words for every cause but one.
    pub(super) fn code_refused(&self, browser: &Browser, typed: &str, rejection: &Rejection) -> Response {
        let status = rejection.status();
        let refusal = match status {
            StatusCode::TOO_MANY_REQUESTS => DeviceRefusal::TooManyAttempts {
                wait: rejection.wait().unwrap_or_default(),
            },
            StatusCode::BAD_REQUEST => DeviceRefusal::UnknownCode,
            _ => return self.unavailable(rejection),
        };
        let page = self.device_entry(browser, Some(typed), Some(refusal));
        let mut response = respond::with_cookie(respond::page(status, &page), self.0.sessions.cookie(browser));
        if let Some(wait) = rejection.wait() {
            response
                .headers_mut()
                .insert(axum::http::header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        response
    }

    /// The consent page of a device.
    fn ask_for_device(&self, request: &DeviceRequest, browser: &Browser) -> Response {
        let Some(subject) = &browser.subject else {
            return self.failure(StatusCode::FORBIDDEN, Trouble::Stale);
        };
        let code = request.user_code();
        let permissions = self.permissions(request.scope().tokens());
        let page = Consent {
            site: self.site(),
            action: &self.path("/device/consent"),
            csrf: &browser.csrf(),
            resume: &Going::Device(code.clone()).text(),
            client: requester(request.client(), None),
            user_code: Some(&code.shown()),
            permissions: &permissions,
            username: subject.as_str(),
            switch_account: Some(&self.path("/switch-account")),
        };
        respond::page(StatusCode::OK, &page.render())
    }

    /// The sign-in page on the way to a device.
    pub(super) fn sign_in_for_device(&self, request: &DeviceRequest, browser: &Browser) -> Response {
        let page = SignIn {
            site: self.site(),
            action: &self.path("/sign-in"),
            csrf: &browser.csrf(),
            resume: &Going::Device(request.user_code().clone()).text(),
            username: "",
            client: Some(requester(request.client(), None)),
            refusal: None,
        };
        respond::page(StatusCode::OK, &page.render())
    }
}
