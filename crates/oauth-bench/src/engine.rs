//! The toolkit's engine and its axum adapter with nothing around them: no sessions, no pages, no log.
//!
//! What is left between this and `oauthd` is what a ready-to-run server adds.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use oauth_server::axum::{Authorize, Bearer, decided, router as endpoints};
use oauth_server::{
    AuthorizationCode, CLIENTS, Client, ClientCredentials, ClientSecret, Document, Documents, GrantType, Json,
    MemoryStore, Model, RefreshToken, Scope, Secret, Server, SqliteStore,
};

use crate::workload::{CLIENT, ISSUER, REDIRECT_URI, SCOPE, SECRET, SUBJECT};

/// The engine's routes on a store in memory.
pub(crate) async fn on_memory() -> Result<Router, String> {
    let store = MemoryStore::new();
    register(&store).await?;
    router(store)
}

/// The engine's routes on a store in that file.
pub(crate) async fn on_sqlite(file: &str) -> Result<Router, String> {
    let store = SqliteStore::open(file).await.map_err(|error| error.to_string())?;
    register(&store).await?;
    router(store)
}

/// Puts the one client that the workloads use into the store.
async fn register(store: &impl Documents) -> Result<(), String> {
    let scope = SCOPE.parse::<Scope>().map_err(|error| error.to_string())?;
    let client = Client::confidential(CLIENT, ClientSecret::generated(&Secret::new(SECRET)))
        .redirecting_to(REDIRECT_URI)
        .limited_to(scope)
        .using([
            GrantType::AUTHORIZATION_CODE,
            GrantType::CLIENT_CREDENTIALS,
            GrantType::REFRESH_TOKEN,
        ]);
    let document = Document {
        id: CLIENT.to_owned(),
        revision: 0,
        body: Json::of(&client).map_err(|error| error.to_string())?,
    };
    store.write(CLIENTS, &document).await.map_err(|error| error.to_string())
}

fn router(store: impl Model) -> Result<Router, String> {
    let server = Server::builder(store)
        .issuer(ISSUER)
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .install(RefreshToken::rotating())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(endpoints(&server)
        .route("/authorize", get(authorize))
        .route("/resource", get(resource))
        .with_state(server))
}

/// Somebody who is signed in already and agrees to everything.
async fn authorize(Authorize(pending): Authorize) -> Response {
    let scope = pending.scope().clone();
    decided(pending.approve(SUBJECT, scope).await)
}

async fn resource(Bearer(token): Bearer) -> String {
    format!("{} may {}\n", token.client_id(), token.scope())
}
