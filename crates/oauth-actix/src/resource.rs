//! Extractors that protect a resource (RFC 6750).

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use oauth_core::{AccessToken, Challenge, RequiredScope, Scope};

use crate::request::{Head, into_response, server_for, status};

/// A good access token. Without one, the request ends in the challenge of RFC 6750 §3.
///
/// Behind [`require`](crate::require()) it is the token that was let in, and the store is not asked again.
///
/// Where a token is optional, take [`OptionalBearer`]: actix-web makes a `None` of every refusal when it is asked for
/// an `Option<Bearer>`, and a client whose token has expired would never hear of it.
///
/// ```
/// use oauth_actix::Bearer;
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

/// `None` for a request without token; a bad one is refused all the same.
///
/// ```
/// use oauth_actix::OptionalBearer;
///
/// async fn hello(OptionalBearer(token): OptionalBearer) -> String {
///     match token {
///         Some(token) => format!("hello, {}", token.client_id()),
///         None => "hello, whoever you are".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalBearer(pub Option<AccessToken>);

/// A good access token that allows `T`; otherwise 403 `insufficient_scope`.
///
/// ```
/// use oauth_actix::Scoped;
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        status(self.0.status())
    }

    fn error_response(&self) -> HttpResponse {
        into_response(self.0.clone().into_response())
    }
}

async fn authenticate(request: HttpRequest) -> Result<AccessToken, Challenge> {
    if let Some(let_in) = request.extensions().get::<AccessToken>() {
        return Ok(let_in.clone());
    }
    let head = Head::of(&request)?;
    server_for(&request)?.authenticate(&head.incoming(&[])).await
}

async fn authenticate_for(scope: &Scope, request: HttpRequest) -> Result<AccessToken, Challenge> {
    if let Some(let_in) = request.extensions().get::<AccessToken>() {
        return let_in.require(scope).map(|()| let_in.clone());
    }
    let head = Head::of(&request)?;
    server_for(&request)?.authenticate_for(&head.incoming(&[]), scope).await
}

impl FromRequest for Bearer {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async { authenticate(request).await.map(Self).map_err(Refused) })
    }
}

impl FromRequest for OptionalBearer {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async {
            match authenticate(request).await {
                Ok(token) => Ok(Self(Some(token))),
                Err(challenge) if challenge.is_missing() => Ok(Self(None)),
                Err(challenge) => Err(Refused(challenge)),
            }
        })
    }
}

impl<T: RequiredScope> FromRequest for Scoped<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async {
            let scope = T::scope().map_err(Refused)?;
            let token = authenticate_for(&scope, request).await.map_err(Refused)?;
            Ok(Self {
                token,
                scope: PhantomData,
            })
        })
    }
}
