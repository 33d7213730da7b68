//! The device page: how a person connects a device, and what is there of it.

use crate::common::clients::{self, ALICE, BOB};
use crate::common::devices::{Codes, DEVICE, TELEVISION, connect, enter, type_code};
use crate::common::{Browser, Config, Daemon, Page, Tokens};

use super::pages::{cookies_are_kept_from_scripts, is_a_safe_page};

/// A code that no device has: it is drawn by chance from 20^8.
pub(super) const WRONG: &str = "BBBB-BBBB";

pub(super) fn served() -> Daemon {
    Daemon::serve(&Config::in_memory().with_every_grant())
}

/// Tokens for a device, and whose they are.
pub(super) fn fetched(daemon: &Daemon, codes: &Codes) -> (Tokens, String) {
    let tokens = Tokens::of(&daemon.poll(codes));
    let told = daemon.introspect(&tokens.access);
    assert_eq!(told["client_id"], "tv");
    let subject = told["sub"].as_str().expect("a subject").to_owned();
    (tokens, subject)
}

/// The one message of a page that refuses something.
pub(super) fn message(page: &Page) -> String {
    let html = page.answer.text();
    let (_, rest) = html.split_once("role=\"alert\"").expect("it says what is wrong");
    rest.split_once("</div>").expect("the message ends").0.to_owned()
}

/// The page for a code that is not taken.
pub(super) fn is_refused(page: &Page) {
    assert_eq!((page.answer.status, page.heading().as_str()), (400, "Connect a device"));
    message(page);
}

#[test]
fn a_device_is_connected_by_whoever_has_it_in_front_of_them() {
    let daemon = served();
    let codes = daemon.codes();
    let mut browser = daemon.browser();
    let linked = browser.open(&codes.complete).page();
    let page = browser.submit(linked.form("/device"), &[]).page();
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
