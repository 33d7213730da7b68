//! What a [`CredentialIndex`] keeps.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use oauth_core::{AuthorizationId, Change, Credential, CredentialIndex, CredentialStore, Filter, Key, Secret, State};

use crate::conformance::{Broken, Verdict};
use crate::sample::{OTHER, authorization, credential};

/// A store with its index, as the laws take it.
#[derive(Clone)]
pub struct Erased {
    store: Arc<dyn CredentialStore>,
    index: Arc<dyn CredentialIndex>,
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erased(..)")
    }
}

/// That store as the laws take it.
pub fn erased<S: CredentialStore + CredentialIndex + 'static>(store: Arc<S>) -> Erased {
    let index: Arc<dyn CredentialIndex> = store.clone();
    Erased { store, index }
}

crate::__suite! { index table [Erased] }

struct Trial<'a> {
    law: &'static str,
    of: &'a Erased,
}

impl Trial<'_> {
    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken::new(self.law, what)
    }

    async fn commit(&self, changes: &[Change]) -> Verdict {
        let made = self.of.store.commit(changes).await;
        made.map_err(|error| self.broken(format!("a commit failed: {error}")))
    }

    async fn list(&self, filter: &Filter, after: Option<&Key>, limit: usize) -> Result<Vec<Credential>, Broken> {
        let listed = self.of.index.select(filter, after, limit).await;
        listed.map_err(|error| self.broken(format!("listing {filter:?} failed: {error}")))
    }

    async fn lists(&self, what: &str, filter: &Filter, expected: &[Credential]) -> Verdict {
        let mut expected = expected.to_vec();
        expected.sort_by(|a, b| a.key.cmp(&b.key));
        // In which order they come is another law.
        let mut listed = self.list(filter, None, usize::MAX).await?;
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        if listed == expected {
            return Ok(());
        }
        Err(self.broken(format!(
            "{what}: listing {filter:?} gives {listed:?} and should give {expected:?}"
        )))
    }
}

const ZOE: &str = "Zoë 🦀";

/// Credentials of two clients, three subjects and one without, and three authorizations.
fn rows() -> Vec<Credential> {
    let clients = ["web", "Web"];
    let subjects = [Some("alice"), Some("Alice"), Some(ZOE), None];
    let authorizations = ["one", "two", "three"];
    (0..24)
        .map(|n: usize| {
            let name = format!("row {n}");
            let row = credential(&name, authorization(authorizations[n % 3]));
            let key = if n.is_multiple_of(5) {
                Key::of(&OTHER, &Secret::new(name))
            } else {
                row.key.clone()
            };
            Credential {
                key,
                client: clients[n % 2].into(),
                subject: subjects[n % 4].map(Into::into),
                ..row
            }
        })
        .collect()
}

async fn inserted(trial: &Trial<'_>) -> Result<Vec<Credential>, Broken> {
    let rows = rows();
    for some in rows.chunks(5) {
        let changes: Vec<Change> = some.iter().cloned().map(Change::Insert).collect();
        trial.commit(&changes).await?;
    }
    Ok(rows)
}

fn filters() -> Vec<Filter> {
    let mut filters: Vec<Filter> = ["alice", "Alice", ZOE, "ALICE", "alic", "alice%", "", "client"]
        .map(|name| Filter::Subject(name.into()))
        .to_vec();
    filters.extend(["web", "Web", "WEB", "we_", ""].map(|name| Filter::Client(name.into())));
    filters.extend(["one", "two", "three", "four"].map(|name| Filter::Authorization(authorization(name))));
    filters
}

/// Some that nothing but care about order and revocation is needed for.
fn plain_filters() -> Vec<Filter> {
    let mut filters = vec![Filter::Client("web".into()), Filter::Subject("Alice".into())];
    filters.extend(["one", "two", "three"].map(|name| Filter::Authorization(authorization(name))));
    filters
}

fn matching(rows: &[Credential], filter: &Filter) -> Vec<Credential> {
    let is_meant = |row: &&Credential| match filter {
        Filter::Subject(subject) => row.subject.as_ref() == Some(subject),
        Filter::Client(client) => row.client == *client,
        Filter::Authorization(id) => row.authorization == *id,
    };
    rows.iter().filter(is_meant).cloned().collect()
}

