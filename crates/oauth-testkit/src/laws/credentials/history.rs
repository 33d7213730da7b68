//! Random histories, compared with the [`Reference`] step by step.

use std::time::Duration;

use oauth_core::{Change, Credential, Json, Key, Secret, State, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Erased;
use super::reference::Reference;
use super::trial::{Trial, difference};
use crate::conformance::{Broken, Verdict};
use crate::sample::{EXPIRY, OTHER, SAMPLE, authorization, credential};

/// How many histories, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 64;

/// A random history ends every commit as the reference does, and leaves behind the same.
///
/// The histories are the same at every run; a longer search is asked for by `PROPTEST_CASES`. One
/// that goes wrong is shrunk to the shortest that still does.
pub async fn a_random_history_equals_the_reference(store: &Erased) -> Verdict {
    let trial = Trial::of("a_random_history_equals_the_reference", store);
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(CASES);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x0a; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let histories = proptest::collection::vec(steps(), 1..60);
    let mut run = 0;
    for _ in 0..cases {
        let mut tree = histories
            .new_tree(&mut runner)
            .map_err(|reason| trial.broken(format!("no history could be made: {reason}")))?;
        run += 1;
        let Err(first) = live_through(&trial, &tree.current(), run).await else {
            continue;
        };
        // Shrinking goes on as long as a shorter history goes wrong as well.
        let mut shortest = (tree.current(), first);
        let mut smaller = tree.simplify();
        for _ in 0..2_000 {
            if !smaller {
                break;
            }
            run += 1;
            smaller = match live_through(&trial, &tree.current(), run).await {
                Err(broken) => {
                    shortest = (tree.current(), broken);
                    tree.simplify()
                }
                Ok(()) => tree.complicate(),
            };
        }
        let (history, broken) = shortest;
        return Err(trial.broken(format!("{} in the history {history:#?}", broken.what())));
    }
    Ok(())
}

/// One step of a history, in small numbers: keys, authorizations and times are few, so that steps meet.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Small>),
    Sweep { before: u64, limit: Limit },
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    None,
    All,
}

#[derive(Clone, Debug)]
enum Small {
    Insert {
        key: u8,
        authorization: u8,
        state: State,
        expires: u64,
    },
    Spend {
        key: u8,
    },
    Update {
        key: u8,
        revision: u64,
        text: u8,
    },
    Revoke {
        key: u8,
    },
    RevokeAuthorization {
        authorization: u8,
    },
}

const KEYS: u8 = 8;
const AUTHORIZATIONS: u8 = 4;

fn steps() -> impl Strategy<Value = Step> {
    // Most commits are of one change: those of many mostly conflict, and then nothing moves.
    let sizes = prop_oneof![6 => 1..2usize, 3 => 2..4usize, 1 => 0..6usize];
    let commit = sizes
        .prop_flat_map(|size| proptest::collection::vec(changes(), size))
        .prop_map(Step::Commit);
    let limit = prop_oneof![9 => Just(Limit::All), 1 => Just(Limit::None)];
    let sweep = (0u64..6, limit).prop_map(|(before, limit)| Step::Sweep { before, limit });
    prop_oneof![10 => commit, 2 => sweep]
}

fn changes() -> impl Strategy<Value = Small> {
    let state = prop_oneof![8 => Just(State::Live), 1 => Just(State::Spent), 1 => Just(State::Revoked)];
    let insert =
        (0..KEYS, 0..AUTHORIZATIONS, state, 1u64..6).prop_map(|(key, authorization, state, expires)| Small::Insert {
            key,
            authorization,
            state,
            expires,
        });
    prop_oneof![
        8 => insert,
        4 => (0..KEYS).prop_map(|key| Small::Spend { key }),
        4 => (0..KEYS, 0u64..3, any::<u8>()).prop_map(|(key, revision, text)| Small::Update { key, revision, text }),
        2 => (0..KEYS).prop_map(|key| Small::Revoke { key }),
        1 => (0..AUTHORIZATIONS).prop_map(|authorization| Small::RevokeAuthorization { authorization }),
    ]
}

/// The names of one run, so that no run meets what another left behind.
#[derive(Clone, Copy)]
struct Run(u32);

impl Run {
    /// Neighbouring keys share their secret and differ in their kind.
    fn key(self, key: u8) -> Key {
        let secret = Secret::new(format!("run {} key {}", self.0, key / 2));
        let kind = if key.is_multiple_of(2) { &SAMPLE } else { &OTHER };
        Key::of(kind, &secret)
    }

    fn authorization(self, authorization_: u8) -> oauth_core::AuthorizationId {
        authorization(&format!("run {} authorization {authorization_}", self.0))
    }

    fn change(self, small: &Small) -> Change {
        match *small {
            Small::Insert {
                key,
                authorization,
                state,
                expires,
            } => Change::Insert(Credential {
                key: self.key(key),
                state,
                expires_at: at(expires),
                ..credential("history", self.authorization(authorization))
            }),
            Small::Spend { key } => Change::Spend(self.key(key)),
            Small::Update { key, revision, text } => Change::Update {
                key: self.key(key),
                revision,
                data: Json::from_stored(text.to_string()),
            },
            Small::Revoke { key } => Change::Revoke(self.key(key)),
            Small::RevokeAuthorization { authorization } => {
                Change::RevokeAuthorization(self.authorization(authorization))
            }
        }
    }
}

/// In the future, so that only the order of times can matter.
fn at(secs: u64) -> Timestamp {
    EXPIRY.plus(Duration::from_secs(secs))
}

async fn live_through(trial: &Trial, history: &[Step], run: u32) -> Verdict {
    let run = Run(run);
    let mut reference = Reference::default();
    // What an earlier run left behind must not count in this one's sweeps.
    trial.sweeps(Timestamp::MAX, usize::MAX).await?;
    for (n, step) in history.iter().enumerate() {
        match step {
            Step::Commit(small) => {
                let changes: Vec<Change> = small.iter().map(|small| run.change(small)).collect();
                let unsettled =
                    |change: &Change| matches!(change, Change::Insert(row) if !reference.is_settled(row.authorization));
                if changes.iter().any(unsettled) {
                    continue;
                }
                let expected = reference.commit(&changes);
                let outcome = trial.commits("a commit of a history", &changes).await?;
                trial.ensure(outcome == expected, || {
                    format!("step {n} ended as {outcome:?} and should end as {expected:?}")
                })?;
            }
            Step::Sweep { before, limit } => {
                let (before, limit) = (at(*before), (*limit).into());
                let expected = reference.sweep(before, limit);
                let swept = trial.sweeps(before, limit).await?;
                trial.ensure(swept == expected, || {
                    format!("step {n} swept {swept} and should sweep {expected}")
                })?;
            }
        }
        compare(trial, &reference, run, n).await?;
    }
    Ok(())
}

impl From<Limit> for usize {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::None => 0,
            Limit::All => Self::MAX,
        }
    }
}

async fn compare(trial: &Trial, reference: &Reference, run: Run, step: usize) -> Result<(), Broken> {
    for key in (0..KEYS).map(|key| run.key(key)) {
        let expected = reference.find(&key);
        let found = trial.find("during a history", &key).await?;
        trial.ensure(found == expected, || match &expected {
            Some(expected) => format!("after step {step} {}", difference(expected, found.as_ref())),
            None => format!("after step {step} {key:?} is there, and should not be"),
        })?;
    }
    Ok(())
}
