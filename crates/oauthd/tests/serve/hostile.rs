//! Every field of every form and every parameter of every endpoint, with what nobody should send.

use crate::common::clients::{self, ALICE, NATIVE_REQUEST, WEB_REQUEST, basic};
use crate::common::http::FORM;
use crate::common::{Answer, Browser, Config, Daemon, Form};

/// Values as they stand in a body or a query: encoded, or broken.
fn garbage() -> Vec<String> {
    let mut values: Vec<String> = [
        "",
        "%00",
        "x%00y",
        "%",
        "%2",
        "%zz",
        "%u0041",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%0d%0aSet-Cookie:%20planted=1",
        "%7f",
        "%1b[31m",
        "%E2%80%AE",
        "%EF%BB%BF",
        "%F0%9F%98%80",
        "e%CC%81",
        "%C2%85",
        "%E2%80%A8",
        "..%2f..%2fetc%2fpasswd",
        "'%20OR%201=1--",
        "%22;DROP%20TABLE%20credential;--",
        "{\"$gt\":\"\"}",
        "[]",
        "null",
        "true",
        "-1",
        "1e999",
        "99999999999999999999999",
        "%D9%A3",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "%25%36%31",
        "a=b=c",
        "a%26b",
        "a%3Bb",
        "+",
        "%2B",
        "%20",
        "%09",
        "\u{e9}",
        "x\u{1}y",
        "javascript:alert(1)",
        "//evil.example",
        "\\\\evil",
    ]
    .map(str::to_owned)
    .into();
    values.push("a".repeat(10_000));
    values.push("%41".repeat(5_000));
    values.push("+".repeat(2_000));
    values.push("a%20".repeat(2_000));
    values.push("%F0%9F%98%80".repeat(500));
    values
}

