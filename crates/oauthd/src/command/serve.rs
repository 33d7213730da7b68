//! `oauthd serve`.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use oauth_server::SystemClock;
use oauth_server::argon2::Argon2;
use tokio::net::TcpListener;

use super::{Exit, Failure};
use crate::assemble::{Around, assemble};
use crate::backend::{Backend, OpenStore};
use crate::check::review;
use crate::cli::{Common, ServeArgs};
use crate::config::{Purpose, Settings};
use crate::registry::Registry;
use crate::run::{asked_to_stop, serve, sweep};
use crate::telemetry::log_to_stderr;
use crate::users::Users;
use crate::web::Demo;

pub(super) async fn run(common: &Common, args: &ServeArgs) -> Result<Exit, Failure> {
    let settings = Settings::load(common.config.as_deref(), &common.overrides(args), Purpose::Serve)?;
    begin_logging(common)?;
    for finding in review(&settings) {
        tracing::warn!(rule = finding.rule, "{}", finding.problem);
    }
    let listener = listen(settings.listen).await?;
    until_stopped(&settings, listener, None, |_| ()).await
}

pub(super) fn begin_logging(common: &Common) -> Result<(), Failure> {
    log_to_stderr(common.log_format.into(), &common.log_level)
        .map_err(|why| Failure::usage(format_args!("--log-level (OAUTHD_LOG_LEVEL): {why}")))
}

pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::failed(format_args!("cannot listen on {address}: {error}")))
}

/// Serves until the program is asked to stop. `announce` says what people should know besides the address.
pub(super) async fn until_stopped(
    settings: &Settings,
    listener: TcpListener,
    demo: Option<Demo>,
    announce: impl FnOnce(SocketAddr),
) -> Result<Exit, Failure> {
    let store = OpenStore::open(&settings.store).await?;
    let argon2 = Argon2::new();
    let configured = settings.clients.iter().map(|configured| configured.client.clone());
    let registry = Registry::new(configured, store.backend());
    let backend: Arc<dyn Backend> = Arc::new(registry.clone());
    let users = Users::new(&settings.users, store.backend(), argon2.clone(), &SystemClock).map_err(Failure::failed)?;
    let assembled = assemble(
        settings,
        Around {
            model: registry,
            backend,
            people: Arc::new(users),
            argon2,
            demo,
        },
    )
    .map_err(Failure::usage)?;
    let stop = asked_to_stop()?;
    let address = listener.local_addr()?;
    // Whoever started the program may have closed its output; it serves all the same.
    let _ = writeln!(io::stdout(), "listening on http://{address}");
    announce(address);
    let _ = io::stdout().flush();
    let sweeper = tokio::spawn(sweep(assembled.server));
    serve(listener, assembled.router, stop).await?;
    sweeper.abort();
    store.close().await?;
    Ok(Exit::Good)
}
