//! Credentials and documents to try stores and servers with.

use oauth_core::{AuthorizationId, Credential, Json, Key, Kind, Secret, State, Timestamp};

/// A kind for rows that nobody issues.
pub const SAMPLE: Kind<Json> = Kind::new("testkit:sample");

/// Another kind, so that two of them can be told apart.
pub const OTHER: Kind<Json> = Kind::new("testkit:other");

/// When a [`credential`] expires: 2100-01-01.
pub const EXPIRY: Timestamp = Timestamp::from_secs(4_102_444_800);

/// The key of the secret of that name, of the kind [`SAMPLE`].
pub fn key(name: &str) -> Key {
    Key::of(&SAMPLE, &Secret::new(name))
}

/// The authorization of that name.
pub fn authorization(name: &str) -> AuthorizationId {
    let key = Key::of(&SAMPLE, &Secret::new(format!("authorization {name}")));
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&key.digest()[..16]);
    AuthorizationId::from_bytes(bytes)
}

/// A live credential at [`key`]`(name)`, of that authorization, until [`EXPIRY`].
pub fn credential(name: &str, authorization: AuthorizationId) -> Credential {
    Credential {
        key: key(name),
        authorization,
        client: "client".into(),
        subject: Some("subject".into()),
        scope: "read write".parse().unwrap_or_default(),
        expires_at: EXPIRY,
        state: State::Live,
        revision: 0,
        data: json(&format!("data of {name}")),
    }
}

/// A text as JSON.
pub fn json(text: &str) -> Json {
    Json::from_stored(serde_json::Value::from(text).to_string())
}
