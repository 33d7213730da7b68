//! The device page: who can decide about a code, and what does not.

use crate::common::clients::{self, ALICE, BOB};
use crate::common::devices::{Codes, DEVICE, TELEVISION, connect, enter, type_code};
use crate::common::{Browser, Config, Daemon, Page, Tokens, encoded};

use super::forms::only_from_its_own_page;
use super::pages::{cookies_are_kept_from_scripts, is_a_safe_page};

/// An address of somebody else's.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

/// A code that no device has: it is drawn by chance from 20^8.
const WRONG: &str = "BBBB-BBBB";

fn served() -> Daemon {
    Daemon::serve(&Config::in_memory().with_every_grant())
}

/// Tokens for a device, and whose they are.
fn fetched(daemon: &Daemon, codes: &Codes) -> (Tokens, String) {
    let tokens = Tokens::of(&daemon.poll(codes));
    let told = daemon.introspect(&tokens.access);
    assert_eq!(told["client_id"], "tv");
    let subject = told["sub"].as_str().expect("a subject").to_owned();
    (tokens, subject)
}

/// The one message of a page that refuses something.
fn message(page: &Page) -> String {
    let html = page.answer.text();
    let (_, rest) = html.split_once("role=\"alert\"").expect("it says what is wrong");
    rest.split_once("</div>").expect("the message ends").0.to_owned()
}

/// The page for a code that is not taken.
fn is_refused(page: &Page) {
    assert_eq!((page.answer.status, page.heading().as_str()), (400, "Connect a device"));
    message(page);
}

#[test]
fn a_device_is_connected_by_whoever_has_it_in_front_of_them() {
    let daemon = served();
    let codes = daemon.codes();
    let mut browser = daemon.browser();
    let page = enter(&mut browser, &codes);
    assert_eq!(page.heading(), "Sign in");
    assert!(page.words().contains("Television"), "{}", page.words());
    let page = clients::sign_in(&mut browser, &page, "alice", ALICE).page();
    for said in ["Television", &codes.user, "alice", "read", "profile"] {
        assert!(page.words().contains(said), "{said}: {}", page.words());
    }
    assert_eq!(daemon.poll_error(&codes), "authorization_pending");
    let page = clients::decide(&mut browser, &page, "approve").page();
    assert_eq!(page.heading(), "You can go back to your device");
    let (tokens, subject) = fetched(&daemon, &codes);
    assert_eq!(subject, "alice");
    assert!(daemon.is_active(&tokens.access) && !tokens.refresh.is_empty());
    assert_eq!(daemon.poll_error(&codes), "invalid_grant", "one code, one redemption");
    assert!(daemon.is_active(&tokens.access), "a poll too many ends nothing");
    for secret in [&codes.user, &codes.device, &tokens.access, &tokens.refresh] {
        assert!(!daemon.output().contains(secret.as_str()), "it is not logged");
    }
}

