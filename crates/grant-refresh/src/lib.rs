//! The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14).
//!
//! A rotated token is *spent*, like a code. Whoever presents it again shows that two parties hold the
//! line, and since nobody can say which of them is honest, the whole authorization ends: refresh tokens
//! and access tokens alike. [`RefreshToken::grace`] makes an exception for a lost answer.

use std::time::Duration;

use async_trait::async_trait;
use oauth_core::{
    Approval, Builder, Change, Client, Context, Credential, Grant, GrantType, Install, Json, Key, REFRESH_TOKEN,
    RefreshData, RefreshDraft, RefreshTokens, Rejection, Rotation, State, Timestamp, TokenRequest,
};

/// The refresh token grant. Installing it also makes the other grants hand out refresh tokens to
/// clients that are registered for `refresh_token`.
///
/// ```
/// # use oauth_core::Builder;
/// # use std::time::Duration;
/// # fn mounted(builder: Builder) -> Builder {
/// use grant_refresh::RefreshToken;
///
/// builder.install(RefreshToken::rotating().lifetime(Duration::from_secs(7 * 24 * 3600)))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RefreshToken {
    rotation: RotationPolicy,
    lifetime: Duration,
    absolute_lifetime: Duration,
    grace: Duration,
}

/// Whose refresh tokens are replaced each time they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RotationPolicy {
    /// Everybody's.
    Always,
    /// Those of public clients, which nothing else protects (RFC 9700 §2.2.2). The default.
    #[default]
    Public,
    /// Nobody's. Weaker than RFC 9700 §2.2.2 asks, unless tokens are bound to a key.
    Never,
}

impl RotationPolicy {
    fn rotates(self, client: &Client) -> bool {
        match self {
            Self::Always => true,
            Self::Public => !client.is_confidential(),
            Self::Never => false,
        }
    }
}

impl RefreshToken {
    /// The grant with that policy: 14 days from use to use, 90 days in all, no grace.
    pub const fn new(rotation: RotationPolicy) -> Self {
        const DAY: u64 = 24 * 3600;
        Self {
            rotation,
            lifetime: Duration::from_secs(14 * DAY),
            absolute_lifetime: Duration::from_secs(90 * DAY),
            grace: Duration::ZERO,
        }
    }

    /// The grant, replacing every refresh token each time it is used.
    pub const fn rotating() -> Self {
        Self::new(RotationPolicy::Always)
    }

    /// How long a refresh token may lie unused. A client's own lifetime goes before it.
    #[must_use]
    pub const fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// How long an authorization can be refreshed in all, however often it is used.
    #[must_use]
    pub const fn absolute_lifetime(self, absolute_lifetime: Duration) -> Self {
        Self {
            absolute_lifetime,
            ..self
        }
    }

    /// For how long after a rotation the old token may be presented again by a client that never got the
    /// answer. The new token that was lost ends then, so one line survives; once it has been used, the old one
    /// is refused.
    #[must_use]
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    fn lifetime_for(&self, client: &Client) -> Duration {
        client.own_refresh_token_lifetime().unwrap_or(self.lifetime)
    }

    /// A live token of a client whose tokens are replaced: spend it, and begin the next.
    fn rotate(&self, token: &Credential<RefreshData>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let approval = Approval::continuing(token).with_claims(token.data.claims.clone());
        let next = cx.generate_secret()?;
        let approval = if self.grace.is_zero() {
            approval
        } else {
            approval.and(succeeded_by(token, &Key::of(&REFRESH_TOKEN, &next), cx.now())?)
        };
        Ok(approval.spend(token).with_refresh_token_as(next, token.data.ends_at))
    }

    /// A live token of a client whose tokens stay: let it live on from now.
    fn slide(&self, token: &Credential<RefreshData>, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let approval = Approval::continuing(token).with_claims(token.data.claims.clone());
        let lifetime = token.data.own_lifetime.unwrap_or_else(|| self.lifetime_for(client));
        let until = cx.now().plus(lifetime).min(token.data.ends_at);
        // Written only now and then: so parallel refreshes of one token do not contend for its row.
        if token
            .data
            .idle_until
            .is_some_and(|old| until.since(old) < lifetime / 16 && until != token.data.ends_at)
        {
            return Ok(approval);
        }
        if token.data.idle_until == Some(until) {
            return Ok(approval);
        }
        let data = RefreshData {
            idle_until: Some(until),
            ..token.data.clone()
        };
        Ok(approval.and(update(token, &data)?))
    }

