//! Grants: how a client turns what it has into tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::client::Client;
use crate::client_auth::Vouched;
use crate::context::Context;
use crate::credential::{Change, Credential};
use crate::id::{AuthorizationId, GrantType, Subject};
use crate::incoming::Incoming;
use crate::params::Params;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::token::Claims;

/// A way to obtain tokens at the token endpoint (RFC 6749 §4, §4.5).
///
/// A grant looks and decides; it has no way to write. What it wants changed it puts into its
/// [`Approval`] or [`Rejection`], and the engine commits that together with the new tokens. If
/// another request was faster, the grant is asked again and sees what that request did.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a grant",
    label = "this would have to implement `Grant`",
    note = "implement `Grant` (grant_type, handle)",
    note = "`docs/writing-a-grant.md` has one on a page, and `examples/grant-voucher` one as a crate"
)]
pub trait Grant: Send + Sync + 'static {
    /// The value of `grant_type` that this grant answers.
    fn grant_type(&self) -> GrantType;

    /// Parameters that may occur more than once, such as `resource` (RFC 8707 §2).
    fn repeatable(&self) -> &'static [&'static str] {
        &[]
    }

    /// Decides. May be asked more than once for one request, so it must not do anything but look.
    ///
    /// # Errors
    /// A [`Rejection`] with the code of RFC 6749 §5.2.
    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection>;
}

/// A token request whose client is known and may use the grant (RFC 6749 §3.2).
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    pub(crate) incoming: &'a Incoming<'a>,
    pub(crate) params: &'a Params<'a>,
    pub(crate) vouched: &'a Vouched,
    pub(crate) scope: Option<&'a Scope>,
}

impl<'a> TokenRequest<'a> {
    /// The client that sent it.
    pub const fn client(&self) -> &'a Client {
        self.vouched.client()
    }

    /// How the client proved who it is.
    pub const fn vouched(&self) -> &'a Vouched {
        self.vouched
    }

    /// The scope it asks for, if it names one.
    pub const fn scope(&self) -> Option<&'a Scope> {
        self.scope
    }

    /// Its parameters.
    pub const fn params(&self) -> &'a Params<'a> {
        self.params
    }

    /// The HTTP request around it: headers, address, and what the application's layers put into its extensions.
    pub const fn incoming(&self) -> &'a Incoming<'a> {
        self.incoming
    }

    /// The secret value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` if it is absent, empty, or occurs more than once.
    pub fn secret(&self, name: &str) -> Result<Secret, Rejection> {
        self.params.secret(name)
    }
}

/// That a request is granted, and what is to change with it.
///
/// A value, not an action: policies may narrow it, and the engine carries it out.
#[derive(Clone, Debug)]
#[must_use = "an approval does nothing until the engine has it"]
pub struct Approval(pub(crate) Box<Terms>);

/// What an [`Approval`] says. It lies in a box, because an approval is handed on many times before it is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) authorization: Option<AuthorizationId>,
    pub(crate) subject: Option<Subject>,
    pub(crate) granted: Scope,
    pub(crate) requested: Option<Scope>,
    pub(crate) changes: Vec<Change>,
    pub(crate) refresh: Option<RefreshWish>,
    pub(crate) claims: Claims,
    pub(crate) attributes: BTreeMap<String, serde_json::Value>,
    pub(crate) access_lifetime: Option<Duration>,
    pub(crate) refresh_lifetime: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct RefreshWish {
    pub(crate) secret: Option<Secret>,
    pub(crate) ends_at: Option<Timestamp>,
}

impl Approval {
    /// A new authorization for the client itself: nobody else is asked (RFC 6749 §4.4).
    /// `granted` is the most it may have.
    pub fn for_client(granted: Scope) -> Self {
        Self::new(None, None, granted)
    }

    /// A new authorization by a resource owner. `granted` is the most the client may have.
    pub fn for_subject(subject: Subject, granted: Scope) -> Self {
        Self::new(None, Some(subject), granted)
    }

