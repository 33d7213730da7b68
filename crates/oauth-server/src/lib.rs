//! OAuth 2.x authorization server toolkit: pick grants, a store and a web framework by Cargo feature.
//!
//! A feature makes names exist; [`Builder::install`] mounts them. Enabling a feature never changes behaviour.
//!
//! | feature | brings |
//! |---|---|
//! | `authcode` (default) | `AuthorizationCode`: authorization code with PKCE |
//! | `refresh` (default) | `RefreshToken`: rotation and reuse detection |
//! | `client-credentials` (default) | `ClientCredentials`: machine to machine |
//! | `memory` (default) | `MemoryStore`: the reference store |
//! | `sqlite` | `SqliteStore`: the embedded store |
//! | `axum` | module `axum`: routes and extractors |
//! | `argon2` | `Argon2`: chosen client secrets and passwords |

pub use oauth_core::*;

#[cfg(feature = "authcode")]
pub use grant_authcode::AuthorizationCode;
#[cfg(feature = "client-credentials")]
pub use grant_client_credentials::{ClientCredentials, ServiceAccounts};
#[cfg(feature = "refresh")]
pub use grant_refresh::{RefreshToken, RotationPolicy};
#[cfg(feature = "argon2")]
pub use oauth_argon2 as argon2;
#[cfg(feature = "axum")]
pub use oauth_axum as axum;
#[cfg(feature = "memory")]
pub use store_memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use store_sqlite::{Durability, SqliteOptions, SqliteStore};

/// The manual. Every code block in it is compiled and run as a test.
pub mod manual {
    #[cfg_attr(feature = "full", doc = include_str!("../docs/writing-a-store.md"))]
    pub mod writing_a_store {}
}
