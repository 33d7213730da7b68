//! What the demo client remembers of each browser.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use oauth_server::{ClientId, Secret, Timestamp};

use crate::pages::News;

/// How many browsers the demo client remembers; the oldest makes room.
const SITTINGS: usize = 256;

/// The demo client, as it is registered, and what it remembers of each browser.
pub struct Demo {
    /// Its identifier.
    pub client: ClientId,
    /// Its secret.
    pub secret: Secret,
    /// Who can sign in.
    pub person: DemoPerson,
    sittings: Mutex<Sittings>,
}

/// The person of the demo, whose password everybody may know.
#[derive(Clone, Debug)]
pub struct DemoPerson {
    /// Their name.
    pub username: String,
    /// Their password.
    pub password: String,
}

#[derive(Default)]
struct Sittings {
    known: HashMap<String, Sitting>,
    order: VecDeque<String>,
}

/// What the demo client knows of one browser.
#[derive(Clone, Default)]
pub(super) struct Sitting {
    pub(super) state: String,
    pub(super) verifier: String,
    pub(super) tokens: Option<Tokens>,
    pub(super) news: Option<News>,
}

/// What it got for a code.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) scope: String,
    pub(super) expires: Timestamp,
}

impl Demo {
    /// The demo client with that registration.
    pub fn new(client: ClientId, secret: Secret, person: DemoPerson) -> Self {
        Self {
            client,
            secret,
            person,
            sittings: Mutex::default(),
        }
    }

    pub(super) fn sitting(&self, browser: &str) -> Sitting {
        let sittings = self.sittings.lock().unwrap_or_else(PoisonError::into_inner);
        sittings.known.get(browser).cloned().unwrap_or_default()
    }

    pub(super) fn remember(&self, browser: &str, sitting: Sitting) {
        let mut sittings = self.sittings.lock().unwrap_or_else(PoisonError::into_inner);
        if sittings.known.insert(browser.to_owned(), sitting).is_none() {
            sittings.order.push_back(browser.to_owned());
            if sittings.order.len() > SITTINGS
                && let Some(oldest) = sittings.order.pop_front()
            {
                sittings.known.remove(&oldest);
            }
        }
    }
}
