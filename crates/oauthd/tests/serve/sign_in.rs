//! Passwords and secrets: one answer for every cause, and not too many of them.

use crate::common::clients::{self, ALICE, BOB, MACHINE, MALLORY, WEB, WEB_REQUEST, basic};
use crate::common::{Answer, Browser, Config, Daemon, Http};

/// An address of somebody else's.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

fn attempt(browser: &mut Browser, username: &str, password: &str) -> Answer {
    let page = browser.open("/account").page();
    let form = page.form("/sign-in").clone();
    browser.submit_once(&form, &[("username", username), ("password", password)])
}

#[test]
fn every_refused_sign_in_looks_the_same() {
    let daemon = Daemon::serve(&Config::in_memory());
    let causes = [
        ("alice", "wrong"),
        ("nobody-of-that-name", "wrong"),
        ("nobody-of-that-name", ALICE),
        ("mallory", MALLORY),
        ("mallory", "wrong"),
        ("alice", ""),
        ("", ALICE),
        ("ALICE", ALICE),
        ("alice ", ALICE),
        ("alice", "correct horse battery staple "),
        ("alice\u{200b}", ALICE),
    ];
    let mut seen: Option<(Vec<(String, String)>, String)> = None;
    for (username, password) in causes {
        let mut browser = daemon.browser();
        let page = browser.open("/account").page();
        let form = page.form("/sign-in").clone();
        let answer = browser.submit_once(&form, &[("username", username), ("password", password)]);
        assert_eq!(answer.status, 401, "{username:?} {password:?}");
        assert!(
            password.is_empty() || !answer.text().contains(password),
            "a password is never sent back"
        );
        // All but what the form holds for this browser and this person.
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| !["set-cookie", "date", "content-length"].contains(&name.as_str()));
        let html = answer.text();
        let message = html
            .split_once("role=\"alert\"")
            .and_then(|(_, rest)| rest.split_once("</div>"));
        let message = message.expect("it says that it was refused").0.to_owned();
        match &seen {
            None => seen = Some((headers, message)),
            Some(first) => assert_eq!(*first, (headers, message), "{username:?}"),
        }
    }
    assert_eq!(attempt(&mut daemon.browser(), "alice", ALICE).status, 303);
}

#[test]
fn too_many_wrong_passwords_close_the_door_for_that_name_and_address_only() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 5".to_owned(),
        ..Config::in_memory()
    });
    let mut browser = daemon.browser();
    let mut refused = 0;
    let throttled = loop {
        let answer = attempt(&mut browser, "alice", "wrong");
        match answer.status {
            401 => refused += 1,
            429 => break answer,
            other => panic!("{other}: {}", answer.text()),
        }
        assert!(refused <= 6, "more than five a minute");
    };
    assert_eq!(refused, 5);
    let wait: u64 = throttled
        .header("retry-after")
        .expect("it says when")
        .parse()
        .expect("in seconds");
    assert!((1..=120).contains(&wait), "{wait}");
    // The right password from there does not help: else guessing would go on.
    assert_eq!(attempt(&mut browser, "alice", ALICE).status, 429);
    assert_eq!(
        attempt(&mut daemon.browser(), "alice", ALICE).status,
        429,
        "not a matter of cookies"
    );
    let forged = [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
    ];
    let page = browser.open("/account").page();
    let form = page.form("/sign-in").clone();
    let body = crate::common::encoded(&form.filled(&[("username", "alice"), ("password", ALICE)]));
    for header in forged {
        let headers = [crate::common::http::FORM, header];
        assert_eq!(
            browser.send("POST", "/sign-in", &headers, body.as_bytes()).status,
            429,
            "{header:?}"
        );
    }
    // Others are served: other people from here, the same person from elsewhere.
    assert_eq!(attempt(&mut daemon.browser(), "bob", BOB).status, 303);
    let mut elsewhere = daemon.browser().moved_to(&daemon.http().from(ELSEWHERE));
    assert_eq!(attempt(&mut elsewhere, "alice", ALICE).status, 303);
}

