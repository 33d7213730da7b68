//! Many commits at once.

use oauth_core::{Change, Credential, State};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::{Broken, Verdict};
use crate::polling::{interleaved, racing, yield_once};
use crate::sample::{authorization, credential, key};

const CONTENDERS: usize = 24;

/// A credential is spent once, and only while it is live: of many commits at once, one wins.
pub async fn spent_once(store: &Erased) -> Verdict {
    let trial = Trial::of("spent_once", store);
    let spend = |name: &str| [Change::Spend(key(name))];
    let code = credential("code", authorization("code"));
    trial.accepts("inserting a code", &inserts([&code])).await?;
    trial.accepts("spending a live code", &spend("code")).await?;
    let used = Credential {
        state: State::Spent,
        ..code
    };
    trial.finds("a spent code", &used).await?;
    trial.refuses("spending a code again", &spend("code")).await?;
    trial
        .refuses("spending what was never there", &spend("missing"))
        .await?;
    let revoked = credential("revoked", authorization("revoked"));
    trial.accepts("inserting a code", &inserts([&revoked])).await?;
    trial
        .accepts("revoking it", &[Change::Revoke(revoked.key.clone())])
        .await?;
    trial.refuses("spending a revoked code", &spend("revoked")).await?;

    for round in 0..12usize {
        race_for_one_code(&trial, round).await?;
        race_for_two_codes(&trial, round).await?;
    }
    Ok(())
}

async fn race_for_one_code(trial: &Trial, round: usize) -> Verdict {
    let code = credential(&format!("code {round}"), authorization(&format!("race {round}")));
    trial.accepts("inserting a code", &inserts([&code])).await?;
    let token = |n: usize| credential(&format!("token {round} {n}"), code.authorization);
    let attempts = (0..CONTENDERS).map(|n| {
        let changes = [Change::Spend(code.key.clone()), Change::Insert(token(n))];
        let trial = trial.clone();
        async move { trial.commits("racing to spend a code", &changes).await }
    });
    let outcomes = together(round, attempts).await?;
    let winners = outcomes.iter().filter(|outcome| **outcome == Outcome::Made).count();
    trial.ensure(winners == 1, || {
        format!("{winners} of {CONTENDERS} commits spent the same code")
    })?;
    trial
        .finds_in(State::Spent, "a code that was raced for", &code.key)
        .await?;
    for (n, outcome) in outcomes.iter().enumerate() {
        let found = trial.find("a token of the race", &token(n).key).await?;
        trial.ensure(found.is_some() == (*outcome == Outcome::Made), || {
            "after a race for a code the winner's token is there and no other".to_owned()
        })?;
    }
    Ok(())
}

/// Half of the contenders take the two codes in the other order: a store that waits for one while
/// it holds the other would stand still, or fail instead of conflicting.
async fn race_for_two_codes(trial: &Trial, round: usize) -> Verdict {
    let codes = ["left", "right"].map(|side| credential(&format!("{side} {round}"), authorization("two codes")));
    trial.accepts("inserting two codes", &inserts(&codes)).await?;
    let attempts = (0..CONTENDERS).map(|n| {
        let mut changes = codes.clone().map(|code| Change::Spend(code.key));
        if n % 2 == 1 {
            changes.reverse();
        }
        let trial = trial.clone();
        async move { trial.commits("racing to spend two codes", &changes).await }
    });
    let outcomes = together(round, attempts).await?;
    let winners = outcomes.iter().filter(|outcome| **outcome == Outcome::Made).count();
    trial.ensure(winners == 1, || {
        format!("{winners} of {CONTENDERS} commits spent the same two codes, half of them in the other order")
    })?;
    for code in &codes {
        trial
            .finds_in(State::Spent, "one of two codes that were raced for", &code.key)
            .await?;
    }
    Ok(())
}

/// On several threads in even rounds, interleaved at every await in odd ones.
async fn together<F>(round: usize, attempts: impl Iterator<Item = F>) -> Result<Vec<Outcome>, Broken>
where
    F: Future<Output = Result<Outcome, Broken>> + Send + 'static,
{
    let outcomes = if round.is_multiple_of(2) {
        racing(attempts).await
    } else {
        interleaved(attempts).await
    };
    outcomes.into_iter().collect()
}

/// Who sees one change of a commit sees all of them.
pub async fn half_a_commit_is_never_seen(store: &Erased) -> Verdict {
    let trial = Trial::of("half_a_commit_is_never_seen", store);
    for round in 0..12usize {
        let id = authorization(&format!("whole {round}"));
        let row = |name: &str| credential(&format!("{name} {round}"), id);
        let (code, first, last) = (row("code"), row("first"), row("last"));
        let ended = credential(&format!("ended {round}"), authorization(&format!("ended {round}")));
        trial.accepts("inserting a code", &inserts([&code, &ended])).await?;
        let changes = vec![
            Change::Insert(first.clone()),
            Change::Spend(code.key.clone()),
            Change::RevokeAuthorization(ended.authorization),
            Change::Insert(last.clone()),
        ];
        let writer = {
            let trial = trial.clone();
            Box::pin(async move { trial.accepts("a commit that is watched", &changes).await }) as Watching
        };
        let traces = [
            (first.key, State::Live),
            (code.key, State::Spent),
            (ended.key, State::Revoked),
            (last.key, State::Live),
        ];
        let watchers = (0..traces.len()).map(|start| {
            let (trial, mut watched) = (trial.clone(), traces.clone());
            watched.rotate_left(start);
            Box::pin(async move {
                for _ in 0..40 {
                    // What is seen once must be seen from then on, so one look after the other is enough.
                    let mut begun = false;
                    for (key, state) in &watched {
                        let found = trial.find("watching a commit", key).await?;
                        let seen = found.is_some_and(|found| found.state == *state);
                        trial.ensure(seen || !begun, || {
                            format!("one change of a commit was seen while {key:?} was not yet {state:?}")
                        })?;
                        begun |= seen;
                    }
                    yield_once().await;
                }
                Ok(())
            }) as Watching
        });
        let all = std::iter::once(writer).chain(watchers);
        let verdicts = if round.is_multiple_of(2) {
            racing(all).await
        } else {
            interleaved(all).await
        };
        verdicts.into_iter().collect::<Verdict>()?;
    }
    Ok(())
}

type Watching = std::pin::Pin<Box<dyn Future<Output = Verdict> + Send>>;
