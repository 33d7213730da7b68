//! The token endpoint (RFC 6749 §3.2): the eight steps.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Serialize;

use super::extended;
use crate::client_auth::Vouched;
use crate::context::Context;
use crate::credential::{Change, Credential, Json, Key, State};
use crate::endpoint::{Cors, Endpoint, Place, Route};
use crate::grant::{Approval, Grant, Terms, TokenRequest};
use crate::id::{AuthorizationId, ErrorCode, GrantType};
use crate::incoming::{Incoming, Reply};
use crate::policy::Event;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::store::CommitError;
use crate::token::{Draft, REFRESH_TOKEN};

/// How often a grant is asked about one request: once, and once more if another request was faster.
const ASKED_AT_MOST: usize = 2;

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
        if let Some(name) = params.repeated(repeatable) {
            return Err(Rejection::invalid_request(format!(
                "the parameter {name} occurs more than once"
            )));
        }
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
        answer(grant_type, grant, &asked, cx).await
    }
}

/// Decide, review, mint, commit, answer; and decide again if the commit lost a race.
async fn answer(
    grant_type: &GrantType,
    grant: &Arc<dyn Grant>,
    request: &TokenRequest<'_>,
    cx: &Context<'_>,
) -> Result<Reply, Rejection> {
    let server = cx.server;
    for _ in 0..ASKED_AT_MOST {
        let decision = match grant.handle(request, cx).await {
            Ok(approval) => review(approval, request.vouched, cx).await,
            Err(rejection) => Err(rejection),
        };
        let mut minted = match decision {
            Ok(approval) => mint(approval, request, cx).await?,
            Err(mut rejection) => {
                // What a refusal revokes is written before the client hears of it.
                let changes = rejection.take_changes();
                match server.commit(&changes).await {
                    Ok(()) => {
                        for change in &changes {
                            if let Change::RevokeAuthorization(authorization) = change {
                                server.observe(&Event::AuthorizationRevoked {
                                    authorization: *authorization,
                                    reason: rejection.reason(),
                                });
                            }
                        }
                        return Err(rejection);
                    }
                    Err(CommitError::Conflict) => continue,
                    Err(CommitError::Store(error)) => return Err(error.into()),
                }
            }
        };
        match server.commit(&minted.changes).await {
            Ok(()) => {
                server.observe(&Event::Issued {
                    grant_type,
                    client: &request.client().id,
                    subject: minted.terms.subject.as_ref(),
                    authorization: minted.authorization,
                    scope: &minted.scope,
                });
                return Ok(minted.reply());
            }
            // Another request was faster; the grant now sees what it did.
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(Rejection::unavailable(
        "other requests for the same credential kept being faster",
    ))
}

/// Policies, then the ceiling that none of them can raise.
async fn review(mut approval: Approval, vouched: &Vouched, cx: &Context<'_>) -> Result<Approval, Rejection> {
    for policy in &cx.server.parts().policies {
        approval = policy.review(approval, vouched.client()).await?;
    }
    Ok(approval)
}

struct Minted {
    terms: Box<Terms>,
    authorization: AuthorizationId,
    scope: Scope,
    access_token: Secret,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: Option<Secret>,
    changes: Vec<Change>,
}

async fn mint(
    Approval(mut terms): Approval,
    request: &TokenRequest<'_>,
    cx: &Context<'_>,
) -> Result<Minted, Rejection> {
    let parts = cx.server.parts();
    let client = request.client();
    let ceiling = terms.granted.intersection(&cx.ceiling(client));
    let scope = match &terms.requested {
        Some(asked) if asked.within(&ceiling) => asked.clone(),
        Some(_) => {
            return Err(Rejection::invalid_scope(
                "the scope is more than this client may have here",
            ));
        }
        None if ceiling.is_none() && !terms.granted.is_none() => {
            return Err(Rejection::invalid_scope(
                "the client is no longer registered for anything that was granted",
            ));
        }
        None => ceiling,
    };
    let authorization = match terms.authorization {
        Some(authorization) => authorization,
        None => cx.generate_authorization()?,
    };
    let lifetime = terms
        .access_lifetime
        .or_else(|| client.own_access_token_lifetime())
        .unwrap_or(parts.access_token_lifetime);
    let draft = Draft {
        client,
        authorization,
        subject: terms.subject.as_ref(),
        scope: &scope,
        issued_at: cx.now(),
        expires_at: cx.now().plus(lifetime),
        claims: &terms.claims,
    };
    let issued = parts.token_issuer.issue(&draft, cx).await?;
    let mut changes = std::mem::take(&mut terms.changes);
    changes.reserve(2);
    changes.push(Change::Insert(issued.record.into_row()?));

    let mut refresh_token = None;
    if let (Some(wish), Some(refresh_tokens)) = (&terms.refresh, &parts.refresh_tokens)
        && client.may_use(&GrantType::REFRESH_TOKEN)
    {
        let secret = match &wish.secret {
            Some(secret) => secret.clone(),
            None => cx.generate_secret()?,
        };
        let (expires_at, mut data) = refresh_tokens.draft(client, wish.ends_at, cx.now());
        data.claims = terms.claims.clone();
        let row = Credential {
            key: Key::of(&REFRESH_TOKEN, &secret),
            authorization,
            client: client.id.clone(),
            subject: terms.subject.clone(),
            scope: terms.granted.clone(),
            expires_at,
            state: State::Live,
            revision: 0,
            data: Json::of(&data)?,
        };
        changes.push(Change::Insert(row));
        refresh_token = Some(secret);
    }
    Ok(Minted {
        authorization,
        scope,
        access_token: issued.token,
        token_type: issued.token_type,
        expires_in: lifetime.as_secs(),
        refresh_token,
        changes,
        terms,
    })
}

impl Minted {
    /// RFC 6749 §5.1. The scope is always told, so it is told whenever it differs.
    fn reply(&mut self) -> Reply {
        #[derive(Serialize)]
        struct Success<'a> {
            access_token: &'a str,
            token_type: &'a str,
            expires_in: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            refresh_token: Option<&'a str>,
            #[serde(skip_serializing_if = "Scope::is_none")]
            scope: &'a Scope,
        }
        let success = Success {
            access_token: self.access_token.expose(),
            token_type: self.token_type,
            expires_in: self.expires_in,
            refresh_token: self.refresh_token.as_ref().map(Secret::expose),
            scope: &self.scope,
        };
        if self.terms.attributes.is_empty() {
            return Reply::json(&success);
        }
        let registered = serde_json::to_value(&success).unwrap_or_default();
        Reply::json(&extended(registered, self.terms.attributes.iter()))
    }
}
