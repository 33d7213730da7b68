//! From an approval to tokens: the steps that the token endpoint and the authorization endpoint have in common.

use serde::Serialize;

use crate::client::Client;
use crate::context::Context;
use crate::credential::{Change, Credential, Json, Key, State};
use crate::endpoints::extended;
use crate::grant::{Approval, Terms};
use crate::id::{AuthorizationId, GrantType};
use crate::incoming::Reply;
use crate::policy::Event;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::token::{Draft, REFRESH_TOKEN, RefreshDraft};

/// Tokens that are made and not yet stored.
pub(crate) struct Minted {
    terms: Box<Terms>,
    authorization: AuthorizationId,
    scope: Scope,
    access_token: Secret,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: Option<Secret>,
    changes: Vec<Change>,
}

/// Review, then mint: policies first, then the ceiling that none of them can raise.
pub(crate) async fn mint(approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Minted, Rejection> {
    let mut approval = approval;
    let was_granted = !approval.granted().is_none();
    for policy in &cx.server.parts().policies {
        approval = policy.review(approval, client, cx).await?;
    }
    let Approval(mut terms) = approval;
    let parts = cx.server.parts();
    let ceiling = cx.common_scope(&terms.granted, &cx.ceiling(client));
    let scope = match &terms.requested {
        Some(asked) if cx.covers(&ceiling, asked) => asked.clone(),
        Some(_) => {
            return Err(Rejection::invalid_scope(
                "the scope is more than this client may have here",
            ));
        }
        // A token for nothing would be told without a scope, and that reads as the scope that was asked for
        // (RFC 6749 §5.1).
        None if ceiling.is_none() && was_granted => {
            return Err(Rejection::invalid_scope(
                "nothing is left of what was granted: neither registration nor policy allows any of it",
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
    let mut minted = Minted {
        authorization,
        scope,
        access_token: issued.token,
        token_type: issued.token_type,
        expires_in: lifetime.as_secs(),
        refresh_token: None,
        changes,
        terms,
    };
    minted.add_refresh_token(client, cx)?;
    Ok(minted)
}

impl Minted {
    /// A refresh token, if the approval asks for one, refresh is mounted and the client may use it.
    fn add_refresh_token(&mut self, client: &Client, cx: &Context<'_>) -> Result<(), Rejection> {
        let (Some(wish), Some(refresh_tokens)) = (&self.terms.refresh, &cx.server.parts().refresh_tokens) else {
            return Ok(());
        };
        if !client.may_use(&GrantType::REFRESH_TOKEN) {
            return Ok(());
        }
        let secret = match &wish.secret {
            Some(secret) => secret.clone(),
            None => cx.generate_secret()?,
        };
        let draft = RefreshDraft {
            client,
            ends_at: wish.ends_at,
            lifetime: self.terms.refresh_lifetime,
        };
        let (expires_at, mut data) = refresh_tokens.draft(&draft, cx);
        data.claims = self.terms.claims.clone();
        self.changes.push(Change::Insert(Credential {
            key: Key::of(&REFRESH_TOKEN, &secret),
            authorization: self.authorization,
            client: client.id.clone(),
            subject: self.terms.subject.clone(),
            scope: self.terms.granted.clone(),
            expires_at,
            state: State::Live,
            revision: 0,
            data: Json::of(&data)?,
        }));
        self.refresh_token = Some(secret);
        Ok(())
    }

    /// What has to be committed before anybody gets the tokens.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Tells the observers, now that the tokens are stored.
    pub(crate) fn tell(&self, grant_type: &GrantType, client: &Client, cx: &Context<'_>) {
        cx.server.observe(&Event::Issued {
            grant_type,
            client: &client.id,
            subject: self.terms.subject.as_ref(),
            authorization: self.authorization,
            scope: &self.scope,
        });
    }

    /// RFC 6749 §5.1. The scope is always told, so it is told whenever it differs.
    pub(crate) fn reply(&self) -> Reply {
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

    /// RFC 6749 §4.2.2: the same as parameters of an authorization response, where there is never a refresh token.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("access_token", self.access_token.expose().to_owned()),
            ("token_type", self.token_type.to_owned()),
            ("expires_in", self.expires_in.to_string()),
        ];
        if !self.scope.is_none() {
            parameters.push(("scope", self.scope.as_str().to_owned()));
        }
        parameters
    }
}
