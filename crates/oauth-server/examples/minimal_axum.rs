//! cargo run -p oauth-server --example minimal_axum
//! curl -u reporter:only-for-this-demonstration -d grant_type=client_credentials -d scope=read http://127.0.0.1:8080/token
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/hello

use axum::{Router, routing::get};
use oauth_server::axum::{Bearer, router};
use oauth_server::{Client, ClientCredentials, ClientSecret, GrantType, MemoryStore, Secret, Server};

pub(crate) fn app() -> Result<Router, Box<dyn std::error::Error>> {
    let secret = ClientSecret::generated(&Secret::new("only-for-this-demonstration"));
    let reporter = Client::confidential("reporter", secret)
        .using([GrantType::CLIENT_CREDENTIALS])
        .limited_to("read write".parse()?);
    let server = Server::builder(MemoryStore::new().with_client(reporter))
        .issuer("http://127.0.0.1:8080")
        .install(ClientCredentials::new())
        .build()?;
    let hello = async |Bearer(token): Bearer| format!("hello, {}: {}\n", token.client_id(), token.scope());
    Ok(router(&server).route("/hello", get(hello)).with_state(server))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app()?).await?)
}
