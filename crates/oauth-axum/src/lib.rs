//! Routes and extractors that mount an OAuth 2.x authorization server in axum.
//!
//! [`router`] has every endpoint that programs talk to. The authorization endpoint is yours, because sign-in and consent
//! are: take [`Authorize`] in a handler, ask the person, and answer with [`decided`]. Resources are protected by
//! taking [`Bearer`] or [`Scoped`].
//!
//! This crate knows no grant and no store.

mod authorize;
mod resource;
mod routes;

pub use authorize::{Authorize, AuthorizeRejection, decided};
pub use resource::{Bearer, Refused, Scoped};
pub use routes::{endpoints, router, well_known};
