//! Commits that cross each other.

use std::collections::BTreeMap;

use oauth_core::{AuthorizationId, Change, Json, State};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::{Broken, Verdict};
use crate::polling::{interleaved, racing};
use crate::sample::{authorization, credential, key};

/// How many times commits are made at once.
const CASES: usize = 120;

/// Every order of three commits.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Commits that are made at once end as if they had been made one after the other, in some order: none
/// fails for being disturbed, and none is made on conditions that no longer hold.
///
/// What each order leads to is asked of the store itself, so this law is about nothing but being at once.
pub async fn commits_at_once_equal_some_order_of_them(store: &Erased) -> Verdict {
    let trial = Trial::of("commits_at_once_equal_some_order_of_them", store);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x0b; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for case in 0..CASES {
        let tree = scenes().new_tree(&mut runner);
        let scene = tree
            .map_err(|reason| trial.broken(format!("no commits could be made up: {reason}")))?
            .current();
        let at_once = scene.at_once(&trial, case).await?;
        let mut in_order = Vec::new();
        for order in ORDERS {
            let end = scene.in_order(&trial, case, order).await?;
            if end == at_once {
                in_order.clear();
                break;
            }
            in_order.push(end);
        }
        trial.ensure(in_order.is_empty(), || {
            format!(
                "made at once, {:#?} end as {at_once:#?}, as they do in no order: {in_order:#?}",
                scene.commits
            )
        })?;
    }
    Ok(())
}

/// Three commits and what is there before them, in small numbers.
#[derive(Clone, Debug)]
struct Scene {
    /// Which keys are there, and in which authorization.
    before: Vec<Option<u8>>,
    commits: Vec<Vec<Small>>,
}

#[derive(Clone, Copy, Debug)]
enum Small {
    Insert(u8, u8),
    Spend(u8),
    Update(u8, u8),
    Revoke(u8),
    RevokeAuthorization(u8),
}

const KEYS: u8 = 3;
const AUTHORIZATIONS: u8 = 2;

fn scenes() -> impl Strategy<Value = Scene> {
    let keys = || 0..KEYS;
    let authorizations = || 0..AUTHORIZATIONS;
    let change = prop_oneof![
        4 => (keys(), authorizations()).prop_map(|(key, of)| Small::Insert(key, of)),
        3 => keys().prop_map(Small::Spend),
        3 => (keys(), any::<u8>()).prop_map(|(key, text)| Small::Update(key, text)),
        1 => keys().prop_map(Small::Revoke),
        3 => authorizations().prop_map(Small::RevokeAuthorization),
    ];
    let commits = proptest::collection::vec(proptest::collection::vec(change, 1..3), 3);
    let before = proptest::collection::vec(proptest::option::weighted(0.6, authorizations()), usize::from(KEYS));
    (before, commits).prop_map(|(before, commits)| Scene { before, commits })
}

/// How it all ended: of each commit, and what is then found.
#[derive(Debug, PartialEq)]
struct End {
    outcomes: Vec<Outcome>,
    found: BTreeMap<u8, (State, u64, Json, Option<u8>)>,
}

/// The names of one telling of a scene, so that no telling meets what another left behind.
struct Telling(String);

impl Scene {
    async fn at_once(&self, trial: &Trial, case: usize) -> Result<End, Broken> {
        let telling = Telling(format!("{case} at once"));
        let commits = telling.begin(trial, self).await?.into_iter().map(|changes| {
            let trial = trial.clone();
            async move { trial.commits("one of three commits at once", &changes).await }
        });
        let outcomes = if case.is_multiple_of(3) {
            racing(commits).await
        } else {
            interleaved(commits).await
        };
        let outcomes = outcomes.into_iter().collect::<Result<_, _>>()?;
        telling.end(trial, outcomes).await
    }

    async fn in_order(&self, trial: &Trial, case: usize, order: [usize; 3]) -> Result<End, Broken> {
        let telling = Telling(format!("{case} in the order {order:?}"));
        let commits = telling.begin(trial, self).await?;
        let mut outcomes = vec![Outcome::Conflict; commits.len()];
        for n in order {
            outcomes[n] = trial.commits("one commit after another", &commits[n]).await?;
        }
        telling.end(trial, outcomes).await
    }
}

impl Telling {
    fn key(&self, key_: u8) -> oauth_core::Key {
        key(&format!("{} key {key_}", self.0))
    }

    fn authorization(&self, of: u8) -> AuthorizationId {
        authorization(&format!("{} authorization {of}", self.0))
    }

    fn credential(&self, key: u8, of: u8) -> oauth_core::Credential {
        oauth_core::Credential {
            key: self.key(key),
            data: Json::from_stored(format!("\"of {of}\"")),
            ..credential("at once", self.authorization(of))
        }
    }

    /// Sets the scene; the changes of its commits in the names of this telling.
    async fn begin(&self, trial: &Trial, scene: &Scene) -> Result<Vec<Vec<Change>>, Broken> {
        let there: Vec<_> = (0..)
            .zip(&scene.before)
            .filter_map(|(key, of)| Some(self.credential(key, (*of)?)))
            .collect();
        trial.accepts("inserting", &inserts(&there)).await?;
        let change = |small: &Small| match *small {
            Small::Insert(key, of) => Change::Insert(self.credential(key, of)),
            Small::Spend(key) => Change::Spend(self.key(key)),
            Small::Update(key, text) => Change::Update {
                key: self.key(key),
                revision: 0,
                data: Json::from_stored(text.to_string()),
            },
            Small::Revoke(key) => Change::Revoke(self.key(key)),
            Small::RevokeAuthorization(of) => Change::RevokeAuthorization(self.authorization(of)),
        };
        let changes = |commit: &Vec<Small>| commit.iter().map(change).collect();
        Ok(scene.commits.iter().map(changes).collect())
    }

    async fn end(&self, trial: &Trial, outcomes: Vec<Outcome>) -> Result<End, Broken> {
        let mut found = BTreeMap::new();
        for key in 0..KEYS {
            if let Some(row) = trial.find("after commits at once", &self.key(key)).await? {
                let of = (0..AUTHORIZATIONS).find(|of| self.authorization(*of) == row.authorization);
                found.insert(key, (row.state, row.revision, row.data, of));
            }
        }
        Ok(End { outcomes, found })
    }
}
