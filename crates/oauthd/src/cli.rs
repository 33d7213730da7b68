//! The command line: what can be asked of the program.
//!
//! A flag goes over its environment variable, and both over the file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use oauth_server::AuthorizationId;

use crate::config::{self, Overrides};
use crate::telemetry::LogFormat;

/// A ready-to-run OAuth 2.x authorization server.
#[derive(Debug, Parser)]
#[command(name = "oauthd", version, about, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 good, 1 what was asked for failed, 2 usage or configuration error.")]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
    /// What is asked for.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The configuration file [default: oauthd.toml, if it is there]
    #[arg(long, global = true, env = "OAUTHD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept, instead of what the file says: memory: or sqlite://PATH
    #[arg(long, global = true, env = "OAUTHD_STORE", value_name = "URL")]
    pub store: Option<String>,
    /// How log lines look
    #[arg(long, global = true, env = "OAUTHD_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub log_format: Format,
    /// What is logged: error, warn, info, debug, trace, or a list of target=level [default: info; demo: warn]
    #[arg(long, global = true, env = "OAUTHD_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a server with nothing to set up, and a client to try it with in the browser
    Demo(DemoArgs),
    /// Run the server
    Serve(ServeArgs),
    /// Read the configuration and say what is wrong with it or weaker than RFC 9700 and OAuth 2.1 ask
    Check(CheckArgs),
    /// Look after registered clients
    Client(ClientArgs),
    /// Look after the people who can sign in
    User(UserArgs),
    /// Look after what was issued
    Token(TokenArgs),
    /// Look after signing keys
    Keys(KeysArgs),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// `oauthd demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = clap::builder::NonEmptyStringValueParser::new().try_map(|text: String| config::parse_listen(&text)))]
    pub listen: SocketAddr,
    /// Mount the legacy grants, too: password and implicit, with a client for each
    #[arg(long)]
    pub legacy: bool,
}

/// What goes over the file for a server.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Where to listen, instead of what the file says; port 0 picks a free one
    #[arg(long, env = "OAUTHD_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,
    /// The URL that clients know this server by, instead of what the file says
    #[arg(long, env = "OAUTHD_ISSUER", value_name = "URL")]
    pub issuer: Option<String>,
}

/// `oauthd check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// What goes over the file.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Common {
    /// What goes over the file. An empty variable counts as none.
    pub fn overrides(&self, serve: &ServeArgs) -> Overrides {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        Overrides {
            issuer: given(&serve.issuer),
            listen: given(&serve.listen),
            store: given(&self.store),
        }
    }
}

/// `oauthd client …`.
#[derive(Args, Debug)]
pub struct ClientArgs {
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What about them.
    #[command(subcommand)]
    pub command: ClientCommand,
}

/// What can be done about clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Register a client. Its secret is shown once
    Add(Box<ClientAddArgs>),
    /// List all clients
    List,
    /// Show one client
    Show {
        /// Its identifier
        client_id: String,
    },
    /// Give a client a new secret. It is shown once
    RotateSecret {
        /// Its identifier
        client_id: String,
        /// How long the old secret stays valid
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = |text: &str| config::duration(text))]
        keep_old: Duration,
        /// Read the secret from standard input instead of making one
        #[arg(long)]
        secret_stdin: bool,
    },
    /// Remove a client and end everything that was approved for it
    Remove {
        /// Its identifier
        client_id: String,
    },
}

/// `oauthd client add`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ClientAddArgs {
    /// Its identifier [default: a random one]
    #[arg(value_name = "CLIENT_ID")]
    pub client_id: Option<String>,
    /// Its identifier, as a flag
    #[arg(
        long = "client-id",
        visible_alias = "id",
        value_name = "CLIENT_ID",
        conflicts_with = "client_id"
    )]
    pub client_id_flag: Option<String>,
    /// The name that people are shown
    #[arg(long = "client-name", visible_alias = "name", value_name = "NAME")]
    pub client_name: Option<String>,
    /// Where authorization responses may be sent; may be given more than once
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub redirect_uris: Vec<String>,
    /// Which grants it may use; may be given more than once [default: `authorization_code` and `refresh_token` with a
    /// redirect URI, `client_credentials` for a confidential client without one]
    #[arg(long = "grant-type", visible_alias = "grant", value_name = "GRANT")]
    pub grant_types: Vec<String>,
    /// The most it may ever be granted, in quotes: "read write" [default: the default scope]
    #[arg(long)]
    pub scope: Option<String>,
    /// It cannot keep a secret: an app on a device or in a browser
    #[arg(long)]
    pub public: bool,
    /// How it proves who it is: `client_secret_basic`, `client_secret_post` or none
    #[arg(
        long = "token-endpoint-auth-method",
        visible_alias = "auth-method",
        value_name = "METHOD"
    )]
    pub token_endpoint_auth_method: Option<String>,
    /// Read its secret from standard input instead of making one
    #[arg(long, conflicts_with = "public")]
    pub secret_stdin: bool,
    /// It may introspect tokens that are not its own: a resource server
    #[arg(long)]
    pub introspect: bool,
    /// It is first-party: its users are not asked for consent
    #[arg(long)]
    pub skip_consent: bool,
}

