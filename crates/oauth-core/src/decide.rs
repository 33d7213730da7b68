//! Deciding and carrying out: the one way in which anything comes to be written.

use async_trait::async_trait;

use crate::context::Context;
use crate::credential::Change;
use crate::incoming::Incoming;
use crate::policy::Event;
use crate::rejection::Rejection;
use crate::server::Server;
use crate::store::CommitError;

/// How often a decision is asked for: once, and again if another request was faster. A credential can take two steps
/// meanwhile (a poll that waits, and one that is granted); whoever was overtaken by both still sees where it ended. Two refusals
/// in a row settle it.
const ASKED_AT_MOST: usize = 3;

/// Something that is decided by looking, and carried out by the engine: what a [`Grant`](crate::Grant) is for a token request, for
/// everything else.
///
/// An extension whose people decide on pages of the application's own (who is shown a device's code, who redeems an
/// invitation) is written as this and handed to [`Server::carry_out`]. It looks through the [`Context`] and has no way to
/// write; what it wants changed is committed all or nothing. If another request was faster, it is asked again and sees
/// what that request did.
#[async_trait]
pub trait Decide: Send + Sync {
    /// What whoever asked gets to know.
    type Outcome: Send;

    /// Decides. May be asked more than once, so it must not do anything but look.
    ///
    /// # Errors
    /// A [`Rejection`]; its changes are committed before anybody hears of it.
    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Self::Outcome>, Rejection>;
}

/// What was decided, and what is to change with it.
#[derive(Clone, Debug)]
#[must_use = "a decision does nothing until the engine has it"]
pub struct Decided<T> {
    pub(crate) outcome: T,
    pub(crate) changes: Vec<Change>,
}

impl<T> Decided<T> {
    /// A decision that changes nothing.
    pub const fn new(outcome: T) -> Self {
        Self {
            outcome,
            changes: Vec::new(),
        }
    }

    /// The same decision with a change that happens together with the others, or not at all.
    pub fn and(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }
}

impl Server {
    /// Carries out a decision. `request` is the HTTP request around it, if there is one: what the decision sees as
    /// [`Context::request`].
    ///
    /// # Errors
    /// The decision's own [`Rejection`]; `temporarily_unavailable` when the store fails, or other requests for the same
    /// credential kept being faster.
    pub async fn carry_out<D: Decide>(
        &self,
        decision: &D,
        request: Option<&Incoming<'_>>,
    ) -> Result<D::Outcome, Rejection> {
        carry_out(decision, &Context::new(self, request.copied())).await
    }
}

/// Decide and commit; and decide again if the commit lost a race.
pub(crate) async fn carry_out<D: Decide + ?Sized>(decision: &D, cx: &Context<'_>) -> Result<D::Outcome, Rejection> {
    let server = cx.server;
    let mut refused = None;
    for _ in 0..ASKED_AT_MOST {
        let (answer, changes) = match decision.decide(cx).await {
            Ok(Decided { outcome, changes }) => (Ok(outcome), changes),
            Err(mut rejection) => {
                let changes = rejection.take_changes();
                (Err(rejection), changes)
            }
        };
        match (server.commit(&changes).await, answer) {
            (Ok(()), Ok(outcome)) => return Ok(outcome),
            (Ok(()), Err(rejection)) => {
                tell_revocations(server, &changes, &rejection);
                return Err(rejection);
            }
            (Err(CommitError::Store(error)), _) => return Err(error.into()),
            // Another request was faster; the next look sees what it did.
            (Err(CommitError::Conflict), Ok(_)) => refused = None,
            (Err(CommitError::Conflict), Err(rejection)) => {
                let before = refused.replace((rejection, changes));
                if before.is_some() {
                    break;
                }
            }
        }
    }
    let Some((rejection, mut changes)) = refused else {
        return Err(Rejection::unavailable(
            "other requests for the same credential kept being faster",
        ));
    };
    // It is refused whatever the others do. What a refusal owes to a victim never conflicts and is written; the rest was
    // about a state that is gone.
    changes.retain(|change| matches!(change, Change::Revoke(_) | Change::RevokeAuthorization(_)));
    match server.commit(&changes).await {
        Ok(()) => {
            tell_revocations(server, &changes, &rejection);
            Err(rejection)
        }
        Err(CommitError::Conflict) => Err(Rejection::unavailable("the store called a revocation a conflict")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

fn tell_revocations(server: &Server, changes: &[Change], rejection: &Rejection) {
    for change in changes {
        if let Change::RevokeAuthorization(authorization) = change {
            server.observe(&Event::AuthorizationRevoked {
                authorization: *authorization,
                reason: rejection.reason(),
            });
        }
    }
}
