//! Simple documents, clients and a simple index, with one fault of your choice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use oauth_core::{
    CLIENTS, Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore,
    Document, Documents, Filter, Json, Key, State, StoreError, Timestamp,
};
use oauth_testkit::yield_once;

use crate::faulty::{Fault as CredentialFault, Faulty};

/// What is wrong with a store's documents, clients or index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    NamesWithoutCase,
    KeepsOnlyAscii,
    WriteIgnoresRevision,
    WriteIsNotAtomic,
    GluesNames,
    RemoveSaysNothing,
    RemoveOnlyEmpties,
    ListsInOrderOfWriting,
    PagesBeginWithTheLast,
    ListIgnoresLimit,
    WritesInTwoSteps,
    KeepsOldClients,
    KeepsRemovedClients,
    ForgetsMetadata,
    ListsByPrefix,
    ListsWithoutRevocations,
    ListsWithoutSpent,
    ListsInOrderOfKinds,
    CredentialPagesBeginWithTheLast,
    CredentialPagesSkipOne,
}

pub(crate) struct FaultyDocuments {
    fault: Fault,
    documents: Mutex<Vec<(String, Document)>>,
    clients: Mutex<BTreeMap<ClientId, Client>>,
    credentials: Faulty,
    keys: Mutex<Vec<Key>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultyDocuments {
    pub(crate) fn with(fault: Fault) -> Self {
        Self {
            fault,
            documents: Mutex::default(),
            clients: Mutex::default(),
            credentials: Faulty::with(CredentialFault::None),
            keys: Mutex::default(),
        }
    }

    /// The place of a document in a table of one column.
    fn place(&self, collection: &str, id: &str) -> String {
        match self.fault {
            Fault::NamesWithoutCase => format!("{collection}\0{}", id.to_lowercase()),
            Fault::GluesNames => format!("{collection}:{id}"),
            _ => format!("{collection}\0{id}"),
        }
    }

    fn put(&self, collection: &str, document: &Document, checks: bool) -> Result<(), CommitError> {
        let place = self.place(collection, &document.id);
        let mut documents = locked(&self.documents);
        let stored = documents.iter().position(|(other, _)| *other == place);
        let revision = stored.map_or(0, |n| documents[n].1.revision);
        if checks && revision != document.revision {
            return Err(CommitError::Conflict);
        }
        let mut written = document.clone();
        written.revision += 1;
        if self.fault == Fault::KeepsOnlyAscii {
            written.body = Json::from_stored(written.body.as_str().replace(|c: char| !c.is_ascii(), "?"));
        }
        match stored {
            Some(n) => documents[n].1 = written,
            None => documents.push((place, written)),
        }
        Ok(())
    }
}

#[async_trait]
impl Documents for FaultyDocuments {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let place = self.place(collection, id);
        let documents = locked(&self.documents);
        let found = documents.iter().find(|(other, _)| *other == place);
        Ok(found.map(|(_, document)| document.clone()))
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        match self.fault {
            Fault::WriteIgnoresRevision => self.put(collection, document, false),
            Fault::WriteIsNotAtomic => {
                let stored = self.read(collection, &document.id).await?;
                if stored.map_or(0, |stored| stored.revision) != document.revision {
                    return Err(CommitError::Conflict);
                }
                yield_once().await;
                self.put(collection, document, false)
            }
            Fault::WritesInTwoSteps if document.revision > 0 => {
                let old = self.read(collection, &document.id).await?;
                self.put(collection, document, true)?;
                let place = self.place(collection, &document.id);
                let with_body = |body: &Json| {
                    for (_, stored) in locked(&self.documents).iter_mut().filter(|(other, _)| *other == place) {
                        stored.body = body.clone();
                    }
                };
                if let Some(old) = old {
                    with_body(&old.body);
                    yield_once().await;
                }
                with_body(&document.body);
                Ok(())
            }
            _ => self.put(collection, document, true),
        }
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        let place = self.place(collection, id);
        if collection == CLIENTS && self.fault != Fault::KeepsRemovedClients {
            locked(&self.clients).remove(&ClientId::new(id));
        }
        let mut documents = locked(&self.documents);
        let Some(n) = documents.iter().position(|(other, _)| *other == place) else {
            return Ok(self.fault == Fault::RemoveSaysNothing);
        };
        if self.fault == Fault::RemoveOnlyEmpties {
            documents[n].1.body = Json::from_stored("null");
        } else {
            documents.remove(n);
        }
        Ok(true)
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let prefix = self.place(collection, "");
        let mut folder: Vec<Document> = locked(&self.documents)
            .iter()
            .filter(|(place, _)| place.starts_with(&prefix))
            .map(|(_, document)| document.clone())
            .collect();
        if self.fault != Fault::ListsInOrderOfWriting {
            folder.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let is_after = |document: &Document| match self.fault {
            Fault::PagesBeginWithTheLast => after.is_none_or(|after| document.id.as_str() >= after),
            _ => after.is_none_or(|after| document.id.as_str() > after),
        };
        folder.retain(is_after);
        if self.fault != Fault::ListIgnoresLimit {
            folder.truncate(limit);
        }
        Ok(folder)
    }
}

#[async_trait]
impl ClientStore for FaultyDocuments {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let caches = matches!(self.fault, Fault::KeepsOldClients | Fault::KeepsRemovedClients);
        let document = self.read(CLIENTS, id.as_str()).await?;
        let kept = locked(&self.clients).get(id).cloned();
        match (kept, &document) {
            (Some(kept), Some(_)) if self.fault == Fault::KeepsOldClients => return Ok(Some(kept)),
            (Some(kept), None) if self.fault == Fault::KeepsRemovedClients => return Ok(Some(kept)),
            _ => {}
        }
        let Some(document) = document else { return Ok(None) };
        let mut client: Client = document.body.read()?;
        if self.fault == Fault::ForgetsMetadata && client.metadata_names().next().is_some() {
            client = client.edited(|client| client.set_metadata("client_uri", ()));
        }
        if caches {
            locked(&self.clients).insert(id.clone(), client.clone());
        }
        Ok(Some(client))
    }
}

