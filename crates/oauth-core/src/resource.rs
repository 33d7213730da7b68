//! Protecting a resource with access tokens (RFC 6750).

use std::fmt;

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::client::Client;
use crate::context::Context;
use crate::credential::{Credential, State};
use crate::id::{AuthorizationId, ClientId, ErrorCode, Subject};
use crate::incoming::{Incoming, Reply};
use crate::params::Params;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::scope_match::Matcher;
use crate::secret::Secret;
use crate::server::Server;
use crate::time::Timestamp;
use crate::token::{AccessData, Claims};

/// The longest access token that is looked at, in bytes.
pub const LONGEST_ACCESS_TOKEN: usize = 16 * 1024;

/// An access token that was presented and is good: who acts, for whom, and what is allowed.
#[derive(Clone)]
pub struct AccessToken {
    credential: Credential<AccessData>,
    client: Client,
    matcher: Matcher,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("credential", &self.credential)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl AccessToken {
    /// For whom it was issued; `None` if the client acts for itself. Such a token is never a person's session.
    pub const fn subject(&self) -> Option<&Subject> {
        self.credential.subject.as_ref()
    }

    /// To whom it was issued.
    pub fn client_id(&self) -> &ClientId {
        &self.credential.client
    }

    /// The client it was issued to.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What it allows.
    pub const fn scope(&self) -> &Scope {
        &self.credential.scope
    }

    /// When it expires.
    pub const fn expires_at(&self) -> Timestamp {
        self.credential.expires_at
    }

    /// When it was issued.
    pub const fn issued_at(&self) -> Timestamp {
        self.credential.data.issued_at
    }

    /// What it descends from.
    pub const fn authorization(&self) -> AuthorizationId {
        self.credential.authorization
    }

    /// What it carries beside that.
    pub const fn claims(&self) -> &Claims {
        &self.credential.data.claims
    }

    /// Insists on a scope that a type names.
    ///
    /// # Errors
    /// As [`AccessToken::require`]; a type that names what is no scope can never be satisfied.
    pub fn require_named<T: RequiredScope>(&self) -> Result<(), Challenge> {
        self.require(&T::scope()?)
    }

    /// Headers that tell a client about scopes: `X-OAuth-Scopes`, what its token allows, and `X-Accepted-OAuth-Scopes`, what
    /// the resource accepts. No RFC has them; node-oauth2-server's `addAuthorizedScopesHeader` and
    /// `addAcceptedScopesHeader` do.
    pub fn scope_headers(&self, accepted: &Scope) -> [(HeaderName, HeaderValue); 2] {
        // Scopes are printable ASCII, so each is a header value.
        let value =
            |scope: &Scope| HeaderValue::try_from(scope.as_str()).unwrap_or_else(|_| HeaderValue::from_static(""));
        [
            (HeaderName::from_static("x-oauth-scopes"), value(self.scope())),
            (HeaderName::from_static("x-accepted-oauth-scopes"), value(accepted)),
        ]
    }

    /// Insists on a scope: node-oauth2-server's `verifyScope`.
    ///
    /// # Errors
    /// [`Challenge`] with 403 `insufficient_scope`, naming the scope that is needed (RFC 6750 §3.1).
    pub fn require(&self, scope: &Scope) -> Result<(), Challenge> {
        if scope.within_by(self.scope(), &self.matcher) {
            Ok(())
        } else {
            Err(Challenge::insufficient_scope(scope))
        }
    }
}

/// A scope named by a type, for extractors that insist on it.
///
/// ```
/// struct Read;
///
/// impl oauth_core::RequiredScope for Read {
///     const SCOPE: &'static str = "read";
/// }
/// ```
pub trait RequiredScope: Send + Sync + 'static {
    /// The tokens, separated by spaces (RFC 6749 §3.3).
    const SCOPE: &'static str;

    /// The scope itself.
    ///
    /// # Errors
    /// `server_error` for a [`SCOPE`](Self::SCOPE) that is none: it can never be satisfied.
    fn scope() -> Result<Scope, Challenge>
    where
        Self: Sized,
    {
        Self::SCOPE
            .parse()
            .map_err(|_| Rejection::server_error("a required scope breaks the grammar of RFC 6749 section 3.3").into())
    }
}

