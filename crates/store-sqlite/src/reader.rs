//! Looking, beside the writer and never behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use oauth_core::{Credential, Document, Filter, Json, Key, StoreError};
use rusqlite::{Connection, Params, Row, params};
use tokio::sync::oneshot;

use crate::failure::{Place, Trouble};
use crate::file;
use crate::row::{count, credential, select};

/// Read-only connections.
///
/// A look-up runs on the thread that asks for it: it takes some microseconds, and another thread would take
/// longer to wake up. There is no upper bound on connections and so nothing to wait for; those that were opened in
/// a rush are closed again.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    /// `None` once it is closed.
    idle: Mutex<Option<Vec<Connection>>>,
    most_idle: usize,
}

impl Readers {
    pub(crate) fn of(place: Place) -> Self {
        let threads = thread::available_parallelism().map_or(4, usize::from);
        Self {
            shared: Arc::new(Shared {
                place,
                idle: Mutex::new(Some(Vec::new())),
                most_idle: threads.max(4),
            }),
        }
    }

    /// Answers from this thread. If another process has the file for itself, waits for it on another thread, so
    /// that this one is free for other requests.
    pub(crate) async fn at_once<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&Connection) -> Result<T, Trouble> + Send + 'static,
    {
        match self.shared.with(&query) {
            Err(trouble) if trouble.is_busy() => self.at_leisure(query).await,
            found => found.map_err(|trouble| self.shared.place.explain(trouble)),
        }
    }

    /// Answers from a thread of its own: for what may take longer.
    pub(crate) async fn at_leisure<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: Fn(&Connection) -> Result<T, Trouble> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("store-sqlite-list".to_owned());
        let started = thread.spawn(move || {
            let found = shared.with(|connection| {
                connection.busy_timeout(shared.place.busy_timeout)?;
                let found = query(connection);
                connection.busy_timeout(std::time::Duration::ZERO)?;
                found
            });
            // Whoever asked may have gone in the meantime.
            drop(answer.send(found.map_err(|trouble| shared.place.explain(trouble))));
        });
        started.map_err(|error| StoreError::caused_by("no thread could be started", error))?;
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::new("a reader of the store has stopped")))
    }

    /// Closes the connections. One that is in use is closed when it is no longer.
    pub(crate) fn close(&self) {
        *self.shared.idle() = None;
    }
}

impl Shared {
    fn with<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let idle = self.idle().as_mut().ok_or(Trouble::Closed)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => file::open_reader(&self.place)?,
        };
        let found = query(&connection);
        // After an error of SQLite a fresh connection may do better.
        if !matches!(found, Err(Trouble::Sqlite(_)))
            && let Some(idle) = self.idle().as_mut()
            && idle.len() < self.most_idle
        {
            idle.push(connection);
        }
        found
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIND: &str = concat!(select!(), " WHERE digest = ?1 AND kind = ?2");

/// The credential at that key.
pub(crate) fn find(connection: &Connection, key: &Key) -> Result<Option<Credential>, Trouble> {
    one(connection, FIND, params![key.digest(), key.kind()], credential)
}

