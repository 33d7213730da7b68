//! The laws of the whole server: HTTP in and HTTP out, on a clock that stands still.
//!
//! Row numbers in comments (`R038`, `I080`, `V013`, `C06`) are those of `docs/rfc.md` and `docs/attacks.md`, which say
//! for each row where it is kept and which of these tests proves it.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and helpers of tests")]

mod authorization_code;
mod authorization_endpoint;
mod bearer;
mod client_authentication;
mod client_credentials;
mod cors_and_methods;
mod device;
mod device_histories;
mod device_races;
mod docs;
mod faults;
mod histories;
mod hostile_input;
mod implicit;
mod introspection;
mod limits;
mod metadata;
mod parallel;
mod password;
mod pkce;
mod races;
mod redirect_uris;
mod refresh;
mod revocation;
mod rfc_examples;
mod secrets;
mod token_endpoint;
mod user_codes;

use oauth_server::MemoryStore;
use oauth_server::{AuthorizationCode, Builder, ClientCredentials, DeviceCode, RefreshToken};
use oauth_testkit::{Lab, Watched};

type Store = Watched<MemoryStore>;

/// A server with everything mounted that is not legacy, refresh tokens rotating without grace.
fn lab() -> Lab<Store> {
    lab_with(RefreshToken::rotating(), |builder| builder)
}

/// The same with another refresh grant, and more.
fn lab_with(refresh: RefreshToken, more: impl FnOnce(Builder) -> Builder) -> Lab<Store> {
    Lab::over(Watched::new(MemoryStore::new()), |builder| {
        more(
            builder
                .install(AuthorizationCode::new())
                .install(ClientCredentials::new())
                .install(DeviceCode::new())
                .install(refresh),
        )
    })
}
