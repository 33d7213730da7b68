//! Commands: what they print, what they change and how they end.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/tokens.rs"]
mod tokens;

use std::process::Output;

use common::clients::{self, ALICE, WEB_REQUEST, basic, sign_in};
use common::{Config, Daemon};
use serde_json::Value;

/// What a command printed, if it ended well.
fn good(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// What a command printed as JSON.
fn json(output: &Output) -> Value {
    serde_json::from_str(&good(output)).expect("JSON is printed, and nothing else")
}

/// What a command complained of, if it ended with that code.
fn refused(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(!said.trim().is_empty(), "it says why");
    said
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

/// The status of a token request with that secret.
fn token_status(daemon: &Daemon, client: &str, secret: &str) -> u16 {
    let form = [("grant_type", "client_credentials"), ("scope", "read")];
    daemon
        .http()
        .post_with("/token", &[("authorization", &basic(client, secret))], &form)
        .status
}

fn sign_in_status(daemon: &Daemon, username: &str, password: &str) -> u16 {
    let mut browser = daemon.browser();
    let page = browser.open("/account").page();
    let form = page.form("/sign-in").clone();
    browser
        .submit_once(&form, &[("username", username), ("password", password)])
        .status
}

/// Everything that the files of the store hold.
fn stored(daemon: &Daemon) -> Vec<u8> {
    ["oauthd.db", "oauthd.db-wal", "oauthd.db-shm"]
        .iter()
        .filter_map(|name| std::fs::read(daemon.directory().join(name)).ok())
        .flatten()
        .collect()
}

fn is_stored(daemon: &Daemon, secret: &str) -> bool {
    stored(daemon)
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

#[test]
fn a_client_is_looked_after_while_the_server_runs() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let added = json(&daemon.admin(
        &[
            "client",
            "add",
            "robot",
            "--grant-type",
            "client_credentials",
            "--scope",
            "read",
            "--name",
            "A robot",
            "--json",
        ],
        None,
    ));
    assert_eq!(
        (text(&added, "client_id"), text(&added, "client_name")),
        ("robot".to_owned(), "A robot".to_owned())
    );
    let first = text(&added, "client_secret");
    assert!(first.len() >= 32, "a secret that nobody guesses");
    assert_eq!(token_status(&daemon, "robot", &first), 200);

    // Shown once and never again.
    for command in [
        &["client", "list"][..],
        &["client", "list", "--json"],
        &["client", "show", "robot"],
        &["client", "show", "robot", "--json"],
    ] {
        let said = good(&daemon.admin(command, None));
        assert!(
            said.contains("robot") && !said.contains(&first) && !said.contains("sha256"),
            "{command:?}: {said}"
        );
    }
    assert!(!is_stored(&daemon, &first));

    let second = text(
        &json(&daemon.admin(&["client", "rotate-secret", "robot", "--json"], None)),
        "client_secret",
    );
    assert_ne!(first, second);
    assert_eq!(
        (
            token_status(&daemon, "robot", &first),
            token_status(&daemon, "robot", &second)
        ),
        (401, 200)
    );
    let third = json(&daemon.admin(
        &["client", "rotate-secret", "robot", "--keep-old", "1h", "--json"],
        None,
    ));
    let third = text(&third, "client_secret");
    assert_eq!(
        (
            token_status(&daemon, "robot", &second),
            token_status(&daemon, "robot", &third)
        ),
        (200, 200)
    );
    let chosen = "a secret: chosen by somebody, 100%";
    good(&daemon.admin(
        &["client", "rotate-secret", "robot", "--secret-stdin"],
        Some(&format!("{chosen}\n")),
    ));
    assert_eq!(
        (
            token_status(&daemon, "robot", &third),
            token_status(&daemon, "robot", chosen)
        ),
        (401, 200)
    );
    assert!(!is_stored(&daemon, chosen));

    let token = daemon.http().post_with(
        "/token",
        &[("authorization", &basic("robot", chosen))],
        &[("grant_type", "client_credentials")],
    );
    let token = token.member("access_token").expect("a token");
    assert!(daemon.is_active(&token));
    good(&daemon.admin(&["client", "remove", "robot"], None));
    assert_eq!(token_status(&daemon, "robot", chosen), 401);
    assert!(!daemon.is_active(&token));
    refused(&daemon.admin(&["client", "show", "robot"], None), 1);
    refused(&daemon.admin(&["client", "remove", "robot"], None), 1);
}

#[test]
fn a_client_without_a_name_gets_one_and_two_of_one_name_cannot_be() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let public = [
        "client",
        "add",
        "--public",
        "--redirect-uri",
        "http://127.0.0.1/cb",
        "--scope",
        "read",
        "--json",
    ];
    let one = json(&daemon.admin(&public, None));
    let other = json(&daemon.admin(&public, None));
    assert_ne!(text(&one, "client_id"), text(&other, "client_id"));
    assert!(one.get("client_secret").is_none() && one["token_endpoint_auth_method"] == "none");
    let name = text(&one, "client_id");
    assert!(name.starts_with(char::is_alphabetic), "{name} can be taken for a flag");
    refused(
        &daemon.admin(
            &[
                "client",
                "add",
                &name,
                "--public",
                "--redirect-uri",
                "http://127.0.0.1/cb",
            ],
            None,
        ),
        1,
    );
    refused(&daemon.admin(&["client", "rotate-secret", &name], None), 1);
    let listed = json(&daemon.admin(&["client", "list", "--json"], None));
    let names: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|client| text(client, "client_id"))
        .collect();
    assert!(names.contains(&name) && names.contains(&"web".to_owned()), "{names:?}");
}

