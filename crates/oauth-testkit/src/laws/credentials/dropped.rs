//! Clients hang up, and the commit of their request is dropped in its middle.

use oauth_core::{Change, Credential, Key, State};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::{Broken, Verdict};
use crate::polling::{cancelled_after, yield_once};
use crate::sample::{authorization, credential, json};

/// More polls than this before a commit returns are those of a network; the places that matter come first.
const MOST_POLLS: usize = 64;

/// How often a commit that was dropped may be looked at until it is seen whole or not at all.
const LOOKS: u64 = 50;

/// A commit that is dropped in its middle is made as a whole, perhaps a little later, or not at all.
pub async fn a_dropped_commit_is_all_or_nothing(store: &Erased) -> Verdict {
    let trial = Trial::of("a_dropped_commit_is_all_or_nothing", store);
    for polls in 0..MOST_POLLS {
        if dropped_after(&trial, polls).await? == Ended::ByItself {
            return Ok(());
        }
    }
    Ok(())
}

#[derive(PartialEq)]
enum Ended {
    ByItself,
    Dropped,
}

/// A credential, and how to see that its change was made.
type Trace = (Key, fn(&Credential) -> bool);

async fn dropped_after(trial: &Trial, polls: usize) -> Result<Ended, Broken> {
    let row = |name: &str| credential(&format!("{name} {polls}"), authorization(&format!("dropped {polls}")));
    let ended = credential(&format!("ended {polls}"), authorization(&format!("ended {polls}")));
    let (code, updated) = (row("code"), row("updated"));
    trial.accepts("inserting", &inserts([&code, &updated, &ended])).await?;
    let changes = [
        Change::Insert(row("first")),
        Change::Spend(code.key.clone()),
        Change::RevokeAuthorization(ended.authorization),
        Change::Update {
            key: updated.key.clone(),
            revision: 0,
            data: json("updated"),
        },
        Change::Insert(row("last")),
    ];
    let outcome = cancelled_after(polls, trial.commits("a commit that is dropped", &changes)).await;
    let how = match outcome.transpose()? {
        Some(Outcome::Made) => Ended::ByItself,
        Some(Outcome::Conflict) => return Err(trial.broken("a commit without a rival was refused as a conflict")),
        None => Ended::Dropped,
    };

    let mut made = Vec::new();
    for look in 0..LOOKS {
        // A commit may still be on its way after its future was dropped. This one touches a credential
        // of it and so has to wait for it; and it shows that the store still works.
        let barrier = Change::Update {
            key: code.key.clone(),
            revision: look,
            data: json("barrier"),
        };
        trial.commits("a commit after one was dropped", &[barrier]).await?;
        made.clear();
        let traces: [Trace; 5] = [
            (row("first").key, |_| true),
            (code.key.clone(), |code| code.state == State::Spent),
            (ended.key.clone(), |ended| ended.state == State::Revoked),
            (updated.key.clone(), |updated| updated.data == json("updated")),
            (row("last").key, |_| true),
        ];
        for (key, is_made) in traces {
            let found = trial.find("after a commit was dropped", &key).await?;
            made.push(found.as_ref().is_some_and(is_made));
        }
        let whole = made.iter().all(|one| *one == made[0]);
        if whole && (how == Ended::Dropped || made[0]) {
            return Ok(how);
        }
        if how == Ended::ByItself {
            break;
        }
        for _ in 0..look {
            yield_once().await;
        }
    }
    let how = match how {
        Ended::ByItself => "a commit returned".to_owned(),
        Ended::Dropped => format!("a commit was dropped after {polls} polls"),
    };
    Err(trial.broken(format!("{how}, and of its changes only these were made: {made:?}")))
}
