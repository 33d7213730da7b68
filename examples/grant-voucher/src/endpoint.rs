//! The endpoint that issues vouchers.

use std::collections::BTreeSet;
use std::time::Duration;

use oauth_server::http::Method;
use oauth_server::{
    Change, Client, ClientId, Context, Cors, Credential, Endpoint, Incoming, Key, Place, Rejection, Reply, Route,
    Scope, State, async_trait,
};
use serde::Serialize;

use crate::{GRANT_TYPE, PERMISSION, VOUCHER, Voucher, seats};

/// `POST /vouchers`: `redeemer` is the client that the voucher is for; `scope` and `seat` are what it is good for.
pub(crate) struct Issue {
    pub(crate) lifetime: Duration,
}

/// The answer. It is the only place in which the voucher is ever seen.
#[derive(Serialize)]
struct Issued<'a> {
    voucher: &'a str,
    expires_in: u64,
    scope: &'a Scope,
    seats: &'a BTreeSet<String>,
}

#[async_trait]
impl Endpoint for Issue {
    fn route(&self) -> Route {
        Route {
            path: "/vouchers",
            place: Place::BelowIssuer,
            methods: &[Method::POST],
            metadata: Some("voucher_endpoint"),
            cors: Cors::Nobody,
        }
    }

    /// Looks, and answers with the change that it wants: the engine commits before anybody hears of the voucher. As a
    /// grant, this may be asked twice.
    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        let params = request.form()?;
        params.each_once(&["seat"])?;
        let issuer = cx.authenticate_client(request, &params).await?;
        may_issue(issuer.client(), cx)?;
        let redeemer = redeemer(params.required("redeemer")?, cx).await?;
        // No more than its redeemer may have, so that no voucher promises what the token endpoint will not give.
        let scope = cx.asked_scope(&params, &redeemer)?;
        let seats = seats(&params)?;

        let voucher = cx.generate_secret()?;
        let reply = Reply::json(&Issued {
            voucher: voucher.expose(),
            expires_in: self.lifetime.as_secs(),
            scope: &scope,
            seats: &seats,
        });
        let row = Credential {
            key: Key::of(&VOUCHER, &voucher),
            authorization: cx.generate_authorization()?,
            client: redeemer.id.clone(),
            subject: None,
            scope,
            expires_at: cx.now().plus(self.lifetime),
            state: State::Live,
            revision: 0,
            data: Voucher { seats },
        };
        Ok(reply.and(Change::Insert(row.into_row()?)))
    }
}

/// RFC 6749 §2.3: a name is no proof, so public clients issue nothing, whatever they are registered for.
fn may_issue(client: &Client, cx: &Context<'_>) -> Result<(), Rejection> {
    if client.is_confidential() && cx.ceiling(client).contains(PERMISSION) {
        Ok(())
    } else {
        Err(Rejection::unauthorized_client("the client may not issue vouchers"))
    }
}

/// The client that a voucher is for. Unknown, disabled and not registered for the grant look the same.
async fn redeemer(id: &str, cx: &Context<'_>) -> Result<Client, Rejection> {
    match cx.client(&ClientId::from(id)).await? {
        Some(client) if client.may_use(&GRANT_TYPE) => Ok(client),
        _ => Err(Rejection::invalid_request("the redeemer may not use vouchers")),
    }
}
