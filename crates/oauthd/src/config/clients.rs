//! Clients as they are asked to be registered: the names of RFC 7591 §2, from the file or the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oauth_server::argon2::{Argon2, is_argon2};
use oauth_server::{AuthMethod, Client, ClientSecret, GrantType, Scope, Secret, check_redirect_uri};
use serde_json::Value;

use super::document::{Section, unknown};
use super::grants;
use super::settings::{ConfiguredClient, SecretForm};

/// The name under which a registration says that its client needs no consent.
pub const SKIP_CONSENT: &str = "skip_consent";

/// The response types that there are, and the grant that each belongs to (RFC 7591 §2.1).
const ANSWERED: [(&str, GrantType); 2] = [("code", GrantType::AUTHORIZATION_CODE), ("token", GrantType::IMPLICIT)];

/// A registration that somebody asks for, not yet judged.
#[derive(Clone, Debug, Default)]
pub struct ClientMetadata {
    /// `client_id`.
    pub client_id: String,
    /// `client_name`.
    pub client_name: Option<String>,
    /// Its secret, in whatever form.
    pub secret: GivenSecret,
    /// `token_endpoint_auth_method`; absent: `client_secret_basic` with a secret and `none` without.
    pub token_endpoint_auth_method: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `grant_types`; absent: `authorization_code` if there is a redirect URI.
    pub grant_types: Option<Vec<String>>,
    /// `response_types`; absent: what the grants need.
    pub response_types: Option<Vec<String>>,
    /// `scope`; absent: the server's default.
    pub scope: Option<String>,
    /// Whether it counts as unknown.
    pub disabled: bool,
    /// Whether it may introspect other clients' tokens.
    pub introspect: bool,
    /// Whether it is first-party and its users are not asked.
    pub skip_consent: bool,
    /// How long its access tokens live, if not as long as everybody's.
    pub access_token_lifetime: Option<Duration>,
    /// How long its refresh tokens live, if not as long as everybody's.
    pub refresh_token_lifetime: Option<Duration>,
    /// How long its authorization codes live, if not as long as everybody's.
    pub authorization_code_lifetime: Option<Duration>,
    /// Everything else that is kept: `client_uri`, `contacts`, …
    pub extra: BTreeMap<String, Value>,
}

/// A client's secret as it is given.
#[derive(Clone, Debug, Default)]
pub enum GivenSecret {
    /// None.
    #[default]
    Absent,
    /// The secret itself.
    Plain(Secret),
    /// Its hash: `sha256:…` or a PHC string.
    Hash(String),
}

/// What clients can be registered for.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// The scopes there are; `None`: any.
    pub scopes: Option<Scope>,
    /// The scope of a client that names none.
    pub default_scope: Option<Scope>,
}

/// Why a client cannot be registered like that: the name of the metadata, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `redirect_uris[1]`.
    pub key: String,
    /// In words.
    pub message: String,
}

