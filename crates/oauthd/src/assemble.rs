//! Settings become a server: every part of the toolkit, put together as an operator asked for it.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use oauth_server::argon2::{Argon2, Argon2Error, Remembered};
use oauth_server::{
    AttemptLimit, AuthorizationCode, BuildError, ClientCredentials, Clock, DeviceCode, GrantType, Implicit, Model,
    PasswordGrant, RefreshToken, RotationPolicy, Server, SystemClock, SystemEntropy,
};

use crate::backend::Backend;
use crate::config::{Pkce, RefreshRotation, Settings};
use crate::limits::{FailedAuthentications, TokenRequests};
use crate::origins::ClientOrigins;
use crate::people::{ActivePeople, SignIns};
use crate::telemetry::{self, Metrics};
use crate::web::{Demo, Parts, People, Sessions, Web};

/// What a server needs beside its settings.
pub struct Around<M> {
    /// Clients and credentials, as the engine sees them.
    pub model: M,
    /// Where everything is kept.
    pub backend: Arc<dyn Backend>,
    /// Who can sign in.
    pub people: Arc<dyn People>,
    /// What checks passwords and chosen client secrets.
    pub argon2: Argon2,
    /// The demo client, under `oauthd demo`.
    pub demo: Option<Demo>,
}

/// A server that is ready to accept connections.
pub struct Assembled {
    /// The engine.
    pub server: Server,
    /// Everything it answers.
    pub router: Router,
    /// What is counted of it.
    pub metrics: Metrics,
}

/// Why settings do not make a server.
#[derive(Debug, thiserror::Error)]
pub enum NotAssembled {
    /// The settings have no issuer.
    #[error("issuer: it is missing")]
    NoIssuer,
    /// A grant that this program does not have.
    #[error("grants.enabled: `{0}` is not built in")]
    NotBuiltIn(GrantType),
    /// The engine refuses the combination.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Hashing is not possible.
    #[error(transparent)]
    Argon2(#[from] Argon2Error),
}

/// Puts the server together.
///
/// # Errors
/// [`NotAssembled`] names what is missing or unsound.
pub fn assemble<M: Model>(settings: &Settings, around: Around<M>) -> Result<Assembled, NotAssembled> {
    let issuer = settings.issuer.clone().ok_or(NotAssembled::NoIssuer)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Metrics::default();
    let failures = FailedAuthentications::per_minute(settings.limits.failed_authentications_per_minute, &clock);
    let configured = settings.clients.iter().map(|configured| &configured.client);

    let mut builder = Server::builder(around.model)
        .issuer(issuer.clone())
        .access_token_lifetime(settings.tokens.access_token_lifetime)
        .max_body(settings.limits.max_body)
        .secret_verifier(Remembered::new(around.argon2)?)
        .origins(ClientOrigins::new(
            configured,
            Arc::clone(&around.backend),
            Arc::clone(&clock),
        ))
        .policy(ActivePeople(Arc::clone(&around.people)))
        .observer(metrics.clone());
    if let Some(supported) = &settings.scopes.supported {
        builder = builder.scopes(supported.clone());
    }
    if let Some(default) = &settings.scopes.default {
        builder = builder.default_scope(default.clone());
    }
    if let Some(failures) = &failures {
        builder = builder.attempt_limit(failures.clone());
    }
    if let Some(requests) = TokenRequests::per_minute(settings.limits.token_requests_per_minute_per_client, &clock) {
        builder = builder.policy(requests);
    }
    let tokens = &settings.tokens;
    for grant in &settings.grants {
        builder = match grant {
            grant if *grant == GrantType::AUTHORIZATION_CODE => {
                let code = AuthorizationCode::new().code_lifetime(tokens.authorization_code_lifetime);
                builder.install(match settings.pkce {
                    Pkce::All => code,
                    Pkce::Public => code.danger_pkce_optional_for_confidential_clients(),
                })
            }
            grant if *grant == GrantType::REFRESH_TOKEN => {
                let rotation = match tokens.refresh_token_rotation {
                    RefreshRotation::Always => RotationPolicy::Always,
                    RefreshRotation::Public => RotationPolicy::Public,
                    RefreshRotation::Never => RotationPolicy::Never,
                };
                builder.install(
                    RefreshToken::new(rotation)
                        .lifetime(tokens.refresh_token_lifetime)
                        .absolute_lifetime(tokens.refresh_token_absolute_lifetime)
                        .grace(tokens.refresh_token_grace),
                )
            }
            grant if *grant == GrantType::CLIENT_CREDENTIALS => builder.install(ClientCredentials::new()),
            grant if *grant == GrantType::DEVICE_CODE => builder.install(
                DeviceCode::new()
                    .lifetime(tokens.device_code_lifetime)
                    .poll_interval(tokens.device_poll_interval),
            ),
            grant if *grant == GrantType::PASSWORD => {
                builder.install(PasswordGrant::danger_verified_by(SignIns(Arc::clone(&around.people))))
            }
            grant if *grant == GrantType::IMPLICIT => builder.install(Implicit::danger_new()),
            other => return Err(NotAssembled::NotBuiltIn(other.clone())),
        };
    }
    let server = builder.build()?;
    let web = Web::new(Parts {
        server: server.clone(),
        sessions: Sessions::new(Arc::clone(&around.backend), &issuer, clock, Arc::new(SystemEntropy)),
        backend: around.backend,
        people: around.people,
        sign_in_limit: failures.map(|failures| Arc::new(failures) as Arc<dyn AttemptLimit>),
        scope_words: settings.scopes.descriptions.clone(),
        demo: around.demo,
    });
    let router = web.router().merge(
        Router::new()
            .route("/metrics", get(telemetry::metrics))
            .with_state(metrics.clone()),
    );
    Ok(Assembled {
        server,
        router,
        metrics,
    })
}
