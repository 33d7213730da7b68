//! People, as the engine sees them.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_server::{
    AccessData, Approval, Client, Context, Credential, Policy, Rejection, ResourceOwners, Secret, Subject,
};

use crate::web::{People, SignInFailed};

/// Only people who may use the server are served, also with tokens they got while they still might: refuses approvals and
/// tokens of people who are disabled or gone.
pub struct ActivePeople(pub Arc<dyn People>);

#[async_trait]
impl Policy for ActivePeople {
    async fn review(&self, approval: Approval, _: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        match approval.subject() {
            Some(subject) if !self.0.is_active(subject).await? => {
                Err(Rejection::invalid_grant("the resource owner is disabled or gone"))
            }
            _ => Ok(approval),
        }
    }

    async fn honors(&self, token: &Credential<AccessData>, _: &Context<'_>) -> Result<bool, Rejection> {
        match &token.subject {
            Some(subject) => Ok(self.0.is_active(subject).await?),
            None => Ok(true),
        }
    }
}

/// Who brings the right password by the password grant: whoever could sign in with it on the page.
pub struct SignIns(pub Arc<dyn People>);

#[async_trait]
impl ResourceOwners for SignIns {
    async fn verify(&self, username: &str, password: &Secret, _: &Context<'_>) -> Result<Option<Subject>, Rejection> {
        self.0.sign_in(username, password).await.map_err(|error| match error {
            SignInFailed::Busy => Rejection::unavailable(error.to_string()),
            SignInFailed::Store(error) => error.into(),
        })
    }
}