impl ClientMetadata {
    /// The client, if it can be meant.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn register(self, vocabulary: &Vocabulary) -> Result<Client, Vec<Fault>> {
        let mut faults = Faults::default();
        faults.name(&self.client_id);
        let method = self.method(&mut faults);
        let secret = self.kept_secret(method.as_ref(), &mut faults);
        let grants = self.grants(method.as_ref(), &mut faults);
        let response_types = self.answers(&grants, &mut faults);
        self.judge_redirect_uris(&grants, &mut faults);
        if self.introspect && method == Some(AuthMethod::NONE) {
            let why = "a public client cannot introspect tokens: it cannot prove who it is (RFC 7662 §2.1)";
            faults.add("introspect", why);
        }
        let scope = self.ceiling(vocabulary, &mut faults);
        let (Some(method), true) = (method, faults.0.is_empty()) else {
            return Err(faults.0);
        };
        let client = match secret {
            Some(secret) => Client::confidential(self.client_id, secret).authenticating_by(method),
            None => Client::public(self.client_id),
        };
        Ok(client.limited_to(scope).edited(|client| {
            client.name = self.client_name;
            client.redirect_uris = self.redirect_uris;
            client.grant_types = grants;
            client.response_types = response_types;
            client.disabled = self.disabled;
            client.introspect = self.introspect;
            client.access_token_lifetime = self.access_token_lifetime.map(|lifetime| lifetime.as_secs());
            client.refresh_token_lifetime = self.refresh_token_lifetime.map(|lifetime| lifetime.as_secs());
            client.authorization_code_lifetime = self.authorization_code_lifetime.map(|lifetime| lifetime.as_secs());
            if self.skip_consent {
                client.set_metadata(SKIP_CONSENT, true);
            }
            for (name, value) in self.extra {
                client.set_metadata(name, value);
            }
        }))
    }

    fn method(&self, faults: &mut Faults) -> Option<AuthMethod> {
        const KNOWN: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
        let has_secret = !matches!(self.secret, GivenSecret::Absent);
        let Some(name) = self.token_endpoint_auth_method.as_deref() else {
            return Some(if has_secret {
                AuthMethod::CLIENT_SECRET_BASIC
            } else {
                AuthMethod::NONE
            });
        };
        let key = "token_endpoint_auth_method";
        match name {
            "none" if has_secret => faults.add(key, "`none` is for clients without a secret, and this one has one"),
            "client_secret_basic" | "client_secret_post" if !has_secret => {
                faults.add(key, format!("`{name}` needs client_secret or client_secret_hash"));
            }
            "none" | "client_secret_basic" | "client_secret_post" => return Some(AuthMethod::named(name)),
            "private_key_jwt" | "client_secret_jwt" | "tls_client_auth" | "self_signed_tls_client_auth" => {
                faults.add(key, format!("the method `{name}` is not built in"));
            }
            _ => faults.add(key, unknown(&format!("`{name}` is an unknown method"), name, KNOWN)),
        }
        None
    }

    fn kept_secret(&self, method: Option<&AuthMethod>, faults: &mut Faults) -> Option<ClientSecret> {
        match &self.secret {
            GivenSecret::Absent => None,
            GivenSecret::Plain(secret) if secret.expose().is_empty() => {
                faults.add(
                    "client_secret",
                    "an empty secret proves nothing; leave it out for a public client",
                );
                None
            }
            GivenSecret::Plain(secret) if secret.expose().len() > oauth_server::LONGEST_CLIENT_SECRET => {
                let most = oauth_server::LONGEST_CLIENT_SECRET;
                faults.add("client_secret", format!("a client secret has at most {most} bytes"));
                None
            }
            GivenSecret::Plain(secret) => (method != Some(&AuthMethod::NONE)).then(|| ClientSecret::generated(secret)),
            GivenSecret::Hash(hash) => match check_hash(hash) {
                Ok(()) => Some(ClientSecret::from_hash(hash.as_str())),
                Err(why) => {
                    faults.add("client_secret_hash", why);
                    None
                }
            },
        }
    }

    fn grants(&self, method: Option<&AuthMethod>, faults: &mut Faults) -> Vec<GrantType> {
        let Some(names) = &self.grant_types else {
            // RFC 7591 §2 has the authorization code as the default; without a redirect URI it has no use.
            let codes = (!self.redirect_uris.is_empty()).then_some(GrantType::AUTHORIZATION_CODE);
            return codes.into_iter().collect();
        };
        let mut grants = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let key = format!("grant_types[{at}]");
            match grants::named(name) {
                Ok(grant) if grant == GrantType::CLIENT_CREDENTIALS && method == Some(&AuthMethod::NONE) => {
                    let why = "a public client cannot use client_credentials: it has none (RFC 6749 §4.4)";
                    faults.add(key, why);
                }
                Ok(grant) if grants.contains(&grant) => {}
                Ok(grant) => grants.push(grant),
                Err(message) => faults.add(key, message),
            }
        }
        grants
    }

    fn answers(&self, grants: &[GrantType], faults: &mut Faults) -> Vec<String> {
        let needed = ANSWERED.iter().filter(|(_, grant)| grants.contains(grant));
        let Some(names) = &self.response_types else {
            return needed.map(|(name, _)| (*name).to_owned()).collect();
        };
        for (at, name) in names.iter().enumerate() {
            let key = format!("response_types[{at}]");
            match ANSWERED.iter().find(|(own, _)| own == name) {
                None => faults.add(key, format!("the response type `{name}` is not built in")),
                Some((_, grant)) if !grants.contains(grant) && self.grant_types.is_some() => {
                    faults.add(
                        key,
                        format!("`{name}` needs `{grant}` among grant_types (RFC 7591 §2.1)"),
                    );
                }
                Some(_) => {}
            }
        }
        for (name, grant) in needed.filter(|(name, _)| !names.iter().any(|own| own == name)) {
            let why = format!("`{grant}` among grant_types needs `{name}` here (RFC 7591 §2.1)");
            faults.add("response_types", why);
        }
        names.clone()
    }

    fn judge_redirect_uris(&self, grants: &[GrantType], faults: &mut Faults) {
        for (at, uri) in self.redirect_uris.iter().enumerate() {
            if let Err(bad) = check_redirect_uri(uri) {
                faults.add(format!("redirect_uris[{at}]"), bad.to_string());
            }
        }
        let answered = ANSWERED.iter().find(|(_, grant)| grants.contains(grant));
        if let Some((_, grant)) = answered.filter(|_| self.redirect_uris.is_empty()) {
            let why = format!("a client that uses {grant} needs at least one redirect URI (RFC 6749 §3.1.2.2)");
            faults.add("redirect_uris", why);
        }
    }

    fn ceiling(&self, vocabulary: &Vocabulary, faults: &mut Faults) -> Scope {
        let Some(text) = &self.scope else {
            return vocabulary.default_scope.clone().unwrap_or_default();
        };
        let scope: Scope = match text.parse() {
            Ok(scope) => scope,
            Err(error) => {
                faults.add("scope", error.to_string());
                return Scope::none();
            }
        };
        if let Some(supported) = &vocabulary.scopes {
            let beyond: Vec<&str> = scope.tokens().filter(|token| !supported.contains(token)).collect();
            if !beyond.is_empty() {
                let beyond = beyond.join(" ");
                faults.add("scope", format!("`{beyond}` is not among the supported scopes"));
            }
        } else if scope.contains(OPENID) {
            faults.add("scope", "`openid` is not built in");
        }
        without_openid(&scope)
    }
}

