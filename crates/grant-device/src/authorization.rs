//! The device authorization endpoint (RFC 8628 §3.1, §3.2).

use async_trait::async_trait;
use oauth_core::http::Method;
use oauth_core::pkce::Challenge;
use oauth_core::{
    Change, Context, Cors, Credential, Endpoint, GrantType, Incoming, Key, Place, Rejection, Reply, Route, State,
};
use serde::Serialize;

use crate::{DEVICE_CODE, DeviceCode, DeviceCodeData, USER_CODE, UserCode, UserCodeData};

pub(crate) struct DeviceAuthorization(pub(crate) DeviceCode);

/// RFC 8628 §3.2.
#[derive(Serialize)]
struct Codes<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: &'a str,
    verification_uri_complete: &'a str,
    expires_in: u64,
    interval: u64,
}

#[async_trait]
impl Endpoint for DeviceAuthorization {
    fn route(&self) -> Route {
        Route {
            path: "/device_authorization",
            place: Place::BelowIssuer,
            methods: &[Method::POST],
            metadata: Some("device_authorization_endpoint"),
            cors: Cors::Registered,
        }
    }

    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        let params = request.form()?;
        params.each_once(&[])?;
        let vouched = cx.authenticate_client(request, &params).await?;
        let client = vouched.client();
        if !client.may_use(&GrantType::DEVICE_CODE) {
            return Err(Rejection::unauthorized_client(
                "the client is not registered for the device grant",
            ));
        }
        let scope = cx.asked_scope(&params, client)?;
        let challenge = Challenge::of(&params)?;

        let device_code = cx.generate_secret()?;
        let user_code = UserCode::generate(cx)?;
        let interval = self.0.interval.as_secs().max(1);
        let entered = Credential {
            key: Key::of(&USER_CODE, &user_code.secret()),
            authorization: cx.generate_authorization()?,
            client: client.id.clone(),
            subject: None,
            scope,
            expires_at: cx.now().plus(self.0.lifetime),
            state: State::Live,
            revision: 0,
            data: UserCodeData {
                entered_by: None,
                decision: None,
            },
        };
        let polled = Credential {
            key: Key::of(&DEVICE_CODE, &device_code),
            authorization: entered.authorization,
            client: client.id.clone(),
            subject: None,
            scope: entered.scope.clone(),
            expires_at: entered.expires_at,
            state: State::Live,
            revision: 0,
            data: DeviceCodeData {
                user_code: entered.key.clone(),
                interval,
                polled_at: None,
                challenge,
            },
        };
        let shown = user_code.shown();
        let page = match &self.0.verification_uri {
            Some(uri) => uri.clone(),
            None => format!("{}/device", cx.issuer()),
        };
        let separator = if page.contains('?') { '&' } else { '?' };
        let codes = Codes {
            device_code: device_code.expose(),
            user_code: &shown,
            verification_uri: &page,
            verification_uri_complete: &format!("{page}{separator}user_code={shown}"),
            expires_in: self.0.lifetime.as_secs(),
            interval,
        };
        // A user code that is taken is a conflict: the engine asks again, and another one is drawn.
        Ok(Reply::json(&codes)
            .and(Change::Insert(entered.into_row()?))
            .and(Change::Insert(polled.into_row()?)))
    }
}
