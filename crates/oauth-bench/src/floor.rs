//! The floor: the least that any server would have to do for the same answers.
//!
//! Bare axum, one hash map, no plug points, no errors worth reading, no replay detection. It is what somebody who needs exactly these five
//! requests could write in an afternoon, and it is the measure of what the toolkit's generality costs.

mod rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rand::Rng as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::rows::{Row, Rows};
use crate::workload::{CLIENT, ISSUER, REDIRECT_URI, SCOPE, SECRET, SUBJECT};

const ACCESS_TOKEN_SECONDS: u64 = 3600;
const REFRESH_TOKEN_SECONDS: u64 = 14 * 24 * 3600;
const CODE_SECONDS: u64 = 60;

struct Floor {
    clients: HashMap<String, Client>,
    rows: Rows,
}

struct Client {
    id: Arc<str>,
    secret: [u8; 32],
    scope: Arc<str>,
    redirect_uri: String,
}

/// A refusal. The measured requests never see one.
struct Refused(StatusCode);

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

const BAD_REQUEST: Refused = Refused(StatusCode::BAD_REQUEST);
const UNAUTHORIZED: Refused = Refused(StatusCode::UNAUTHORIZED);

/// The floor's routes, with the one client that the workloads use.
pub(crate) fn router() -> Router {
    let client = Client {
        id: CLIENT.into(),
        secret: sha256(SECRET),
        scope: SCOPE.into(),
        redirect_uri: REDIRECT_URI.to_owned(),
    };
    let floor = Floor {
        clients: HashMap::from([(CLIENT.to_owned(), client)]),
        rows: Rows::default(),
    };
    Router::new()
        .route("/token", post(token))
        .route("/introspect", post(introspect))
        .route("/authorize", get(authorize))
        .route("/resource", get(resource))
        .with_state(Arc::new(floor))
}

#[derive(Default)]
struct Form<'a> {
    grant_type: Cow<'a, str>,
    scope: Option<Cow<'a, str>>,
    code: Cow<'a, str>,
    redirect_uri: Cow<'a, str>,
    code_verifier: Cow<'a, str>,
    refresh_token: Cow<'a, str>,
    token: Cow<'a, str>,
}

impl<'a> Form<'a> {
    fn parse(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "grant_type" => form.grant_type = value,
                "scope" => form.scope = Some(value),
                "code" => form.code = value,
                "redirect_uri" => form.redirect_uri = value,
                "code_verifier" => form.code_verifier = value,
                "refresh_token" => form.refresh_token = value,
                "token" => form.token = value,
                _ => {}
            }
        }
        form
    }
}

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: &'a str,
}

async fn token(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let form = Form::parse(&body);
    let client = floor.authenticate(&headers)?;
    let now = seconds_now();
    match &*form.grant_type {
        "client_credentials" => {
            let scope = match &form.scope {
                Some(asked) if **asked == *client.scope => client.scope.clone(),
                Some(asked)
                    if asked
                        .split(' ')
                        .all(|token| client.scope.split(' ').any(|own| own == token)) =>
                {
                    Arc::from(&**asked)
                }
                _ => return Err(BAD_REQUEST),
            };
            let access = floor.insert(Row::of(client, None, scope.clone(), now + ACCESS_TOKEN_SECONDS));
            Ok(tokens(&access, None, &scope))
        }
        "refresh_token" => {
            let row = floor.rows.remove(&sha256(&form.refresh_token)).ok_or(BAD_REQUEST)?;
            if row.client != client.id || row.expires_at <= now {
                return Err(BAD_REQUEST);
            }
            Ok(floor.both_tokens(client, row.subject, &row.scope, now))
        }
        "authorization_code" => {
            let row = floor.rows.remove(&sha256(&form.code)).ok_or(BAD_REQUEST)?;
            let challenge = URL_SAFE_NO_PAD.encode(sha256(&form.code_verifier));
            let right = row.challenge.is_some_and(|bound| bound == challenge)
                && row.redirect_uri.is_some_and(|bound| bound == form.redirect_uri);
            if !right || row.client != client.id || row.expires_at <= now {
                return Err(BAD_REQUEST);
            }
            Ok(floor.both_tokens(client, row.subject, &row.scope, now))
        }
        _ => Err(BAD_REQUEST),
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those on the wire")]
struct Active<'a> {
    active: bool,
    scope: &'a str,
    client_id: &'a str,
    token_type: &'static str,
    exp: u64,
    iat: u64,
    iss: &'static str,
    aud: &'static str,
}

async fn introspect(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let form = Form::parse(&body);
    floor.authenticate(&headers)?;
    let row = floor.rows.find(&sha256(&form.token)).ok_or(BAD_REQUEST)?;
    if row.expires_at <= seconds_now() {
        return Err(BAD_REQUEST);
    }
    Ok(json(&Active {
        active: true,
        scope: &row.scope,
        client_id: &row.client,
        token_type: "Bearer",
        exp: row.expires_at,
        iat: row.expires_at - ACCESS_TOKEN_SECONDS,
        iss: ISSUER,
        aud: ISSUER,
    }))
}

async fn resource(State(floor): State<Arc<Floor>>, headers: HeaderMap) -> Result<String, Refused> {
    let value = headers.get(header::AUTHORIZATION).ok_or(UNAUTHORIZED)?;
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let row = floor
        .rows
        .find(&sha256(token.ok_or(UNAUTHORIZED)?))
        .ok_or(UNAUTHORIZED)?;
    if row.expires_at <= seconds_now() {
        return Err(UNAUTHORIZED);
    }
    Ok(format!("{} may {}\n", row.client, row.scope))
}

async fn authorize(State(floor): State<Arc<Floor>>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let query = query.unwrap_or_default();
    let (mut id, mut uri, mut kind, mut state, mut scope, mut challenge, mut method) = <(
        Cow<'_, str>,
        Cow<'_, str>,
        Cow<'_, str>,
        Cow<'_, str>,
        Cow<'_, str>,
        Cow<'_, str>,
        Cow<'_, str>,
    )>::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "client_id" => id = value,
            "redirect_uri" => uri = value,
            "response_type" => kind = value,
            "state" => state = value,
            "scope" => scope = value,
            "code_challenge" => challenge = value,
            "code_challenge_method" => method = value,
            _ => {}
        }
    }
    let client = floor.clients.get(&*id).ok_or(BAD_REQUEST)?;
    let fine = uri == client.redirect_uri
        && kind == "code"
        && method == "S256"
        && challenge.len() == 43
        && scope
            .split(' ')
            .all(|token| client.scope.split(' ').any(|own| own == token));
    if !fine {
        return Err(BAD_REQUEST);
    }
    let row = Row {
        challenge: Some(challenge.into_owned()),
        redirect_uri: Some(uri.into_owned()),
        ..Row::of(
            client,
            Some(SUBJECT.into()),
            Arc::from(&*scope),
            seconds_now() + CODE_SECONDS,
        )
    };
    let code = floor.insert(row);
    let mut location = format!("{}?", client.redirect_uri);
    form_urlencoded::Serializer::for_suffix(&mut location, client.redirect_uri.len() + 1)
        .append_pair("code", &code)
        .append_pair("state", &state)
        .append_pair("iss", ISSUER);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location.try_into().map_err(|_| BAD_REQUEST)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

