//! Forms that another site sends do nothing.

use crate::common::clients::{self, ALICE, BOB, NATIVE_REQUEST, WEB_REQUEST};
use crate::common::http::FORM;
use crate::common::{Browser, Config, Daemon, Form, encoded};

/// What is wrong with a form: in words, the token that it carries, and what the browser says of it.
type Wrong<'a> = (&'static str, Option<&'a str>, Vec<(&'static str, &'static str)>);

/// Sends a form with another token, or with what a browser says of other sites; every one has to be refused.
pub(super) fn only_from_its_own_page(browser: &Browser, form: &Form, filled: &[(&str, &str)], foreign_token: &str) {
    let attempts: [Wrong<'_>; 7] = [
        ("no token", None, vec![]),
        ("an empty token", Some(""), vec![]),
        (
            "a wrong token",
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            vec![],
        ),
        ("another session's token", Some(foreign_token), vec![]),
        (
            "from another site",
            form.value("csrf"),
            vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        ),
        (
            "from a neighbour",
            form.value("csrf"),
            vec![("sec-fetch-site", "same-site")],
        ),
        ("without a cookie", form.value("csrf"), vec![]),
    ];
    for (what, token, headers) in attempts {
        let mut pairs: Vec<(&str, &str)> = form
            .filled(filled)
            .into_iter()
            .filter(|(name, _)| *name != "csrf")
            .collect();
        pairs.extend(token.map(|token| ("csrf", token)));
        let mut sender = browser.clone();
        if what == "without a cookie" {
            sender = Browser::new(browser.http(), "http://unused");
        }
        let mut all = headers;
        all.push(FORM);
        let answer = sender.send("POST", &form.action, &all, encoded(&pairs).as_bytes());
        assert_eq!(answer.status, 403, "{} with {what}: {}", form.action, answer.text());
        assert_eq!(answer.location(), None, "{} with {what}", form.action);
        assert!(
            sender.cookies().is_empty() || sender.cookies() == browser.cookies(),
            "nobody is signed in by that"
        );
    }
    // Twice the same name: which of them counts is nobody's to choose.
    let token = form.value("csrf").unwrap();
    let doubled = format!("{}&csrf={token}", encoded(&form.filled(filled)));
    let answer = browser.clone().send("POST", &form.action, &[FORM], doubled.as_bytes());
    assert_eq!(answer.status, 403, "{} with two tokens", form.action);
}

#[test]
fn a_form_works_from_the_page_and_session_it_belongs_to_only() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let tokens = daemon.tokens(&mut alice, &WEB_REQUEST);
    let mut bob = daemon.signed_in("bob", BOB);
    let of_bob = bob
        .open("/account")
        .page()
        .form("/sign-out")
        .value("csrf")
        .unwrap()
        .to_owned();

    let consent = alice.open(&NATIVE_REQUEST.path("")).page();
    only_from_its_own_page(&alice, consent.form("/consent"), &[("decision", "approve")], &of_bob);
    only_from_its_own_page(&alice, consent.form("/switch-account"), &[], &of_bob);

    let account = alice.open("/account").page();
    only_from_its_own_page(&alice, account.form("/account/revoke"), &[], &of_bob);
    only_from_its_own_page(&alice, account.form("/sign-out"), &[], &of_bob);
    assert!(daemon.is_active(&tokens.access) && daemon.is_active(&tokens.refresh));
    assert_eq!(
        alice.open("/account").page().heading(),
        "Your account",
        "she is still signed in"
    );

    // Signing somebody in as oneself is an attack as well (login CSRF).
    let mut stranger = daemon.browser();
    let page = stranger.open("/account").page();
    let right = [("username", "alice"), ("password", ALICE)];
    only_from_its_own_page(&stranger, page.form("/sign-in"), &right, &of_bob);

    // After all that, each of them still does what it is for.
    let uri = alice
        .submit(consent.form("/consent"), &[("decision", "approve")])
        .elsewhere();
    assert!(uri.starts_with(NATIVE_REQUEST.redirect_uri) && uri.contains("code="));
    let account = alice.open("/account").page();
    let form = account
        .forms
        .iter()
        .find(|form| form.action.ends_with("/account/revoke"))
        .expect("there is something to revoke");
    let page = alice.submit(form, &[]).page();
    assert_eq!(page.answer.status, 200);
    assert!(!daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh));
}

#[test]
fn nobody_ends_what_somebody_else_granted() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let tokens = daemon.tokens(&mut alice, &WEB_REQUEST);
    let of_alice = alice.open("/account").page();
    let authorization = of_alice
        .form("/account/revoke")
        .value("authorization")
        .unwrap()
        .to_owned();

    let mut bob = daemon.signed_in("bob", BOB);
    daemon.tokens(&mut bob, &WEB_REQUEST);
    let own = bob.open("/account").page();
    let form = own.form("/account/revoke").clone();
    assert_ne!(form.value("authorization"), Some(authorization.as_str()));
    bob.submit(&form, &[("authorization", &authorization)]);
    assert!(daemon.is_active(&tokens.access) && daemon.is_active(&tokens.refresh));
    for garbage in ["", "x", "../..", "00000000-0000-0000-0000-000000000000", "\u{0}"] {
        let answer = bob.submit_once(&form, &[("authorization", garbage)]);
        assert!(answer.status < 500, "{garbage:?}: {}", answer.status);
    }
    assert!(daemon.is_active(&tokens.access));
}

#[test]
fn a_request_belongs_to_the_browser_that_began_it() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut alice = daemon.signed_in("alice", ALICE);
    let mut bob = daemon.signed_in("bob", BOB);
    let of_alice = alice.open(&WEB_REQUEST.path("")).page().form("/consent").clone();
    let of_bob = bob.open(&NATIVE_REQUEST.path("")).page().form("/consent").clone();
    let handle = of_alice.value("continue").unwrap();

    // Bob, with a form of his own, decides what Alice was asked.
    let answer = bob.submit_once(&of_bob, &[("continue", handle), ("decision", "approve")]);
    assert!(
        (400..500).contains(&answer.status) && answer.location().is_none(),
        "{}",
        answer.status
    );
    let answer = bob.send("GET", &format!("/consent?request={handle}"), &[], b"");
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    let uri = alice.submit(&of_alice, &[("decision", "approve")]).elsewhere();
    assert!(uri.contains("code="));
    // A sign-in form is bound in the same way.
    let mut first = daemon.browser();
    let mut second = daemon.browser();
    let of_first = first.open(&WEB_REQUEST.path("")).page().form("/sign-in").clone();
    let of_second = second.open(&WEB_REQUEST.path("")).page().form("/sign-in").clone();
    let stolen = of_first.value("continue").unwrap();
    let right = [
        ("continue", stolen),
        ("username", "alice"),
        ("password", clients::ALICE),
    ];
    let answer = second.submit_once(&of_second, &right);
    assert!(
        (400..500).contains(&answer.status) && answer.location().is_none(),
        "{}",
        answer.status
    );
}
