//! OAuth clients from npm against the real server: what applications on Node.js use.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::clients::{self, ALICE, MACHINE, WEB};
use common::{Browser, Config, Daemon, Landing, devices};

/// Where the browser ends up when a person signs in, if asked, and decides.
fn visit(browser: &mut Browser, url: &str, decision: &str) -> String {
    let mut landing = browser.open(url);
    for _ in 0..2 {
        landing = match landing {
            Landing::Elsewhere(uri) => return uri,
            Landing::Here(page) if page.forms.iter().any(|form| form.action.ends_with("/sign-in")) => {
                clients::sign_in(browser, &page, "alice", ALICE)
            }
            Landing::Here(page) => clients::decide(browser, &page, decision),
        };
    }
    landing.elsewhere()
}

/// Runs a program of `node-clients` to its end and is the person in front of its browser.
fn run(program: &str, config: &Config) {
    let daemon = Daemon::serve(config);
    let mut browser = daemon.browser();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node-clients");
    let mut node = Command::new("node")
        .arg(program)
        .current_dir(directory)
        .env("ISSUER", &daemon.issuer)
        .env("WEB_SECRET", WEB)
        .env("MACHINE_SECRET", MACHINE)
        .env("ALICE_PASSWORD", ALICE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut answers = node.stdin.take().expect("stdin is piped");
    let mut done = false;
    for line in BufReader::new(node.stdout.take().expect("stdout is piped")).lines() {
        let line = line.expect("text from node");
        let answer = match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["VISIT", decision, url] => visit(&mut browser, url, decision),
            ["CONNECT", decision, code, uri] => devices::connect(&mut browser, uri, code, decision).heading(),
            ["DONE"] => {
                done = true;
                continue;
            }
            _ => {
                println!("{program}: {line}");
                continue;
            }
        };
        writeln!(answers, "{answer}").expect("node listens");
    }
    let status = node.wait().expect("node ends");
    assert!(status.success() && done, "{program} ends with {status}");
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}

#[test]
fn openid_client_completes_everything() {
    run("openid-client.mjs", &Config::in_memory());
}

#[test]
fn openid_client_finds_an_issuer_with_a_path() {
    run(
        "openid-client.mjs",
        &Config {
            issuer_path: "/tenant".to_owned(),
            ..Config::in_sqlite()
        },
    );
}

#[test]
fn oauth4webapi_completes_everything() {
    run("oauth4webapi.mjs", &Config::in_memory());
}

#[test]
fn simple_oauth2_completes_everything() {
    run("simple-oauth2.mjs", &Config::in_memory());
}

#[test]
fn openid_client_connects_a_device() {
    run("openid-client-device.mjs", &Config::in_memory().with_every_grant());
}

#[test]
fn openid_client_connects_a_device_below_an_issuer_with_a_path() {
    let below = Config {
        issuer_path: "/tenant".to_owned(),
        ..Config::in_sqlite()
    };
    run("openid-client-device.mjs", &below.with_every_grant());
}

#[test]
fn oauth4webapi_connects_a_device() {
    run("oauth4webapi-device.mjs", &Config::in_memory().with_every_grant());
}

#[test]
fn simple_oauth2_exchanges_a_password() {
    run("simple-oauth2-password.mjs", &Config::in_memory().with_every_grant());
}

#[test]
fn client_oauth2_finds_a_token_in_its_address() {
    run("client-oauth2.mjs", &Config::in_memory().with_every_grant());
}
