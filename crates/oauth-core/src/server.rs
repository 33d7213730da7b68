//! The server: all mounted parts, and what happens to each request before and after its endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::authorization::ResponseType;
use crate::builder::Builder;
use crate::client::Client;
use crate::client_auth::{AttemptLimit, ClientAuthenticator, SecretVerifier};
use crate::context::Context;
use crate::credential::Change;
use crate::decide::{Decide, Decided, carry_out};
use crate::endpoint::{Cors, Endpoint, Route};
use crate::entropy::Entropy;
use crate::grant::Grant;
use crate::id::GrantType;
use crate::incoming::{Incoming, Reply};
use crate::params::Params;
use crate::policy::{Event, Observer, Origins, Policy};
use crate::redirect::RedirectMatcher;
use crate::rejection::Rejection;
use crate::resource::BearerPlaces;
use crate::scope::Scope;
use crate::scope_match::Matcher;
use crate::store::{CommitError, Model, StoreError};
use crate::time::Clock;
use crate::token::{RefreshTokens, TokenIssuer};

/// An authorization server, ready to answer. Cheap to clone; all clones are the same server.
#[derive(Clone)]
pub struct Server(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) issuer: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) grants: Vec<(GrantType, Arc<dyn Grant>)>,
    pub(crate) response_types: Vec<Arc<dyn ResponseType>>,
    pub(crate) authenticators: Vec<Arc<dyn ClientAuthenticator>>,
    pub(crate) token_issuer: Arc<dyn TokenIssuer>,
    pub(crate) confidential_only: Vec<GrantType>,
    pub(crate) scope_matcher: Matcher,
    pub(crate) refresh_tokens: Option<Arc<dyn RefreshTokens>>,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) attempt_limit: Option<Arc<dyn AttemptLimit>>,
    pub(crate) secret_verifier: Option<Arc<dyn SecretVerifier>>,
    pub(crate) origins: Option<Arc<dyn Origins>>,
    pub(crate) redirect_matcher: Arc<dyn RedirectMatcher>,
    pub(crate) endpoints: Vec<Mounted>,
    pub(crate) authorization_path: &'static str,
    pub(crate) scopes: Option<Scope>,
    pub(crate) default_scope: Option<Scope>,
    pub(crate) access_token_lifetime: Duration,
    pub(crate) pending_lifetime: Duration,
    pub(crate) max_body: usize,
    pub(crate) bearer_places: BearerPlaces,
    pub(crate) state_is_required: bool,
    pub(crate) metadata: Vec<u8>,
}

pub(crate) struct Mounted {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) route: Route,
    pub(crate) path: String,
    pub(crate) allow: HeaderValue,
}

/// How long an expired credential is kept, so that requests which saw it alive have ended before it is forgotten.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_secs(600);

impl Server {
    /// Begins a server on that data.
    pub fn builder(model: impl Model) -> Builder {
        Builder::new(Arc::new(model))
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The issuer identifier (RFC 8414 §2): the string that `iss` and the metadata carry.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The largest request body that is read, in bytes.
    pub fn max_body(&self) -> usize {
        self.0.max_body
    }

    /// The path of every mounted endpoint, from the root of the issuer's host. The place in this
    /// list is what [`Server::serve_at`] takes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.endpoints.iter().map(|mounted| mounted.path.as_str())
    }

    /// The path at which the metadata says that authorization requests go, from the root of the issuer's host.
    pub fn authorization_path(&self) -> String {
        format!(
            "{}{}",
            crate::issuer::path_of(&self.0.issuer),
            self.0.authorization_path
        )
    }

