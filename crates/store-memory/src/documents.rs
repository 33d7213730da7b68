//! Documents, and the clients among them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::RwLock;

use async_trait::async_trait;
use oauth_core::{CLIENTS, Client, ClientId, ClientStore, CommitError, Document, Documents, Json, StoreError};

use crate::MemoryStore;
use crate::locks::{read, write};

/// The documents by collection and name.
#[derive(Default)]
pub(crate) struct Folders {
    collections: RwLock<BTreeMap<String, BTreeMap<String, Document>>>,
    /// What the documents of [`CLIENTS`] say, so that no request reads JSON. It is changed while `collections` is
    /// locked for writing, and so never says anything else.
    clients: RwLock<HashMap<ClientId, Result<Client, StoreError>>>,
}

impl Folders {
    pub(crate) fn put_client(&self, client: &Client) {
        let name = client.id.as_str().to_owned();
        let body = Json::of(client);
        let mut collections = write(&self.collections);
        let clients = collections.entry(CLIENTS.to_owned()).or_default();
        let revision = clients.get(&name).map_or(0, |document| document.revision) + 1;
        let known = match body {
            Ok(body) => {
                let document = Document {
                    id: name.clone(),
                    revision,
                    body,
                };
                clients.insert(name, document);
                Ok(client.clone())
            }
            Err(error) => Err(error.into()),
        };
        write(&self.clients).insert(client.id.clone(), known);
    }

    fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        let mut collections = write(&self.collections);
        let stored = collections.get(collection).and_then(|folder| folder.get(&document.id));
        if stored.map_or(0, |stored| stored.revision) != document.revision {
            return Err(CommitError::Conflict);
        }
        if collection == CLIENTS {
            let client = understood(document);
            write(&self.clients).insert(ClientId::new(document.id.as_str()), client);
        }
        let written = Document {
            revision: document.revision.saturating_add(1),
            ..document.clone()
        };
        let folder = collections.entry(collection.to_owned()).or_default();
        folder.insert(written.id.clone(), written);
        Ok(())
    }

    fn remove(&self, collection: &str, id: &str) -> bool {
        let mut collections = write(&self.collections);
        let Some(folder) = collections.get_mut(collection) else {
            return false;
        };
        let was_there = folder.remove(id).is_some();
        if folder.is_empty() {
            collections.remove(collection);
        }
        if collection == CLIENTS {
            write(&self.clients).remove(id);
        }
        was_there
    }
}

/// The client that a document describes.
fn understood(document: &Document) -> Result<Client, StoreError> {
    let client: Client = document
        .body
        .read()
        .map_err(|error| StoreError::caused_by(format!("the client {:?} cannot be read", document.id), error))?;
    if client.id.as_str() == document.id {
        Ok(client)
    } else {
        Err(StoreError::new(format!(
            "the document of the client {:?} describes another client",
            document.id
        )))
    }
}

#[async_trait]
impl ClientStore for MemoryStore {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        read(&self.0.folders.clients).get(id).cloned().transpose()
    }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let collections = read(&self.0.folders.collections);
        let document = collections.get(collection).and_then(|folder| folder.get(id));
        Ok(document.cloned())
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        self.0.folders.write(collection, document)
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        Ok(self.0.folders.remove(collection, id))
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let collections = read(&self.0.folders.collections);
        let Some(folder) = collections.get(collection) else {
            return Ok(Vec::new());
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let documents = folder.range::<str, _>((start, Bound::Unbounded));
        Ok(documents.take(limit).map(|(_, document)| document.clone()).collect())
    }
}
