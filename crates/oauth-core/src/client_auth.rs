//! How clients prove who they are (RFC 6749 §2.3).

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;

use crate::client::Client;
use crate::context::Context;
use crate::id::{AuthMethod, ClientId, ErrorCode};
use crate::incoming::Incoming;
use crate::params::{Params, decode};
use crate::rejection::Rejection;
use crate::secret::Secret;

/// The longest client secret that is looked at, in bytes: longer ones fail before any hashing.
pub const LONGEST_CLIENT_SECRET: usize = 1024;

/// One way for a client to prove who it is.
#[async_trait]
pub trait ClientAuthenticator: Send + Sync + 'static {
    /// The method's registered name.
    fn method(&self) -> AuthMethod;

    /// What the request presents by this method; `None` if it does not use it.
    ///
    /// # Errors
    /// `invalid_client` or `invalid_request` if it uses the method, but malformed.
    fn detect(&self, request: &Incoming<'_>, params: &Params<'_>) -> Result<Option<Presented>, Rejection>;

    /// Judges what was presented. `client` is registered for this method and not disabled.
    ///
    /// # Errors
    /// `invalid_client` if it proves nothing.
    async fn verify(&self, presented: &Presented, client: &Client, cx: &Context<'_>) -> Result<Vouched, Rejection>;
}

/// What a request presents to say which client it comes from.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Who it claims to be.
    pub client: ClientId,
    /// What is to prove it: a secret or an assertion; empty for a public client.
    pub proof: Secret,
}

/// A client that has proved who it is, as far as its registration asks for proof.
///
/// Nothing is issued without one. Its only maker is [`Vouched::by`], so every place that
/// vouches for a client can be found by that name.
#[derive(Clone, Debug)]
pub struct Vouched {
    client: Client,
    method: AuthMethod,
}

impl Vouched {
    /// Vouches that the request comes from this client, by that method.
    pub fn by(method: AuthMethod, client: &Client) -> Self {
        Self {
            client: client.clone(),
            method,
        }
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How it proved it.
    pub const fn method(&self) -> &AuthMethod {
        &self.method
    }
}

/// Judges hashes of client secrets that are slow on purpose: argon2id of secrets that a person chose.
#[async_trait]
pub trait SecretVerifier: Send + Sync + 'static {
    /// Whether this is a hash of its scheme.
    fn recognizes(&self, hash: &str) -> bool;

    /// Whether `presented` is the secret of `hash`.
    ///
    /// # Errors
    /// [`VerifierBusy`] when too many are waiting already.
    async fn verify(&self, presented: &Secret, hash: &str) -> Result<bool, VerifierBusy>;

    /// Takes as long as [`SecretVerifier::verify`], for nobody: so that an unknown client and a wrong
    /// secret take the same time.
    ///
    /// # Errors
    /// [`VerifierBusy`] exactly when [`SecretVerifier::verify`] would say so.
    async fn pretend(&self, presented: &Secret) -> Result<(), VerifierBusy>;
}

/// Too many secrets are being verified at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many secrets are being verified")]
pub struct VerifierBusy;

/// One attempt to show knowledge of something that can be guessed.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What can be guessed: [`Attempt::CLIENT_SECRET`], [`Attempt::PASSWORD`], or something of an extension's own.
    pub what: &'static str,
    /// Whose it is: a client, a person, or whoever does the guessing.
    pub name: &'a str,
    /// Where it came from, if that is known.
    pub address: Option<IpAddr>,
}

impl Attempt<'_> {
    /// The secret of a client; the name is its identifier.
    pub const CLIENT_SECRET: &'static str = "client_secret";
    /// The password of a person; the name is the username.
    pub const PASSWORD: &'static str = "password";
}

/// How many failed attempts are too many (RFC 6749 §2.3.1, §10.10; RFC 8628 §5.1). Shared by every endpoint.
#[async_trait]
pub trait AttemptLimit: Send + Sync + 'static {
    /// Takes a place for an attempt before it is judged, so that parallel guesses cannot slip through between a check and
    /// a count. It may wait while others are being judged.
    ///
    /// # Errors
    /// The time to wait, when too many have failed.
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<Admission, std::time::Duration>;
}

