//! A server to try things on, with clients of every sort, and the requests of an honest client.

use oauth_core::{
    AuthMethod, AuthorizeError, Builder, CLIENTS, Client, ClientSecret, Document, Documents, GrantType, Json, Model,
    Pending, Rejection, Scope, Secret, Server,
};

use crate::clock::ManualClock;
use crate::entropy::SeededEntropy;
use crate::http::{Answer, Call, Location, Tokens, VERIFIER, Who, challenge};
use crate::polling::block_on;

/// The issuer of the [`Lab`]'s server.
pub const ISSUER: &str = "https://auth.example";

/// A web application: confidential, by HTTP Basic; code, refresh, client credentials; scope `read write`.
pub const WEB: Who = Who::basic("web", "7Fjfp0ZBr1KtDRbnfVdmIw");

/// A confidential client that sends its secret in the body. It has a second redirect URI, at `/other`.
pub const POSTER: Who = Who::post("poster", "gX1fBat3bV-0pQ9z_q7Jrw");

/// An app on a device: public; code and refresh; loopback and private-use redirect URIs.
pub const APP: Who = Who::public("app");

/// Another public client: what it does to the tokens of others is an attack.
pub const STRANGER: Who = Who::public("stranger");

/// A program that acts for itself: client credentials only, scope `read`.
pub const MACHINE: Who = Who::basic("machine", "mP4zt8oEkqDBYFz9n2LxZw");

/// A device without a browser: public; device code and refresh; scope `read write`.
pub const TV: Who = Who::public("tv");

/// A device that keeps a secret: the same by HTTP Basic.
pub const KIOSK: Who = Who::basic("kiosk", "b5C6d7E8f9G0h1I2j3K4lA");

/// A resource server: it may introspect the tokens of all clients, and nothing else.
pub const API: Who = Who::basic("api", "qR8sT6uVwXyZ0a1b2c3d4e");

/// The `state` of [`authorization`].
pub const STATE: &str = "af0ifjsldkj";

/// The redirect URI that a client of the [`Lab`] uses.
pub fn redirect_uri(who: &Who) -> &'static str {
    match who.id {
        "web" => "https://web.example/cb",
        "poster" => "https://poster.example/cb",
        "app" => "http://127.0.0.1/cb",
        _ => "https://stranger.example/cb",
    }
}

/// The clients of the [`Lab`].
pub fn clients() -> Vec<Client> {
    let confidential = |who: &Who| Client::confidential(who.id, ClientSecret::generated(&Secret::new(who.secret)));
    let people = [GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN];
    let all = [people[0].clone(), people[1].clone(), GrantType::CLIENT_CREDENTIALS];
    let devices = [GrantType::DEVICE_CODE, GrantType::REFRESH_TOKEN];
    let both = scope("read write");
    vec![
        confidential(&WEB)
            .named("Web application")
            .redirecting_to(redirect_uri(&WEB))
            .using(all.clone())
            .limited_to(both.clone()),
        confidential(&POSTER)
            .authenticating_by(AuthMethod::CLIENT_SECRET_POST)
            .redirecting_to(redirect_uri(&POSTER))
            .redirecting_to("https://poster.example/other")
            .using(all)
            .limited_to(both.clone()),
        Client::public(APP.id)
            .redirecting_to(redirect_uri(&APP))
            .redirecting_to("com.example.app:/cb")
            .using(people.clone())
            .limited_to(both.clone()),
        Client::public(STRANGER.id)
            .redirecting_to(redirect_uri(&STRANGER))
            .using(people)
            .limited_to(both.clone()),
        Client::public(TV.id)
            .named("Television")
            .using(devices.clone())
            .limited_to(both.clone()),
        confidential(&KIOSK).using(devices).limited_to(both),
        confidential(&MACHINE)
            .using([GrantType::CLIENT_CREDENTIALS])
            .limited_to(scope("read")),
        confidential(&API).edited(|client| client.introspect = true),
    ]
}

