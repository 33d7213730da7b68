//! What every adapter mounts: servers, and a handler or two beside them.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use oauth_server::device;
use oauth_server::{
    AccessToken, AuthorizationCode, AuthorizeError, Builder, Client, ClientCredentials, Context, Cors, DeviceCode,
    Documents, Endpoint, GrantType, Implicit, Incoming, Install, Model, Origins, PasswordGrant, Pending, Place,
    Redirect, RefreshToken, Rejection, Reply, RequiredScope, ResourceOwners, Route, Secret, Server, Subject,
};
use oauth_testkit::http::{Call, Who};
use oauth_testkit::lab::scope;
use oauth_testkit::{Lab, ManualClock};
use serde_json::json;

/// The largest body that the servers read.
pub(crate) const MAX_BODY: usize = 2048;

/// A server at the root of its host, and two below it.
#[derive(Clone, Debug)]
pub(crate) struct House {
    /// The clock of the first one.
    pub(crate) clock: ManualClock,
    pub(crate) root: Server,
    pub(crate) one: Server,
    pub(crate) two: Server,
}

impl House {
    /// Servers of their own over each of these stores.
    pub(crate) fn over<S: Model + Documents + Clone>(root: S, one: S, two: S) -> Self {
        let lab = Lab::over(root, furnish);
        lab.register(&old());
        Self {
            clock: lab.clock,
            root: lab.server,
            one: Lab::over(one, |builder| furnish(builder).issuer("https://auth.example/one")).server,
            two: Lab::over(two, |builder| furnish(builder).issuer("https://auth.example/a/two")).server,
        }
    }
}

fn furnish(builder: Builder) -> Builder {
    builder
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .install(RefreshToken::rotating())
        .install(DeviceCode::new())
        .install(Implicit::danger_new())
        .install(PasswordGrant::danger_verified_by(Alice))
        .install(Mirror)
        .origins(App)
        .max_body(MAX_BODY)
}

/// A client that uses what nobody should use any more, and one that has no browser.
pub(crate) const OLD: Who = Who::public("old");

/// Where the implicit grant sends its tokens.
pub(crate) const OLD_REDIRECT: &str = "https://old.example/cb";

fn old() -> Client {
    let grants = [GrantType::DEVICE_CODE, GrantType::IMPLICIT, GrantType::PASSWORD];
    Client::public(OLD.id)
        .redirecting_to(OLD_REDIRECT)
        .using(grants)
        .limited_to(scope("read write"))
        .edited(|client| client.response_types.push("token".to_owned()))
}

struct Alice;

#[async_trait]
impl ResourceOwners for Alice {
    async fn verify(&self, username: &str, password: &Secret, _: &Context<'_>) -> Result<Option<Subject>, Rejection> {
        let right = username == "alice" && password.expose() == "correct horse";
        Ok(right.then(|| Subject::new(username)))
    }
}

impl House {
    /// The person's part in the device grant, at the first server: types the code, and agrees.
    pub(crate) async fn enter(&self, user_code: &str) {
        let browser = Secret::new("the secret of alice's session");
        let request = Call::post("/device").request();
        let request = Incoming::of(&request);
        let asked = device::enter(&self.root, user_code, &browser, &request).await.unwrap();
        let scope = asked.scope().clone();
        asked.approve("alice", scope).await.unwrap();
        // The device may poll again.
        self.clock.advance(Duration::from_secs(60));
    }
}

struct App;

#[async_trait]
impl Origins for App {
    async fn allows(&self, origin: &str) -> bool {
        origin == "https://app.example"
    }
}

/// An endpoint that answers what it was asked: so that requests are seen to arrive alike.
struct Mirror;

impl Install for Mirror {
    fn install(self, builder: &mut Builder) {
        builder.add_endpoint(self);
    }
}

#[async_trait]
impl Endpoint for Mirror {
    fn route(&self) -> Route {
        Route {
            path: "/mirror",
            place: Place::BelowIssuer,
            methods: &[Method::GET, Method::POST, Method::PUT, Method::DELETE],
            metadata: None,
            cors: Cors::Nobody,
        }
    }

    async fn serve(&self, request: &Incoming<'_>, _: &Context<'_>) -> Result<Reply, Rejection> {
        let mut headers: Vec<(&str, String)> = request
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "content-length" | "host"))
            .map(|(name, value)| (name.as_str(), format!("{value:?}")))
            .collect();
        // The order of those with one name means something, and that of the names does not.
        headers.sort_by_key(|(name, _)| *name);
        let mut reply = Reply::json(&json!({
            "method": request.method.as_str(),
            "target": request.uri.to_string(),
            "headers": headers,
            "peer": request.peer(),
            "bytes": request.body.len(),
        }));
        // Two of one name have to arrive as two.
        for value in ["first", "second"] {
            let value = http::HeaderValue::from_static(value);
            reply.headers_mut().append("x-mirror", value);
        }
        Ok(reply)
    }
}

/// The scope that `/scoped` asks for.
#[derive(Debug)]
pub(crate) struct Write;

impl RequiredScope for Write {
    const SCOPE: &'static str = "write";
}

/// The person of these stories: agrees, unless a header says otherwise.
pub(crate) async fn decide(pending: Pending, headers: &HeaderMap) -> Result<Redirect, AuthorizeError> {
    if headers.contains_key("x-deny") {
        pending.deny().await
    } else {
        let scope = pending.scope().clone();
        pending.approve("alice", scope).await
    }
}

/// What a protected resource says.
pub(crate) fn greeting(token: &AccessToken) -> String {
    format!(
        "{:?} by {}: {}",
        token.subject().map(oauth_server::Subject::as_str),
        token.client_id(),
        token.scope()
    )
}

/// What a resource says to somebody who may have no token.
pub(crate) fn greeting_or_none(token: Option<&AccessToken>) -> String {
    token.map_or_else(|| "nobody".to_owned(), greeting)
}
