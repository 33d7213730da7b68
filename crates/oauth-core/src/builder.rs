//! Putting a server together.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use serde::Serialize;
use serde_json::{Value, json};

use crate::authorization::ResponseType;
use crate::client_auth::{
    AttemptLimit, ClientAuthenticator, ClientSecretBasic, ClientSecretPost, NoAuthentication, SecretVerifier,
};
use crate::endpoint::{Endpoint, Place, Route};
use crate::endpoints::{Introspection, Metadata, Revocation, Statements, Token};
use crate::entropy::{Entropy, SystemEntropy};
use crate::grant::Grant;
use crate::id::GrantType;
use crate::issuer::{check_issuer, path_of};
use crate::policy::{Observer, Origins, Policy};
use crate::redirect::{ExactMatch, RedirectMatcher};
use crate::resource::BearerPlaces;
use crate::scope::Scope;
use crate::scope_match::{Matcher, ScopeMatcher};
use crate::server::{Mounted, Parts, Server};
use crate::store::Model;
use crate::time::{Clock, SystemClock};
use crate::token::{OpaqueTokens, RefreshTokens, TokenIssuer};

/// What can be installed: any grant, or a bundle of parts that belong together.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be installed in an authorization server",
    label = "neither a grant nor a bundle of parts",
    note = "implement `Grant` (grant_type, handle) for a grant, or `Install` (install) for a bundle of parts",
    note = "`docs/writing-a-grant.md` has both on a page, and `examples/grant-voucher` both as a crate"
)]
pub trait Install {
    /// Adds its parts.
    fn install(self, builder: &mut Builder);
}

impl<G: Grant> Install for G {
    fn install(self, builder: &mut Builder) {
        builder.add_grant(self);
    }
}

/// A server being put together; [`Server::builder`] begins one.
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    model: Arc<dyn Model>,
    issuer: Option<String>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    grants: Vec<(GrantType, Arc<dyn Grant>)>,
    response_types: Vec<Arc<dyn ResponseType>>,
    authenticators: Vec<Arc<dyn ClientAuthenticator>>,
    token_issuer: Arc<dyn TokenIssuer>,
    refresh_tokens: Vec<Arc<dyn RefreshTokens>>,
    policies: Vec<Arc<dyn Policy>>,
    observers: Vec<Arc<dyn Observer>>,
    attempt_limit: Option<Arc<dyn AttemptLimit>>,
    secret_verifier: Option<Arc<dyn SecretVerifier>>,
    origins: Option<Arc<dyn Origins>>,
    redirect_matcher: Arc<dyn RedirectMatcher>,
    endpoints: Vec<Arc<dyn Endpoint>>,
    statements: Statements,
    scopes: Option<Scope>,
    default_scope: Option<Scope>,
    access_token_lifetime: Duration,
    max_body: usize,
    confidential_only: Vec<GrantType>,
    scope_matcher: Matcher,
    bearer_places: BearerPlaces,
    state_is_required: bool,
}

