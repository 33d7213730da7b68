//! Methods, CORS and the other things that HTTP brings along.

use async_trait::async_trait;
use http::Method;
use oauth_server::{Origins, RefreshToken};
use oauth_testkit::Lab;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{API, APP, WEB, for_itself, introspecting, revoking};

use crate::{Store, lab, lab_with};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const POSTS: [&str; 4] = ["/token", "/revoke", "/introspect", "/device_authorization"];

struct App;

#[async_trait]
impl Origins for App {
    async fn allows(&self, origin: &str) -> bool {
        origin == "https://app.example"
    }
}

fn lab_with_origins() -> Lab<Store> {
    lab_with(RefreshToken::rotating(), |builder| builder.origins(App))
}

#[test]
fn an_endpoint_has_its_methods_and_names_them() {
    // R097, R155, R159, R234, I036, I039, V059
    let lab = lab();
    for path in POSTS {
        for method in [
            "GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS", "BREW", "post",
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let call =
                Call::new(method, format!("{path}?grant_type=client_credentials&token=x")).basic(WEB.id, WEB.secret);
            let answer = lab.send(&call);
            answer.refused(405, "invalid_request");
            assert_eq!(answer.header("allow"), Some("POST"));
        }
    }
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ] {
        let answer = lab.send(&Call::new(method, METADATA));
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
    assert_eq!(
        lab.send(&Call::new(Method::HEAD, METADATA)).headers(),
        lab.send(&Call::get(METADATA)).headers()
    );
    assert!(lab.store.commits().is_empty());
}

#[test]
fn overriding_headers_override_nothing() {
    // I040, I035
    let lab = lab();
    for (name, value) in [
        ("x-http-method-override", "GET"),
        ("x-method-override", "DELETE"),
        ("connection", "authorization"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-url", "/introspect"),
        ("host", "evil.example"),
    ] {
        lab.send(&for_itself(&WEB).header(name, value)).granted();
        lab.send(&Call::get("/token").header(name, "POST"))
            .refused(405, "invalid_request");
    }
    lab.send(&for_itself(&WEB).with("_method", "GET")).granted();
}

#[test]
fn paths_are_exact() {
    // I043
    let lab = lab();
    for path in [
        "//token",
        "/./token",
        "/token/",
        "/token%2f",
        "/TOKEN",
        "/token;x",
        "/%74oken",
        "/a/../token",
        "/",
        "/x",
        "/tokens",
        "/authorize",
    ] {
        let request = Call::post(path).by(&WEB).request();
        assert!(
            oauth_testkit::block_on(lab.server.serve(&oauth_server::Incoming::of(&request))).is_none(),
            "{path}"
        );
    }
    lab.send(&Call::post("/token?").form("grant_type=client_credentials").by(&WEB))
        .granted();
    let nowhere = Call::post("/token").request();
    let beyond = oauth_testkit::block_on(lab.server.serve_at(99, &oauth_server::Incoming::of(&nowhere)));
    assert_eq!(beyond.status(), 404);
}

#[test]
fn metadata_is_readable_from_any_origin() {
    // I037
    let lab = lab_with_origins();
    for origin in ["https://app.example", "https://evil.example", "null"] {
        let answer = lab.send(&Call::get(METADATA).header("origin", origin));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let preflight = lab.send(&Call::new(Method::OPTIONS, METADATA).header("origin", origin));
        assert_eq!(preflight.status(), 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD"));
    }
}

#[test]
fn a_cached_document_serves_every_origin() {
    // I037: a cache keeps the answer that it got first, and pages are to read it all the same.
    let lab = lab();
    let plain = lab.send(&Call::get(METADATA));
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    let cross = lab.send(&Call::get(METADATA).header("origin", "https://app.example"));
    assert_eq!(plain.headers(), cross.headers());
}

#[test]
fn token_and_revocation_are_readable_from_registered_origins() {
    // I037, I038
    let lab = lab_with_origins();
    for path in ["/token", "/revoke", "/device_authorization"] {
        let answer = lab.send(&Call::post(path).header("origin", "https://app.example"));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let preflight = Call::new(Method::OPTIONS, path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = lab.send(&preflight);
        assert_eq!((answer.status(), answer.text().as_ref()), (204, ""));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("authorization, content-type")
        );
        for origin in [
            "null",
            "https://evil.example",
            "https://app.example.evil",
            "https://app.example:443",
            "HTTPS://APP.EXAMPLE",
            "https://app.example/",
            "http://app.example",
            "",
        ] {
            for method in [Method::POST, Method::OPTIONS] {
                let answer = lab.send(&Call::new(method, path).header("origin", origin));
                assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
                assert_eq!(answer.header("vary"), Some("Origin"), "caches must not mix origins");
            }
        }
        let bytes = lab.send(&Call::post(path).header("origin", b"\xff"));
        assert_eq!(bytes.header("access-control-allow-origin"), None);
    }
}

#[test]
fn introspection_is_for_no_browser_and_without_origins_nothing_is() {
    // I037, R071
    let closed = lab();
    let open = lab_with_origins();
    for (lab, path) in [
        (&open, "/introspect"),
        (&closed, "/token"),
        (&closed, "/revoke"),
        (&closed, "/introspect"),
    ] {
        for method in [Method::POST, Method::OPTIONS] {
            let answer = lab.send(&Call::new(method, path).header("origin", "https://app.example"));
            assert!(
                answer
                    .headers()
                    .keys()
                    .all(|name| !name.as_str().starts_with("access-control-")),
                "{path}"
            );
        }
    }
}

#[test]
fn an_error_is_as_readable_for_a_page_as_a_success() {
    let lab = lab_with_origins();
    let code = lab.code(&APP);
    for call in [
        oauth_testkit::lab::redemption(&APP, &code),
        oauth_testkit::lab::redemption(&APP, &code),
        revoking(&APP, "x"),
        Call::get("/token"),
    ] {
        let answer = lab.send(&call.header("origin", "https://app.example"));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("WWW-Authenticate, Retry-After")
        );
    }
}

#[test]
fn a_request_without_origin_gets_no_cors_header() {
    let lab = lab_with_origins();
    for call in [for_itself(&WEB), revoking(&WEB, "x"), introspecting(&API, "x")] {
        let answer = lab.send(&call);
        assert!(
            answer
                .headers()
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-"))
        );
    }
}
