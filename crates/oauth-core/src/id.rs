//! Names of things: a newtype for each, so that none is taken for another.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entropy::{Entropy, EntropyFailed};

macro_rules! shared_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is.
            pub fn new(value: impl Into<Arc<str>>) -> Self {
                Self(value.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self::new(value)
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::new(value)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

shared_text! {
    /// The identifier of a client (RFC 6749 §2.2).
    ClientId
}

shared_text! {
    /// The resource owner, as the application names them: `sub` of RFC 7662 §2.2.
    Subject
}

/// The identifier of one approval and of everything that descends from it.
///
/// A user's consent, or a client's request on its own behalf, begins an authorization;
/// the code, the access tokens and the refresh tokens that follow share its identifier,
/// so that all of them can be ended together (RFC 6749 §4.1.2, RFC 7009 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizationId([u8; 16]);

impl AuthorizationId {
    /// The identifier with these bytes, as a store kept them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A fresh identifier of 128 random bits.
    ///
    /// # Errors
    /// [`EntropyFailed`] when no randomness can be had.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for AuthorizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuthorizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationId({self})")
    }
}

/// A text is not an authorization's identifier: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an authorization identifier is 32 hexadecimal digits")]
pub struct NotAnAuthorizationId;

impl FromStr for AuthorizationId {
    type Err = NotAnAuthorizationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(NotAnAuthorizationId);
        }
        let mut bytes = [0u8; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| (digit as char).to_digit(16).ok_or(NotAnAuthorizationId);
            *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).map_err(|_| NotAnAuthorizationId)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for AuthorizationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuthorizationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! open_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $constant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$item_doc])* pub const $constant: Self = Self(Cow::Borrowed($value));)*

            /// A member of the set that has no constant here.
            pub const fn from_static(name: &'static str) -> Self {
                Self(Cow::Borrowed(name))
            }

            /// A member of the set by its name on the wire.
            pub fn named(name: &str) -> Self {
                match name {
                    $($value => Self::$constant,)*
                    _ => Self(Cow::Owned(name.to_owned())),
                }
            }

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer).map(|name| Self::named(&name))
            }
        }
    };
}

open_set! {
    /// A value of `grant_type` (RFC 6749 §4, §4.5).
    GrantType {
        /// Authorization code (RFC 6749 §4.1).
        AUTHORIZATION_CODE = "authorization_code",
        /// Client credentials (RFC 6749 §4.4).
        CLIENT_CREDENTIALS = "client_credentials",
        /// Refresh token (RFC 6749 §6).
        REFRESH_TOKEN = "refresh_token",
        /// Resource owner password credentials (RFC 6749 §4.3); legacy.
        PASSWORD = "password",
        /// Implicit (RFC 6749 §4.2): never sent to the token endpoint, but registered by name; legacy.
        IMPLICIT = "implicit",
        /// Device code (RFC 8628 §3.4).
        DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code",
    }
}

open_set! {
    /// How a client proves who it is: `token_endpoint_auth_method` (RFC 7591 §2).
    AuthMethod {
        /// HTTP Basic (RFC 6749 §2.3.1).
        CLIENT_SECRET_BASIC = "client_secret_basic",
        /// Secret in the request body (RFC 6749 §2.3.1).
        CLIENT_SECRET_POST = "client_secret_post",
        /// None: a public client that only names itself.
        NONE = "none",
    }
}

open_set! {
    /// A value of `error` in an answer (RFC 6749 §4.1.2.1, §5.2, and the registry of §11.4).
    ErrorCode {
        /// The request is malformed.
        INVALID_REQUEST = "invalid_request",
        /// Client authentication failed.
        INVALID_CLIENT = "invalid_client",
        /// The grant is invalid, expired, revoked, or another client's.
        INVALID_GRANT = "invalid_grant",
        /// The client may not use this grant or response type.
        UNAUTHORIZED_CLIENT = "unauthorized_client",
        /// No such grant is mounted.
        UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type",
        /// No such response type is mounted.
        UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type",
        /// The scope is invalid, unknown, or more than allowed.
        INVALID_SCOPE = "invalid_scope",
        /// The resource owner or the server refused.
        ACCESS_DENIED = "access_denied",
        /// Something broke that is not the client's fault.
        SERVER_ERROR = "server_error",
        /// Try again later.
        TEMPORARILY_UNAVAILABLE = "temporarily_unavailable",
        /// The server cannot revoke this type of token (RFC 7009 §2.2.1).
        UNSUPPORTED_TOKEN_TYPE = "unsupported_token_type",
        /// The access token is invalid (RFC 6750 §3.1).
        INVALID_TOKEN = "invalid_token",
        /// The access token's scope does not suffice (RFC 6750 §3.1).
        INSUFFICIENT_SCOPE = "insufficient_scope",
        /// The requested resource is unknown or not allowed (RFC 8707 §2).
        INVALID_TARGET = "invalid_target",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorization_id_survives_its_text() {
        let id = AuthorizationId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("zz".repeat(16).parse::<AuthorizationId>().is_err());
        assert!("+f".repeat(16).parse::<AuthorizationId>().is_err());
    }

    #[test]
    fn a_member_of_an_open_set_is_equal_however_it_was_named() {
        assert_eq!(GrantType::named("password"), GrantType::PASSWORD);
        let read: GrantType = serde_json::from_str("\"urn:x:y\"").unwrap();
        assert_eq!(read.as_str(), "urn:x:y");
    }
}
