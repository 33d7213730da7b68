//! The client credentials grant (RFC 6749 §4.4): a program acting for itself.
//!
//! For confidential clients only, and never with a refresh token: the client can always ask again
//! (RFC 6749 §4.4.3). The token has no subject, so it is never mistaken for a person's session.

use async_trait::async_trait;
use oauth_core::{Approval, Client, Context, Grant, GrantType, Rejection, TokenRequest};

/// The client credentials grant.
///
/// ```
/// # use oauth_core::{Builder, Server};
/// # fn mounted(builder: Builder) -> Builder {
/// use grant_client_credentials::ClientCredentials;
///
/// builder.install(ClientCredentials::new())
/// # }
/// ```
#[derive(Default)]
pub struct ClientCredentials {
    account: Option<Box<dyn ServiceAccounts>>,
}

/// Which account of the application a client acts as: node-oauth2-server's `getUserFromClient`.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which account a client acts as",
    label = "this would have to implement `ServiceAccounts`",
    note = "implement `ServiceAccounts` (act_as): node-oauth2-server's `getUserFromClient`",
    note = "without accounts of your own, `ClientCredentials::new()` needs none"
)]
pub trait ServiceAccounts: Send + Sync + 'static {
    /// Enriches or refuses what the client is about to get, for instance with a claim that names its account.
    ///
    /// # Errors
    /// A [`Rejection`] if the client has no account.
    async fn act_as(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection>;
}

impl ClientCredentials {
    /// The grant as RFC 6749 §4.4 has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The grant, asking which account each client acts as.
    #[must_use]
    pub fn acting_as(accounts: impl ServiceAccounts) -> Self {
        Self {
            account: Some(Box::new(accounts)),
        }
    }
}

#[async_trait]
impl Grant for ClientCredentials {
    fn grant_type(&self) -> GrantType {
        GrantType::CLIENT_CREDENTIALS
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let client = request.client();
        // RFC 6749 §4.4: a name is no credential.
        if !client.is_confidential() {
            return Err(Rejection::unauthorized_client("client credentials of a public client"));
        }
        let scope = cx.asked_scope(request.params(), client)?;
        let approval = Approval::for_client(scope);
        match &self.account {
            Some(accounts) => accounts.act_as(approval, client, cx).await,
            None => Ok(approval),
        }
    }
}
