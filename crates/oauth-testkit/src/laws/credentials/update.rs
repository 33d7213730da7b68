//! Replacing data.

use oauth_core::{Change, Credential, Json, State};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::Verdict;
use crate::polling::{interleaved, racing};
use crate::sample::{authorization, credential, json, key};

/// An update replaces the data of exactly the revision that was read, and counts it up by one; also of
/// a spent credential, never of a revoked one.
pub async fn an_update_needs_the_revision_it_read(store: &Erased) -> Verdict {
    let trial = Trial::of("an_update_needs_the_revision_it_read", store);
    let update = |name: &str, revision: u64, text: &str| {
        [Change::Update {
            key: key(name),
            revision,
            data: json(text),
        }]
    };

    let first = credential("a", authorization("a"));
    let beside = credential("beside", first.authorization);
    trial.accepts("inserting", &inserts([&first, &beside])).await?;
    trial
        .refuses("an update of a revision to come", &update("a", 1, "x"))
        .await?;
    trial
        .accepts("an update of the revision it read", &update("a", 0, "b"))
        .await?;
    let second = Credential {
        revision: 1,
        data: json("b"),
        ..first
    };
    trial.finds("an updated credential", &second).await?;
    trial
        .refuses("an update of a revision that is over", &update("a", 0, "x"))
        .await?;
    trial.finds("a credential whose update was refused", &second).await?;
    let big = Json::from_stored(format!("\"{}\"", "é🦀".repeat(11_000)));
    let change = Change::Update {
        key: key("a"),
        revision: 1,
        data: big.clone(),
    };
    trial.accepts("an update with 64 KiB", &[change]).await?;
    let third = Credential {
        revision: 2,
        data: big,
        ..second
    };
    trial.finds("a credential updated with 64 KiB", &third).await?;
    trial.finds("a credential beside an updated one", &beside).await?;
    trial
        .refuses("an update of what was never there", &update("missing", 0, "x"))
        .await?;

    let high = Credential {
        revision: 41,
        ..credential("high", authorization("high"))
    };
    trial
        .accepts("inserting one of a higher revision", &inserts([&high]))
        .await?;
    trial
        .refuses("an update of its revision 0", &update("high", 0, "x"))
        .await?;
    trial
        .accepts("an update of its own revision", &update("high", 41, "y"))
        .await?;
    let higher = Credential {
        revision: 42,
        data: json("y"),
        ..high
    };
    trial.finds("one of a higher revision", &higher).await?;

    let spent = credential("spent", authorization("spent"));
    trial.accepts("inserting one", &inserts([&spent])).await?;
    trial
        .accepts("spending it", &[Change::Spend(spent.key.clone())])
        .await?;
    trial
        .accepts("an update of a spent one", &update("spent", 0, "z"))
        .await?;
    let updated = Credential {
        state: State::Spent,
        revision: 1,
        data: json("z"),
        ..spent
    };
    trial.finds("a spent one that was updated", &updated).await?;

    let revoked = credential("revoked", authorization("revoked"));
    let ended = credential("ended", authorization("ended"));
    trial.accepts("inserting", &inserts([&revoked, &ended])).await?;
    let changes = [
        Change::Revoke(revoked.key.clone()),
        Change::RevokeAuthorization(ended.authorization),
    ];
    trial.accepts("revoking", &changes).await?;
    trial
        .refuses("an update of a revoked one", &update("revoked", 0, "x"))
        .await?;
    trial
        .refuses("an update within a revoked authorization", &update("ended", 0, "x"))
        .await?;

    for round in 0..8 {
        race_to_update(&trial, round).await?;
    }
    Ok(())
}

async fn race_to_update(trial: &Trial, round: usize) -> Verdict {
    const CONTENDERS: usize = 16;
    let name = format!("raced for {round}");
    let row = credential(&name, authorization(&name));
    trial.accepts("inserting", &inserts([&row])).await?;
    let attempts = (0..CONTENDERS).map(|n| {
        let data = Json::from_stored(n.to_string());
        let change = Change::Update {
            key: row.key.clone(),
            revision: 0,
            data,
        };
        let trial = trial.clone();
        async move { trial.commits("racing to update", &[change]).await }
    });
    let outcomes = if round.is_multiple_of(2) {
        racing(attempts).await
    } else {
        interleaved(attempts).await
    };
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let winners: Vec<usize> = (0..CONTENDERS).filter(|n| outcomes[*n] == Outcome::Made).collect();
    trial.ensure(winners.len() == 1, || {
        format!("{} of {CONTENDERS} commits updated the same revision", winners.len())
    })?;
    let winner = Credential {
        revision: 1,
        data: Json::from_stored(winners[0].to_string()),
        ..row
    };
    trial.finds("a credential that was raced for", &winner).await
}
