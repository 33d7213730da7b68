//! A real browser signs in on the demo page, with JavaScript turned off, and every page is looked at, those of
//! `examples/render_pages` too.
//!
//! Pictures of all pages, for phone and desk, in light and dark, are left in `target/screenshots`.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../examples/render_pages/samples.rs"]
mod samples;

mod chromium;
mod contrast;
mod device;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chromium::Chromium;
use common::Daemon;

/// A phone and a desk.
const WIDTHS: [u32; 2] = [390, 1280];

fn pictures() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory")
        .to_owned();
    target.join("screenshots")
}

/// Looks at the page in every way and leaves pictures of it.
fn look_at(browser: &mut Chromium, name: &str) {
    let directory = pictures();
    std::fs::create_dir_all(&directory).unwrap();
    for width in WIDTHS {
        for scheme in ["light", "dark"] {
            browser.look(width, scheme);
            let what = format!("{name}-{width}-{scheme}");
            let (content, _) = browser.content_size();
            assert!(
                content <= f64::from(width),
                "{what}: the page is {content} wide and has to be scrolled sideways"
            );
            let png = STANDARD.decode(browser.screenshot()).expect("a picture");
            std::fs::write(directory.join(format!("{what}.png")), png).unwrap();
            if width == WIDTHS[0] {
                let faint = contrast::too_faint(browser);
                assert!(faint.is_empty(), "{what}: {faint:#?}");
            }
        }
    }
    can_be_used_by_everybody(browser, name);
}

/// What can be focused has a name, and the page has one heading, one main part and a language.
fn can_be_used_by_everybody(browser: &mut Chromium, name: &str) {
    let parts = browser.accessible();
    for (role, label, focusable) in &parts {
        if *focusable && role != "RootWebArea" {
            assert!(!label.is_empty(), "{name}: a {role} without a name");
        }
        assert!(
            role != "image" || !label.is_empty(),
            "{name}: an image that says nothing"
        );
    }
    assert_eq!(
        parts.iter().filter(|(role, _, _)| role == "main").count(),
        1,
        "{name}: {parts:?}"
    );
    let html = browser.html();
    assert_eq!(html.matches("<h1").count(), 1, "{name}");
    assert!(html.contains("<html lang=\"en\""), "{name}");
}

fn sign_in(browser: &mut Chromium, username: &str, password: &str) {
    browser.type_into("input[name=username]", username);
    browser.type_into("input[name=password]", password);
    browser.click("form[action$='/sign-in'] button");
}

/// The username and password that the demo page shows.
fn person(browser: &mut Chromium) -> (String, String) {
    let html = browser.html();
    let after = |word: &str| {
        let (_, rest) = html
            .split_once(&format!("<dt>{word}</dt><dd><code>"))
            .expect("the page says who can sign in");
        common::browser::unescaped(rest.split_once("</code>").expect("the element ends").0)
    };
    (after("Username"), after("Password"))
}

#[test]
fn a_browser_without_scripts_completes_the_demo() {
    let daemon = Daemon::demo(&[]);
    let base = daemon.issuer.clone();
    let mut browser = Chromium::without_scripts();
    browser.open("data:text/html,<title>off</title><script>document.title='on'</script>");
    assert!(browser.html().contains("<title>off</title>"), "scripts do run");

    browser.open(&format!("{base}/"));
    look_at(&mut browser, "index");
    browser.click("a[href='/demo']");
    look_at(&mut browser, "demo");
    let (username, password) = person(&mut browser);

    browser.click("form[action='/demo'] button");
    look_at(&mut browser, "sign-in");
    sign_in(&mut browser, "somebody else", "not the password");
    look_at(&mut browser, "sign-in-refused");
    // The name is filled in again, the password is not; Enter sends the form.
    browser.open(&format!("{base}/demo"));
    browser.click("form[action='/demo'] button");
    browser.type_into("input[name=username]", &username);
    browser.type_into("input[name=password]", &password);
    browser.press_enter();
    look_at(&mut browser, "consent");
    browser.click("button[value=deny]");
    look_at(&mut browser, "demo-denied");

    browser.click("form[action='/demo'] button");
    assert!(
        browser.html().contains("name=\"decision\""),
        "signed in already, asked again"
    );
    browser.click("button[value=approve]");
    assert_eq!(browser.url(), format!("{base}/demo/tokens"));
    look_at(&mut browser, "tokens");
    let before = browser.html();
    browser.click("form[action='/demo/refresh'] button");
    look_at(&mut browser, "tokens-refreshed");
    assert_ne!(before, browser.html());

    browser.open(&format!("{base}/account"));
    look_at(&mut browser, "account");
    browser.click("form[action='/account/revoke'] button");
    look_at(&mut browser, "account-ended");
    browser.open(&format!("{base}/demo/tokens"));
    look_at(&mut browser, "tokens-ended");

    browser.click("form[action='/demo'] button");
    browser.click("button[value=approve]");
    browser.click("form[action='/demo/revoke'] button");
    look_at(&mut browser, "tokens-revoked");

    browser.open(&format!("{base}/account"));
    browser.click("form[action='/sign-out'] button");
    look_at(&mut browser, "signed-out");
    browser.open(&format!(
        "{base}/authorize?response_type=code&client_id=nobody&redirect_uri=https://evil.example/"
    ));
    look_at(&mut browser, "error-client");
    browser.open(&format!("{base}/no/such/page"));
    look_at(&mut browser, "error-not-found");
    browser.open(&format!("{base}/consent?request=stale"));
    look_at(&mut browser, "error-stale");

    // Nothing was loaded from anywhere else, and no policy was in the way of anything.
    for sent in browser.heard("Network.requestWillBeSent") {
        let url = sent["request"]["url"].as_str().unwrap_or_default();
        let own = url.starts_with(&base) || url.starts_with("data:") || url.starts_with("about:");
        assert!(own, "{url} was asked for");
    }
    println!("pictures: {}", pictures().display());
}

#[test]
fn every_sample_can_be_read_and_used_by_everybody_on_a_phone_and_a_desk() {
    let directory = tempfile::TempDir::new().unwrap();
    let mut browser = Chromium::without_scripts();
    let hostile = samples::with_hostile_values(&samples::hostile_name());
    for (name, page) in [samples::everyday(), hostile].concat() {
        let file = directory.path().join(format!("{name}.html"));
        std::fs::write(&file, page.html()).unwrap();
        browser.open(&format!("file://{}", file.display()));
        look_at(&mut browser, &format!("sample-{name}"));
    }
}
