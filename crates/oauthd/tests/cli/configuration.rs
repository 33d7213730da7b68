//! Files, flags and variables: what they say, and what is said of them when they are wrong.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{good, refused};
use crate::common::daemon::run;
use crate::common::{Config, Daemon, Deadline, oauthd};

/// A configuration of which nothing is weak.
const SOUND: &str = r#"issuer = "https://auth.example.com"
listen = "127.0.0.1:0"
store = "sqlite://oauthd.db"

[scopes]
supported = ["read", "write"]
default = ["read"]

[[clients]]
client_id = "web"
client_secret_hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
redirect_uris = ["https://web.example/callback"]
grant_types = ["authorization_code", "refresh_token"]
scope = "read write"

[[users]]
username = "alice"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
"#;

/// The line of it that holds the client's secret, and one that holds it as it is.
const HASHED: &str =
    "client_secret_hash = \"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\"";
const PLAIN: &str = "client_secret = \"a-secret-of-more-than-thirty-two-characters\"";

fn written(directory: &Path, text: &str) -> String {
    let file = directory.join("oauthd.toml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// The file with one line changed, and the number of that line.
fn changed(from: &str, to: &str) -> (String, usize) {
    let at = SOUND
        .lines()
        .position(|line| line == from)
        .unwrap_or_else(|| panic!("no line {from}"));
    (SOUND.replacen(from, to, 1), at + 1)
}

/// A line, what it is changed to, and the key that is wrong then.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "issuer = \"https://auth.example.com\"",
        "issuer = \"http://auth.example.com\"",
        "issuer",
    ),
    (
        "issuer = \"https://auth.example.com\"",
        "issuer = \"https://auth.example.com/?x=1\"",
        "issuer",
    ),
    (
        "issuer = \"https://auth.example.com\"",
        "issuer = \"https://auth.example.com/#x\"",
        "issuer",
    ),
    (
        "issuer = \"https://auth.example.com\"",
        "issuer = \"not a URL\"",
        "issuer",
    ),
    ("issuer = \"https://auth.example.com\"", "issuer = 7", "issuer"),
    (
        "issuer = \"https://auth.example.com\"",
        "isuser = \"https://auth.example.com\"",
        "isuser",
    ),
    ("listen = \"127.0.0.1:0\"", "listen = \"nowhere\"", "listen"),
    ("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:66000\"", "listen"),
    ("store = \"sqlite://oauthd.db\"", "store = \"cassandra://x\"", "store"),
    ("store = \"sqlite://oauthd.db\"", "store = \"sqlite://\"", "store"),
    (
        "[scopes]",
        "[tokens]\naccess_token_lifetime = \"soon\"\n[scopes]",
        "tokens.access_token_lifetime",
    ),
    (
        "[scopes]",
        "[tokens]\nrefresh_token_rotation = \"sometimes\"\n[scopes]",
        "tokens.refresh_token_rotation",
    ),
    (
        "[scopes]",
        "[grants]\nenabled = [\"authorisation_code\"]\n[scopes]",
        "grants.enabled[0]",
    ),
    ("[scopes]", "[grants]\nenable = []\n[scopes]", "grants.enable"),
    (
        "[scopes]",
        "[limits]\nmax_body = \"a lot\"\n[scopes]",
        "limits.max_body",
    ),
    ("[scopes]", "[pkce]\nrequired = \"none\"\n[scopes]", "pkce.required"),
    (
        "supported = [\"read\", \"write\"]",
        "supported = [\"read\", \"a\\\"b\"]",
        "scopes.supported[1]",
    ),
    ("default = [\"read\"]", "default = [\"admin\"]", "scopes.default"),
    ("client_id = \"web\"", "client_id = \"\"", "clients[0].client_id"),
    (
        "redirect_uris = [\"https://web.example/callback\"]",
        "redirect_uris = [\"https://ok.example/\", \"javascript:alert(1)\"]",
        "clients[0].redirect_uris[1]",
    ),
    (
        "redirect_uris = [\"https://web.example/callback\"]",
        "redirect_uris = [\"http://web.example/callback\"]",
        "clients[0].redirect_uris[0]",
    ),
    (
        "redirect_uris = [\"https://web.example/callback\"]",
        "redirect_uris = [\"https://web.example/#x\"]",
        "clients[0].redirect_uris[0]",
    ),
    (
        "grant_types = [\"authorization_code\", \"refresh_token\"]",
        "grant_types = [\"unheard-of\"]",
        "clients[0].grant_types[0]",
    ),
    ("scope = \"read write\"", "scope = \"read admin\"", "clients[0].scope"),
    (
        "scope = \"read write\"",
        "skip_consent = \"yes\"",
        "clients[0].skip_consent",
    ),
    ("scope = \"read write\"", "scop = \"read\"", "clients[0].scop"),
    ("username = \"alice\"", "username = \"\"", "users[0].username"),
    (
        "username = \"alice\"",
        "username = \"alice\"\npassword = \"two of them\"",
        "users[0].password_hash",
    ),
];