/// The scope that means OpenID Connect, which is not built in.
pub(crate) const OPENID: &str = "openid";

/// The same scope without `openid`: while there is no OpenID Connect, it is a scope that nobody gets.
pub(crate) fn without_openid(scope: &Scope) -> Scope {
    if !scope.contains(OPENID) {
        return scope.clone();
    }
    // Tokens of a scope are a scope again, whichever are left out.
    Scope::of(scope.tokens().filter(|token| *token != OPENID)).unwrap_or_default()
}

fn check_hash(hash: &str) -> Result<(), String> {
    if is_argon2(hash) {
        return Argon2::check(hash).map_err(|error| error.to_string());
    }
    let in_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match hash.strip_prefix("sha256:") {
        Some(digest) if digest.len() == 43 && digest.bytes().all(in_alphabet) => Ok(()),
        _ => Err("neither `sha256:` with 43 base64url characters nor a PHC string of argon2".to_owned()),
    }
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault {
            key: key.into(),
            message: message.into(),
        });
    }

    /// `client_id = *VSCHAR` (RFC 6749 appendix A.1).
    fn name(&mut self, client_id: &str) {
        if client_id.is_empty() {
            self.add("client_id", "every client has one, and it is not empty");
        } else if !client_id.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            self.add(
                "client_id",
                "it consists of printable ASCII characters (RFC 6749 appendix A.1)",
            );
        } else if client_id.len() > 255 {
            self.add("client_id", "it has at most 255 characters");
        }
    }
}

/// Reads `[[clients]]`; what is wrong is noted in the document.
pub(super) fn read(sections: Vec<Section<'_>>, vocabulary: &Vocabulary) -> Vec<ConfiguredClient> {
    let mut names = BTreeSet::new();
    let mut clients = Vec::with_capacity(sections.len());
    for mut section in sections {
        let metadata = read_one(&mut section);
        let form = match &metadata.secret {
            GivenSecret::Absent => SecretForm::Absent,
            GivenSecret::Plain(secret) => SecretForm::Plain {
                characters: secret.expose().chars().count(),
            },
            GivenSecret::Hash(_) => SecretForm::Hashed,
        };
        if !metadata.client_id.is_empty() && !names.insert(metadata.client_id.clone()) {
            section.problem("client_id", format!("there are two clients `{}`", metadata.client_id));
        }
        match metadata.register(vocabulary) {
            Ok(client) => clients.push(ConfiguredClient { client, secret: form }),
            Err(faults) => {
                for fault in faults {
                    section.problem(&fault.key, fault.message);
                }
            }
        }
        section.finish();
    }
    clients
}

