//! The authorization endpoint: two calls with the application's own sign-in and consent between them.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::context::Context;
use crate::credential::{Change, Credential, Key, Kind, State};
use crate::id::{ErrorCode, Subject};
use crate::incoming::Incoming;
use crate::params::{Params, append_query};
use crate::policy::Event;
use crate::redirect::Registered;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::CommitError;
use crate::token::Claims;

/// The longest `state` that is carried, in bytes. A longer one is refused, never cut.
pub const LONGEST_STATE: usize = 4096;

/// Parameters of an authorization request that may occur more than once (RFC 8707 §2).
const REPEATABLE: &[&str] = &["resource", "audience"];

/// Parameters that no authorization request has, and that are secret where they belong. A confused client sends
/// them all the same, and a parked request must not keep them.
const MISPLACED: &[&str] = &[
    "client_secret",
    "client_assertion",
    "code",
    "code_verifier",
    "refresh_token",
    "access_token",
    "token",
    "assertion",
    "device_code",
    "password",
];

/// What an authorization request can ask for: a value of `response_type` (RFC 6749 §3.1.1).
#[async_trait]
pub trait ResponseType: Send + Sync + 'static {
    /// The value of `response_type`.
    fn response_type(&self) -> &'static str;

    /// How the answer travels to the redirect URI, unless the request may choose.
    fn response_mode(&self) -> ResponseMode {
        ResponseMode::Query
    }

    /// Checks the parameters that only this response type has, before anybody is asked anything.
    ///
    /// # Errors
    /// A [`Rejection`] with a code of RFC 6749 §4.1.2.1; it goes to the redirect URI.
    fn check(&self, request: &AuthorizationRequest, cx: &Context<'_>) -> Result<(), Rejection>;

    /// What the client gets now that the resource owner has consented. Writes nothing: the engine
    /// commits the answer's changes before it is sent.
    ///
    /// # Errors
    /// A [`Rejection`]; it goes to the redirect URI.
    async fn respond(
        &self,
        request: &AuthorizationRequest,
        consent: &Consent,
        cx: &Context<'_>,
    ) -> Result<Answer, Rejection>;
}

/// How an authorization response travels (OAuth 2.0 Multiple Response Types §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In its fragment.
    Fragment,
}

impl ResponseMode {
    /// The value of `response_mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
        }
    }
}

/// An authorization request (RFC 6749 §4.1.1) that has been checked: its client is known and its redirect URI registered.
#[derive(Clone)]
pub struct AuthorizationRequest {
    client: Client,
    redirect: Registered,
    response_type: &'static str,
    scope: Scope,
    state: Option<String>,
    params: Params<'static>,
}

impl AuthorizationRequest {
    /// Who asks.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Where the answer goes.
    pub const fn redirect(&self) -> &Registered {
        &self.redirect
    }

    /// What is asked for: the requested scope, or the default one.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its parameters, as they came.
    pub const fn params(&self) -> &Params<'static> {
        &self.params
    }
}

impl fmt::Debug for AuthorizationRequest {
    /// Leaves out `state`, which protects the client, and shows the names of the parameters only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("client", &self.client)
            .field("redirect", &self.redirect)
            .field("response_type", &self.response_type)
            .field("scope", &self.scope)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// That a resource owner agreed.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Who.
    pub subject: Subject,
    /// To what. More than was asked for is cut to what was asked for.
    pub scope: Scope,
    /// What the tokens are to carry beside that.
    pub claims: Claims,
}

/// What a response type answers with.
#[derive(Clone, Default)]
pub struct Answer {
    /// The parameters of the response; `state` and `iss` are added by the engine.
    pub parameters: Vec<(&'static str, String)>,
    /// What is written before the response is sent.
    pub changes: Vec<Change>,
}

impl fmt::Debug for Answer {
    /// Shows the names of the parameters only: one of them is the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Answer")
            .field("parameters", &names)
            .field("changes", &self.changes)
            .finish()
    }
}

/// A redirection of the browser to a registered redirect URI, with the answer in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Redirect {
    location: String,
}

impl Redirect {
    /// The whole URI. It can hold an authorization code: do not log it.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// 303, so that no form with a password is ever sent on (RFC 9700 §4.12).
    pub fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        // A registered URI has been checked for its characters and the rest is percent-encoded.
        let location = HeaderValue::try_from(self.location).unwrap_or_else(|_| HeaderValue::from_static("/"));
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Redirect({:?}..)",
            self.location.split(['?', '#']).next().unwrap_or_default()
        )
    }
}

