//! Methods, paths, media types, origins.

use crate::common::clients::{self, ALICE, SPA_REQUEST, WEB, WEB_REQUEST, basic};
use crate::common::{Answer, Config, Daemon, encoded};

/// Every path of a server in this world, and the methods that it has.
const PATHS: [(&str, &[&str]); 15] = [
    ("/authorize", &["GET", "HEAD", "POST"]),
    ("/token", &["POST"]),
    ("/revoke", &["POST"]),
    ("/introspect", &["POST"]),
    ("/.well-known/oauth-authorization-server", &["GET", "HEAD"]),
    ("/account", &["GET", "HEAD"]),
    ("/account/revoke", &["POST"]),
    ("/sign-in", &["POST"]),
    ("/sign-out", &["POST"]),
    ("/switch-account", &["POST"]),
    ("/consent", &["GET", "HEAD", "POST"]),
    ("/healthz", &["GET", "HEAD"]),
    ("/readyz", &["GET", "HEAD"]),
    ("/metrics", &["GET", "HEAD"]),
    ("/no/such/path", &[]),
];

fn allowed(answer: &Answer) -> Vec<String> {
    answer
        .all("allow")
        .flat_map(|value| value.split(','))
        .map(|method| method.trim().to_owned())
        .filter(|method| !method.is_empty())
        .collect()
}

#[test]
fn a_method_that_a_path_does_not_have_is_405_with_allow() {
    let daemon = Daemon::serve(&Config::in_memory());
    for (path, methods) in PATHS {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "post", "GETT",
        ] {
            let answer = daemon.http().send(method, path, &[], b"");
            if methods.is_empty() {
                assert_eq!(answer.status, 404, "{method} {path}");
            } else if methods.contains(&method) {
                assert!(
                    ![404, 405, 501].contains(&answer.status),
                    "{method} {path}: {}",
                    answer.status
                );
            } else {
                assert_eq!(answer.status, 405, "{method} {path}");
                let allow = allowed(&answer);
                for method in methods {
                    // GET implies HEAD.
                    assert!(
                        allow.iter().any(|own| own == method) || *method == "HEAD",
                        "{path}: Allow: {allow:?}"
                    );
                }
                assert!(
                    allow
                        .iter()
                        .all(|own| own == "OPTIONS" || methods.contains(&own.as_str())),
                    "{path}: {allow:?}"
                );
            }
        }
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let daemon = Daemon::serve(&Config::in_memory());
    for path in [
        "/.well-known/oauth-authorization-server",
        "/account",
        "/healthz",
        "/metrics",
    ] {
        let get = daemon.http().get(path);
        let head = daemon.http().send("HEAD", path, &[], b"");
        assert_eq!(
            (head.status, head.header("content-type")),
            (get.status, get.header("content-type")),
            "{path}"
        );
        assert!(head.body.is_empty());
    }
}

#[test]
fn names_for_a_path_are_not_other_ways_in() {
    let daemon = Daemon::serve(&Config::in_memory());
    let headers = [("authorization", &*basic("web", WEB)), crate::common::http::FORM];
    let body = b"grant_type=client_credentials";
    let http = daemon.http();
    assert_eq!(http.send("POST", "/token", &headers, body).status, 200);
    for path in [
        "//token",
        "/./token",
        "/token/",
        "/TOKEN",
        "/token;x",
        "/a/../token",
        "/token%2f",
        "/token%00",
        "/token.json",
        "/%2ftoken",
        "/token//",
        "/\\token",
        "/../token",
        "/.well-known/../token",
        "/healthz/../token",
    ] {
        let answer = http.send("POST", path, &headers, body);
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
    }
    // The same path, written otherwise (RFC 3986 §6.2.2.2), has the same lock on its door.
    let anonymous = http.send("POST", "/%74oken", &[crate::common::http::FORM], body);
    assert!([401, 404].contains(&anonymous.status), "{}", anonymous.status);
    // Credentials in the address are not looked at.
    let query = encoded(&[
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", clients::MACHINE),
    ]);
    let answer = http.send("POST", &format!("/token?{query}"), &[crate::common::http::FORM], b"");
    assert!([400, 401].contains(&answer.status), "{}", answer.status);
    let answer = http.get(&format!("/token?{query}"));
    assert_eq!(answer.status, 405);
    for (name, value) in [
        ("x-http-method-override", "POST"),
        ("x-method-override", "POST"),
        ("x-http-method", "POST"),
    ] {
        assert_eq!(
            http.get_with(&format!("/token?{query}&_method=POST"), &[(name, value)])
                .status,
            405
        );
    }
}

