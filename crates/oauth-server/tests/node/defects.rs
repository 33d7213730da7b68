//! What is wrong in npm's library, in one release or another, and must not be here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use oauth_server::{
    AuthorizationCode, AuthorizeError, Change, Client, ClientCredentials, ClientId, ClientSecret, ClientStore,
    CommitError, Credential, CredentialStore, GrantType, Incoming, Key, MemoryStore, RefreshToken, RotationPolicy,
    Secret, Server, StoreError, Timestamp, http::Method,
};
use oauth_testkit::http::{Answer, Call, Location, Tokens};
use oauth_testkit::lab::{
    API, APP, ISSUER, MACHINE, STATE, WEB, authorization, clients, code, for_itself, introspecting, redemption,
    refreshing, revoking, scope,
};
use oauth_testkit::{Flaky, Lab, Moment, Watched, block_on};
use tower::ServiceExt as _;

use crate::{knock, lab, lab_with, sent_to};

#[test]
fn an_error_redirect_keeps_the_query_of_its_uri_and_has_error_and_state() {
    let lab = lab();
    let uri = "https://web.example/cb?tenant=acme&x=%20y";
    lab.edit(&WEB, |client| client.redirect_uris = vec![uri.to_owned()]);
    let asking = authorization(&WEB).set("redirect_uri", uri);
    let denied = sent_to(block_on(lab.authorize(&asking).unwrap().deny()));
    for (location, error) in [
        (denied, "access_denied"),
        (
            lab.sent_back(&asking.clone().set("scope", "admin"), "invalid_scope"),
            "invalid_scope",
        ),
        (
            lab.sent_back(&asking.clone().without("code_challenge"), "invalid_request"),
            "invalid_request",
        ),
        (
            lab.sent_back(&asking.set("response_type", "x"), "unsupported_response_type"),
            "unsupported_response_type",
        ),
    ] {
        assert!(
            location.uri().starts_with(&format!("{uri}&error={error}")),
            "{location:?}"
        );
        assert_eq!(location.param("state").as_deref(), Some(STATE));
        assert_eq!(location.param("tenant").as_deref(), Some("acme"));
    }
}

#[test]
fn the_token_endpoint_asks_for_no_redirect_uri_when_none_was_sent() {
    let lab = lab();
    let without = || {
        let location = lab.approve(&authorization(&WEB).without("redirect_uri"));
        location.param("code").unwrap()
    };
    lab.send(&redemption(&WEB, &without()).without("redirect_uri"))
        .granted();
    lab.send(&redemption(&WEB, &without()).set("redirect_uri", ""))
        .granted();
    // Sent all the same, it is the one that the code went to.
    lab.send(&redemption(&WEB, &without())).granted();
    lab.send(&redemption(&WEB, &without()).set("redirect_uri", "https://evil.example/cb"))
        .refused(400, "invalid_grant");
    // And where one was sent, it is asked for.
    lab.send(&redemption(&WEB, &lab.code(&WEB)).without("redirect_uri"))
        .refused(400, "invalid_grant");
}

#[test]
fn basic_credentials_are_form_decoded() {
    let lab = lab();
    let (id, secret) = ("https://client.example/a b", "p:ss+w%rd&ü=");
    lab.register(
        &Client::confidential(id, ClientSecret::generated(&Secret::new(secret)))
            .using([GrantType::CLIENT_CREDENTIALS])
            .limited_to(scope("read")),
    );
    let call = Call::post("/token").with("grant_type", "client_credentials");
    lab.send(&call.clone().basic(id, secret)).granted();
    let raw = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    lab.send(&call.header("authorization", format!("Basic {raw}")))
        .refused(401, "invalid_client");
}

#[test]
fn two_ways_to_authenticate_at_once_are_refused() {
    let lab = lab();
    for who in [WEB, MACHINE] {
        let both = for_itself(&who)
            .with("client_id", who.id)
            .with("client_secret", who.secret);
        lab.send(&both).refused(400, "invalid_request");
        let twice = for_itself(&who).basic(who.id, who.secret);
        lab.send(&twice).refused(400, "invalid_request");
        // The name alone may be repeated, not contradicted.
        lab.send(&for_itself(&who).with("client_id", who.id)).granted();
        lab.send(&for_itself(&who).with("client_id", "app"))
            .refused(401, "invalid_client");
    }
}

