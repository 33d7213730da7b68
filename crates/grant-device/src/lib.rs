//! The device authorization grant (RFC 8628): a device without a browser, such as a television or a command line, shows a
//! code, and the person approves it in a browser on another device.
//!
//! Two rows are kept of each request. The *device code*, which only the device knows, is spent in the same commit in which
//! its tokens are born, so it pays once. The *user code*, which the person types, holds the decision, which is made once, by
//! the one browser session that entered the code. A poll never contends with a decision.
//!
//! The pages are the application's own: [`enter`] takes what the person typed, [`DeviceRequest`] says who asks for what,
//! and [`approve`](DeviceRequest::approve) or [`deny`](DeviceRequest::deny) ends it. Somebody can be talked into entering a code
//! that an attacker's device shows (RFC 8628 §5.4, RFC 10027): show the client, the scope and the code, and say that one should go
//! on only with a device in front of one.

mod authorization;
mod poll;
mod user_code;
mod verification;

use std::time::Duration;

use oauth_core::pkce::Challenge;
use oauth_core::{Builder, Claims, Install, Key, Kind, Scope, Subject, Timestamp};
use serde::{Deserialize, Serialize};

pub use user_code::UserCode;
pub use verification::{DeviceRequest, USER_CODE_GUESS, enter, resume};

/// Device codes (RFC 8628 §3.2): what the device polls with.
pub const DEVICE_CODE: Kind<DeviceCodeData> = Kind::new("device_code");

/// User codes (RFC 8628 §3.2): what the person types.
pub const USER_CODE: Kind<UserCodeData> = Kind::new("user_code");

/// What is kept of a device code beside the columns of its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceCodeData {
    /// Where the decision will stand.
    user_code: Key,
    /// How long to wait between two polls, in seconds: more after each `slow_down`.
    interval: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    polled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Challenge>,
}

/// What is kept of a user code beside the columns of its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserCodeData {
    /// The browser session that entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entered_by: Option<Key>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
}

/// What the person said. It is said once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approved {
        subject: Subject,
        scope: Scope,
        #[serde(default, skip_serializing_if = "Claims::is_empty")]
        claims: Claims,
    },
    Denied,
}

/// The device authorization grant: the endpoint that hands out codes, and the grant that redeems them.
///
/// ```
/// # use oauth_core::Builder;
/// # fn mounted(builder: Builder) -> Builder {
/// use grant_device::DeviceCode;
///
/// builder.install(DeviceCode::new().verification_uri("https://example.com/device"))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeviceCode {
    lifetime: Duration,
    interval: Duration,
    verification_uri: Option<String>,
}

impl DeviceCode {
    /// The grant with codes that live ten minutes and are polled every five seconds; people go to `/device` below the issuer.
    pub const fn new() -> Self {
        Self {
            lifetime: Duration::from_secs(600),
            interval: Duration::from_secs(5),
            verification_uri: None,
        }
    }

    /// How long the codes live: `expires_in`. Long enough to fetch another device, short enough that guessing is hopeless
    /// (RFC 8628 §5.1).
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// How long a device waits between two polls: `interval`, in whole seconds, at least one.
    #[must_use]
    pub fn poll_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Where people enter the code: short, because it is typed (RFC 8628 §3.2).
    #[must_use]
    pub fn verification_uri(self, uri: impl Into<String>) -> Self {
        Self {
            verification_uri: Some(uri.into()),
            ..self
        }
    }
}

impl Default for DeviceCode {
    fn default() -> Self {
        Self::new()
    }
}

impl Install for DeviceCode {
    fn install(self, builder: &mut Builder) {
        builder.add_endpoint(authorization::DeviceAuthorization(self));
        builder.add_grant(poll::DeviceGrant);
    }
}
