//! The grant that redeems vouchers.

use oauth_server::{Approval, Context, Grant, GrantType, Rejection, State, TokenRequest, async_trait};

use crate::{GRANT_TYPE, VOUCHER, seats};

/// `voucher` is worth one access token. `seat` names some of the voucher's seats; without it the token is for all of them.
pub(crate) struct Redeem;

#[async_trait]
impl Grant for Redeem {
    fn grant_type(&self) -> GrantType {
        GRANT_TYPE
    }

    fn repeatable(&self) -> &'static [&'static str] {
        &["seat"]
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let presented = request.secret("voucher")?;
        let asked = seats(request.params())?;
        let Some(voucher) = cx.find(&VOUCHER, &presented).await? else {
            return Err(Rejection::invalid_grant("unknown voucher"));
        };
        // Before anything else: who presents the voucher of another client learns nothing and changes nothing.
        if voucher.client != request.client().id {
            return Err(Rejection::invalid_grant("the voucher of another client"));
        }
        match voucher.state {
            State::Live if cx.now() < voucher.expires_at => {}
            State::Live => return Err(Rejection::invalid_grant("expired voucher")),
            State::Spent => return Err(Rejection::invalid_grant("the voucher was used before")),
            State::Revoked => return Err(Rejection::invalid_grant("revoked voucher")),
        }
        if !asked.is_subset(&voucher.data.seats) {
            return Err(Rejection::invalid_request("the voucher is not good for that seat"));
        }
        let seats = if asked.is_empty() { &voucher.data.seats } else { &asked };
        Ok(Approval::continuing(&voucher)
            .narrowed_to(request.scope())
            .with_claim("seats", seats)
            .with_attribute("seats", seats)
            .spend(&voucher))
    }
}