#[async_trait]
impl CredentialStore for FaultyDocuments {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.credentials.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.credentials.commit(changes).await?;
        let inserted = changes.iter().filter_map(|change| match change {
            Change::Insert(row) => Some(row.key.clone()),
            _ => None,
        });
        locked(&self.keys).extend(inserted);
        Ok(())
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.credentials.sweep(expired_before, limit).await
    }
}

#[async_trait]
impl CredentialIndex for FaultyDocuments {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        let keys = locked(&self.keys).clone();
        let mut rows = Vec::new();
        for key in keys {
            let row = match self.fault {
                Fault::ListsWithoutRevocations => self.credentials.without_join(&key),
                _ => self.credentials.find(&key).await?,
            };
            rows.extend(row);
        }
        let same = |one: &str, other: &str| match self.fault {
            Fault::ListsByPrefix => one.starts_with(other),
            _ => one == other,
        };
        rows.retain(|row| match filter {
            Filter::Subject(subject) => row
                .subject
                .as_ref()
                .is_some_and(|own| same(own.as_str(), subject.as_str())),
            Filter::Client(client) => same(row.client.as_str(), client.as_str()),
            Filter::Authorization(id) => row.authorization == *id,
        });
        if self.fault == Fault::ListsWithoutSpent {
            rows.retain(|row| row.state != State::Spent);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        if self.fault == Fault::ListsInOrderOfKinds {
            rows.sort_by(|a, b| a.key.kind().cmp(b.key.kind()).then(a.key.cmp(&b.key)));
        }
        let place = |key: &Key| rows.iter().position(|row| row.key == *key);
        let start = match (self.fault, after) {
            (_, None) => 0,
            (Fault::ListsInOrderOfKinds, Some(after)) => {
                let place = place(after);
                if place.is_none() {
                    rows.retain(|row| row.key > *after);
                }
                place.map_or(0, |place| place + 1)
            }
            (Fault::CredentialPagesBeginWithTheLast, Some(after)) => rows.partition_point(|row| row.key < *after),
            (Fault::CredentialPagesSkipOne, Some(after)) => rows.partition_point(|row| row.key <= *after) + 1,
            (_, Some(after)) => rows.partition_point(|row| row.key <= *after),
        };
        Ok(rows.into_iter().skip(start).take(limit).collect())
    }
}
