//! A credential as it lies in memory.

use oauth_core::{AuthorizationId, ClientId, Credential, Json, Key, Scope, State, Subject, Timestamp};

/// A [`Credential`] with the name of its kind replaced by a number of its shard, so that a
/// million of them cost little.
pub(crate) struct Row {
    pub(crate) digest: [u8; 32],
    pub(crate) authorization: AuthorizationId,
    client: ClientId,
    subject: Option<Subject>,
    scope: Scope,
    pub(crate) data: Json,
    pub(crate) expires_at: Timestamp,
    pub(crate) revision: u64,
    pub(crate) kind: u32,
    pub(crate) state: State,
}

const _: () = assert!(size_of::<Row>() <= 136, "the crate's documentation names this size");

impl Row {
    /// The row of a credential, with the number of its kind and a scope that is shared.
    pub(crate) fn of(credential: &Credential, kind: u32, scope: Scope) -> Self {
        Self {
            digest: *credential.key.digest(),
            authorization: credential.authorization,
            client: credential.client.clone(),
            subject: credential.subject.clone(),
            scope,
            data: credential.data.clone(),
            expires_at: credential.expires_at,
            revision: credential.revision,
            kind,
            state: credential.state,
        }
    }

    /// The credential, in the state of its row alone.
    pub(crate) fn credential(&self, key: Key) -> Credential {
        Credential {
            key,
            authorization: self.authorization,
            client: self.client.clone(),
            subject: self.subject.clone(),
            scope: self.scope.clone(),
            expires_at: self.expires_at,
            state: self.state,
            revision: self.revision,
            data: self.data.clone(),
        }
    }

    pub(crate) fn is_of_client(&self, client: &ClientId) -> bool {
        self.client == *client
    }

    pub(crate) fn is_of_subject(&self, subject: &Subject) -> bool {
        self.subject.as_ref() == Some(subject)
    }
}
