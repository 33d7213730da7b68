//! An OAuth 2.x authorization server for your application: pick grants, a store and a web framework by
//! Cargo feature, keep your own sign-in, and mount the rest in a dozen lines.
//!
#![cfg_attr(
    all(feature = "authcode", feature = "refresh", feature = "memory", feature = "axum"),
    doc = "```"
)]
#![cfg_attr(
    not(all(feature = "authcode", feature = "refresh", feature = "memory", feature = "axum")),
    doc = "```ignore"
)]
//! use std::error::Error;
//!
//! use axum::{Router, response::Response, routing::get};
//! use oauth_server::axum::{Authorize, Bearer, decided, router};
//! use oauth_server::{AuthorizationCode, Client, GrantType, MemoryStore, RefreshToken, Server};
//!
//! async fn authorize(Authorize(pending): Authorize) -> Response {
//!     // Yours: sign the person in, and ask whether `pending.client()` may have `pending.scope()`.
//!     let scope = pending.scope().clone();
//!     decided(pending.approve("alice", scope).await)
//! }
//!
//! async fn profile(Bearer(token): Bearer) -> String {
//!     format!("{:?} by way of {}", token.subject(), token.client_id())
//! }
//!
//! fn app() -> Result<Router, Box<dyn Error>> {
//!     let app = Client::public("app")
//!         .redirecting_to("https://app.example/callback")
//!         .using([GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN])
//!         .limited_to("profile".parse()?);
//!     let server = Server::builder(MemoryStore::new().with_client(app))
//!         .issuer("https://auth.example")
//!         .install(AuthorizationCode::new()) // PKCE for everybody
//!         .install(RefreshToken::rotating())
//!         .build()?; // refuses what is missing, doubled or unsound, by name
//!     Ok(router(&server) // /token, /revoke, /introspect, /.well-known/…
//!         .route("/authorize", get(authorize).post(authorize))
//!         .route("/profile", get(profile))
//!         .with_state(server))
//! }
//! # app().unwrap();
//! ```
//!
//! # How it works
//!
//! Codes, access tokens and refresh tokens are all [`Credential`]s: rows keyed by the SHA-256 of their
//! secret, with one-time use as a [`State`]. A [`Grant`] looks and decides; it returns an [`Approval`] or a
//! [`Rejection`] with the [`Change`]s it wants, and has no way to write. The engine adds the new tokens and
//! hands everything to the store in *one* [`commit`](CredentialStore::commit), all or nothing. If two requests
//! race for one authorization code, one commit conflicts; its grant is asked again, now sees the code spent,
//! and refuses it as the replay it is.
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | put a server together | [`Server::builder`], [`Builder`], [`BuildError`] |
//! | register clients | [`Client`], [`ClientSecret`], [`ClientStore`] |
//! | have people sign in and consent | [`Server::authorize`], [`Pending`], `axum::Authorize`, `actix::Authorize` |
//! | protect a resource | [`Server::authenticate`], [`AccessToken`]; `Bearer`, `Scoped` and `require` of `axum` and `actix` |
//! | add rules of your own | [`Policy`]; see what happens: [`Observer`] |
//! | plug in another part | [`Grant`], [`ResponseType`], [`TokenIssuer`], [`ClientAuthenticator`], [`Endpoint`], [`Install`] |
//! | keep data elsewhere | [`CredentialStore`], [`Documents`] |
//! | use another web framework | `tower::service`, or [`Incoming`], [`Server::serve`], [`Server::authenticate`] |
//! | read on | [`manual`] |
//!
//! # Features
//!
//! A feature makes names exist; [`Builder::install`] mounts them. Enabling a feature never changes behaviour.
//!
//! | feature | brings |
//! |---|---|
//! | `authcode` (default) | [`AuthorizationCode`]: authorization code with PKCE |
//! | `refresh` (default) | [`RefreshToken`]: rotation and reuse detection |
//! | `client-credentials` (default) | [`ClientCredentials`]: machine to machine |
//! | `device` | [`DeviceCode`]: devices without a browser; module `device`: the person's part |
//! | `danger-password` | `PasswordGrant`: legacy, the client sees the password; not in `full` |
//! | `danger-implicit` | `Implicit`: legacy, the access token travels in a URI; not in `full` |
//! | `memory` (default) | `MemoryStore`: the reference store |
//! | `sqlite` | `SqliteStore`: the embedded store |
//! | `axum` | module `axum`: routes, extractors and a guard |
//! | `actix` | module `actix`: the same for actix-web |
//! | `tower` | module `tower`: all endpoints as one service, for hyper, tonic, poem and others |
//! | `argon2` | module `argon2`: client secrets that a person chose, and passwords |
//! | `full` | all of these but `actix`, `tower` and the legacy ones |

pub use oauth_core::*;

#[cfg(feature = "authcode")]
pub use grant_authcode::AuthorizationCode;
#[cfg(feature = "client-credentials")]
pub use grant_client_credentials::{ClientCredentials, ServiceAccounts};
#[cfg(feature = "device")]
pub use grant_device as device;
#[cfg(feature = "device")]
pub use grant_device::DeviceCode;
#[cfg(feature = "danger-implicit")]
pub use grant_implicit::Implicit;
#[cfg(feature = "danger-password")]
pub use grant_password::{PasswordGrant, ResourceOwners};
#[cfg(feature = "refresh")]
pub use grant_refresh::{RefreshToken, RotationPolicy};
#[cfg(feature = "actix")]
pub use oauth_actix as actix;
#[cfg(feature = "argon2")]
pub use oauth_argon2 as argon2;
#[cfg(feature = "axum")]
pub use oauth_axum as axum;
#[cfg(feature = "tower")]
pub use oauth_tower as tower;
#[cfg(feature = "memory")]
pub use store_memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use store_sqlite::{Durability, SqliteOptions, SqliteStore};

pub mod manual;
