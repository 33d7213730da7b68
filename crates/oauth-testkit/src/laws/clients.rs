//! What a [`ClientStore`] keeps whose clients are [`Documents`] in the collection [`CLIENTS`].

use std::fmt;
use std::sync::Arc;

use oauth_core::Timestamp;
use oauth_core::{CLIENTS, Client, ClientId, ClientSecret, ClientStore, Document, Documents, GrantType, Json, Secret};
use serde_json::json;

use crate::conformance::{Broken, Verdict};

/// A store's clients and the documents behind them, as the laws take them.
#[derive(Clone)]
pub struct Erased {
    clients: Arc<dyn ClientStore>,
    documents: Arc<dyn Documents>,
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erased(..)")
    }
}

/// That store as the laws take it.
pub fn erased<S: ClientStore + Documents + 'static>(store: Arc<S>) -> Erased {
    let documents: Arc<dyn Documents> = store.clone();
    Erased {
        clients: store,
        documents,
    }
}

crate::__suite! { clients table [Erased] }

struct Trial<'a> {
    law: &'static str,
    of: &'a Erased,
}

impl Trial<'_> {
    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken::new(self.law, what)
    }

    async fn write(&self, client: &Client, revision: u64) -> Verdict {
        let document = Document {
            id: client.id.as_str().to_owned(),
            revision,
            body: Json::of(client).map_err(|error| self.broken(error.to_string()))?,
        };
        let written = self.of.documents.write(CLIENTS, &document).await;
        written.map_err(|error| self.broken(format!("writing {client:?} failed: {error}")))
    }

    async fn finds(&self, what: &str, id: &str, expected: Option<&Client>) -> Verdict {
        let found = self.of.clients.client(&ClientId::new(id)).await;
        let found = found.map_err(|error| self.broken(format!("{what}: looking up {id:?} failed: {error}")))?;
        if found.as_ref() == expected {
            return Ok(());
        }
        Err(self.broken(format!("{what}: {id:?} is {found:?} and should be {expected:?}")))
    }
}

fn clients() -> Vec<Client> {
    let secret = |text: &str| ClientSecret::generated(&Secret::new(text));
    let all_of_it = Client::confidential("all", secret("one"))
        .named("Größe & Söhne 🦀")
        .redirecting_to("https://client.example/cb?x=1")
        .redirecting_to("http://127.0.0.1/cb")
        .using([GrantType::AUTHORIZATION_CODE, GrantType::named("urn:example:grant")])
        .limited_to("read write".parse().unwrap_or_default())
        .edited(|client| {
            client.secrets.push(secret("two").until(Timestamp::from_secs(1)));
            client.disabled = true;
            client.introspect = true;
            client.access_token_lifetime = Some(60);
            client.refresh_token_lifetime = Some(u64::MAX);
            client.set_metadata("client_uri", "https://client.example");
            client.set_metadata("jwks", json!({ "keys": [{ "kty": "EC" }] }));
        });
    vec![
        Client::public("plain"),
        Client::public("Plain"),
        Client::public("https://client.example/it's \"odd\"\\?&#%20 é日🦀"),
        all_of_it,
    ]
}

/// A client that was written as a document is looked up equal, every field of it, by exactly its identifier.
pub async fn a_written_client_comes_back_equal(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_written_client_comes_back_equal",
        of,
    };
    for client in clients() {
        trial.finds("before it was written", client.id.as_str(), None).await?;
    }
    for client in clients() {
        trial.write(&client, 0).await?;
    }
    for client in clients() {
        trial
            .finds("after it was written", client.id.as_str(), Some(&client))
            .await?;
    }
    for id in ["PLAIN", "plai", "plain ", "", "%"] {
        trial.finds("nobody's identifier", id, None).await?;
    }
    let elsewhere = Document {
        id: "elsewhere".to_owned(),
        revision: 0,
        body: Json::of(&Client::public("elsewhere")).map_err(|error| trial.broken(error.to_string()))?,
    };
    let written = of.documents.write("other things", &elsewhere).await;
    written.map_err(|error| trial.broken(format!("writing failed: {error}")))?;
    trial.finds("a document of another collection", "elsewhere", None).await
}

/// A client that is changed is looked up as it is now; a change that was refused is not seen.
pub async fn a_changed_client_is_seen_at_once(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_changed_client_is_seen_at_once",
        of,
    };
    let secret = ClientSecret::generated(&Secret::new("s"));
    for before in [Client::public("open"), Client::confidential("closed", secret)] {
        trial.write(&before, 0).await?;
        trial
            .finds("after it was written", before.id.as_str(), Some(&before))
            .await?;
        let after = before
            .clone()
            .named("changed")
            .edited(|client| client.disabled = !client.disabled);
        trial.write(&after, 1).await?;
        trial
            .finds("after it was changed", before.id.as_str(), Some(&after))
            .await?;
        let refused = trial.write(&before, 1).await;
        if refused.is_ok() {
            return Err(trial.broken("a change of a revision that is over was accepted"));
        }
        trial
            .finds("after a change was refused", before.id.as_str(), Some(&after))
            .await?;
    }
    Ok(())
}

/// A client that was removed is unknown.
pub async fn a_removed_client_is_unknown(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_removed_client_is_unknown",
        of,
    };
    let [kept, removed] = ["kept", "removed"].map(Client::public);
    trial.write(&kept, 0).await?;
    trial.write(&removed, 0).await?;
    trial.finds("before it is removed", "removed", Some(&removed)).await?;
    let was_there = of.documents.remove(CLIENTS, "removed").await;
    if !was_there.map_err(|error| trial.broken(format!("removing failed: {error}")))? {
        return Err(trial.broken("a client that was removed was said not to be there"));
    }
    trial.finds("after it was removed", "removed", None).await?;
    trial.finds("beside one that was removed", "kept", Some(&kept)).await?;
    let anew = removed.named("anew");
    trial.write(&anew, 0).await?;
    trial.finds("after it was written anew", "removed", Some(&anew)).await
}
