//! Programs outside of this repository that tests need: how to find them, how to install them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something a suite cannot run without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A Chromium, which tests run without a display.
    Chromium,
    /// Node.js, recent enough to have Web Crypto as a global.
    Node,
    /// The npm packages that `package-lock.json` of a directory pins.
    Npm(PathBuf),
}

/// The oldest Node.js that will do.
const OLDEST_NODE: u32 = 20;

impl Need {
    /// Reads a need as a manifest writes it: `chromium`, `node` or `npm:DIRECTORY`, the directory
    /// being that of a `package-lock.json` below the package.
    pub(crate) fn parse(text: &str, package: &Path) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "chromium" => Ok(Self::Chromium),
            None if text == "node" => Ok(Self::Node),
            Some(("npm", directory)) => Ok(Self::Npm(package.join(directory))),
            _ => Err(format!(
                "`{text}` is not something a suite can need: `chromium`, `node` or `npm:DIRECTORY`"
            )),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Chromium => "chromium".to_owned(),
            Self::Node => format!("node {OLDEST_NODE} or newer, with npm"),
            Self::Npm(directory) => {
                let name = directory.file_name().unwrap_or_default().to_string_lossy();
                format!("the npm packages of {name}")
            }
        }
    }

    /// Whether it is there.
    pub(crate) fn is_met(&self) -> bool {
        match self {
            Self::Chromium => ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .any(|name| answers(name)),
            Self::Node => node_version().is_some_and(|version| version >= OLDEST_NODE) && answers("npm"),
            Self::Npm(directory) => npm_is_current(directory),
        }
    }

    /// Installs it.
    pub(crate) fn install(&self) -> Result<(), String> {
        match self {
            Self::Chromium => debian(&["chromium"]),
            Self::Node => debian(&["nodejs", "npm"]),
            Self::Npm(directory) => run(Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(directory)),
        }?;
        if self.is_met() {
            Ok(())
        } else {
            Err(format!("installed, and yet {} is not there", self.name()))
        }
    }
}

/// Whether a program can be started at all.
fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn node_version() -> Option<u32> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The major version in `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Whether `npm ci` ran since the lock file last changed: npm leaves a copy of what it installed.
fn npm_is_current(directory: &Path) -> bool {
    let modified = |file: &str| fs::metadata(directory.join(file)).and_then(|found| found.modified());
    match (
        modified("package-lock.json"),
        modified("node_modules/.package-lock.json"),
    ) {
        (Ok(wanted), Ok(installed)) => installed >= wanted,
        _ => false,
    }
}

fn debian(packages: &[&str]) -> Result<(), String> {
    run(as_root("apt-get").args(["update", "--quiet"]))?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    run(as_root("apt-get")
        .args(install)
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A command with the rights to install, which whoever builds in a container has anyway.
fn as_root(program: &str) -> Command {
    let id = Command::new("id")
        .arg("-u")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    if id.trim_ascii() == b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", program]);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{} {}", command.get_program().display(), arguments(command));
    println!("$ {shown}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` could not be started: {error}")),
    }
}

fn arguments(command: &Command) -> String {
    command
        .get_args()
        .map(|argument| argument.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read_as_manifests_write_them() {
        let package = Path::new("crates/oauthd");
        assert_eq!(Need::parse("chromium", package), Ok(Need::Chromium));
        assert_eq!(Need::parse("node", package), Ok(Need::Node));
        assert_eq!(
            Need::parse("npm:tests/clients", package),
            Ok(Need::Npm("crates/oauthd/tests/clients".into()))
        );
        for unknown in ["", "firefox", "npm", "cargo:x"] {
            assert!(Need::parse(unknown, package).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_does_not_answer() {
        assert!(answers("cargo"));
        assert!(!answers("no-such-program-anywhere"));
    }

    #[test]
    fn packages_that_were_never_installed_are_missing() {
        assert!(!npm_is_current(Path::new("no/such/directory")));
    }

    #[test]
    fn the_major_version_is_what_counts() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v8.1.0"), Some(8));
        assert_eq!(major("command not found"), None);
    }
}