#[test]
fn a_token_request_is_a_form_and_its_answer_json() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let authorization = basic("web", WEB);
    let form = b"grant_type=client_credentials";
    for (media_type, status) in [
        ("application/x-www-form-urlencoded", 200),
        ("Application/X-WWW-Form-URLencoded; charset=UTF-8", 200),
        ("", 400),
        ("text/plain", 400),
        ("application/json", 400),
        ("multipart/form-data; boundary=x", 400),
        ("application/x-www-form-urlencoded; charset=utf-16", 400),
        ("application/json, application/x-www-form-urlencoded", 400),
        ("application/x-www-form-urlencodedx", 400),
    ] {
        for accept in ["application/json", "text/html", ";;;q=nonsense"] {
            let mut headers = vec![("authorization", authorization.as_str()), ("accept", accept)];
            if !media_type.is_empty() {
                headers.push(("content-type", media_type));
            }
            let answer = http.send("POST", "/token", &headers, form);
            let fits = answer.status == status || (status == 400 && answer.status == 415);
            assert!(fits, "{media_type:?}: {}", answer.status);
            assert_eq!(
                answer.header("content-type"),
                Some("application/json"),
                "{media_type:?}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.json().is_object());
        }
    }
    let json = br#"{"grant_type":"client_credentials"}"#;
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    assert!([400, 415].contains(&http.send("POST", "/token", &headers, json).status));
    let compressed = [
        crate::common::http::FORM,
        ("authorization", &authorization),
        ("content-encoding", "gzip"),
    ];
    assert_eq!(http.send("POST", "/token", &compressed, form).status, 415);
    let twice = [
        crate::common::http::FORM,
        ("authorization", &authorization),
        ("authorization", "Basic eDp5"),
    ];
    assert_eq!(http.send("POST", "/token", &twice, form).status, 400);
}

#[test]
fn a_revocation_is_answered_so_that_clients_like_it() {
    let daemon = Daemon::serve(&Config::in_memory());
    for token in ["no-such-token", "a.b.c"] {
        let answer = clients::revoke(&daemon.http(), "", token, "web");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/json"))
        );
    }
    let mut browser = daemon.browser();
    let tokens = daemon.tokens(&mut browser, &WEB_REQUEST);
    assert_eq!(
        clients::revoke(&daemon.http(), "", &tokens.refresh, "other").status,
        200
    );
    assert!(
        daemon.is_active(&tokens.refresh),
        "another client's token is left alone"
    );
    assert_eq!(clients::revoke(&daemon.http(), "", &tokens.refresh, "web").status, 200);
    assert!(!daemon.is_active(&tokens.refresh) && !daemon.is_active(&tokens.access));
    assert_eq!(
        clients::introspection(&daemon.http(), "", &tokens.access).text(),
        r#"{"active":false}"#
    );
}

#[test]
fn only_origins_of_public_clients_may_read_answers() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let reader = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    let asking = |origin| [("origin", origin), ("access-control-request-method", "POST")];
    for origin in ["https://evil.example", "null", "https://spa.example"] {
        let get = http.get_with("/.well-known/oauth-authorization-server", &[("origin", origin)]);
        assert_eq!(reader(&get).as_deref(), Some("*"));
        assert_eq!(get.header("access-control-allow-credentials"), None);
    }
    for path in ["/token", "/revoke"] {
        let preflight = http.send("OPTIONS", path, &asking("https://spa.example"), b"");
        assert!(preflight.status < 300, "{path}: {}", preflight.status);
        assert_eq!(reader(&preflight).as_deref(), Some("https://spa.example"));
        assert!(
            preflight
                .header("access-control-allow-methods")
                .is_some_and(|it| it.contains("POST"))
        );
        let post = http.post_with(path, &[("origin", "https://spa.example")], &[("client_id", "spa")]);
        assert_eq!(
            reader(&post).as_deref(),
            Some("https://spa.example"),
            "errors can be read as well"
        );
        assert!(
            post.header("vary")
                .is_some_and(|vary| vary.to_ascii_lowercase().contains("origin"))
        );
        for origin in [
            "https://evil.example",
            "null",
            "https://web.example",
            "https://spa.example.evil.example",
            "HTTPS://SPA.EXAMPLE",
            "https://good.spa.example",
            "http://spa.example",
            "https://spa.example:8443",
            "",
            "*",
            "https://spa.example/",
        ] {
            let preflight = http.send("OPTIONS", path, &asking(origin), b"");
            assert_eq!(reader(&preflight), None, "{path} {origin}");
            let post = http.post_with(path, &[("origin", origin)], &[("client_id", "spa")]);
            assert_eq!(
                (reader(&post), post.header("access-control-allow-credentials")),
                (None, None),
                "{path} {origin}"
            );
        }
    }
    for path in [
        "/introspect",
        "/authorize",
        "/account",
        "/sign-in",
        "/consent",
        "/healthz",
        "/metrics",
    ] {
        for method in ["OPTIONS", "GET", "POST"] {
            let answer = http.send(method, path, &asking("https://spa.example"), b"");
            assert_eq!(reader(&answer), None, "{method} {path}");
        }
    }
}

#[test]
fn a_public_client_of_a_browser_completes_its_flow_across_origins() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let code = daemon.code(&mut alice, &SPA_REQUEST);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code.as_str()),
        ("redirect_uri", SPA_REQUEST.redirect_uri),
        ("code_verifier", clients::VERIFIER),
    ];
    let answer = daemon
        .http()
        .post_with("/token", &[("origin", "https://spa.example")], &form);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://spa.example")
    );
}
