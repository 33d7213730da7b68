//! Signing in, signing out, and signing in as somebody else.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use oauth_server::device::{self, DeviceRequest};
use oauth_server::{Attempt, Pending, Secret};

use super::authorize::requester;
use super::forms::Form;
use super::going::Going;
use super::session::Browser;
use super::{SignInFailed, Web, respond};
use crate::pages::{Refusal, Requester, SignIn, field};

/// `POST /sign-in`.
pub(crate) async fn sign_in(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let username = form.field(field::USERNAME);
    let attempt = Attempt {
        what: Attempt::PASSWORD,
        name: username,
        address: form.incoming().peer(),
    };
    let admission = match &web.0.sign_in_limit {
        None => None,
        Some(limit) => match limit.admit(&attempt).await {
            Ok(admission) => Some(admission),
            Err(wait) => {
                return web
                    .sign_in_again(browser, &form, Refusal::TooManyAttempts { wait })
                    .await;
            }
        },
    };
    let password = Secret::new(form.field(field::PASSWORD));
    let subject = match web.0.people.sign_in(username, &password).await {
        Ok(Some(subject)) => subject,
        Ok(None) => {
            drop(admission);
            tracing::info!("a sign-in was refused");
            return web.sign_in_again(browser, &form, Refusal::WrongCredentials).await;
        }
        Err(error @ (SignInFailed::Busy | SignInFailed::Store(_))) => {
            // Nobody could tell whether the password was right, so it was not wrong.
            if let Some(admission) = admission {
                admission.succeeded();
            }
            return web.unavailable(&error);
        }
    };
    if let Some(admission) = admission {
        admission.succeeded();
    }
    let signed_in = match web.0.sessions.sign_in(subject).await {
        Ok(signed_in) => signed_in,
        Err(error) => return web.unavailable(&error),
    };
    if browser.subject.is_some()
        && let Err(error) = web.0.sessions.sign_out(browser).await
    {
        return web.unavailable(&error);
    }
    let response = web.go_on(&form, &signed_in).await;
    respond::with_cookie(response, web.0.sessions.cookie(&signed_in))
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    match web.0.sessions.sign_out(browser).await {
        Ok(()) => respond::with_cookie(respond::see_other(&web.path("/account")), web.0.sessions.no_cookie()),
        Err(error) => web.unavailable(&error),
    }
}

/// `POST /switch-account`: signs out and shows the sign-in page for the same request.
pub(crate) async fn switch_account(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let waiting = match web.waiting(&form).await {
        Ok(waiting) => waiting,
        Err(response) => return response,
    };
    if let Err(error) = web.0.sessions.sign_out(browser).await {
        return web.unavailable(&error);
    }
    let stranger = match web.0.sessions.browser(&HeaderMap::new()).await {
        Ok(stranger) => stranger,
        Err(error) => return web.unavailable(&error),
    };
    match waiting {
        Waiting::Nobody => web.sign_in_for_account(&stranger),
        Waiting::Client(pending) => web.proceed(*pending, &stranger).await,
        Waiting::Device(request) => match request.hand_over(&stranger.secret).await {
            Ok(request) => respond::with_cookie(
                web.sign_in_for_device(&request, &stranger),
                web.0.sessions.cookie(&stranger),
            ),
            Err(rejection) => web.code_refused(&stranger, "", &rejection),
        },
    }
}

/// Who waits for the person behind a form.
enum Waiting {
    /// Nobody: they came on their own, to their account.
    Nobody,
    /// A client, with an authorization request.
    Client(Box<Pending>),
    /// A device.
    Device(Box<DeviceRequest>),
}

impl Waiting {
    fn requester(&self) -> Option<Requester<'_>> {
        match self {
            Self::Nobody => None,
            Self::Client(pending) => Some(requester(pending.client(), Some(pending.redirect_uri()))),
            Self::Device(request) => Some(requester(request.client(), None)),
        }
    }
}

impl Web {
    /// Finds what the person was about to do; a page that says so if it is gone.
    async fn waiting(&self, form: &Form) -> Result<Waiting, Response> {
        let browser = &form.browser;
        match Going::of(form) {
            Going::Account => Ok(Waiting::Nobody),
            Going::Client(handle) => match self.0.server.resume(&handle, &browser.secret).await {
                Ok(pending) => Ok(Waiting::Client(Box::new(pending.decided_in(&form.incoming())))),
                Err(error) => Err(respond::refused(self, error)),
            },
            Going::Device(code) => match device::resume(&self.0.server, &code, &browser.secret).await {
                Ok(request) => Ok(Waiting::Device(Box::new(request))),
                Err(rejection) => Err(self.code_refused(browser, &code.shown(), &rejection)),
            },
        }
    }

    /// Where the person was going before they had to sign in.
    async fn go_on(&self, form: &Form, signed_in: &Browser) -> Response {
        let pending = match self.waiting(form).await {
            Ok(Waiting::Nobody) => return respond::see_other(&self.path("/account")),
            Ok(Waiting::Device(request)) => {
                return match request.hand_over(&signed_in.secret).await {
                    Ok(request) => {
                        let code = request.user_code().shown();
                        respond::see_other(&self.path(&format!("/device/consent?user_code={code}")))
                    }
                    Err(rejection) => self.code_refused(signed_in, "", &rejection),
                };
            }
            Ok(Waiting::Client(pending)) => *pending,
            Err(response) => return response,
        };
        if super::authorize::skips_consent(pending.client(), pending.redirect_uri()) {
            return self.proceed(pending, signed_in).await;
        }
        // A page of its own for the consent, so that reloading it does not send the password again.
        match pending.park(&signed_in.secret).await {
            Ok(handle) => respond::see_other(&self.path(&format!("/consent?request={}", handle.expose()))),
            Err(error) => respond::refused(self, error),
        }
    }

    /// The sign-in page once more: with the same words for every cause but one.
    async fn sign_in_again(&self, browser: &Browser, form: &Form, refusal: Refusal) -> Response {
        let waiting = match self.waiting(form).await {
            Ok(waiting) => waiting,
            Err(response) => return response,
        };
        let page = SignIn {
            site: self.site(),
            action: &self.path("/sign-in"),
            csrf: &browser.csrf(),
            resume: form.field(field::CONTINUE),
            username: form.field(field::USERNAME),
            client: waiting.requester(),
            refusal: Some(refusal),
        };
        let mut response = match refusal {
            Refusal::TooManyAttempts { wait } => {
                let mut response = respond::page(StatusCode::TOO_MANY_REQUESTS, &page.render());
                response
                    .headers_mut()
                    .insert(axum::http::header::RETRY_AFTER, wait.as_secs().max(1).into());
                response
            }
            _ => respond::page(StatusCode::UNAUTHORIZED, &page.render()),
        };
        response = respond::with_cookie(response, self.0.sessions.cookie(browser));
        response
    }

    /// The sign-in page for somebody who wants to see their account.
    pub(super) fn sign_in_for_account(&self, browser: &Browser) -> Response {
        let page = SignIn {
            site: self.site(),
            action: &self.path("/sign-in"),
            csrf: &browser.csrf(),
            resume: &Going::Account.text(),
            username: "",
            client: None,
            refusal: None,
        };
        respond::with_cookie(
            respond::page(StatusCode::OK, &page.render()),
            self.0.sessions.cookie(browser),
        )
    }
}
