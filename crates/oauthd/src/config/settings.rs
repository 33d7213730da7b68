//! What a server is told to be.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use oauth_server::{Client, GrantType, Scope, Secret};
use serde_json::{Map, Value};

use super::problem::Problem;

/// Everything that a server is told: the file with the flags and the environment laid over it, validated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who the server is (RFC 8414 §2). `serve` does not start without it; administration needs none.
    pub issuer: Option<String>,
    /// Where it listens. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where it keeps everything.
    pub store: StoreUrl,
    /// How long what it issues lives.
    pub tokens: Tokens,
    /// What is mounted, in the order of the file.
    pub grants: Vec<GrantType>,
    /// Of whom PKCE is required.
    pub pkce: Pkce,
    /// What can be asked for.
    pub scopes: Scopes,
    /// How much of it.
    pub limits: Limits,
    /// The clients in the file.
    pub clients: Vec<ConfiguredClient>,
    /// The users in the file.
    pub users: Vec<ConfiguredUser>,
    /// What the file asks for that has no effect, with the reason.
    pub without_effect: Vec<Problem>,
    pub(crate) source: Option<Source>,
}

/// The file that settings came from, so that whoever finds fault later can name the line.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: std::sync::Arc<str>,
    pub(crate) lines: BTreeMap<String, usize>,
}

impl Settings {
    /// Whether a grant is mounted.
    pub fn mounts(&self, grant: &GrantType) -> bool {
        self.grants.contains(grant)
    }

    /// A finding about a key, with the line of the key if it stands in the file.
    pub(crate) fn finding(&self, key: impl Into<String>, message: impl Into<String>) -> Problem {
        let key = key.into();
        match &self.source {
            Some(source) => Problem::in_file(&source.name, source.lines.get(&key).copied(), key, message),
            None => Problem::in_flag(key, message),
        }
    }
}

/// Where a server keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`: in the process, gone with it.
    Memory,
    /// `sqlite://PATH`: in a file.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// Reads a URL of a store.
    ///
    /// # Errors
    /// Why there is no such store, in words.
    pub fn parse(url: &str) -> Result<Self, String> {
        const WHICH: &str = "write `memory:` or `sqlite://PATH`";
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(format!("not the URL of a store: {WHICH}"));
        };
        match scheme {
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "memory" => Err("nothing follows `memory:`".to_owned()),
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err("the path is missing: sqlite://PATH".to_owned()),
                path => Ok(Self::Sqlite(path.into())),
            },
            // The rest of such a URL can hold a password, so only its scheme is repeated.
            "postgres" | "postgresql" | "redis" | "rediss" | "mongodb" | "mongodb+srv" => {
                Err(format!("the store `{scheme}:` is not built in: {WHICH}"))
            }
            _ => Err(format!("an unknown store: {WHICH}")),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
        }
    }
}

/// How long what is issued lives (`[tokens]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Access tokens.
    pub access_token_lifetime: Duration,
    /// Refresh tokens that lie unused.
    pub refresh_token_lifetime: Duration,
    /// An authorization, however often it is refreshed.
    pub refresh_token_absolute_lifetime: Duration,
    /// Which clients' refresh tokens are replaced at every use.
    pub refresh_token_rotation: RefreshRotation,
    /// For how long a lost answer may be asked for again.
    pub refresh_token_grace: Duration,
    /// Authorization codes.
    pub authorization_code_lifetime: Duration,
    /// Device codes and the user codes that belong to them.
    pub device_code_lifetime: Duration,
    /// How long a device waits between two polls.
    pub device_poll_interval: Duration,
}

impl Default for Tokens {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            access_token_lifetime: Duration::from_secs(3600),
            refresh_token_lifetime: Duration::from_secs(14 * DAY),
            refresh_token_absolute_lifetime: Duration::from_secs(90 * DAY),
            refresh_token_rotation: RefreshRotation::Public,
            refresh_token_grace: Duration::ZERO,
            authorization_code_lifetime: Duration::from_secs(60),
            device_code_lifetime: Duration::from_secs(600),
            device_poll_interval: Duration::from_secs(5),
        }
    }
}

/// Which clients' refresh tokens are replaced at every use (`refresh_token_rotation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRotation {
    /// All clients'.
    Always,
    /// Those of public clients, as RFC 9700 §4.14.2 requires at least.
    Public,
    /// Nobody's.
    Never,
}

/// Of whom PKCE is required (`[pkce] required`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    /// All clients, as OAuth 2.1 requires.
    All,
    /// Public clients only.
    Public,
}

/// What can be asked for (`[scopes]`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// All scopes there are; `None`: whatever clients are registered for.
    pub supported: Option<Scope>,
    /// The scope of requests that name none.
    pub default: Option<Scope>,
    /// What each means, in a person's words, for the consent page.
    pub descriptions: BTreeMap<String, String>,
}

/// How much is too much (`[limits]`). 0 means no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens issued to one client in a minute.
    pub token_requests_per_minute_per_client: u32,
    /// Wrong secrets in a minute, from one address for one client or user.
    pub failed_authentications_per_minute: u32,
    /// Bytes in a request's body.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token_requests_per_minute_per_client: 6000,
            failed_authentications_per_minute: 20,
            max_body: 64 * 1024,
        }
    }
}

/// A client in the file.
#[derive(Clone, Debug)]
pub struct ConfiguredClient {
    /// What is registered.
    pub client: Client,
    /// How its secret stands in the file.
    pub secret: SecretForm,
}

/// How a secret stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// There is none.
    Absent,
    /// In plain text, of so many characters.
    Plain {
        /// How many characters it has.
        characters: usize,
    },
    /// As a hash.
    Hashed,
}

/// A user in the file.
#[derive(Clone, Debug)]
pub struct ConfiguredUser {
    /// The name to sign in with, and the `sub` of tokens.
    pub username: String,
    /// What proves it.
    pub password: Password,
    /// Facts about the person.
    pub claims: Map<String, Value>,
    /// Whether the person may not sign in.
    pub disabled: bool,
}

/// A password as it stands in a file.
#[derive(Clone, Debug)]
pub enum Password {
    /// In plain text.
    Plain(Secret),
    /// As a PHC string.
    Hashed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_in_memory_or_in_a_file() {
        assert_eq!(StoreUrl::parse("memory:"), Ok(StoreUrl::Memory));
        assert_eq!(
            StoreUrl::parse("sqlite://oauthd.db"),
            Ok(StoreUrl::Sqlite("oauthd.db".into()))
        );
        assert_eq!(
            StoreUrl::parse("sqlite:///var/lib/oauthd.db"),
            Ok(StoreUrl::Sqlite("/var/lib/oauthd.db".into()))
        );
        assert_eq!(StoreUrl::parse("sqlite:///a b").unwrap().to_string(), "sqlite:///a b");
    }

    #[test]
    fn a_store_that_is_not_built_in_is_named_without_its_password() {
        let message = StoreUrl::parse("postgres://oauth:hunter2@db/oauth").unwrap_err();
        assert!(message.contains("`postgres:` is not built in"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        for bad in [
            "",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "memory:x",
            "mysql://x",
            "oauthd.db",
        ] {
            assert!(StoreUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
