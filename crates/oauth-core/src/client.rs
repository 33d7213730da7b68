//! Clients as they are registered.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::id::{AuthMethod, ClientId, GrantType};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A registered client (RFC 6749 §2). Cheap to clone.
///
/// Its fields are those of [`Registration`], under the names of RFC 7591 §2 in JSON.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Client(Arc<Registration>);

/// What is registered of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// `client_id`.
    #[serde(rename = "client_id")]
    pub id: ClientId,
    /// `client_name`: what people are shown.
    #[serde(rename = "client_name", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it proves who it is; exactly this and nothing else. `none` makes it a public client.
    pub token_endpoint_auth_method: AuthMethod,
    /// The hashes of its secrets: more than one while a secret is being replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ClientSecret>,
    /// Where authorization responses may be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Which grants it may use.
    #[serde(default)]
    pub grant_types: Vec<GrantType>,
    /// Which response types it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_types: Vec<String>,
    /// The most it may ever be granted.
    #[serde(default)]
    pub scope: Scope,
    /// A disabled client is treated as one that does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Whether it may introspect tokens that were not issued to it: it is a resource server.
    #[serde(default, skip_serializing_if = "is_false")]
    pub introspect: bool,
    /// How long its access tokens live, in seconds, if not as long as everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<u64>,
    /// How long its refresh tokens live, in seconds, if not as long as everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token_lifetime: Option<u64>,
    /// How long its authorization codes live, in seconds, if not as long as everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_code_lifetime: Option<u64>,
    #[serde(flatten)]
    metadata: BTreeMap<String, serde_json::Value>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde's skip_serializing_if asks for"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn lifetime(seconds: Option<u64>) -> Option<Duration> {
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

impl Client {
    fn new(id: ClientId, method: AuthMethod, secrets: Vec<ClientSecret>) -> Self {
        Self(Arc::new(Registration {
            id,
            name: None,
            token_endpoint_auth_method: method,
            secrets,
            redirect_uris: Vec::new(),
            grant_types: Vec::new(),
            response_types: Vec::new(),
            scope: Scope::none(),
            disabled: false,
            introspect: false,
            access_token_lifetime: None,
            refresh_token_lifetime: None,
            authorization_code_lifetime: None,
            metadata: BTreeMap::new(),
        }))
    }

    /// A client that cannot keep a secret: an app on a device or in a browser (RFC 6749 §2.1).
    pub fn public(id: impl Into<ClientId>) -> Self {
        Self::new(id.into(), AuthMethod::NONE, Vec::new())
    }

    /// A client with a secret, sent by HTTP Basic unless [`Client::authenticating_by`] says otherwise.
    pub fn confidential(id: impl Into<ClientId>, secret: ClientSecret) -> Self {
        Self::new(id.into(), AuthMethod::CLIENT_SECRET_BASIC, vec![secret])
    }

    fn with(mut self, change: impl FnOnce(&mut Registration)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The same client with another way to prove who it is.
    #[must_use]
    pub fn authenticating_by(self, method: AuthMethod) -> Self {
        self.with(|client| client.token_endpoint_auth_method = method)
    }

    /// The same client with the name that people are shown.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.with(|client| client.name = Some(name.into()))
    }

    /// The same client with one more redirect URI. [`check_redirect_uri`](crate::check_redirect_uri) says which are sound;
    /// a request for one that is not is refused.
    #[must_use]
    pub fn redirecting_to(self, uri: impl Into<String>) -> Self {
        self.with(|client| client.redirect_uris.push(uri.into()))
    }

    /// The same client, allowed to use these grants. `authorization_code` brings the response type `code`, `implicit` brings
    /// `token` (RFC 7591 §2.1).
    #[must_use]
    pub fn using(self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.with(|client| {
            for grant in grants {
                for (of, response_type) in [(GrantType::AUTHORIZATION_CODE, "code"), (GrantType::IMPLICIT, "token")] {
                    if grant == of && !client.response_types.iter().any(|own| own == response_type) {
                        client.response_types.push(response_type.to_owned());
                    }
                }
                if !client.grant_types.contains(&grant) {
                    client.grant_types.push(grant);
                }
            }
        })
    }

    /// The same client with this as the most it may ever be granted.
    #[must_use]
    pub fn limited_to(self, scope: Scope) -> Self {
        self.with(|client| client.scope = scope)
    }

    /// The same client after any change to its registration.
    #[must_use]
    pub fn edited(self, change: impl FnOnce(&mut Registration)) -> Self {
        self.with(change)
    }
}

impl Registration {
    /// Whether it may use that grant.
    pub fn may_use(&self, grant: &GrantType) -> bool {
        self.grant_types.contains(grant)
    }

    /// Whether it may use that response type.
    pub fn may_ask_for(&self, response_type: &str) -> bool {
        self.response_types.iter().any(|own| own == response_type)
    }