#[test]
fn an_empty_parameter_is_absent_and_a_repeated_one_is_an_error() {
    let lab = lab();
    assert_eq!(lab.send(&for_itself(&WEB).with("scope", "")).granted().scope, "read");
    lab.send(&for_itself(&WEB).set("grant_type", ""))
        .refused(400, "invalid_request");
    lab.send(&redemption(&APP, "")).refused(400, "invalid_request");
    lab.send(&refreshing(&APP, "")).refused(400, "invalid_request");
    let good = redemption(&APP, &lab.code(&APP));
    for (name, value) in good.pairs() {
        lab.send(&good.clone().with(name, value))
            .refused(400, "invalid_request");
        lab.send(&good.clone().with(name, "")).refused(400, "invalid_request");
    }
    lab.send(&good).granted();
    for (name, value) in authorization(&APP).pairs() {
        let twice = authorization(&APP).with(name, value);
        match name.as_str() {
            "client_id" | "redirect_uri" => drop(lab.shown(&twice)),
            _ => drop(lab.sent_back(&twice, "invalid_request")),
        }
    }
}

#[test]
fn the_scheme_of_a_bearer_token_has_no_case() {
    let lab = lab();
    let token = lab.send(&for_itself(&MACHINE)).granted().access;
    for scheme in ["Bearer", "bearer", "BEARER", "beareR"] {
        let call = Call::get("/x").header("authorization", format!("{scheme} {token}"));
        assert!(knock(&lab.server, &call).is_ok(), "{scheme}");
    }
    for scheme in ["Basic", "XBearer", "Bearer:"] {
        let call = Call::get("/x").header("authorization", format!("{scheme} {token}"));
        assert!(knock(&lab.server, &call).is_err(), "{scheme}");
    }
}

#[test]
fn narrowing_at_a_refresh_does_not_stick() {
    for rotation in [RotationPolicy::Always, RotationPolicy::Never] {
        let lab = lab_with(|builder| builder.install(RefreshToken::new(rotation)));
        let tokens = lab.tokens(&WEB);
        let narrowed = lab
            .send(&refreshing(&WEB, tokens.refresh()).with("scope", "read"))
            .granted();
        assert_eq!(narrowed.scope, "read");
        let next = narrowed
            .refresh
            .as_ref()
            .unwrap_or_else(|| tokens.refresh.as_ref().unwrap());
        let wide = lab.refresh(&WEB, next).granted();
        assert_eq!(wide.scope, "read write");
        assert_eq!(lab.introspect(&wide.access)["scope"], "read write");
    }
}

#[test]
fn a_loopback_redirect_uri_has_any_port() {
    let lab = lab();
    for uri in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1024/cb",
        "http://127.0.0.1:65535/cb",
    ] {
        let location = lab.approve(&authorization(&APP).set("redirect_uri", uri));
        assert_eq!(location.base(), uri);
        let code = location.param("code").unwrap();
        lab.send(&redemption(&APP, &code).set("redirect_uri", uri)).granted();
    }
    lab.shown(&authorization(&APP).set("redirect_uri", "http://127.0.0.1:1024/other"));
    lab.shown(&authorization(&WEB).set("redirect_uri", "https://web.example:8443/cb"));
}

#[test]
fn a_head_request_mints_no_code() {
    let lab = lab();
    let mut head = Call::new(Method::HEAD, "/authorize");
    for (name, value) in authorization(&WEB).pairs() {
        head = head.with(name, value);
    }
    let pending = || lab.authorize(&head).unwrap();
    for outcome in [
        block_on(pending().approve("alice", scope("read"))),
        block_on(pending().deny()),
    ] {
        match outcome {
            Err(AuthorizeError::Show(rejection)) => assert_eq!(rejection.status().as_u16(), 405),
            other => panic!("{other:?}"),
        }
    }
    assert!(block_on(pending().park(&Secret::new("browser"))).is_err());
    assert_eq!(lab.store.commits(), Vec::<Vec<Change>>::new());
    let mut token = Call::new(Method::HEAD, "/token").basic(WEB.id, WEB.secret);
    token = token.with("grant_type", "client_credentials");
    assert_eq!(lab.send(&token).status(), 405);
}

#[test]
fn only_consent_is_consent() {
    let lab = lab();
    // Asking is not consent, whatever stands beside it.
    for word in ["true", "yes", "1", "approved", "false"] {
        drop(lab.authorize(&authorization(&WEB).with("allowed", word)).unwrap());
    }
    // Neither is a person who went away.
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    let handle = block_on(pending.park(&Secret::new("browser"))).unwrap();
    drop(block_on(lab.server.resume(&handle, &Secret::new("browser"))).unwrap());
    assert!(
        block_on(lab.store.everything())
            .keys()
            .all(|key| key.kind() == "pending_authorization")
    );
    // To agree to nothing of what was asked is to refuse.
    for nothing in ["", "admin"] {
        let scope = nothing.parse().unwrap_or_default();
        let pending = lab.authorize(&authorization(&WEB)).unwrap();
        let location = sent_to(block_on(pending.approve("alice", scope)));
        assert_eq!(location.param("error").as_deref(), Some("access_denied"));
        assert_eq!(location.param("code"), None);
    }
    // And to agree to more is to agree to what was asked.
    let pending = lab.authorize(&authorization(&WEB).set("scope", "read")).unwrap();
    let code = sent_to(block_on(pending.approve("alice", scope("read write admin")))).param("code");
    assert_eq!(lab.send(&redemption(&WEB, &code.unwrap())).granted().scope, "read");
}

