//! What is asked of every adapter, and the least that has to be answered.

use http::Method;
use oauth_testkit::http::{Answer, Call, Location};
use oauth_testkit::lab::{
    API, APP, MACHINE, POSTER, STRANGER, WEB, authorization, for_itself, introspecting, redemption, refreshing,
    revoking,
};

use crate::adapter::{Adapter, Delivery, Teller};
use crate::house::{House, MAX_BODY, OLD, OLD_REDIRECT};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const POSTS: [&str; 3] = ["/token", "/revoke", "/introspect"];

/// The same request at a server below the root.
fn below(prefix: &str, call: &Call) -> Call {
    let request = call.request();
    let mut moved = Call::new(request.method().clone(), format!("{prefix}{}", request.uri()));
    for (name, value) in request.headers() {
        moved = moved.header(name.as_str(), value.as_bytes());
    }
    moved.body("", request.body().clone())
}

fn location(answer: &Answer) -> Location {
    assert_eq!(answer.status(), 303, "{}", answer.text());
    Location::new(answer.header("location").unwrap())
}

async fn code<A: Adapter>(to: &mut Teller<'_, A>, request: &Call) -> String {
    location(&to.send(request).await).param("code").unwrap()
}

pub(crate) async fn every_grant<A: Adapter>(to: &mut Teller<'_, A>, house: &House) {
    for who in [WEB, POSTER, APP] {
        let code = code(to, &authorization(&who)).await;
        let tokens = to.send(&redemption(&who, &code)).await.granted();
        assert_eq!(tokens.scope, "read write");
        let rotated = to.send(&refreshing(&who, tokens.refresh())).await.granted();
        let narrowed = refreshing(&who, rotated.refresh()).with("scope", "read");
        assert_eq!(to.send(&narrowed).await.granted().scope, "read");
    }
    to.send(&for_itself(&MACHINE)).await.granted();
    to.send(&for_itself(&WEB).with("scope", "write")).await.granted();

    let device = Call::post("/device_authorization").with("scope", "read").by(&OLD);
    let asked = to.send(&device).await;
    let poll = Call::post("/token")
        .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
        .with("device_code", asked.member("device_code").unwrap())
        .by(&OLD);
    to.send(&poll).await.refused(400, "authorization_pending");
    to.send(&poll).await.refused(400, "slow_down");
    house.enter(&asked.member("user_code").unwrap()).await;
    to.send(&poll).await.granted();
    to.send(&poll).await.refused(400, "invalid_grant");

    let password = Call::post("/token").all(&[("grant_type", "password"), ("username", "alice"), ("scope", "read")]);
    let password = password.by(&OLD);
    to.send(&password.clone().with("password", "correct horse"))
        .await
        .granted();
    to.send(&password.with("password", "wrong"))
        .await
        .refused(400, "invalid_grant");

    let implicit = Call::get("/authorize").all(&[
        ("response_type", "token"),
        ("client_id", OLD.id),
        ("redirect_uri", OLD_REDIRECT),
        ("scope", "read"),
    ]);
    let location = location(&to.send(&implicit).await);
    assert!(location.uri().contains("#access_token="), "{location:?}");
}

pub(crate) async fn every_kind_of_error<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let spent = code(to, &authorization(&WEB)).await;
    let tokens = to.send(&redemption(&WEB, &spent)).await.granted();
    let replay = to.send(&redemption(&WEB, &spent)).await;
    replay.refused(400, "invalid_grant");
    to.send(&Call::get("/bearer").bearer(&tokens.access))
        .await
        .refused(401, "invalid_token");
    let fresh = code(to, &authorization(&APP)).await;
    let wrong = redemption(&APP, &fresh).set("code_verifier", "x".repeat(43));
    to.send(&wrong).await.refused(400, "invalid_grant");
    for (call, status, error) in [
        (refreshing(&APP, "nonsense"), 400, "invalid_grant"),
        (for_itself(&STRANGER), 400, "unauthorized_client"),
        (
            Call::post("/token").with("grant_type", "client_credentials"),
            401,
            "invalid_client",
        ),
        (
            Call::post("/token")
                .with("grant_type", "client_credentials")
                .basic("web", "wrong"),
            401,
            "invalid_client",
        ),
        (
            Call::post("/token").with("grant_type", "urn:example:other").by(&WEB),
            400,
            "unsupported_grant_type",
        ),
        (Call::post("/token").by(&WEB), 400, "invalid_request"),
        (for_itself(&WEB).with("scope", "admin"), 400, "invalid_scope"),
        (for_itself(&WEB).with("scope", "\u{fc}"), 400, "invalid_scope"),
        (
            for_itself(&WEB).with("grant_type", "client_credentials"),
            400,
            "invalid_request",
        ),
        (for_itself(&WEB).basic("web", "twice"), 400, "invalid_request"),
        (
            for_itself(&WEB).header("authorization", b"\xff"),
            400,
            "invalid_request",
        ),
    ] {
        to.send(&call).await.refused(status, error);
    }
}