fn read_one(section: &mut Section<'_>) -> ClientMetadata {
    let secret = match (section.text("client_secret"), section.text("client_secret_hash")) {
        (Some(_), Some(hash)) => {
            section.problem(
                "client_secret_hash",
                "there is a client_secret already; keep one of the two",
            );
            GivenSecret::Hash(hash)
        }
        (Some(secret), None) => GivenSecret::Plain(Secret::new(secret)),
        (None, Some(hash)) => GivenSecret::Hash(hash),
        (None, None) => GivenSecret::Absent,
    };
    ClientMetadata {
        client_id: section.text("client_id").unwrap_or_default(),
        client_name: section.text("client_name"),
        secret,
        token_endpoint_auth_method: section.text("token_endpoint_auth_method"),
        redirect_uris: section.texts("redirect_uris").unwrap_or_default(),
        grant_types: section.texts("grant_types"),
        response_types: section.texts("response_types"),
        scope: section.text("scope"),
        disabled: section.truth("disabled").unwrap_or_default(),
        introspect: section.truth("introspect").unwrap_or_default(),
        skip_consent: section.truth(SKIP_CONSENT).unwrap_or_default(),
        access_token_lifetime: section.lifetime("access_token_lifetime"),
        refresh_token_lifetime: section.lifetime("refresh_token_lifetime"),
        authorization_code_lifetime: section.lifetime("authorization_code_lifetime"),
        extra: read_extra(section),
    }
}

/// Metadata that the server only keeps and shows, and metadata of features that it does not have.
fn read_extra(section: &mut Section<'_>) -> BTreeMap<String, Value> {
    let mut extra = BTreeMap::new();
    for key in ["client_uri", "logo_uri", "tos_uri", "policy_uri"] {
        if let Some(uri) = section.text(key) {
            if is_web_page(&uri) {
                extra.insert(key.to_owned(), uri.into());
            } else {
                section.problem(key, "a web page's address is expected here: https://…");
            }
        }
    }
    for key in ["software_id", "software_version"] {
        if let Some(text) = section.text(key) {
            extra.insert(key.to_owned(), text.into());
        }
    }
    if let Some(contacts) = section.texts("contacts") {
        extra.insert("contacts".to_owned(), contacts.into());
    }
    match section.text("application_type").as_deref() {
        None => {}
        Some(kind @ ("web" | "native")) => {
            extra.insert("application_type".to_owned(), kind.into());
        }
        Some(_) => section.problem("application_type", "`web` or `native` is expected here"),
    }
    let translated = |key: &str| {
        ["client_name#", "client_uri#", "logo_uri#", "tos_uri#", "policy_uri#"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    };
    for (key, value) in section.values_where(translated) {
        let fits = value
            .as_str()
            .is_some_and(|text| key.starts_with("client_name#") || is_web_page(text));
        if fits {
            extra.insert(key, value);
        } else {
            section.problem(
                &key,
                "a text is expected here, as for the name without the language tag",
            );
        }
    }
    refuse_what_is_not_built_in(section);
    extra
}

/// Metadata of features that are not there: accepted only when it asks for nothing.
fn refuse_what_is_not_built_in(section: &mut Section<'_>) {
    const KEYS: [&str; 26] = [
        "jwks",
        "jwks_uri",
        "dpop_bound_access_tokens",
        "require_pushed_authorization_requests",
        "require_signed_request_object",
        "tls_client_certificate_bound_access_tokens",
        "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_uri",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_email",
        "token_endpoint_auth_signing_alg",
        "request_object_signing_alg",
        "request_uris",
        "authorization_details_types",
        "introspection_signed_response_alg",
        "authorization_signed_response_alg",
        "software_statement",
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "subject_type",
        "sector_identifier_uri",
        "default_max_age",
        "require_auth_time",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
    ];
    for key in KEYS {
        if let Some(value) = section.value(key)
            && !asks_for_nothing(&value)
        {
            section.problem(key, "the feature behind this key is not built in");
        }
    }
}

fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(asks_for_nothing),
        _ => false,
    }
}

fn is_web_page(uri: &str) -> bool {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let uri_character =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(uri_character))
}