#[test]
fn the_token_of_a_program_is_no_person_s_session() {
    let lab = lab();
    // Even if the program is called like a person.
    lab.register(
        &Client::confidential("alice", ClientSecret::generated(&Secret::new("s")))
            .using([GrantType::CLIENT_CREDENTIALS])
            .limited_to(scope("read")),
    );
    let call = Call::post("/token").with("grant_type", "client_credentials");
    let token = lab.send(&call.basic("alice", "s")).granted().access;
    assert_eq!(
        knock(&lab.server, &Call::get("/me").bearer(&token)).unwrap().subject(),
        None
    );
    assert_eq!(lab.introspect(&token).get("sub"), None);
    // And a token at the authorization endpoint signs nobody in: who decides is said by the application.
    let pending = lab.authorize(&authorization(&WEB).bearer(&token)).unwrap();
    drop(pending);
    assert_eq!(lab.store.commits().len(), 1);
}

#[test]
fn without_a_rule_of_the_application_nobody_gets_more_than_the_registration() {
    // No list of scopes, no default, no policy: the barest server there is.
    let store = MemoryStore::new().with_client(
        Client::confidential("bare", ClientSecret::generated(&Secret::new("s"))).using([GrantType::CLIENT_CREDENTIALS]),
    );
    let server = Server::builder(clients().into_iter().fold(store, MemoryStore::with_client))
        .issuer(ISSUER)
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .build()
        .unwrap();
    let ask = |call: Call| block_on(call.serve(&server));
    for more in ["admin", "read admin", "*", "anything"] {
        ask(for_itself(&WEB).with("scope", more)).refused(400, "invalid_scope");
        match block_on(authorization(&WEB).set("scope", more).authorize(&server)) {
            Err(AuthorizeError::Redirect(redirect)) => {
                let location = Location::new(redirect.location());
                assert_eq!(location.param("error").as_deref(), Some("invalid_scope"));
            }
            other => panic!("{other:?}"),
        }
    }
    // To name none is not to have all.
    ask(for_itself(&WEB)).refused(400, "invalid_scope");
    let bare = Call::post("/token").with("grant_type", "client_credentials");
    assert_eq!(ask(bare.basic("bare", "s")).granted().scope, "");
}

/// A store that fails at everything, and tells why in words that nobody outside may read.
struct Talkative;

fn canary() -> StoreError {
    StoreError::new("canary: password=hunter2 at 10.0.0.7")
}

#[async_trait]
impl ClientStore for Talkative {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        match id.as_str() {
            "canary" => Err(canary()),
            id => Ok(clients().into_iter().find(|client| client.id.as_str() == id)),
        }
    }
}

#[async_trait]
impl CredentialStore for Talkative {
    async fn find(&self, _: &Key) -> Result<Option<Credential>, StoreError> {
        Err(canary())
    }

    async fn commit(&self, _: &[Change]) -> Result<(), CommitError> {
        Err(canary().into())
    }

    async fn sweep(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Err(canary())
    }
}