#[test]
fn a_client_that_cannot_be_meant_is_a_usage_error_and_not_kept() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let before = good(&daemon.admin(&["client", "list", "--json"], None));
    for arguments in [
        &["client", "add", "x", "--redirect-uri", "javascript:alert(1)"][..],
        &["client", "add", "x", "--redirect-uri", "http://example.com/cb"],
        &["client", "add", "x", "--redirect-uri", "https://c.example/cb#fragment"],
        &["client", "add", "x", "--redirect-uri", "/cb"],
        &["client", "add", "x", "--public", "--grant-type", "client_credentials"],
        &["client", "add", "x", "--public", "--introspect"],
        &["client", "add", "x", "--grant-type", "unheard-of"],
        &["client", "add", "x", "--scope", "beyond"],
        &["client", "add", "x", "--scope", "a\"b"],
        &["client", "add", "x", "--auth-method", "psychic"],
        &["client", "add", "x", "--frobnicate"],
        &["client", "add", "\u{e9}"],
        &["client", "frobnicate"],
        &["client", "show"],
        &["client"],
    ] {
        refused(&daemon.admin(arguments, None), 2);
    }
    assert_eq!(good(&daemon.admin(&["client", "list", "--json"], None)), before);
}

#[test]
fn a_user_is_looked_after_while_the_server_runs() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let first = "a first password for carol";
    good(&daemon.admin(
        &[
            "user",
            "add",
            "carol",
            "--password-stdin",
            "--claim",
            "email=c@example.com",
        ],
        Some(first),
    ));
    assert_eq!(sign_in_status(&daemon, "carol", first), 303);
    assert!(!is_stored(&daemon, first));
    refused(
        &daemon.admin(&["user", "add", "carol", "--password-stdin"], Some("another one")),
        1,
    );
    for bad in ["", "\n", "two\nlines"] {
        refused(
            &daemon.admin(&["user", "add", "dave", "--password-stdin"], Some(bad)),
            2,
        );
    }
    refused(&daemon.admin(&["user", "add", "dave"], Some("typed by nobody")), 2);
    for name in ["", " x", "a\u{7}b"] {
        refused(
            &daemon.admin(
                &["user", "add", name, "--password-stdin"],
                Some("good enough for anybody"),
            ),
            2,
        );
    }
    let listed = json(&daemon.admin(&["user", "list", "--json"], None));
    let names: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|user| text(user, "username"))
        .collect();
    assert!(
        names.contains(&"carol".to_owned())
            && names.contains(&"alice".to_owned())
            && !names.contains(&"dave".to_owned()),
        "{names:?}"
    );
    assert!(!listed.to_string().contains("argon2"), "{listed}");

    // Another password ends what the first one began.
    let mut browser = daemon.signed_in("carol", first);
    let tokens = daemon.tokens(&mut browser, &WEB_REQUEST);
    let second = "a second password for carol";
    good(&daemon.admin(&["user", "passwd", "carol", "--password-stdin"], Some(second)));
    assert_eq!(browser.open("/account").page().heading(), "Sign in");
    assert!(!daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh));
    assert_eq!(
        (
            sign_in_status(&daemon, "carol", first),
            sign_in_status(&daemon, "carol", second)
        ),
        (401, 303)
    );

    for (command, after) in [("disable", 401), ("enable", 303), ("remove", 401)] {
        let mut browser = daemon.browser();
        let mut tokens = None;
        if command != "enable" {
            let page = browser.open("/account").page();
            assert_eq!(
                sign_in(&mut browser, &page, "carol", second).page().heading(),
                "Your account"
            );
            tokens = Some(daemon.tokens(&mut browser, &WEB_REQUEST));
        }
        good(&daemon.admin(&["user", command, "carol"], None));
        assert_eq!(sign_in_status(&daemon, "carol", second), after, "{command}");
        if let Some(tokens) = tokens {
            assert_eq!(browser.open("/account").page().heading(), "Sign in", "{command}");
            assert!(
                !daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh),
                "{command}"
            );
            assert_eq!(daemon.refresh(&tokens.refresh, "web").status, 400, "{command}");
        }
    }
    refused(&daemon.admin(&["user", "disable", "carol"], None), 1);
    refused(
        &daemon.admin(&["user", "passwd", "nobody", "--password-stdin"], Some(second)),
        1,
    );
}

