//! Codes of other people's devices, guesses, forms from elsewhere, second thoughts: what a decision about a device withstands.

use crate::common::clients::{self, ALICE, BOB};
use crate::common::devices::{connect, enter, type_code};
use crate::common::{Config, Daemon, encoded};

use super::device::{WRONG, fetched, is_refused, message, served};
use super::forms::only_from_its_own_page;
use super::pages::is_a_safe_page;

/// An address of somebody else's.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

#[test]
fn only_the_browser_that_entered_the_code_decides() {
    let daemon = served();
    let codes = daemon.codes();
    let mut alice = daemon.signed_in("alice", ALICE);
    let question = enter(&mut alice, &codes);
    let mut bob = daemon.signed_in("bob", BOB);
    // He knows the code, and types it, follows the link, asks for the question, or sends the decision at once.
    is_refused(&enter(&mut bob, &codes));
    let below = format!("/device/consent?user_code={}", codes.user);
    is_refused(&bob.open(&below).page());
    let csrf = bob
        .open("/account")
        .page()
        .form("/sign-out")
        .value("csrf")
        .unwrap()
        .to_owned();
    let form = question.form("/device/consent").clone();
    for decision in ["approve", "deny"] {
        is_refused(&bob.submit(&form, &[("csrf", &csrf), ("decision", decision)]).page());
    }
    let form = question.form("/switch-account").clone();
    is_refused(&bob.submit(&form, &[("csrf", &csrf)]).page());
    // Alice in another browser is another session as well.
    is_refused(&enter(&mut daemon.signed_in("alice", ALICE), &codes));
    assert_eq!(daemon.poll_error(&codes), "authorization_pending");
    clients::decide(&mut alice, &question, "approve");
    assert_eq!(fetched(&daemon, &codes).1, "alice");
}

#[test]
fn every_code_that_is_not_taken_gets_the_same_message() {
    let daemon = served();
    let mut browser = daemon.signed_in("alice", ALICE);
    let [denied, allowed, fetched_before, of_bob] = [daemon.codes(), daemon.codes(), daemon.codes(), daemon.codes()];
    connect(&mut browser, &denied.page, &denied.user, "deny");
    for codes in [&allowed, &fetched_before] {
        connect(&mut browser, &codes.page, &codes.user, "approve");
    }
    fetched(&daemon, &fetched_before);
    enter(&mut daemon.signed_in("bob", BOB), &of_bob);
    let first = type_code(&mut browser, "/device", WRONG);
    is_refused(&first);
    let long = "B".repeat(5000);
    for typed in [
        &denied.user,
        &allowed.user,
        &fetched_before.user,
        &of_bob.user,
        &denied.device,
        "",
        "AEIO-UAEI",
        "\"><script>alert(1)</script>",
        &long,
    ] {
        let page = type_code(&mut browser, "/device", typed);
        is_refused(&page);
        assert_eq!(message(&page), message(&first), "{typed}");
        is_a_safe_page(&page.answer, typed);
    }
}

#[test]
fn whoever_guesses_codes_has_to_wait_even_with_the_right_one() {
    let daemon = served();
    let codes = daemon.codes();
    let mut browser = daemon.signed_in("alice", ALICE);
    for at in 0..20 {
        // Every other time with a cookie of its own: that is no way around it.
        let mut guesser = if at % 2 == 0 { browser.clone() } else { daemon.browser() };
        is_refused(&type_code(&mut guesser, "/device", WRONG));
    }
    for (mut guesser, typed) in [
        (browser.clone(), WRONG),
        (browser.clone(), codes.user.as_str()),
        (daemon.browser(), codes.user.as_str()),
    ] {
        let page = type_code(&mut guesser, "/device", typed);
        assert_eq!(page.answer.status, 429, "{}", page.words());
        let wait = page
            .answer
            .header("retry-after")
            .and_then(|wait| wait.parse::<u64>().ok());
        assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{wait:?}");
        message(&page);
        is_a_safe_page(&page.answer, "too many guesses");
    }
    let forged = [crate::common::http::FORM, ("x-forwarded-for", "203.0.113.7")];
    let form = browser.open("/device").page().form("/device").clone();
    let body = encoded(&form.filled(&[("user_code", &codes.user)]));
    assert_eq!(browser.send("POST", "/device", &forged, body.as_bytes()).status, 429);
    // Somebody at another address is served, and other things are from here.
    let mut elsewhere = daemon.browser().moved_to(&daemon.http().from(ELSEWHERE));
    let page = connect(&mut elsewhere, &codes.page, &codes.user, "approve");
    assert_eq!(page.answer.status, 200, "{}", page.words());
    assert_eq!(fetched(&daemon, &codes).1, "alice");
    assert_eq!(daemon.signed_in("bob", BOB).open("/account").page().answer.status, 200);
}

