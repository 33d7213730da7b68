//! Endpoints: what is mounted under the issuer.

use async_trait::async_trait;
use http::Method;

use crate::context::Context;
use crate::incoming::{Incoming, Reply};
use crate::rejection::Rejection;

/// Where an endpoint is, and how it may be called.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path below the issuer's; for [`Place::WellKnown`] the name after `/.well-known/`.
    pub path: &'static str,
    /// Where that path begins.
    pub place: Place,
    /// The methods it answers; HEAD comes with GET.
    pub methods: &'static [Method],
    /// The name of its URL in the metadata document (RFC 8414 §2), if it has one there.
    pub metadata: Option<&'static str>,
    /// Which web pages may read its answers.
    pub cors: Cors,
}

/// Where an endpoint's path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the issuer: `https://host/tenant` + `/token`.
    BelowIssuer,
    /// Inserted between host and path: `https://host/.well-known/name/tenant` (RFC 8414 §3.1).
    WellKnown,
}

/// Which web pages may read an endpoint's answers in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cors {
    /// All: it tells nothing that is not public.
    Anyone,
    /// Those of registered clients' origins ([`Origins`](crate::Origins)).
    Registered,
    /// None.
    Nobody,
}

/// An endpoint that talks to programs: token, revocation, introspection, metadata, or your own.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// Where it is and how it may be called. Asked once, when it is mounted.
    fn route(&self) -> Route;

    /// Answers a request whose method is one of the route's.
    ///
    /// # Errors
    /// A [`Rejection`]; its changes are committed before the client hears of it.
    async fn serve(&self, request: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection>;
}
