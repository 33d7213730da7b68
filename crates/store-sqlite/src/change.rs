//! What the writer does to the file: one statement for each change.

use oauth_core::{AuthorizationId, Change, Credential, Document, Json, Key, Timestamp};
use rusqlite::{Connection, Params, params};

use crate::row::{bits, count, millis, number};

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done, to so many rows where that is of interest.
    Done(usize),
    /// A condition did not hold. Nothing was changed.
    Conflict,
}

/// How long the revocation of an authorization is remembered after its last credential has expired.
///
/// A request that found a credential alive may still be on its way to its commit when that credential expires
/// and is swept. No request takes a day.
const REMEMBERED: i64 = 24 * 60 * 60 * 1000;

/// How a commit of several changes gets back to where it began when a condition in its middle does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Not by itself: [`Setback::Halfway`] asks for the whole transaction to be rolled back.
    Swift,
    /// By a savepoint. SQLite then copies every page before a commit changes it, which costs as much as the change.
    Savepoints,
}

/// Why work was not done as it should.
#[derive(Debug)]
pub(crate) enum Setback {
    /// A statement failed.
    Sqlite(rusqlite::Error),
    /// A condition did not hold, and some of the changes before it were made.
    Halfway,
}

impl From<rusqlite::Error> for Setback {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Makes all changes, in order, or none, or is set back.
///
/// Each statement checks its condition and makes its change in one, so a conflict in the first change has changed
/// nothing. That is where requests that race for the same credential meet, as long as grants spend before they insert.
pub(crate) fn commit(connection: &Connection, changes: &[Change], care: Care) -> Result<Outcome, Setback> {
    let savepoint = care == Care::Savepoints && changes.len() > 1;
    if savepoint {
        run(connection, "SAVEPOINT a_commit", [])?;
    }
    let mut made = 0;
    for change in changes {
        if !make(connection, change)? {
            break;
        }
        made += 1;
    }
    let conflicts = made < changes.len();
    if savepoint {
        if conflicts {
            run(connection, "ROLLBACK TO a_commit", [])?;
        }
        run(connection, "RELEASE a_commit", [])?;
    } else if conflicts && made > 0 {
        return Err(Setback::Halfway);
    }
    Ok(if conflicts {
        Outcome::Conflict
    } else {
        Outcome::Done(made)
    })
}

/// Writes a document whose stored revision is the one that was read.
pub(crate) fn write(connection: &Connection, collection: &str, document: &Document) -> rusqlite::Result<Outcome> {
    let Document { id, revision, body } = document;
    let Some(next) = revision.checked_add(1) else {
        return Ok(Outcome::Conflict);
    };
    let written = if *revision == 0 {
        run(
            connection,
            "INSERT INTO documents (collection, id, revision, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![collection, id, bits(next), body.as_str()],
        )?
    } else {
        run(
            connection,
            "UPDATE documents SET revision = ?3, body = ?4 WHERE collection = ?1 AND id = ?2 AND revision = ?5",
            params![collection, id, bits(next), body.as_str(), bits(*revision)],
        )?
    };
    Ok(outcome(written > 0))
}

/// Removes a document; done to one row or to none.
pub(crate) fn remove(connection: &Connection, collection: &str, id: &str) -> rusqlite::Result<Outcome> {
    let removed = run(
        connection,
        "DELETE FROM documents WHERE collection = ?1 AND id = ?2",
        params![collection, id],
    )?;
    Ok(Outcome::Done(removed))
}

/// Forgets at most `limit` credentials that expired before that; when none is left, also as many
/// revocations that have nothing left to revoke.
pub(crate) fn sweep(connection: &Connection, expired_before: Timestamp, limit: usize) -> rusqlite::Result<Outcome> {
    let before = millis(expired_before);
    let swept = run(
        connection,
        "DELETE FROM credentials WHERE id IN
            (SELECT id FROM credentials INDEXED BY credentials_by_expiry WHERE expires_at < ?1 LIMIT ?2)",
        params![before, count(limit)],
    )?;
    if swept < limit {
        // One that was revoked without any credential has no expiry of its own: it gets this point in time,
        // which is how a store that never looks at a clock learns that time has passed.
        run(
            connection,
            "UPDATE revoked_authorizations SET expires_at = ?1 WHERE expires_at IS NULL",
            params![before],
        )?;
        run(
            connection,
            "DELETE FROM revoked_authorizations WHERE authorization IN
                (SELECT authorization FROM revoked_authorizations WHERE expires_at < ?1 LIMIT ?2)",
            params![before.saturating_sub(REMEMBERED), count(limit)],
        )?;
    }
    Ok(Outcome::Done(swept))
}

const fn outcome(made: bool) -> Outcome {
    if made { Outcome::Done(1) } else { Outcome::Conflict }
}

fn run(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}

/// Whether the change's condition held; if not, nothing was changed.
fn make(connection: &Connection, change: &Change) -> rusqlite::Result<bool> {
    match change {
        Change::Insert(credential) => insert(connection, credential),
        Change::Spend(key) => spend(connection, key),
        Change::Update { key, revision, data } => update(connection, key, *revision, data),
        Change::Revoke(key) => revoke(connection, key).map(|()| true),
        Change::RevokeAuthorization(id) => revoke_authorization(connection, *id).map(|()| true),
    }
}

const INSERT: &str = "INSERT INTO credentials
            (digest, kind, authorization, client, subject, scope, expires_at, state, revision, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";

const IS_REVOKED: &str = "SELECT 1 FROM revoked_authorizations WHERE authorization = ?1";

const SPEND: &str = "UPDATE credentials SET state = 1 WHERE digest = ?1 AND kind = ?2 AND state = 0
            AND NOT EXISTS
                (SELECT 1 FROM revoked_authorizations AS r WHERE r.authorization = credentials.authorization)";

const UPDATE: &str = "UPDATE credentials SET revision = ?3, data = ?4
            WHERE digest = ?1 AND kind = ?2 AND revision = ?5 AND state <> 2
            AND NOT EXISTS
                (SELECT 1 FROM revoked_authorizations AS r WHERE r.authorization = credentials.authorization)";

const REVOKE: &str = "UPDATE credentials SET state = 2 WHERE digest = ?1 AND kind = ?2 AND state <> 2";

const REVOKE_AUTHORIZATION: &str = "INSERT INTO revoked_authorizations (authorization, expires_at)
         VALUES (?1, (SELECT max(expires_at) FROM credentials WHERE authorization = ?1)) ON CONFLICT DO NOTHING";

fn insert(connection: &Connection, credential: &Credential) -> rusqlite::Result<bool> {
    // Not one `INSERT … SELECT … WHERE NOT EXISTS`: SQLite takes that for an insert of many rows, and copies every
    // page before it changes it.
    if is_revoked(connection, credential.authorization)? {
        return Ok(false);
    }
    let inserted = run(
        connection,
        INSERT,
        params![
            credential.key.digest(),
            credential.key.kind(),
            credential.authorization.as_bytes(),
            credential.client.as_str(),
            credential.subject.as_ref().map(oauth_core::Subject::as_str),
            credential.scope.as_str(),
            millis(credential.expires_at),
            number(credential.state),
            bits(credential.revision),
            credential.data.as_str(),
        ],
    )?;
    Ok(inserted > 0)
}

fn is_revoked(connection: &Connection, id: AuthorizationId) -> rusqlite::Result<bool> {
    connection.prepare_cached(IS_REVOKED)?.exists([id.as_bytes()])
}

fn spend(connection: &Connection, key: &Key) -> rusqlite::Result<bool> {
    let spent = run(connection, SPEND, params![key.digest(), key.kind()])?;
    Ok(spent > 0)
}

fn update(connection: &Connection, key: &Key, revision: u64, data: &Json) -> rusqlite::Result<bool> {
    let Some(next) = revision.checked_add(1) else {
        return Ok(false);
    };
    let updated = run(
        connection,
        UPDATE,
        params![key.digest(), key.kind(), bits(next), data.as_str(), bits(revision)],
    )?;
    Ok(updated > 0)
}

fn revoke(connection: &Connection, key: &Key) -> rusqlite::Result<()> {
    run(connection, REVOKE, params![key.digest(), key.kind()]).map(drop)
}

/// Remembers the authorization, until the last of its credentials has expired: there can be no later one,
/// because none is inserted any more.
fn revoke_authorization(connection: &Connection, id: AuthorizationId) -> rusqlite::Result<()> {
    run(connection, REVOKE_AUTHORIZATION, params![id.as_bytes()]).map(drop)
}

#[cfg(test)]
mod tests {
    use oauth_testkit::sample::{authorization, credential, json, key};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::schema;

    /// Every statement of a commit is prepared once, and finds its rows by an index:
    /// whatever breaks that makes the writer several times slower, and nothing else would show it.
    #[test]
    fn a_commit_is_as_cheap_as_it_can_be() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.set_prepared_statement_cache_capacity(32);
        for name in ["a", "b", "c"] {
            let changes = [
                Change::Insert(credential(name, authorization(name))),
                Change::Update {
                    key: key(name),
                    revision: 0,
                    data: json("new"),
                },
                Change::Spend(key(name)),
                Change::Revoke(key(name)),
                Change::RevokeAuthorization(authorization(name)),
            ];
            assert_eq!(commit(&connection, &changes, Care::Swift).unwrap(), Outcome::Done(5));
        }
        // Ending an authorization is planned every time, because of its `max`; it is also rare.
        for sql in [INSERT, IS_REVOKED, UPDATE, SPEND, REVOKE] {
            let statement = connection.prepare_cached(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::Run), 3, "{sql}");
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
            assert_eq!(statement.get_status(StatementStatus::FullscanStep), 0, "{sql}");
        }
    }

    #[test]
    fn without_savepoints_a_conflict_is_told_apart_by_what_it_leaves_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let (first, missing) = (
            Change::Insert(credential("a", authorization("a"))),
            Change::Spend(key("b")),
        );
        let swift = |changes: &[Change]| commit(&connection, changes, Care::Swift);
        assert_eq!(swift(&[missing.clone(), first.clone()]).unwrap(), Outcome::Conflict);
        assert!(matches!(
            swift(&[first.clone(), missing.clone()]),
            Err(Setback::Halfway)
        ));
        connection.execute("DELETE FROM credentials", []).unwrap();
        let careful = commit(&connection, &[first, missing], Care::Savepoints);
        assert_eq!(careful.unwrap(), Outcome::Conflict);
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM credentials", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }
}
