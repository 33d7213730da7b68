//! A ready-to-run OAuth 2.x authorization server.

use std::process::ExitCode;

use clap::Parser as _;
use oauthd::cli::Cli;
use oauthd::command;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(command::run(Cli::parse()).await.code())
}