/// Why an authorization request goes no further; the variant says whether redirecting is safe.
#[derive(Clone, Debug)]
pub enum AuthorizeError {
    /// Tell the person, on a page of your own, and never redirect: the client or its
    /// redirect URI is not to be trusted (RFC 6749 §4.1.2.1).
    Show(Rejection),
    /// Send the browser back to the client with the error.
    Redirect(Redirect),
}

impl fmt::Display for AuthorizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show(rejection) => write!(f, "the authorization request is not acceptable: {rejection}"),
            Self::Redirect(_) => f.write_str("the authorization request was answered with an error"),
        }
    }
}

impl std::error::Error for AuthorizeError {}

/// Authorization requests that wait, under a handle, for a person to sign in and decide.
const PENDING: Kind<Parked> = Kind::new("pending_authorization");

#[derive(Serialize, Deserialize)]
struct Parked {
    params: Vec<(String, String)>,
    bound_to: Key,
}

/// The browser that a parked request belongs to.
const BROWSER: Kind<()> = Kind::new("browser");

/// An authorization request that waits for the resource owner's decision.
///
/// Ask for the decision however you like; then [`approve`](Self::approve) or [`deny`](Self::deny).
/// If the person has to sign in first, [`park`](Self::park) it: then neither `state` nor PKCE passes through
/// your forms, and it can be decided only once.
#[derive(Clone, Debug)]
#[must_use = "an authorization request that is not decided is never answered"]
pub struct Pending {
    server: Server,
    request: AuthorizationRequest,
    parked: Option<Key>,
}

impl Pending {
    /// Who asks.
    pub const fn client(&self) -> &Client {
        &self.request.client
    }

    /// What is asked for.
    pub const fn scope(&self) -> &Scope {
        &self.request.scope
    }

    /// Where the answer will go.
    pub fn redirect_uri(&self) -> &str {
        self.request.redirect.uri()
    }

    /// The whole request.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// Keeps the request for later, for the browser that knows `browser` (a session's secret), and
    /// returns the handle to find it by. One that was parked already moves: its old handle is worth nothing then,
    /// so that a session whose secret changes at sign-in takes its request along.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already, or cannot be stored.
    pub async fn park(&self, browser: &Secret) -> Result<Secret, AuthorizeError> {
        let cx = Context::new(&self.server);
        let row = || {
            let handle = cx.generate_secret()?;
            let own = |text: &str| text.to_owned();
            let row = Credential {
                key: Key::of(&PENDING, &handle),
                authorization: cx.generate_authorization()?,
                client: self.request.client.id.clone(),
                subject: None,
                scope: self.request.scope.clone(),
                expires_at: cx.now().plus(self.server.parts().pending_lifetime),
                state: State::Live,
                revision: 0,
                data: Parked {
                    params: self
                        .request
                        .params
                        .iter()
                        .filter(|(name, _)| !MISPLACED.contains(name))
                        .map(|(name, value)| (own(name), own(value)))
                        .collect(),
                    bound_to: Key::of(&BROWSER, browser),
                },
            };
            Ok::<_, Rejection>((handle, row.into_row()?))
        };
        let (handle, row) = row().map_err(|rejection| self.refuse(&rejection))?;
        // Parked again, under another session for instance, it leaves its old place: there is one decision.
        let mut changes: Vec<Change> = self.parked.iter().cloned().map(Change::Spend).collect();
        changes.push(Change::Insert(row));
        self.settle(&changes).await?;
        Ok(handle)
    }

    /// The resource owner agrees: a redirect that carries the answer.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already, or the answer could not be stored.
    pub async fn approve(self, subject: impl Into<Subject>, scope: Scope) -> Result<Redirect, AuthorizeError> {
        self.consent(Consent {
            subject: subject.into(),
            scope,
            claims: Claims::default(),
        })
        .await
    }

