//! Only people who may use the server are served: also with tokens they got while they still might.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_server::{AccessData, Approval, Client, Context, Credential, Policy, Rejection};

use crate::web::People;

/// Refuses approvals and tokens of people who are disabled or gone.
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