/// Why a server cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No issuer was set.
    #[error("the issuer is missing: call `.issuer(\"https://…\")`")]
    NoIssuer,
    /// The issuer is not one (RFC 8414 §2).
    #[error("`{0}` is not an issuer: {1}")]
    BadIssuer(String, &'static str),
    /// Nothing can ever be issued.
    #[error("no grant is installed: call `.install(…)`")]
    NoGrant,
    /// Two grants answer the same `grant_type`.
    #[error("the grant `{0}` is installed twice")]
    DuplicateGrant(GrantType),
    /// A grant is kept for confidential clients, and nobody answers it.
    #[error("the grant `{0}` is kept for confidential clients, but it is not installed")]
    NotInstalled(GrantType),
    /// Two response types have the same name.
    #[error("the response type `{0}` is installed twice")]
    DuplicateResponseType(&'static str),
    /// Two endpoints have the same path.
    #[error("two endpoints are mounted at `{0}`")]
    DuplicateEndpoint(String),
    /// Two authenticators have the same method.
    #[error("the client authentication method `{0}` is mounted twice")]
    DuplicateAuthenticator(String),
    /// Two parts want to make refresh tokens.
    #[error("refresh tokens are installed twice")]
    DuplicateRefreshTokens,
    /// The default scope is not among the scopes.
    #[error("the default scope `{0}` is not within the supported scopes")]
    BadDefaultScope(Scope),
    /// Tokens would be dead at birth.
    #[error("the access token lifetime is less than a second")]
    NoLifetime,
}

impl Builder {
    pub(crate) fn new(model: Arc<dyn Model>) -> Self {
        Self {
            model,
            issuer: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            grants: Vec::new(),
            response_types: Vec::new(),
            authenticators: vec![
                Arc::new(ClientSecretBasic),
                Arc::new(ClientSecretPost),
                Arc::new(NoAuthentication),
            ],
            token_issuer: Arc::new(OpaqueTokens),
            refresh_tokens: Vec::new(),
            policies: Vec::new(),
            observers: Vec::new(),
            attempt_limit: None,
            secret_verifier: None,
            origins: None,
            redirect_matcher: Arc::new(ExactMatch),
            endpoints: vec![
                Arc::new(Token),
                Arc::new(Revocation),
                Arc::new(Introspection),
                Arc::new(Metadata),
            ],
            statements: Statements::default(),
            scopes: None,
            default_scope: None,
            access_token_lifetime: Duration::from_secs(3600),
            max_body: 64 * 1024,
            confidential_only: Vec::new(),
            scope_matcher: None,
            bearer_places: BearerPlaces::default(),
            state_is_required: false,
        }
    }

    /// The issuer identifier (RFC 8414 §2): the https URL that clients know this server by; http for loopback only.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Mounts a grant or a bundle of parts.
    pub fn install(mut self, part: impl Install) -> Self {
        part.install(&mut self);
        self
    }

    /// The scopes that the server knows; the metadata lists them, and nothing else is ever granted.
    pub fn scopes(mut self, scopes: Scope) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// The scope of requests that name none. Without it they are refused, unless the client has no scopes at all.
    pub fn default_scope(mut self, scope: Scope) -> Self {
        self.default_scope = Some(scope);
        self
    }

    /// How long access tokens live: one hour unless set, a client's own lifetime before it.
    pub const fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// The largest request body, in bytes: 64 KiB unless set.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Compares scopes another way than character by character: [`HierarchicScopes`](crate::HierarchicScopes),
    /// [`WildcardScopes`](crate::WildcardScopes), or one of your own.
    pub fn scope_matcher(mut self, matcher: impl ScopeMatcher) -> Self {
        self.scope_matcher = Some(Arc::new(matcher));
        self
    }

    /// Keeps grants for clients that authenticate: a public client is refused there, whatever it is registered for. Which
    /// clients need not authenticate elsewhere is said by their registration alone.
    pub fn confidential_clients_only(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.confidential_only.extend(grants);
        self
    }

    /// Refuses authorization requests without `state`. RFC 6749 §10.12 asks clients to send it against forged responses,
    /// and PKCE protects from these, too (RFC 9700 §2.1), so it is not demanded unless this is called.
    pub const fn require_state(mut self) -> Self {
        self.state_is_required = true;
        self
    }

    /// Lets [`Server::authenticate`] take access tokens from form bodies, too (RFC 6750 §2.2).
    pub const fn access_tokens_in_body(mut self) -> Self {
        self.bearer_places.body = true;
        self
    }

    /// Lets [`Server::authenticate`] take access tokens from queries, too (RFC 6750 §2.3). URIs end up in histories, logs and
    /// `Referer` headers, and OAuth 2.1 has dropped this: for old clients that cannot be changed. Answers to such requests
    /// need `Cache-Control: private`.
    pub const fn danger_access_tokens_in_query(mut self) -> Self {
        self.bearer_places.query = true;
        self
    }

    /// Makes access tokens another way than [`OpaqueTokens`].
    pub fn token_issuer(mut self, issuer: impl TokenIssuer) -> Self {
        self.token_issuer = Arc::new(issuer);
        self
    }

    /// Adds a rule of the application's own.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policies.push(Arc::new(policy));
        self
    }

    /// Tells somebody what happens.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Limits failed client authentications.
    pub fn attempt_limit(mut self, limit: impl AttemptLimit) -> Self {
        self.attempt_limit = Some(Arc::new(limit));
        self
    }

    /// Judges slow hashes of client secrets.
    pub fn secret_verifier(mut self, verifier: impl SecretVerifier) -> Self {
        self.secret_verifier = Some(Arc::new(verifier));
        self
    }

    /// Lets web pages of these origins call the token and revocation endpoints.
    pub fn origins(mut self, origins: impl Origins) -> Self {
        self.origins = Some(Arc::new(origins));
        self
    }

    /// Compares redirect URIs another way than [`ExactMatch`].
    pub fn redirect_matcher(mut self, matcher: impl RedirectMatcher) -> Self {
        self.redirect_matcher = Arc::new(matcher);
        self
    }

    /// Reads the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Draws secrets from this source.
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// For [`Install`]: adds a grant.
    pub fn add_grant(&mut self, grant: impl Grant) {
        self.grants.push((grant.grant_type(), Arc::new(grant)));
    }

    /// For [`Install`]: adds a response type.
    pub fn add_response_type(&mut self, response_type: impl ResponseType) {
        self.response_types.push(Arc::new(response_type));
    }

    /// For [`Install`]: adds an endpoint.
    pub fn add_endpoint(&mut self, endpoint: impl Endpoint) {
        self.endpoints.push(Arc::new(endpoint));
    }

    /// For [`Install`]: adds a way for clients to prove who they are.
    pub fn add_authenticator(&mut self, authenticator: impl ClientAuthenticator) {
        self.authenticators.push(Arc::new(authenticator));
    }

    /// For [`Install`]: adds what makes refresh tokens.
    pub fn add_refresh_tokens(&mut self, refresh_tokens: impl RefreshTokens) {
        self.refresh_tokens.push(Arc::new(refresh_tokens));
    }

    /// For [`Install`]: says something in the metadata document. Lists said under one name are joined.
    pub fn describe(&mut self, name: &str, value: impl Serialize) {
        self.statements
            .say(name, serde_json::to_value(value).unwrap_or(Value::Null));
    }

    /// The server, if it is complete and sound.
    ///
    /// # Errors
    /// [`BuildError`] names what is missing, doubled or unsound.
    pub fn build(self) -> Result<Server, BuildError> {
        let issuer = self.issuer.clone().ok_or(BuildError::NoIssuer)?;
        check_issuer(&issuer).map_err(|why| BuildError::BadIssuer(issuer.clone(), why))?;
        self.check()?;
        let mut endpoints: Vec<Mounted> = Vec::with_capacity(self.endpoints.len());
        for endpoint in &self.endpoints {
            let mounted = mount(endpoint, &issuer);
            if endpoints.iter().any(|other| other.path == mounted.path) {
                return Err(BuildError::DuplicateEndpoint(mounted.path));
            }
            endpoints.push(mounted);
        }
        let metadata = self.metadata(&issuer, &endpoints);
        Ok(Server::new(Parts {
            model: self.model,
            issuer,
            clock: self.clock,
            entropy: self.entropy,
            grants: self.grants,
            response_types: self.response_types,
            authenticators: self.authenticators,
            token_issuer: self.token_issuer,
            refresh_tokens: self.refresh_tokens.into_iter().next(),
            policies: self.policies,
            observers: self.observers,
            attempt_limit: self.attempt_limit,
            secret_verifier: self.secret_verifier,
            origins: self.origins,
            redirect_matcher: self.redirect_matcher,
            endpoints,
            authorization_path: "/authorize",
            scopes: self.scopes,
            default_scope: self.default_scope,
            access_token_lifetime: self.access_token_lifetime,
            pending_lifetime: Duration::from_secs(600),
            max_body: self.max_body,
            confidential_only: self.confidential_only,
            scope_matcher: self.scope_matcher,
            bearer_places: self.bearer_places,
            state_is_required: self.state_is_required,
            metadata,
        }))
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.grants.is_empty() && self.response_types.is_empty() {
            return Err(BuildError::NoGrant);
        }
        if let Some((name, _)) = repeated(&self.grants, |(name, _)| name.clone()) {
            return Err(BuildError::DuplicateGrant(name.clone()));
        }
        if let Some(twice) = repeated(&self.response_types, |own| own.response_type()) {
            return Err(BuildError::DuplicateResponseType(twice.response_type()));
        }
        if let Some(twice) = repeated(&self.authenticators, |own| own.method()) {
            return Err(BuildError::DuplicateAuthenticator(twice.method().to_string()));
        }
        if self.refresh_tokens.len() > 1 {
            return Err(BuildError::DuplicateRefreshTokens);
        }
        if let Some(missing) = self
            .confidential_only
            .iter()
            .find(|kept| !self.grants.iter().any(|(name, _)| name == *kept))
        {
            return Err(BuildError::NotInstalled(missing.clone()));
        }
        if let (Some(scopes), Some(default)) = (&self.scopes, &self.default_scope)
            && !default.within_by(scopes, &self.scope_matcher)
        {
            return Err(BuildError::BadDefaultScope(default.clone()));
        }
        if self.access_token_lifetime < Duration::from_secs(1) {
            return Err(BuildError::NoLifetime);
        }
        Ok(())
    }

    /// RFC 8414 §2, from what is mounted and nothing else.
    fn metadata(&self, issuer: &str, endpoints: &[Mounted]) -> Vec<u8> {
        let mut statements = self.statements.clone();
        statements.say("issuer", json!(issuer));
        let origin = &issuer[..issuer.len() - path_of(issuer).len()];
        for mounted in endpoints {
            if let Some(name) = mounted.route.metadata {
                statements.say(name, json!(format!("{origin}{}", mounted.path)));
            }
        }
        let methods: Vec<String> = self.authenticators.iter().map(|own| own.method().to_string()).collect();
        let confidential: Vec<&String> = methods.iter().filter(|method| *method != "none").collect();
        statements.say("token_endpoint_auth_methods_supported", json!(methods));
        statements.say("revocation_endpoint_auth_methods_supported", json!(methods));
        statements.say("introspection_endpoint_auth_methods_supported", json!(confidential));
        let grants: Vec<&str> = self.grants.iter().map(|(name, _)| name.as_str()).collect();
        statements.say("grant_types_supported", json!(grants));
        let response_types: Vec<&str> = self.response_types.iter().map(|own| own.response_type()).collect();
        let modes: Vec<&str> = self
            .response_types
            .iter()
            .map(|own| own.response_mode().as_str())
            .collect();
        if !response_types.is_empty() {
            statements.say("authorization_endpoint", json!(format!("{issuer}/authorize")));
            statements.say("response_modes_supported", json!([]));
            statements.say("response_modes_supported", json!(modes));
            statements.say("authorization_response_iss_parameter_supported", json!(true));
        }
        // RFC 8414 §2 requires this one, but §3.2 leaves out whatever is empty: without a response type it is not there.
        statements.say("response_types_supported", json!(response_types));
        if let Some(scopes) = &self.scopes {
            statements.say("scopes_supported", json!(scopes.tokens().collect::<Vec<_>>()));
        }
        statements.document()
    }
}

fn repeated<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Option<&T> {
    items
        .iter()
        .enumerate()
        .find(|(at, item)| items[..*at].iter().any(|other| key(other) == key(item)))
        .map(|(_, item)| item)
}

fn mount(endpoint: &Arc<dyn Endpoint>, issuer: &str) -> Mounted {
    let route: Route = endpoint.route();
    let below = path_of(issuer);
    let path = match route.place {
        Place::BelowIssuer => format!("{below}{}", route.path),
        Place::WellKnown => format!("/.well-known/{}{below}", route.path),
    };
    let mut methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let allow = HeaderValue::try_from(methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("POST"));
    Mounted {
        endpoint: Arc::clone(endpoint),
        route,
        path,
        allow,
    }
}
