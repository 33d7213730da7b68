//! Credentials: the one kind of row that everything issued is kept as.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::id::{AuthorizationId, ClientId, Subject};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A sort of credential, with the type of the data that its rows carry.
///
/// Typed for grants, plain rows for stores: a store sees only the name and JSON.
pub struct Kind<T> {
    name: &'static str,
    data: PhantomData<fn() -> T>,
}

impl<T> Kind<T> {
    /// A sort of credential of that name. Names are global: prefix those of your own (`acme:voucher`).
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            data: PhantomData,
        }
    }

    /// The name that its rows carry.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> fmt::Debug for Kind<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

/// Where a credential is found: its kind and the SHA-256 of its secret.
///
/// The secret itself never reaches a store, so a leaked database opens nothing; the kind
/// is part of the key, so a code is never found as a refresh token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    digest: [u8; 32],
    kind: Cow<'static, str>,
}

impl Key {
    /// The key of a secret of that kind.
    pub fn of<T>(kind: &Kind<T>, secret: &Secret) -> Self {
        Self {
            digest: Sha256::digest(secret.expose().as_bytes()).into(),
            kind: Cow::Borrowed(kind.name),
        }
    }

    /// The key with these parts, as a store kept them.
    pub fn from_parts(kind: impl Into<Cow<'static, str>>, digest: [u8; 32]) -> Self {
        Self {
            digest,
            kind: kind.into(),
        }
    }

    /// The name of the kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The SHA-256 of the secret.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether this is a key of that kind.
    pub fn is<T>(&self, kind: &Kind<T>) -> bool {
        self.kind == kind.name
    }
}

impl Hash for Key {
    /// The digest is uniformly distributed already and collisions between kinds are
    /// resolved by `Eq`, so its first eight bytes are hash enough.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut head = [0u8; 8];
        head.copy_from_slice(&self.digest[..8]);
        state.write_u64(u64::from_le_bytes(head));
    }
}

impl fmt::Debug for Key {
    /// Shows the kind and the head of the digest: enough to follow a row, not to find its secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}:", self.kind)?;
        self.digest[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

#[derive(Serialize, Deserialize)]
struct KeyText<'a> {
    kind: Cow<'a, str>,
    digest: Cow<'a, str>,
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.digest);
        KeyText {
            kind: Cow::Borrowed(&self.kind),
            digest: digest.into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = KeyText::deserialize(deserializer)?;
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text.digest.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| serde::de::Error::custom("a key's digest is 32 bytes in base64url"))?;
        Ok(Self {
            digest,
            kind: Cow::Owned(text.kind.into_owned()),
        })
    }
}

/// Whether a credential can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be used, until it expires.
    Live,
    /// It was for one use and has been used; presenting it again is a replay.
    Spent,
    /// It was ended, by itself or with its authorization.
    Revoked,
}

/// What is stored of something issued: a code, an access token, a refresh token, or a kind of your own.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential<T = Json> {
    /// Where it is found.
    pub key: Key,
    /// What it descends from; shared by all that descend from one approval.
    pub authorization: AuthorizationId,
    /// The client it was issued to.
    pub client: ClientId,
    /// The resource owner, if there is one: a client acting for itself has none.
    pub subject: Option<Subject>,
    /// What it allows.
    pub scope: Scope,
    /// From this point in time on it is worthless.
    pub expires_at: Timestamp,
    /// Whether it can still be used. Expiry is not a state: stores never look at the clock.
    pub state: State,
    /// How many times its data has been replaced by [`Change::Update`].
    pub revision: u64,
    /// What its kind keeps beside the rest.
    pub data: T,
}

impl<T> Credential<T> {
    /// Whether it is live and not yet expired at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == State::Live && now < self.expires_at
    }

    fn with_data<U>(self, data: U) -> Credential<U> {
        Credential {
            key: self.key,
            authorization: self.authorization,
            client: self.client,
            subject: self.subject,
            scope: self.scope,
            expires_at: self.expires_at,
            state: self.state,
            revision: self.revision,
            data,
        }
    }
}

