//! Which web pages may call the token endpoint: those of public clients.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{CLIENTS, Client, Clock, Documents, Origins, StoreError, Timestamp};

use crate::backend::Backend;

/// How long a list of origins is used before it is read again.
const FRESH: Duration = Duration::from_secs(15);

/// How many clients are read at a time.
const PAGE: usize = 256;

/// The origins of the redirect URIs of all public clients, configured and stored.
pub struct ClientOrigins {
    configured: HashSet<String>,
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    stored: RwLock<(Option<Timestamp>, HashSet<String>)>,
}

impl ClientOrigins {
    /// Those of the configured clients, and of the clients in that store.
    pub fn new<'a>(
        configured: impl IntoIterator<Item = &'a Client>,
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let configured = configured.into_iter().flat_map(origins_of).collect();
        Self {
            configured,
            backend,
            clock,
            stored: RwLock::default(),
        }
    }

    fn known(&self, origin: &str, now: Timestamp) -> Option<bool> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let read_at = stored.0?;
        (now < read_at.plus(FRESH)).then(|| stored.1.contains(origin))
    }

    async fn read(&self) -> Result<HashSet<String>, StoreError> {
        let mut origins = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let documents = Documents::list(&*self.backend, CLIENTS, after.as_deref(), PAGE).await?;
            for document in &documents {
                origins.extend(origins_of(&document.body.read::<Client>()?));
            }
            match documents.last() {
                Some(last) if documents.len() == PAGE => after = Some(last.id.clone()),
                _ => return Ok(origins),
            }
        }
    }
}

#[async_trait]
impl Origins for ClientOrigins {
    async fn allows(&self, origin: &str) -> bool {
        if self.configured.contains(origin) {
            return true;
        }
        let now = self.clock.now();
        if let Some(known) = self.known(origin, now) {
            return known;
        }
        match self.read().await {
            Ok(origins) => {
                let allowed = origins.contains(origin);
                *self.stored.write().unwrap_or_else(PoisonError::into_inner) = (Some(now), origins);
                allowed
            }
            Err(error) => {
                tracing::error!(%error, "the origins of registered clients could not be read");
                false
            }
        }
    }
}

/// The origins (RFC 6454 §4) of a public client's redirect URIs.
fn origins_of(client: &Client) -> Vec<String> {
    if client.is_confidential() || client.disabled {
        return Vec::new();
    }
    client.redirect_uris.iter().filter_map(|uri| origin(uri)).collect()
}

fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    if !matches!(scheme, "https" | "http") {
        return None;
    }
    let host = rest.split(['/', '?']).next()?;
    // Browsers send the host in lower case and leave a default port out.
    let host = host.to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    Some(format!(
        "{scheme}://{}",
        host.strip_suffix(default_port).unwrap_or(&host)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        assert_eq!(
            origin("https://App.example:443/cb?x").as_deref(),
            Some("https://app.example")
        );
        assert_eq!(
            origin("http://localhost:3000").as_deref(),
            Some("http://localhost:3000")
        );
        assert_eq!(origin("com.example.app:/cb"), None);
        assert_eq!(origin("com.example.app://cb"), None);
    }
}