#[test]
fn a_code_may_be_typed_in_small_letters_and_without_its_dash() {
    let daemon = served();
    for dashed in ["", " "] {
        let codes = daemon.codes();
        let typed = codes.user.replace('-', dashed).to_lowercase();
        let page = connect(&mut daemon.browser(), &codes.page, &typed, "approve");
        assert_eq!(page.answer.status, 200, "{}", page.words());
        assert_eq!(fetched(&daemon, &codes).1, "alice");
    }
    let codes = daemon.codes();
    let link = format!(
        "{}?user_code={}",
        codes.page,
        codes.user.replace('-', "").to_lowercase()
    );
    let page = daemon.browser().open(&link).page();
    assert_eq!(page.form("/device").value("user_code"), Some(codes.user.as_str()));
}

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
fn a_code_that_has_expired_is_one_that_is_not_known() {
    let daemon = Daemon::serve(&Config {
        tokens: "device_code_lifetime = \"1s\"".to_owned(),
        ..Config::in_memory().with_every_grant()
    });
    let codes = daemon.codes();
    let mut alice = daemon.signed_in("alice", ALICE);
    let deadline = crate::common::Deadline::in_seconds(30);
    // It is entered and asked about until it is gone.
    let page = loop {
        let page = enter(&mut alice, &codes);
        if page.answer.status != 200 {
            break page;
        }
        assert!(!deadline.is_over(), "it never expires");
    };
    is_refused(&page);
    assert_eq!(daemon.poll_error(&codes), "expired_token");
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

#[test]
fn a_wrong_password_on_the_way_loses_no_device() {
    let daemon = served();
    let codes = daemon.codes();
    let mut browser = daemon.browser();
    let mut page = enter(&mut browser, &codes);
    for _ in 0..2 {
        page = clients::sign_in(&mut browser, &page, "alice", "wrong").page();
        assert_eq!(page.answer.status, 401);
        assert!(page.words().contains("Television"), "{}", page.words());
    }
    let page = clients::sign_in(&mut browser, &page, "alice", ALICE).page();
    assert!(page.words().contains(&codes.user), "{}", page.words());
    clients::decide(&mut browser, &page, "approve");
    assert_eq!(fetched(&daemon, &codes).1, "alice");
}

#[test]
fn another_account_goes_on_with_the_same_device() {
    let daemon = served();
    let codes = daemon.codes();
    let mut browser = daemon.signed_in("alice", ALICE);
    let of_alice = enter(&mut browser, &codes);
    let mut copy = browser.clone();
    let page = browser.submit(of_alice.form("/switch-account"), &[]).page();
    assert_eq!(page.heading(), "Sign in");
    assert!(page.words().contains("Television"), "{}", page.words());
    let before = clients::decide(&mut copy, &of_alice, "approve").page();
    assert!(
        (400..500).contains(&before.answer.status),
        "who is signed out decides nothing"
    );
    let question = clients::sign_in(&mut browser, &page, "bob", BOB).page();
    for said in ["Television", &codes.user, "bob"] {
        assert!(question.words().contains(said), "{said}: {}", question.words());
    }
    assert_eq!(daemon.poll_error(&codes), "authorization_pending");
    clients::decide(&mut browser, &question, "approve");
    assert_eq!(fetched(&daemon, &codes).1, "bob");
}

#[test]
fn what_a_device_may_do_is_on_the_account_page_and_ends_there() {
    let daemon = served();
    let mut alice = daemon.signed_in("alice", ALICE);
    // More than once: rows have no order, and the codes among them are nobody's.
    for _ in 0..8 {
        let codes = daemon.codes_for("read");
        let done = connect(&mut alice, &codes.page, &codes.user, "approve");
        assert!(done.answer.text().contains("href=\"/account\""), "it says where");
        let (tokens, _) = fetched(&daemon, &codes);
        let account = alice.open("/account").page();
        assert!(account.words().contains("Television"), "{}", account.words());
        alice.submit(account.form("/account/revoke"), &[]);
        assert!(!daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh));
        let again = daemon.refresh(&tokens.refresh, "tv");
        assert_eq!(again.error().as_deref(), Some("invalid_grant"));
        let account = alice.open("/account").page();
        assert!(!account.words().contains("Television"), "{}", account.words());
    }
}

/// Every page of a device's way, with the status that it has.
fn pages(daemon: &Daemon) -> Vec<(&'static str, u16, Page)> {
    let mut browser: Browser = daemon.browser();
    let codes = daemon.codes();
    let empty = browser.open(&codes.page).page();
    let linked = browser.open(&codes.complete).page();
    let refused = type_code(&mut browser, &codes.page, WRONG);
    let sign_in = enter(&mut browser, &codes);
    let wrong = clients::sign_in(&mut browser, &sign_in, "alice", "wrong").page();
    let question = clients::sign_in(&mut browser, &wrong, "alice", ALICE).page();
    let undecided = clients::decide(&mut browser, &question, "perhaps").page();
    let done = clients::decide(&mut browser, &question, "approve").page();
    let twice = clients::decide(&mut browser, &question, "approve").page();
    let denied = connect(&mut browser, &codes.page, &daemon.codes().user, "deny");
    let nothing = browser.open("/device/consent").page();
    let stranger = daemon.browser().open("/device/consent?user_code=x").page();
    vec![
        ("empty", 200, empty),
        ("linked", 200, linked),
        ("refused", 400, refused),
        ("sign-in", 200, sign_in),
        ("wrong password", 401, wrong),
        ("question", 200, question),
        ("undecided", 400, undecided),
        ("done", 200, done),
        ("twice", 400, twice),
        ("denied", 200, denied),
        ("no code", 400, nothing),
        ("a stranger", 400, stranger),
    ]
}