pub(crate) async fn authorization_requests<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let get = authorization(&WEB);
    assert!(location(&to.send(&get).await).param("code").is_some());
    let post = Call::post("/authorize");
    let post = get
        .pairs()
        .iter()
        .fold(post, |post, (name, value)| post.with(name, value));
    assert!(location(&to.send(&post).await).param("code").is_some());
    for call in [&get, &post] {
        let denied = location(&to.send(&call.clone().header("x-deny", "yes")).await);
        assert_eq!(denied.param("error").as_deref(), Some("access_denied"));
    }
    for (call, error) in [
        (get.clone().without("code_challenge"), "invalid_request"),
        (
            get.clone().set("response_type", "id_token"),
            "unsupported_response_type",
        ),
        (get.clone().set("scope", "admin"), "invalid_scope"),
        (get.clone().with("state", "again"), "invalid_request"),
    ] {
        let sent_back = location(&to.send(&call).await);
        assert_eq!(sent_back.param("error").as_deref(), Some(error));
    }
    let large = post.clone().with("x", "x".repeat(MAX_BODY));
    for (call, status) in [
        (get.clone().set("client_id", "nobody"), 400),
        (get.clone().set("redirect_uri", "https://evil.example/"), 400),
        (Call::get("/authorize"), 400),
        (Call::get("/authorize?client_id=%zz"), 400),
        (post.clone().form("client_id=%zz"), 400),
        (post.clone().body("text/plain", "client_id=web"), 400),
        (large, 413),
        (Call::new(Method::PUT, "/authorize"), 405),
        (Call::new(Method::DELETE, "/authorize"), 405),
        // Only looked at, so that nothing is decided by it.
        (Call::new(Method::HEAD, get.request().uri().to_string()), 405),
    ] {
        let page = to.send(&call).await;
        assert_eq!(page.status(), status, "{call:?}");
        assert_eq!(page.header("location"), None);
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let broken = to.send_so(&post, Delivery::BrokenOff).await;
    assert_eq!(broken.status(), 400);
    assert!(
        location(&to.send_so(&post, Delivery::ByteByByte).await)
            .param("code")
            .is_some()
    );
}

pub(crate) async fn protected_resources<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let code = code(to, &authorization(&APP)).await;
    let full = to.send(&redemption(&APP, &code)).await.granted();
    let full = full.access.as_str();
    let narrow = to.send(&for_itself(&MACHINE)).await.granted().access;
    for path in [
        "/bearer",
        "/optional",
        "/scoped",
        "/guarded/bearer",
        "/guarded/optional",
        "/guarded/scoped",
        "/narrow/bearer",
    ] {
        let call = || Call::get(path);
        let good = to.send(&call().bearer(full)).await;
        let words = "Some(\"alice\") by app: read write";
        assert_eq!((good.status(), good.text().as_ref()), (200, words), "{path}");

        let absent = to.send(&call()).await;
        let basic = to.send(&call().basic("web", "x")).await;
        for answer in [absent, basic] {
            let expected = if path == "/optional" {
                (200, "nobody")
            } else {
                (401, "{}")
            };
            assert_eq!((answer.status(), answer.text().as_ref()), expected, "{path}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            let scoped = matches!(path, "/scoped" | "/narrow/bearer");
            assert_eq!(challenge.contains("scope=\"write\""), scoped, "{path}: {challenge}");
        }

        for bad in ["nonsense", "", "a b", &full[1..]] {
            let refused = to.send(&call().header("authorization", format!("Bearer {bad}"))).await;
            refused.refused(401, "invalid_token");
        }
        let twice = to.send(&call().bearer(full).bearer(full)).await;
        assert_eq!(twice.status(), 400, "{path}");
        let in_query = Call::get(format!("{path}?access_token={full}")).bearer(full);
        assert_eq!(to.send(&in_query).await.status(), 400, "{path}");

        let little = to.send(&call().bearer(&narrow)).await;
        if path.contains("scoped") || path.contains("narrow") {
            assert_eq!(little.status(), 403, "{path}");
            assert_eq!(little.member("error").as_deref(), Some("insufficient_scope"));
            assert!(little.header("www-authenticate").unwrap().contains("scope=\"write\""));
        } else {
            assert_eq!(little.text(), "None by machine: read");
        }
    }
}

