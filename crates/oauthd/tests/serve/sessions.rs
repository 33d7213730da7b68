//! Cookies and the people behind them.

use crate::common::clients::{self, ALICE, BOB, NATIVE_REQUEST, WEB_REQUEST};
use crate::common::{Browser, Config, Daemon};

const COOKIE: &str = "oauthd_session";

fn heading(browser: &mut Browser) -> String {
    browser.open("/account").page().heading()
}

#[test]
fn a_planted_cookie_is_not_signed_in_when_its_victim_is() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut attacker = daemon.browser();
    attacker.open(&WEB_REQUEST.path(""));
    let planted = attacker.cookie(COOKIE).expect("the sign-in page sets it").to_owned();

    let mut victim = daemon.browser();
    victim.set_cookie(COOKIE, &planted);
    let page = victim.open("/account").page();
    assert_eq!(victim.cookie(COOKIE), Some(planted.as_str()));
    let page = clients::sign_in(&mut victim, &page, "alice", ALICE).page();
    assert_eq!(page.heading(), "Your account");
    assert_ne!(
        victim.cookie(COOKIE),
        Some(planted.as_str()),
        "the secret changes at sign-in"
    );
    assert_eq!(heading(&mut attacker), "Sign in");
}

#[test]
fn a_sign_in_replaces_the_session_before_it() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut browser = daemon.signed_in("alice", ALICE);
    let mut copy = browser.clone();
    assert_eq!(heading(&mut copy), "Your account");
    let consent = browser.open(&NATIVE_REQUEST.path("")).page();
    let page = browser.submit(consent.form("/switch-account"), &[]).page();
    assert_eq!(
        heading(&mut copy),
        "Sign in",
        "whoever copied the cookie is signed out as well"
    );
    let consent = clients::sign_in(&mut browser, &page, "bob", BOB).page();
    assert!(consent.words().contains("bob"), "{}", consent.words());
    let uri = clients::decide(&mut browser, &consent, "approve").elsewhere();
    let code = crate::common::http::parameter(&uri, "code").unwrap();
    let answer = daemon.redeem(&code, &NATIVE_REQUEST);
    let told = daemon.introspect(&answer.member("access_token").unwrap());
    assert_eq!(told["sub"], "bob", "the code is that of whoever decided");
}

#[test]
fn a_signed_out_session_is_worth_nothing_wherever_its_cookie_is() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut browser = daemon.signed_in("alice", ALICE);
    let mut copy = browser.clone();
    let page = browser.open("/account").page();
    let page = browser.submit(page.form("/sign-out"), &[]).page();
    assert_eq!(page.heading(), "Sign in");
    assert_eq!(heading(&mut copy), "Sign in");
    // And its secret is not used for the next person's session.
    assert_ne!(copy.cookie(COOKIE), browser.cookie(COOKIE));
}

#[test]
fn cookies_that_this_server_did_not_make_are_nobodys() {
    let daemon = Daemon::serve(&Config::in_memory());
    let browser = daemon.signed_in("alice", ALICE);
    let good = browser.cookie(COOKIE).unwrap().to_owned();
    let flipped: String = good.chars().rev().collect();
    let other = "A".repeat(43);
    for cookies in [
        format!("{COOKIE}="),
        format!("{COOKIE}=x"),
        format!("{COOKIE}={flipped}"),
        format!("{COOKIE}={good}x"),
        format!("{COOKIE}=\"{good}\""),
        format!("{}={good}", COOKIE.to_uppercase()),
        // Two of one name: a neighbour on the host may have planted one of them.
        format!("{COOKIE}={other}; {COOKIE}={good}"),
        format!("{COOKIE}={good}; {COOKIE}={other}"),
        ";;;=;=x;".to_owned(),
        format!("{COOKIE}={}", "A".repeat(5000)),
    ] {
        let answer = daemon.http().get_with("/account", &[("cookie", &cookies)]);
        assert_eq!(answer.status, 200, "{cookies}");
        assert!(answer.text().contains("name=\"password\""), "{cookies} is somebody");
    }
    let split = daemon.http().get_with(
        "/account",
        &[("cookie", "a=b"), ("cookie", &format!("{COOKIE}={good}"))],
    );
    assert!(
        split.text().contains("Your account"),
        "cookies may come in several headers"
    );
}

#[test]
fn a_session_outlives_the_process_where_the_store_does() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let browser = daemon.signed_in("alice", ALICE);
    let daemon = daemon.restart();
    let mut browser = browser.moved_to(&daemon.http());
    assert_eq!(heading(&mut browser), "Your account");
}
