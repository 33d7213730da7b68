//! The account page: what the signed-in person has granted, and how to take it back.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use oauth_server::{
    ACCESS_TOKEN, AccessData, AuthorizationId, Change, Client, Clock, Credential, Filter, REFRESH_TOKEN, RefreshData,
    Scope, State as CredentialState, StoreError, Subject, SystemClock, Timestamp,
};

use super::authorize::requester;
use super::forms::{Form, Visitor};
use super::{Web, respond};
use crate::pages::{Account, Authorization, Outcome, Requester, Trouble, field};

/// How many rows are read at a time, and how many at most: a page for people, not an export.
const PAGE: usize = 256;
const AT_MOST: usize = 64 * PAGE;

/// What an authorization comes to, over all its live credentials.
struct Granted {
    authorization: AuthorizationId,
    client: Option<Client>,
    client_id: String,
    scope: Scope,
    since: Timestamp,
    expires: Timestamp,
}

/// `GET /account`.
pub(crate) async fn account(State(web): State<Web>, Visitor(browser): Visitor, RawQuery(query): RawQuery) -> Response {
    let Some(subject) = browser.subject.clone() else {
        return web.sign_in_for_account(&browser);
    };
    let granted = match granted_by(&web, &subject).await {
        Ok(granted) => granted,
        Err(error) => return web.unavailable(&error),
    };
    let ids: Vec<String> = granted
        .iter()
        .map(|granted| granted.authorization.to_string())
        .collect();
    let permissions: Vec<_> = granted
        .iter()
        .map(|granted| web.permissions(granted.scope.tokens()))
        .collect();
    let authorizations: Vec<Authorization<'_>> = granted
        .iter()
        .zip(&ids)
        .zip(&permissions)
        .map(|((granted, id), permissions)| Authorization {
            id,
            client: match &granted.client {
                Some(client) => requester(client, client.redirect_uris.first().map(String::as_str)),
                None => Requester {
                    name: &granted.client_id,
                    redirect_uri: None,
                },
            },
            permissions,
            since: granted.since,
            expires: Some(granted.expires),
        })
        .collect();
    let page = Account {
        site: web.site(),
        username: subject.as_str(),
        csrf: &browser.csrf(),
        authorizations: &authorizations,
        revoke: &web.path("/account/revoke"),
        sign_out: &web.path("/sign-out"),
        outcome: (query.as_deref() == Some("ended")).then_some(Outcome::AccessRevoked),
    };
    respond::page(StatusCode::OK, &page.render())
}

/// `POST /account/revoke`: ends an authorization of the signed-in person's own.
pub(crate) async fn revoke(State(web): State<Web>, form: Form) -> Response {
    let browser = &form.browser;
    let Some(subject) = browser.subject.clone() else {
        return web.sign_in_for_account(browser);
    };
    let Ok(authorization) = form.field(field::AUTHORIZATION).parse::<AuthorizationId>() else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest);
    };
    let ended = async {
        // Somebody else's, or nobody's: nothing happens, and nothing is told about it.
        if granted_to(&web, authorization).await?.as_ref() == Some(&subject) {
            let change = Change::RevokeAuthorization(authorization);
            web.0
                .backend
                .commit(&[change])
                .await
                .map_err(|error| StoreError::new(error.to_string()))?;
        }
        Ok::<_, StoreError>(())
    };
    match ended.await {
        Ok(()) => respond::see_other(&web.path("/account?ended")),
        Err(error) => web.unavailable(&error),
    }
}

/// Whose authorization that is. Not all of its rows know: the codes of a device were nobody's when they were made.
async fn granted_to(web: &Web, authorization: AuthorizationId) -> Result<Option<Subject>, StoreError> {
    let filter = Filter::Authorization(authorization);
    let mut after = None;
    loop {
        let rows = web.0.backend.select(&filter, after.as_ref(), PAGE).await?;
        let subject = rows.iter().find_map(|row| row.subject.clone());
        if subject.is_some() || rows.len() < PAGE {
            return Ok(subject);
        }
        after = rows.last().map(|row| row.key.clone());
    }
}

async fn granted_by(web: &Web, subject: &Subject) -> Result<Vec<Granted>, StoreError> {
    let filter = Filter::Subject(subject.clone());
    let now = SystemClock.now();
    let mut found: BTreeMap<AuthorizationId, Granted> = BTreeMap::new();
    let mut after = None;
    let mut read = 0;
    loop {
        let rows = web.0.backend.select(&filter, after.as_ref(), PAGE).await?;
        read += rows.len();
        let last = rows.len() < PAGE || read >= AT_MOST;
        after = rows.last().map(|row| row.key.clone());
        for row in rows {
            if row.state == CredentialState::Live
                && now < row.expires_at
                && let Some(since) = issued_at(&row)
            {
                let granted = found.entry(row.authorization).or_insert_with(|| Granted {
                    authorization: row.authorization,
                    client: None,
                    client_id: row.client.to_string(),
                    scope: Scope::none(),
                    since,
                    expires: row.expires_at,
                });
                granted.scope = granted.scope.union(&row.scope);
                granted.since = granted.since.min(since);
                granted.expires = granted.expires.max(row.expires_at);
            }
        }
        if last {
            break;
        }
    }
    let mut granted: Vec<Granted> = found.into_values().collect();
    for one in &mut granted {
        one.client = web.0.backend.client(&one.client_id.as_str().into()).await?;
    }
    granted.sort_by_key(|one| std::cmp::Reverse(one.since));
    Ok(granted)
}

/// When a token was issued; `None` for what is no token: a session, a code, a parked request.
fn issued_at(row: &Credential) -> Option<Timestamp> {
    if row.key.is(&ACCESS_TOKEN) {
        row.data.read::<AccessData>().ok().map(|data| data.issued_at)
    } else if row.key.is(&REFRESH_TOKEN) {
        row.data.read::<RefreshData>().ok().map(|data| data.issued_at)
    } else {
        None
    }
}
