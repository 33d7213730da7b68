//! Between the request and its answer: the person's decision.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::authorization::{AuthorizationRequest, AuthorizeError, Consent, Redirect};
use crate::client::Client;
use crate::context::Context;
use crate::credential::{Change, Credential, Key, Kind, State};
use crate::id::Subject;
use crate::incoming::{Incoming, Seen};
use crate::mint::mint;
use crate::policy::Event;
use crate::rejection::Rejection;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::CommitError;

/// Parameters that no authorization request has, and that are secret where they belong. A confused client sends
/// them all the same, and a parked request must not keep them.
const MISPLACED: &[&str] = &[
    "client_secret",
    "client_assertion",
    "code",
    "code_verifier",
    "refresh_token",
    "access_token",
    "token",
    "assertion",
    "device_code",
    "password",
];

/// Authorization requests that wait, under a handle, for a person to sign in and decide.
const PENDING: Kind<Parked> = Kind::new("pending_authorization");

#[derive(Serialize, Deserialize)]
struct Parked {
    params: Vec<(String, String)>,
    bound_to: Key,
}

/// The browser that a parked request belongs to.
const BROWSER: Kind<()> = Kind::new("browser");

/// An authorization request that waits for the resource owner's decision.
///
/// Ask for the decision however you like; then [`approve`](Self::approve) or [`deny`](Self::deny).
/// If the person has to sign in first, [`park`](Self::park) it: then neither `state` nor PKCE passes through
/// your forms, and it can be decided only once.
#[derive(Clone, Debug)]
#[must_use = "an authorization request that is not decided is never answered"]
pub struct Pending {
    server: Server,
    request: AuthorizationRequest,
    parked: Option<Key>,
    decidable: Decidable,
    /// The HTTP request in which it is decided, as far as somebody said.
    seen: Option<Arc<Seen>>,
}

/// Whether a request can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decidable {
    Yes,
    /// It came by HEAD, which only looks.
    No,
}

impl Pending {
    pub(crate) fn new(
        server: &Server,
        request: AuthorizationRequest,
        parked: Option<Key>,
        seen: Option<Arc<Seen>>,
    ) -> Self {
        Self {
            server: server.clone(),
            request,
            parked,
            decidable: Decidable::Yes,
            seen,
        }
    }

    /// The same, decided in that HTTP request: what policies, response types and token issuers see as
    /// [`Context::request`]. After [`Server::authorize`] it is the authorization request itself, until this says
    /// otherwise; after [`Server::resume`] it is none.
    pub fn decided_in(self, request: &Incoming<'_>) -> Self {
        Self {
            seen: Some(Arc::new(Seen::of(request))),
            ..self
        }
    }

