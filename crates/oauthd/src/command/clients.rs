//! `oauthd client …`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oauth_server::{Client, ClientId, GrantType};
use serde_json::{Value, json};

use super::{Access, Desk, Exit, Failure, Output, printable, secret_from_stdin, table};
use crate::admin::{ClientEntry, NewClient, NewSecret, Registered};
use crate::cli::{ClientAddArgs, ClientArgs, ClientCommand, Common};
use crate::config::ClientMetadata;
use crate::registry::Origin;

pub(super) async fn run(common: &Common, args: ClientArgs) -> Result<Exit, Failure> {
    let output = Output::of(args.json);
    match args.command {
        ClientCommand::Add(args) => add(common, *args, output).await,
        ClientCommand::List => list(common, output).await,
        ClientCommand::Show { client_id } => {
            let desk = Desk::open(common, Access::Look).await?;
            let (client, origin) = desk.admin.client(&client_id.into()).await?;
            let entry = ClientEntry::of(&client, origin);
            output.print(&entry, || in_words(&entry))?;
            Ok(Exit::Good)
        }
        ClientCommand::RotateSecret {
            client_id,
            keep_old,
            secret_stdin,
        } => {
            let secret = if secret_stdin {
                NewSecret::Chosen(secret_from_stdin()?)
            } else {
                NewSecret::Generated
            };
            let desk = Desk::open(common, Access::Change).await?;
            let registered = desk.admin.rotate_secret(&client_id.into(), secret, keep_old).await?;
            announce(&registered, output)?;
            Ok(Exit::Good)
        }
        ClientCommand::Remove { client_id } => {
            let desk = Desk::open(common, Access::Change).await?;
            let id = ClientId::from(client_id);
            let ended = desk.admin.remove_client(&id).await?;
            output.print(&json!({ "client_id": id, "authorizations_ended": ended }), || {
                format!(
                    "Removed the client {}; ended {ended} authorizations.\n",
                    printable(id.as_str())
                )
            })?;
            Ok(Exit::Good)
        }
    }
}

async fn add(common: &Common, args: ClientAddArgs, output: Output) -> Result<Exit, Failure> {
    let secret = if args.secret_stdin {
        NewSecret::Chosen(secret_from_stdin()?)
    } else if args.public || args.token_endpoint_auth_method.as_deref() == Some("none") {
        NewSecret::None
    } else {
        NewSecret::Generated
    };
    let desk = Desk::open(common, Access::Add).await?;
    let new = NewClient {
        metadata: metadata(args, &desk.settings.grants, &secret),
        secret,
    };
    let registered = desk.admin.add_client(new).await?;
    announce(&registered, output)?;
    Ok(Exit::Good)
}

fn metadata(args: ClientAddArgs, enabled: &[GrantType], secret: &NewSecret) -> ClientMetadata {
    let grant_types = if args.grant_types.is_empty() {
        let usual: &[GrantType] = match secret {
            _ if !args.redirect_uris.is_empty() => &[GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN],
            NewSecret::Generated | NewSecret::Chosen(_) if !args.introspect => &[GrantType::CLIENT_CREDENTIALS],
            _ => &[],
        };
        let usual = usual.iter().filter(|grant| enabled.contains(grant));
        usual.map(|grant| grant.as_str().to_owned()).collect()
    } else {
        args.grant_types
    };
    ClientMetadata {
        client_id: args.client_id.or(args.client_id_flag).unwrap_or_default(),
        client_name: args.client_name,
        token_endpoint_auth_method: args
            .token_endpoint_auth_method
            .or_else(|| args.public.then(|| "none".to_owned())),
        redirect_uris: args.redirect_uris,
        grant_types: Some(grant_types),
        scope: args.scope,
        introspect: args.introspect,
        skip_consent: args.skip_consent,
        ..ClientMetadata::default()
    }
}