/// `oauthd user …`.
#[derive(Args, Debug)]
pub struct UserArgs {
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What about them.
    #[command(subcommand)]
    pub command: UserCommand,
}

/// What can be done about users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add somebody who can sign in
    Add {
        /// The name to sign in with
        username: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
        /// A fact about the person, such as email=a@example.com; may be given more than once
        #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
        claims: Vec<(String, String)>,
    },
    /// Give a user another password, and end every session and token
    Passwd {
        /// The name to sign in with
        username: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users
    List,
    /// Keep a user out: no sign-in, and every session and token ends
    Disable {
        /// The name to sign in with
        username: String,
    },
    /// Let a user in again
    Enable {
        /// The name to sign in with
        username: String,
    },
    /// Remove a user, and end every session and token
    Remove {
        /// The name to sign in with
        username: String,
    },
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// `oauthd token …`.
#[derive(Args, Debug)]
pub struct TokenArgs {
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What about them.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What can be done about tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List what was issued to a client or for a user
    List {
        /// Of whom.
        #[command(flatten)]
        of: TokensOf,
    },
    /// End tokens
    Revoke {
        /// Which.
        #[command(flatten)]
        which: TokensToRevoke,
    },
    /// Forget what expired a while ago
    Sweep,
}

/// Whose tokens are listed.
#[derive(Args, Clone, Debug, Default)]
#[group(required = true, multiple = false)]
pub struct TokensOf {
    /// Those of a user
    #[arg(long, value_name = "USERNAME")]
    pub subject: Option<String>,
    /// Those of a client
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
    /// Those of one authorization
    #[arg(long, value_name = "ID")]
    pub authorization: Option<AuthorizationId>,
}

/// Which tokens are ended.
#[derive(Args, Clone, Debug, Default)]
#[group(required = true, multiple = false)]
pub struct TokensToRevoke {
    /// One, read from standard input: with a refresh token everything that descends from its authorization
    #[arg(long)]
    pub token_stdin: bool,
    /// All of a user
    #[arg(long, value_name = "USERNAME")]
    pub subject: Option<String>,
    /// All of a client
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
    /// All of one authorization
    #[arg(long, value_name = "ID")]
    pub authorization: Option<AuthorizationId>,
}

/// `oauthd keys …`.
#[derive(Args, Debug)]
pub struct KeysArgs {
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What about them.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done about signing keys.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum KeysCommand {
    /// List signing keys
    List,
    /// Begin to sign with a new key
    Rotate,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_configuration_can_be_named_before_and_after_every_command() {
        for line in [
            "oauthd --config x.toml serve",
            "oauthd serve --config x.toml --listen 127.0.0.1:0 --issuer https://a.example --store memory:",
            "oauthd check --config x.toml --json",
            "oauthd client list --config x.toml --json",
            "oauthd client --json show web --config x.toml",
            "oauthd client rotate-secret web --keep-old 1h --config x.toml",
            "oauthd client remove web --config x.toml",
            "oauthd user add alice --password-stdin --config x.toml",
            "oauthd user passwd alice --password-stdin --config x.toml",
            "oauthd user disable alice --config x.toml",
            "oauthd token list --subject alice --config x.toml",
            "oauthd token revoke --token-stdin --config x.toml",
            "oauthd token sweep --config x.toml",
            "oauthd keys list --config x.toml",
        ] {
            let cli = parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(cli.common.config.unwrap().to_str(), Some("x.toml"), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for line in [
            "oauthd",
            "oauthd dance",
            "oauthd serve --frobnicate",
            "oauthd demo --listen nowhere",
            "oauthd token list",
            "oauthd token list --subject a --client b",
            "oauthd token revoke",
            "oauthd token revoke --authorization xyz",
            "oauthd client add a --client-id b",
            "oauthd client add a --public --secret-stdin",
            "oauthd user add",
            "oauthd user add a --claim nothing",
            "oauthd client rotate-secret a --keep-old soon",
            "oauthd serve --log-format xml",
        ] {
            let error = parsed(line).err().unwrap_or_else(|| panic!("{line} is accepted"));
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        for line in ["oauthd --help", "oauthd --version", "oauthd client add --help"] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }

    #[test]
    fn a_demo_listens_where_it_is_told() {
        let Command::Demo(demo) = parsed("oauthd demo --listen localhost:9000").unwrap().command else {
            panic!("a demo was asked for");
        };
        assert_eq!(demo.listen.to_string(), "127.0.0.1:9000");
    }

    #[test]
    fn an_empty_variable_is_none() {
        let common = Common {
            store: Some(String::new()),
            ..Common::default()
        };
        let serve = ServeArgs {
            listen: Some("127.0.0.1:0".to_owned()),
            issuer: None,
        };
        let overrides = common.overrides(&serve);
        assert_eq!(overrides.store, None);
        assert_eq!(overrides.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
