//! A ready-to-run OAuth 2.x authorization server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use oauthd::config::{Overrides, Purpose, Settings};
use oauthd::telemetry::{self, LogFormat};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A server to look at, with nothing to set up.
    Demo {
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        #[arg(long, default_value = "warn")]
        log_level: String,
    },
    /// The server for real.
    Serve {
        #[arg(long)]
        config: Option<PathBuf>,
        #[arg(long)]
        listen: Option<String>,
        #[arg(long)]
        issuer: Option<String>,
        #[arg(long)]
        store: Option<String>,
        #[arg(long, default_value = "info")]
        log_level: String,
        #[arg(long, default_value = "text")]
        log_format: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { listen, log_level } => {
            let _ = telemetry::log_to_stderr(LogFormat::Text, &log_level);
            oauthd::demo::demo(listen).await.map_err(|error| error.to_string())
        }
        Command::Serve {
            config,
            listen,
            issuer,
            store,
            log_level,
            log_format,
        } => {
            let format = if log_format == "json" {
                LogFormat::Json
            } else {
                LogFormat::Text
            };
            let _ = telemetry::log_to_stderr(format, &log_level);
            let overrides = Overrides { issuer, listen, store };
            match Settings::load(config.as_deref(), &overrides, Purpose::Serve) {
                Ok(settings) => oauthd::serve::serve(&settings).await.map_err(|error| error.to_string()),
                Err(problems) => {
                    eprintln!("{problems}");
                    return ExitCode::from(2);
                }
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oauthd: {error}");
            ExitCode::FAILURE
        }
    }
}
