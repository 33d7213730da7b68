//! Vocabulary, plug points and engine of an OAuth 2.x authorization server.

mod client;
mod credential;
mod entropy;
mod id;
mod redirect;
mod scope;
mod secret;
mod store;
mod time;

/// Stands in until the authenticators are here.
pub trait ClientAuthenticator {}

pub use client::{Client, ClientSecret, Registration};
pub use credential::{Change, Credential, Json, JsonError, Key, Kind, State};
pub use entropy::{Entropy, EntropyFailed, SystemEntropy};
pub use id::{AuthMethod, AuthorizationId, ClientId, ErrorCode, GrantType, NotAnAuthorizationId, Subject};
pub use redirect::{
    BadRedirectUri, ExactMatch, LONGEST_REDIRECT_URI, NotRegistered, RedirectMatcher, Registered, check_redirect_uri,
};
pub use scope::{NotAScope, Scope};
pub use secret::Secret;
pub use store::{
    CLIENTS, ClientStore, CommitError, CredentialIndex, CredentialStore, Document, Documents, Filter, Model, StoreError,
};
pub use time::{Clock, SystemClock, Timestamp};
