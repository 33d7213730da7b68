//! Access and refresh tokens: what is kept of them and who makes them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::context::Context;
use crate::credential::{Credential, Key, Kind, State};
use crate::id::{AuthorizationId, Subject};
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Access tokens (RFC 6749 §1.4).
pub const ACCESS_TOKEN: Kind<AccessData> = Kind::new("access_token");

/// Refresh tokens (RFC 6749 §1.5).
pub const REFRESH_TOKEN: Kind<RefreshData> = Kind::new("refresh_token");

/// Facts beside the registered ones, by name: what a grant or policy wants kept with a token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(BTreeMap<String, serde_json::Value>);

impl Claims {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a claim; a value that has no JSON form is left out.
    pub fn set(&mut self, name: impl Into<String>, value: impl Serialize) {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.insert(name.into(), value);
        }
    }

    /// The claim of that name, if it is there and of that type.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|value| T::deserialize(value).ok())
    }

    pub(crate) fn map(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.0
    }
}

/// What is kept of an access token beside the columns of its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessData {
    /// When it was issued.
    #[serde(rename = "iat")]
    pub issued_at: Timestamp,
    /// What introspection tells beside the registered members.
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
}

/// What is kept of a refresh token beside the columns of its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshData {
    /// When it was issued.
    #[serde(rename = "iat")]
    pub issued_at: Timestamp,
    /// When the whole authorization ends, however often it is refreshed.
    #[serde(rename = "end")]
    pub ends_at: Timestamp,
    /// Until when a token that is not rotated must be used again; `None` for one that is.
    #[serde(rename = "idle", default, skip_serializing_if = "Option::is_none")]
    pub idle_until: Option<Timestamp>,
    /// How long it may lie unused, if a grant or policy said so for this token; it goes on saying so each time that
    /// `idle_until` moves.
    #[serde(rename = "own", default, skip_serializing_if = "Option::is_none")]
    pub own_lifetime: Option<Duration>,
    /// Once it has been rotated: when, and what took its place.
    #[serde(rename = "rot", default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// What each access token of this line carries.
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
}

/// That a refresh token has been replaced by another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// When.
    pub at: Timestamp,
    /// By which.
    pub successor: Key,
}

/// How refresh tokens are made; a refresh grant installs it. Without one, none are ever issued.
pub trait RefreshTokens: Send + Sync + 'static {
    /// When the refresh token expires, and what is kept of it.
    fn draft(&self, draft: &RefreshDraft<'_>, cx: &Context<'_>) -> (Timestamp, RefreshData);
}

/// A refresh token about to be issued.
#[derive(Clone, Copy, Debug)]
pub struct RefreshDraft<'a> {
    /// The client it is for.
    pub client: &'a Client,
    /// When its authorization ends, if it has had a refresh token before.
    pub ends_at: Option<Timestamp>,
    /// How long it may lie unused, if a grant or policy says so for this request. It goes before everybody's and the
    /// client's own.
    pub lifetime: Option<Duration>,
}

/// An access token about to be issued.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The client it is for.
    pub client: &'a Client,
    /// What it descends from.
    pub authorization: AuthorizationId,
    /// The resource owner, if there is one.
    pub subject: Option<&'a Subject>,
    /// What it allows: reviewed and final.
    pub scope: &'a Scope,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// What it carries beside that.
    pub claims: &'a Claims,
}

/// An access token just made: what the client gets, and the row that makes it revocable.
#[derive(Debug)]
pub struct Issued {
    /// What the client gets.
    pub token: Secret,
    /// How it is presented: `token_type` (RFC 6749 §7.1).
    pub token_type: &'static str,
    /// What is kept of it.
    pub record: Credential<AccessData>,
}

/// Who makes access tokens: node-oauth2-server's `generateAccessToken`.
#[async_trait]
pub trait TokenIssuer: Send + Sync + 'static {
    /// Makes an access token. It writes nothing: the engine commits the record with the rest.
    async fn issue(&self, draft: &Draft<'_>, cx: &Context<'_>) -> Result<Issued, Rejection>;

    /// The record of an access token that somebody presents, in whatever state; `None` for
    /// anything that this issuer did not make.
    async fn recognize(&self, token: &Secret, cx: &Context<'_>) -> Result<Option<Credential<AccessData>>, Rejection> {
        cx.find(&ACCESS_TOKEN, token).await
    }
}

/// Access tokens of 256 random bits that mean nothing but their row. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpaqueTokens;

#[async_trait]
impl TokenIssuer for OpaqueTokens {
    async fn issue(&self, draft: &Draft<'_>, cx: &Context<'_>) -> Result<Issued, Rejection> {
        let token = cx.generate_secret()?;
        let record = Credential {
            key: Key::of(&ACCESS_TOKEN, &token),
            authorization: draft.authorization,
            client: draft.client.id.clone(),
            subject: draft.subject.cloned(),
            scope: draft.scope.clone(),
            expires_at: draft.expires_at,
            state: State::Live,
            revision: 0,
            data: AccessData {
                issued_at: draft.issued_at,
                claims: draft.claims.clone(),
            },
        };
        Ok(Issued {
            token,
            token_type: "Bearer",
            record,
        })
    }
}
