//! The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636).
//!
//! A code is *spent* in the same commit in which its tokens are born, so it cannot pay twice. A replay that is
//! otherwise valid ends what descends from the code (RFC 6749 §4.1.2); one that a stranger could forge ends nothing.

use std::time::Duration;

use async_trait::async_trait;
use oauth_core::pkce::{self, Challenge};
use oauth_core::{
    Answer, Approval, AuthorizationRequest, Builder, Change, Claims, Consent, Context, Credential, Grant, GrantType,
    Install, Key, Kind, Rejection, ResponseType, State, TokenRequest,
};
use serde::{Deserialize, Serialize};

/// Authorization codes (RFC 6749 §1.3.1).
pub const AUTHORIZATION_CODE: Kind<CodeData> = Kind::new("authorization_code");

/// What is kept of an authorization code beside the columns of its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeData {
    /// The redirect URI that the request named, to be named again at the token endpoint (RFC 6749 §4.1.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Challenge>,
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    claims: Claims,
}

/// The authorization code grant: response type `code` and grant type `authorization_code`.
///
/// PKCE with `S256` is asked of every client; `plain` does not exist here.
///
/// ```
/// # use oauth_core::Builder;
/// # fn mounted(builder: Builder) -> Builder {
/// use grant_authcode::AuthorizationCode;
///
/// builder.install(AuthorizationCode::new())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    lifetime: Duration,
    optional_for_confidential: bool,
}

impl AuthorizationCode {
    /// The grant with PKCE for all and codes that live 60 seconds.
    pub const fn new() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            optional_for_confidential: false,
        }
    }

    /// How long a code lives. RFC 6749 §4.1.2 recommends ten minutes at most. A client's own lifetime goes before it, and one
    /// that the consent names before both.
    #[must_use]
    pub const fn code_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Lets *confidential* clients leave PKCE out. This opens them to code injection (RFC 9700 §4.5), so it is for
    /// old clients that cannot be changed. A request that has a challenge is held to it all the same.
    #[must_use]
    pub const fn danger_pkce_optional_for_confidential_clients(self) -> Self {
        Self {
            optional_for_confidential: true,
            ..self
        }
    }
}

impl Default for AuthorizationCode {
    fn default() -> Self {
        Self::new()
    }
}

impl Install for AuthorizationCode {
    fn install(self, builder: &mut Builder) {
        builder.describe("code_challenge_methods_supported", ["S256"]);
        builder.add_response_type(CodeResponse(self));
        builder.add_grant(CodeGrant);
    }
}

struct CodeResponse(AuthorizationCode);

#[async_trait]
impl ResponseType for CodeResponse {
    fn response_type(&self) -> &'static str {
        "code"
    }

    fn check(&self, request: &AuthorizationRequest, _: &Context<'_>) -> Result<(), Rejection> {
        if !request.client().may_use(&GrantType::AUTHORIZATION_CODE) {
            return Err(Rejection::unauthorized_client(
                "the client is not registered for authorization codes",
            ));
        }
        match Challenge::of(request.params())? {
            Some(_) => Ok(()),
            None if self.0.optional_for_confidential && request.client().is_confidential() => Ok(()),
            // RFC 7636 §4.4.1.
            None => Err(Rejection::invalid_request(
                "code_challenge is missing: PKCE is required",
            )),
        }
    }

    async fn respond(
        &self,
        request: &AuthorizationRequest,
        consent: &Consent,
        cx: &Context<'_>,
    ) -> Result<Answer, Rejection> {
        let code = cx.generate_secret()?;
        let redirect = request.redirect();
        let lifetime = consent
            .lifetime
            .filter(|lifetime| *lifetime >= Duration::from_secs(1))
            .or_else(|| request.client().own_authorization_code_lifetime())
            .unwrap_or(self.0.lifetime);
        let credential = Credential {
            key: Key::of(&AUTHORIZATION_CODE, &code),
            authorization: cx.generate_authorization()?,
            client: request.client().id.clone(),
            subject: Some(consent.subject.clone()),
            scope: consent.scope.clone(),
            expires_at: cx.now().plus(lifetime),
            state: State::Live,
            revision: 0,
            data: CodeData {
                redirect_uri: redirect.was_requested().then(|| redirect.uri().to_owned()),
                challenge: Challenge::of(request.params())?,
                claims: consent.claims.clone(),
            },
        };
        Ok(Answer {
            parameters: vec![("code", code.into_exposed())],
            changes: vec![Change::Insert(credential.into_row()?)],
            access_token: None,
        })
    }
}

struct CodeGrant;

#[async_trait]
impl Grant for CodeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::AUTHORIZATION_CODE
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let params = request.params();
        let presented = request.secret("code")?;
        let redirect_uri = params.one("redirect_uri")?;
        let verifier = params.one("code_verifier")?;
        let code = cx
            .find(&AUTHORIZATION_CODE, &presented)
            .await?
            .ok_or_else(|| Rejection::invalid_grant("unknown authorization code"))?;

        // From here to the verifier, whoever is refused has not shown to be the one the code was
        // made for: so nothing is spent and nothing revoked (OAuth 2.1 §7.5.2).
        if code.client != request.client().id {
            return Err(Rejection::invalid_grant("the authorization code of another client"));
        }
        // Required if the authorization request had one (RFC 6749 §4.1.3); without one there, it
        // must still be the URI that the code went to, which only a registered one can be.
        let same_redirect = match (&code.data.redirect_uri, redirect_uri) {
            (Some(bound), Some(sent)) => bound == sent,
            (Some(_), None) => false,
            (None, Some(sent)) => request.client().redirect_uris.iter().any(|own| own == sent),
            (None, None) => true,
        };
        if !same_redirect {
            return Err(Rejection::invalid_grant(
                "the redirect URI is not that of the authorization request",
            ));
        }
        pkce::verify(code.data.challenge.as_ref(), verifier, &code)?;
        match code.state {
            State::Live if cx.now() < code.expires_at => Ok(Approval::continuing(&code)
                .with_claims(code.data.claims.clone())
                .narrowed_to(request.scope())
                .spend(&code)
                .with_refresh_token()),
            State::Live => Err(Rejection::invalid_grant("expired authorization code")),
            State::Spent => Err(Rejection::invalid_grant("the authorization code was presented again")
                .and(Change::RevokeAuthorization(code.authorization))),
            State::Revoked => Err(Rejection::invalid_grant("revoked authorization code")),
        }
    }
}