impl Credential<Json> {
    /// The same credential with its data read as its kind's type.
    ///
    /// # Errors
    /// [`JsonError`] when the data is not of that type.
    pub fn read<T: DeserializeOwned>(self) -> Result<Credential<T>, JsonError> {
        let data = self.data.read()?;
        Ok(self.with_data(data))
    }
}

impl<T: Serialize> Credential<T> {
    /// The same credential as a plain row for a store.
    ///
    /// # Errors
    /// [`JsonError`] when the data cannot be written as JSON.
    pub fn into_row(self) -> Result<Credential, JsonError> {
        let data = Json::of(&self.data)?;
        Ok(self.with_data(data))
    }
}

/// One change that a commit makes, in the order given, all or nothing.
///
/// Deliberately exhaustive: a store that skips a step must not compile.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds a credential. Conflicts if its key is taken, in whatever state, or its authorization is revoked.
    Insert(Credential),
    /// Uses up a credential of one use: `Live → Spent`. Conflicts unless it is there and live.
    Spend(Key),
    /// Replaces the data and counts the revision up by one. Conflicts unless the credential is
    /// there, not revoked, and of this revision.
    Update {
        /// Which credential.
        key: Key,
        /// The revision that was read.
        revision: u64,
        /// The new data.
        data: Json,
    },
    /// Ends one credential. Never conflicts: ending what is gone or ended changes nothing.
    Revoke(Key),
    /// Ends every credential of an authorization, those that are there and those still to come. Never conflicts.
    RevokeAuthorization(AuthorizationId),
}

/// JSON as text: what a kind keeps in a row. Two are equal when they mean the same.
#[derive(Clone)]
pub struct Json(Arc<str>);

/// Data could not be read from JSON or written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("stored data is not of the expected form: {0}")]
pub struct JsonError(String);

impl Json {
    /// The JSON of a value.
    ///
    /// # Errors
    /// [`JsonError`] when the value has no JSON form.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, JsonError> {
        serde_json::to_string(value)
            .map(|text| Self(text.into()))
            .map_err(|error| JsonError(error.to_string()))
    }

    /// Wraps text that a store kept, unchecked: text that is no JSON is found when it is read.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The value of this JSON.
    ///
    /// # Errors
    /// [`JsonError`] when it is not of that type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        serde_json::from_str(&self.0).map_err(|error| {
            // The text of a serde error can quote a value; its place and category cannot.
            JsonError(format!(
                "{:?} error at line {}, column {}",
                error.classify(),
                error.line(),
                error.column()
            ))
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            || match (self.read::<serde_json::Value>(), other.read::<serde_json::Value>()) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            }
    }
}

impl fmt::Debug for Json {
    /// Shows the length only: data can hold what logs must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Kind<()> = Kind::new("a");
    const B: Kind<()> = Kind::new("b");

    #[test]
    fn the_kind_is_part_of_the_key() {
        let secret = Secret::new("s");
        assert_ne!(Key::of(&A, &secret), Key::of(&B, &secret));
        assert_eq!(Key::of(&A, &secret).digest(), Key::of(&B, &secret).digest());
    }

    #[test]
    fn a_key_survives_its_json() {
        let key = Key::of(&A, &Secret::new("s"));
        let json = Json::of(&key).unwrap();
        assert_eq!(json.read::<Key>().unwrap(), key);
    }

    #[test]
    fn json_is_equal_by_meaning() {
        assert_eq!(
            Json::from_stored("{\"a\":1,\"b\":2}"),
            Json::from_stored("{ \"b\": 2, \"a\": 1 }")
        );
        assert_ne!(Json::from_stored("{\"a\":1}"), Json::from_stored("{\"a\":2}"));
    }

    #[test]
    fn debug_shows_no_data_and_no_whole_digest() {
        let key = Key::of(&A, &Secret::new("s"));
        assert!(format!("{key:?}").len() < 24);
        assert_eq!(format!("{:?}", Json::from_stored("\"hidden\"")), "Json(8 bytes)");
        assert_eq!(format!("{:?}", Secret::new("hidden")), "Secret(..)");
    }
}