/// At most `limit` credentials that the filter names, in the order of their keys, those after `after`.
pub(crate) fn list(
    connection: &Connection,
    filter: &Filter,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Credential>, Trouble> {
    // An empty digest comes before all others.
    let (digest, kind) = after.map_or((&[][..], ""), |key| (&key.digest()[..], key.kind()));
    let limit = count(limit);
    macro_rules! listing {
        ($index:literal, $column:literal) => {
            concat!(
                select!(),
                " INDEXED BY ",
                $index,
                " WHERE ",
                $column,
                " = ?1 AND (digest, kind) > (?2, ?3) ORDER BY digest, kind LIMIT ?4"
            )
        };
    }
    match filter {
        Filter::Subject(subject) => all(
            connection,
            listing!("credentials_by_subject", "subject"),
            params![subject.as_str(), digest, kind, limit],
            credential,
        ),
        Filter::Authorization(id) => all(
            connection,
            listing!("credentials_by_authorization", "authorization"),
            params![id.as_bytes(), digest, kind, limit],
            credential,
        ),
        // There is no index by client: it would cost every insert, and only administration asks for this.
        // In the order of keys each page goes on where the last one ended.
        Filter::Client(client) => all(
            connection,
            listing!("credentials_by_key", "client"),
            params![client.as_str(), digest, kind, limit],
            credential,
        ),
    }
}

/// The document of that name.
pub(crate) fn read(connection: &Connection, collection: &str, id: &str) -> Result<Option<Document>, Trouble> {
    let sql = "SELECT id, revision, body FROM documents WHERE collection = ?1 AND id = ?2";
    one(connection, sql, params![collection, id], document)
}

/// At most `limit` documents in the byte order of their names, those after `after`.
pub(crate) fn list_documents(
    connection: &Connection,
    collection: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Document>, Trouble> {
    let sql = "SELECT id, revision, body FROM documents
        WHERE collection = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3";
    all(connection, sql, params![collection, after, count(limit)], document)
}

fn document(row: &Row<'_>) -> Result<Document, Trouble> {
    let wrong = |column: &'static str| {
        move |_| Trouble::Row {
            table: "documents",
            column,
        }
    };
    let revision = row.get_ref(1)?.as_i64().map_err(wrong("revision"))?;
    Ok(Document {
        id: row.get_ref(0)?.as_str().map_err(wrong("id"))?.to_owned(),
        revision: revision.cast_unsigned(),
        body: Json::from_stored(row.get_ref(2)?.as_str().map_err(wrong("body"))?),
    })
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Trouble>,
) -> Result<Option<T>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Trouble>,
) -> Result<Vec<T>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use oauth_core::{AuthorizationId, ClientId, Subject};
    use oauth_testkit::block_on;
    use oauth_testkit::sample::key;
    use rusqlite::StatementStatus;

    use super::*;
    use crate::schema;

    fn migrated(path: &Path) -> Connection {
        let mut connection = Connection::open(path).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    /// SQLite waits here only for the recovery after a crash of another process; one that holds the file
    /// exclusively is easier to have.
    #[test]
    fn a_reader_that_is_kept_out_waits_on_another_thread_and_recovers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oauth.db");
        let other = migrated(&path);
        let readers = Readers::of(Place {
            path: path.into(),
            busy_timeout: Duration::from_millis(1),
        });
        let look = || block_on(readers.at_once(|connection| find(connection, &key("a"))));
        assert!(look().unwrap().is_none());
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let said = look().unwrap_err().to_string();
        assert!(
            said.contains("is locked by another process and stayed so for 1ms"),
            "{said}"
        );
        other.execute_batch("COMMIT").unwrap();
        assert!(look().unwrap().is_none());
    }

    #[test]
    fn a_look_up_is_planned_once_and_by_its_index() {
        let connection = migrated(Path::new(":memory:"));
        for name in ["a", "b", "c"] {
            assert!(find(&connection, &key(name)).unwrap().is_none());
        }
        let statement = connection.prepare_cached(FIND).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        assert_eq!(statement.get_status(StatementStatus::FullscanStep), 0);
    }

    #[test]
    fn every_listing_has_a_plan() {
        let connection = migrated(Path::new(":memory:"));
        let filters = [
            Filter::Subject(Subject::new("a")),
            Filter::Client(ClientId::new("a")),
            Filter::Authorization(AuthorizationId::from_bytes([0; 16])),
        ];
        for filter in filters {
            // `INDEXED BY` makes a statement fail whose index cannot be used.
            assert!(list(&connection, &filter, None, 1).unwrap().is_empty());
            assert!(
                list(&connection, &filter, Some(&key("a")), usize::MAX)
                    .unwrap()
                    .is_empty()
            );
        }
    }
}
