//! What is secret stays out of logs and files.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use std::path::Path;

use common::clients::{self, ALICE, API, MACHINE, NATIVE_REQUEST, SPA_REQUEST, VERIFIER, WEB, WEB_REQUEST, basic};
use common::{Config, Daemon, Landing};

/// Everything secret that was seen, with what it is.
#[derive(Default)]
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn add(&mut self, what: &'static str, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        self.0.push((what, secret));
    }

    fn are_absent_from(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            for form in [
                secret.clone(),
                form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            ] {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{place} holds {what}");
            }
        }
    }
}

/// Flows that end well, with everything secret in them noted.
fn good_flows(daemon: &Daemon, canaries: &mut Canaries) {
    let http = daemon.http();
    for (what, secret) in [
        ("a password", ALICE),
        ("a secret", WEB),
        ("a secret", MACHINE),
        ("a secret", API),
    ] {
        canaries.add(what, secret);
    }
    canaries.add("a verifier", VERIFIER);
    canaries.add("Basic credentials", basic("web", WEB).replace("Basic ", ""));
    canaries.add("Basic credentials", basic("api", API).replace("Basic ", ""));

    let mut browser = daemon.browser();
    for request in [WEB_REQUEST, NATIVE_REQUEST, SPA_REQUEST] {
        let landing = browser.open(&request.path(""));
        if let Landing::Here(page) = &landing {
            for form in &page.forms {
                canaries.add("a form's token", form.value("csrf").expect("every form has one"));
                canaries.add("a handle", form.value("continue").unwrap_or("no-handle-in-this-form"));
            }
        }
        for value in browser.cookies().values() {
            canaries.add("a cookie", value);
        }
        let uri = daemon.authorize(&mut browser, &request);
        let code = common::http::parameter(&uri, "code").expect("a code");
        canaries.add("a code", &code);
        let tokens = common::Tokens::of(&daemon.redeem(&code, &request));
        canaries.add("an access token", &tokens.access);
        canaries.add("a refresh token", &tokens.refresh);
        assert!(daemon.is_active(&tokens.access));
        let next = daemon.refresh(&tokens.refresh, request.client);
        let next = common::Tokens::of(&next);
        canaries.add("an access token", &next.access);
        if !next.refresh.is_empty() {
            canaries.add("a refresh token", &next.refresh);
        }
        // Replays, and what belongs to somebody else.
        assert_eq!(clients::redeem(&http, "", &code, &request).status, 400);
        assert_eq!(clients::refresh(&http, "", &tokens.refresh, "other").status, 400);
        assert_eq!(clients::revoke(&http, "", &tokens.access, request.client).status, 200);
    }
    for value in browser.cookies().values() {
        canaries.add("a cookie", value);
    }
}

