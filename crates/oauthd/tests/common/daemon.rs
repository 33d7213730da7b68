//! The real program as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::browser::Browser;
use super::deadline::Deadline;
use super::http::Http;

/// What announces the address.
const ANNOUNCEMENT: &str = "listening on http://";

/// How many ports are tried.
const PORTS: usize = 16;

/// How long a start may take: passwords of the configuration are hashed, by a debug build, beside other tests.
const START_SECONDS: u64 = 60;

/// The program, with nothing of the surrounding environment that could configure it.
pub(crate) fn oauthd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oauthd"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OAUTHD_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(directory: &Path, arguments: &[&str], input: Option<&str>) -> Output {
    let mut command = oauthd();
    command.args(arguments).current_dir(directory);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the program starts");
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A program that refuses its arguments does not read.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().expect("the program ends")
}

/// A configuration file in the making. What is not changed is the world of `clients.rs`.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// `memory:`, or empty for SQLite in the directory of the daemon.
    pub(crate) store: String,
    /// What the issuer has behind host and port: empty, or `/tenant`.
    pub(crate) issuer_path: String,
    /// What the issuer is instead of the address that is listened on.
    pub(crate) issuer: Option<String>,
    /// Keys outside of any table.
    pub(crate) top: String,
    /// Keys of `[tokens]`.
    pub(crate) tokens: String,
    /// Keys of `[limits]`.
    pub(crate) limits: String,
    /// `[grants] enabled`; empty for what it is when nobody says.
    pub(crate) grants: Vec<&'static str>,
    /// `[[clients]]`.
    pub(crate) clients: String,
    /// `[[users]]`.
    pub(crate) users: String,
    /// Flags behind `serve --config FILE`.
    pub(crate) flags: Vec<String>,
}

impl Config {
    /// With that store.
    pub(crate) fn on(store: &str) -> Self {
        Self {
            store: store.to_owned(),
            issuer_path: String::new(),
            issuer: None,
            top: String::new(),
            tokens: String::new(),
            limits: "token_requests_per_minute_per_client = 0".to_owned(),
            grants: vec!["authorization_code", "refresh_token", "client_credentials"],
            clients: super::clients::CLIENTS.to_owned(),
            users: super::clients::USERS.to_owned(),
            flags: Vec::new(),
        }
    }

    /// In memory.
    pub(crate) fn in_memory() -> Self {
        Self::on("memory:")
    }

    /// In a SQLite file of the daemon's own.
    pub(crate) fn in_sqlite() -> Self {
        Self::on("")
    }

    fn render(&self, address: SocketAddr, listen: SocketAddr, directory: &Path) -> (String, String) {
        let issuer = self
            .issuer
            .clone()
            .unwrap_or_else(|| format!("http://{address}{}", self.issuer_path));
        let store = if self.store.is_empty() {
            format!("sqlite://{}", directory.join("oauthd.db").display())
        } else {
            self.store.clone()
        };
        let Self {
            top,
            tokens,
            limits,
            grants,
            clients,
            users,
            ..
        } = self;
        let grants = match grants.as_slice() {
            [] => String::new(),
            grants => format!("enabled = {grants:?}"),
        };
        let text = format!(
            "issuer = \"{issuer}\"\nlisten = \"{listen}\"\nstore = \"{store}\"\n{top}\n\n[tokens]\n{tokens}\n\n\
             [limits]\n{limits}\n\n[grants]\n{grants}\n\n[scopes]\n\
             supported = [\"read\", \"write\", \"profile\"]\ndefault = [\"read\"]\n{clients}\n{users}\n"
        );
        (issuer, text)
    }
}

/// What a process has printed so far, on either of its outputs.
#[derive(Debug, Default)]
struct Printed {
    text: Mutex<String>,
    more: Condvar,
}

impl Printed {
    fn so_far(&self) -> MutexGuard<'_, String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, text: &str) {
        self.so_far().push_str(text);
        self.more.notify_all();
    }

    fn wait_for(&self, expected: &str) -> String {
        let patience = Deadline::in_seconds(START_SECONDS).left();
        let lacks = |text: &mut String| !text.contains(expected);
        let (text, waited) = self
            .more
            .wait_timeout_while(self.so_far(), patience, lacks)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "`{expected}` was not printed:\n{text}");
        text.clone()
    }
}

