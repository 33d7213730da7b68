//! WIP
pub use oauth_core::*;

#[cfg(feature = "authcode")]
pub use grant_authcode::AuthorizationCode;
#[cfg(feature = "client-credentials")]
pub use grant_client_credentials::{ClientCredentials, ServiceAccounts};
#[cfg(feature = "refresh")]
pub use grant_refresh::{RefreshToken, RotationPolicy};
#[cfg(feature = "axum")]
pub use oauth_axum as axum;

/// The manual.
#[cfg(all(feature="authcode",feature="refresh",feature="client-credentials",feature="memory", feature="axum"))]
pub mod manual {
    #[doc = include_str!("../docs/writing-a-store.md")]
    pub mod writing_a_store {}
}