/// Why a request for a protected resource is refused (RFC 6750 §3).
#[derive(Clone, Debug)]
pub struct Challenge {
    status: StatusCode,
    error: Option<ErrorCode>,
    description: Option<&'static str>,
    scope: Option<Scope>,
    rejection: Option<Rejection>,
}

impl Challenge {
    /// No token was sent: 401 without an error code (RFC 6750 §3.1).
    pub const fn missing() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: None,
            description: None,
            scope: None,
            rejection: None,
        }
    }

    /// The token is unknown, expired or revoked, or is no token at all.
    pub fn invalid_token() -> Self {
        Self {
            error: Some(ErrorCode::INVALID_TOKEN),
            description: Some("the access token is unknown, expired or revoked"),
            ..Self::missing()
        }
    }

    /// The request presents tokens in a way that is not allowed.
    pub fn invalid_request(description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: Some(ErrorCode::INVALID_REQUEST),
            description: Some(description),
            ..Self::missing()
        }
    }

    /// The token is good but does not allow this.
    pub fn insufficient_scope(scope: &Scope) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error: Some(ErrorCode::INSUFFICIENT_SCOPE),
            description: Some("the access token does not allow this"),
            scope: Some(scope.clone()),
            ..Self::missing()
        }
    }

    /// The same challenge, telling which scope would do.
    #[must_use]
    pub fn asking_for(self, scope: Scope) -> Self {
        Self {
            scope: Some(scope),
            ..self
        }
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the request presented no access token at all.
    pub const fn is_missing(&self) -> bool {
        self.error.is_none()
    }

    /// The error code, if there is one.
    pub const fn error(&self) -> Option<&ErrorCode> {
        self.error.as_ref()
    }

    /// The value of `WWW-Authenticate`; `None` when it is the server that failed.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        if self.rejection.is_some() {
            return None;
        }
        let mut value = String::from("Bearer realm=\"oauth\"");
        // Codes, descriptions and scopes are all within the characters of a quoted string.
        for (name, text) in [
            ("error", self.error.as_ref().map(ErrorCode::as_str)),
            ("error_description", self.description),
            ("scope", self.scope.as_ref().map(Scope::as_str)),
        ] {
            if let Some(text) = text {
                value.push_str(", ");
                value.push_str(name);
                value.push_str("=\"");
                value.push_str(text);
                value.push('"');
            }
        }
        HeaderValue::try_from(value).ok()
    }

    /// The whole answer.
    pub fn into_response(self) -> Response<Vec<u8>> {
        if let Some(rejection) = &self.rejection {
            return rejection.reply().into_response();
        }
        let mut body = serde_json::Map::new();
        for (name, text) in [
            ("error", self.error.as_ref().map(ErrorCode::as_str)),
            ("error_description", self.description),
        ] {
            if let Some(text) = text {
                body.insert(name.to_owned(), text.into());
            }
        }
        let mut reply = Reply::json(&body).status(self.status);
        if let Some(challenge) = self.www_authenticate() {
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        reply.into_response()
    }
}

impl From<Rejection> for Challenge {
    /// The server could not tell whether the token is good: it is refused, and says why it could not.
    fn from(rejection: Rejection) -> Self {
        Self {
            status: rejection.status(),
            error: Some(rejection.code().clone()),
            description: None,
            scope: None,
            rejection: Some(rejection),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "the access token is refused: {error}"),
            None => f.write_str("an access token is needed"),
        }
    }
}

impl std::error::Error for Challenge {}

/// Where access tokens may be sent beside the `Authorization` header. Nowhere, unless the application says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BearerPlaces {
    pub(crate) body: bool,
    pub(crate) query: bool,
}

impl Server {
    /// Finds out who acts: node-oauth2-server's `authenticate`. The token is taken from the `Authorization` header
    /// (RFC 6750 §2.1), and from a form body or a query only if
    /// [`Builder::access_tokens_in_body`](crate::Builder::access_tokens_in_body) or
    /// [`Builder::danger_access_tokens_in_query`](crate::Builder::danger_access_tokens_in_query) say so.
    ///
    /// # Errors
    /// [`Challenge`], ready to be sent.
    pub async fn authenticate(&self, request: &Incoming<'_>) -> Result<AccessToken, Challenge> {
        let token = bearer(request, self.parts().bearer_places)?;
        Context::new(self, Some(*request))
            .honored(&token)
            .await?
            .ok_or_else(Challenge::invalid_token)
    }

