//! Browsers: who is signed in, and which forms are their own.

use http::{HeaderMap, HeaderValue, header};
use oauth_server::{
    AuthorizationId, Change, ClientId, Credential, Entropy, Key, Kind, Params, Scope, Secret, State, StoreError,
    Subject, Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

use crate::backend::Backend;
use crate::pages::field;

/// Signed-in sessions: credentials like any other, so that whatever ends a person's authorizations ends these too.
pub const SESSION: Kind<SessionData> = Kind::new("oauthd:session");

/// How long a sign-in lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// What is kept of a session beside the columns of its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionData {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
}

/// A browser, known by the secret in its cookie.
///
/// Before anybody signs in it is a secret and nothing else: nothing is stored for it, so asking for the sign-in page
/// costs the server nothing that lasts.
#[derive(Clone, Debug)]
pub struct Browser {
    /// What its cookie holds.
    pub secret: Secret,
    /// Who is signed in.
    pub subject: Option<Subject>,
}

/// Where sessions are kept and how their cookie is called.
#[derive(Clone)]
pub struct Sessions {
    backend: Arc<dyn Backend>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn oauth_server::Clock>,
    cookie: &'static str,
    attributes: &'static str,
}

impl Sessions {
    /// Sessions for that issuer. On https the cookie is `__Host-` and `Secure` (RFC 6265bis §4.1.3.2).
    pub fn new(
        backend: Arc<dyn Backend>,
        issuer: &str,
        clock: Arc<dyn oauth_server::Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (cookie, attributes) = if issuer.starts_with("https://") {
            ("__Host-oauthd_session", "; Path=/; HttpOnly; SameSite=Lax; Secure")
        } else {
            ("oauthd_session", "; Path=/; HttpOnly; SameSite=Lax")
        };
        Self {
            backend,
            entropy,
            clock,
            cookie,
            attributes,
        }
    }

    /// The browser behind a request; a new one if it has no cookie, or more than one of that name:
    /// then somebody may have planted one of them.
    ///
    /// # Errors
    /// [`StoreError`] when the session cannot be looked up, or no randomness can be had.
    pub async fn browser(&self, headers: &HeaderMap) -> Result<Browser, StoreError> {
        let Some(secret) = self.presented(headers) else {
            return self.stranger();
        };
        let row = self.backend.find(&Key::of(&SESSION, &secret)).await?;
        let subject = match row {
            Some(row) if row.is_live(self.clock.now()) => row.subject,
            // A session that ended must not lend its secret to the next person's.
            Some(_) => return self.stranger(),
            None => None,
        };
        Ok(Browser { secret, subject })
    }

    fn presented(&self, headers: &HeaderMap) -> Option<Secret> {
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value);
        let value = values.next()?;
        let well_formed = value.len() == 43
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (values.next().is_none() && well_formed).then(|| Secret::new(value))
    }

    fn stranger(&self) -> Result<Browser, StoreError> {
        let secret = Secret::generate(&*self.entropy).map_err(|error| StoreError::caused_by("no session", error))?;
        Ok(Browser { secret, subject: None })
    }

    /// Signs a person in: a session with a new secret, so that one planted before is worth nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept.
    pub async fn sign_in(&self, subject: Subject) -> Result<Browser, StoreError> {
        let browser = self.stranger()?;
        let now = self.clock.now();
        let row = Credential {
            key: Key::of(&SESSION, &browser.secret),
            authorization: AuthorizationId::generate(&*self.entropy)
                .map_err(|error| StoreError::caused_by("no session", error))?,
            client: ClientId::from("oauthd"),
            subject: Some(subject.clone()),
            scope: Scope::none(),
            expires_at: now.plus(LIFETIME),
            state: State::Live,
            revision: 0,
            data: SessionData { signed_in_at: now },
        };
        self.write(Change::Insert(row.into_row()?)).await?;
        Ok(Browser {
            subject: Some(subject),
            ..browser
        })
    }

    /// Signs out: the session is worth nothing from now on, wherever its cookie is.
    ///
    /// # Errors
    /// [`StoreError`] when that cannot be kept.
    pub async fn sign_out(&self, browser: &Browser) -> Result<(), StoreError> {
        self.write(Change::Revoke(Key::of(&SESSION, &browser.secret))).await
    }

    async fn write(&self, change: Change) -> Result<(), StoreError> {
        self.backend
            .commit(&[change])
            .await
            .map_err(|error| StoreError::caused_by("the session was not kept", error))
    }

    /// The value of `Set-Cookie` for that browser.
    pub fn cookie(&self, browser: &Browser) -> HeaderValue {
        // The secret is base64url, so it is a header value whatever it is.
        HeaderValue::try_from(format!(
            "{}={}{}",
            self.cookie,
            browser.secret.expose(),
            self.attributes
        ))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The value of `Set-Cookie` that takes the cookie away.
    pub fn no_cookie(&self) -> HeaderValue {
        HeaderValue::try_from(format!("{}={}; Max-Age=0", self.cookie, self.attributes))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl Browser {
    /// What every form of this browser carries. Derived from the cookie's secret, which another site cannot read.
    pub fn csrf(&self) -> String {
        use base64::Engine as _;
        let digest = Sha256::new()
            .chain_update("oauthd csrf\0")
            .chain_update(self.secret.expose())
            .finalize();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
    }

    /// Whether a form was one of this browser's own.
    pub fn sent(&self, form: &Params<'_>) -> bool {
        let token = form.one(field::CSRF).ok().flatten().unwrap_or_default();
        bool::from(token.as_bytes().ct_eq(self.csrf().as_bytes()))
    }
}