fn silent(answer: &Answer) {
    let headers = format!("{:?}", answer.headers());
    for told in [&headers, answer.text().as_ref()] {
        assert!(!told.contains("canary") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_failed_inside_is_never_told_outside() {
    let server = Server::builder(Talkative)
        .issuer(ISSUER)
        .scopes(scope("read write"))
        .default_scope(scope("read"))
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .install(RefreshToken::rotating())
        .build()
        .unwrap();
    for call in [
        for_itself(&WEB),
        Call::post("/token")
            .with("grant_type", "client_credentials")
            .basic("canary", "x"),
        redemption(&APP, "x"),
        refreshing(&APP, "x"),
        revoking(&APP, "x"),
        introspecting(&API, "x"),
    ] {
        let answer = block_on(call.serve(&server));
        answer.refused(503, "temporarily_unavailable");
        assert_eq!(answer.member("error_description"), None);
        silent(&answer);
    }
    silent(&Answer::of(
        knock(&server, &Call::get("/x").bearer("x"))
            .unwrap_err()
            .into_response(),
    ));
    let pending = block_on(authorization(&WEB).authorize(&server)).unwrap();
    let told = sent_to(block_on(pending.approve("alice", scope("read"))));
    assert_eq!(told.param("error").as_deref(), Some("temporarily_unavailable"));
    assert_eq!(told.param("error_description"), None);
    assert!(!told.uri().contains("canary"));
    // And on the page that a web framework makes of it.
    let page = block_on(visit(&server, "/authorize?client_id=canary"));
    assert_eq!(page.status(), 503);
    silent(&page);
    assert!(page.text().contains("temporarily_unavailable"));
}

/// The answer of the axum routes to a GET, with an application that agrees to everything.
async fn visit(server: &Server, target: &str) -> Answer {
    use axum::routing::get;
    use oauth_server::axum::{Authorize, decided, router};
    let approve = async |Authorize(pending): Authorize| {
        let scope = pending.scope().clone();
        decided(pending.approve("alice", scope).await)
    };
    let app = router(server)
        .route("/authorize", get(approve))
        .with_state(server.clone());
    let request = http::Request::get(target).body(axum::body::Body::empty()).unwrap();
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer::of(http::Response::from_parts(parts, body.to_vec()))
}

/// A store that remembers which clients and which kinds of credentials it was asked for.
#[derive(Clone)]
struct Overheard {
    store: Watched<MemoryStore>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Overheard {
    fn new() -> Self {
        let store = clients().into_iter().fold(MemoryStore::new(), MemoryStore::with_client);
        Self {
            store: Watched::new(store),
            asked: Arc::default(),
        }
    }

    /// What it was asked since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl ClientStore for Overheard {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.asked.lock().unwrap().push(format!("client {id}"));
        self.store.client(id).await
    }
}

#[async_trait]
impl CredentialStore for Overheard {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        self.asked.lock().unwrap().push(format!("find {}", key.kind()));
        self.store.find(key).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.store.commit(changes).await
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.store.sweep(expired_before, limit).await
    }
}

#[test]
fn neither_arrays_nor_objects_reach_the_store() {
    let store = Overheard::new();
    let server = Server::builder(store.clone())
        .issuer(ISSUER)
        .scopes(scope("read write"))
        .default_scope(scope("read"))
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .install(RefreshToken::rotating())
        .build()
        .unwrap();
    let ask = |call: &Call| block_on(call.serve(&server));
    // A name with brackets is another name. What is missing then is missing, and nobody is asked for it.
    for (call, status, code, asked) in [
        (
            Call::post("/token").form("grant_type=refresh_token&client_id[$ne]=x&refresh_token=y"),
            401,
            "invalid_client",
            &[][..],
        ),
        (
            Call::post("/token").form("grant_type=refresh_token&client_id=app&refresh_token[$ne]=x"),
            400,
            "invalid_request",
            &["client app"],
        ),
        (
            Call::post("/token").form("grant_type=authorization_code&client_id=app&code[$gt]=&code_verifier=x"),
            400,
            "invalid_request",
            &["client app"],
        ),
        (
            Call::post("/token").form("grant_type[]=client_credentials&client_id=app"),
            400,
            "invalid_request",
            &[],
        ),
        (
            Call::post("/token").form("grant_type=refresh_token&client_id[]=app&client_id[]=web&refresh_token=y"),
            401,
            "invalid_client",
            &[],
        ),
        (
            Call::post("/introspect").form("token[$ne]=x").by(&API),
            400,
            "invalid_request",
            &["client api"],
        ),
    ] {
        ask(&call).refused(status, code);
        assert_eq!(store.asked(), asked, "{call:?}");
    }
    // A body that is no form is not read at all.
    for body in [
        r#"{"grant_type":"refresh_token","client_id":{"$ne":null},"refresh_token":{"$ne":null}}"#,
        r#"{"grant_type":"client_credentials","client_id":["web"],"client_secret":["x"]}"#,
        r#"[["grant_type","client_credentials"]]"#,
    ] {
        let call = Call::post("/token").body("application/json", body);
        ask(&call).refused(400, "invalid_request");
        assert_eq!(store.asked(), Vec::<String>::new());
    }
    // Nor is there a scope in an array.
    let granted = ask(&for_itself(&WEB).with("scope[]", "write").with("scope[0]", "write")).granted();
    assert_eq!(granted.scope, "read", "the default");
    store.asked();
    // At the authorization endpoint neither.
    for query in [
        "client_id[$ne]=x&response_type=code",
        "client_id[]=web&response_type=code",
        "client_id%5B%24ne%5D=x&response_type=code",
    ] {
        let call = Call::get(format!("/authorize?{query}"));
        assert!(matches!(
            block_on(call.authorize(&server)),
            Err(AuthorizeError::Show(_))
        ));
        assert_eq!(store.asked(), Vec::<String>::new());
    }
    let call = authorization(&WEB)
        .without("redirect_uri")
        .with("redirect_uri[]", "https://evil.example/cb");
    let pending = block_on(call.authorize(&server)).unwrap();
    assert_eq!(pending.redirect_uri(), "https://web.example/cb");
    // What reaches it as a value is a string, whatever is in it.
    ask(&refreshing(&APP, r#"{"$ne":null}"#)).refused(400, "invalid_grant");
    let strange = Call::post("/token")
        .with("grant_type", "refresh_token")
        .with("refresh_token", "x");
    ask(&strange.with("client_id", r#"{"$ne":null}"#)).refused(401, "invalid_client");
    assert_eq!(
        store.asked(),
        [
            "client web",
            "client app",
            "find refresh_token",
            r#"client {"$ne":null}"#
        ]
    );
    for row in block_on(store.store.everything()).values() {
        assert_eq!((row.client.as_str(), row.scope.as_str()), ("web", "read"));
    }
}

#[test]
fn a_replay_ends_the_family() {
    let lab = lab();
    let all_dead = |tokens: &[&Tokens]| {
        for tokens in tokens {
            assert!(!lab.is_active(&tokens.access));
            lab.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
        }
    };
    // Of a code.
    let code = lab.code(&APP);
    let first = lab.send(&redemption(&APP, &code)).granted();
    let second = lab.refresh(&APP, first.refresh()).granted();
    lab.send(&redemption(&APP, &code)).refused(400, "invalid_grant");
    all_dead(&[&second]);
    // Of a refresh token.
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    let third = lab.refresh(&APP, second.refresh()).granted();
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    all_dead(&[&second, &third]);
}

#[test]
fn a_store_that_fails_at_the_authorization_endpoint_ends_one_request_and_no_more() {
    let lab = Lab::over(Flaky::new(MemoryStore::new()), |builder| {
        builder.install(AuthorizationCode::new())
    });
    let target = authorization(&WEB).request().uri().to_string();
    for failing in 1..=2 {
        for moment in [Moment::Before, Moment::After] {
            lab.store.fail(failing, moment);
            let answer = block_on(visit(&lab.server, &target));
            if failing == 1 {
                // Nothing is known of the client yet, so nobody is sent anywhere.
                assert_eq!(answer.status(), 503);
                assert_eq!(answer.header("retry-after"), Some("1"));
                assert_eq!(answer.header("location"), None);
            } else {
                assert_eq!(answer.status(), 303);
                let location = Location::new(answer.header("location").unwrap());
                assert_eq!(location.param("error").as_deref(), Some("temporarily_unavailable"));
                assert_eq!(location.param("state").as_deref(), Some(STATE));
                assert_eq!(location.param("code"), None);
            }
            lab.store.recover();
            let answer = block_on(visit(&lab.server, &target));
            let location = Location::new(answer.header("location").unwrap());
            let code = location.param("code").unwrap();
            lab.send(&redemption(&WEB, &code)).granted();
            assert!(lab.store.calls() > 0);
        }
    }
    // The same while a request waits for its person.
    let browser = Secret::new("browser");
    for failing in 1..=2 {
        let parked = block_on(lab.authorize(&authorization(&WEB)).unwrap().park(&browser)).unwrap();
        lab.store.fail(failing, Moment::Before);
        match block_on(lab.server.resume(&parked, &browser)) {
            Err(AuthorizeError::Show(rejection)) => assert_eq!(rejection.status().as_u16(), 503),
            other => panic!("{other:?}"),
        }
        lab.store.recover();
        let pending = block_on(lab.server.resume(&parked, &browser)).unwrap();
        assert!(
            sent_to(block_on(pending.approve("alice", scope("read"))))
                .param("code")
                .is_some()
        );
    }
}

#[test]
fn an_expired_code_is_refused_and_one_that_is_not_is_granted() {
    // npm's library compared dates that a store had not made dates.
    let lab = lab();
    let make = || block_on(code(&lab.server, &APP));
    let late = make();
    lab.clock.advance(Duration::from_secs(60));
    lab.send(&redemption(&APP, &late)).refused(400, "invalid_grant");
    lab.send(&redemption(&APP, &make())).granted();
    let request = Call::get("/x").bearer("undefined").request();
    assert!(block_on(lab.server.authenticate(&Incoming::of(&request))).is_err());
}
