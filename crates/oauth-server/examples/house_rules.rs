//! Rules of your own, and a log of what happens: cargo run -p oauth-server --example house_rules
//!
//!   curl -u free:only-for-this-demonstration -d grant_type=client_credentials -d scope=read http://127.0.0.1:8080/token                5 minutes
//!   curl -u free:only-for-this-demonstration -d grant_type=client_credentials -d 'scope=read export' http://127.0.0.1:8080/token     only read
//!   curl -u former:only-for-this-demonstration -d grant_type=client_credentials -d scope=read http://127.0.0.1:8080/token              access_denied
//!   curl -u paying:only-for-this-demonstration -d grant_type=client_credentials -d 'scope=read export' http://127.0.0.1:8080/token

use std::time::Duration;

use axum::Router;
use oauth_server::axum::router;
use oauth_server::{
    Approval, Client, ClientCredentials, ClientSecret, Context, Event, GrantType, MemoryStore, NotAScope, Observer,
    Policy, Rejection, Scope, Secret, Server, async_trait,
};

/// Without a plan that pays for it, nobody exports. A policy can only take away, never add.
struct Plans {
    free: Scope,
}

#[async_trait]
impl Policy for Plans {
    async fn review(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        match client.metadata::<String>("plan").as_deref() {
            Some("paying") => Ok(approval.with_claim("plan", "paying")),
            Some("free") => Ok(approval
                .limited_to(&self.free, cx)
                .with_access_token_lifetime(Duration::from_secs(300))),
            _ => Err(Rejection::access_denied("the client has no plan")),
        }
    }
}

/// Says what happens, on standard output. There are no secrets in events.
struct Log;

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Issued { client, scope, .. } => println!("issued to {client}: {scope}"),
            Event::Refused { endpoint, reason, .. } => println!("refused at {endpoint}: {reason}"),
            other => println!("{other:?}"),
        }
    }
}

fn client(plan: &str) -> Result<Client, NotAScope> {
    let secret = ClientSecret::generated(&Secret::new("only-for-this-demonstration"));
    Ok(Client::confidential(plan, secret)
        .using([GrantType::CLIENT_CREDENTIALS])
        .limited_to("read export".parse()?)
        .edited(|registration| registration.set_metadata("plan", plan)))
}

pub(crate) fn app() -> Result<Router, Box<dyn std::error::Error>> {
    let store = MemoryStore::new()
        .with_client(client("free")?)
        .with_client(client("paying")?)
        .with_client(client("former")?);
    let server = Server::builder(store)
        .issuer("http://127.0.0.1:8080")
        .install(ClientCredentials::new())
        .policy(Plans { free: "read".parse()? })
        .observer(Log)
        .build()?;
    Ok(router(&server))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app()?).await?)
}
