//! `cargo xtask bench`: builds the servers and what loads them, and runs both on a processor of their own.

use std::process::{Command, Stdio};

use crate::workspace::{Depth, Workspace, cargo};

/// The processor of the generator. The servers are pinned to another by the generator itself.
const GENERATOR_PROCESSOR: &str = "1";

/// Builds and measures; `arguments` are those of `oauth-bench run`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    // Two builds, because features of one must not change what the other is made of.
    for package in ["oauthd", "oauth-bench"] {
        succeed(cargo().args(["build", "--release", "--package", package]))?;
    }
    let workspace = Workspace::load(&Depth::Members)?;
    let program = workspace.target_directory.join("release/oauth-bench");
    succeed(
        Command::new("taskset")
            .args(["--cpu-list", GENERATOR_PROCESSOR])
            .arg(program)
            .arg("run")
            .args(arguments),
    )
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().display().to_string();
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("bench: {program} ended with {status}")),
        Err(error) => Err(format!("bench: {program} could not be started: {error}")),
    }
}
