//! Polling for tokens (RFC 8628 §3.4, §3.5).

use std::time::Duration;

use async_trait::async_trait;
use oauth_core::{
    Approval, Change, Context, Credential, ErrorCode, Grant, GrantType, Json, Rejection, State, TokenRequest, pkce,
};

use crate::{DEVICE_CODE, Decision, DeviceCodeData, UserCodeData};

const AUTHORIZATION_PENDING: ErrorCode = ErrorCode::from_static("authorization_pending");
const SLOW_DOWN: ErrorCode = ErrorCode::from_static("slow_down");
const EXPIRED_TOKEN: ErrorCode = ErrorCode::from_static("expired_token");

/// By how much the interval grows with each poll that came too early, in seconds (RFC 8628 §3.5).
const SLOWER: u64 = 5;

pub(crate) struct DeviceGrant;

#[async_trait]
impl Grant for DeviceGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::DEVICE_CODE
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let presented = request.secret("device_code")?;
        let verifier = request.params().one("code_verifier")?;
        let code = cx
            .find(&DEVICE_CODE, &presented)
            .await?
            .ok_or_else(|| Rejection::invalid_grant("unknown device code"))?;
        // Another client's code is left as it is.
        if code.client != request.client().id {
            return Err(Rejection::invalid_grant("the device code of another client"));
        }
        pkce::verify(code.data.challenge.as_ref(), verifier, &code)?;
        match code.state {
            State::Live => {}
            // Devices poll, and a poll can be sent twice, so this alone is no sign of theft: it ends nothing.
            State::Spent => return Err(Rejection::invalid_grant("the device code was redeemed before")),
            State::Revoked => return Err(Rejection::invalid_grant("revoked device code")),
        }
        if cx.now() >= code.expires_at {
            return Err(Rejection::new(EXPIRED_TOKEN, "expired device code"));
        }
        let entered = cx
            .find_key::<UserCodeData>(&code.data.user_code)
            .await?
            .ok_or_else(|| Rejection::new(EXPIRED_TOKEN, "the user code is gone"))?;
        match entered.data.decision {
            Some(Decision::Approved { subject, scope, claims }) => {
                let approved = Credential {
                    subject: Some(subject),
                    scope,
                    ..code
                };
                Ok(Approval::continuing(&approved)
                    .with_claims(claims)
                    .narrowed_to(request.scope())
                    .spend(&approved)
                    .with_refresh_token())
            }
            Some(Decision::Denied) => {
                Err(Rejection::access_denied("the resource owner refused").telling("the request was denied"))
            }
            None => Err(not_yet(&code, cx)?),
        }
    }
}

/// Nobody has decided: the device has to ask again, and slower if it came too early.
fn not_yet(code: &Credential<DeviceCodeData>, cx: &Context<'_>) -> Result<Rejection, Rejection> {
    // A tenth is forgiven: a device's timer and the network are not exact.
    let wait = Duration::from_millis(code.data.interval.saturating_mul(900));
    let too_early = code.data.polled_at.is_some_and(|before| cx.now() < before.plus(wait));
    let (refusal, interval) = if too_early {
        let refusal =
            Rejection::new(SLOW_DOWN, "polled too early").telling("wait five seconds longer between two polls");
        (refusal, code.data.interval.saturating_add(SLOWER))
    } else {
        let refusal = Rejection::new(AUTHORIZATION_PENDING, "not decided yet");
        (refusal, code.data.interval)
    };
    let data = DeviceCodeData {
        interval,
        polled_at: Some(cx.now()),
        ..code.data.clone()
    };
    Ok(refusal.and(Change::Update {
        key: code.key.clone(),
        revision: code.revision,
        data: Json::of(&data)?,
    }))
}
