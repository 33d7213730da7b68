//! `oauthd.toml`: what a server is told, and what is wrong with it.
//!
//! Flags go over the environment and both over the file. Everything is validated before anything is started, and
//! everything that is wrong is told at once, each with file, line and key. A key that is not known is wrong.

mod clients;
mod document;
mod grants;
mod node;
mod problem;
mod settings;
mod units;
mod users;

use std::net::SocketAddr;
use std::path::Path;

use oauth_server::{GrantType, Scope, check_issuer};

pub use clients::{ClientMetadata, Fault, GivenSecret, SKIP_CONSENT, Vocabulary};
pub use problem::{Problem, Problems};
pub use settings::{
    ConfiguredClient, ConfiguredUser, Limits, Password, Pkce, RefreshRotation, Scopes, SecretForm, Settings, StoreUrl,
    Tokens,
};
pub(crate) use units::{duration, in_words};
pub use users::{LONGEST_USERNAME, check_password, check_username};

use clients::{OPENID, without_openid};
use document::{Document, Section, unknown};
use settings::Source;

/// The file that is read when none is named and this one is there.
pub const DEFAULT_FILE: &str = "oauthd.toml";

/// What goes over the file: flags, or the environment variables that stand for them.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--issuer` or `OAUTHD_ISSUER`.
    pub issuer: Option<String>,
    /// `--listen` or `OAUTHD_LISTEN`.
    pub listen: Option<String>,
    /// `--store` or `OAUTHD_STORE`.
    pub store: Option<String>,
}

/// What settings are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: there has to be an issuer.
    Serve,
    /// To look after the store.
    Administer,
}

impl Settings {
    /// Reads a file, or [`DEFAULT_FILE`] if none is named and it is there, and lays `overrides` over it.
    ///
    /// # Errors
    /// All [`Problems`] there are.
    pub fn load(file: Option<&Path>, overrides: &Overrides, purpose: Purpose) -> Result<Self, Problems> {
        let file = file.or_else(|| {
            let default = Path::new(DEFAULT_FILE);
            default.exists().then_some(default)
        });
        let Some(file) = file else {
            let (document, root) = Document::absent();
            return read(document, root, overrides, purpose, Given::ByFlags);
        };
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => format!("it cannot be read: {error}"),
            };
            Problems::from(Problem::in_file(&name.as_str().into(), None, "", why))
        })?;
        Self::parse(&name, &text, overrides, purpose)
    }

    /// Reads the text of a file of that name, and lays `overrides` over it.
    ///
    /// # Errors
    /// All [`Problems`] there are.
    pub fn parse(name: &str, text: &str, overrides: &Overrides, purpose: Purpose) -> Result<Self, Problems> {
        let (document, root) = Document::parse(name, text)?;
        read(document, root, overrides, purpose, Given::ByFile(name.into()))
    }

    /// What clients can be registered for.
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            scopes: self.scopes.supported.clone(),
            default_scope: self.scopes.default.clone(),
        }
    }
}

enum Given {
    ByFile(std::sync::Arc<str>),
    ByFlags,
}

fn read(
    document: Document,
    root: node::Table,
    overrides: &Overrides,
    purpose: Purpose,
    given: Given,
) -> Result<Settings, Problems> {
    let mut root = document.root(root);
    let issuer = read_issuer(&document, &mut root, overrides, purpose);
    let listen = read_listen(&document, &mut root, overrides);
    let store = read_store(&document, &mut root, overrides);
    let tokens = read_tokens(root.section("tokens"));
    let grants = read_grants(root.section("grants"));
    let pkce = read_pkce(root.section("pkce"));
    let scopes = read_scopes(root.section("scopes"));
    read_registration(root.section("registration"));
    let limits = read_limits(root.section("limits"));
    let vocabulary = Vocabulary {
        scopes: scopes.supported.clone(),
        default_scope: scopes.default.as_ref().map(without_openid),
    };
    let clients = clients::read(root.sections("clients"), &vocabulary);
    let users = users::read(root.sections("users"));
    if root.value("resources").is_some() {
        root.problem("resources", "resource indicators (RFC 8707) are not built in");
    }
    root.finish();

    let asks_for_openid = scopes.supported.as_ref().is_some_and(|scope| scope.contains(OPENID));
    let (lines, problems) = document.close();
    Problems::none_of(problems)?;
    let mut settings = Settings {
        issuer,
        listen,
        store,
        tokens,
        grants,
        pkce,
        scopes: Scopes {
            supported: scopes.supported.as_ref().map(without_openid),
            default: scopes.default.as_ref().map(without_openid),
            descriptions: scopes.descriptions,
        },
        limits,
        clients,
        users,
        without_effect: Vec::new(),
        source: match given {
            Given::ByFile(name) => Some(Source { name, lines }),
            Given::ByFlags => None,
        },
    };
    if asks_for_openid {
        let why = "`openid` is an unknown scope until OpenID Connect is built in: nobody is granted it";
        let finding = settings.finding("scopes.supported", why);
        settings.without_effect.push(finding);
    }
    Ok(settings)
}

