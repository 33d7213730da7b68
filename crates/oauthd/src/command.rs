//! What each command does: from its arguments to what is printed and the exit code.

mod check;
mod clients;
mod serve;
mod tokens;
mod users;

use std::fmt;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::sync::Arc;

use clap::CommandFactory as _;
use oauth_server::argon2::Argon2;
use oauth_server::{Clock, Entropy, Secret, StoreError, SystemClock, SystemEntropy};
use serde::Serialize;

use crate::admin::{Admin, Refusal};
use crate::cli::{Cli, Command, Common, KeysCommand, ServeArgs};
use crate::config::{Problems, Purpose, Settings, StoreUrl};
use crate::registry::Registry;
use crate::store;
use crate::users::Users;

/// How a command ended: the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Good,
    /// 1: what was asked for failed.
    Failed,
    /// 2: usage or configuration error; nothing was started or changed.
    Usage,
}

impl Exit {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        }
    }
}

/// Why a command ended before its time, in words.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn usage(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.to_string(),
        }
    }

    fn failed(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.to_string(),
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::usage(problems)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if refusal.is_usage() {
            Self::usage(refusal)
        } else {
            Self::failed(refusal)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(format_args!("the store: {error}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(error)
    }
}

/// Does what the command line asks for. What goes wrong is told on standard error.
pub async fn run(cli: Cli) -> Exit {
    let Cli { common, command } = cli;
    let done = match command {
        Command::Demo(args) => serve::demo(&common, &args).await,
        Command::Serve(args) => serve::run(&common, &args).await,
        Command::Check(args) => check::run(&common, &args),
        Command::Client(args) => clients::run(&common, args).await,
        Command::User(args) => users::run(&common, args).await,
        Command::Token(args) => tokens::run(&common, args).await,
        Command::Keys(args) => keys(&common, args.command, Output::of(args.json)),
        Command::Completions { shell } => completions(shell),
    };
    done.unwrap_or_else(|failure| {
        // If nobody listens there is nothing left to say it with.
        let _ = writeln!(io::stderr(), "oauthd: {}", failure.message);
        failure.exit
    })
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    Json,
}

impl Output {
    fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// Prints an answer as JSON, or in words.
    fn print(self, json: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = match self {
            Self::Text => words(),
            Self::Json => serde_json::to_string_pretty(json).map_err(Failure::failed)? + "\n",
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// What a command does with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// It looks.
    Look,
    /// It changes what is there.
    Change,
    /// It adds, so a store that is not there yet is begun.
    Add,
}

/// Settings and the store, opened for administration.
struct Desk {
    admin: Admin,
    settings: Settings,
}

impl Desk {
    async fn open(common: &Common, access: Access) -> Result<Self, Failure> {
        let settings = Settings::load(
            common.config.as_deref(),
            &common.overrides(&ServeArgs::default()),
            Purpose::Administer,
        )?;
        if settings.store == StoreUrl::Memory && access != Access::Look {
            return Err(Failure::failed(
                "the store is `memory:`, which lives inside the serving process: nothing in it can be changed from here",
            ));
        }
        let backend = match access {
            Access::Add => store::open(&settings.store).await?,
            Access::Look | Access::Change => store::open_existing(&settings.store).await?,
        };
        let argon2 = Argon2::new();
        let configured = settings.clients.iter().map(|configured| configured.client.clone());
        let registry = Registry::new(configured, Arc::clone(&backend));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let users = Users::by_name(&settings.users, backend, argon2.clone(), &*clock);
        let admin = Admin {
            registry,
            users,
            vocabulary: settings.vocabulary(),
            argon2,
            clock,
            entropy,
        };
        Ok(Self { admin, settings })
    }
}

/// A secret from standard input: one line, without its end.
fn secret_from_stdin() -> Result<Secret, Failure> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format_args!("standard input: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return Err(Failure::usage("standard input: one line is expected"));
    }
    if line.is_empty() {
        return Err(Failure::usage("standard input: it is empty"));
    }
    Ok(Secret::new(line))
}

/// A password, from standard input or from the person at the terminal, who types it twice.
fn password(stdin: StdinFlag, username: &str) -> Result<Secret, Failure> {
    if stdin == StdinFlag::Given {
        return secret_from_stdin();
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is nobody to ask for the password: use --password-stdin",
        ));
    }
    let first = rpassword::prompt_password(format!("Password of {username}: "))?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first != second {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(Secret::new(first))
}

/// Whether a `…-stdin` flag was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StdinFlag {
    Given,
    Absent,
}

impl From<bool> for StdinFlag {
    fn from(given: bool) -> Self {
        if given { Self::Given } else { Self::Absent }
    }
}

fn keys(common: &Common, command: KeysCommand, output: Output) -> Result<Exit, Failure> {
    const WHY: &str = "there are no signing keys: access tokens are opaque";
    let overrides = common.overrides(&ServeArgs::default());
    Settings::load(common.config.as_deref(), &overrides, Purpose::Administer)?;
    match command {
        KeysCommand::List => {
            output.print(&[(); 0], || format!("{WHY}\n"))?;
            Ok(Exit::Good)
        }
        KeysCommand::Rotate => Err(Failure::failed(WHY)),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oauthd", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Good)
}

/// Lines of columns, each as wide as its widest entry.
fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let entries = rows.iter().map(|row| row[column].chars().count());
        entries.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |entries: &[&str; N]| {
        let mut line = String::new();
        for (entry, width) in entries.iter().zip(widths) {
            let padding = width.saturating_sub(entry.chars().count());
            line.push_str(entry);
            line.extend(std::iter::repeat_n(' ', padding + 2));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&head);
    for row in rows {
        text.push_str(&line(&std::array::from_fn(|column| row[column].as_str())));
    }
    text
}

/// A text for a terminal: characters that could steer it are shown by their number.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let shown = (!escaped).then_some(c);
            let number = escaped.then(|| c.escape_unicode());
            shown.into_iter().chain(number.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_entry() {
        let rows = [["a".to_owned(), "x".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID      NAME\na       x\nlonger\n");
    }

    #[test]
    fn nothing_printed_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}é"), "a\\u{1b}[2Jb\\u{a}\\u{202e}é");
    }

    #[test]
    fn usage_errors_are_two_and_failures_one() {
        let unfit = Failure::from(Refusal::Unfit("no".to_owned()));
        assert_eq!(unfit.exit.code(), 2);
        let absent = Failure::from(Refusal::Absent {
            noun: "client",
            name: "c".to_owned(),
        });
        assert_eq!(absent.exit.code(), 1);
        assert_eq!(Exit::Good.code(), 0);
    }
}
