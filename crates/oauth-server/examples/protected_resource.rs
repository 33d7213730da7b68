//! An API whose routes ask for scopes: cargo run -p oauth-server --example protected_resource
//!
//!   TOKEN=$(curl -s -u editor:only-for-this-demonstration -d grant_type=client_credentials -d scope=read http://127.0.0.1:8080/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
//!   curl -i http://127.0.0.1:8080/notes                                                    401, a challenge
//!   curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/notes                  200
//!   curl -i -H "Authorization: Bearer $TOKEN" -d 'a note' http://127.0.0.1:8080/notes      403, insufficient_scope
//!   curl -i http://127.0.0.1:8080/                                                         200, for anybody
//!   curl -u editor:only-for-this-demonstration -d token=$TOKEN http://127.0.0.1:8080/introspect
//!   curl -u editor:only-for-this-demonstration -d token=$TOKEN http://127.0.0.1:8080/revoke

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::{Json, Router, routing::get};
use oauth_server::axum::{Bearer, Scoped, router};
use oauth_server::{Client, ClientCredentials, ClientSecret, GrantType, MemoryStore, RequiredScope, Secret, Server};

struct Read;

impl RequiredScope for Read {
    const SCOPE: &'static str = "read";
}

struct Write;

impl RequiredScope for Write {
    const SCOPE: &'static str = "write";
}

#[derive(Clone)]
struct App {
    server: Server,
    notes: Arc<Mutex<Vec<String>>>,
}

impl FromRef<App> for Server {
    fn from_ref(app: &App) -> Self {
        app.server.clone()
    }
}

async fn read(_: Scoped<Read>, State(app): State<App>) -> Json<Vec<String>> {
    Json(app.notes.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn write(token: Scoped<Write>, State(app): State<App>, note: String) -> StatusCode {
    let note = format!("{}: {note}", token.client_id());
    app.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    StatusCode::CREATED
}

/// Without a token it is for anybody; a bad token is refused all the same.
async fn greet(token: Option<Bearer>) -> String {
    match token {
        Some(Bearer(token)) => format!("hello, {}\n", token.client_id()),
        None => "hello, whoever you are\n".to_owned(),
    }
}

pub(crate) fn app() -> Result<Router, Box<dyn std::error::Error>> {
    let secret = ClientSecret::generated(&Secret::new("only-for-this-demonstration"));
    let editor = Client::confidential("editor", secret)
        .using([GrantType::CLIENT_CREDENTIALS])
        .limited_to("read write".parse()?);
    let server = Server::builder(MemoryStore::new().with_client(editor))
        .issuer("http://127.0.0.1:8080")
        .install(ClientCredentials::new())
        .build()?;
    Ok(router(&server)
        .route("/", get(greet))
        .route("/notes", get(read).post(write))
        .with_state(App {
            server,
            notes: Arc::default(),
        }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app()?).await?)
}
