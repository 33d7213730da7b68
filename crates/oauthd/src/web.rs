//! The server as browsers and programs see it: the engine's endpoints and the pages around them.

mod account;
mod authorize;
mod demo;
mod device;
mod forms;
mod going;
mod health;
mod respond;
mod session;
mod sign_in;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get, post};
use oauth_server::{AttemptLimit, Secret, Server, StoreError, Subject};

pub use self::demo::{Demo, DemoPerson};
pub use self::session::{SESSION, Sessions};
use crate::backend::Backend;
use crate::pages::{Failure, Permission, Trouble};

/// Who can sign in.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// Who that is, if the password is theirs and they are not disabled. It takes the same time for everybody.
    ///
    /// # Errors
    /// [`SignInFailed`] when it cannot be found out.
    async fn sign_in(&self, username: &str, password: &Secret) -> Result<Option<Subject>, SignInFailed>;

    /// Whether that person still may use this server.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be found out.
    async fn is_active(&self, subject: &Subject) -> Result<bool, StoreError>;
}

/// Why nobody can tell whether a password is right.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SignInFailed {
    /// Too many passwords are being checked at this moment.
    #[error("too many passwords are being checked")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All that the pages need. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Parts>);

/// What [`Web`] is made of.
pub struct Parts {
    /// The engine.
    pub server: Server,
    /// Where everything is kept.
    pub backend: Arc<dyn Backend>,
    /// Signed-in browsers.
    pub sessions: Sessions,
    /// Who can sign in.
    pub people: Arc<dyn People>,
    /// How many failed sign-ins are too many.
    pub sign_in_limit: Option<Arc<dyn AttemptLimit>>,
    /// What scope tokens mean, in words of the operator's own.
    pub scope_words: BTreeMap<String, String>,
    /// The demo client, under `oauthd demo`.
    pub demo: Option<Demo>,
}

impl FromRef<Web> for Server {
    fn from_ref(web: &Web) -> Self {
        web.0.server.clone()
    }
}

impl Web {
    /// The pages of that server.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Every path of the server.
    pub fn router(&self) -> Router {
        let below = self.base();
        let at = |path: &str| format!("{below}{path}");
        let mut router = Router::new()
            .merge(oauth_server::axum::router(&self.0.server))
            .route(&at("/sign-in"), post(sign_in::sign_in))
            .route(&at("/sign-out"), post(sign_in::sign_out))
            .route(&at("/account"), get(account::account))
            .route(&at("/account/revoke"), post(account::revoke))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz));
        if self.0.server.response_types().next().is_some() {
            router = router
                .route(&at("/authorize"), get(authorize::authorize).post(authorize::authorize))
                .route(&at("/consent"), get(authorize::consent).post(authorize::decide));
        }
        if self.has_devices() {
            router = router
                .route(&at("/device"), get(device::show).post(device::enter))
                .route(&at("/device/consent"), get(device::consent).post(device::decide));
        }
        if self.0.server.response_types().next().is_some() || self.has_devices() {
            router = router.route(&at("/switch-account"), post(sign_in::switch_account));
        }
        if self.0.demo.is_some() {
            router = router
                .route("/", get(demo::index))
                .route(&at("/demo"), get(demo::start).post(demo::begin))
                .route(&at("/demo/callback"), get(demo::callback))
                .route(&at("/demo/tokens"), get(demo::tokens))
                .route(&at("/demo/refresh"), post(demo::refresh))
                .route(&at("/demo/revoke"), post(demo::revoke))
                .route(&at("/demo/resource"), any(demo::resource));
        }
        router.fallback(respond::not_found).with_state(self.clone())
    }

    /// Whether the device grant is mounted: then its endpoint is there.
    fn has_devices(&self) -> bool {
        let endpoint = self.path("/device_authorization");
        self.0.server.paths().any(|path| path == endpoint)
    }

    /// Who is signed in and may still use this server.
    async fn active(&self, browser: &session::Browser) -> Result<Option<Subject>, StoreError> {
        match &browser.subject {
            Some(subject) => Ok(self.0.people.is_active(subject).await?.then(|| subject.clone())),
            None => Ok(None),
        }
    }

    /// The path of the issuer, which all pages are below.
    fn base(&self) -> String {
        let path = self.0.server.authorization_path();
        path.strip_suffix("/authorize").unwrap_or_default().to_owned()
    }

    fn path(&self, below: &str) -> String {
        format!("{}{below}", self.base())
    }

    /// What people know this server by: the issuer's host.
    fn site(&self) -> &str {
        let issuer = self.0.server.issuer();
        let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    fn permissions<'a>(&'a self, tokens: impl Iterator<Item = &'a str>) -> Vec<Permission<'a>> {
        tokens
            .map(|token| match self.0.scope_words.get(token) {
                Some(words) => Permission::described(token, words),
                None => Permission::of(token),
            })
            .collect()
    }

    fn failure(&self, status: StatusCode, trouble: Trouble) -> Response {
        let page = Failure {
            site: self.site(),
            trouble,
            code: None,
            detail: None,
            reference: None,
            back: None,
        };
        respond::page(status, &page.render())
    }

    fn unavailable(&self, error: &dyn std::fmt::Display) -> Response {
        tracing::error!(%error, "a page could not be served");
        respond::retry_later(self.failure(StatusCode::SERVICE_UNAVAILABLE, Trouble::Unavailable))
    }
}