#[test]
fn every_page_of_a_device_has_the_headers_that_protect_it() {
    for (what, status, page) in pages(&served()) {
        assert_eq!(page.answer.status, status, "{what}: {}", page.words());
        is_a_safe_page(&page.answer, what);
        cookies_are_kept_from_scripts(&page.answer, what);
    }
}

#[test]
fn the_device_paths_have_their_methods_and_no_others() {
    let daemon = served();
    for (path, has) in [
        ("/device", ["GET", "HEAD", "POST"].as_slice()),
        ("/device/consent", &["GET", "HEAD", "POST"]),
        ("/device_authorization", &["POST"]),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "post"] {
            let answer = daemon.http().send(method, path, &[], b"");
            if has.contains(&method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                assert_eq!(answer.status, 405, "{method} {path}");
                assert!(answer.header("allow").is_some_and(|it| it.contains("POST")), "{path}");
            }
        }
        for longer in [format!("{path}/"), path.to_uppercase()] {
            assert_eq!(daemon.http().get(&longer).status, 404, "{longer}");
        }
    }
    // What is in the query of a POST is not in its form.
    let answer = daemon
        .http()
        .post("/device_authorization?client_id=tv", &[("scope", "read")]);
    assert_ne!(answer.status, 200);
}

#[test]
fn without_the_device_grant_nothing_of_it_is_there() {
    let daemon = Daemon::serve(&Config::in_memory());
    for path in ["/device", "/device_authorization", "/device/consent"] {
        for method in ["GET", "POST"] {
            assert_eq!(
                daemon.http().send(method, path, &[], b"").status,
                404,
                "{method} {path}"
            );
        }
    }
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server");
    assert!(!metadata.text().contains("device"), "{}", metadata.text());
    let form = [("grant_type", DEVICE), ("device_code", "x")];
    let answer = clients::as_client(&daemon.http(), "/token", "web", &form);
    assert_eq!(answer.error().as_deref(), Some("unsupported_grant_type"));
}

#[test]
fn a_server_for_devices_only_connects_them() {
    let daemon = Daemon::serve(&Config {
        grants: vec![DEVICE],
        clients: format!("{}{TELEVISION}", clients::CLIENTS),
        ..Config::in_memory()
    });
    for path in ["/authorize", "/consent"] {
        assert_eq!(daemon.http().get(path).status, 404, "{path}");
    }
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["grant_types_supported"], serde_json::json!([DEVICE]));
    let endpoint = metadata["device_authorization_endpoint"].as_str();
    assert_eq!(
        endpoint,
        Some(format!("{}/device_authorization", daemon.issuer).as_str())
    );
    let codes = daemon.codes();
    let mut browser = daemon.signed_in("alice", ALICE);
    let page = enter(&mut browser, &codes);
    let page = browser.submit(page.form("/switch-account"), &[]).page();
    let page = clients::sign_in(&mut browser, &page, "bob", BOB).page();
    let done = clients::decide(&mut browser, &page, "approve").page();
    assert_eq!(done.heading(), "You can go back to your device");
    let tokens = Tokens::of(&daemon.poll(&codes));
    assert!(tokens.refresh.is_empty(), "nobody could use it");
    let account = browser.open("/account").page();
    assert!(account.words().contains("Television"), "{}", account.words());
}
