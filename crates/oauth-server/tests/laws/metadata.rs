//! The metadata document (RFC 8414): derived from what is mounted, and told the same to everybody.

use oauth_server::MemoryStore;
use oauth_server::{AuthorizationCode, BuildError, ClientCredentials, RefreshToken, Scope, Server, check_issuer};
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, MACHINE, POSTER, TV, WEB, authorization, device_authorization, for_itself, scope};
use oauth_testkit::{Lab, Watched};
use serde_json::{Value, json};

use crate::lab;

const PATH: &str = "/.well-known/oauth-authorization-server";

#[test]
fn the_document_says_what_is_mounted() {
    // R063, R067, R166, R168–R170, V021
    let lab = lab();
    let answer = lab.send(&Call::get(PATH));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let expected = json!({
        "issuer": "https://auth.example",
        "authorization_endpoint": "https://auth.example/authorize",
        "token_endpoint": "https://auth.example/token",
        "device_authorization_endpoint": "https://auth.example/device_authorization",
        "revocation_endpoint": "https://auth.example/revoke",
        "introspection_endpoint": "https://auth.example/introspect",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": [
            "authorization_code",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "refresh_token",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": ["admin", "read", "write"],
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn whatever_is_told_works_and_whatever_is_not_does_not() {
    // R170
    let lab = lab();
    let told = lab.send(&Call::get(PATH)).json();
    let list = |name: &str| -> Vec<String> {
        let values = told[name].as_array().cloned().unwrap_or_default();
        values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let device = told["device_authorization_endpoint"].as_str().unwrap();
    assert_eq!(device, "https://auth.example/device_authorization");
    let begun = lab.send(&device_authorization(&TV));
    assert_eq!(begun.status(), 200, "{}", begun.text());
    for endpoint in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let path = told[endpoint]
            .as_str()
            .unwrap()
            .strip_prefix("https://auth.example")
            .unwrap();
        lab.send(&Call::post(path)).refused(
            if path == "/token" { 400 } else { 401 },
            if path == "/token" {
                "invalid_request"
            } else {
                "invalid_client"
            },
        );
    }
    for (grant, mounted) in [
        ("authorization_code", true),
        ("client_credentials", true),
        ("refresh_token", true),
        ("urn:ietf:params:oauth:grant-type:device_code", true),
        ("password", false),
        ("implicit", false),
    ] {
        assert_eq!(list("grant_types_supported").contains(&grant.to_owned()), mounted);
        let answer = lab.send(&Call::post("/token").with("grant_type", grant).by(&WEB));
        assert_eq!(
            answer.member("error").as_deref() == Some("unsupported_grant_type"),
            !mounted
        );
    }
    for (method, who) in [("client_secret_basic", WEB), ("client_secret_post", POSTER)] {
        assert!(list("token_endpoint_auth_methods_supported").contains(&method.to_owned()));
        lab.send(&for_itself(&who)).granted();
    }
    for kind in ["code", "token", "id_token"] {
        let known = list("response_types_supported").contains(&kind.to_owned());
        assert_eq!(
            lab.authorize(&authorization(&APP).set("response_type", kind)).is_ok(),
            known
        );
    }
    for mode in ["query", "fragment", "form_post"] {
        let known = list("response_modes_supported").contains(&mode.to_owned());
        assert_eq!(
            lab.authorize(&authorization(&APP).set("response_mode", mode)).is_ok(),
            known
        );
    }
    for method in ["S256", "plain"] {
        let known = list("code_challenge_methods_supported").contains(&method.to_owned());
        assert_eq!(
            lab.authorize(&authorization(&APP).set("code_challenge_method", method))
                .is_ok(),
            known
        );
    }
}

#[test]
fn a_server_without_browsers_says_nothing_of_them() {
    // R168: what is empty is left out.
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder.install(ClientCredentials::new())
    });
    let told = lab.send(&Call::get(PATH)).json();
    for name in [
        "authorization_endpoint",
        "response_modes_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
    ] {
        assert_eq!(told.get(name), None, "{name}");
    }
    assert_eq!(told["grant_types_supported"], json!(["client_credentials"]));
    assert!(
        told.as_object()
            .unwrap()
            .values()
            .all(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    );
    lab.send(&for_itself(&MACHINE)).granted();
}

#[test]
fn a_path_of_the_issuer_goes_after_the_well_known_part_and_before_the_endpoints() {
    // R167, MCP: issuers with a path.
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .issuer("https://auth.example/tenant/one")
            .install(AuthorizationCode::new())
            .install(RefreshToken::rotating())
    });
    let told = lab
        .send(&Call::get("/.well-known/oauth-authorization-server/tenant/one"))
        .json();
    assert_eq!(told["issuer"], "https://auth.example/tenant/one");
    assert_eq!(told["token_endpoint"], "https://auth.example/tenant/one/token");
    assert_eq!(
        told["authorization_endpoint"],
        "https://auth.example/tenant/one/authorize"
    );
    assert_eq!(lab.server.authorization_path(), "/tenant/one/authorize");
    lab.send(&Call::post("/tenant/one/token"))
        .refused(400, "invalid_request");
    let elsewhere = Call::post("/token").request();
    assert!(oauth_testkit::block_on(lab.server.serve(&oauth_server::Incoming::of(&elsewhere))).is_none());
    let location = lab.approve(&authorization(&APP));
    assert_eq!(
        location.param("iss").as_deref(),
        Some("https://auth.example/tenant/one")
    );
}

