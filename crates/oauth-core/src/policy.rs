//! What an application adds to the engine's rules, and what it gets to see.

use async_trait::async_trait;

use crate::client::Client;
use crate::context::Context;
use crate::credential::Credential;
use crate::grant::Approval;
use crate::id::{AuthorizationId, ClientId, ErrorCode, GrantType, Subject};
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::token::AccessData;

/// A rule of the application's own, asked of every approval and of every access token that is presented.
///
/// node-oauth2-server's `validateScope`, under the engine's ceiling: a policy can only take away.
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Narrows, enriches or refuses an approval: who ([`Approval::subject`]) is about to give which client what
    /// ([`Approval::granted`]), and what the request asked for ([`Approval::requested`]). The request itself, with its headers
    /// and its tenant, is [`Context::request`]. It may be asked more than once for one request.
    ///
    /// # Errors
    /// A [`Rejection`], usually `access_denied`, `invalid_scope` or `invalid_grant`.
    async fn review(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection>;

    /// Whether a live access token is still to be honoured: the person may have been disabled since. Asked of a
    /// refresh token too, when it is introspected; its key tells the kind.
    ///
    /// # Errors
    /// A [`Rejection`] if it cannot be found out; the token is then refused.
    async fn honors(&self, token: &Credential<AccessData>, cx: &Context<'_>) -> Result<bool, Rejection> {
        let _ = (token, cx);
        Ok(true)
    }
}

/// Which web origins may call the token endpoint and its like from a browser (CORS).
#[async_trait]
pub trait Origins: Send + Sync + 'static {
    /// Whether this is the origin of a redirect URI of a public client.
    async fn allows(&self, origin: &str) -> bool;
}

/// Something that happened. There are no secrets in it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Tokens were issued, and are stored.
    Issued {
        /// By which grant.
        grant_type: &'a GrantType,
        /// To which client.
        client: &'a ClientId,
        /// For whom.
        subject: Option<&'a Subject>,
        /// From which authorization.
        authorization: AuthorizationId,
        /// What the access token allows.
        scope: &'a Scope,
    },
    /// A person approved an authorization request, and the answer is stored.
    Approved {
        /// Of which client.
        client: &'a ClientId,
        /// Who.
        subject: &'a Subject,
        /// What.
        scope: &'a Scope,
    },
    /// A person said no.
    Denied {
        /// To which client.
        client: &'a ClientId,
    },
    /// A request was refused.
    Refused {
        /// The path of the endpoint.
        endpoint: &'a str,
        /// What the client heard.
        code: &'a ErrorCode,
        /// Why.
        reason: &'a str,
    },
    /// An authorization was ended, with all that descends from it.
    AuthorizationRevoked {
        /// Which.
        authorization: AuthorizationId,
        /// Why: a client's request, or the reuse of something that was spent.
        reason: &'a str,
    },
    /// An access token was ended by its client.
    TokenRevoked {
        /// By which client.
        client: &'a ClientId,
    },
}

/// Whoever wants to know what happens. It sees; it can neither change anything nor fail.
pub trait Observer: Send + Sync + 'static {
    /// Is told of an event, on the thread of the request: it must be quick.
    fn observe(&self, event: &Event<'_>);
}
