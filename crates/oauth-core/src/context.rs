//! What a part of the engine may look at while it decides.

use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::client_auth::{self, Admission, Attempt, Vouched};
use crate::credential::{Credential, Key, Kind};
use crate::id::{AuthorizationId, ClientId};
use crate::incoming::Incoming;
use crate::params::Params;
use crate::rejection::Rejection;
use crate::secret::Secret;
use crate::server::Server;
use crate::time::Timestamp;

/// What grants, endpoints, policies and the other parts see of the server and of the request: they read through it, and
/// cannot write.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub(crate) server: &'a Server,
    now: Timestamp,
    request: Option<Incoming<'a>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(server: &'a Server, request: Option<Incoming<'a>>) -> Self {
        Self {
            server,
            now: server.parts().clock.now(),
            request,
        }
    }

    /// The HTTP request that this is about: its headers, its address, and what the application's layers put into its
    /// extensions. `None` when nobody said which it is; whoever needs it to decide then refuses.
    pub const fn request(&self) -> Option<&Incoming<'a>> {
        self.request.as_ref()
    }

    /// What a layer of the application put into the request's extensions: a tenant, for instance.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.request.and_then(|request| request.extensions.get())
    }

    /// The point in time that this request happens at: one for all its decisions.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The issuer identifier (RFC 8414 §2).
    pub fn issuer(&self) -> &'a str {
        self.server.issuer()
    }

    /// The server that this request came to.
    pub const fn server(&self) -> &'a Server {
        self.server
    }

    /// The credential of that kind with that secret, in whatever state, expired or not.
    ///
    /// # Errors
    /// `temporarily_unavailable` when the store fails, `server_error` when the row cannot be read.
    pub async fn find<T: DeserializeOwned>(
        &self,
        kind: &Kind<T>,
        secret: &Secret,
    ) -> Result<Option<Credential<T>>, Rejection> {
        self.find_key(&Key::of(kind, secret)).await
    }

    /// The credential at that key, in whatever state, expired or not.
    ///
    /// # Errors
    /// As [`Context::find`].
    pub async fn find_key<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Credential<T>>, Rejection> {
        match self.server.parts().model.find(key).await? {
            Some(row) => Ok(Some(row.read()?)),
            None => Ok(None),
        }
    }

    /// The client of that identifier, unless it is disabled.
    ///
    /// # Errors
    /// `temporarily_unavailable` when the store fails.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, Rejection> {
        Ok(self
            .server
            .parts()
            .model
            .client(id)
            .await?
            .filter(|client| !client.disabled))
    }

    /// A fresh secret of 256 random bits.
    ///
    /// # Errors
    /// `server_error` when no randomness can be had.
    pub fn generate_secret(&self) -> Result<Secret, Rejection> {
        Ok(Secret::generate(&*self.server.parts().entropy)?)
    }

    /// A fresh authorization identifier.
    ///
    /// # Errors
    /// `server_error` when no randomness can be had.
    pub fn generate_authorization(&self) -> Result<AuthorizationId, Rejection> {
        Ok(AuthorizationId::generate(&*self.server.parts().entropy)?)
    }

    /// Fills a buffer with random bytes: for secrets of another form than [`Context::generate_secret`] has.
    ///
    /// # Errors
    /// `server_error` when no randomness can be had.
    pub fn fill_random(&self, bytes: &mut [u8]) -> Result<(), Rejection> {
        Ok(self.server.parts().entropy.fill(bytes)?)
    }

    /// Takes a place for an attempt to guess something, before it is judged ([`AttemptLimit`](crate::AttemptLimit)). Without a limit there
    /// is a place for everybody.
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many failures.
    pub async fn admit(&self, attempt: &Attempt<'_>) -> Result<Admission, Rejection> {
        match &self.server.parts().attempt_limit {
            Some(limit) => limit.admit(attempt).await.map_err(Rejection::throttled),
            None => Ok(Admission::unlimited()),
        }
    }

    /// Finds out which client sent a request, by exactly one of the mounted methods (RFC 6749 §2.3).
    ///
    /// # Errors
    /// `invalid_client` for anyone unknown, wrong or disabled, all alike; `invalid_request` for two methods
    /// at once; 429 after too many failures.
    pub async fn authenticate_client(&self, request: &Incoming<'_>, params: &Params<'_>) -> Result<Vouched, Rejection> {
        client_auth::authenticate(request, params, self).await
    }
}
