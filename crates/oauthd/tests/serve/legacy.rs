//! The grants that nobody should use any more: only there when asked for, and no easier to attack than the others.

use crate::common::clients::{self, ALICE, BOB, MALLORY};
use crate::common::devices::{self, DEVICE, with_password};
use crate::common::{Answer, Config, Daemon};

/// An address of somebody else's.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

fn served() -> Daemon {
    Daemon::serve(&Config::in_memory().with_every_grant())
}

fn sign_in_status(daemon: &Daemon, from: [u8; 4], username: &str, password: &str) -> u16 {
    let mut browser = daemon.browser().moved_to(&daemon.http().from(from));
    let page = browser.open("/account").page();
    let filled = [("username", username), ("password", password)];
    browser.submit_once(page.form("/sign-in"), &filled).status
}

/// All of an answer but the moment it was given.
fn timeless(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "date");
    (answer.status, headers, answer.text())
}

#[test]
fn every_refused_password_looks_the_same_to_a_client() {
    let daemon = served();
    let first = with_password(&daemon.http(), "", "alice", "wrong");
    assert_eq!((first.status, first.error().as_deref()), (400, Some("invalid_grant")));
    let long = "x".repeat(2000);
    for (username, password) in [
        ("nobody-of-that-name", "wrong"),
        ("nobody-of-that-name", ALICE),
        ("mallory", MALLORY),
        ("mallory", "wrong"),
        ("ALICE", ALICE),
        ("alice ", ALICE),
        ("alice", &long),
        (&long, ALICE),
    ] {
        let answer = with_password(&daemon.http(), "", username, password);
        assert_eq!(timeless(&answer), timeless(&first), "{username}");
    }
    assert_eq!(with_password(&daemon.http(), "", "alice", ALICE).status, 200);
}

#[test]
fn wrong_passwords_count_together_wherever_they_are_tried() {
    let daemon = served();
    let here = [127, 0, 0, 1];
    for _ in 0..10 {
        assert_eq!(with_password(&daemon.http(), "", "alice", "wrong").status, 400);
        assert_eq!(sign_in_status(&daemon, here, "alice", "wrong"), 401);
    }
    let answer = with_password(&daemon.http(), "", "alice", ALICE);
    assert_eq!(answer.status, 429, "{}", answer.text());
    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{wait:?}");
    assert!(answer.error().is_some(), "{}", answer.text());
    assert_eq!(sign_in_status(&daemon, here, "alice", ALICE), 429);
    // Others are served: other people from here, the same person from elsewhere.
    assert_eq!(with_password(&daemon.http(), "", "bob", BOB).status, 200);
    assert_eq!(
        with_password(&daemon.http().from(ELSEWHERE), "", "alice", ALICE).status,
        200
    );
    assert_eq!(sign_in_status(&daemon, ELSEWHERE, "alice", ALICE), 303);
}

#[test]
fn a_password_opens_nothing_for_clients_that_may_not_bring_one() {
    let daemon = served();
    let form = [("grant_type", "password"), ("username", "alice"), ("password", ALICE)];
    for client in ["web", "native", "tv", "page"] {
        let answer = clients::as_client(&daemon.http(), "/token", client, &form);
        assert_eq!(answer.error().as_deref(), Some("unauthorized_client"), "{client}");
    }
    let query = "/token?grant_type=password&username=alice&password=x&client_id=tv";
    assert_eq!(daemon.http().get(query).status, 405);
}

#[test]
fn an_implicit_token_comes_in_the_fragment_to_the_client_that_may_have_it() {
    let daemon = served();
    let mut alice = daemon.signed_in("alice", ALICE);
    let page = alice.open(&devices::implicit_path("")).page();
    assert!(page.words().contains("Page of long ago"), "{}", page.words());
    let uri = clients::decide(&mut alice, &page, "approve").elsewhere();
    let (target, fragment) = uri.split_once('#').expect("a fragment");
    assert_eq!(target, "https://page.example/callback");
    let token = crate::common::http::parameter(&format!("?{fragment}"), "access_token").expect("a token");
    assert_eq!(daemon.introspect(&token)["sub"], "alice");
    assert!(!fragment.contains("refresh_token") && fragment.contains("state=some-state"));
    assert!(!daemon.output().contains(&token), "it is not logged");
    // It is on the account page, and ends there.
    let account = alice.open("/account").page();
    assert!(account.words().contains("Page of long ago"), "{}", account.words());
    alice.submit(account.form("/account/revoke"), &[]);
    assert!(!daemon.is_active(&token));

    let other = devices::implicit_path("").replace("client_id=page", "client_id=web");
    let other = other.replace("page.example%2Fcallback", "web.example%2Fother");
    let uri = alice.open(&other).elsewhere();
    assert!(
        uri.contains("error=unauthorized_client") && !uri.contains("access_token"),
        "{uri}"
    );
}

