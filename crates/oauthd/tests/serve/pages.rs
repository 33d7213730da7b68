//! What every page has: the headers that protect it, no script, nothing from elsewhere.

use crate::common::browser::tags;
use crate::common::clients::{self, ALICE, NATIVE_REQUEST, WEB_REQUEST};
use crate::common::{Answer, Config, Daemon};

/// Looks at a page that people see.
pub(super) fn is_a_safe_page(answer: &Answer, what: &str) {
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8"),
        "{what}"
    );
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{what}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    let policy = answer
        .header("content-security-policy")
        .unwrap_or_else(|| panic!("{what} has no policy"));
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(answer.all("content-security-policy").count(), 1, "{what}");
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with("access-control")),
        "{what}"
    );

    let html = answer.text();
    assert!(html.starts_with("<!doctype html>"), "{what}");
    for (tag, attributes) in tags(&html) {
        assert!(
            !["script", "iframe", "object", "embed", "link"].contains(&tag.as_str()) || is_icon(&attributes),
            "{what}: <{tag}>"
        );
        for (name, value) in attributes {
            assert!(!name.starts_with("on") && name != "style", "{what}: <{tag} {name}>");
            if ["src", "href", "action", "srcset", "formaction", "poster"].contains(&name.as_str()) {
                let own = (value.starts_with('/') && !value.starts_with("//")) || value.starts_with("data:image/");
                assert!(own, "{what}: <{tag} {name}=\"{value}\">");
            }
        }
    }
}

fn is_icon(attributes: &[(String, String)]) -> bool {
    attributes.contains(&("rel".to_owned(), "icon".to_owned()))
}

pub(super) fn cookies_are_kept_from_scripts(answer: &Answer, what: &str) {
    for cookie in answer.all("set-cookie") {
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
            "{what}: {cookie}"
        );
        // Cookies know no ports: names that applications use would destroy their sessions.
        let name = cookie.split('=').next().unwrap_or_default().to_ascii_lowercase();
        assert!(
            !["session", "sessionid", "sid", "connect.sid", "csrf"].contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn every_page_has_the_headers_that_protect_it() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 3".to_owned(),
        ..Config::in_memory()
    });
    let http = daemon.http();
    let mut pages: Vec<(&str, u16, Answer)> = vec![
        ("sign-in", 200, http.get(&WEB_REQUEST.path(""))),
        (
            "sign-in by POST",
            200,
            http.post("/authorize", &WEB_REQUEST.pairs("s", &clients::pkce(clients::VERIFIER))),
        ),
        ("account, signed out", 200, http.get("/account")),
        (
            "unknown client",
            400,
            http.get("/authorize?response_type=code&client_id=nobody&redirect_uri=https://evil.example/"),
        ),
        (
            "unregistered redirect URI",
            400,
            http.get("/authorize?response_type=code&client_id=web&redirect_uri=https://evil.example/"),
        ),
        ("no parameters", 400, http.get("/authorize")),
        ("broken parameters", 400, http.get("/authorize?client_id=%zz")),
        ("no such path", 404, http.get("/no/such/path")),
        (
            "a form without a token",
            403,
            http.post("/sign-in", &[("username", "alice"), ("password", "x")]),
        ),
        ("a consent that nobody asked for", 400, http.get("/consent")),
    ];
    let mut browser = daemon.browser();
    let page = browser.open(&WEB_REQUEST.path("")).page();
    let form = page.form("/sign-in").clone();
    let wrong = [("username", "alice"), ("password", "wrong")];
    pages.push(("wrong password", 401, browser.submit_once(&form, &wrong)));
    for _ in 0..3 {
        browser.submit_once(&form, &wrong);
    }
    pages.push(("too many attempts", 429, browser.submit_once(&form, &wrong)));

    let mut signed_in = daemon.signed_in("bob", clients::BOB);
    pages.push(("account, empty", 200, signed_in.send("GET", "/account", &[], b"")));
    let consent = signed_in.open(&NATIVE_REQUEST.path("")).page();
    pages.push(("consent", 200, consent.answer.clone()));
    pages.push((
        "undecided",
        400,
        signed_in.submit_once(consent.form("/consent"), &[("decision", "perhaps")]),
    ));
    let form = consent.form("/switch-account").clone();
    pages.push(("another account", 200, signed_in.submit_once(&form, &[])));
    let mut signed_in = daemon.signed_in("bob", clients::BOB);
    let consent = signed_in.open(&NATIVE_REQUEST.path("")).page();
    signed_in.submit_once(consent.form("/consent"), &[("decision", "approve")]);
    let uri = consent.form("/consent").clone();
    pages.push((
        "decided twice",
        0,
        signed_in.submit_once(&uri, &[("decision", "approve")]),
    ));

    for (what, status, answer) in &pages {
        if *status == 0 {
            assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
        } else {
            assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        }
        is_a_safe_page(answer, what);
        cookies_are_kept_from_scripts(answer, what);
    }
}

#[test]
fn every_form_carries_the_token_of_its_session() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut browser = daemon.browser();
    daemon.tokens(&mut browser, &WEB_REQUEST);
    let mut stranger = daemon.browser();
    let pages = [
        stranger.open(&WEB_REQUEST.path("")).page(),
        stranger.open("/account").page(),
        browser.open(&WEB_REQUEST.path("")).page(),
        browser.open("/account").page(),
    ];
    for page in pages {
        assert!(!page.forms.is_empty(), "{}", page.path);
        for form in &page.forms {
            assert_eq!(form.method, "post", "{}", form.action);
            assert!(
                form.value("csrf").is_some_and(|token| token.len() >= 22),
                "{} {}",
                page.path,
                form.action
            );
        }
    }
}

#[test]
fn on_https_the_cookie_is_a_host_cookie() {
    let daemon = Daemon::serve(&Config {
        issuer: Some("https://auth.example.com".to_owned()),
        ..Config::in_memory()
    });
    let answer = daemon.http().get(&WEB_REQUEST.path(""));
    let cookie = answer.header("set-cookie").expect("the sign-in page sets a cookie");
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure") && !cookie.contains("Domain"),
        "{cookie}"
    );
    cookies_are_kept_from_scripts(&answer, "https");
}

#[test]
fn what_clients_are_called_cannot_become_markup() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut browser = daemon.signed_in("alice", ALICE);
    let consent = browser.open(&WEB_REQUEST.path("")).page();
    assert!(!consent.answer.text().contains("<b>web</b>"));
    let words = consent.words();
    for said in ["A <b>web</b> & app", "web.example", "alice", "read", "write"] {
        assert!(words.contains(said), "{said}: {words}");
    }
    // What a stranger types comes back as text.
    let mut stranger = daemon.browser();
    let page = stranger.open("/account").page();
    let form = page.form("/sign-in").clone();
    let typed = "\"><script>alert(1)</script>";
    let answer = stranger.submit_once(&form, &[("username", typed), ("password", "x")]);
    assert_eq!(answer.status, 401);
    is_a_safe_page(&answer, "a hostile username");
    let description = "/authorize?response_type=code&client_id=%3Cscript%3Ealert(1)%3C/script%3E&redirect_uri=x";
    is_a_safe_page(&daemon.http().get(description), "a hostile client_id");
}