#[test]
fn headers_of_a_request_never_change_the_document() {
    // R171, I041, I042
    let lab = lab();
    let plain = lab.send(&Call::get(PATH));
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "/evil"),
        ("accept", "text/html"),
    ] {
        let answer = lab.send(&Call::get(PATH).header(name, value));
        assert_eq!(answer.text(), plain.text());
        assert_eq!(answer.headers(), plain.headers());
    }
    assert_eq!(lab.send(&Call::get(format!("{PATH}?issuer=evil"))).text(), plain.text());
    assert_eq!(
        lab.send(&Call::get(format!("https://evil.example{PATH}"))).text(),
        plain.text()
    );
}

#[test]
fn what_is_no_issuer_builds_no_server() {
    // R166
    for bad in [
        "http://auth.example",
        "https://auth.example/",
        "https://auth.example?x",
        "https://auth.example#x",
        "auth.example",
        "https://",
        "https://u@auth.example",
        "",
    ] {
        assert!(check_issuer(bad).is_err(), "{bad}");
        let built = Server::builder(MemoryStore::new())
            .issuer(bad)
            .install(AuthorizationCode::new())
            .build();
        assert!(matches!(built, Err(BuildError::BadIssuer(..))), "{bad}");
    }
    let missing = Server::builder(MemoryStore::new())
        .install(AuthorizationCode::new())
        .build();
    assert_eq!(missing.unwrap_err(), BuildError::NoIssuer);
}

#[test]
fn what_cannot_be_meant_builds_no_server() {
    let builder = || Server::builder(MemoryStore::new()).issuer("https://auth.example");
    assert_eq!(builder().build().unwrap_err(), BuildError::NoGrant);
    let twice = builder()
        .install(ClientCredentials::new())
        .install(ClientCredentials::new())
        .build();
    assert!(matches!(twice, Err(BuildError::DuplicateGrant(_))));
    let twice = builder()
        .install(RefreshToken::rotating())
        .install(RefreshToken::rotating())
        .build();
    assert!(twice.is_err());
    let beyond = builder()
        .install(ClientCredentials::new())
        .scopes(scope("a"))
        .default_scope(scope("a b"))
        .build();
    assert!(matches!(beyond, Err(BuildError::BadDefaultScope(_))));
    let dead = builder()
        .install(ClientCredentials::new())
        .access_token_lifetime(std::time::Duration::from_millis(999))
        .build();
    assert_eq!(dead.unwrap_err(), BuildError::NoLifetime);
    assert!(Scope::parse("a\nb").is_err());
}
