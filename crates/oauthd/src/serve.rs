//! `oauthd serve`: the server for real.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use oauth_server::argon2::{Argon2, Argon2Error};
use oauth_server::{StoreError, SystemClock};
use tokio::net::TcpListener;

use crate::assemble::{Around, NotAssembled, assemble};
use crate::backend::Backend;
use crate::config::Settings;
use crate::registry::Registry;
use crate::users::Users;
use crate::web::Demo;
use crate::{run, store};

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotServed {
    /// The store cannot be used.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("listening on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The settings do not make a server.
    #[error(transparent)]
    NotAssembled(#[from] NotAssembled),
    /// A password cannot be hashed.
    #[error(transparent)]
    Argon2(#[from] Argon2Error),
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Serves until the program is asked to stop. Says on standard output where, once it listens.
///
/// # Errors
/// [`NotServed`], before anything was changed.
pub async fn serve(settings: &Settings) -> Result<(), NotServed> {
    let backend = store::open(&settings.store).await?;
    let listener = listen(settings.listen).await?;
    serve_on(listener, settings, backend, None, |address| {
        say(&format!("listening on http://{address}"));
    })
    .await
}

/// Says a line on standard output. Whoever started the program may have closed that; it serves all the same.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Takes the address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, NotServed> {
    TcpListener::bind(address)
        .await
        .map_err(|error| NotServed::Listen(address, error))
}

/// Serves on a listener that is there already; `ready` hears the address once everything is.
pub(crate) async fn serve_on(
    listener: TcpListener,
    settings: &Settings,
    backend: Arc<dyn Backend>,
    demo: Option<Demo>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), NotServed> {
    let argon2 = Argon2::new();
    let users = Users::new(&settings.users, Arc::clone(&backend), argon2.clone(), &SystemClock)?;
    let clients = settings.clients.iter().map(|configured| configured.client.clone());
    // The pages see the configured clients, too.
    let registry = Registry::new(clients, backend);
    let assembled = assemble(
        settings,
        Around {
            backend: Arc::new(registry.clone()),
            model: registry,
            people: Arc::new(users),
            argon2,
            demo,
        },
    )?;
    let stop = run::asked_to_stop()?;
    let sweeper = tokio::spawn(run::sweep(assembled.server));
    let address = listener.local_addr()?;
    tracing::info!(%address, issuer = settings.issuer, "serving");
    ready(address);
    let outcome = run::serve(listener, assembled.router, &assembled.metrics, stop).await;
    sweeper.abort();
    // The store ends with its last owner, and flushes what it holds.
    let _ = sweeper.await;
    tracing::info!("stopped");
    Ok(outcome?)
}
