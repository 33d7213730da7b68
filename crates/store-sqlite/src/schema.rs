//! What is in the file, and how a file of an older version becomes one of this.

use rusqlite::{Connection, TransactionBehavior};

use crate::row::count;

/// `PRAGMA application_id` of our files, so that no other program's database is taken for one: "OAuS".
const APPLICATION_ID: i32 = 0x4f41_7553;

/// Each takes the schema one version further; `PRAGMA user_version` says how many were run.
///
/// An entry never changes once it was released. The credentials are an ordinary table with a unique index,
/// because their keys are random: a new row is appended, and only a short index entry goes to a random page.
/// Measured against `WITHOUT ROWID`, that halves the cost of an insert.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE credentials (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        kind TEXT NOT NULL,
        authorization BLOB NOT NULL,
        client TEXT NOT NULL,
        subject TEXT,
        scope TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        state INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX credentials_by_key ON credentials (digest, kind);
    CREATE INDEX credentials_by_authorization ON credentials (authorization);
    CREATE INDEX credentials_by_subject ON credentials (subject) WHERE subject IS NOT NULL;
    CREATE INDEX credentials_by_expiry ON credentials (expires_at);
    CREATE TABLE revoked_authorizations (
        authorization BLOB PRIMARY KEY NOT NULL,
        expires_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX revoked_authorizations_by_expiry ON revoked_authorizations (expires_at);
    CREATE TABLE documents (
        collection TEXT NOT NULL,
        id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (collection, id)
    ) STRICT, WITHOUT ROWID;
"];

/// Whose file it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's yet: there is nothing in it.
    Nobody,
    /// Ours, with so many migrations run.
    Us(usize),
    /// Ours, with more migrations run than this version knows.
    Newer {
        /// How many were run.
        schema: i64,
        /// How many this version knows.
        known: usize,
    },
    /// Another program's.
    Another,
}

/// Looks whose file it is, and changes nothing.
pub(crate) fn look(connection: &mut Connection) -> rusqlite::Result<Owner> {
    // In one transaction, so that it does not see one half of what another process is writing.
    owner(&*connection.transaction()?)
}

fn owner(connection: &Connection) -> rusqlite::Result<Owner> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let schema = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (application, usize::try_from(schema)) {
        (0, Ok(0)) if tables == 0 => Owner::Nobody,
        (id, Ok(version)) if id == i64::from(APPLICATION_ID) => {
            if version <= MIGRATIONS.len() {
                Owner::Us(version)
            } else {
                let known = MIGRATIONS.len();
                Owner::Newer { schema, known }
            }
        }
        _ => Owner::Another,
    })
}

/// Runs the migrations that are missing, all or none; whose file it was before.
///
/// Looking and migrating are one transaction that no other process can come between: two that open a new
/// file at the same moment do not both create its tables.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<Owner> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let owner = owner(&transaction)?;
    let done = match owner {
        Owner::Nobody => 0,
        Owner::Us(version) => version,
        Owner::Newer { .. } | Owner::Another => return Ok(owner),
    };
    if done < MIGRATIONS.len() {
        for migration in &MIGRATIONS[done..] {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", count(MIGRATIONS.len()))?;
    }
    transaction.commit()?;
    Ok(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_becomes_ours_and_stays_so() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(look(&mut connection).unwrap(), Owner::Nobody);
        assert_eq!(migrate(&mut connection).unwrap(), Owner::Nobody);
        assert_eq!(look(&mut connection).unwrap(), Owner::Us(MIGRATIONS.len()));
        assert_eq!(migrate(&mut connection).unwrap(), Owner::Us(MIGRATIONS.len()));
    }

    #[test]
    fn a_file_with_anything_in_it_is_not_taken_over() {
        for sql in [
            "CREATE TABLE t (x)",
            "PRAGMA user_version = 3",
            "PRAGMA application_id = 7",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            assert_eq!(migrate(&mut connection).unwrap(), Owner::Another, "{sql}");
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA max_page_count = 3").unwrap();
        assert!(migrate(&mut connection).is_err());
        assert_eq!(look(&mut connection).unwrap(), Owner::Nobody);
    }
}
