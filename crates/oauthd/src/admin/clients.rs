//! Clients in the store.

use std::time::Duration;

use oauth_server::{CLIENTS, Client, ClientId, ClientSecret, CommitError, Document, Documents, Filter, Json, Secret};
use serde::Serialize;
use serde_json::Value;

use super::{Admin, Refusal, raced};
use crate::config::{ClientMetadata, GivenSecret};
use crate::registry::Origin;

/// A client to be registered.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// What is asked for; without an identifier it gets a random one.
    pub metadata: ClientMetadata,
    /// What becomes of its secret.
    pub secret: NewSecret,
}

/// Where a secret comes from.
#[derive(Clone, Debug, Default)]
pub enum NewSecret {
    /// There is none: a public client.
    None,
    /// It is made here, and shown once.
    #[default]
    Generated,
    /// Somebody chose it.
    Chosen(Secret),
}

/// A client as it has just been registered, with the secret that is never shown again.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, if one was made for it.
    pub secret: Option<Secret>,
}

/// A client in a listing: its registration without what could be used to become it.
#[derive(Clone, Debug, Serialize)]
pub struct ClientEntry {
    /// What is registered, under the names of RFC 7591.
    #[serde(flatten)]
    pub registration: Value,
    /// Where it is kept.
    pub source: Origin,
}

impl ClientEntry {
    /// That client, as a listing shows it.
    pub fn of(client: &Client, source: Origin) -> Self {
        let mut registration = serde_json::to_value(client).unwrap_or_default();
        if let Some(members) = registration.as_object_mut() {
            members.remove("secrets");
        }
        Self { registration, source }
    }
}

impl Admin {
    /// Registers a client.
    ///
    /// # Errors
    /// [`Refusal::Faulty`] names everything that is wrong with it, [`Refusal::Present`] that its identifier is taken.
    pub async fn add_client(&self, new: NewClient) -> Result<Registered, Refusal> {
        let mut metadata = new.metadata;
        if metadata.client_id.is_empty() {
            // With a letter in front: an identifier that begins with a dash is a flag to the next command.
            let random = Secret::generate(&*self.entropy)?;
            metadata.client_id = format!("c{}", &random.expose()[..21]);
        }
        let (given, shown) = self.make(new.secret).await?;
        metadata.secret = given;
        let issued_at = self.clock.now().as_secs();
        let client = metadata
            .register(&self.vocabulary)
            .map_err(Refusal::Faulty)?
            .edited(|client| client.set_metadata("client_id_issued_at", issued_at));
        let present = || Refusal::Present {
            noun: "client",
            name: client.id.to_string(),
        };
        if self.registry.configured(&client.id).is_some() {
            return Err(present());
        }
        let document = document(&client, 0)?;
        match self.registry.write(CLIENTS, &document).await {
            Ok(()) => Ok(Registered { client, secret: shown }),
            Err(CommitError::Conflict) => Err(present()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// A client and where it is kept.
    ///
    /// # Errors
    /// [`Refusal::Absent`] if there is none of that identifier.
    pub async fn client(&self, id: &ClientId) -> Result<(Client, Origin), Refusal> {
        if let Some(client) = self.registry.configured(id) {
            return Ok((client.clone(), Origin::Configuration));
        }
        let (client, _) = self.stored_client(id).await?;
        Ok((client, Origin::Store))
    }

    /// Gives a client a new secret. The old ones stay valid for `grace`, so that the client's operators have time to
    /// bring the new one there.
    ///
    /// # Errors
    /// [`Refusal::NoSecret`] for a public client, [`Refusal::Configured`] for one of the configuration.
    pub async fn rotate_secret(
        &self,
        id: &ClientId,
        secret: NewSecret,
        grace: Duration,
    ) -> Result<Registered, Refusal> {
        let (client, revision) = self.stored_client(id).await?;
        if !client.is_confidential() {
            return Err(Refusal::NoSecret(id.to_string()));
        }
        let (given, shown) = self.make(secret).await?;
        let fresh = match given {
            GivenSecret::Plain(secret) => ClientSecret::generated(&secret),
            GivenSecret::Hash(hash) => ClientSecret::from_hash(hash),
            GivenSecret::Absent => return Err(Refusal::NoSecret(id.to_string())),
        };
        let now = self.clock.now();
        let last = now.plus(grace);
        let client = client.edited(|client| {
            client.secrets.retain(|own| own.is_valid(now) && !grace.is_zero());
            for own in &mut client.secrets {
                let ends = own.expires_at().map_or(last, |ends| ends.min(last));
                *own = own.clone().until(ends);
            }
            client.secrets.insert(0, fresh);
        });
        self.registry
            .write(CLIENTS, &document(&client, revision)?)
            .await
            .map_err(raced("client", id.as_str()))?;
        Ok(Registered { client, secret: shown })
    }

    /// Removes a client and ends all that was ever approved for it; how many authorizations that were.
    ///
    /// # Errors
    /// [`Refusal::Absent`] or [`Refusal::Configured`].
    pub async fn remove_client(&self, id: &ClientId) -> Result<usize, Refusal> {
        self.stored_client(id).await?;
        self.registry.remove(CLIENTS, id.as_str()).await?;
        self.end(&Filter::Client(id.clone())).await
    }

    async fn stored_client(&self, id: &ClientId) -> Result<(Client, u64), Refusal> {
        let name = || id.to_string();
        if self.registry.configured(id).is_some() {
            return Err(Refusal::Configured {
                noun: "client",
                name: name(),
            });
        }
        match self.registry.read(CLIENTS, id.as_str()).await? {
            Some(document) => {
                let client = document.body.read().map_err(|error| Refusal::Store(error.into()))?;
                Ok((client, document.revision))
            }
            None => Err(Refusal::Absent {
                noun: "client",
                name: name(),
            }),
        }
    }

    /// What is registered of a secret, and what is shown of it.
    async fn make(&self, secret: NewSecret) -> Result<(GivenSecret, Option<Secret>), Refusal> {
        Ok(match secret {
            NewSecret::None => (GivenSecret::Absent, None),
            NewSecret::Generated => {
                let secret = Secret::generate(&*self.entropy)?;
                (GivenSecret::Plain(secret.clone()), Some(secret))
            }
            NewSecret::Chosen(secret) if secret.expose().is_empty() => {
                return Err(Refusal::Unfit("an empty secret proves nothing".to_owned()));
            }
            NewSecret::Chosen(secret) => (GivenSecret::Hash(self.argon2.hash(&secret).await?), None),
        })
    }
}

fn document(client: &Client, revision: u64) -> Result<Document, Refusal> {
    Ok(Document {
        id: client.id.to_string(),
        revision,
        body: Json::of(client).map_err(|error| Refusal::Store(error.into()))?,
    })
}