/// What every answer to nonsense is: no failure of the server, no code, no redirect that was made up.
fn is_harmless(answer: &Answer, what: &str) {
    assert!(
        answer.status < 500 && answer.status != 429,
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    assert!(answer.redirected_with("code").is_none(), "{what} gives a code");
    for (name, value) in &answer.headers {
        assert!(
            !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'),
            "{what}: {name}"
        );
        assert!(name != "set-cookie" || !value.starts_with("planted"), "{what}");
    }
    if let Some(location) = answer.location() {
        let known = ["/", "https://web.example/", "http://127.0.0.1:51004/callback"];
        assert!(
            known.iter().any(|start| location.starts_with(start)) && !location.starts_with("//"),
            "{what}: {location}"
        );
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("application/json") {
        let json = answer.json();
        assert!(json.is_object(), "{what}: {}", answer.text());
        for name in ["error", "error_description"] {
            // RFC 6749 §5.2: the characters that these may have.
            let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
            assert!(
                json[name].as_str().is_none_or(|text| text.chars().all(allowed)),
                "{what}: {}",
                answer.text()
            );
        }
    }
}

/// The server is none the worse for it.
fn still_serves(daemon: &mut Daemon) {
    assert!(daemon.is_alive());
    let mut browser = daemon.browser();
    let tokens = daemon.tokens(&mut browser, &WEB_REQUEST);
    assert!(daemon.is_active(&tokens.access));
    let output = daemon.output();
    assert!(!output.contains("panicked"), "{output}");
}

fn config() -> Config {
    Config {
        limits: "failed_authentications_per_minute = 0\ntoken_requests_per_minute_per_client = 0".to_owned(),
        ..Config::in_sqlite()
    }
}

/// The pairs with one value replaced, by bytes that are not encoded again.
fn with(pairs: &[(&str, &str)], name: &str, value: &str) -> String {
    let mut all: Vec<String> = pairs
        .iter()
        .filter(|(own, _)| *own != name)
        .map(|(name, value)| crate::common::encoded(&[(*name, *value)]))
        .collect();
    all.push(format!("{name}={value}"));
    all.join("&")
}

#[test]
fn garbage_in_any_parameter_of_the_token_endpoints_is_a_clean_refusal() {
    let mut daemon = Daemon::serve(&config());
    let http = daemon.http();
    let authorization = basic("web", clients::WEB);
    let requests: [(&str, &[(&str, &str)]); 7] = [
        (
            "/token",
            &[
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("redirect_uri", "https://web.example/other"),
                ("code_verifier", clients::VERIFIER),
                ("client_id", "web"),
            ],
        ),
        (
            "/token",
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
                ("scope", "read"),
            ],
        ),
        (
            "/token",
            &[
                ("grant_type", "client_credentials"),
                ("scope", "read"),
                ("resource", "https://api.example.com/"),
            ],
        ),
        (
            "/token",
            &[
                ("grant_type", "x"),
                ("client_assertion", "x"),
                ("client_assertion_type", "x"),
            ],
        ),
        ("/token", &[("client_secret", "x")]),
        ("/introspect", &[("token", "x"), ("token_type_hint", "access_token")]),
        ("/revoke", &[("token", "x"), ("token_type_hint", "refresh_token")]),
    ];
    for (path, pairs) in requests {
        for (name, _) in pairs {
            for value in garbage() {
                let body = with(pairs, name, &value);
                let headers = [FORM, ("authorization", &authorization)];
                is_harmless(
                    &http.send("POST", path, &headers, body.as_bytes()),
                    &format!("{path} {name}={value:.60}"),
                );
                let public = format!("{body}&client_id=native");
                is_harmless(
                    &http.send("POST", path, &[FORM], public.as_bytes()),
                    &format!("{path} {name}={value:.60}, public"),
                );
            }
            let twice = format!("{}&{name}=again", crate::common::encoded(pairs));
            let answer = http.send(
                "POST",
                path,
                &[FORM, ("authorization", &authorization)],
                twice.as_bytes(),
            );
            let repeatable = *name == "resource";
            assert!(answer.status >= 400 || repeatable, "{path} with two of {name}");
            is_harmless(&answer, &format!("{path} with two of {name}"));
        }
    }
    still_serves(&mut daemon);
}

#[test]
fn garbage_in_any_parameter_of_an_authorization_request_is_a_clean_refusal() {
    let mut daemon = Daemon::serve(&config());
    let mut alice = daemon.signed_in("alice", ALICE);
    let challenge = clients::pkce(clients::VERIFIER);
    let mut pairs = WEB_REQUEST.pairs("state", &challenge);
    pairs.extend([
        ("response_mode", "query"),
        ("prompt", "login"),
        ("max_age", "1"),
        ("nonce", "n"),
        ("login_hint", "x"),
        ("request", "x"),
        ("request_uri", "x"),
        ("resource", "x"),
        ("dpop_jkt", "x"),
        ("claims", "{}"),
        ("ui_locales", "x"),
    ]);
    let usual = WEB_REQUEST.pairs("state", &challenge);
    for (name, _) in &pairs {
        for value in garbage() {
            let query = with(&usual, name, &value);
            if query.is_ascii()
                && !query
                    .bytes()
                    .any(|byte| byte.is_ascii_control() || b" \"<>\\^`{|}".contains(&byte))
            {
                let answer = alice.send("GET", &format!("/authorize?{query}"), &[], b"");
                is_harmless(&answer, &format!("GET /authorize {name}={value:.60}"));
            }
            let answer = alice.send("POST", "/authorize", &[FORM], query.as_bytes());
            is_harmless(&answer, &format!("POST /authorize {name}={value:.60}"));
            if ["client_id", "redirect_uri"].contains(name) {
                assert_eq!(answer.location(), None, "{name}={value:.60} redirects");
            }
        }
    }
    still_serves(&mut daemon);
}

/// Sends garbage in each field of a form, the token of the session being right.
///
/// A password is checked slowly on purpose: where one is sent along, every third value has to do.
fn spoil(browser: &Browser, form: &Form, filled: &[(&str, &str)]) {
    let pairs = form.filled(filled);
    let is_slow = pairs.iter().any(|(name, _)| *name == "password");
    for (turn, (name, _)) in pairs.iter().enumerate() {
        let some = if is_slow && *name != "csrf" { 3 } else { 1 };
        for value in garbage().into_iter().skip(turn % some).step_by(some) {
            let mut sender = browser.clone();
            let body = with(&pairs, name, &value);
            let answer = sender.send("POST", &form.action, &[FORM], body.as_bytes());
            is_harmless(&answer, &format!("{} {name}={value:.60}", form.action));
        }
    }
}

#[test]
fn garbage_in_any_field_of_a_form_is_a_clean_refusal() {
    let mut daemon = Daemon::serve(&config());
    let mut stranger = daemon.browser();
    let page = stranger.open(&WEB_REQUEST.path("")).page();
    spoil(
        &stranger,
        page.form("/sign-in"),
        &[("username", "nobody"), ("password", "wrong")],
    );
    let page = stranger.open("/account").page();
    spoil(
        &stranger,
        page.form("/sign-in"),
        &[("username", "nobody"), ("password", "wrong")],
    );

    let mut alice = daemon.signed_in("alice", ALICE);
    let tokens = daemon.tokens(&mut alice, &WEB_REQUEST);
    let consent = alice.open(&NATIVE_REQUEST.path("")).page();
    spoil(&alice, consent.form("/consent"), &[("decision", "perhaps")]);
    spoil(&alice, consent.form("/switch-account"), &[("continue", "x")]);
    let account = alice.open("/account").page();
    let form = account.form("/account/revoke").clone();
    spoil(&alice, &form, &[("authorization", "x")]);
    assert!(daemon.is_active(&tokens.refresh));
    for value in garbage() {
        if value.is_ascii()
            && !value
                .bytes()
                .any(|byte| byte.is_ascii_control() || b" \"<>\\^`{|}".contains(&byte))
        {
            for path in ["/consent?request=", "/account?", "/readyz?", "/"] {
                let answer = alice.send("GET", &format!("{path}{value}"), &[], b"");
                is_harmless(&answer, &format!("GET {path}{value:.60}"));
            }
        }
    }
    still_serves(&mut daemon);
}

#[test]
fn what_is_too_large_is_refused_and_not_read() {
    let mut daemon = Daemon::serve(&config());
    let http = daemon.http();
    for path in ["/token", "/introspect", "/revoke", "/sign-in", "/consent", "/authorize"] {
        for body in [
            "a=".to_owned() + &"b".repeat(1 << 20),
            "a".repeat(1 << 20),
            "a=1&".repeat(1 << 18),
        ] {
            let answer = http.send("POST", path, &[FORM], body.as_bytes());
            assert!(
                [400, 401, 403, 413].contains(&answer.status),
                "{path}: {}",
                answer.status
            );
        }
        for (name, count) in [("many parameters", 10_000), ("as many as one may", 127)] {
            let body: Vec<String> = (0..count).map(|at| format!("p{at}=v")).collect();
            let answer = http.send("POST", path, &[FORM], body.join("&").as_bytes());
            assert!((400..500).contains(&answer.status), "{path}, {name}: {}", answer.status);
        }
    }
    let long = format!("/authorize?client_id={}", "x".repeat(40_000));
    assert!((400..500).contains(&http.get(&long).status));
    still_serves(&mut daemon);
}

#[test]
fn broken_client_authentication_is_refused_with_a_challenge() {
    let mut daemon = Daemon::serve(&config());
    let http = daemon.http();
    let long = format!("Basic {}", "QUFB".repeat(4000));
    let long_secret = basic("web", &"x".repeat(5000));
    let values = [
        "Basic",
        "Basic ",
        "Basic =",
        "Basic %%%",
        "Basic !!!!",
        "Basic d2Vi",
        "Basic Og==",
        "Basic d2ViOg==",
        "Basic OnNlY3JldA==",
        "Basic d2Vi OnNl",
        "Basic d2ViOng",
        "Basic d2ViOng=!",
        "Basic //79Ow==",
        "Basic d2ViOiV6eg==",
        "Basic d2ViOiVmZg==",
        "basic x y z",
        &long,
        &long_secret,
    ];
    for value in values {
        let form = [("grant_type", "client_credentials")];
        let answer = http.post_with("/token", &[("authorization", value)], &form);
        assert_eq!(answer.status, 401, "{value:.40}");
        assert_eq!(answer.error().as_deref(), Some("invalid_client"), "{value:.40}");
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|it| it.starts_with("Basic")),
            "{value:.40}"
        );
    }
    for value in [
        "",
        "Bearer x",
        "Digest username=web",
        "Negotiate AAAA",
        "\u{e9}",
        "Basic\td2ViOng=",
    ] {
        let answer = http.post_with(
            "/token",
            &[("authorization", value)],
            &[("grant_type", "client_credentials")],
        );
        assert!([400, 401].contains(&answer.status), "{value:?}: {}", answer.status);
    }
    // The header's case does not matter; what is between is one secret, with its colons.
    let good = basic("web", clients::WEB).replace("Basic", "bAsIc");
    let form = [("grant_type", "client_credentials")];
    assert_eq!(http.post_with("/token", &[("authorization", &good)], &form).status, 200);
    still_serves(&mut daemon);
}
