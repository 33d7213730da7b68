//! Tokens in the store.

use std::time::Duration;

use oauth_server::{
    ACCESS_TOKEN, AuthorizationId, Change, ClientId, Credential, CredentialIndex, CredentialStore, Filter, Key,
    REFRESH_TOKEN, Secret, State, Subject,
};
use serde::Serialize;

use super::{Admin, PAGE, Refusal, unwritten};

/// How long an expired credential is kept, as the server keeps it: requests that saw it alive have ended by then.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_secs(600);

/// Which tokens are meant.
#[derive(Clone, Debug)]
pub enum Which {
    /// That one, and with a refresh token all that descends from its authorization.
    Token(Secret),
    /// All of a user.
    Subject(Subject),
    /// All of a client.
    Client(ClientId),
    /// All of one authorization.
    Authorization(AuthorizationId),
}

/// A credential in a listing. Its secret is not known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenEntry {
    /// `access_token`, `refresh_token`, …
    pub kind: String,
    /// What it descends from.
    pub authorization: String,
    /// To whom it was issued.
    pub client_id: String,
    /// For whom, if not for the client itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it allows.
    pub scope: String,
    /// `live`, `spent`, `revoked` or `expired`.
    pub state: &'static str,
    /// When it expires, in seconds since 1970.
    pub expires_at: u64,
}

impl Admin {
    /// The credentials of a user, a client or an authorization, those that are over included until they are swept.
    ///
    /// # Errors
    /// [`Refusal::Store`].
    pub async fn tokens(&self, filter: &Filter) -> Result<Vec<TokenEntry>, Refusal> {
        let now = self.clock.now();
        let entry = |row: &Credential| TokenEntry {
            kind: row.key.kind().to_owned(),
            authorization: row.authorization.to_string(),
            client_id: row.client.to_string(),
            subject: row.subject.as_ref().map(ToString::to_string),
            scope: row.scope.to_string(),
            state: match row.state {
                State::Revoked => "revoked",
                _ if now >= row.expires_at => "expired",
                State::Spent => "spent",
                State::Live => "live",
            },
            expires_at: row.expires_at.as_secs(),
        };
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            let rows = self.registry.select(filter, after.as_ref(), PAGE).await?;
            // Sessions, codes and parked requests are credentials, too, but no tokens.
            let is_token = |row: &&Credential| row.key.is(&ACCESS_TOKEN) || row.key.is(&REFRESH_TOKEN);
            entries.extend(rows.iter().filter(is_token).map(entry));
            match rows.last() {
                Some(last) if rows.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(entries),
            }
        }
    }

    /// Ends tokens; how many tokens or authorizations it ended. Of an authorization that is over already it ends none.
    ///
    /// # Errors
    /// [`Refusal::NoToken`] for a token that is not known.
    pub async fn revoke(&self, which: &Which) -> Result<usize, Refusal> {
        match which {
            Which::Token(token) => self.revoke_token(token).await,
            Which::Subject(subject) => self.end(&Filter::Subject(subject.clone())).await,
            Which::Client(client) => self.end(&Filter::Client(client.clone())).await,
            Which::Authorization(authorization) => self.end(&Filter::Authorization(*authorization)).await,
        }
    }

    /// As the revocation endpoint does it (RFC 7009 §2.1): an access token ends alone, a refresh token with all that
    /// descends from its authorization.
    async fn revoke_token(&self, token: &Secret) -> Result<usize, Refusal> {
        let access = Key::of(&ACCESS_TOKEN, token);
        let change = if let Some(row) = self.registry.find(&access).await? {
            (row.state != State::Revoked).then_some(Change::Revoke(access))
        } else if let Some(row) = self.registry.find(&Key::of(&REFRESH_TOKEN, token)).await? {
            (row.state != State::Revoked).then_some(Change::RevokeAuthorization(row.authorization))
        } else {
            return Err(Refusal::NoToken);
        };
        let Some(change) = change else { return Ok(0) };
        self.registry.commit(&[change]).await.map_err(unwritten)?;
        Ok(1)
    }

    /// Forgets everything that expired a while ago; how many credentials it forgot.
    ///
    /// # Errors
    /// [`Refusal::Store`].
    pub async fn sweep(&self) -> Result<usize, Refusal> {
        let before = self.clock.now().minus(KEPT_AFTER_EXPIRY);
        let mut forgotten = 0;
        loop {
            let swept = self.registry.sweep(before, PAGE).await?;
            forgotten += swept;
            if swept < PAGE {
                return Ok(forgotten);
            }
        }
    }
}