    /// Whether it proves who it is with something only it has (RFC 6749 §2.1).
    pub fn is_confidential(&self) -> bool {
        self.token_endpoint_auth_method != AuthMethod::NONE
    }

    /// How long its access tokens live, if not as long as everybody's. Zero says nothing: such a token would be dead at birth.
    pub fn own_access_token_lifetime(&self) -> Option<Duration> {
        lifetime(self.access_token_lifetime)
    }

    /// How long its refresh tokens live, if not as long as everybody's. Zero says nothing: such a token would be dead at birth.
    pub fn own_refresh_token_lifetime(&self) -> Option<Duration> {
        lifetime(self.refresh_token_lifetime)
    }

    /// How long its authorization codes live, if not as long as everybody's. Zero says nothing: such a code would be dead at
    /// birth.
    pub fn own_authorization_code_lifetime(&self) -> Option<Duration> {
        lifetime(self.authorization_code_lifetime)
    }

    /// What else is registered under that name of RFC 7591 (`client_uri`, `logo_uri`, …) or of an
    /// extension, if it is of that type.
    pub fn metadata<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.metadata.get(name).and_then(|value| T::deserialize(value).ok())
    }

    /// The names of what else is registered.
    pub fn metadata_names(&self) -> impl Iterator<Item = &str> {
        self.metadata.keys().map(String::as_str)
    }

    /// Registers more metadata; a value that has no JSON form is left out.
    pub fn set_metadata(&mut self, name: impl Into<String>, value: impl Serialize) {
        if let Ok(value) = serde_json::to_value(value) {
            self.metadata.insert(name.into(), value);
        }
    }
}

impl Deref for Client {
    type Target = Registration;

    fn deref(&self) -> &Registration {
        &self.0
    }
}

impl From<Registration> for Client {
    fn from(registration: Registration) -> Self {
        Self(Arc::new(registration))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?}, {})", self.id.as_str(), self.token_endpoint_auth_method)
    }
}

/// The hash of a client's secret, and until when it is valid.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl ClientSecret {
    const SHA256: &'static str = "sha256:";

    /// Of a secret with enough randomness to need no slow hash: one that was generated.
    ///
    /// A secret that a person chose goes through argon2id instead (`oauth-argon2`) and
    /// comes here by [`ClientSecret::from_hash`].
    pub fn generated(secret: &Secret) -> Self {
        let digest = Sha256::digest(secret.expose().as_bytes());
        Self {
            hash: format!("{}{}", Self::SHA256, URL_SAFE_NO_PAD.encode(digest)),
            expires_at: None,
        }
    }

    /// Of a hash that was made before: `sha256:…` or a PHC string (`$argon2id$…`).
    pub fn from_hash(hash: impl Into<String>) -> Self {
        Self {
            hash: hash.into(),
            expires_at: None,
        }
    }

    /// The same secret, valid only until then.
    #[must_use]
    pub fn until(self, expires_at: Timestamp) -> Self {
        Self {
            expires_at: Some(expires_at),
            ..self
        }
    }

    /// Until when it is valid, if that is limited.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether it is still valid at `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// The hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether this is a `sha256:` hash, and if so whether `presented` is its secret; in constant time.
    /// `None` for a hash of another scheme.
    pub fn matches_sha256(&self, presented: &Secret) -> Option<bool> {
        let hash = self.hash.strip_prefix(Self::SHA256)?;
        let mut stored = [0u8; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(hash, &mut stored).unwrap_or_default();
        let digest = Sha256::digest(presented.expose().as_bytes());
        Some(length == stored.len() && bool::from(stored.ct_eq(digest.as_slice())) && !presented.expose().is_empty())
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_survives_its_json() {
        let client = Client::confidential("c", ClientSecret::generated(&Secret::new("s")))
            .named("C")
            .redirecting_to("https://c.example/cb")
            .using([GrantType::AUTHORIZATION_CODE])
            .limited_to("b a".parse().unwrap())
            .edited(|c| c.set_metadata("client_uri", "https://c.example"));
        let json = serde_json::to_string(&client).unwrap();
        assert!(json.contains("\"client_uri\":\"https://c.example\""));
        assert_eq!(serde_json::from_str::<Client>(&json).unwrap(), client);
    }

    #[test]
    fn a_generated_secret_matches_only_itself() {
        let stored = ClientSecret::generated(&Secret::new("right"));
        assert_eq!(stored.matches_sha256(&Secret::new("right")), Some(true));
        assert_eq!(stored.matches_sha256(&Secret::new("wrong")), Some(false));
        assert_eq!(
            ClientSecret::generated(&Secret::new("")).matches_sha256(&Secret::new("")),
            Some(false)
        );
        assert_eq!(
            ClientSecret::from_hash("sha256:").matches_sha256(&Secret::new("")),
            Some(false)
        );
        assert_eq!(
            ClientSecret::from_hash("$argon2id$x").matches_sha256(&Secret::new("right")),
            None
        );
    }
}
