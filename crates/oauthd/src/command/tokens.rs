//! `oauthd token …`.

use std::time::{Duration, UNIX_EPOCH};

use oauth_server::Filter;
use serde_json::json;

use super::{Access, Desk, Exit, Failure, Output, printable, secret_from_stdin, table};
use crate::admin::{TokenEntry, Which};
use crate::cli::{Common, TokenArgs, TokenCommand, TokensOf, TokensToRevoke};

pub(super) async fn run(common: &Common, args: TokenArgs) -> Result<Exit, Failure> {
    let output = Output::of(args.json);
    match args.command {
        TokenCommand::List { of } => {
            let filter = filter(of)?;
            let desk = Desk::open(common, Access::Look).await?;
            let entries = desk.admin.tokens(&filter).await?;
            output.print(&entries, || {
                let rows: Vec<[String; 7]> = entries.iter().map(row).collect();
                let head = [
                    "KIND",
                    "STATE",
                    "CLIENT",
                    "SUBJECT",
                    "SCOPE",
                    "EXPIRES",
                    "AUTHORIZATION",
                ];
                table(head, &rows)
            })?;
            Ok(Exit::Good)
        }
        TokenCommand::Revoke { which } => {
            let which = which_of(which)?;
            let desk = Desk::open(common, Access::Change).await?;
            let revoked = desk.admin.revoke(&which).await?;
            output.print(&json!({ "revoked": revoked }), || match (&which, revoked) {
                (_, 0) => "There was nothing left to revoke.\n".to_owned(),
                (Which::Token(_), _) => "Revoked.\n".to_owned(),
                (_, 1) => "Revoked 1 authorization.\n".to_owned(),
                _ => format!("Revoked {revoked} authorizations.\n"),
            })?;
            Ok(Exit::Good)
        }
        TokenCommand::Sweep => {
            let desk = Desk::open(common, Access::Change).await?;
            let forgotten = desk.admin.sweep().await?;
            output.print(&json!({ "forgotten": forgotten }), || {
                format!("Forgot {forgotten} expired credentials.\n")
            })?;
            Ok(Exit::Good)
        }
    }
}

fn filter(of: TokensOf) -> Result<Filter, Failure> {
    let subject = of.subject.map(|subject| Filter::Subject(subject.into()));
    let client = of.client.map(|client| Filter::Client(client.into()));
    let authorization = of.authorization.map(Filter::Authorization);
    subject.or(client).or(authorization).ok_or_else(one_is_needed)
}

fn which_of(which: TokensToRevoke) -> Result<Which, Failure> {
    if which.token_stdin {
        return Ok(Which::Token(secret_from_stdin()?));
    }
    let subject = which.subject.map(|subject| Which::Subject(subject.into()));
    let client = which.client.map(|client| Which::Client(client.into()));
    let authorization = which.authorization.map(Which::Authorization);
    subject.or(client).or(authorization).ok_or_else(one_is_needed)
}

fn one_is_needed() -> Failure {
    Failure::usage("say which: --subject, --client or --authorization")
}

fn row(entry: &TokenEntry) -> [String; 7] {
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(entry.expires_at));
    [
        printable(&entry.kind),
        entry.state.to_owned(),
        printable(&entry.client_id),
        printable(entry.subject.as_deref().unwrap_or("-")),
        printable(if entry.scope.is_empty() { "-" } else { &entry.scope }),
        expires.map_or_else(
            || "-".to_owned(),
            |at| humantime::format_rfc3339_seconds(at).to_string(),
        ),
        entry.authorization.clone(),
    ]
}