/// A listing has every credential that its filter names, byte for byte, and no other.
pub async fn a_listing_is_what_its_filter_names(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_listing_is_what_its_filter_names",
        of,
    };
    for filter in filters() {
        trial.lists("in an empty store", &filter, &[]).await?;
    }
    let mut rows = inserted(&trial).await?;
    for filter in filters() {
        trial
            .lists("after inserting", &filter, &matching(&rows, &filter))
            .await?;
    }
    let spent = rows[1].key.clone();
    rows[1].state = State::Spent;
    trial.commit(&[Change::Spend(spent)]).await?;
    for filter in filters() {
        trial
            .lists("after spending one", &filter, &matching(&rows, &filter))
            .await?;
    }
    let late = Credential {
        expires_at: oauth_core::Timestamp::from_secs(1),
        ..credential("late", authorization("one"))
    };
    trial.commit(&[Change::Insert(late.clone())]).await?;
    rows.push(late);
    for filter in filters() {
        let what = "after inserting one that expired long ago";
        trial.lists(what, &filter, &matching(&rows, &filter)).await?;
    }
    let swept = of.store.sweep(oauth_core::Timestamp::from_secs(2), usize::MAX).await;
    swept.map_err(|error| trial.broken(format!("sweeping failed: {error}")))?;
    rows.pop();
    for filter in filters() {
        trial
            .lists("after sweeping", &filter, &matching(&rows, &filter))
            .await?;
    }
    Ok(())
}

/// A listing is in the order of the keys, and a short one is its beginning.
pub async fn a_listing_is_in_the_order_of_keys(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_listing_is_in_the_order_of_keys",
        of,
    };
    let rows = inserted(&trial).await?;
    for filter in plain_filters() {
        let mut expected: Vec<Key> = matching(&rows, &filter).into_iter().map(|row| row.key).collect();
        expected.sort();
        for limit in [0, 1, 3, usize::MAX] {
            let listed = trial.list(&filter, None, limit).await?;
            let listed: Vec<Key> = listed.into_iter().map(|row| row.key).collect();
            let beginning = &expected[..limit.min(expected.len())];
            if listed != beginning {
                return Err(trial.broken(format!(
                    "at most {limit} of {filter:?} are {listed:?} and should be {beginning:?}"
                )));
            }
        }
    }
    Ok(())
}

/// Page after page, each credential is seen once; those that come and go meanwhile disturb nobody else.
pub async fn paging_visits_each_credential_once(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "paging_visits_each_credential_once",
        of,
    };
    let rows = inserted(&trial).await?;
    let filter = Filter::Client("web".into());
    let expected: BTreeSet<Key> = matching(&rows, &filter).into_iter().map(|row| row.key).collect();
    for limit in 1..=expected.len() + 1 {
        let mut seen: Vec<Key> = Vec::new();
        let mut pages = 0;
        loop {
            let page = trial.list(&filter, seen.last(), limit).await?;
            if page.len() > limit {
                return Err(trial.broken(format!("a page of {limit} has {}", page.len())));
            }
            let last = page.len() < limit;
            seen.extend(page.into_iter().map(|row| row.key));
            let newcomer = Credential {
                client: "another".into(),
                ..credential(&format!("newcomer {limit} {pages}"), authorization("another"))
            };
            trial.commit(&[Change::Insert(newcomer)]).await?;
            pages += 1;
            if last || pages > 100 {
                break;
            }
        }
        let once: BTreeSet<Key> = seen.iter().cloned().collect();
        if once != expected || seen.len() != expected.len() {
            return Err(trial.broken(format!(
                "pages of {limit} showed {} credentials, {} different ones, of {}",
                seen.len(),
                once.len(),
                expected.len()
            )));
        }
    }
    // A page may begin after a key that is not there: it was swept meanwhile, or never was one.
    for byte in [0x00, 0x80, 0xff] {
        let absent = Key::from_parts("testkit:absent", [byte; 32]);
        let listed = trial.list(&filter, Some(&absent), usize::MAX).await?;
        let listed: BTreeSet<Key> = listed.into_iter().map(|row| row.key).collect();
        let rest: BTreeSet<Key> = expected.iter().filter(|key| **key > absent).cloned().collect();
        if listed != rest {
            return Err(trial.broken(format!(
                "after {absent:?}, which is not there, come {listed:?} and should come {rest:?}"
            )));
        }
    }
    Ok(())
}

/// A credential whose authorization is revoked is listed as revoked, as it is found.
pub async fn a_listing_shows_revoked_authorizations(of: &Erased) -> Verdict {
    let trial = Trial {
        law: "a_listing_shows_revoked_authorizations",
        of,
    };
    let mut rows = inserted(&trial).await?;
    let id: AuthorizationId = authorization("two");
    trial
        .commit(&[Change::RevokeAuthorization(id), Change::Revoke(rows[0].key.clone())])
        .await?;
    rows[0].state = State::Revoked;
    for row in rows.iter_mut().filter(|row| row.authorization == id) {
        row.state = State::Revoked;
    }
    for filter in plain_filters() {
        trial
            .lists("after revoking", &filter, &matching(&rows, &filter))
            .await?;
    }
    Ok(())
}