/// A scope by its text.
///
/// # Panics
/// When it is none.
pub fn scope(text: &str) -> Scope {
    match text.parse() {
        Ok(scope) => scope,
        Err(error) => panic!("{error}: {text}"),
    }
}

/// The authorization request of an honest client: scope `read write`, PKCE with [`VERIFIER`].
pub fn authorization(who: &Who) -> Call {
    Call::get("/authorize").all(&[
        ("response_type", "code"),
        ("client_id", who.id),
        ("redirect_uri", redirect_uri(who)),
        ("scope", "read write"),
        ("state", STATE),
        ("code_challenge", &challenge(VERIFIER)),
        ("code_challenge_method", "S256"),
    ])
}

/// The token request that redeems a code of [`authorization`].
pub fn redemption(who: &Who, code: &str) -> Call {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri(who)),
        ("code_verifier", VERIFIER),
    ];
    Call::post("/token").all(&pairs).by(who)
}

/// The token request that uses a refresh token.
pub fn refreshing(who: &Who, token: &str) -> Call {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    Call::post("/token").all(&pairs).by(who)
}

/// The token request of a client for itself.
pub fn for_itself(who: &Who) -> Call {
    Call::post("/token").with("grant_type", "client_credentials").by(who)
}

/// The request with which an honest device begins: scope `read write` (RFC 8628 §3.1).
pub fn device_authorization(who: &Who) -> Call {
    Call::post("/device_authorization").with("scope", "read write").by(who)
}

/// The token request with which a device asks whether somebody has decided (RFC 8628 §3.4).
pub fn polling(who: &Who, device_code: &str) -> Call {
    let pairs = [
        ("grant_type", GrantType::DEVICE_CODE.as_str()),
        ("device_code", device_code),
    ];
    Call::post("/token").all(&pairs).by(who)
}

/// The request that revokes a token.
pub fn revoking(who: &Who, token: &str) -> Call {
    Call::post("/revoke").with("token", token).by(who)
}

/// The request that introspects a token.
pub fn introspecting(who: &Who, token: &str) -> Call {
    Call::post("/introspect").with("token", token).by(who)
}

