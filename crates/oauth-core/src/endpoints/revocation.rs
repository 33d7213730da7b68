//! The revocation endpoint (RFC 7009).

use async_trait::async_trait;
use http::Method;

use crate::context::Context;
use crate::credential::Change;
use crate::endpoint::{Cors, Endpoint, Place, Route};
use crate::incoming::{Incoming, Reply};
use crate::policy::Event;
use crate::rejection::Rejection;
use crate::store::CommitError;
use crate::token::REFRESH_TOKEN;

pub(crate) struct Revocation;

#[async_trait]
impl Endpoint for Revocation {
    fn route(&self) -> Route {
        Route {
            path: "/revoke",
            place: Place::BelowIssuer,
            methods: &[Method::POST],
            metadata: Some("revocation_endpoint"),
            cors: Cors::Registered,
        }
    }

    /// The hint is checked for repetition and otherwise not needed: looking in both places costs
    /// one lookup, and a wrong hint must not hide a token (RFC 7009 §2.1).
    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        let params = request.form()?;
        params.each_once(&[])?;
        let vouched = cx.authenticate_client(request, &params).await?;
        let client = &vouched.client().id;
        let token = params.secret("token")?;

        // A token of another client's is left alone, and looks the same as none at all.
        if let Some(refresh) = cx.find(&REFRESH_TOKEN, &token).await? {
            if refresh.client == *client {
                commit(cx, Change::RevokeAuthorization(refresh.authorization)).await?;
                cx.server.observe(&Event::AuthorizationRevoked {
                    authorization: refresh.authorization,
                    reason: "the client revoked a refresh token",
                });
            }
        } else if let Some(access) = cx.server.parts().token_issuer.recognize(&token, cx).await?
            && access.client == *client
        {
            commit(cx, Change::Revoke(access.key)).await?;
            cx.server.observe(&Event::TokenRevoked { client });
        }
        // RFC 7009 §2.2 asks for 200 alone; real clients want a JSON body, and `{}` pleases all.
        Ok(Reply::json_text(b"{}".to_vec()))
    }
}

async fn commit(cx: &Context<'_>, change: Change) -> Result<(), Rejection> {
    match cx.server.commit(&[change]).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => Err(Rejection::unavailable("the store called a revocation a conflict")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