/// A running server. It is killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it calls itself.
    pub(crate) issuer: String,
    directory: Arc<TempDir>,
    arguments: Vec<String>,
    output: Arc<Printed>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Daemon {
    /// `oauthd serve` with that configuration.
    pub(crate) fn serve(config: &Config) -> Self {
        let directory = Arc::new(TempDir::new().expect("a temporary directory"));
        for _ in 0..PORTS {
            let address = free_address();
            let (issuer, text) = config.render(address, address, directory.path());
            let file = directory.path().join("oauthd.toml");
            std::fs::write(&file, text).expect("the configuration is written");
            let mut arguments = vec!["serve".to_owned(), "--config".to_owned(), file.display().to_string()];
            arguments.extend(config.flags.iter().cloned());
            match Self::start(arguments, Arc::clone(&directory), issuer) {
                Ok(daemon) => return daemon,
                // Somebody else was faster to take the port.
                Err(output) if output.contains("in use") => {}
                Err(output) => panic!("the server does not start:\n{output}"),
            }
        }
        panic!("no port is free");
    }

    /// `oauthd demo` on a port of the program's own choice.
    pub(crate) fn demo(flags: &[&str]) -> Self {
        let directory = Arc::new(TempDir::new().expect("a temporary directory"));
        let mut arguments = vec!["demo".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut daemon = Self::start(arguments, directory, String::new())
            .unwrap_or_else(|output| panic!("the demo does not start:\n{output}"));
        daemon.issuer = format!("http://{}", daemon.address);
        daemon
    }

    fn start(arguments: Vec<String>, directory: Arc<TempDir>, issuer: String) -> Result<Self, String> {
        let mut child = oauthd()
            .args(&arguments)
            .current_dir(directory.path())
            .env("TMPDIR", directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = Arc::new(Printed::default());
        let (announce, announced) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            listen_to(stdout, Arc::clone(&output), announce.clone()),
            listen_to(stderr, Arc::clone(&output), announce),
        ];
        let Some(address) = wait_for_announcement(&announced) else {
            let _ = child.kill();
            let _ = child.wait();
            for reader in readers {
                let _ = reader.join();
            }
            return Err(output.so_far().clone());
        };
        Ok(Self {
            child,
            address,
            issuer,
            directory,
            arguments,
            output,
            readers,
        })
    }

    /// The same server once more, after this one ended: with the same files, at the same address.
    pub(crate) fn restart(mut self) -> Self {
        self.end();
        let arguments = std::mem::take(&mut self.arguments);
        let before = self.output();
        let daemon = Self::start(arguments, Arc::clone(&self.directory), self.issuer.clone())
            .unwrap_or_else(|output| panic!("the server does not start again:\n{output}"));
        assert_eq!(daemon.address, self.address);
        daemon.output.so_far().insert_str(0, &before);
        daemon
    }

    /// A client that talks to it.
    pub(crate) fn http(&self) -> Http {
        Http::to(self.address)
    }

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser {
        let host_ends = self.issuer.find("//").map_or(0, |at| at + 2);
        let origin_ends = self.issuer[host_ends..]
            .find('/')
            .map_or(self.issuer.len(), |at| at + host_ends);
        Browser::new(&self.http(), &self.issuer[..origin_ends])
    }

    /// Everything it has printed so far.
    pub(crate) fn output(&self) -> String {
        self.output.so_far().clone()
    }

    /// What it has printed, as soon as that contains something.
    pub(crate) fn output_with(&self, expected: &str) -> String {
        self.output.wait_for(expected)
    }

    /// Its directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file of its SQLite store.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("oauthd.db")
    }

    /// Its configuration file.
    pub(crate) fn config_file(&self) -> String {
        self.directory.path().join("oauthd.toml").display().to_string()
    }

    /// An administration command on the same configuration.
    pub(crate) fn admin(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let file = self.config_file();
        let mut all = arguments.to_vec();
        all.extend(["--config", &file]);
        run(self.directory(), &all, input)
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// `SIGTERM`.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Any signal that it can hear.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the process is there to be told"
        );
    }

    /// `SIGKILL`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is there to be killed");
        self.child.wait().expect("it is a child of this one");
    }

    /// Waits until it ends of itself.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> Option<ExitStatus> {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child of this one") {
                break status;
            }
            if deadline.is_over() {
                return None;
            }
            // The standard library can wait for a child, or wait for some time, but not both.
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        };
        self.join_readers();
        Some(status)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join_readers();
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            println!("-- what the server printed --\n{}--", self.output());
        }
    }
}

fn wait_for_announcement(announced: &Receiver<SocketAddr>) -> Option<SocketAddr> {
    announced.recv_timeout(Deadline::in_seconds(START_SECONDS).left()).ok()
}

fn listen_to(
    stream: impl Read + Send + 'static,
    output: Arc<Printed>,
    announce: std::sync::mpsc::Sender<SocketAddr>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut announce = Some(announce);
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            output.add(&text);
            if let Some(address) = announced_address(&text)
                && let Some(announce) = announce.take()
            {
                let _ = announce.send(address);
            }
            line.clear();
        }
    })
}

fn announced_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(ANNOUNCEMENT)?;
    let ends = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c)))
        .unwrap_or(rest.len());
    rest[..ends].parse().ok()
}

/// A free port outside of the range that connections take theirs from, so that it stays free until it is used.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..1000 {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = std::process::id()
            .wrapping_mul(7919)
            .wrapping_add(turn.wrapping_mul(13));
        let port = 20_000 + u16::try_from(spread % 12_000).expect("it is below 12000");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}
