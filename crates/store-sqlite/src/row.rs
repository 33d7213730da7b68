//! How a credential lies in its row.

use oauth_core::{AuthorizationId, Credential, Json, Key, State, Timestamp};
use rusqlite::Row;

use crate::failure::Trouble;

/// The columns of a credential, with its state as it is after revocations, and the table that they are of.
///
/// Not a `LEFT JOIN` with the revocations: bundled SQLite then plans the statement anew for every bound key, which takes
/// five times as long as running it.
macro_rules! select {
    () => {
        "SELECT digest, kind, authorization, client, subject, scope, expires_at,
            CASE WHEN EXISTS (SELECT 1 FROM revoked_authorizations AS r WHERE r.authorization = credentials.authorization)
                THEN 2 ELSE state END,
            revision, data
         FROM credentials"
    };
}
pub(crate) use select;

/// State as the number in its column.
pub(crate) const fn number(state: State) -> i64 {
    match state {
        State::Live => 0,
        State::Spent => 1,
        State::Revoked => 2,
    }
}

/// A point in time as the number in its column.
pub(crate) fn millis(time: Timestamp) -> i64 {
    // `Timestamp::MAX` is `i64::MAX`; more than that can only be made by hand, and is as good as never.
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A revision as the number in its column: the same 64 bits.
pub(crate) const fn bits(revision: u64) -> i64 {
    revision.cast_signed()
}

/// At most that many, as SQLite counts.
pub(crate) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads the row of a query for [`select!`].
pub(crate) fn credential(row: &Row<'_>) -> Result<Credential, Trouble> {
    let wrong = |column: &'static str| {
        move || Trouble::Row {
            table: "credentials",
            column,
        }
    };
    let blob = |index: usize| row.get_ref(index).ok().and_then(|value| value.as_blob().ok());
    let text = |index: usize| row.get_ref(index).ok().and_then(|value| value.as_str().ok());
    let integer = |index: usize| row.get_ref(index).ok().and_then(|value| value.as_i64().ok());

    let digest = blob(0).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let kind = text(1).map(str::to_owned).ok_or_else(wrong("kind"))?;
    let authorization = blob(2).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let subject = match row.get_ref(4)?.as_str_or_null() {
        Ok(subject) => subject.map(Into::into),
        Err(_) => return Err(wrong("subject")()),
    };
    let expires_at = integer(6).and_then(|millis| u64::try_from(millis).ok());
    let state = match integer(7) {
        Some(0) => State::Live,
        Some(1) => State::Spent,
        Some(2) => State::Revoked,
        _ => return Err(wrong("state")()),
    };
    Ok(Credential {
        key: Key::from_parts(kind, digest.ok_or_else(wrong("digest"))?),
        authorization: AuthorizationId::from_bytes(authorization.ok_or_else(wrong("authorization"))?),
        client: text(3).ok_or_else(wrong("client"))?.into(),
        subject,
        scope: text(5)
            .and_then(|scope| scope.parse().ok())
            .ok_or_else(wrong("scope"))?,
        expires_at: Timestamp::from_millis(expires_at.ok_or_else(wrong("expires_at"))?),
        state,
        revision: integer(8).ok_or_else(wrong("revision"))?.cast_unsigned(),
        data: Json::from_stored(text(9).ok_or_else(wrong("data"))?),
    })
}
