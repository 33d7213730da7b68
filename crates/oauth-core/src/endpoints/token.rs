//! The token endpoint (RFC 6749 §3.2): the eight steps.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;

use crate::context::Context;
use crate::decide::{Decide, Decided, carry_out};
use crate::endpoint::{Cors, Endpoint, Place, Route};
use crate::grant::{Grant, TokenRequest};
use crate::id::ErrorCode;
use crate::incoming::{Incoming, Reply};
use crate::mint::{Minted, Refresh, mint};
use crate::rejection::Rejection;
use crate::scope::Scope;

pub(crate) struct Token;

#[async_trait]
impl Endpoint for Token {
    fn route(&self) -> Route {
        Route {
            path: "/token",
            place: Place::BelowIssuer,
            methods: &[Method::POST],
            metadata: Some("token_endpoint"),
            cors: Cors::Registered,
        }
    }

    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        // Read.
        let params = request.form()?;
        let name = params.required("grant_type")?;
        let grant = cx.server.parts().grants.iter().find(|(own, _)| own.as_str() == name);
        let repeatable = grant.map_or(&[][..], |(_, grant)| grant.repeatable());
        params.each_once(repeatable)?;
        // Who.
        let vouched = cx.authenticate_client(request, &params).await?;
        // Which.
        let Some((grant_type, grant)) = grant else {
            return Err(Rejection::new(
                ErrorCode::UNSUPPORTED_GRANT_TYPE,
                "no such grant is mounted",
            ));
        };
        if !vouched.client().may_use(grant_type) {
            return Err(Rejection::unauthorized_client(
                "the client is not registered for this grant",
            ));
        }
        if !vouched.client().is_confidential() && cx.server.parts().confidential_only.contains(grant_type) {
            return Err(Rejection::unauthorized_client(
                "this grant is for clients that authenticate",
            ));
        }
        let scope = match params.one("scope")? {
            Some(text) => Some(
                Scope::parse_likely(text, &vouched.client().scope)
                    .map_err(|error| Rejection::invalid_scope(error.to_string()))?,
            ),
            None => None,
        };
        let asked = TokenRequest {
            incoming: request,
            params: &params,
            vouched: &vouched,
            scope: scope.as_ref(),
        };
        let issuing = Issuing { grant, request: &asked };
        let minted = carry_out(&issuing, cx).await?;
        // Answer.
        minted.tell(grant_type, vouched.client(), cx);
        Ok(minted.reply())
    }
}

/// Decide, review, mint: what is committed next is all of it or nothing.
struct Issuing<'a> {
    grant: &'a Arc<dyn Grant>,
    request: &'a TokenRequest<'a>,
}

#[async_trait]
impl Decide for Issuing<'_> {
    type Outcome = Minted;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Minted>, Rejection> {
        let approval = self.grant.handle(self.request, cx).await?;
        let mut minted = mint(approval, Refresh::AsApproved, self.request.client(), cx).await?;
        let changes = minted.take_changes();
        Ok(Decided {
            outcome: minted,
            changes,
        })
    }
}
