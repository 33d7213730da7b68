//! What the server says of itself, and whether that is so.

use serde_json::{Value, json};

use crate::common::clients::{ALICE, WEB_REQUEST, as_client};
use crate::common::{Config, Daemon, Tokens};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// Every endpoint that has a name in the metadata and a path of its own.
const ENDPOINTS: [(&str, &str); 9] = [
    ("authorization_endpoint", "/authorize"),
    ("token_endpoint", "/token"),
    ("revocation_endpoint", "/revoke"),
    ("introspection_endpoint", "/introspect"),
    ("device_authorization_endpoint", "/device_authorization"),
    ("pushed_authorization_request_endpoint", "/par"),
    ("registration_endpoint", "/register"),
    ("jwks_uri", "/jwks.json"),
    ("userinfo_endpoint", "/userinfo"),
];

/// Grants that a server could have.
const GRANTS: [&str; 8] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
];

fn document(daemon: &Daemon) -> Value {
    let answer = daemon.http().get(&format!("{WELL_KNOWN}{}", daemon.below()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or_else(Vec::new, |list| list.iter().filter_map(Value::as_str).collect())
}

/// A name in the document means that the path answers, and no name that it does not.
fn says_what_is_so(daemon: &Daemon) {
    let said = document(daemon);
    let below = daemon.below();
    for (name, path) in ENDPOINTS {
        let path = format!("{below}{path}");
        for method in ["GET", "POST"] {
            let status = daemon.http().send(method, &path, &[], b"").status;
            match said.get(name) {
                Some(url) => {
                    assert_eq!(
                        *url,
                        json!(format!("{}{}", daemon.issuer, &path[below.len()..])),
                        "{name}"
                    );
                    assert_ne!(status, 404, "{method} {path}");
                }
                None => assert_eq!(status, 404, "{method} {path} without {name} in the metadata"),
            }
        }
    }
    let mounted = names(&said["grant_types_supported"]);
    for grant in GRANTS {
        let answer = as_client(
            &daemon.http(),
            &format!("{below}/token"),
            "web",
            &[("grant_type", grant)],
        );
        let unsupported = answer.error().as_deref() == Some("unsupported_grant_type");
        assert_eq!(unsupported, !mounted.contains(&grant), "{grant}: {}", answer.text());
    }
    for (name, value) in said.as_object().expect("the document is an object") {
        assert!(
            value.as_array().is_none_or(|list| !list.is_empty()),
            "{name} is an empty list (RFC 8414 §3.2)"
        );
    }
}

#[test]
fn the_metadata_lists_what_is_mounted_and_nothing_else() {
    let daemon = Daemon::serve(&Config::in_memory());
    says_what_is_so(&daemon);
    let said = document(&daemon);
    assert_eq!(said["issuer"], json!(daemon.issuer));
    assert_eq!(said["response_types_supported"], json!(["code"]));
    assert_eq!(said["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(said["authorization_response_iss_parameter_supported"], json!(true));
    let mut scopes = names(&said["scopes_supported"]);
    scopes.sort_unstable();
    assert_eq!(scopes, ["profile", "read", "write"]);
    let mut methods = names(&said["token_endpoint_auth_methods_supported"]);
    methods.retain(|method| ["client_secret_basic", "client_secret_post", "none"].contains(method));
    assert_eq!(methods.len(), 3, "{said}");
    assert!(!names(&said["introspection_endpoint_auth_methods_supported"]).contains(&"none"));
}

#[test]
fn a_server_without_authorization_codes_has_no_authorization_endpoint() {
    let daemon = Daemon::serve(&Config {
        grants: vec!["client_credentials"],
        clients: r#"
[[clients]]
client_id = "web"
client_secret = "web-secret-0123456789-abcdefghij"
grant_types = ["client_credentials"]
scope = "read"
"#
        .to_owned(),
        ..Config::in_memory()
    });
    says_what_is_so(&daemon);
    let said = document(&daemon);
    assert!(said.get("authorization_endpoint").is_none(), "{said}");
    assert!(said.get("code_challenge_methods_supported").is_none(), "{said}");
    let answer = as_client(&daemon.http(), "/token", "web", &[("grant_type", "client_credentials")]);
    assert_eq!(answer.status, 200);
}

#[test]
fn an_issuer_with_a_path_has_everything_below_it_but_the_metadata() {
    let daemon = Daemon::serve(&Config {
        issuer_path: "/tenant/one".to_owned(),
        ..Config::in_memory()
    });
    says_what_is_so(&daemon);
    let http = daemon.http();
    // RFC 8414 §3.1: inserted between host and path.
    assert_eq!(document(&daemon)["issuer"], json!(daemon.issuer));
    assert_eq!(http.get(WELL_KNOWN).status, 404);
    for outside in [
        "/token",
        "/authorize",
        "/introspect",
        "/account",
        "/sign-in",
        "/consent",
    ] {
        assert_eq!(http.post(outside, &[]).status, 404, "{outside}");
    }
    assert_eq!(http.get("/healthz").status, 200);

    let mut browser = daemon.browser();
    let tokens: Tokens = daemon.tokens(&mut browser, &WEB_REQUEST);
    assert!(daemon.is_active(&tokens.access));
    let page = browser.open("/tenant/one/account").page();
    assert!(page.words().contains("A <b>web</b> & app"), "{}", page.words());
    for form in &page.forms {
        assert!(form.action.starts_with("/tenant/one/"), "{}", form.action);
    }
    assert_eq!(
        daemon
            .signed_in("alice", ALICE)
            .open("/tenant/one/account")
            .page()
            .answer
            .status,
        200
    );
}

#[test]
fn what_a_request_says_of_hosts_changes_nothing() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let usual = http.get(WELL_KNOWN);
    for headers in [
        [("host", "evil.example"), ("x-forwarded-host", "evil.example")],
        [
            ("x-forwarded-proto", "https"),
            ("forwarded", "host=evil.example;proto=https"),
        ],
        [("x-forwarded-prefix", "/evil"), ("x-forwarded-port", "666")],
        [("x-original-url", "/evil"), ("x-rewrite-url", "/evil")],
    ] {
        let answer = http.get_with(WELL_KNOWN, &headers);
        assert_eq!((answer.status, answer.body), (200, usual.body.clone()), "{headers:?}");
        let page = http.get_with(&WEB_REQUEST.path(""), &headers);
        assert!(page.status == 200 && !page.text().contains("evil"), "{headers:?}");
        assert!(
            !page.headers.iter().any(|(_, value)| value.contains("evil")),
            "{headers:?}"
        );
    }
}

#[test]
fn the_process_and_its_store_can_be_asked_how_they_are() {
    for config in [Config::in_memory(), Config::in_sqlite()] {
        let daemon = Daemon::serve(&config);
        let http = daemon.http();
        assert_eq!(http.get("/healthz").status, 200);
        assert_eq!(http.get("/readyz").status, 200);
        let mut browser = daemon.browser();
        daemon.tokens(&mut browser, &WEB_REQUEST);
        let metrics = http.get("/metrics");
        assert_eq!(metrics.status, 200);
        let kind = metrics.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("text/plain") || kind.starts_with("application/openmetrics-text"),
            "{kind}"
        );
        let text = metrics.text();
        assert!(text.contains("# TYPE"), "Prometheus text:\n{text}");
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(
                name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()),
                "{line}"
            );
        }
        // Names in metrics are words of the program, not of whoever asks.
        http.get("/no/such/path/canary-path-1234");
        http.post(
            "/token",
            &[("grant_type", "canary-grant-1234"), ("client_id", "canary-client-1234")],
        );
        assert!(!http.get("/metrics").text().contains("1234"));
    }
}
