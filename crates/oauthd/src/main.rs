//! A ready-to-run OAuth 2.x authorization server.

use std::process::ExitCode;

use clap::Parser as _;
use oauthd::cli::Cli;
use oauthd::command;

/// Requests allocate and free small pieces all the time; this takes half as long for it as the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(command::run(Cli::parse()).await.code())
}