impl Floor {
    /// The client of HTTP Basic (RFC 6749 §2.3.1).
    fn authenticate(&self, headers: &HeaderMap) -> Result<&Client, Refused> {
        let value = headers.get(header::AUTHORIZATION).ok_or(UNAUTHORIZED)?;
        let encoded = value.as_bytes().strip_prefix(b"Basic ").ok_or(UNAUTHORIZED)?;
        let decoded = STANDARD.decode(encoded).map_err(|_| UNAUTHORIZED)?;
        let colon = decoded.iter().position(|byte| *byte == b':').ok_or(UNAUTHORIZED)?;
        let id = form_decoded(&decoded[..colon]);
        let secret = form_decoded(&decoded[colon + 1..]);
        let client = self.clients.get(&*id).ok_or(UNAUTHORIZED)?;
        if bool::from(client.secret.ct_eq(&sha256(&secret))) {
            Ok(client)
        } else {
            Err(UNAUTHORIZED)
        }
    }

    /// Keeps a row under the hash of a fresh secret, which is returned.
    fn insert(&self, row: Row) -> String {
        let mut bytes = [0u8; 32];
        #[expect(clippy::disallowed_methods, reason = "the floor has no `Entropy` to ask")]
        rand::rng().fill_bytes(&mut bytes);
        let secret = URL_SAFE_NO_PAD.encode(bytes);
        self.rows.insert(sha256(&secret), row);
        secret
    }

    fn both_tokens(&self, client: &Client, subject: Option<Arc<str>>, scope: &Arc<str>, now: u64) -> Response {
        let access = self.insert(Row::of(
            client,
            subject.clone(),
            scope.clone(),
            now + ACCESS_TOKEN_SECONDS,
        ));
        let refresh = self.insert(Row::of(client, subject, scope.clone(), now + REFRESH_TOKEN_SECONDS));
        tokens(&access, Some(&refresh), scope)
    }
}

impl Row {
    fn of(client: &Client, subject: Option<Arc<str>>, scope: Arc<str>, expires_at: u64) -> Self {
        Self {
            client: client.id.clone(),
            subject,
            scope,
            expires_at,
            redirect_uri: None,
            challenge: None,
        }
    }
}

fn tokens(access: &str, refresh: Option<&str>, scope: &str) -> Response {
    json(&Tokens {
        access_token: access,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_SECONDS,
        refresh_token: refresh,
        scope,
    })
}

fn json(value: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn form_decoded(encoded: &[u8]) -> Cow<'_, str> {
    form_urlencoded::parse(encoded)
        .next()
        .map_or(Cow::Borrowed(""), |(name, _)| name)
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[expect(clippy::disallowed_methods, reason = "the floor has no `Clock` to ask")]
fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
