//! What every store of `oauthd` can do.

use oauth_server::{ClientStore, CredentialIndex, CredentialStore, Documents};

/// A store that keeps all that this program has: credentials, clients, users.
pub trait Backend: ClientStore + CredentialStore + CredentialIndex + Documents + 'static {}

impl<T: ClientStore + CredentialStore + CredentialIndex + Documents + 'static> Backend for T {}