pub(crate) async fn introspection_and_revocation<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let code = code(to, &authorization(&APP)).await;
    let tokens = to.send(&redemption(&APP, &code)).await.granted();
    for token in [tokens.access.as_str(), tokens.refresh()] {
        assert_eq!(to.send(&introspecting(&API, token)).await.json()["active"], true);
        assert_eq!(to.send(&introspecting(&WEB, token)).await.json()["active"], false);
        to.send(&introspecting(&APP, token)).await;
        to.send(&revoking(&STRANGER, token)).await;
        assert_eq!(to.send(&introspecting(&API, token)).await.json()["active"], true);
    }
    assert_eq!(to.send(&introspecting(&API, "nonsense")).await.json()["active"], false);
    to.send(&Call::post("/introspect").by(&API))
        .await
        .refused(400, "invalid_request");
    to.send(&Call::post("/introspect").with("token", "x"))
        .await
        .refused(401, "invalid_client");
    assert_eq!(to.send(&revoking(&APP, &tokens.access)).await.status(), 200);
    assert_eq!(to.send(&revoking(&APP, "nonsense")).await.status(), 200);
    to.send(&Call::post("/revoke").by(&APP))
        .await
        .refused(400, "invalid_request");
    let refused = to.send(&Call::get("/bearer").bearer(&tokens.access)).await;
    refused.refused(401, "invalid_token");
    assert_eq!(to.send(&revoking(&APP, tokens.refresh())).await.status(), 200);
    let ended = to.send(&refreshing(&APP, tokens.refresh())).await;
    ended.refused(400, "invalid_grant");
}

pub(crate) async fn methods_and_origins<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let plain = to.send(&Call::get(METADATA)).await;
    assert_eq!(plain.json()["issuer"], "https://auth.example");
    assert_eq!(to.send(&Call::new(Method::HEAD, METADATA)).await.status(), 200);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let refused = to.send(&Call::new(method, METADATA)).await;
        refused.refused(405, "invalid_request");
        assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    }
    for path in POSTS {
        for method in [
            "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "post",
        ] {
            let head = method == "HEAD";
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let refused = to.send(&Call::new(method, path)).await;
            assert_eq!((refused.status(), refused.header("allow")), (405, Some("POST")));
            assert_eq!(refused.text().is_empty(), head);
        }
    }
    for origin in ["https://app.example", "https://evil.example", "null"] {
        for path in [POSTS[0], POSTS[1], POSTS[2], METADATA] {
            let asked = |method| Call::new(method, path).header("origin", origin);
            let preflight = asked(Method::OPTIONS)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type");
            let answer = to.send(&preflight).await;
            assert_eq!((answer.status(), answer.text().as_ref()), (204, ""));
            to.send(&asked(Method::POST)).await;
            to.send(&asked(Method::GET)).await;
        }
    }
    for path in [
        "/",
        "//token",
        "/token/",
        "/TOKEN",
        "/%74oken",
        "/token%2f",
        "/token;x",
        "/tokens",
        "/a",
        "/one",
        "/one/",
        "/.well-known/",
        "/.well-known/oauth-authorization-server/three",
        "/one/.well-known/oauth-authorization-server",
    ] {
        let nothing = to.send(&Call::post(path).by(&WEB)).await;
        assert_eq!((nothing.status(), nothing.text().as_ref()), (404, ""), "{path}");
    }
}