    /// As [`approve`](Self::approve), with claims for the tokens.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn consent(self, consent: Consent) -> Result<Redirect, AuthorizeError> {
        let cx = Context::new(&self.server);
        let parts = self.server.parts();
        let agreed = consent.scope.intersection(&self.request.scope);
        let consent = Consent {
            scope: agreed,
            ..consent
        };
        if consent.scope.is_none() && !self.request.scope.is_none() {
            return self.deny().await;
        }
        let response_type = parts
            .response_types
            .iter()
            .find(|own| own.response_type() == self.request.response_type)
            .ok_or_else(|| AuthorizeError::Show(Rejection::server_error("the response type is no longer mounted")))?;
        let answer = match response_type.respond(&self.request, &consent, &cx).await {
            Ok(answer) => answer,
            Err(mut rejection) => {
                let changes = rejection.take_changes();
                if let Err(error) = self.server.commit(&changes).await {
                    rejection = unavailable(error);
                }
                return Err(self.refuse(&rejection));
            }
        };
        let changes: Vec<Change> = self
            .parked
            .iter()
            .cloned()
            .map(Change::Spend)
            .chain(answer.changes)
            .collect();
        self.settle(&changes).await?;
        let client = &self.request.client.id;
        self.server.observe(&Event::Approved {
            client,
            subject: &consent.subject,
            scope: &consent.scope,
        });
        let parameters: Vec<(&str, &str)> = answer
            .parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Ok(self
            .request
            .answer(&self.server, response_type.response_mode(), &parameters))
    }

    /// The resource owner refuses: a redirect that says `access_denied`.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already.
    pub async fn deny(self) -> Result<Redirect, AuthorizeError> {
        let changes: Vec<Change> = self.parked.iter().cloned().map(Change::Spend).collect();
        self.settle(&changes).await?;
        self.server.observe(&Event::Denied {
            client: &self.request.client.id,
        });
        let refusal = Rejection::access_denied("the resource owner refused").telling("the request was denied");
        Ok(self.request.error_redirect(&self.server, &refusal))
    }

    async fn settle(&self, changes: &[Change]) -> Result<(), AuthorizeError> {
        match self.server.commit(changes).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(AuthorizeError::Show(
                Rejection::invalid_request("this request has been decided already").with_status(StatusCode::CONFLICT),
            )),
            Err(error) => Err(self.refuse(&unavailable(error))),
        }
    }

    fn refuse(&self, rejection: &Rejection) -> AuthorizeError {
        self.request.refuse(&self.server, rejection)
    }
}

fn unavailable(error: CommitError) -> Rejection {
    match error {
        CommitError::Conflict => Rejection::unavailable("the store was busy with the same credentials"),
        CommitError::Store(error) => error.into(),
    }
}

impl AuthorizationRequest {
    fn answer(&self, server: &Server, mode: ResponseMode, parameters: &[(&str, &str)]) -> Redirect {
        let mut pairs = parameters.to_vec();
        if let Some(state) = &self.state {
            pairs.push(("state", state));
        }
        // RFC 9207 §2: in every response, errors too.
        pairs.push(("iss", server.issuer()));
        let separator = match mode {
            ResponseMode::Query => '?',
            ResponseMode::Fragment => '#',
        };
        Redirect {
            location: append_query(self.redirect.uri(), separator, &pairs),
        }
    }

    fn error_redirect(&self, server: &Server, rejection: &Rejection) -> Redirect {
        let mode = server
            .parts()
            .response_types
            .iter()
            .find(|own| own.response_type() == self.response_type)
            .map_or(ResponseMode::Query, |own| own.response_mode());
        // Codes that only direct endpoints have mean nothing here (RFC 6749 §4.1.2.1).
        let code = if *rejection.code() == ErrorCode::INVALID_CLIENT {
            &ErrorCode::UNAUTHORIZED_CLIENT
        } else {
            rejection.code()
        };
        let description = rejection.safe_description();
        let mut pairs = vec![("error", code.as_str())];
        if let Some(description) = &description {
            pairs.push(("error_description", description));
        }
        self.answer(server, mode, &pairs)
    }

    fn refuse(&self, server: &Server, rejection: &Rejection) -> AuthorizeError {
        server.observe(&Event::Refused {
            endpoint: server.parts().authorization_path,
            code: rejection.code(),
            reason: rejection.reason(),
        });
        AuthorizeError::Redirect(self.error_redirect(server, rejection))
    }
}

impl Server {
    /// Checks an authorization request (RFC 6749 §4.1.1), by GET or POST alike.
    ///
    /// # Errors
    /// [`AuthorizeError`]: its variant says whether the browser may be sent back to the client.
    pub async fn authorize(&self, request: &Incoming<'_>) -> Result<Pending, AuthorizeError> {
        let params = match *request.method {
            Method::GET | Method::HEAD => request.query(),
            Method::POST => request.form(),
            _ => Err(Rejection::method_not_allowed(HeaderValue::from_static(
                "GET, HEAD, POST",
            ))),
        };
        let params = params.map_err(|rejection| self.show(rejection))?;
        self.check_authorization(params.into_owned(), None).await
    }