/// Sends an authorization request, and agrees to all it asks for as the person `alice`.
///
/// # Panics
/// When the server would rather show an error than redirect.
pub async fn approve(server: &Server, request: &Call) -> Location {
    let outcome = match request.authorize(server).await {
        Ok(pending) => {
            let scope = pending.scope().clone();
            pending.approve("alice", scope).await
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(redirect) | Err(AuthorizeError::Redirect(redirect)) => Location::new(redirect.location()),
        Err(AuthorizeError::Show(rejection)) => panic!("the server redirects nowhere: {rejection}"),
    }
}

/// A fresh code for that client, of the person `alice`.
///
/// # Panics
/// When the server makes none.
pub async fn code(server: &Server, who: &Who) -> String {
    let location = approve(server, &authorization(who)).await;
    match location.param("code") {
        Some(code) => code,
        None => panic!("there is no code in {location:?}"),
    }
}

/// A server over a store, with a clock that stands still, chance that repeats itself, and [`clients`].
#[derive(Clone, Debug)]
pub struct Lab<S> {
    /// The server.
    pub server: Server,
    /// Its clock.
    pub clock: ManualClock,
    /// Its store.
    pub store: S,
}

impl<S: Model + Documents + Clone> Lab<S> {
    /// A server over that store, knowing the scopes `read`, `write` and `admin`, the first of them by default.
    /// `mount` installs the grants.
    ///
    /// # Panics
    /// When the server cannot be built, or the clients cannot be written.
    pub fn over(store: S, mount: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::default();
        let builder = Server::builder(store.clone())
            .issuer(ISSUER)
            .clock(clock.clone())
            .entropy(SeededEntropy::new(7))
            .scopes(scope("read write admin"))
            .default_scope(scope("read"));
        let server = match mount(builder).build() {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        };
        let lab = Self { server, clock, store };
        for client in clients() {
            lab.register(&client);
        }
        lab
    }

    /// Registers a client, or replaces it.
    ///
    /// # Panics
    /// When the store fails.
    pub fn register(&self, client: &Client) {
        let id = client.id.as_str();
        let written = async {
            let revision = self.store.read(CLIENTS, id).await?.map_or(0, |old| old.revision);
            let (id, body) = (
                id.to_owned(),
                Json::of(client).unwrap_or_else(|error| panic!("{error}")),
            );
            self.store.write(CLIENTS, &Document { id, revision, body }).await
        };
        if let Err(error) = block_on(written) {
            panic!("the client {id} cannot be written: {error}");
        }
    }

    /// The client of that name after a change to its registration.
    ///
    /// # Panics
    /// When there is none, or the store fails.
    pub fn edit(&self, who: &Who, change: impl FnOnce(&mut oauth_core::Registration)) {
        match block_on(self.store.client(&who.id.into())) {
            Ok(Some(client)) => self.register(&client.edited(change)),
            Ok(None) => panic!("there is no client {}", who.id),
            Err(error) => panic!("{error}"),
        }
    }

    /// What the server answers.
    pub fn send(&self, call: &Call) -> Answer {
        block_on(call.serve(&self.server))
    }

    /// What the server makes of an authorization request.
    ///
    /// # Errors
    /// As [`Server::authorize`].
    pub fn authorize(&self, call: &Call) -> Result<Pending, AuthorizeError> {
        block_on(call.authorize(&self.server))
    }

    /// As [`approve`].
    pub fn approve(&self, call: &Call) -> Location {
        block_on(approve(&self.server, call))
    }

    /// Insists that an authorization request ends in a page and not in a redirect.
    ///
    /// # Panics
    /// When it redirects or goes on.
    #[track_caller]
    pub fn shown(&self, call: &Call) -> Rejection {
        match self.authorize(call) {
            Err(AuthorizeError::Show(rejection)) => rejection,
            Err(AuthorizeError::Redirect(redirect)) => panic!("redirected to {}", redirect.location()),
            Ok(pending) => panic!("accepted, to answer at {}", pending.redirect_uri()),
        }
    }

    /// Insists that an authorization request sends the browser back with that error.
    ///
    /// # Panics
    /// When it ends in anything else.
    #[track_caller]
    pub fn sent_back(&self, call: &Call, code: &str) -> Location {
        match self.authorize(call) {
            Err(AuthorizeError::Redirect(redirect)) => {
                let location = Location::new(redirect.location());
                assert_eq!(location.param("error").as_deref(), Some(code), "{location:?}");
                assert_eq!(location.param("iss").as_deref(), Some(self.server.issuer()));
                assert_eq!(location.param("code"), None);
                location
            }
            Err(AuthorizeError::Show(rejection)) => panic!("shown: {rejection}"),
            Ok(_) => panic!("accepted"),
        }
    }

    /// As [`code`].
    pub fn code(&self, who: &Who) -> String {
        block_on(code(&self.server, who))
    }

    /// Fresh tokens of that client for the person `alice`.
    pub fn tokens(&self, who: &Who) -> Tokens {
        self.send(&redemption(who, &self.code(who))).granted()
    }

    /// What the server answers to a refresh.
    pub fn refresh(&self, who: &Who, token: &str) -> Answer {
        self.send(&refreshing(who, token))
    }

    /// What introspection tells the resource server.
    pub fn introspect(&self, token: &str) -> serde_json::Value {
        self.send(&introspecting(&API, token)).json()
    }

    /// Whether a token is active, as far as the resource server is told.
    pub fn is_active(&self, token: &str) -> bool {
        self.introspect(token)["active"] == true
    }
}