pub(crate) async fn bodies_of_every_sort<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let form = "grant_type=client_credentials&scope=read&x=";
    let filled = |length: usize| format!("{form}{}", "x".repeat(length - form.len()));
    for delivery in [Delivery::AtOnce, Delivery::ByteByByte] {
        for path in POSTS {
            let call = Call::post(path).by(&WEB);
            let larger = to.send_so(&call.clone().form(filled(MAX_BODY + 1)), delivery).await;
            larger.refused(413, "invalid_request");
            let much_larger = to.send_so(&call.form(filled(20 * MAX_BODY)), delivery).await;
            much_larger.refused(413, "invalid_request");
        }
        let call = Call::post("/token").by(&WEB);
        to.send_so(&call.clone().form(filled(MAX_BODY)), delivery)
            .await
            .granted();
        to.send_so(&call.form(form), delivery).await.granted();
    }
    for path in POSTS {
        let call = || Call::post(path).by(&WEB);
        let broken = to.send_so(&call().form(form), Delivery::BrokenOff).await;
        broken.refused(400, "invalid_request");
        // It breaks off beyond the limit, which is further than anybody reads.
        let endless = call().form(filled(20 * MAX_BODY));
        let cut = to.send_so(&endless, Delivery::BrokenOff).await;
        cut.refused(413, "invalid_request");
        for (media_type, body) in [
            ("application/x-www-form-urlencoded", b"\xff\xfe\0\r\n".as_slice()),
            ("application/x-www-form-urlencoded", b"grant_type=%"),
            ("application/x-www-form-urlencoded", b"grant_type=%zz"),
            ("application/x-www-form-urlencoded", b"&&=&="),
            ("application/x-www-form-urlencoded", b""),
            ("application/x-www-form-urlencoded; charset=latin1", form.as_bytes()),
            ("application/json", b"{\"grant_type\":\"client_credentials\"}"),
            ("multipart/form-data; boundary=x", b"--x--"),
            ("text/plain", form.as_bytes()),
            ("", form.as_bytes()),
        ] {
            let refused = to.send(&call().body(media_type, body)).await;
            assert_eq!(refused.status(), 400, "{media_type}: {body:?}");
        }
        let compressed = call().form(form).header("content-encoding", "gzip");
        to.send(&compressed).await.refused(415, "invalid_request");
        let doubled = call()
            .form(form)
            .header("content-type", "application/x-www-form-urlencoded");
        to.send(&doubled).await.refused(400, "invalid_request");
    }
}

pub(crate) async fn several_issuers<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let mut tokens = Vec::new();
    for prefix in ["", "/one", "/a/two"] {
        let metadata = to.send(&Call::get(format!("{METADATA}{prefix}"))).await;
        assert_eq!(metadata.json()["issuer"], format!("https://auth.example{prefix}"));
        let answered = location(&to.send(&below(prefix, &authorization(&APP))).await);
        assert_eq!(answered.param("iss"), Some(format!("https://auth.example{prefix}")));
        let redeemed = redemption(&APP, &answered.param("code").unwrap());
        tokens.push(to.send(&below(prefix, &redeemed)).await.granted().access);
        to.send(&below(prefix, &revoking(&APP, "x"))).await;
        let refused = to.send(&Call::get(format!("{prefix}/token"))).await;
        refused.refused(405, "invalid_request");
        let large = Call::post(format!("{prefix}/token")).form("x".repeat(MAX_BODY + 1));
        to.send(&large).await.refused(413, "invalid_request");
        let lost = Call::get(format!("{prefix}/authorize")).with("client_id", "nobody");
        assert_eq!(to.send(&lost).await.status(), 400);
    }
    // Time and chance are the same for all three, and so are the tokens: what differs is who knows which.
    to.send(&revoking(&APP, &tokens[0])).await;
    for path in ["/bearer", "/guarded/bearer", "/narrow/bearer", "/scoped"] {
        for (prefix, status) in [("", 401), ("/one", 200), ("/a/two", 200)] {
            let call = Call::get(format!("{prefix}{path}")).bearer(&tokens[0]);
            assert_eq!(to.send(&call).await.status(), status, "{prefix}{path}");
        }
    }
}

pub(crate) async fn what_a_request_carries<A: Adapter>(to: &mut Teller<'_, A>, _: &House) {
    let call = Call::post("/mirror?a=b&c=%20+&d=\u{7e}")
        .body("text/plain", vec![b'x'; 100])
        .header("x-one", "1")
        .header("x-one", "2")
        .header("x-one", b"\xfc\xff")
        .header("cookie", "a=b")
        .header("accept-encoding", "gzip, br");
    let seen = to.send(&call).await;
    assert_eq!(seen.json()["bytes"], 100);
    assert_eq!(seen.json()["target"], "/mirror?a=b&c=%20+&d=~");
    assert_eq!(seen.json()["headers"].as_array().unwrap().len(), 6);
    assert_eq!(seen.headers().get_all("x-mirror").iter().count(), 2);
    for peer in ["192.0.2.7", "2001:db8::1"] {
        let seen = to.send(&call.clone().from(peer.parse().unwrap())).await;
        assert_eq!(seen.json()["peer"], peer);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        to.send(&Call::new(method, "/one/mirror")).await;
    }
}
