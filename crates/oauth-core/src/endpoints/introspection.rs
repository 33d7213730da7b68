//! The introspection endpoint (RFC 7662).

use async_trait::async_trait;
use http::Method;
use serde::Serialize;

use super::extended;
use crate::context::Context;
use crate::credential::Credential;
use crate::endpoint::{Cors, Endpoint, Place, Route};
use crate::id::{ClientId, Subject};
use crate::incoming::{Incoming, Reply};
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::token::{AccessData, Claims, REFRESH_TOKEN, RefreshData};

pub(crate) struct Introspection;

/// RFC 7662 §2.2.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those on the wire")]
struct Active<'a> {
    active: bool,
    #[serde(skip_serializing_if = "Scope::is_none")]
    scope: &'a Scope,
    client_id: &'a ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a Subject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    exp: u64,
    iat: u64,
    iss: &'a str,
    aud: &'a str,
}

#[async_trait]
impl Endpoint for Introspection {
    fn route(&self) -> Route {
        Route {
            path: "/introspect",
            place: Place::BelowIssuer,
            methods: &[Method::POST],
            metadata: Some("introspection_endpoint"),
            cors: Cors::Nobody,
        }
    }

    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        let params = request.form()?;
        params.each_once(&[])?;
        let vouched = cx.authenticate_client(request, &params).await?;
        let caller = vouched.client();
        // RFC 7662 §2.1: the caller is authorized; a public client cannot be.
        if !caller.is_confidential() {
            return Err(Rejection::invalid_client("a public client may not introspect"));
        }
        let token = params.secret("token")?;
        let may_see = |owner: &ClientId| *owner == caller.id || caller.introspect;

        if let Some(access) = cx.honored(&token).await? {
            if may_see(access.client_id()) {
                let active = Active {
                    active: true,
                    scope: access.scope(),
                    client_id: access.client_id(),
                    sub: access.subject(),
                    token_type: Some("Bearer"),
                    exp: access.expires_at().as_secs(),
                    iat: access.issued_at().as_secs(),
                    iss: cx.issuer(),
                    aud: cx.issuer(),
                };
                return Ok(told(&active, access.claims()));
            }
        } else if let Some(refresh) = cx.find(&REFRESH_TOKEN, &token).await?
            && may_see(&refresh.client)
            && is_usable(&refresh, cx)
            && cx.client(&refresh.client).await?.is_some()
            && cx.policies_honor(&as_access(&refresh)).await?
        {
            let active = Active {
                active: true,
                scope: &refresh.scope,
                client_id: &refresh.client,
                sub: refresh.subject.as_ref(),
                token_type: None,
                exp: refresh.data.idle_until.unwrap_or(refresh.expires_at).as_secs(),
                iat: refresh.data.issued_at.as_secs(),
                iss: cx.issuer(),
                aud: cx.issuer(),
            };
            return Ok(told(&active, &refresh.data.claims));
        }
        // RFC 7662 §2.2: nothing but this, whatever the reason.
        Ok(Reply::json_text(br#"{"active":false}"#.to_vec()))
    }
}

fn is_usable(refresh: &Credential<RefreshData>, cx: &Context<'_>) -> bool {
    refresh.is_live(cx.now()) && refresh.data.idle_until.is_none_or(|until| cx.now() < until)
}

/// A refresh token as the policies see it: they judge whose it is, not what it is for.
fn as_access(refresh: &Credential<RefreshData>) -> Credential<AccessData> {
    Credential {
        key: refresh.key.clone(),
        authorization: refresh.authorization,
        client: refresh.client.clone(),
        subject: refresh.subject.clone(),
        scope: refresh.scope.clone(),
        expires_at: refresh.expires_at,
        state: refresh.state,
        revision: refresh.revision,
        data: AccessData {
            issued_at: refresh.data.issued_at,
            claims: refresh.data.claims.clone(),
        },
    }
}

fn told(active: &Active<'_>, claims: &Claims) -> Reply {
    if claims.is_empty() {
        return Reply::json(active);
    }
    let registered = serde_json::to_value(active).unwrap_or_default();
    Reply::json(&extended(registered, claims.map().iter()))
}