/// The place of an attempt that is being judged.
///
/// Whoever holds it says that the attempt [succeeded](Admission::succeeded), or it has failed: also when it is dropped
/// because the request ended before its time, so that no failure can be hidden by hanging up.
#[must_use = "an attempt that is dropped has failed"]
pub struct Admission(Option<Box<dyn FnOnce(Verdict) + Send>>);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The secret was right, or something else broke before anybody could tell. It does not count.
    Succeeded,
    /// The secret was wrong, or the request was given up.
    Failed,
}

impl Admission {
    /// A place where nobody counts.
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// A place; `told` hears once how the attempt ended.
    pub fn new(told: impl FnOnce(Verdict) + Send + 'static) -> Self {
        Self(Some(Box::new(told)))
    }

    /// Gives the place back.
    pub fn succeeded(mut self) {
        if let Some(told) = self.0.take() {
            told(Verdict::Succeeded);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told(Verdict::Failed);
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

/// Step two of a request: who. Exactly one authenticator detects; its verdict is the client.
pub(crate) async fn authenticate(
    request: &Incoming<'_>,
    params: &Params<'_>,
    cx: &Context<'_>,
) -> Result<Vouched, Rejection> {
    let parts = cx.server.parts();
    if request.headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        return Err(Rejection::invalid_request("more than one Authorization header"));
    }
    let mut detected = None;
    for authenticator in &parts.authenticators {
        if let Some(presented) = authenticator.detect(request, params)?
            && detected.replace((authenticator, presented)).is_some()
        {
            return Err(Rejection::invalid_request(
                "more than one client authentication method (RFC 6749 section 2.3)",
            ));
        }
    }
    let Some((authenticator, presented)) = detected else {
        return Err(Rejection::invalid_client("no client authentication"));
    };
    // The body may repeat the identifier of a client that authenticates otherwise, but not contradict it.
    if params
        .one("client_id")?
        .is_some_and(|id| id != presented.client.as_str())
    {
        return Err(Rejection::invalid_client(
            "client_id contradicts the client authentication",
        ));
    }

    let attempt = Attempt {
        what: Attempt::CLIENT_SECRET,
        name: presented.client.as_str(),
        address: request.peer(),
    };
    let guessable = authenticator.method() != AuthMethod::NONE;
    let admission = if guessable {
        cx.admit(&attempt).await?
    } else {
        Admission::unlimited()
    };
    let client = match cx.client(&presented.client).await {
        Ok(client) => client,
        Err(rejection) => {
            // While a store is down nobody's secret is wrong.
            admission.succeeded();
            return Err(rejection);
        }
    };
    let verdict = match &client {
        Some(client) if client.token_endpoint_auth_method == authenticator.method() => {
            authenticator.verify(&presented, client, cx).await
        }
        Some(_) => Err(Rejection::invalid_client(
            "the client is registered for another authentication method",
        )),
        None => Err(Rejection::invalid_client("unknown or disabled client")),
    };
    match &verdict {
        Err(rejection) if *rejection.code() == ErrorCode::INVALID_CLIENT => drop(admission),
        _ => admission.succeeded(),
    }
    match verdict {
        Ok(vouched) => Ok(vouched),
        // Every failure costs the same, the time of one slow hash if any is mounted: those that have
        // not paid for it pay now.
        Err(rejection) => {
            if guessable && let Some(verifier) = &parts.secret_verifier {
                let has_paid = client.is_some_and(|client| {
                    client.token_endpoint_auth_method == authenticator.method()
                        && client
                            .secrets
                            .iter()
                            .any(|own| own.is_valid(cx.now()) && verifier.recognizes(own.hash()))
                });
                if !has_paid {
                    verifier
                        .pretend(&presented.proof)
                        .await
                        .map_err(|busy| Rejection::unavailable(busy.to_string()))?;
                }
            }
            Err(rejection)
        }
    }
}

/// Compares a presented secret with those of the client, in constant time for each.
async fn verify_secret(
    method: AuthMethod,
    presented: &Presented,
    client: &Client,
    cx: &Context<'_>,
) -> Result<Vouched, Rejection> {
    for stored in client.secrets.iter().filter(|secret| secret.is_valid(cx.now())) {
        let matches = match (
            stored.matches_sha256(&presented.proof),
            &cx.server.parts().secret_verifier,
        ) {
            (Some(matches), _) => matches,
            (None, Some(slow)) if slow.recognizes(stored.hash()) => slow
                .verify(&presented.proof, stored.hash())
                .await
                .map_err(|busy| Rejection::unavailable(busy.to_string()))?,
            (None, _) => {
                return Err(Rejection::server_error(format!(
                    "the secret of client {} is hashed in a way that no mounted verifier knows",
                    client.id
                )));
            }
        };
        if matches {
            return Ok(Vouched::by(method, client));
        }
    }
    Err(Rejection::invalid_client("wrong client secret"))
}

/// The secret by HTTP Basic: `client_secret_basic` (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientSecretBasic;

#[async_trait]
impl ClientAuthenticator for ClientSecretBasic {
    fn method(&self) -> AuthMethod {
        AuthMethod::CLIENT_SECRET_BASIC
    }

    fn detect(&self, request: &Incoming<'_>, _: &Params<'_>) -> Result<Option<Presented>, Rejection> {
        let Some(value) = request.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let malformed = || Rejection::invalid_client("malformed Basic credentials");
        let value = value.as_bytes();
        let scheme_ends = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let (scheme, credentials) = value.split_at(scheme_ends);
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Ok(None);
        }
        let encoded = credentials.trim_ascii_start();
        if encoded.len() > 4 * LONGEST_CLIENT_SECRET {
            return Err(malformed());
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
        let colon = decoded.iter().position(|byte| *byte == b':').ok_or_else(malformed)?;
        // Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
        let client = decode(&decoded[..colon]).map_err(|_| malformed())?;
        let secret = decode(&decoded[colon + 1..]).map_err(|_| malformed())?;
        if client.is_empty() || secret.is_empty() || secret.len() > LONGEST_CLIENT_SECRET {
            return Err(malformed());
        }
        Ok(Some(Presented {
            client: ClientId::new(&*client),
            proof: Secret::new(secret),
        }))
    }

    async fn verify(&self, presented: &Presented, client: &Client, cx: &Context<'_>) -> Result<Vouched, Rejection> {
        verify_secret(self.method(), presented, client, cx).await
    }
}

/// The secret in the request body: `client_secret_post` (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientSecretPost;

#[async_trait]
impl ClientAuthenticator for ClientSecretPost {
    fn method(&self) -> AuthMethod {
        AuthMethod::CLIENT_SECRET_POST
    }

    fn detect(&self, _: &Incoming<'_>, params: &Params<'_>) -> Result<Option<Presented>, Rejection> {
        let Some(secret) = params.one("client_secret")? else {
            return Ok(None);
        };
        let client = params.required("client_id")?;
        if secret.len() > LONGEST_CLIENT_SECRET {
            return Err(Rejection::invalid_client("the client secret is too long"));
        }
        Ok(Some(Presented {
            client: client.into(),
            proof: Secret::new(secret),
        }))
    }

    async fn verify(&self, presented: &Presented, client: &Client, cx: &Context<'_>) -> Result<Vouched, Rejection> {
        verify_secret(self.method(), presented, client, cx).await
    }
}

/// No proof: `none`, for public clients, which only name themselves (RFC 6749 §3.2.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAuthentication;

#[async_trait]
impl ClientAuthenticator for NoAuthentication {
    fn method(&self) -> AuthMethod {
        AuthMethod::NONE
    }

    fn detect(&self, request: &Incoming<'_>, params: &Params<'_>) -> Result<Option<Presented>, Rejection> {
        let proves_otherwise = request.headers.contains_key(header::AUTHORIZATION)
            || params.one("client_secret")?.is_some()
            || params.has("client_assertion");
        if proves_otherwise {
            return Ok(None);
        }
        let client = params.one("client_id")?;
        Ok(client.map(|client| Presented {
            client: client.into(),
            proof: Secret::new(""),
        }))
    }

    async fn verify(&self, _: &Presented, client: &Client, _: &Context<'_>) -> Result<Vouched, Rejection> {
        Ok(Vouched::by(self.method(), client))
    }
}
