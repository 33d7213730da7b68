//! `oauthd user …`.

use serde_json::{Map, Value, json};

use super::{Access, Desk, Exit, Failure, Output, password, printable, table};
use crate::admin::UserEntry;
use crate::cli::{Common, UserArgs, UserCommand};
use crate::registry::Origin;

pub(super) async fn run(common: &Common, args: UserArgs) -> Result<Exit, Failure> {
    let output = Output::of(args.json);
    match args.command {
        UserCommand::Add {
            username,
            password_stdin,
            claims,
        } => {
            let password = password(password_stdin.into(), &username)?;
            let claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name, value.into())).collect();
            let desk = Desk::open(common, Access::Add).await?;
            let user = desk.admin.add_user(&username, &password, claims).await?;
            output.print(&UserEntry::of(&user, Origin::Store), || {
                format!("Added the user {}.\n", printable(&username))
            })?;
            Ok(Exit::Good)
        }
        UserCommand::Passwd {
            username,
            password_stdin,
        } => {
            let password = password(password_stdin.into(), &username)?;
            let desk = Desk::open(common, Access::Change).await?;
            let ended = desk.admin.set_password(&username, &password).await?;
            told(output, &username, ended, "Changed the password of")?;
            Ok(Exit::Good)
        }
        UserCommand::List => list(common, output).await,
        UserCommand::Disable { username } => {
            let desk = Desk::open(common, Access::Change).await?;
            let ended = desk.admin.disable_user(&username).await?;
            told(output, &username, ended, "Disabled the user")?;
            Ok(Exit::Good)
        }
        UserCommand::Enable { username } => {
            let desk = Desk::open(common, Access::Change).await?;
            desk.admin.enable_user(&username).await?;
            output.print(&json!({ "username": username }), || {
                format!("Enabled the user {}.\n", printable(&username))
            })?;
            Ok(Exit::Good)
        }
        UserCommand::Remove { username } => {
            let desk = Desk::open(common, Access::Change).await?;
            let ended = desk.admin.remove_user(&username).await?;
            told(output, &username, ended, "Removed the user")?;
            Ok(Exit::Good)
        }
    }
}

fn told(output: Output, username: &str, ended: usize, done: &str) -> Result<(), Failure> {
    output.print(&json!({ "username": username, "authorizations_ended": ended }), || {
        let username = printable(username);
        format!("{done} {username}; ended {ended} sessions and authorizations.\n")
    })
}

async fn list(common: &Common, output: Output) -> Result<Exit, Failure> {
    let desk = Desk::open(common, Access::Look).await?;
    let users = desk.admin.users.all().await?;
    let entries: Vec<UserEntry> = users
        .iter()
        .map(|(user, origin)| UserEntry::of(user, *origin))
        .collect();
    output.print(&entries, || {
        let rows: Vec<[String; 2]> = entries.iter().map(row).collect();
        table(["USERNAME", ""], &rows)
    })?;
    Ok(Exit::Good)
}

fn row(user: &UserEntry) -> [String; 2] {
    let mut marks = Vec::new();
    if user.disabled {
        marks.push("disabled");
    }
    if user.source == Origin::Configuration {
        marks.push("from configuration");
    }
    [printable(&user.username), marks.join(", ")]
}