/// The value of a key, or what goes over it; the judge's complaint is noted where the value came from.
fn overridable<T>(
    document: &Document,
    root: &mut Section<'_>,
    (key, flag): (&'static str, &str),
    over: Option<&String>,
    judge: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    // The file's value is read and judged in any case: a file that is wrong stays wrong under a flag.
    let in_file = root.text(key).and_then(|text| match judge(&text) {
        Ok(value) => Some(value),
        Err(message) => {
            root.problem(key, message);
            None
        }
    });
    let Some(over) = over else { return in_file };
    match judge(over) {
        Ok(value) => Some(value),
        Err(message) => {
            document.foreign_problem(Problem::in_flag(flag, message));
            None
        }
    }
}

fn read_issuer(document: &Document, root: &mut Section<'_>, overrides: &Overrides, purpose: Purpose) -> Option<String> {
    let names = ("issuer", "--issuer (OAUTHD_ISSUER)");
    let given = root.key("issuer");
    let before = overrides.issuer.is_some() || document.line(&given).is_some();
    let issuer = overridable(document, root, names, overrides.issuer.as_ref(), |issuer| {
        check_issuer(issuer).map_err(str::to_owned)?;
        Ok(issuer.to_owned())
    });
    if purpose == Purpose::Serve && !before {
        let how = "it is missing: set it to the URL that clients know this server by, or give --issuer";
        document.problem("issuer", how);
    }
    issuer
}

fn read_listen(document: &Document, root: &mut Section<'_>, overrides: &Overrides) -> SocketAddr {
    let names = ("listen", "--listen (OAUTHD_LISTEN)");
    overridable(document, root, names, overrides.listen.as_ref(), |text| {
        parse_listen(text)
    })
    .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)))
}

/// Reads an address to listen on, such as `127.0.0.1:8080`, `[::]:0` or `localhost:8080`.
///
/// # Errors
/// Why it is none, in words.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric
        .parse()
        .map_err(|_| "not an address with a port; write it like \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned())
}

fn read_store(document: &Document, root: &mut Section<'_>, overrides: &Overrides) -> StoreUrl {
    let names = ("store", "--store (OAUTHD_STORE)");
    overridable(document, root, names, overrides.store.as_ref(), StoreUrl::parse)
        .unwrap_or_else(|| StoreUrl::Sqlite("oauthd.db".into()))
}

fn read_tokens(mut section: Section<'_>) -> Tokens {
    let defaults = Tokens::default();
    if let Some(format) = section.text("access_token_format") {
        match format.as_str() {
            "opaque" => {}
            "jwt" => section.problem("access_token_format", "`jwt` (RFC 9068) is not built in; `opaque` is"),
            _ => section.problem("access_token_format", "`opaque` is expected here"),
        }
    }
    // What signing will use is accepted where it asks for nothing that is missing.
    section.text("signing_algorithm");
    let rotation = section.text("refresh_token_rotation").map(|text| match text.as_str() {
        "always" => RefreshRotation::Always,
        "public" => RefreshRotation::Public,
        "never" => RefreshRotation::Never,
        _ => {
            section.problem(
                "refresh_token_rotation",
                "`always`, `public` or `never` is expected here",
            );
            defaults.refresh_token_rotation
        }
    });
    let absolute = section.lifetime("refresh_token_absolute_lifetime");
    let sliding = section.lifetime("refresh_token_lifetime");
    if let (Some(absolute), Some(sliding)) = (absolute, sliding)
        && sliding > absolute
    {
        let why = "it is longer than refresh_token_absolute_lifetime, which it can never outlast";
        section.problem("refresh_token_lifetime", why);
    }
    let absolute = absolute.unwrap_or_else(|| {
        defaults
            .refresh_token_absolute_lifetime
            .max(sliding.unwrap_or_default())
    });
    let tokens = Tokens {
        access_token_lifetime: section
            .lifetime("access_token_lifetime")
            .unwrap_or(defaults.access_token_lifetime),
        refresh_token_lifetime: sliding.unwrap_or_else(|| defaults.refresh_token_lifetime.min(absolute)),
        refresh_token_absolute_lifetime: absolute,
        refresh_token_rotation: rotation.unwrap_or(defaults.refresh_token_rotation),
        refresh_token_grace: section
            .duration("refresh_token_grace")
            .unwrap_or(defaults.refresh_token_grace),
        authorization_code_lifetime: section
            .lifetime("authorization_code_lifetime")
            .unwrap_or(defaults.authorization_code_lifetime),
        device_code_lifetime: section
            .lifetime("device_code_lifetime")
            .unwrap_or(defaults.device_code_lifetime),
        device_poll_interval: section
            .lifetime("device_poll_interval")
            .unwrap_or(defaults.device_poll_interval),
    };
    section.finish();
    tokens
}

