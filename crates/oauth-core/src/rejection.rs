//! Refusals: what the client hears, what the log hears, and what is written all the same.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};

use crate::credential::Change;
use crate::entropy::EntropyFailed;
use crate::id::ErrorCode;
use crate::incoming::Reply;
use crate::store::StoreError;

/// A refusal, with two audiences: a code and safe words for the client, a reason for the log.
#[derive(Clone)]
pub struct Rejection(Box<Refused>);

#[derive(Clone)]
struct Refused {
    code: ErrorCode,
    reason: Cow<'static, str>,
    description: Option<Cow<'static, str>>,
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    allow: Option<HeaderValue>,
    challenge: Option<HeaderValue>,
    changes: Vec<Change>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident,)*) => {
        $($(#[$doc])*
        pub fn $name(reason: impl Into<Cow<'static, str>>) -> Self {
            Self::new(ErrorCode::$code, reason)
        })*
    };
}

impl Rejection {
    /// A refusal with that code, for a reason that only the log hears.
    pub fn new(code: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Refused {
            code,
            reason: reason.into(),
            description: None,
            status: None,
            retry_after: None,
            allow: None,
            challenge: None,
            changes: Vec::new(),
        }))
    }

    /// `invalid_request`: the client is told the reason too, so it must hold nothing secret.
    pub fn invalid_request(reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self::new(ErrorCode::INVALID_REQUEST, reason.clone()).telling(reason)
    }

    /// `invalid_scope`: the client is told the reason too.
    pub fn invalid_scope(reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self::new(ErrorCode::INVALID_SCOPE, reason.clone()).telling(reason)
    }

    constructors! {
        /// `invalid_grant`. The client is not told why: unknown, expired, spent and foreign look the same.
        invalid_grant => INVALID_GRANT,
        /// `invalid_client`. The client is not told why: unknown and wrong look the same.
        invalid_client => INVALID_CLIENT,
        /// `unauthorized_client`: this client may not do that.
        unauthorized_client => UNAUTHORIZED_CLIENT,
        /// `access_denied`: the resource owner or a policy said no.
        access_denied => ACCESS_DENIED,
        /// `server_error`: something broke that is not the client's fault; it answers 500.
        server_error => SERVER_ERROR,
    }

    /// The store failed: 503 with `Retry-After`, never a false success (RFC 7009 §2.2.1).
    pub fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::TEMPORARILY_UNAVAILABLE, reason).retry_after(Duration::from_secs(1))
    }

    /// Too many attempts: 429 with `Retry-After` (RFC 6585 §4).
    pub fn throttled(retry_after: Duration) -> Self {
        Self::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "throttled")
            .telling("too many attempts; try again later")
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .retry_after(retry_after)
    }

    /// The same refusal, with words for the client.
    #[must_use]
    pub fn telling(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.0.description = Some(description.into());
        self
    }

    /// The same refusal, with a change that is written although the request is refused.
    #[must_use]
    pub fn and(mut self, change: Change) -> Self {
        self.0.changes.push(change);
        self
    }

    /// The same refusal under another status than the table has for its code.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The same refusal with `Retry-After`, rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The same refusal with a `WWW-Authenticate` challenge of its own.
    #[must_use]
    pub fn challenging(mut self, challenge: HeaderValue) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// The body is larger than the server reads: 413. For adapters, which find out while they read it.
    pub fn body_too_large() -> Self {
        Self::invalid_request("the request body is too large").with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// The body ended before it was whole: 400. For adapters, which find out while they read it.
    pub fn body_broken_off() -> Self {
        Self::invalid_request("the request body broke off")
    }

    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        let mut refusal = Self::new(ErrorCode::INVALID_REQUEST, "method not allowed")
            .telling("this endpoint does not have that method")
            .with_status(StatusCode::METHOD_NOT_ALLOWED);
        refusal.0.allow = Some(allow);
        refusal
    }

    /// The code.
    pub fn code(&self) -> &ErrorCode {
        &self.0.code
    }

    /// Why, for the log.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// How long to wait before asking again, if it says so: `Retry-After`.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The words for the client, if there are any.
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What is written although the request is refused.
    pub fn changes(&self) -> &[Change] {
        &self.0.changes
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.0.changes)
    }

    /// The HTTP status: the one table from codes (RFC 6749 §5.2, RFC 6750 §3.1).
    pub fn status(&self) -> StatusCode {
        self.0.status.unwrap_or(match self.0.code.as_str() {
            "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
            "insufficient_scope" => StatusCode::FORBIDDEN,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        })
    }

    /// The answer of a direct endpoint: JSON by RFC 6749 §5.2.
    pub fn reply(&self) -> Reply {
        let mut body = serde_json::Map::new();
        body.insert("error".to_owned(), self.0.code.as_str().into());
        if let Some(description) = self.safe_description() {
            body.insert("error_description".to_owned(), description.into());
        }
        let mut reply = Reply::json(&body).status(self.status());
        self.write_headers(reply.headers_mut());
        if self.status() == StatusCode::UNAUTHORIZED && self.0.challenge.is_none() {
            // RFC 6749 §5.2: 401 names the scheme; real clients look for it even if they used the body.
            reply.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"oauth\", charset=\"UTF-8\""),
            );
        }
        reply
    }

    /// `Retry-After`, `Allow` and the challenge, as far as this refusal has them.
    pub(crate) fn write_headers(&self, headers: &mut http::HeaderMap) {
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(allow) = &self.0.allow {
            headers.insert(header::ALLOW, allow.clone());
        }
        if let Some(challenge) = &self.0.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
    }

    /// The words for the client in the characters that RFC 6749 §5.2 allows; others become `?`.
    pub(crate) fn safe_description(&self) -> Option<String> {
        let safe = |c: char| {
            if matches!(c, ' '..='!' | '#'..='[' | ']'..='~') {
                c
            } else {
                '?'
            }
        };
        self.description().map(|text| text.chars().map(safe).collect())
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<crate::credential::JsonError> for Rejection {
    fn from(error: crate::credential::JsonError) -> Self {
        Self::server_error(error.to_string())
    }
}

impl From<EntropyFailed> for Rejection {
    fn from(error: EntropyFailed) -> Self {
        Self::server_error(error.to_string())
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection({}: {})", self.0.code, self.0.reason)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.reason)
    }
}

impl std::error::Error for Rejection {}
