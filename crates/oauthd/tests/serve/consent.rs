//! What a person decides, and when they need not be asked.

use crate::common::clients::{self, ALICE, FIRST_REQUEST, NATIVE_REQUEST, Request, SPA_REQUEST, WEB_REQUEST};
use crate::common::http::FORM;
use crate::common::{Browser, Config, Daemon, Landing, encoded};

fn is_asked(browser: &mut Browser, request: &Request) -> bool {
    match browser.open(&request.path("")) {
        Landing::Here(page) => {
            assert_eq!((page.answer.status, page.form("/consent").buttons.len()), (200, 2));
            true
        }
        Landing::Elsewhere(uri) => {
            assert!(uri.contains("code="));
            false
        }
    }
}

#[test]
fn only_the_word_approve_approves() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let consent = alice.open(&WEB_REQUEST.path("")).page();
    let form = consent.form("/consent").clone();
    let mut buttons = form.buttons.clone();
    buttons.sort();
    let named = |value: &str| ("decision".to_owned(), value.to_owned());
    assert_eq!(buttons, [named("approve"), named("deny")]);
    for decision in [
        "",
        "Approve",
        "APPROVE",
        "approve ",
        " approve",
        "yes",
        "1",
        "true",
        "approve\u{200b}",
        "approve,deny",
    ] {
        let answer = alice.submit_once(&form, &[("decision", decision)]);
        assert_eq!((answer.status, answer.location()), (400, None), "{decision:?}");
    }
    let undecided = alice.submit_once(&form, &[]);
    assert_eq!((undecided.status, undecided.location()), (400, None));
    for pair in [
        "decision=approve&decision=deny",
        "decision=deny&decision=approve",
        "decision[]=approve",
        "Decision=approve",
    ] {
        let body = format!("{}&{pair}", encoded(&form.filled(&[])));
        let answer = alice.send("POST", "/consent", &[FORM], body.as_bytes());
        assert_eq!((answer.status, answer.location()), (400, None), "{pair}");
    }
    let by_query = format!("/consent?{}&decision=approve", encoded(&form.filled(&[])));
    assert_eq!(alice.send("GET", &by_query, &[], b"").location(), None);

    let uri = alice.submit(&form, &[("decision", "approve")]).elsewhere();
    // What was registered stays, and what is answered is appended (RFC 6749 §3.1.2).
    assert!(uri.starts_with("https://web.example/callback?a=1&code="), "{uri}");
    assert_eq!(crate::common::http::parameter(&uri, "iss"), Some(daemon.issuer.clone()));
}

#[test]
fn a_denial_is_told_and_final() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let form = alice.open(&NATIVE_REQUEST.path("")).page().form("/consent").clone();
    let uri = alice.submit(&form, &[("decision", "deny")]).elsewhere();
    let told = |name| crate::common::http::parameter(&uri, name);
    assert_eq!(told("error").as_deref(), Some("access_denied"));
    assert_eq!(
        (told("state").as_deref(), told("iss")),
        (Some("some-state"), Some(daemon.issuer.clone()))
    );
    assert_eq!(told("code"), None);
    let again = alice.submit_once(&form, &[("decision", "approve")]);
    assert!(
        (400..500).contains(&again.status) && again.location().is_none(),
        "{}",
        again.status
    );
}

#[test]
fn a_consent_that_is_sent_twice_gives_one_code() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let form = alice.open(&NATIVE_REQUEST.path("")).page().form("/consent").clone();
    let first = alice.submit_once(&form, &[("decision", "approve")]);
    assert_eq!(
        first.status, 303,
        "never 307: the form would be sent on (RFC 9700 §4.12)"
    );
    let code = first.redirected_with("code").expect("a code");
    for decision in ["approve", "deny"] {
        let again = alice.submit_once(&form, &[("decision", decision)]);
        assert!(
            (400..500).contains(&again.status) && again.location().is_none(),
            "{}",
            again.status
        );
    }
    assert_eq!(
        daemon.redeem(&code, &NATIVE_REQUEST).status,
        200,
        "the code of the first is not harmed"
    );
}

