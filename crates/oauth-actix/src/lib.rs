//! Routes, extractors and a guard that mount an OAuth 2.x authorization server in actix-web.
//!
//! [`configure`] has every endpoint that programs talk to. The authorization endpoint is yours, because sign-in and
//! consent are: take [`Authorize`] in a handler, ask the person, and answer with [`decided`]. Resources are protected
//! by taking [`Bearer`] or [`Scoped`], and whole subtrees of routes by [`require()`].
//!
//! This crate knows no grant and no store.

mod authorize;
mod guard;
mod request;
mod resource;
mod routes;

pub use authorize::{Authorize, AuthorizeRejection, decided};
pub use guard::{Guarded, Require, require, require_scope};
pub use resource::{Bearer, OptionalBearer, Refused, Scoped};
pub use routes::{configure, endpoints, well_known};
