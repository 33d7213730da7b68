//! `cargo xtask test`: every test there is, added up.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::need::Need;
use crate::outcome::Outcome;
use crate::suite::{self, Suite};
use crate::workspace::{Depth, Workspace, cargo};

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// What to do about programs that are absent.
    absent: Absent,
    filter: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Absent {
    /// The suite is skipped, by name.
    #[default]
    Skip,
    /// They are installed.
    Install,
}

impl Request {
    /// Reads `[--install] [FILTER]`.
    pub(crate) fn parse(arguments: &[&str]) -> Option<Self> {
        let mut request = Self::default();
        for argument in arguments {
            match *argument {
                "--install" => request.absent = Absent::Install,
                filter if !filter.starts_with('-') && request.filter.is_none() => {
                    request.filter = Some(filter.to_owned());
                }
                _ => return None,
            }
        }
        Some(request)
    }
}

/// Runs the tests. The last line says how many passed, failed and were skipped.
///
/// # Errors
/// When nothing could be run. Tests that fail are an answer.
pub(crate) fn run(request: &Request) -> Result<Outcome, String> {
    let suites = suite::all(&Workspace::load(&Depth::Members)?)?;
    let filter = request.filter.as_deref();
    let chosen = suites.iter().find(|suite| Some(suite.name.as_str()) == filter);
    let mut total = Outcome::default();
    let mut skipped = Vec::new();
    if chosen.is_none() {
        total += cargo_test(cargo().args(["test", "--workspace", "--no-fail-fast"]), filter)?;
        if total.skipped > 0 {
            skipped.push(format!("{} ignored tests (named above)", total.skipped));
        }
    }
    for suite in suites
        .iter()
        .filter(|suite| chosen.is_none_or(|chosen| *suite == chosen))
    {
        println!("\nsuite {}", suite.name);
        match provide(suite, request.absent) {
            Ready::Yes => {
                let filter = if chosen.is_some() { None } else { filter };
                total += cargo_test(&mut command(suite), filter)?;
            }
            Ready::Absent(missing) => {
                let name = &suite.name;
                skipped.push(format!(
                    "{name} (needs {missing}; cargo xtask test --install installs it)"
                ));
                total += Outcome::SKIPPED;
            }
            Ready::Failed(error) => {
                println!("failed: {}: {error}", suite.name);
                total += Outcome::FAILED;
            }
        }
    }
    println!();
    if total.passed + total.failed == 0 {
        println!("no test was run");
    }
    for name in skipped {
        println!("skipped: {name}");
    }
    println!("{total}");
    Ok(total)
}

enum Ready {
    Yes,
    /// These are not there, and were not to be installed.
    Absent(String),
    /// Installing was asked for, and failed.
    Failed(String),
}

fn provide(suite: &Suite, absent: Absent) -> Ready {
    let missing: Vec<&Need> = suite.needs.iter().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ready::Yes;
    }
    match absent {
        Absent::Skip => Ready::Absent(missing.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ")),
        Absent::Install => match missing.iter().try_for_each(|need| need.install()) {
            Ok(()) => Ready::Yes,
            Err(error) => Ready::Failed(error),
        },
    }
}

/// The whole workspace again, with one test program: so the dependencies keep the features, and
/// the builds, that they had before.
fn command(suite: &Suite) -> Command {
    let mut cargo = cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast", "--test", &suite.name]);
    cargo.arg("--features").arg(suite.features.join(","));
    cargo
}

/// Runs `cargo test`, shows what it says and counts what it tells.
fn cargo_test(command: &mut Command, filter: Option<&str>) -> Result<Outcome, String> {
    if let Some(filter) = filter {
        command.arg("--").arg(filter);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo test: {error}"))?;
    let mut outcome = Outcome::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| format!("cargo test: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            outcome += Outcome::of_line(line.trim_end()).unwrap_or_default();
        }
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    if !status.success() && outcome.failed == 0 {
        // Something did not compile, or a test program died before it could say how many failed.
        println!("failed: cargo test ended with {status}");
        outcome += Outcome::FAILED;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_a_flag_and_a_filter_in_any_order() {
        let filter = Some("browser".to_owned());
        assert_eq!(Request::parse(&[]), Some(Request::default()));
        let both = Request {
            absent: Absent::Install,
            filter,
        };
        assert_eq!(Request::parse(&["--install", "browser"]).as_ref(), Some(&both));
        assert_eq!(Request::parse(&["browser", "--install"]).as_ref(), Some(&both));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(Request::parse(&["--instal"]), None);
        assert_eq!(Request::parse(&["one", "two"]), None);
    }

    #[test]
    fn a_suite_that_lacks_something_is_skipped_by_name() {
        let nowhere = Need::Npm("no/such/directory".into());
        let suite = Suite {
            name: "browser".to_owned(),
            features: Vec::new(),
            needs: vec![nowhere],
        };
        let Ready::Absent(missing) = provide(&suite, Absent::Skip) else {
            panic!("it cannot be ready")
        };
        assert_eq!(missing, "the npm packages of directory");
    }

    #[test]
    fn what_cannot_be_installed_fails_and_is_not_skipped() {
        let nowhere = Need::Npm("no/such/directory".into());
        let suite = Suite {
            name: "browser".to_owned(),
            features: Vec::new(),
            needs: vec![nowhere],
        };
        assert!(matches!(provide(&suite, Absent::Install), Ready::Failed(_)));
    }

    #[test]
    fn a_suite_runs_alone_with_its_features() {
        let features = vec!["oauthd/browser-tests".to_owned()];
        let suite = Suite {
            name: "browser".to_owned(),
            features,
            needs: Vec::new(),
        };
        let command = command(&suite);
        let arguments: Vec<_> = command.get_args().filter_map(|argument| argument.to_str()).collect();
        assert!(
            arguments.windows(2).any(|pair| pair == ["--test", "browser"]),
            "{arguments:?}"
        );
        assert!(
            arguments
                .windows(2)
                .any(|pair| pair == ["--features", "oauthd/browser-tests"]),
            "{arguments:?}"
        );
    }

    #[test]
    fn a_test_program_that_dies_without_a_result_has_failed() {
        let died = cargo_test(Command::new("sh").args(["-c", "exit 101"]), None);
        assert_eq!(died, Ok(Outcome::FAILED));
        let line = "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out'; exit 101";
        let failed = cargo_test(Command::new("sh").args(["-c", line]), None);
        assert_eq!(
            failed,
            Ok(Outcome {
                passed: 1,
                failed: 2,
                skipped: 0
            })
        );
    }
}