fn read_grants(mut section: Section<'_>) -> Vec<GrantType> {
    let enabled = match section.texts("enabled") {
        None => grants::BY_DEFAULT.to_vec(),
        Some(names) => {
            let mut enabled = Vec::with_capacity(names.len());
            if names.is_empty() {
                section.problem("enabled", "a server without a grant can issue nothing");
            }
            for (at, name) in names.iter().enumerate() {
                match grants::named(name) {
                    Ok(grant) if enabled.contains(&grant) => {
                        section.problem(&format!("enabled[{at}]"), format!("`{name}` is there twice"));
                    }
                    Ok(grant) => enabled.push(grant),
                    Err(message) => section.problem(&format!("enabled[{at}]"), message),
                }
            }
            enabled
        }
    };
    section.finish();
    enabled
}

fn read_pkce(mut section: Section<'_>) -> Pkce {
    let required = match section.text("required").as_deref() {
        None | Some("all") => Pkce::All,
        Some("public") => Pkce::Public,
        Some(_) => {
            let why = "`all` or `public` is expected here: without PKCE, codes of public clients can be stolen";
            section.problem("required", why);
            Pkce::All
        }
    };
    section.finish();
    required
}

fn read_scopes(mut section: Section<'_>) -> Scopes {
    let supported = read_scope(&mut section, "supported");
    let default = read_scope(&mut section, "default");
    if let (Some(supported), Some(default)) = (&supported, &default) {
        let beyond: Vec<&str> = default.tokens().filter(|token| !supported.contains(token)).collect();
        if !beyond.is_empty() {
            let beyond = beyond.join(" ");
            section.problem("default", format!("`{beyond}` is not among the supported scopes"));
        }
    }
    let descriptions = section.section("descriptions").texts_by_key();
    if let Some(supported) = &supported {
        for token in descriptions.keys().filter(|token| !supported.contains(token)) {
            let message = format!("`{token}` is not among the supported scopes");
            let message = unknown(&message, token, supported.tokens());
            section.problem(&format!("descriptions.{token}"), message);
        }
    }
    section.finish();
    Scopes {
        supported,
        default,
        descriptions,
    }
}

fn read_scope(section: &mut Section<'_>, key: &'static str) -> Option<Scope> {
    let tokens = section.texts(key)?;
    for (at, token) in tokens.iter().enumerate() {
        if token.contains(' ') {
            section.problem(
                &format!("{key}[{at}]"),
                "one scope has no space in it: make it two items",
            );
            return None;
        }
        if let Err(error) = Scope::parse(token) {
            section.problem(&format!("{key}[{at}]"), error.to_string());
            return None;
        }
    }
    if tokens.is_empty() {
        return Some(Scope::none());
    }
    Scope::of(tokens.iter().map(String::as_str)).ok()
}

fn read_registration(mut section: Section<'_>) {
    if section.truth("enabled") == Some(true) {
        section.problem("enabled", "dynamic client registration (RFC 7591) is not built in");
    }
    section.text("initial_access_token");
    section.finish();
}

fn read_limits(mut section: Section<'_>) -> Limits {
    let defaults = Limits::default();
    let limits = Limits {
        token_requests_per_minute_per_client: section
            .count("token_requests_per_minute_per_client")
            .unwrap_or(defaults.token_requests_per_minute_per_client),
        failed_authentications_per_minute: section
            .count("failed_authentications_per_minute")
            .unwrap_or(defaults.failed_authentications_per_minute),
        max_body: section.size("max_body").unwrap_or(defaults.max_body),
    };
    section.finish();
    limits
}

#[cfg(test)]
mod tests;