#[test]
fn only_first_party_clients_that_nobody_can_pose_as_need_not_ask() {
    const PUSHY: Request = Request {
        client: "pushy",
        redirect_uri: "http://127.0.0.1:51004/callback",
        scope: "read",
    };
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    assert!(!is_asked(&mut alice, &FIRST_REQUEST));
    assert!(!is_asked(&mut alice, &SPA_REQUEST));
    // RFC 8252 §8.6: any program on the machine can claim that redirect URI.
    assert!(is_asked(&mut alice, &PUSHY));
    assert!(is_asked(&mut alice, &WEB_REQUEST));
    // RFC 6749 §10.2: a public client is asked for again.
    daemon.tokens(&mut alice, &NATIVE_REQUEST);
    assert!(is_asked(&mut alice, &NATIVE_REQUEST));
    // A first-party client still needs somebody to sign in.
    let mut stranger = daemon.browser();
    let page = stranger.open(&FIRST_REQUEST.path("")).page();
    let uri = clients::sign_in(&mut stranger, &page, "alice", ALICE).elsewhere();
    assert!(uri.starts_with(FIRST_REQUEST.redirect_uri) && uri.contains("code="));
}

#[test]
fn looking_with_head_changes_nothing() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    for request in [FIRST_REQUEST, WEB_REQUEST] {
        let answer = alice.send("HEAD", &request.path(""), &[], b"");
        assert!(
            answer.status < 300 && answer.location().is_none(),
            "{}: {}",
            request.client,
            answer.status
        );
        assert!(answer.body.is_empty());
    }
    let mut stranger = daemon.browser();
    stranger.send("HEAD", &WEB_REQUEST.path(""), &[], b"");
    assert!(stranger.cookies().is_empty(), "nothing was begun");
    for path in ["/account/revoke", "/sign-out", "/consent"] {
        let answer = alice.send("HEAD", path, &[], b"");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(alice.open("/account").page().heading(), "Your account");
}

#[test]
fn state_comes_back_as_it_was() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let long = "s".repeat(512);
    let longest = "s".repeat(4096);
    let states = [
        "x",
        &long,
        &longest,
        "a b+c%20d",
        "é ✓ 😀",
        "\r\nSet-Cookie: planted=1\r\n",
        "\"<script>'&amp;",
        "a&b=c;d#e?f/g",
        "\t\u{1}\u{7f}",
        "%00%0d%0a",
    ];
    let challenge = clients::pkce(clients::VERIFIER);
    for state in states {
        let good = format!("/authorize?{}", encoded(&FIRST_REQUEST.pairs(state, &challenge)));
        let bad = format!(
            "/authorize?{}",
            encoded(
                &Request {
                    scope: "beyond",
                    ..FIRST_REQUEST
                }
                .pairs(state, &challenge)
            )
        );
        for (path, outcome) in [(good, "code"), (bad, "error")] {
            let answer = alice.send("GET", &path, &[], b"");
            assert_eq!(answer.status, 303, "{state:?}");
            assert_eq!(
                answer.redirected_with("state").as_deref(),
                Some(state),
                "with {outcome}"
            );
            assert!(answer.redirected_with(outcome).is_some(), "{outcome} for {state:?}");
            assert_eq!(answer.all("location").count(), 1);
            assert!(
                !answer
                    .headers
                    .iter()
                    .any(|(_, value)| value.contains("planted=1\r") || value == "planted=1")
            );
        }
    }
    let too_long = "s".repeat(5000);
    let path = format!("/authorize?{}", encoded(&FIRST_REQUEST.pairs(&too_long, &challenge)));
    let answer = alice.send("GET", &path, &[], b"");
    assert_eq!(answer.redirected_with("code"), None, "too long is refused, not cut");
    assert!(answer.status < 500);
}