    fn context(&self) -> Context<'_> {
        Context::new(&self.server, self.seen.as_deref().map(Seen::incoming))
    }

    pub(crate) fn only_looked_at(self) -> Self {
        Self {
            decidable: Decidable::No,
            ..self
        }
    }

    /// Who asks.
    pub const fn client(&self) -> &Client {
        &self.request.client
    }

    /// What is asked for.
    pub const fn scope(&self) -> &Scope {
        &self.request.scope
    }

    /// Where the answer will go.
    pub fn redirect_uri(&self) -> &str {
        self.request.redirect.uri()
    }

    /// The whole request.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// Keeps the request for later, for the browser that knows `browser` (a session's secret), and
    /// returns the handle to find it by. One that was parked already moves: its old handle is worth nothing then,
    /// so that a session whose secret changes at sign-in takes its request along.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already, or cannot be stored.
    pub async fn park(&self, browser: &Secret) -> Result<Secret, AuthorizeError> {
        let cx = self.context();
        let row = || {
            let handle = cx.generate_secret()?;
            let own = |text: &str| text.to_owned();
            let row = Credential {
                key: Key::of(&PENDING, &handle),
                authorization: cx.generate_authorization()?,
                client: self.request.client.id.clone(),
                subject: None,
                scope: self.request.scope.clone(),
                expires_at: cx.now().plus(self.server.parts().pending_lifetime),
                state: State::Live,
                revision: 0,
                data: Parked {
                    params: self
                        .request
                        .params
                        .iter()
                        .filter(|(name, _)| !MISPLACED.contains(name))
                        .map(|(name, value)| (own(name), own(value)))
                        .collect(),
                    bound_to: Key::of(&BROWSER, browser),
                },
            };
            Ok::<_, Rejection>((handle, row.into_row()?))
        };
        let (handle, row) = row().map_err(|rejection| self.refuse(&rejection))?;
        // Parked again, under another session for instance, it leaves its old place: there is one decision.
        let mut changes: Vec<Change> = self.parked.iter().cloned().map(Change::Spend).collect();
        changes.push(Change::Insert(row));
        self.settle(&changes).await?;
        Ok(handle)
    }

    /// The resource owner agrees: a redirect that carries the answer.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already, or the answer could not be stored.
    pub async fn approve(self, subject: impl Into<Subject>, scope: Scope) -> Result<Redirect, AuthorizeError> {
        self.consent(Consent::of(subject, scope)).await
    }

    /// As [`approve`](Self::approve), with claims for the tokens, or a lifetime of its own.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn consent(self, consent: Consent) -> Result<Redirect, AuthorizeError> {
        self.insist_on_decidable()?;
        let cx = self.context();
        let parts = self.server.parts();
        let agreed = cx.common_scope(&consent.scope, &self.request.scope);
        let consent = Consent {
            scope: agreed,
            ..consent
        };
        if consent.scope.is_none() && !self.request.scope.is_none() {
            return self.deny().await;
        }
        let response_type = parts
            .response_types
            .iter()
            .find(|own| own.response_type() == self.request.response_type)
            .ok_or_else(|| AuthorizeError::Show(Rejection::server_error("the response type is no longer mounted")))?;
        let answer = async {
            let mut answer = response_type.respond(&self.request, &consent, &cx).await?;
            let Some((grant_type, approval)) = answer.access_token.take() else {
                return Ok((answer, None));
            };
            let mut minted = mint(approval.without_refresh_token(), self.client(), &cx).await?;
            answer.changes.extend(minted.take_changes());
            answer.parameters.extend(minted.parameters());
            Ok((answer, Some((grant_type, minted))))
        };
        let (answer, minted) = match answer.await {
            Ok(answer) => answer,
            Err(mut rejection) => {
                let changes = Rejection::take_changes(&mut rejection);
                if let Err(error) = self.server.commit(&changes).await {
                    rejection = unavailable(error);
                }
                return Err(self.refuse(&rejection));
            }
        };
        let changes: Vec<Change> = self
            .parked
            .iter()
            .cloned()
            .map(Change::Spend)
            .chain(answer.changes)
            .collect();
        self.settle(&changes).await?;
        let client = &self.request.client.id;
        self.server.observe(&Event::Approved {
            client,
            subject: &consent.subject,
            scope: &consent.scope,
        });
        if let Some((grant_type, minted)) = minted {
            minted.tell(&grant_type, self.client(), &cx);
        }
        let parameters: Vec<(&str, &str)> = answer
            .parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Ok(self
            .request
            .answer(&self.server, response_type.response_mode(), &parameters))
    }

    /// The resource owner refuses: a redirect that says `access_denied`.
    ///
    /// # Errors
    /// [`AuthorizeError`] when it was decided already.
    pub async fn deny(self) -> Result<Redirect, AuthorizeError> {
        let changes: Vec<Change> = self.parked.iter().cloned().map(Change::Spend).collect();
        self.settle(&changes).await?;
        self.server.observe(&Event::Denied {
            client: &self.request.client.id,
        });
        let refusal = Rejection::access_denied("the resource owner refused").telling("the request was denied");
        Ok(self.request.error_redirect(&self.server, &refusal))
    }

    fn insist_on_decidable(&self) -> Result<(), AuthorizeError> {
        match self.decidable {
            Decidable::Yes => Ok(()),
            Decidable::No => Err(AuthorizeError::Show(
                Rejection::invalid_request("a request by HEAD is not decided")
                    .with_status(StatusCode::METHOD_NOT_ALLOWED),
            )),
        }
    }

    /// Every write for this request goes through here, but for what a refusal wants written.
    async fn settle(&self, changes: &[Change]) -> Result<(), AuthorizeError> {
        self.insist_on_decidable()?;
        match self.server.commit(changes).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(AuthorizeError::Show(
                Rejection::invalid_request("this request has been decided already").with_status(StatusCode::CONFLICT),
            )),
            Err(error) => Err(self.refuse(&unavailable(error))),
        }
    }

    fn refuse(&self, rejection: &Rejection) -> AuthorizeError {
        self.request.refuse(&self.server, rejection)
    }
}

fn unavailable(error: CommitError) -> Rejection {
    match error {
        CommitError::Conflict => Rejection::unavailable("the store was busy with the same credentials"),
        CommitError::Store(error) => error.into(),
    }
}

impl Server {
    /// Finds a request again that was parked for that browser.
    ///
    /// # Errors
    /// [`AuthorizeError::Show`] if there is none: it expired, was decided, or belongs to another browser.
    pub async fn resume(&self, handle: &Secret, browser: &Secret) -> Result<Pending, AuthorizeError> {
        let cx = Context::new(self, None);
        let row = cx
            .find(&PENDING, handle)
            .await
            .map_err(|rejection| self.show(rejection))?;
        let parked = row
            .filter(|row| row.is_live(cx.now()) && row.data.bound_to == Key::of(&BROWSER, browser))
            .ok_or_else(|| {
                self.show(Rejection::invalid_request(
                    "this sign-in has expired or was completed; start again from the application",
                ))
            })?;
        self.check_authorization(parked.data.params.into_iter().collect(), Some(parked.key), None)
            .await
    }
}