#[test]
fn what_is_wrong_is_named_by_file_line_and_key() {
    for (from, to, key) in WRONG {
        let directory = TempDir::new().unwrap();
        let (text, first) = changed(from, to);
        // Where a line became several, the key is told by where it stands.
        let name = key.rsplit('.').next().unwrap_or(key).split('[').next().unwrap_or(key);
        let line = text
            .lines()
            .enumerate()
            .skip(first - 1)
            .find(|(_, own)| own.starts_with(name))
            .map_or(first, |(at, _)| at + 1);
        let file = written(directory.path(), &text);
        for command in ["serve", "check"] {
            let said = refused(&run(directory.path(), &[command, "--config", &file], None), 2);
            let expected = format!("{file}:{line}: {key}: ");
            assert!(said.contains(&expected), "{to}: `{expected}` is not in: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            1,
            "{to}: nothing was begun"
        );
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let directory = TempDir::new().unwrap();
    let text = SOUND
        .replace("listen = \"127.0.0.1:0\"", "listen = \"x\"\nunheard = 1")
        .replace("scope = \"read write\"", "scope = \"admin\"");
    let file = written(directory.path(), &text);
    let said = refused(&run(directory.path(), &["serve", "--config", &file], None), 2);
    for key in ["listen", "unheard", "clients[0].scope"] {
        assert!(said.contains(&format!(": {key}: ")), "{key}: {said}");
    }
    let printed = run(directory.path(), &["check", "--config", &file, "--json"], None);
    assert_eq!(printed.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(3), "{report}");
}

#[test]
fn secrets_in_the_file_are_not_repeated_when_it_is_wrong() {
    let directory = TempDir::new().unwrap();
    let plain = SOUND.replace(HASHED, PLAIN);
    for text in [
        plain.replace("client_id = \"web\"", "client_id = \"\""),
        plain.replace("client_secret = \"a-secret", "client_secret = a-secret"),
        plain.replace("client_secret =", "client_secrett ="),
        plain.replace("scope = \"read write\"", "token_endpoint_auth_method = \"none\""),
    ] {
        let file = written(directory.path(), &text);
        let said = refused(&run(directory.path(), &["check", "--config", &file], None), 2);
        assert!(!said.contains("more-than-thirty-two"), "{said}");
    }
}

#[test]
fn combinations_that_cannot_be_meant_are_refused() {
    for (text, key) in [
        (
            SOUND
                .replace(&format!("{HASHED}\n"), "")
                .replace("\"authorization_code\", \"refresh_token\"", "\"client_credentials\""),
            "clients[0].grant_types",
        ),
        (
            format!("{SOUND}\n[[clients]]\nclient_id = \"web\"\nredirect_uris = [\"https://x.example/\"]\n"),
            "clients[1].client_id",
        ),
        (
            format!("{SOUND}\n[[users]]\nusername = \"alice\"\npassword = \"long enough for anybody\"\n"),
            "users[1].username",
        ),
        (
            SOUND.replace("redirect_uris = [\"https://web.example/callback\"]\n", ""),
            "clients[0].redirect_uris",
        ),
        (SOUND.replace("issuer = \"https://auth.example.com\"\n", ""), "issuer"),
    ] {
        let directory = TempDir::new().unwrap();
        let file = written(directory.path(), &text);
        for command in ["serve", "check"] {
            let said = refused(&run(directory.path(), &[command, "--config", &file], None), 2);
            assert!(said.contains(&format!(" {key}")), "{key}: {said}");
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
    let directory = TempDir::new().unwrap();
    for (text, why) in [
        ("issuer = ", "oauthd.toml:1"),
        ("issuer = \"x\"\nissuer = \"y\"", "oauthd.toml:2"),
        ("[clients]\n", "clients"),
        ("\u{0}", "oauthd.toml:1"),
    ] {
        let file = written(directory.path(), text);
        let said = refused(&run(directory.path(), &["check", "--config", &file], None), 2);
        assert!(said.contains(why), "{text:?}: {said}");
    }
    let said = refused(
        &run(directory.path(), &["serve", "--config", "no-such-file.toml"], None),
        2,
    );
    assert!(said.contains("no-such-file.toml"), "{said}");
}

#[test]
fn check_tells_what_is_weak_and_by_which_rule() {
    let directory = TempDir::new().unwrap();
    let file = written(directory.path(), SOUND);
    let said = good(&run(directory.path(), &["check", "--config", &file], None));
    assert!(!said.is_empty());
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        1,
        "a check begins nothing"
    );
    for (from, to, key) in [
        ("[scopes]", "[pkce]\nrequired = \"public\"\n[scopes]", "pkce.required"),
        (
            "[scopes]",
            "[tokens]\nrefresh_token_rotation = \"never\"\n[scopes]",
            "tokens.refresh_token_rotation",
        ),
        (HASHED, "client_secret = \"short\"", "clients[0].client_secret"),
        ("password_hash = ", "password = \"short\"\n#", "users[0].password"),
    ] {
        let file = written(directory.path(), &SOUND.replace(from, to));
        let output = run(directory.path(), &["check", "--config", &file, "--json"], None);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{to}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("findings");
        let found = findings
            .iter()
            .find(|finding| finding["key"] == key)
            .unwrap_or_else(|| panic!("{key}: {report}"));
        assert!(
            found["line"].is_u64() && found["rule"].as_str().is_some_and(|rule| !rule.is_empty()),
            "{found}"
        );
        assert!(!report.to_string().contains("\"short\""), "a secret is not repeated");
    }
    // First-party consent that has no effect (RFC 8252 §8.6).
    let native = "\n[[clients]]\nclient_id = \"n\"\nredirect_uris = [\"http://127.0.0.1/cb\"]\nscope = \"read\"\nskip_consent = true\n";
    let file = written(directory.path(), &format!("{SOUND}{native}"));
    let output = run(directory.path(), &["check", "--config", &file], None);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("clients[1].skip_consent"));
}

#[test]
fn a_flag_goes_over_the_environment_and_both_over_the_file() {
    let store_of = |arguments: &[&str], variable: Option<&str>| {
        let directory = TempDir::new().unwrap();
        let file = written(directory.path(), SOUND);
        let mut command = oauthd();
        command
            .args(["user", "add", "zoe", "--password-stdin", "--config", &file])
            .args(arguments);
        command
            .current_dir(directory.path())
            .stdin(std::process::Stdio::piped());
        if let Some(variable) = variable {
            command.env("OAUTHD_STORE", variable);
        }
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"good enough for anybody").unwrap();
        assert!(child.wait().unwrap().success());
        let mut names: Vec<String> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "db"))
            .collect();
        names.sort();
        names
    };
    assert_eq!(store_of(&[], None), ["oauthd.db"]);
    assert_eq!(store_of(&[], Some("sqlite://variable.db")), ["variable.db"]);
    assert_eq!(
        store_of(&["--store", "sqlite://flag.db"], Some("sqlite://variable.db")),
        ["flag.db"]
    );
    assert_eq!(store_of(&["--store", "sqlite://flag.db"], None), ["flag.db"]);
}

