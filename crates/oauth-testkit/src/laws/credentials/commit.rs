//! One commit: in order, all or nothing.

use oauth_core::{Change, Credential, Json, Key, State};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::Verdict;
use crate::sample::{authorization, credential, json, key};

/// The changes of a commit are made in order, each seeing what the ones before it did.
pub async fn changes_are_made_in_order(store: &Erased) -> Verdict {
    let trial = Trial::of("changes_are_made_in_order", store);
    let fresh = |name: &str| Change::Insert(credential(name, authorization(name)));
    let spend = |name: &str| Change::Spend(key(name));
    let revoke = |name: &str| Change::Revoke(key(name));
    let end = |name: &str| Change::RevokeAuthorization(authorization(name));
    let update = |name: &str, revision: u64| Change::Update {
        key: key(name),
        revision,
        data: json(&format!("after {revision}")),
    };

    trial.accepts("a commit of no changes", &[]).await?;
    let accepted: [(&str, &str, Vec<Change>, State); 8] = [
        ("insert, spend", "1", vec![fresh("1"), spend("1")], State::Spent),
        ("insert, revoke", "2", vec![fresh("2"), revoke("2")], State::Revoked),
        ("insert, end", "3", vec![fresh("3"), end("3")], State::Revoked),
        (
            "insert, spend, revoke",
            "4",
            vec![fresh("4"), spend("4"), revoke("4")],
            State::Revoked,
        ),
        ("revoke, insert", "5", vec![revoke("5"), fresh("5")], State::Live),
        (
            "insert, update, update",
            "6",
            vec![fresh("6"), update("6", 0), update("6", 1)],
            State::Live,
        ),
        (
            "insert, update, spend",
            "7",
            vec![fresh("7"), update("7", 0), spend("7")],
            State::Spent,
        ),
        (
            "insert, spend, update",
            "8",
            vec![fresh("8"), spend("8"), update("8", 0)],
            State::Spent,
        ),
    ];
    for (what, name, changes, state) in accepted {
        trial.accepts(what, &changes).await?;
        trial.finds_in(state, what, &key(name)).await?;
    }
    let updated = Credential {
        revision: 2,
        data: json("after 1"),
        ..credential("6", authorization("6"))
    };
    trial
        .finds("one that was updated twice in one commit", &updated)
        .await?;

    let there: Vec<Credential> = ('a'..='f')
        .map(|name| credential(&name.to_string(), authorization(&name.to_string())))
        .collect();
    trial.accepts("inserting", &inserts(&there)).await?;
    let refused = [
        ("spend, insert", vec![spend("later"), fresh("later")]),
        ("spend, spend", vec![spend("a"), spend("a")]),
        ("revoke, spend", vec![revoke("b"), spend("b")]),
        ("end, spend", vec![end("c"), spend("c")]),
        ("end, update", vec![end("d"), update("d", 0)]),
        ("end, insert", vec![end("new"), fresh("new")]),
        ("update, update of one revision", vec![update("e", 0), update("e", 0)]),
        ("revoke, update", vec![revoke("f"), update("f", 0)]),
    ];
    for (what, changes) in refused {
        trial.refuses(what, &changes).await?;
    }
    Ok(())
}

/// A commit that conflicts has changed nothing, whichever of its changes was the one that could not be made.
pub async fn a_failed_commit_changes_nothing(store: &Erased) -> Verdict {
    let trial = Trial::of("a_failed_commit_changes_nothing", store);
    let mut failed = 0;
    for culprit in [Culprit::Spend, Culprit::Insert, Culprit::Update] {
        for position in 0..=GOOD_CHANGES {
            if judge_failure(&trial, culprit, position).await? == Outcome::Conflict {
                failed += 1;
            }
        }
    }
    trial.ensure(failed > 0, || "no commit could be made to fail".to_owned())
}

/// The change that cannot be made.
#[derive(Clone, Copy, Debug)]
enum Culprit {
    Spend,
    Insert,
    Update,
}

const GOOD_CHANGES: usize = 6;

/// Whether the commit was refused at all is for other laws to judge.
async fn judge_failure(trial: &Trial, culprit: Culprit, position: usize) -> Result<Outcome, crate::Broken> {
    let named = |name: &str| format!("{culprit:?} at {position}: {name}");
    let row = |name: &str| credential(&named(name), authorization(&named(name)));
    let there: Vec<Credential> = ["spent", "updated", "revoked", "ended", "taken"].map(row).to_vec();
    trial.accepts("inserting", &inserts(&there)).await?;

    let mut changes = vec![
        Change::Insert(row("first")),
        Change::Spend(there[0].key.clone()),
        Change::Update {
            key: there[1].key.clone(),
            revision: 0,
            data: json("changed"),
        },
        Change::Revoke(there[2].key.clone()),
        Change::RevokeAuthorization(there[3].authorization),
        Change::Insert(row("last")),
    ];
    debug_assert_eq!(changes.len(), GOOD_CHANGES);
    let failing = match culprit {
        Culprit::Spend => Change::Spend(row("missing").key),
        Culprit::Insert => Change::Insert(Credential {
            data: Json::from_stored("null"),
            ..row("taken")
        }),
        Culprit::Update => Change::Update {
            key: there[4].key.clone(),
            revision: 7,
            data: json("changed"),
        },
    };
    changes.insert(position, failing);
    let what = named("a commit that cannot be made");
    let outcome = trial.commits(&what, &changes).await?;
    if outcome == Outcome::Made {
        return Ok(outcome);
    }
    for one in &there {
        trial.finds(&format!("{what}: what was there before"), one).await?;
    }
    for name in ["first", "last"] {
        let key: Key = row(name).key;
        trial
            .finds_nothing(&format!("{what}: what it would have inserted"), &key)
            .await?;
    }
    let afterwards = Credential {
        authorization: there[3].authorization,
        ..row("afterwards")
    };
    trial
        .accepts(
            &format!("{what}: inserting into the authorization that it would have ended"),
            &inserts([&afterwards]),
        )
        .await?;
    trial
        .finds(&format!("{what}: what was inserted afterwards"), &afterwards)
        .await?;
    Ok(outcome)
}
