//! The toolkit's engine and its axum adapter on the memory store, with nothing around them: no sessions, no pages, no log.
//!
//! What is left between this and `oauthd` is what a ready-to-run server adds.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use oauth_server::axum::{Authorize, Bearer, decided, router as endpoints};
use oauth_server::{
    AuthorizationCode, Client, ClientCredentials, ClientSecret, GrantType, MemoryStore, RefreshToken, Scope, Secret,
    Server,
};

use crate::workload::{CLIENT, ISSUER, REDIRECT_URI, SCOPE, SECRET, SUBJECT};

/// The engine's routes, with the one client that the workloads use.
pub(crate) fn router() -> Result<Router, String> {
    let scope = SCOPE.parse::<Scope>().map_err(|error| error.to_string())?;
    let client = Client::confidential(CLIENT, ClientSecret::generated(&Secret::new(SECRET)))
        .redirecting_to(REDIRECT_URI)
        .limited_to(scope)
        .using([
            GrantType::AUTHORIZATION_CODE,
            GrantType::CLIENT_CREDENTIALS,
            GrantType::REFRESH_TOKEN,
        ]);
    let server = Server::builder(MemoryStore::new().with_client(client))
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
