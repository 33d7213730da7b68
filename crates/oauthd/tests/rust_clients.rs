//! The `oauth2` crate, as applications use it, against the real server.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use std::cell::RefCell;
use std::time::Duration;

use common::clients::{ALICE, API, MACHINE, WEB};
use common::{Config, Daemon, devices};
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    DeviceCodeErrorResponseType, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl,
    PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError, ResourceOwnerPassword, ResourceOwnerUsername,
    RevocationUrl, Scope, StandardDeviceAuthorizationResponse, StandardRevocableToken, TokenIntrospectionResponse,
    TokenResponse, TokenUrl,
};

/// With every endpoint but the one for devices.
type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;

fn client(daemon: &Daemon, id: &str, secret: Option<&str>, redirect_uri: &str) -> Client {
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server").json();
    let endpoint = |name: &str| metadata[name].as_str().expect("the metadata names it").to_owned();
    let client = BasicClient::new(ClientId::new(id.to_owned()))
        .set_auth_uri(AuthUrl::new(endpoint("authorization_endpoint")).unwrap())
        .set_token_uri(TokenUrl::new(endpoint("token_endpoint")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(endpoint("introspection_endpoint")).unwrap())
        // The crate insists on https, even for loopback; the transport looks at the path only.
        .set_revocation_url(RevocationUrl::new(endpoint("revocation_endpoint").replace("http://", "https://")).unwrap())
        .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).unwrap());
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_owned())),
        None => client,
    }
}

/// The crate brings no HTTP client here: this one sends what it says and returns what comes.
fn transport(daemon: &Daemon) -> impl Fn(HttpRequest) -> Result<HttpResponse, std::io::Error> + use<> {
    let http = daemon.http();
    move |request| {
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("a header of text")))
            .collect();
        let target = request.uri().path_and_query().expect("a URI with a path").as_str();
        let answer = http.try_send(request.method().as_str(), target, &headers, request.body())?;
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        response.body(answer.body).map_err(std::io::Error::other)
    }
}

/// Runs a sign-in through the browser and returns what the client's redirect URI was called with.
fn approve(daemon: &Daemon, url: &str) -> String {
    let mut browser = daemon.browser();
    let page = browser.open(url).page();
    let page = common::clients::sign_in(&mut browser, &page, "alice", ALICE).page();
    common::clients::decide(&mut browser, &page, "approve").elsewhere()
}

fn whole_flow(daemon: &Daemon, client: &Client) {
    let http = transport(daemon);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("read".to_owned()))
        .add_scope(Scope::new("write".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let called = approve(daemon, url.as_str());
    assert_eq!(common::http::parameter(&called, "state").as_ref(), Some(state.secret()));
    assert_eq!(common::http::parameter(&called, "iss").as_ref(), Some(&daemon.issuer));
    let code = common::http::parameter(&called, "code").expect("a code");

    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request(&http)
        .expect("the code is good for tokens");
    assert!(tokens.expires_in().is_some());
    let scope: Vec<&str> = tokens
        .scopes()
        .expect("the scope is told")
        .iter()
        .map(|it| it.as_str())
        .collect();
    assert_eq!(scope, ["read", "write"]);
    let refresh_token = tokens.refresh_token().expect("a refresh token").clone();

    let next = client
        .exchange_refresh_token(&refresh_token)
        .request(&http)
        .expect("it can be refreshed");
    assert_ne!(next.access_token().secret(), tokens.access_token().secret());
    let current = next.refresh_token().cloned().unwrap_or(refresh_token);

    assert_eq!(introspected(daemon, next.access_token()).as_deref(), Some("alice"));
    client
        .revoke_token(StandardRevocableToken::from(current.clone()))
        .expect("the endpoint can be used")
        .request(&http)
        .expect("it can be revoked");
    assert_eq!(introspected(daemon, next.access_token()), None);
    let gone: RefreshToken = current;
    client
        .exchange_refresh_token(&gone)
        .request(&http)
        .expect_err("a revoked token is no token");
}

/// The subject of a token, as a resource server is told; `None` if it is not active.
fn introspected(daemon: &Daemon, token: &AccessToken) -> Option<String> {
    let resource_server = client(daemon, "api", Some(API), "https://unused.example/");
    let answer = resource_server
        .introspect(token)
        .request(&transport(daemon))
        .expect("an introspection answer");
    answer.active().then(|| answer.sub().unwrap_or_default().to_owned())
}

#[test]
fn a_confidential_client_completes_everything() {
    let daemon = Daemon::serve(&Config::in_memory());
    let web = client(&daemon, "web", Some(WEB), "https://web.example/callback?a=1");
    whole_flow(&daemon, &web);
}

#[test]
fn a_native_client_completes_everything_on_a_port_of_its_own() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let native = client(&daemon, "native", None, "http://127.0.0.1:54321/callback");
    whole_flow(&daemon, &native);
}

#[test]
fn a_machine_gets_a_token_by_either_way_to_send_its_secret() {
    let daemon = Daemon::serve(&Config::in_memory());
    let by_body = client(&daemon, "machine", Some(MACHINE), "https://unused.example/");
    let by_header = client(&daemon, "web", Some(WEB), "https://unused.example/");
    for client in [by_body.set_auth_type(AuthType::RequestBody), by_header] {
        let tokens = client
            .exchange_client_credentials()
            .add_scope(Scope::new("read".to_owned()))
            .request(&transport(&daemon))
            .expect("client credentials are good for a token");
        assert!(tokens.refresh_token().is_none(), "RFC 6749 §4.4.3");
        assert!(introspected(&daemon, tokens.access_token()).is_some());
    }
}

