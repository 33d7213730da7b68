//! Extractors that protect a resource (RFC 6750).

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use oauth_core::{AccessToken, Challenge, RequiredScope, Scope, Server};

use crate::routes::{incoming, into_response, note_peer};

/// A good access token. Without one, the request ends in the challenge of RFC 6750 §3.
///
/// `Option<Bearer>` is `None` for a request without token; a bad one is refused all the same. Behind
/// [`require`](crate::require()) it is the token that was let in, and the store is not asked again.
///
/// ```
/// use oauth_axum::Bearer;
///
/// async fn me(Bearer(token): Bearer) -> String {
///     match token.subject() {
///         Some(person) => format!("hello, {person}"),
///         None => format!("hello, program {}", token.client_id()),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Bearer(pub AccessToken);

/// A good access token that allows `T`; otherwise 403 `insufficient_scope`.
///
/// ```
/// use oauth_axum::Scoped;
/// use oauth_core::RequiredScope;
///
/// struct Read;
///
/// impl RequiredScope for Read {
///     const SCOPE: &'static str = "read";
/// }
///
/// async fn documents(token: Scoped<Read>) -> String {
///     format!("those of {:?}", token.subject())
/// }
/// ```
pub struct Scoped<T> {
    token: AccessToken,
    scope: PhantomData<fn() -> T>,
}

impl<T> Scoped<T> {
    /// The token.
    pub fn into_token(self) -> AccessToken {
        self.token
    }
}

impl<T> std::ops::Deref for Scoped<T> {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.token
    }
}

impl<T> fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scoped({:?})", self.token)
    }
}

/// That a protected resource is not given out; as a response, the challenge.
#[derive(Clone, Debug)]
pub struct Refused(pub Challenge);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        into_response(self.0.into_response())
    }
}

async fn authenticate<S>(parts: &mut Parts, state: &S) -> Result<AccessToken, Challenge>
where
    Server: FromRef<S>,
{
    note_peer(parts);
    match parts.extensions.get::<AccessToken>() {
        Some(let_in) => Ok(let_in.clone()),
        None => Server::from_ref(state).authenticate(&incoming(parts, &[])).await,
    }
}

async fn authenticate_for<S>(scope: &Scope, parts: &mut Parts, state: &S) -> Result<AccessToken, Challenge>
where
    Server: FromRef<S>,
{
    note_peer(parts);
    match parts.extensions.get::<AccessToken>() {
        Some(let_in) => let_in.require(scope).map(|()| let_in.clone()),
        None => {
            Server::from_ref(state)
                .authenticate_for(&incoming(parts, &[]), scope)
                .await
        }
    }
}

impl<S> FromRequestParts<S> for Bearer
where
    S: Send + Sync,
    Server: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        authenticate(parts, state).await.map(Bearer).map_err(Refused)
    }
}

impl<S> OptionalFromRequestParts<S> for Bearer
where
    S: Send + Sync,
    Server: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        match authenticate(parts, state).await {
            Ok(token) => Ok(Some(Bearer(token))),
            Err(challenge) if challenge.is_missing() => Ok(None),
            Err(challenge) => Err(Refused(challenge)),
        }
    }
}

impl<S, T> FromRequestParts<S> for Scoped<T>
where
    S: Send + Sync,
    Server: FromRef<S>,
    T: RequiredScope,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let scope = T::scope().map_err(Refused)?;
        let token = authenticate_for(&scope, parts, state).await.map_err(Refused)?;
        Ok(Self {
            token,
            scope: PhantomData,
        })
    }
}