    /// More tokens from what was authorized before: same authorization, same subject, at most the same scope.
    pub fn continuing<T>(credential: &Credential<T>) -> Self {
        Self::new(
            Some(credential.authorization),
            credential.subject.clone(),
            credential.scope.clone(),
        )
    }

    fn new(authorization: Option<AuthorizationId>, subject: Option<Subject>, granted: Scope) -> Self {
        Self(Box::new(Terms {
            authorization,
            subject,
            granted,
            requested: None,
            changes: Vec::new(),
            refresh: None,
            claims: Claims::default(),
            attributes: BTreeMap::new(),
            access_lifetime: None,
            refresh_lifetime: None,
        }))
    }

    /// The same approval, with an access token of at most the scope that the request names. What was
    /// granted stays: a refresh token carries all of it, so narrowing does not stick (RFC 6749 §6).
    ///
    /// Asking for more than was granted ends in `invalid_scope`.
    pub fn narrowed_to(mut self, requested: Option<&Scope>) -> Self {
        self.0.requested = requested.cloned();
        self
    }

    /// The same approval, using up a credential of one use. If another request uses it first, nothing of this happens.
    pub fn spend<T>(self, credential: &Credential<T>) -> Self {
        self.and(Change::Spend(credential.key.clone()))
    }

    /// The same approval with a change that happens together with the tokens, or not at all.
    pub fn and(mut self, change: Change) -> Self {
        self.0.changes.push(change);
        self
    }

    /// The same approval with a refresh token, if a refresh grant is mounted and the client may use it.
    pub fn with_refresh_token(mut self) -> Self {
        self.0.refresh.get_or_insert_default();
        self
    }

    pub(crate) fn without_refresh_token(mut self) -> Self {
        self.0.refresh = None;
        self
    }

    /// The same approval with this refresh token, whose authorization ends at `ends_at`.
    pub fn with_refresh_token_as(mut self, secret: Secret, ends_at: Timestamp) -> Self {
        self.0.refresh = Some(RefreshWish {
            secret: Some(secret),
            ends_at: Some(ends_at),
        });
        self
    }

    /// The same approval with tokens that carry these claims; introspection tells them.
    pub fn with_claims(mut self, claims: Claims) -> Self {
        self.0.claims = claims;
        self
    }

    /// The same approval with one more claim.
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.0.claims.set(name, value);
        self
    }

    /// The same approval with one more member in the token response (RFC 6749 §5.1). The registered
    /// members cannot be replaced by it.
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.attributes.insert(name.into(), value);
        }
        self
    }

    /// The same approval with an access token that lives this long. Less than a second says nothing: such a token would be
    /// dead at birth.
    pub fn with_access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.0.access_lifetime = worth_living(lifetime);
        self
    }

    /// The same approval with a refresh token, if it comes with one, that may lie unused this long. A token that
    /// is not rotated keeps this; a rotated one has a successor with an approval of its own. Less than a second says nothing.
    pub fn with_refresh_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.0.refresh_lifetime = worth_living(lifetime);
        self
    }

    /// The same approval, allowing no more than `ceiling`, as this server compares scopes: for policies.
    pub fn limited_to(mut self, ceiling: &Scope, cx: &Context<'_>) -> Self {
        self.0.granted = cx.common_scope(&self.0.granted, ceiling);
        self
    }

    /// The resource owner, if there is one.
    pub fn subject(&self) -> Option<&Subject> {
        self.0.subject.as_ref()
    }

    /// The most it allows.
    pub fn granted(&self) -> &Scope {
        &self.0.granted
    }

    /// What the request asked for, if it named a scope.
    pub fn requested(&self) -> Option<&Scope> {
        self.0.requested.as_ref()
    }

    /// What it descends from; `None` if it begins something new.
    pub fn authorization(&self) -> Option<AuthorizationId> {
        self.0.authorization
    }
}

fn worth_living(lifetime: Duration) -> Option<Duration> {
    (lifetime >= Duration::from_secs(1)).then_some(lifetime)
}
