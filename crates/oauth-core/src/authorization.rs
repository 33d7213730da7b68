//! The authorization endpoint: what is asked for, how it is checked, and how the answer travels.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Method, Response, StatusCode, header};

use crate::client::Client;
use crate::context::Context;
use crate::credential::{Change, Key};
use crate::grant::Approval;
use crate::id::{ErrorCode, GrantType, Subject};
use crate::incoming::{Incoming, Seen};
use crate::params::{Params, append_query};
use crate::pending::Pending;
use crate::policy::Event;
use crate::redirect::Registered;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::server::Server;
use crate::token::Claims;

/// The longest `state` that is carried, in bytes. A longer one is refused, never cut.
pub const LONGEST_STATE: usize = 4096;

/// Parameters of an authorization request that may occur more than once (RFC 8707 §2).
const REPEATABLE: &[&str] = &["resource", "audience"];

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
    pub(crate) client: Client,
    pub(crate) redirect: Registered,
    pub(crate) response_type: &'static str,
    pub(crate) scope: Scope,
    pub(crate) state: Option<String>,
    pub(crate) params: Params<'static>,
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
    /// How long the answer can be used, if not as long as everybody's: the code, or the access token if the answer is one.
    /// Less than a second says nothing.
    pub lifetime: Option<Duration>,
}

impl Consent {
    /// Consent to that, with nothing more to say.
    pub fn of(subject: impl Into<Subject>, scope: Scope) -> Self {
        Self {
            subject: subject.into(),
            scope,
            claims: Claims::default(),
            lifetime: None,
        }
    }
}

/// What a response type answers with.
#[derive(Clone, Default)]
pub struct Answer {
    /// The parameters of the response; `state` and `iss` are added by the engine, and an access token's parameters are.
    pub parameters: Vec<(&'static str, String)>,
    /// What is written before the response is sent.
    pub changes: Vec<Change>,
    /// An access token that the response carries (RFC 6749 §4.2.2), and the grant that it is issued by. The engine makes it
    /// as it does at the token endpoint, after every policy has reviewed the approval, but never a refresh token.
    pub access_token: Option<(GrantType, Approval)>,
}

impl fmt::Debug for Answer {
    /// Shows the names of the parameters only: one of them is the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Answer")
            .field("parameters", &names)
            .field("changes", &self.changes)
            .field("access_token", &self.access_token)
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

impl AuthorizeError {
    /// The plainest answer: a redirect where that is safe, and a page of text where it is not.
    pub fn into_response(self) -> Response<Vec<u8>> {
        let rejection = match self {
            Self::Redirect(redirect) => return redirect.into_response(),
            Self::Show(rejection) => rejection,
        };
        let words = rejection.description().unwrap_or("the request cannot be completed");
        let mut response = Response::new(format!("{words} ({})\n", rejection.code()).into_bytes());
        *response.status_mut() = rejection.status();
        let headers = response.headers_mut();
        rejection.write_headers(headers);
        for (name, value) in [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl AuthorizationRequest {
    pub(crate) fn answer(&self, server: &Server, mode: ResponseMode, parameters: &[(&str, &str)]) -> Redirect {
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

    pub(crate) fn error_redirect(&self, server: &Server, rejection: &Rejection) -> Redirect {
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

    pub(crate) fn refuse(&self, server: &Server, rejection: &Rejection) -> AuthorizeError {
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
        let seen = Arc::new(Seen::of(request));
        let pending = self.check_authorization(params.into_owned(), None, Some(seen)).await?;
        // HEAD must not change anything (RFC 9110 §9.2.1), whatever is done with the answer.
        Ok(if *request.method == Method::HEAD {
            pending.only_looked_at()
        } else {
            pending
        })
    }

    pub(crate) fn show(&self, rejection: Rejection) -> AuthorizeError {
        self.observe(&Event::Refused {
            endpoint: self.parts().authorization_path,
            code: rejection.code(),
            reason: rejection.reason(),
        });
        AuthorizeError::Show(rejection)
    }

    pub(crate) async fn check_authorization(
        &self,
        params: Params<'static>,
        parked: Option<Key>,
        seen: Option<Arc<Seen>>,
    ) -> Result<Pending, AuthorizeError> {
        let cx = Context::new(self, seen.as_deref().map(Seen::incoming));
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
            params.each_once(REPEATABLE)?;
            if params.one("state")?.is_some_and(|state| state.len() > LONGEST_STATE) {
                return Err(Rejection::invalid_request(format!(
                    "state has more than {LONGEST_STATE} bytes"
                )));
            }
            if parts.state_is_required && params.one("state")?.is_none() {
                return Err(Rejection::invalid_request("the parameter state is missing"));
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
            Ok(()) => Ok(Pending::new(self, request, parked, seen)),
            Err(rejection) => Err(request.refuse(self, &rejection)),
        }
    }
}