#[test]
fn right_codes_are_never_too_many() {
    let daemon = Daemon::serve(&Config {
        limits: "failed_authentications_per_minute = 2".to_owned(),
        ..Config::in_memory().with_every_grant()
    });
    let mut browser = daemon.signed_in("alice", ALICE);
    for _ in 0..6 {
        let codes = daemon.codes();
        let page = connect(&mut browser, &codes.page, &codes.user, "approve");
        assert_eq!(page.answer.status, 200, "{}", page.words());
    }
}

#[test]
fn device_forms_work_from_the_page_and_session_they_belong_to_only() {
    let daemon = served();
    let codes = daemon.codes();
    let mut bob = daemon.signed_in("bob", BOB);
    let of_bob = bob
        .open("/device")
        .page()
        .form("/device")
        .value("csrf")
        .unwrap()
        .to_owned();
    let mut stranger = daemon.browser();
    let page = stranger.open(&codes.complete).page();
    only_from_its_own_page(&stranger, page.form("/device"), &[("user_code", &codes.user)], &of_bob);

    let mut alice = daemon.signed_in("alice", ALICE);
    let page = alice.open(&codes.complete).page();
    only_from_its_own_page(&alice, page.form("/device"), &[], &of_bob);
    let question = alice.submit(page.form("/device"), &[]).page();
    for decision in ["approve", "deny"] {
        let form = question.form("/device/consent");
        only_from_its_own_page(&alice, form, &[("decision", decision)], &of_bob);
    }
    only_from_its_own_page(&alice, question.form("/switch-account"), &[], &of_bob);
    // After all that the page still does what it is for, and only by its two words.
    for nonsense in ["", "perhaps", "APPROVE"] {
        let landing = alice.submit(question.form("/device/consent"), &[("decision", nonsense)]);
        assert_eq!(landing.page().answer.status, 400, "{nonsense}");
    }
    let both = format!(
        "{}&decision=approve&decision=deny",
        encoded(&question.form("/device/consent").filled(&[]))
    );
    let answer = alice.send("POST", "/device/consent", &[crate::common::http::FORM], both.as_bytes());
    assert_eq!(answer.status, 400);
    assert_eq!(daemon.poll_error(&codes), "authorization_pending");
    clients::decide(&mut alice, &question, "approve");
    assert_eq!(fetched(&daemon, &codes).1, "alice");
}

#[test]
fn following_a_link_never_allows_anything() {
    let daemon = served();
    let codes = daemon.codes();
    let mut alice = daemon.signed_in("alice", ALICE);
    let code = &codes.user;
    let links = [
        codes.complete.clone(),
        format!("/device?user_code={code}&decision=approve"),
        format!("/device/consent?user_code={code}"),
        format!("/device/consent?user_code={code}&decision=approve"),
        format!("/device/consent?continue=device:{code}&decision=approve"),
    ];
    for link in &links {
        alice.open(link);
    }
    // Nobody has entered it by that, so it is still anybody's; and the question alone is no answer.
    let question = enter(&mut alice, &codes);
    for link in &links {
        for method in ["GET", "HEAD"] {
            let path = link.strip_prefix(&daemon.issuer).unwrap_or(link);
            alice.send(method, path, &[], b"");
        }
    }
    assert_eq!(daemon.poll_error(&codes), "authorization_pending");
    clients::decide(&mut alice, &question, "approve");
    assert_eq!(fetched(&daemon, &codes).1, "alice");
}

#[test]
fn a_decision_is_made_once() {
    let daemon = served();
    let mut alice = daemon.signed_in("alice", ALICE);
    for (first, then) in [
        ("deny", "approve"),
        ("deny", "deny"),
        ("approve", "deny"),
        ("approve", "approve"),
    ] {
        let codes = daemon.codes();
        let question = enter(&mut alice, &codes);
        let done = clients::decide(&mut alice, &question, first).page();
        assert_eq!(done.answer.status, 200);
        // By the back button, or by a second click.
        is_refused(&clients::decide(&mut alice, &question, then).page());
        is_refused(&alice.open(&format!("/device/consent?user_code={}", codes.user)).page());
        if first == "deny" {
            assert_eq!(daemon.poll_error(&codes), "access_denied", "then {then}");
            assert_eq!(daemon.poll_error(&codes), "access_denied", "and it stays so");
        } else {
            assert_eq!(fetched(&daemon, &codes).1, "alice", "then {then}");
        }
    }
}