/// Requests that are refused, each with a secret that is nobody's: those are not to be kept either.
fn bad_flows(daemon: &Daemon, canaries: &mut Canaries) {
    let http = daemon.http();
    for at in 0..4 {
        let canary = |what: &str| format!("canary-{what}-{at}-0123456789abcdef");
        let page = daemon.browser().open("/account").page();
        let mut stranger = daemon.browser();
        let form = stranger.open("/account").page().form("/sign-in").clone();
        let password = canary("password");
        assert_eq!(page.answer.status, 200);
        assert_eq!(
            stranger
                .submit_once(&form, &[("username", "alice"), ("password", &password)])
                .status,
            401
        );
        canaries.add("a wrong password", password);

        let secret = canary("secret");
        let code = canary("code");
        let refresh_token = canary("refresh");
        let token = canary("token");
        let assertion = canary("assertion");
        http.post_with(
            "/token",
            &[("authorization", &basic("web", &secret))],
            &[("grant_type", "client_credentials")],
        );
        http.post(
            "/token",
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "machine"),
                ("client_secret", &secret),
            ],
        );
        http.post(
            "/token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "native"),
                ("code", &code),
                ("code_verifier", &secret),
            ],
        );
        http.post(
            "/token",
            &[
                ("grant_type", "refresh_token"),
                ("client_id", "native"),
                ("refresh_token", &refresh_token),
            ],
        );
        http.post(
            "/token",
            &[
                ("grant_type", "password"),
                ("client_id", "native"),
                ("username", "alice"),
                ("password", &secret),
            ],
        );
        http.post(
            "/token",
            &[
                ("grant_type", "client_credentials"),
                ("client_assertion", &assertion),
                ("client_assertion_type", "urn:x"),
            ],
        );
        http.post(
            "/token",
            &[
                ("client_id", "machine"),
                ("client_secret", &secret),
                ("client_secret", &secret),
            ],
        );
        clients::introspection(&http, "", &token);
        clients::revoke(&http, "", &token, "web");
        http.get_with("/account", &[("authorization", &format!("Bearer {token}"))]);
        http.get_with("/account", &[("cookie", &format!("oauthd_session={secret}"))]);
        // In the address, where they do not belong.
        http.get(&format!("/token?client_secret={secret}&code={code}"));
        http.get(&format!("/consent?request={token}"));
        http.get(&format!("/no-such-page?access_token={token}"));
        http.get(&format!("/account?password={secret}"));
        http.get(&format!(
            "{}&access_token={token}&client_assertion={assertion}&client_secret={secret}",
            WEB_REQUEST.path("")
        ));
        http.raw(format!("GET /{secret} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {secret}\0\r\n\r\n").as_bytes());
        for (what, value) in [
            ("a wrong secret", secret),
            ("a wrong code", code),
            ("a wrong token", refresh_token),
            ("a wrong token", token),
            ("an assertion", assertion),
        ] {
            canaries.add(what, value);
        }
    }
}

fn files_of(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(directory)
        .expect("the directory of the server")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|ending| ending != "toml"))
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read(&path).expect("a readable file"),
            )
        })
        .collect();
    files.sort();
    files
}

fn nothing_secret_is_kept(format: &str) {
    let mut daemon = Daemon::serve(&Config {
        flags: vec!["--log-format".to_owned(), format.to_owned()],
        ..Config::in_sqlite()
    });
    let mut canaries = Canaries::default();
    good_flows(&daemon, &mut canaries);
    bad_flows(&daemon, &mut canaries);
    let mut places = files_of(daemon.directory());
    assert!(
        places.iter().any(|(name, _)| name.ends_with("oauthd.db")),
        "the database is looked at"
    );
    assert!(
        places.iter().any(|(name, _)| name.ends_with("-wal")),
        "and what is not yet in it"
    );
    let metrics = daemon.http().get("/metrics");
    daemon.terminate();
    daemon.wait(common::Deadline::in_seconds(15)).expect("it ends");
    places.extend(files_of(daemon.directory()));
    places.push(("/metrics".to_owned(), metrics.body));
    let output = daemon.output();
    let lines = output.lines().filter(|line| line.contains("/token")).count();
    assert!(lines >= 10, "requests are logged:\n{output}");
    if format == "json" {
        let logged: Vec<serde_json::Value> = output
            .lines()
            .filter(|line| line.starts_with('{'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        assert!(logged.len() >= lines, "every request is one line of JSON:\n{output}");
    }
    places.push(("the log".to_owned(), output.into_bytes()));
    for (place, bytes) in &places {
        canaries.are_absent_from(place, bytes);
    }
    println!("{} secrets, {} places", canaries.0.len(), places.len());
}

#[test]
fn neither_the_text_log_nor_the_database_holds_a_secret() {
    nothing_secret_is_kept("text");
}

#[test]
fn neither_the_json_log_nor_the_database_holds_a_secret() {
    nothing_secret_is_kept("json");
}

#[test]
fn the_database_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let daemon = Daemon::serve(&Config::in_sqlite());
    for (name, _) in files_of(daemon.directory()) {
        let mode = std::fs::metadata(&name).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}