#[test]
fn somebody_who_is_disabled_while_consenting_grants_nothing() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let password = "a password for carol";
    good(&daemon.admin(&["user", "add", "carol", "--password-stdin"], Some(password)));
    let mut browser = daemon.signed_in("carol", password);
    let consent = browser.open(&WEB_REQUEST.path("")).page();
    let waiting = daemon.code(&mut browser.clone(), &clients::FIRST_REQUEST);
    good(&daemon.admin(&["user", "disable", "carol"], None));
    let answer = browser.submit_once(consent.form("/consent"), &[("decision", "approve")]);
    assert!(answer.redirected_with("code").is_none(), "{}", answer.status);
    assert_eq!(
        daemon.redeem(&waiting, &clients::FIRST_REQUEST).error().as_deref(),
        Some("invalid_grant")
    );
}

#[test]
fn what_is_in_the_file_is_changed_in_the_file() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    for command in [
        &["client", "rotate-secret", "web"][..],
        &["client", "remove", "web"],
        &["user", "disable", "alice"],
        &["user", "remove", "alice"],
    ] {
        let said = refused(&daemon.admin(command, None), 1);
        assert!(said.contains("from configuration"), "{said}");
    }
    refused(
        &daemon.admin(
            &["user", "passwd", "alice", "--password-stdin"],
            Some("another password"),
        ),
        1,
    );
    refused(&daemon.admin(&["client", "add", "web"], None), 1);
    refused(
        &daemon.admin(&["user", "add", "alice", "--password-stdin"], Some("another password")),
        1,
    );
    for (noun, name) in [("client", "web"), ("user", "alice")] {
        let listed = good(&daemon.admin(&[noun, "list"], None));
        let line = listed
            .lines()
            .find(|line| line.starts_with(name))
            .expect("it is listed");
        assert!(line.contains("from configuration"), "{line}");
    }
    assert_eq!(token_status(&daemon, "web", clients::WEB), 200);
    assert_eq!(sign_in_status(&daemon, "alice", ALICE), 303);
}

#[test]
fn a_store_that_only_the_server_has_cannot_be_changed_from_outside() {
    let daemon = Daemon::serve(&Config::in_memory());
    refused(
        &daemon.admin(&["client", "add", "x", "--redirect-uri", "https://c.example/cb"], None),
        1,
    );
    refused(&daemon.admin(&["token", "sweep"], None), 1);
    refused(
        &daemon.admin(
            &["user", "add", "x", "--password-stdin"],
            Some("good enough for anybody"),
        ),
        1,
    );
}

#[test]
fn only_adding_begins_a_store() {
    let directory = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite://{}", directory.path().join("none.db").display());
    for (command, code) in [
        (&["client", "list"][..], 0),
        (&["user", "list"], 0),
        (&["client", "show", "x"], 1),
        (&["client", "remove", "x"], 1),
        (&["user", "disable", "x"], 1),
        (&["token", "sweep"], 0),
    ] {
        let mut arguments = command.to_vec();
        arguments.extend(["--store", &store]);
        let output = common::daemon::run(directory.path(), &arguments, None);
        assert_eq!(output.status.code(), Some(code), "{command:?}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{command:?}");
    }
    let add = ["user", "add", "x", "--password-stdin", "--store", &store];
    good(&common::daemon::run(
        directory.path(),
        &add,
        Some("good enough for anybody"),
    ));
    assert!(directory.path().join("none.db").exists());
}

#[test]
fn without_signing_keys_there_are_none_to_rotate() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    assert_eq!(
        json(&daemon.admin(&["keys", "list", "--json"], None)),
        serde_json::json!([])
    );
    refused(&daemon.admin(&["keys", "rotate"], None), 1);
}
