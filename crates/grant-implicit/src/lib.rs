//! The implicit grant (RFC 6749 §4.2). Legacy: RFC 9700 §2.1.2 advises against it, and OAuth 2.1 has dropped it.
//!
//! The access token travels in the fragment of the redirect URI, where the browser's history and every script of the page
//! can find it, and nothing binds it to the client that asked. It is here for clients that cannot be changed yet; a
//! single-page app is served by the authorization code with PKCE.

use async_trait::async_trait;
use oauth_core::{
    Answer, Approval, AuthorizationRequest, Builder, Consent, Context, GrantType, Install, Rejection, ResponseMode,
    ResponseType,
};

/// The implicit grant: response type `token`. It is off for every client that is not registered for it, by `implicit` among
/// its grant types and `token` among its response types. There is never a refresh token (RFC 6749 §4.2.2).
///
/// ```
/// # use oauth_core::Builder;
/// # fn mounted(builder: Builder) -> Builder {
/// use grant_implicit::Implicit;
///
/// builder.install(Implicit::danger_new())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Implicit(());

impl Implicit {
    /// The grant. Dangerous, because access tokens leak from URIs (RFC 9700 §4.1, §4.2, §4.3.2).
    pub const fn danger_new() -> Self {
        Self(())
    }
}

impl Install for Implicit {
    fn install(self, builder: &mut Builder) {
        // It has no part at the token endpoint, so nothing else tells of it (RFC 8414 §2).
        builder.describe("grant_types_supported", [GrantType::IMPLICIT.as_str()]);
        builder.add_response_type(TokenResponse);
    }
}

struct TokenResponse;

#[async_trait]
impl ResponseType for TokenResponse {
    fn response_type(&self) -> &'static str {
        "token"
    }

    fn response_mode(&self) -> ResponseMode {
        ResponseMode::Fragment
    }

    fn check(&self, request: &AuthorizationRequest, _: &Context<'_>) -> Result<(), Rejection> {
        if request.client().may_use(&GrantType::IMPLICIT) {
            Ok(())
        } else {
            Err(Rejection::unauthorized_client(
                "the client is not registered for the implicit grant",
            ))
        }
    }

    async fn respond(&self, _: &AuthorizationRequest, consent: &Consent, _: &Context<'_>) -> Result<Answer, Rejection> {
        let approval =
            Approval::for_subject(consent.subject.clone(), consent.scope.clone()).with_claims(consent.claims.clone());
        let approval = match consent.lifetime {
            Some(lifetime) => approval.with_access_token_lifetime(lifetime),
            None => approval,
        };
        Ok(Answer {
            access_token: Some((GrantType::IMPLICIT, approval)),
            ..Answer::default()
        })
    }
}
