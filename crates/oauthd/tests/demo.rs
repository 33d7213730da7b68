//! `oauthd demo`: what is printed can be pasted, and the page shows a whole sign-in.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use std::process::Command;

use common::clients::{decide, sign_in};
use common::{Browser, Daemon, Deadline, Page, devices};
use serde_json::Value;

/// The last line that a demo prints ends so.
const LAST: &str = "ctrl-C.\n";

/// Every line that begins with `curl`, with its continuations.
fn curl_lines(printed: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in printed.lines() {
        let text = line.trim();
        if !(goes_on || text.starts_with("curl ")) {
            continue;
        }
        let (part, more) = match text.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (text, false),
        };
        match lines.last_mut() {
            Some(last) if goes_on => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        goes_on = more;
    }
    lines
}

/// Pastes a line into a shell. An answer that is an error makes curl fail.
fn paste(daemon: &Daemon, line: &str) -> String {
    let settings = daemon.directory().join(".curlrc");
    std::fs::write(&settings, "fail\nsilent\nshow-error\n").unwrap();
    let output = Command::new("sh")
        .args(["-c", line])
        .env("CURL_HOME", daemon.directory())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("a shell");
    std::fs::remove_file(settings).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{line}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn member(text: &str, name: &str) -> String {
    json(text)[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .to_owned()
}

/// The username and password that are printed.
fn person(printed: &str) -> (String, String) {
    let line = printed.lines().find_map(|line| line.strip_prefix("person "));
    let (username, password) = line
        .and_then(|line| line.split_once(" / "))
        .expect("it says who can sign in, and with which password");
    (username.trim().to_owned(), password.trim().to_owned())
}

/// What the browser of a person who allows everything ends up at, from the URL with that in it.
fn opened(browser: &mut Browser, printed: &str, marked: &str) -> String {
    let url = printed
        .lines()
        .map(str::trim)
        .find(|line| line.contains("/authorize?") && line.contains(marked))
        .unwrap_or_else(|| panic!("a URL with {marked} to open"));
    let (username, password) = person(printed);
    let mut page = browser.open(url).page();
    if page.forms.iter().any(|form| form.action.ends_with("/sign-in")) {
        page = sign_in(browser, &page, &username, &password).page();
    }
    decide(browser, &page, "approve").elsewhere()
}

/// Pastes every printed line in its order, with what a person copies from one answer into the next line.
fn paste_everything(daemon: &Daemon, browser: &mut Browser) {
    let printed = daemon.output_with(LAST);
    let called = opened(browser, &printed, "response_type=code");
    let code = common::http::parameter(&called, "code").expect("a code");
    let (mut refresh_token, mut device_code, mut ended) = (String::new(), String::new(), 0);
    let lines = curl_lines(&printed);
    for line in &lines {
        let line = line
            .replace("=CODE", &format!("={code}"))
            .replace("DEVICE_CODE", &device_code)
            .replace("REFRESH_TOKEN", &refresh_token);
        let said = paste(daemon, &line);
        let path = line.rsplit_once(&daemon.issuer).expect("it is sent to this server").1;
        match path {
            "/token" => {
                assert_eq!(member(&said, "token_type"), "Bearer", "{line}");
                if let Some(token) = json(&said)["refresh_token"].as_str() {
                    assert_ne!(refresh_token, token, "it is rotated");
                    token.clone_into(&mut refresh_token);
                }
            }
            "/introspect" => assert_eq!(json(&said)["active"], true, "{line}"),
            "/demo/resource" => assert_eq!(member(&said, "message"), "This is a protected resource."),
            "/revoke" => {
                assert_eq!(said, "{}");
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", "cli"),
                    ("refresh_token", &refresh_token),
                ];
                let answer = daemon.http().post("/token", &form);
                assert_eq!(answer.error().as_deref(), Some("invalid_grant"), "{line}");
                ended += 1;
            }
            "/device_authorization" => {
                device_code = member(&said, "device_code");
                let page = member(&said, "verification_uri");
                assert!(printed.contains(&page), "it says where to go: {page}");
                let done = devices::connect(browser, &page, &member(&said, "user_code"), "approve");
                assert_eq!(done.heading(), "You can go back to your device");
            }
            other => panic!("{other}: {said}"),
        }
    }
    assert_eq!(ended, 1, "one line ends what the ones before it began");

    // One line for every grant that is mounted.
    let metadata = daemon.http().get("/.well-known/oauth-authorization-server").json();
    for grant in metadata["grant_types_supported"].as_array().expect("grants") {
        let (shown, all) = match grant.as_str().expect("a name") {
            "implicit" => (
                "response_type=token".to_owned(),
                printed.lines().map(str::to_owned).collect(),
            ),
            grant => (format!("grant_type={grant} "), lines.clone()),
        };
        assert!(
            all.iter().any(|line: &String| line.contains(&shown)),
            "{shown} is not shown"
        );
    }
}

#[test]
fn every_printed_line_works_when_it_is_pasted() {
    let daemon = Daemon::demo(&[]);
    paste_everything(&daemon, &mut daemon.browser());
    let printed = daemon.output();
    assert!(!printed.contains("grant_type=password") && !printed.contains("response_type=token"));
    // Every address that is named is there.
    let named: Vec<&str> = printed
        .split_whitespace()
        .filter_map(|word| word.strip_prefix(&daemon.issuer))
        .collect();
    for path in ["/demo", "/account", "/.well-known/oauth-authorization-server"] {
        assert!(named.contains(&path), "{path} is not shown: {named:?}");
        assert_eq!(daemon.http().get(path).status, 200, "{path}");
    }
}

#[test]
fn every_printed_line_of_a_legacy_demo_works_too() {
    let daemon = Daemon::demo(&["--legacy"]);
    let mut browser = daemon.browser();
    paste_everything(&daemon, &mut browser);
    let printed = daemon.output();
    assert!(
        curl_lines(&printed)
            .iter()
            .any(|line| line.contains("grant_type=password"))
    );
    let called = opened(&mut browser, &printed, "response_type=token");
    // A fragment is read like a query.
    let token = common::http::parameter(&called.replacen('#', "?", 1), "access_token").expect("a token behind the #");
    let authorization = format!("Bearer {token}");
    let answer = daemon
        .http()
        .get_with("/demo/resource", &[("authorization", &authorization)]);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The demo's page of tokens, after a whole sign-in.
fn signed_in(daemon: &Daemon) -> (Browser, Page) {
    let (username, password) = person(&daemon.output_with(LAST));
    let mut browser = daemon.browser();
    let start = browser.open("/demo").page();
    assert!(start.words().contains(&username), "{}", start.words());
    let page = browser.submit(start.form("/demo"), &[]).page();
    let refused = sign_in(&mut browser, &page, &username, "not the password").page();
    assert_eq!(refused.answer.status, 401);
    let consent = sign_in(&mut browser, &refused, &username, &password).page();
    assert!(consent.words().contains("Demo client"), "{}", consent.words());
    let tokens = decide(&mut browser, &consent, "approve").page();
    assert_eq!((tokens.answer.status, tokens.path.as_str()), (200, "/demo/tokens"));
    (browser, tokens)
}

/// The tokens that the page shows, and whether introspection calls them active.
fn shown(page: &Page) -> (String, String, bool) {
    let secrets: Vec<String> = page
        .answer
        .text()
        .split("<code class=\"secret\">")
        .skip(1)
        .filter_map(|rest| rest.split_once("</code>").map(|(token, _)| token.to_owned()))
        .collect();
    let [access, refresh] = secrets.as_slice() else {
        panic!("two tokens are shown: {}", page.words());
    };
    let answers = page.codes();
    let introspection = answers
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .find_map(|json| json["active"].as_bool());
    (
        access.clone(),
        refresh.clone(),
        introspection.expect("the introspection answer is shown"),
    )
}

#[test]
fn the_page_shows_a_whole_sign_in_and_what_ends_it() {
    let daemon = Daemon::demo(&[]);
    let (mut browser, page) = signed_in(&daemon);
    let (access, refresh, active) = shown(&page);
    assert!(active);
    assert!(
        page.words().contains("This is a protected resource."),
        "{}",
        page.words()
    );
    assert_eq!(
        daemon
            .http()
            .get_with("/demo/resource", &[("authorization", &format!("Bearer {access}"))])
            .status,
        200
    );

    let page = browser.submit(page.form("/demo/refresh"), &[]).page();
    let (next_access, next_refresh, active) = shown(&page);
    assert!(active && next_access != access);
    assert!(
        next_refresh == refresh,
        "a confidential client's refresh token stays, as configured"
    );

    let page = browser.submit(page.form("/demo/revoke"), &[]).page();
    let (last, _, active) = shown(&page);
    assert_eq!((last.as_str(), active), (next_access.as_str(), false));
    for token in [access, next_access] {
        let answer = daemon
            .http()
            .get_with("/demo/resource", &[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(answer.status, 401);
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|it| it.contains("invalid_token"))
        );
    }
    // Once more from here: nobody has to sign in again, and may say no.
    let consent = browser.submit(page.form("/demo"), &[]).page();
    let refused = decide(&mut browser, &consent, "deny").page();
    assert!(refused.words().contains("access_denied"), "{}", refused.words());
}

#[test]
fn what_the_account_page_ends_has_ended() {
    let daemon = Daemon::demo(&[]);
    let (mut browser, page) = signed_in(&daemon);
    assert!(shown(&page).2);
    let account = browser.open("/account").page();
    assert!(account.words().contains("Demo client"), "{}", account.words());
    let account = browser.submit(account.form("/account/revoke"), &[]).page();
    assert!(
        !account
            .forms
            .iter()
            .any(|form| form.action.ends_with("/account/revoke")),
        "nothing is left to end"
    );
    let page = browser.open("/demo/tokens").page();
    assert!(!shown(&page).2, "{}", page.words());
}

#[test]
fn the_demo_client_keeps_its_browsers_apart() {
    let daemon = Daemon::demo(&[]);
    let (browser, page) = signed_in(&daemon);
    let (access, _, _) = shown(&page);
    let mut stranger = daemon.browser();
    let start = stranger.open("/demo/tokens").page();
    assert!(!start.answer.text().contains(&access));
    for path in ["/demo", "/demo/refresh", "/demo/revoke"] {
        let foreign = stranger
            .open("/demo")
            .page()
            .form("/demo")
            .value("csrf")
            .unwrap()
            .to_owned();
        for token in ["", &foreign] {
            let mut victim = browser.clone();
            let body = common::encoded(&[("csrf", token)]);
            let answer = victim.send("POST", path, &[common::http::FORM], body.as_bytes());
            assert_eq!(answer.status, 403, "{path}");
        }
    }
    // An answer that nobody asked for (RFC 6749 §10.12), or of another server (RFC 9207).
    for query in [
        "code=x&state=y",
        "code=x",
        "state=",
        "error=access_denied&state=y&iss=https://evil.example",
    ] {
        let answer = browser
            .clone()
            .send("GET", &format!("/demo/callback?{query}"), &[], b"");
        assert_eq!(answer.status, 400, "{query}");
    }
    let mut browser = browser;
    assert!(
        shown(&browser.open("/demo/tokens").page()).2,
        "its tokens are not harmed"
    );
}

#[test]
fn the_first_page_leads_to_all_others() {
    let daemon = Daemon::demo(&[]);
    let mut browser = daemon.browser();
    let page = browser.open("/").page();
    assert_eq!(page.answer.status, 200);
    let links: Vec<String> = common::browser::tags(&page.answer.text())
        .into_iter()
        .filter(|(tag, _)| tag == "a")
        .flat_map(|(_, attributes)| {
            attributes
                .into_iter()
                .filter(|(name, _)| name == "href")
                .map(|(_, link)| link)
        })
        .collect();
    assert!(links.len() >= 3, "{links:?}");
    for link in links {
        assert_eq!(daemon.http().get(&link).status, 200, "{link}");
    }
}

#[test]
fn a_demo_ends_when_it_is_told_to_and_leaves_nothing_behind() {
    let mut daemon = Daemon::demo(&[]);
    signed_in(&daemon);
    let kept = |daemon: &Daemon| std::fs::read_dir(daemon.directory()).unwrap().count();
    assert!(kept(&daemon) > 0, "its store is a file");
    daemon.terminate();
    let status = daemon.wait(Deadline::in_seconds(10)).expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", daemon.output());
    assert_eq!(kept(&daemon), 0, "its store is gone");
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let daemon = Daemon::demo(&[]);
    let address = daemon.address.to_string();
    let output = common::daemon::run(daemon.directory(), &["demo", "--listen", &address], None);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    assert!(output.stdout.is_empty(), "nothing is announced");
}
