//! Vocabulary, plug points and engine of an OAuth 2.x authorization server.
//!
//! Grants decide and the engine writes: a [`Grant`] looks at a [`TokenRequest`] and returns an
//! [`Approval`] or a [`Rejection`], each with the [`Change`]s it wants; the engine mints the tokens and
//! hands all changes to the store in one [`commit`](CredentialStore::commit). So a code is spent and its
//! tokens are born in the same step, and a lost race is seen as the replay it is.
//!
//! Applications depend on the facade `oauth-server`; this crate is for those who write a grant, a
//! store or an adapter. It depends on no runtime, no web framework and no database.

mod authorization;
mod builder;
mod client;
mod client_auth;
mod context;
mod credential;
mod decide;
mod endpoint;
mod endpoints;
mod entropy;
mod grant;
mod id;
mod incoming;
mod issuer;
mod mint;
mod params;
mod pending;
pub mod pkce;
mod policy;
mod redirect;
mod rejection;
mod resource;
mod scope;
mod scope_match;
mod secret;
mod server;
mod store;
mod time;
mod token;

pub use authorization::{
    Answer, AuthorizationRequest, AuthorizeError, Consent, LONGEST_STATE, Redirect, ResponseMode, ResponseType,
};
pub use builder::{BuildError, Builder, Install};
pub use client::{Client, ClientSecret, Registration};
pub use client_auth::{
    Admission, Attempt, AttemptLimit, ClientAuthenticator, ClientSecretBasic, ClientSecretPost, LONGEST_CLIENT_SECRET,
    NoAuthentication, Presented, SecretVerifier, Verdict, VerifierBusy, Vouched,
};
pub use context::Context;
pub use credential::{Change, Credential, Json, JsonError, Key, Kind, State};
pub use decide::{Decide, Decided};
pub use endpoint::{Cors, Endpoint, Place, Route};
pub use entropy::{Entropy, EntropyFailed, SystemEntropy};
pub use grant::{Approval, Grant, TokenRequest};
pub use id::{AuthMethod, AuthorizationId, ClientId, ErrorCode, GrantType, NotAnAuthorizationId, Subject};
pub use incoming::{Incoming, PeerAddr, Reply};
pub use issuer::check_issuer;
pub use params::{BadParams, MOST_PARAMETERS, Params};
pub use pending::Pending;
pub use policy::{Event, Observer, Origins, Policy};
pub use redirect::{
    BadRedirectUri, ExactMatch, LONGEST_REDIRECT_URI, NotRegistered, RedirectMatcher, Registered, check_redirect_uri,
};
pub use rejection::Rejection;
pub use resource::{AccessToken, Challenge, LONGEST_ACCESS_TOKEN, RequiredScope};
pub use scope::{NotAScope, Scope};
pub use scope_match::{HierarchicScopes, ScopeMatcher, WildcardScopes};
pub use secret::Secret;
pub use server::Server;
pub use store::{
    CLIENTS, ClientStore, CommitError, CredentialIndex, CredentialStore, Document, Documents, Filter, Model, StoreError,
};
pub use time::{Clock, SystemClock, Timestamp};
pub use token::{
    ACCESS_TOKEN, AccessData, Claims, Draft, Issued, OpaqueTokens, REFRESH_TOKEN, RefreshData, RefreshDraft,
    RefreshTokens, Rotation, TokenIssuer,
};

/// What `#[async_trait]` on an `impl` of a plug point is, so that writing one needs no dependency beside this.
pub use async_trait::async_trait;
/// The `http` crate, whose requests, responses and headers the public signatures name.
pub use http;