#[test]
fn who_is_disabled_gets_nothing_by_any_grant() {
    let daemon = Daemon::serve(&Config::in_sqlite().with_every_grant());
    let good = |arguments: &[&str], input: Option<&str>| {
        let output = daemon.admin(arguments, input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let password = "a password for carol";
    good(&["user", "add", "carol", "--password-stdin"], Some(password));
    let mut carol = daemon.signed_in("carol", password);
    let [allowed, asked, entered] = [daemon.codes(), daemon.codes(), daemon.codes()];
    let page = devices::enter(&mut carol, &allowed);
    clients::decide(&mut carol, &page, "approve");
    let question = devices::enter(&mut carol, &asked);
    let implicit = carol.open(&devices::implicit_path("")).page();
    assert_eq!(with_password(&daemon.http(), "", "carol", password).status, 200);

    good(&["user", "disable", "carol"], None);
    assert_eq!(
        daemon.poll_error(&allowed),
        "invalid_grant",
        "allowed before, and not fetched"
    );
    let refused = clients::decide(&mut carol, &question, "approve").page();
    assert!((400..500).contains(&refused.answer.status), "{}", refused.heading());
    assert_eq!(daemon.poll_error(&asked), "authorization_pending");
    let page = devices::enter(&mut carol, &entered);
    assert_eq!(page.heading(), "Sign in");
    let page = clients::sign_in(&mut carol, &page, "carol", password).page();
    assert_eq!(page.answer.status, 401);
    let landing = carol.submit_once(implicit.form("/consent"), &[("decision", "approve")]);
    assert!(!landing.location().unwrap_or_default().contains("access_token"));
    assert_eq!(carol.open(&devices::implicit_path("")).page().heading(), "Sign in");
    let answer = with_password(&daemon.http(), "", "carol", password);
    assert_eq!((answer.status, answer.error().as_deref()), (400, Some("invalid_grant")));
}

#[test]
fn by_default_only_the_grants_that_can_be_recommended_are_there() {
    let daemon = Daemon::serve(&Config {
        grants: vec![],
        ..Config::in_memory()
    });
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server").json();
    let list = |name: &str| -> Vec<String> { serde_json::from_value(metadata[name].clone()).unwrap_or_default() };
    let mut grants = list("grant_types_supported");
    grants.sort();
    assert_eq!(
        grants,
        ["authorization_code", "client_credentials", "refresh_token", DEVICE]
    );
    assert_eq!(list("response_types_supported"), ["code"]);
    let form = [("grant_type", "password"), ("username", "alice"), ("password", ALICE)];
    let answer = clients::as_client(&daemon.http(), "/token", "web", &form);
    assert_eq!(answer.error().as_deref(), Some("unsupported_grant_type"));
    let token = devices::implicit_path("").replace("client_id=page", "client_id=web");
    let token = token.replace("page.example%2Fcallback", "web.example%2Fother");
    let uri = daemon.browser().open(&token).elsewhere();
    assert!(uri.contains("error=unsupported_response_type"), "{uri}");
}

#[test]
fn check_calls_password_and_implicit_weak_and_the_device_grant_not() {
    let daemon = served();
    let output = daemon.admin(&["check"], None);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for (at, is_weak) in [(3, false), (4, true), (5, true)] {
        assert_eq!(said.contains(&format!("grants.enabled[{at}]")), is_weak, "{said}");
    }
}

#[test]
fn what_ends_all_of_a_person_ends_a_device_that_has_not_fetched_its_tokens() {
    for command in [
        ["user", "passwd", "carol", "--password-stdin"].as_slice(),
        &["token", "revoke", "--subject", "carol"],
    ] {
        let daemon = Daemon::serve(&Config::in_sqlite().with_every_grant());
        daemon.admin(
            &["user", "add", "carol", "--password-stdin"],
            Some("a password for carol"),
        );
        let mut carol = daemon.signed_in("carol", "a password for carol");
        let codes = daemon.codes();
        let page = devices::enter(&mut carol, &codes);
        clients::decide(&mut carol, &page, "approve");
        let output = daemon.admin(command, Some("another password for carol"));
        assert!(output.status.success());
        assert_eq!(daemon.poll_error(&codes), "invalid_grant", "{command:?}");
    }
}
