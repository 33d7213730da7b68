use oauth_core::{Change, CommitError, Credential, CredentialStore, Key, Server, StoreError, Timestamp, async_trait};

struct OnlyCredentials;

#[async_trait]
impl CredentialStore for OnlyCredentials {
    async fn find(&self, _: &Key) -> Result<Option<Credential>, StoreError> {
        Ok(None)
    }

    async fn commit(&self, _: &[Change]) -> Result<(), CommitError> {
        Err(CommitError::Conflict)
    }

    async fn sweep(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

fn main() {
    Server::builder(OnlyCredentials);
}
