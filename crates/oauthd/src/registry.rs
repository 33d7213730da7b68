//! Clients of the configuration laid over those of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oauth_server::{
    CLIENTS, Change, Client, ClientId, ClientStore, CommitError, Credential, CredentialIndex, CredentialStore,
    Document, Documents, Filter, Key, StoreError, Timestamp,
};

use crate::backend::Backend;

/// How many documents are read at a time.
const PAGE: usize = 256;

/// Where something is kept: whether the admin commands can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// In the configuration: there at every start, and changed there only.
    Configuration,
    /// In the store.
    Store,
}

/// A store whose clients are those of the configuration and, behind them, its own. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    configured: Arc<BTreeMap<ClientId, Client>>,
    backend: Arc<dyn Backend>,
}

impl Registry {
    /// Lays configured clients over a store.
    pub fn new(configured: impl IntoIterator<Item = Client>, backend: Arc<dyn Backend>) -> Self {
        let configured = configured
            .into_iter()
            .map(|client| (client.id.clone(), client))
            .collect();
        Self {
            configured: Arc::new(configured),
            backend,
        }
    }

    /// The client of the configuration of that identifier.
    pub fn configured(&self, id: &ClientId) -> Option<&Client> {
        self.configured.get(id)
    }

    /// All clients of the configuration.
    pub fn all_configured(&self) -> impl Iterator<Item = &Client> {
        self.configured.values()
    }

    /// All clients, in the order of their identifiers. One of the store that the configuration hides is left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn all(&self) -> Result<Vec<(Client, Origin)>, StoreError> {
        let mut clients: Vec<(Client, Origin)> = self
            .configured
            .values()
            .map(|client| (client.clone(), Origin::Configuration))
            .collect();
        for document in all_documents(&*self.backend, CLIENTS).await? {
            let client: Client = document.body.read()?;
            if !self.configured.contains_key(&client.id) {
                clients.push((client, Origin::Store));
            }
        }
        clients.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        Ok(clients)
    }
}

/// Every document of a collection.
pub(crate) async fn all_documents(backend: &dyn Backend, collection: &str) -> Result<Vec<Document>, StoreError> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map(|document| document.id.as_str());
        let page = Documents::list(backend, collection, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

#[async_trait]
impl ClientStore for Registry {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        match self.configured.get(id) {
            Some(client) => Ok(Some(client.clone())),
            None => self.backend.client(id).await,
        }
    }
}

#[async_trait]
impl CredentialStore for Registry {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.backend.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.backend.commit(changes).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.backend.sweep(expired_before, limit).await
    }
}

#[async_trait]
impl CredentialIndex for Registry {
    async fn select(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, StoreError> {
        self.backend.select(filter, after, limit).await
    }
}

#[async_trait]
impl Documents for Registry {
    async fn read(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.backend.read(collection, id).await
    }

    async fn write(&self, collection: &str, document: &Document) -> Result<(), CommitError> {
        self.backend.write(collection, document).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        self.backend.remove(collection, id).await
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.backend.list(collection, after, limit).await
    }
}