#[test]
fn an_address_that_tries_many_names_is_closed_too() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 2".to_owned(),
        ..Config::in_memory()
    });
    let mut browser = daemon.browser();
    let mut refused = 0;
    for at in 0..25 {
        match attempt(&mut browser, &format!("name-{at}"), "wrong").status {
            401 => refused += 1,
            429 => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(refused, 20, "ten times as many for an address");
    assert_eq!(attempt(&mut browser, "bob", BOB).status, 429);
    let mut elsewhere = daemon.browser().moved_to(&daemon.http().from(ELSEWHERE));
    assert_eq!(attempt(&mut elsewhere, "bob", BOB).status, 303);
}

fn with_secret(http: &Http, path: &str, client: &str, secret: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("token", "x")];
    http.post_with(path, &[("authorization", &basic(client, secret))], &form)
}

#[test]
fn wrong_client_secrets_are_counted_over_all_endpoints() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 6".to_owned(),
        ..Config::in_memory()
    });
    let http = daemon.http();
    for round in 0..2 {
        for path in ["/token", "/introspect", "/revoke"] {
            let answer = with_secret(&http, path, "web", "wrong");
            assert_eq!(answer.status, 401, "{path} {round}");
            assert_eq!(answer.error().as_deref(), Some("invalid_client"));
            assert!(
                answer
                    .header("www-authenticate")
                    .is_some_and(|it| it.starts_with("Basic")),
                "{path}"
            );
            assert!(!answer.text().contains("wrong"), "{}", answer.text());
        }
    }
    for path in ["/token", "/introspect", "/revoke"] {
        let answer = with_secret(&http, path, "web", WEB);
        assert_eq!(answer.status, 429, "{path}");
        assert!(
            answer
                .header("retry-after")
                .is_some_and(|wait| wait.parse::<u64>().is_ok_and(|it| it > 0))
        );
        assert!(answer.error().is_some(), "{}", answer.text());
    }
    assert_eq!(with_secret(&http.from(ELSEWHERE), "/token", "web", WEB).status, 200);
    let machine = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", MACHINE),
    ];
    assert_eq!(
        http.post("/token", &machine).status,
        200,
        "another client from the same address"
    );
}

#[test]
fn right_secrets_are_never_too_many() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 3\ntoken_requests_per_minute_per_client = 0".to_owned(),
        ..Config::in_memory()
    });
    for _ in 0..20 {
        assert_eq!(with_secret(&daemon.http(), "/token", "web", WEB).status, 200);
    }
}

#[test]
fn a_client_that_asks_too_often_has_to_wait() {
    let daemon = Daemon::serve(&Config {
        limits: "token_requests_per_minute_per_client = 10".to_owned(),
        ..Config::in_memory()
    });
    let http = daemon.http();
    let statuses: Vec<u16> = (0..15)
        .map(|_| with_secret(&http, "/token", "web", WEB).status)
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        10,
        "{statuses:?}"
    );
    assert!(statuses[10..].iter().all(|status| *status == 429), "{statuses:?}");
    assert!(with_secret(&http, "/token", "web", WEB).header("retry-after").is_some());
    assert_eq!(
        with_secret(&http, "/introspect", "web", WEB).status,
        200,
        "tokens are counted, not questions"
    );
    let machine = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", MACHINE),
    ];
    assert_eq!(http.post("/token", &machine).status, 200, "others need not wait");
}

#[test]
fn an_unknown_client_and_a_wrong_secret_look_the_same() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let answers = [
        with_secret(&http, "/token", "web", "wrong"),
        with_secret(&http, "/token", "no-such-client", "wrong"),
        // Registered for another way to send its secret.
        with_secret(&http, "/token", "machine", MACHINE),
        with_secret(&http, "/token", "native", "anything"),
    ];
    for answer in &answers {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date");
        let mut first = answers[0].headers.clone();
        first.retain(|(name, _)| name != "date");
        assert_eq!((answer.status, headers, &answer.body), (401, first, &answers[0].body));
    }
}

#[test]
fn who_is_refused_loses_no_code() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut browser = daemon.browser();
    let code = daemon.code(&mut browser, &WEB_REQUEST);
    // A client that finds out by trial how to send its secret posts the code twice.
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", WEB_REQUEST.redirect_uri),
        ("code_verifier", clients::VERIFIER),
        ("client_id", "web"),
        ("client_secret", WEB),
    ];
    assert_eq!(
        daemon.http().post("/token", &form).status,
        401,
        "registered for the header only"
    );
    assert_eq!(daemon.redeem(&code, &WEB_REQUEST).status, 200);
}
