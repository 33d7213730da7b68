use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use oauth_server::*;

#[derive(Default)]
struct Shelf {
    rows: HashMap<Key, Credential>,
    ended: HashSet<AuthorizationId>,
}
pub(super) struct Store {
    client: Client,
    shelf: Mutex<Shelf>,
}
impl Store {
    pub(super) fn with(client: Client) -> Self {
        Self { client, shelf: Mutex::default() }
    }
}
#[async_trait::async_trait]
impl ClientStore for Store {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok((*id == self.client.id).then(|| self.client.clone()))
    }
}
#[async_trait::async_trait]
impl CredentialStore for Store {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        Ok(self.shelf.lock().unwrap().rows.get(key).cloned())
    }
    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        let mut shelf = self.shelf.lock().unwrap();
        for change in changes {
            match change {
                Change::Insert(row) => { shelf.rows.insert(row.key.clone(), row.clone()); }
                Change::Spend(key) => {
                    let row = shelf.rows.get_mut(key).ok_or(CommitError::Conflict)?;
                    if row.state != State::Live { return Err(CommitError::Conflict); }
                    row.state = State::Spent;
                }
                Change::Update { .. } => {}
                Change::Revoke(key) => { shelf.rows.remove(key); }
                Change::RevokeAuthorization(id) => { shelf.ended.insert(*id); }
            }
        }
        Ok(())
    }
    async fn sweep(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> { Ok(0) }
}
