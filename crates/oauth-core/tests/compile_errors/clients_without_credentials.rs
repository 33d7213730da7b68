use oauth_core::{Client, ClientId, ClientStore, Server, StoreError, async_trait};

struct OnlyClients;

#[async_trait]
impl ClientStore for OnlyClients {
    async fn client(&self, _: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(None)
    }
}

fn main() {
    Server::builder(OnlyClients);
}