#[test]
fn port_zero_picks_a_port_and_says_which() {
    let first = Daemon::serve(&Config {
        flags: vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()],
        ..Config::in_memory()
    });
    let port = first.address.port();
    assert_ne!(port, 0);
    assert!(
        !first.issuer.ends_with(&format!(":{port}")),
        "the issuer is what it was configured to be"
    );
    assert_eq!(first.http().get("/healthz").status, 200);
    let metadata = first.http().get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["issuer"], first.issuer.as_str());
}

#[test]
fn two_servers_cannot_have_one_address() {
    let first = Daemon::serve(&Config::in_memory());
    let output = run(first.directory(), &["serve", "--config", &first.config_file()], None);
    let said = refused(&output, 1);
    assert!(said.contains(&first.address.to_string()), "{said}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("listening"));
}

#[test]
fn people_find_what_they_expect() {
    let directory = TempDir::new().unwrap();
    let here = directory.path();
    let version = good(&run(here, &["--version"], None));
    assert_eq!(version.trim(), concat!("oauthd ", env!("CARGO_PKG_VERSION")));
    let help = good(&run(here, &["--help"], None));
    for command in ["demo", "serve", "check", "client", "user", "token", "keys"] {
        assert!(help.contains(command), "{command}: {help}");
        let own = good(&run(here, &[command, "--help"], None));
        assert!(own.contains("Usage"), "{own}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = good(&run(here, &["completions", shell], None));
        assert!(script.contains("oauthd") && script.contains("serve"), "{shell}");
    }
    for wrong in [
        &[][..],
        &["dance"],
        &["serve", "--frobnicate"],
        &["demo", "--listen", "x"],
        &["serve", "--log-format", "xml"],
    ] {
        refused(&run(here, wrong, None), 2);
    }
    assert_eq!(std::fs::read_dir(here).unwrap().count(), 0);
}

#[test]
fn a_server_that_says_nothing_wrong_ends_well_on_ctrl_c() {
    let mut daemon = Daemon::serve(&Config::in_sqlite());
    daemon.signal("INT");
    let status = daemon.wait(Deadline::in_seconds(10)).expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", daemon.output());
}
