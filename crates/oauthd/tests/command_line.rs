//! The program as people and scripts call it: exit codes, what is printed, and where settings come from.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

/// A directory with a configuration, in which the program is called.
struct Desk(TempDir);

/// What a call came to.
#[derive(Debug)]
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl Outcome {
    /// What was printed as JSON.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

const SOUND: &str = "issuer = \"https://auth.example\"\nstore = \"sqlite://file.db\"\n";

impl Desk {
    fn with(configuration: &str) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("oauthd.toml"), configuration).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oauthd"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OAUTHD_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn call(&self, line: &str) -> Outcome {
        self.call_with(line, "", &[])
    }

    fn call_with(&self, line: &str, input: &str, environment: &[(&str, &str)]) -> Outcome {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut child = self
            .command(&arguments)
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        // Whoever refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A server, killed when it goes out of scope.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Self { child, address }
    }

    /// The status of a token request by client credentials.
    fn token(&self, client: &str, secret: &str) -> u16 {
        let body = "grant_type=client_credentials";
        let credentials = STANDARD.encode(format!("{client}:{secret}"));
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_and_version_are_good_and_nonsense_is_a_usage_error() {
    let desk = Desk::with(SOUND);
    assert_eq!(desk.call("--help").code, 0);
    assert!(desk.call("--version").out.starts_with("oauthd 0."));
    for line in ["dance", "serve --frobnicate", "token list", "user add"] {
        assert_eq!(desk.call(line).code, 2, "{line}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let completions = desk.call(&format!("completions {shell}"));
        assert_eq!(completions.code, 0);
        assert!(completions.out.contains("rotate-secret"), "{shell}");
    }
}

#[test]
fn a_wrong_configuration_starts_nothing_and_says_where_it_is_wrong() {
    let desk = Desk::with("issuer = \"https://auth.example\"\nstore = \"sqlite://file.db\"\nlisen = \"x\"\n");
    for line in [
        "serve",
        "check",
        "client list",
        "client add web",
        "user list",
        "user add bob --password-stdin",
        "token sweep",
        "keys list",
    ] {
        let outcome = desk.call_with(line, "password\n", &[]);
        assert_eq!(outcome.code, 2, "{line}");
        assert!(
            outcome
                .err
                .contains("oauthd.toml:3: lisen: unknown key; did you mean `listen`?"),
            "{line}: {outcome:?}"
        );
        assert_eq!(outcome.out, "", "{line}");
    }
    assert!(!desk.path().join("file.db").exists());
    let missing = desk.call("serve --config elsewhere.toml");
    assert_eq!(missing.code, 2);
    assert!(
        missing.err.contains("elsewhere.toml: there is no such file"),
        "{missing:?}"
    );
}

#[test]
fn check_is_good_weak_or_wrong() {
    let good = Desk::with(SOUND).call("check");
    assert_eq!((good.code, good.err.as_str()), (0, ""));
    let weak = Desk::with(&format!("{SOUND}[pkce]\nrequired = \"public\"\n"));
    let in_words = weak.call("check");
    assert_eq!(in_words.code, 1);
    assert!(in_words.out.contains("oauthd.toml:4: pkce.required: "), "{in_words:?}");
    let report: Value = serde_json::from_str(&weak.call("check --json").out).unwrap();
    assert_eq!(report["findings"][0]["key"], "pkce.required");
    assert_eq!(report["findings"][0]["line"], 4);
    assert!(report["findings"][0]["rule"].as_str().unwrap().contains("RFC 9700"));
    let wrong = Desk::with("issuer = \"https://auth.example?x\"\n").call("check --json");
    assert_eq!(wrong.code, 2);
    let report: Value = serde_json::from_str(&wrong.out).unwrap();
    assert_eq!(report["problems"][0]["key"], "issuer");
}

#[test]
fn a_flag_goes_over_the_environment_and_both_over_the_file() {
    let add = "user add bob --password-stdin";
    for (flag, environment, made) in [
        ("", "", "file.db"),
        ("", "sqlite://environment.db", "environment.db"),
        (" --store sqlite://flag.db", "sqlite://environment.db", "flag.db"),
    ] {
        let desk = Desk::with(SOUND);
        let outcome = desk.call_with(
            &format!("{add}{flag}"),
            "bob's password\n",
            &[("OAUTHD_STORE", environment)],
        );
        assert_eq!(outcome.code, 0, "{outcome:?}");
        for name in ["file.db", "environment.db", "flag.db"] {
            assert_eq!(desk.path().join(name).exists(), name == made, "{name} for {made}");
        }
    }
    let desk = Desk::with(SOUND);
    let wrong = desk.call_with("serve", "", &[("OAUTHD_LISTEN", "nowhere")]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("--listen (OAUTHD_LISTEN): not an address"),
        "{wrong:?}"
    );
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("OAUTHD_LISTEN", "nowhere");
    let serving = Serving::start(command);
    assert!(serving.address.starts_with("127.0.0.1:"), "{}", serving.address);
}

#[test]
fn a_client_is_registered_shown_changed_and_removed() {
    let desk = Desk::with(&format!(
        "{SOUND}[[clients]]\nclient_id = \"fixed\"\nredirect_uris = [\"https://fixed.example/cb\"]\n"
    ));
    let added = desk
        .call("client add web --redirect-uri https://web.example/cb --name Web --json")
        .json();
    assert_eq!(added["client_id"], "web");
    assert_eq!(
        added["grant_types"],
        serde_json::json!(["authorization_code", "refresh_token"])
    );
    let secret = added["client_secret"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    let shown = desk.call("client show web --json");
    assert_eq!(shown.json()["client_name"], "Web");
    assert!(!shown.out.contains("secret\""), "{shown:?}");
    assert!(!desk.call("client list --json").out.contains(secret));
    let listed = desk.call("client list");
    assert!(
        listed.out.contains("fixed") && listed.out.contains("from configuration"),
        "{listed:?}"
    );
    let rotated = desk.call("client rotate-secret web --json").json();
    assert_ne!(rotated["client_secret"], added["client_secret"]);
    for (line, code) in [
        ("client add web", 1),
        ("client add fixed", 1),
        ("client add other --redirect-uri http://other.example/cb", 2),
        ("client add other --grant magic", 2),
        ("client show nobody", 1),
        ("client rotate-secret fixed", 1),
        ("client remove fixed", 1),
        ("client remove nobody", 1),
        ("client remove web", 0),
        ("client show web", 1),
    ] {
        let outcome = desk.call(line);
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        assert_eq!(outcome.err.is_empty(), code == 0, "{line}: {outcome:?}");
    }
    assert!(desk.call("client remove fixed").err.contains("from configuration"));
}

#[test]
fn a_user_is_added_listed_kept_out_and_removed() {
    let desk = Desk::with(&format!(
        "{SOUND}[[users]]\nusername = \"alice\"\npassword = \"a password\"\n"
    ));
    let add = "user add bob --password-stdin --claim email=bob@example.com --json";
    let added = desk.call_with(add, "bob's password\r\n", &[]).json();
    assert_eq!(added["claims"]["email"], "bob@example.com");
    let listed = desk.call("user list --json").json();
    assert_eq!(listed[0]["username"], "alice");
    assert_eq!(listed[0]["source"], "configuration");
    assert_eq!(listed[1]["username"], "bob");
    for (line, input, code) in [
        ("user add bob --password-stdin", "another\n", 1),
        ("user add carol --password-stdin", "", 2),
        ("user add carol --password-stdin", "two\nlines\n", 2),
        ("user add carol", "", 2),
        ("user passwd bob --password-stdin", "another\n", 0),
        ("user disable bob", "", 0),
        ("user enable bob", "", 0),
        ("user disable alice", "", 1),
        ("user disable nobody", "", 1),
        ("user remove bob", "", 0),
        ("user remove bob", "", 1),
    ] {
        let outcome = desk.call_with(line, input, &[]);
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
    }
}

#[test]
fn tokens_that_are_not_there_are_told_apart_from_tokens_that_are() {
    let desk = Desk::with(SOUND);
    assert_eq!(
        desk.call("token list --subject bob --json").json(),
        serde_json::json!([])
    );
    assert_eq!(desk.call("token revoke --client web --json").json()["revoked"], 0);
    assert_eq!(desk.call("token sweep --json").json()["forgotten"], 0);
    let unknown = desk.call_with("token revoke --token-stdin", "not-a-token\n", &[]);
    assert_eq!(unknown.code, 1);
    assert!(!unknown.err.contains("not-a-token"), "{unknown:?}");
    assert!(!desk.path().join("file.db").exists(), "looking makes no store");
}

#[test]
fn opaque_tokens_have_no_keys() {
    let desk = Desk::with(SOUND);
    assert_eq!(desk.call("keys list --json").json(), serde_json::json!([]));
    assert!(desk.call("keys list").out.contains("opaque"));
    assert_eq!(desk.call("keys rotate").code, 1);
}

#[test]
fn what_lives_in_another_process_is_not_changed_from_here() {
    let desk = Desk::with("issuer = \"https://auth.example\"\nstore = \"memory:\"\n");
    let added = desk.call("client add web");
    assert_eq!(added.code, 1);
    assert!(added.err.contains("memory:"), "{added:?}");
    assert_eq!(desk.call("client list").code, 0);
}

#[test]
fn a_running_server_sees_at_once_what_is_changed_beside_it() {
    let desk = Desk::with(SOUND);
    let serving = Serving::start(desk.command(&["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(serving.token("job", "anything"), 401);
    let added = desk.call("client add job --json").json();
    let secret = added["client_secret"].as_str().unwrap();
    assert_eq!(serving.token("job", secret), 200);
    let chosen = desk.call_with(
        "client rotate-secret job --secret-stdin",
        "a secret that a person chose\n",
        &[],
    );
    assert_eq!(chosen.code, 0, "{chosen:?}");
    assert_eq!(serving.token("job", secret), 401);
    assert_eq!(
        serving.token("job", "a secret that a person chose".replace(' ', "+").as_str()),
        200
    );
    let listed = desk.call("token list --client job --json").json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(desk.call("token revoke --client job --json").json()["revoked"], 2);
    assert_eq!(desk.call("client remove job").code, 0);
    assert_eq!(serving.token("job", "a+secret+that+a+person+chose"), 401);
}

#[test]
fn a_port_that_is_taken_is_a_failure_and_not_a_usage_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::with(SOUND);
    let outcome = desk.call(&format!("serve --listen {}", taken.local_addr().unwrap()));
    assert_eq!(outcome.code, 1, "{outcome:?}");
}