    /// A token that has been rotated: a replay, unless the answer was lost a moment ago.
    async fn reused(&self, token: &Credential<RefreshData>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let replay = || {
            Rejection::invalid_grant("a rotated refresh token was presented again")
                .and(Change::RevokeAuthorization(token.authorization))
        };
        let rotation = match &token.data.rotation {
            Some(rotation) if cx.now() < rotation.at.plus(self.grace) => rotation,
            _ => return Err(replay()),
        };
        let Some(lost) = cx.find_key::<RefreshData>(&rotation.successor).await? else {
            return Err(replay());
        };
        // What was lost must still be worth something: a grace prolongs no lifetime.
        if !lost.is_live(cx.now()) {
            return Err(Rejection::invalid_grant(
                "within the grace, but the next refresh token is in use already, or has expired",
            ));
        }
        let next = cx.generate_secret()?;
        Ok(Approval::continuing(token)
            .with_claims(token.data.claims.clone())
            // Spending conflicts if the client uses the other one at this moment: then that line survives.
            .spend(&lost)
            .and(Change::Revoke(lost.key.clone()))
            .and(succeeded_by(token, &Key::of(&REFRESH_TOKEN, &next), rotation.at)?)
            .with_refresh_token_as(next, token.data.ends_at))
    }
}

fn update(token: &Credential<RefreshData>, data: &RefreshData) -> Result<Change, Rejection> {
    Ok(Change::Update {
        key: token.key.clone(),
        revision: token.revision,
        data: Json::of(data)?,
    })
}

fn succeeded_by(token: &Credential<RefreshData>, successor: &Key, at: Timestamp) -> Result<Change, Rejection> {
    let rotation = Some(Rotation {
        at,
        successor: successor.clone(),
    });
    update(
        token,
        &RefreshData {
            rotation,
            ..token.data.clone()
        },
    )
}

impl Install for RefreshToken {
    fn install(self, builder: &mut Builder) {
        builder.add_refresh_tokens(Lifetimes(self.clone()));
        builder.add_grant(RefreshGrant(self));
    }
}

struct Lifetimes(RefreshToken);

impl RefreshTokens for Lifetimes {
    fn draft(&self, draft: &RefreshDraft<'_>, cx: &Context<'_>) -> (Timestamp, RefreshData) {
        let now = cx.now();
        let ends_at = draft.ends_at.unwrap_or_else(|| now.plus(self.0.absolute_lifetime));
        let lifetime = draft.lifetime.unwrap_or_else(|| self.0.lifetime_for(draft.client));
        let sliding = now.plus(lifetime).min(ends_at);
        let rotates = self.0.rotation.rotates(draft.client);
        let data = RefreshData {
            issued_at: now,
            ends_at,
            idle_until: (!rotates).then_some(sliding),
            own_lifetime: draft.lifetime.filter(|_| !rotates),
            rotation: None,
            claims: oauth_core::Claims::default(),
        };
        (if rotates { sliding } else { ends_at }, data)
    }
}

struct RefreshGrant(RefreshToken);

#[async_trait]
impl Grant for RefreshGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::REFRESH_TOKEN
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let presented = request.secret("refresh_token")?;
        let token = cx
            .find(&REFRESH_TOKEN, &presented)
            .await?
            .ok_or_else(|| Rejection::invalid_grant("unknown refresh token"))?;
        // Another client's token is left as it is: knowing it must not be enough to end it.
        if token.client != request.client().id {
            return Err(Rejection::invalid_grant("the refresh token of another client"));
        }
        let approval = match token.state {
            State::Revoked => return Err(Rejection::invalid_grant("revoked refresh token")),
            State::Spent => self.0.reused(&token, cx).await?,
            State::Live => {
                let idle = token.data.idle_until.is_some_and(|until| cx.now() >= until);
                if idle || cx.now() >= token.expires_at {
                    return Err(Rejection::invalid_grant("expired refresh token"));
                }
                if self.0.rotation.rotates(request.client()) {
                    self.0.rotate(&token, cx)?
                } else {
                    self.0.slide(&token, request.client(), cx)?
                }
            }
        };
        Ok(approval.narrowed_to(request.scope()))
    }
}