    /// The values of `response_type` that are mounted (RFC 6749 §3.1.1). Without any there is no authorization
    /// endpoint, neither in the metadata nor anywhere else.
    pub fn response_types(&self) -> impl Iterator<Item = &'static str> {
        self.0.response_types.iter().map(|own| own.response_type())
    }

    /// Answers a request for any mounted endpoint, found by its path; `None` for any other path.
    pub async fn serve(&self, request: &Incoming<'_>) -> Option<Response<Vec<u8>>> {
        let at = self.paths().position(|path| path == request.uri.path())?;
        Some(self.serve_at(at, request).await)
    }

    /// Answers a request for the endpoint at that place in [`Server::paths`]; 404 if there is none.
    pub async fn serve_at(&self, at: usize, request: &Incoming<'_>) -> Response<Vec<u8>> {
        let Some(mounted) = self.0.endpoints.get(at) else {
            return Reply::empty(StatusCode::NOT_FOUND).into_response();
        };
        let origin = self.allowed_origin(mounted.route.cors, request.headers).await;
        let mut reply = if *request.method == Method::OPTIONS && request.headers.contains_key(header::ORIGIN) {
            Ok(preflight(mounted, origin.as_ref()))
        } else {
            self.answer(mounted, request).await
        }
        .unwrap_or_else(|rejection| {
            self.observe(&Event::Refused {
                endpoint: &mounted.path,
                code: rejection.code(),
                reason: rejection.reason(),
            });
            rejection.reply()
        });
        // What anyone may read says so to everyone, so that caches need not tell origins apart.
        let anyone = mounted.route.cors == Cors::Anyone;
        if anyone || mounted.route.cors == Cors::Registered && request.headers.contains_key(header::ORIGIN) {
            let headers = reply.headers_mut();
            if !anyone {
                headers.insert(header::VARY, HeaderValue::from_static("Origin"));
            }
            if let Some(origin) = origin {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After");
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
        }
        reply.into_response()
    }

    async fn answer(&self, mounted: &Mounted, request: &Incoming<'_>) -> Result<Reply, Rejection> {
        let method = if *request.method == Method::HEAD {
            &Method::GET
        } else {
            request.method
        };
        if !mounted.route.methods.contains(method) {
            return Err(Rejection::method_not_allowed(mounted.allow.clone()));
        }
        if request.body.len() > self.0.max_body {
            return Err(Rejection::body_too_large());
        }
        carry_out(&Serving { mounted, request }, &Context::new(self, Some(*request))).await
    }

    /// The answer to a request whose body is larger than [`Server::max_body`], for adapters that find
    /// out while they read it.
    pub fn body_too_large(&self) -> Response<Vec<u8>> {
        Rejection::body_too_large().reply().into_response()
    }

    /// Forgets at most `limit` credentials that expired a while ago; how many it forgot. Call it now and then.
    ///
    /// # Errors
    /// [`StoreError`] from the store.
    pub async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        self.0
            .model
            .sweep(self.0.clock.now().minus(KEPT_AFTER_EXPIRY), limit)
            .await
    }

    /// Every write of the engine goes through here, and no commit is ever made of two.
    pub(crate) async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        if changes.is_empty() {
            Ok(())
        } else {
            self.0.model.commit(changes).await
        }
    }

    /// Tells every observer of something that happened: for extensions, after [`Server::carry_out`] made it so.
    pub fn observe(&self, event: &Event<'_>) {
        for observer in &self.0.observers {
            observer.observe(event);
        }
    }

    /// The value of `Access-Control-Allow-Origin`, if this origin may read the answer.
    async fn allowed_origin(&self, cors: Cors, headers: &HeaderMap) -> Option<HeaderValue> {
        if cors == Cors::Anyone {
            return Some(HeaderValue::from_static("*"));
        }
        let origin = headers.get(header::ORIGIN)?;
        match (cors, &self.0.origins) {
            (Cors::Registered, Some(origins)) => {
                let allowed = origins.allows(origin.to_str().ok()?).await;
                allowed.then(|| origin.clone())
            }
            _ => None,
        }
    }
}

/// An endpoint's answer as a decision.
struct Serving<'a> {
    mounted: &'a Mounted,
    request: &'a Incoming<'a>,
}

#[async_trait]
impl Decide for Serving<'_> {
    type Outcome = Reply;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Reply>, Rejection> {
        let mut outcome = self.mounted.endpoint.serve(self.request, cx).await?;
        let changes = outcome.take_changes();
        Ok(Decided { outcome, changes })
    }
}

fn preflight(mounted: &Mounted, origin: Option<&HeaderValue>) -> Reply {
    let reply = Reply::empty(StatusCode::NO_CONTENT).header(header::ALLOW, mounted.allow.clone());
    if origin.is_none() {
        return reply;
    }
    reply
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, mounted.allow.clone())
        .header(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        )
        .header(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"))
}

impl Context<'_> {
    /// The most that a client may have: what it is registered for, of what the server knows.
    pub fn ceiling(&self, client: &Client) -> Scope {
        match &self.server.parts().scopes {
            Some(known) => self.common_scope(&client.scope, known),
            None => client.scope.clone(),
        }
    }

    /// Whether `held` allows all that `asked` does, as this server compares scopes ([`ScopeMatcher`](crate::ScopeMatcher)).
    pub fn covers(&self, held: &Scope, asked: &Scope) -> bool {
        asked.within_by(held, &self.server.parts().scope_matcher)
    }

    /// What two scopes both allow, as this server compares scopes.
    pub fn common_scope(&self, one: &Scope, other: &Scope) -> Scope {
        one.common_by(other, &self.server.parts().scope_matcher)
    }

    /// The scope that a request asks for, or the default one (RFC 6749 §3.3), within the client's ceiling.
    ///
    /// # Errors
    /// `invalid_scope` for what is no scope, unknown, or beyond the client's registration; and for none
    /// at all when there is no default.
    pub fn asked_scope(&self, params: &Params<'_>, client: &Client) -> Result<Scope, Rejection> {
        let Some(text) = params.one("scope")? else {
            return self.default_scope(client);
        };
        let scope =
            Scope::parse_likely(text, &client.scope).map_err(|error| Rejection::invalid_scope(error.to_string()))?;
        if self.covers(&self.ceiling(client), &scope) {
            Ok(scope)
        } else {
            Err(Rejection::invalid_scope(
                "the scope is unknown, or more than the client is registered for",
            ))
        }
    }

    /// The scope of a request that names none.
    ///
    /// # Errors
    /// `invalid_scope` when the client has scopes to choose from and the server no default among them.
    pub fn default_scope(&self, client: &Client) -> Result<Scope, Rejection> {
        let ceiling = self.ceiling(client);
        let default = match &self.server.parts().default_scope {
            Some(default) => self.common_scope(default, &ceiling),
            None => Scope::none(),
        };
        if default.is_none() && !ceiling.is_none() {
            return Err(Rejection::invalid_scope(
                "name a scope: there is no default for this client",
            ));
        }
        Ok(default)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({:?})", self.0.issuer)
    }
}