#[test]
fn a_wrong_secret_is_an_error_that_the_crate_understands() {
    let daemon = Daemon::serve(&Config::in_memory());
    let wrong = client(&daemon, "web", Some("wrong"), "https://unused.example/");
    let error = wrong
        .exchange_client_credentials()
        .request(&transport(&daemon))
        .expect_err("it is refused");
    let oauth2::RequestTokenError::ServerResponse(answer) = error else {
        panic!("not the server's answer: {error:?}");
    };
    assert_eq!(*answer.error(), oauth2::basic::BasicErrorResponseType::InvalidClient);
}

/// A television, with the endpoint for devices.
type Television = BasicClient<EndpointSet, EndpointSet, EndpointSet, EndpointSet, EndpointSet>;

fn television(daemon: &Daemon) -> Television {
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server").json();
    let endpoint = metadata["device_authorization_endpoint"].as_str();
    let url = endpoint.expect("the metadata names it").to_owned();
    client(daemon, "tv", None, "https://unused.example/")
        .set_device_authorization_url(DeviceAuthorizationUrl::new(url).unwrap())
}

fn codes(daemon: &Daemon, television: &Television) -> StandardDeviceAuthorizationResponse {
    let codes: StandardDeviceAuthorizationResponse = television
        .exchange_device_code()
        .add_scope(Scope::new("read".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .request(&transport(daemon))
        .expect("a device gets codes");
    assert_eq!(codes.interval(), Duration::from_secs(1));
    assert_eq!(codes.expires_in(), Duration::from_secs(600));
    let complete = codes.verification_uri_complete().expect("a URI with the code in it");
    assert!(complete.secret().contains(codes.user_code().secret()));
    codes
}

#[test]
fn a_device_polls_until_the_person_allows_it() {
    let daemon = Daemon::serve(&Config::in_memory().with_every_grant());
    let television = television(&daemon);
    let codes = codes(&daemon, &television);
    // Instead of waiting the first time it asks again at once, so it is told to slow down; meanwhile the person comes.
    let waits = RefCell::new(Vec::new());
    let person = |wait: Duration| {
        waits.borrow_mut().push(wait.as_secs());
        if waits.borrow().len() == 2 {
            let mut browser = daemon.browser();
            let uri = codes.verification_uri().as_str();
            let page = devices::connect(&mut browser, uri, codes.user_code().secret(), "approve");
            assert_eq!(page.heading(), "You can go back to your device");
        }
    };
    let tokens = television
        .exchange_device_access_token(&codes)
        .request(&transport(&daemon), person, None)
        .expect("the person allowed it");
    assert_eq!(
        *waits.borrow(),
        [1, 6],
        "RFC 8628 §3.5: five seconds more after `slow_down`"
    );
    assert_eq!(introspected(&daemon, tokens.access_token()).as_deref(), Some("alice"));

    let refresh_token = tokens.refresh_token().expect("a refresh token");
    let next = television
        .exchange_refresh_token(refresh_token)
        .request(&transport(&daemon))
        .expect("it can be refreshed");
    assert!(introspected(&daemon, next.access_token()).is_some());
    let again = television
        .exchange_device_access_token(&codes)
        .request(&transport(&daemon), |_| panic!("there is nothing to wait for"), None)
        .expect_err("one code, one redemption");
    assert!(matches!(again, RequestTokenError::ServerResponse(_)), "{again:?}");
    assert!(
        introspected(&daemon, next.access_token()).is_some(),
        "a poll too many ends nothing"
    );
}

#[test]
fn a_device_that_is_denied_is_told_so() {
    let daemon = Daemon::serve(&Config::in_memory().with_every_grant());
    let television = television(&daemon);
    let codes = codes(&daemon, &television);
    let person = |_| {
        let uri = codes.verification_uri().as_str();
        devices::connect(&mut daemon.browser(), uri, codes.user_code().secret(), "deny");
    };
    let error = television
        .exchange_device_access_token(&codes)
        .request(&transport(&daemon), person, None)
        .expect_err("the person denied it");
    let RequestTokenError::ServerResponse(answer) = error else {
        panic!("not the server's answer: {error:?}");
    };
    assert_eq!(*answer.error(), DeviceCodeErrorResponseType::AccessDenied);
}

#[test]
fn a_mail_program_exchanges_a_password() {
    let daemon = Daemon::serve(&Config::in_memory().with_every_grant());
    let mailer = client(&daemon, "mailer", Some(WEB), "https://unused.example/");
    let exchange = |password: &str| {
        mailer
            .exchange_password(
                &ResourceOwnerUsername::new("alice".to_owned()),
                &ResourceOwnerPassword::new(password.to_owned()),
            )
            .add_scope(Scope::new("read".to_owned()))
            .request(&transport(&daemon))
    };
    let tokens = exchange(ALICE).expect("a password is good for tokens");
    assert_eq!(introspected(&daemon, tokens.access_token()).as_deref(), Some("alice"));
    let refresh_token = tokens.refresh_token().expect("a refresh token");
    mailer
        .exchange_refresh_token(refresh_token)
        .request(&transport(&daemon))
        .expect("it can be refreshed");
    let Err(RequestTokenError::ServerResponse(answer)) = exchange("wrong") else {
        panic!("a wrong password is refused in words that the crate understands");
    };
    assert_eq!(*answer.error(), oauth2::basic::BasicErrorResponseType::InvalidGrant);
}