/// A client that was just registered or got another secret: the only time that the secret is shown.
fn announce(registered: &Registered, output: Output) -> Result<(), Failure> {
    let mut entry = ClientEntry::of(&registered.client, Origin::Store);
    if let (Some(secret), Some(members)) = (&registered.secret, entry.registration.as_object_mut()) {
        members.insert("client_secret".to_owned(), secret.expose().into());
    }
    output.print(&entry, || {
        let id = printable(registered.client.id.as_str());
        match &registered.secret {
            Some(secret) => format!(
                "client_id      {id}\nclient_secret  {}\nThe secret is shown this once: keep it now.\n",
                secret.expose()
            ),
            None => format!("client_id      {id}\n"),
        }
    })
}

async fn list(common: &Common, output: Output) -> Result<Exit, Failure> {
    let desk = Desk::open(common, Access::Look).await?;
    let clients = desk.admin.registry.all().await?;
    let entries: Vec<ClientEntry> = clients
        .iter()
        .map(|(client, origin)| ClientEntry::of(client, *origin))
        .collect();
    output.print(&entries, || {
        let rows: Vec<[String; 5]> = clients.iter().map(|(client, origin)| row(client, *origin)).collect();
        table(["CLIENT ID", "NAME", "METHOD", "GRANTS", ""], &rows)
    })?;
    Ok(Exit::Good)
}

fn row(client: &Client, origin: Origin) -> [String; 5] {
    let grants: Vec<&str> = client.grant_types.iter().map(GrantType::as_str).collect();
    let mut marks = Vec::new();
    if client.disabled {
        marks.push("disabled");
    }
    if origin == Origin::Configuration {
        marks.push("from configuration");
    }
    [
        printable(client.id.as_str()),
        printable(client.name.as_deref().unwrap_or("-")),
        printable(client.token_endpoint_auth_method.as_str()),
        printable(&grants.join(",")),
        marks.join(", "),
    ]
}

fn in_words(entry: &ClientEntry) -> String {
    let members: BTreeMap<String, Value> = serde_json::from_value(entry.registration.clone()).unwrap_or_default();
    let mut text = String::new();
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text,
            Value::Array(items) if items.iter().all(Value::is_string) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join(" ")
            }
            other => other.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<28}{}", printable(&value));
    }
    if entry.source == Origin::Configuration {
        text.push_str("from configuration\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [GrantType; 3] = [
        GrantType::AUTHORIZATION_CODE,
        GrantType::REFRESH_TOKEN,
        GrantType::CLIENT_CREDENTIALS,
    ];

    fn grants(args: ClientAddArgs, secret: &NewSecret) -> Vec<String> {
        metadata(args, &ALL, secret).grant_types.unwrap()
    }

    #[test]
    fn a_client_gets_the_grants_that_it_can_use() {
        let web = ClientAddArgs {
            redirect_uris: vec!["https://c.example/cb".to_owned()],
            ..ClientAddArgs::default()
        };
        assert_eq!(
            grants(web.clone(), &NewSecret::Generated),
            ["authorization_code", "refresh_token"]
        );
        assert_eq!(
            grants(ClientAddArgs::default(), &NewSecret::Generated),
            ["client_credentials"]
        );
        assert_eq!(grants(ClientAddArgs::default(), &NewSecret::None), [""; 0]);
        let api = ClientAddArgs {
            introspect: true,
            ..ClientAddArgs::default()
        };
        assert_eq!(grants(api, &NewSecret::Generated), [""; 0]);
        let only_codes = metadata(web, &ALL[..1], &NewSecret::Generated);
        assert_eq!(only_codes.grant_types.unwrap(), ["authorization_code"]);
    }

    #[test]
    fn a_public_client_is_registered_without_a_method() {
        let public = ClientAddArgs {
            public: true,
            ..ClientAddArgs::default()
        };
        let metadata = metadata(public, &ALL, &NewSecret::None);
        assert_eq!(metadata.token_endpoint_auth_method.as_deref(), Some("none"));
    }
}