    /// Finds out who acts, and insists that they may do what the scope names.
    ///
    /// # Errors
    /// As [`Server::authenticate`] and [`AccessToken::require`]; every challenge names the scope.
    pub async fn authenticate_for(&self, request: &Incoming<'_>, scope: &Scope) -> Result<AccessToken, Challenge> {
        let token = self
            .authenticate(request)
            .await
            .map_err(|challenge| challenge.asking_for(scope.clone()))?;
        token.require(scope)?;
        Ok(token)
    }
}

/// The one access token of a request (RFC 6750 §2).
fn bearer(request: &Incoming<'_>, places: BearerPlaces) -> Result<Secret, Challenge> {
    let in_header = in_header(request)?;
    let in_query = request.uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|pair| pair == NAME || pair.strip_prefix(NAME).is_some_and(|rest| rest.starts_with('=')))
    });
    // Most requests for a resource have no body, and then there is nothing to read.
    let form = if request.body.is_empty() {
        None
    } else {
        request.form().ok().filter(|form| form.has(NAME))
    };
    match (in_header, in_query, form) {
        (Some(_), true, _) | (Some(_), _, Some(_)) | (None, true, Some(_)) => Err(Challenge::invalid_request(
            "the access token is sent in more than one way",
        )),
        (Some(token), false, None) => in_grammar(token),
        // RFC 6750 §2.3.
        (None, true, None) if places.query => one(request.query()),
        // RFC 6750 §2.2: never by GET.
        (None, false, Some(form)) if places.body && *request.method != Method::GET => one(Ok(form)),
        (None, _, _) => Err(Challenge::missing()),
    }
}

/// The parameter of RFC 6750 §2.2 and §2.3.
const NAME: &str = "access_token";

fn one(params: Result<Params<'_>, Rejection>) -> Result<Secret, Challenge> {
    let malformed = || Challenge::invalid_request("the access token is sent in a malformed request");
    let params = params.map_err(|_| malformed())?;
    let token = params.one(NAME).map_err(|_| malformed())?.unwrap_or_default();
    in_grammar(token.as_bytes())
}

/// What follows `Bearer`, the scheme in any case (RFC 9110 §11.1); `None` without such a header.
fn in_header<'a>(request: &Incoming<'a>) -> Result<Option<&'a [u8]>, Challenge> {
    let mut headers = request.headers.get_all(header::AUTHORIZATION).iter();
    let value = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.as_bytes(),
        (Some(_), Some(_)) => return Err(Challenge::invalid_request("more than one Authorization header")),
    };
    let scheme_ends = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(scheme_ends);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let start = token.iter().position(|byte| *byte != b' ').unwrap_or(token.len());
    Ok(Some(&token[start..]))
}

/// A token of the grammar `b64token` (RFC 6750 §2.1).
fn in_grammar(token: &[u8]) -> Result<Secret, Challenge> {
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    match std::str::from_utf8(token) {
        Ok(text) if !text.is_empty() && text.len() <= LONGEST_ACCESS_TOKEN && token.iter().all(allowed) => {
            Ok(Secret::new(text))
        }
        _ => Err(Challenge::invalid_token()),
    }
}

impl Context<'_> {
    /// The access token, if it is live, its client still is a client, and every policy honours it.
    pub(crate) async fn honored(&self, token: &Secret) -> Result<Option<AccessToken>, Rejection> {
        let parts = self.server.parts();
        let Some(credential) = parts.token_issuer.recognize(token, self).await? else {
            return Ok(None);
        };
        if credential.state != State::Live || self.now() >= credential.expires_at {
            return Ok(None);
        }
        let Some(client) = self.client(&credential.client).await? else {
            return Ok(None);
        };
        let honored = self.policies_honor(&credential).await?;
        Ok(honored.then(|| AccessToken {
            credential,
            client,
            matcher: parts.scope_matcher.clone(),
        }))
    }

    /// Whether every policy still honours a token.
    pub(crate) async fn policies_honor(&self, token: &Credential<AccessData>) -> Result<bool, Rejection> {
        for policy in &self.server.parts().policies {
            if !policy.honors(token, self).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