    /// Finds a request again that was parked for that browser.
    ///
    /// # Errors
    /// [`AuthorizeError::Show`] if there is none: it expired, was decided, or belongs to another browser.
    pub async fn resume(&self, handle: &Secret, browser: &Secret) -> Result<Pending, AuthorizeError> {
        let cx = Context::new(self);
        let row = cx
            .find(&PENDING, handle)
            .await
            .map_err(|rejection| self.show(rejection))?;
        let parked = row
            .filter(|row| row.is_live(cx.now()) && row.data.bound_to == Key::of(&BROWSER, browser))
            .ok_or_else(|| {
                self.show(Rejection::invalid_request(
                    "this sign-in has expired or was completed; start again from the application",
                ))
            })?;
        self.check_authorization(parked.data.params.into_iter().collect(), Some(parked.key))
            .await
    }

    fn show(&self, rejection: Rejection) -> AuthorizeError {
        self.observe(&Event::Refused {
            endpoint: self.parts().authorization_path,
            code: rejection.code(),
            reason: rejection.reason(),
        });
        AuthorizeError::Show(rejection)
    }

    async fn check_authorization(
        &self,
        params: Params<'static>,
        parked: Option<Key>,
    ) -> Result<Pending, AuthorizeError> {
        let cx = Context::new(self);
        let parts = self.parts();
        // Until both the client and its redirect URI are settled, nothing may redirect.
        let settled = async {
            let id = params.required("client_id")?;
            let client = cx.client(&id.into()).await?.ok_or_else(|| {
                Rejection::invalid_client("unknown or disabled client")
                    .telling("the application that sent you here is not registered")
                    .with_status(StatusCode::BAD_REQUEST)
            })?;
            let redirect = client
                .redirect(params.one("redirect_uri")?, &*parts.redirect_matcher)
                .map_err(|error| Rejection::invalid_request(error.to_string()))?;
            Ok((client, redirect))
        };
        let (client, redirect) = settled.await.map_err(|rejection| self.show(rejection))?;

        let state = params
            .one("state")
            .ok()
            .flatten()
            .filter(|state| state.len() <= LONGEST_STATE)
            .map(str::to_owned);
        let asked = params.one("response_type").ok().flatten();
        let response_type = parts
            .response_types
            .iter()
            .find(|own| Some(own.response_type()) == asked);
        let mut request = AuthorizationRequest {
            client,
            redirect,
            response_type: response_type.map_or("", |own| own.response_type()),
            scope: Scope::none(),
            state,
            params,
        };
        let checked = (|| {
            let params = &request.params;
            if let Some(name) = params.repeated(REPEATABLE) {
                return Err(Rejection::invalid_request(format!(
                    "the parameter {name} occurs more than once"
                )));
            }
            if params.one("state")?.is_some_and(|state| state.len() > LONGEST_STATE) {
                return Err(Rejection::invalid_request(format!(
                    "state has more than {LONGEST_STATE} bytes"
                )));
            }
            // Ignoring a request object would drop what its signature protects (RFC 9101 §5).
            for (name, code) in [
                ("request", "request_not_supported"),
                ("request_uri", "request_uri_not_supported"),
            ] {
                if params.one(name)?.is_some() {
                    return Err(Rejection::new(
                        ErrorCode::from_static(code),
                        "request objects are not supported",
                    ));
                }
            }
            params.required("response_type")?;
            let response_type = response_type.ok_or_else(|| {
                Rejection::new(ErrorCode::UNSUPPORTED_RESPONSE_TYPE, "no such response type is mounted")
            })?;
            if !request.client.may_ask_for(response_type.response_type()) {
                return Err(Rejection::unauthorized_client(
                    "the client is not registered for this response type",
                ));
            }
            if params
                .one("response_mode")?
                .is_some_and(|mode| mode != response_type.response_mode().as_str())
            {
                return Err(Rejection::invalid_request("this response_mode is not supported"));
            }
            let scope = cx.asked_scope(params, &request.client)?;
            Ok((response_type, scope))
        })();
        let checked = checked.and_then(|(response_type, scope)| {
            request.scope = scope;
            response_type.check(&request, &cx)
        });
        match checked {
            Ok(()) => Ok(Pending {
                server: self.clone(),
                request,
                parked,
            }),
            Err(rejection) => Err(request.refuse(self, &rejection)),
        }
    }
}
