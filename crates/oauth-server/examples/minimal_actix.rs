//! cargo run -p oauth-server --example minimal_actix
//! curl -u reporter:only-for-this-demonstration -d grant_type=client_credentials -d scope=read http://127.0.0.1:8080/token
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/hello

use actix_web::{App, HttpServer, web};
use oauth_server::actix::{Bearer, configure};
use oauth_server::{Client, ClientCredentials, ClientSecret, GrantType, MemoryStore, Secret, Server};

pub(crate) fn server() -> Result<Server, Box<dyn std::error::Error>> {
    let secret = ClientSecret::generated(&Secret::new("only-for-this-demonstration"));
    let reporter = Client::confidential("reporter", secret)
        .using([GrantType::CLIENT_CREDENTIALS])
        .limited_to("read write".parse()?);
    let server = Server::builder(MemoryStore::new().with_client(reporter)).issuer("http://127.0.0.1:8080");
    Ok(server.install(ClientCredentials::new()).build()?)
}

pub(crate) fn routes(server: &Server) -> impl FnOnce(&mut web::ServiceConfig) {
    let hello = async |Bearer(token): Bearer| format!("hello, {}: {}\n", token.client_id(), token.scope());
    move |app| _ = app.configure(configure(server)).route("/hello", web::get().to(hello))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = server()?;
    let app = move || App::new().configure(routes(&server));
    Ok(HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?)
}
