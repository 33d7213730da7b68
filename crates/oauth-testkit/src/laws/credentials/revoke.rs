//! Ending credentials and authorizations.

use oauth_core::{AuthorizationId, Change, Credential, State};

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::{Broken, Verdict};
use crate::polling::{interleaved, racing};
use crate::sample::{OTHER, authorization, credential, key};

/// Ending an authorization ends every credential of it, and no other; ending a credential ends only that one.
pub async fn revoking_reaches_every_descendant_and_only_them(store: &Erased) -> Verdict {
    let trial = Trial::of("revoking_reaches_every_descendant_and_only_them", store);
    let id = authorization("ended");
    let mut near = *id.as_bytes();
    near[0] ^= 0x80;
    let mut nearer = *id.as_bytes();
    nearer[15] ^= 0x01;
    let others = [
        authorization("other"),
        AuthorizationId::from_bytes(near),
        AuthorizationId::from_bytes(nearer),
    ];
    let mut doomed = family("doomed", id);
    let mut spared: Vec<Credential> = others
        .iter()
        .enumerate()
        .flat_map(|(n, other)| family(&format!("spared {n}"), *other))
        .collect();
    for row in doomed.iter().chain(&spared) {
        trial.accepts("inserting", &inserts([row])).await?;
    }
    // Among them is one that is spent: the code of a whole family of tokens.
    for row in [&mut doomed[0], &mut spared[1]] {
        trial.accepts("spending", &[Change::Spend(row.key.clone())]).await?;
        row.state = State::Spent;
    }
    trial
        .accepts("ending an authorization", &[Change::RevokeAuthorization(id)])
        .await?;
    for row in &doomed {
        let revoked = Credential {
            state: State::Revoked,
            ..row.clone()
        };
        trial.finds("a descendant of an ended authorization", &revoked).await?;
        trial
            .refuses(
                "spending a descendant of an ended authorization",
                &[Change::Spend(row.key.clone())],
            )
            .await?;
    }
    for row in &spared {
        trial
            .finds("a credential of an authorization that was not ended", row)
            .await?;
    }
    let nobody = Change::RevokeAuthorization(authorization("nobody's"));
    trial
        .accepts("ending an authorization without descendants", &[nobody])
        .await?;

    let one = &spared[0];
    trial
        .accepts("ending one credential", &[Change::Revoke(one.key.clone())])
        .await?;
    let revoked = Credential {
        state: State::Revoked,
        ..one.clone()
    };
    trial.finds("a credential that was ended", &revoked).await?;
    trial
        .refuses(
            "spending a credential that was ended",
            &[Change::Spend(one.key.clone())],
        )
        .await?;
    for row in &spared[1..] {
        trial.finds("a credential beside one that was ended", row).await?;
    }
    let sibling = credential("sibling", one.authorization);
    trial
        .accepts("inserting beside a credential that was ended", &inserts([&sibling]))
        .await?;
    trial.finds("one inserted beside one that was ended", &sibling).await
}

/// Credentials of an authorization that differ in all that must not matter.
fn family(name: &str, id: AuthorizationId) -> Vec<Credential> {
    let row = |suffix: &str| credential(&format!("{name} {suffix}"), id);
    let mut family: Vec<Credential> = (0..5).map(|n| row(&n.to_string())).collect();
    family.push(Credential {
        client: "another client".into(),
        subject: None,
        ..row("another's")
    });
    let secret = oauth_core::Secret::new(format!("{name} of another kind"));
    family.push(Credential {
        key: oauth_core::Key::of(&OTHER, &secret),
        ..row("kind")
    });
    family
}

/// An authorization that is revoked stays so: what comes later conflicts or is found revoked, even
/// when it comes at the same moment.
pub async fn nothing_is_born_alive_into_a_revoked_authorization(store: &Erased) -> Verdict {
    let trial = Trial::of("nothing_is_born_alive_into_a_revoked_authorization", store);
    for name in ["with a descendant", "without descendants"] {
        let id = authorization(name);
        if name == "with a descendant" {
            let first = credential(&format!("first {name}"), id);
            trial.accepts("inserting", &inserts([&first])).await?;
        }
        trial
            .accepts("ending an authorization", &[Change::RevokeAuthorization(id)])
            .await?;
        let late = credential(&format!("late {name}"), id);
        trial
            .refuses(
                &format!("inserting into an ended authorization {name}"),
                &inserts([&late]),
            )
            .await?;
        trial.finds_nothing("what was refused", &late.key).await?;
    }

    for round in 0..24 {
        let id = authorization(&format!("round {round}"));
        let code = credential(&format!("code {round}"), id);
        trial.accepts("inserting a code", &inserts([&code])).await?;
        let late: Vec<Credential> = (0..12).map(|n| credential(&format!("late {round} {n}"), id)).collect();
        // The one who ends it comes first, in the middle or last.
        let mut commits: Vec<Vec<Change>> = late.iter().cloned().map(|row| vec![Change::Insert(row)]).collect();
        commits.insert((round / 2) % (late.len() + 1), vec![Change::RevokeAuthorization(id)]);
        let attempts = commits.into_iter().map(|changes| {
            let trial = trial.clone();
            async move { trial.commits("inserting while revoking", &changes).await }
        });
        let outcomes = if round % 2 == 0 {
            racing(attempts).await
        } else {
            interleaved(attempts).await
        };
        let _: Vec<Outcome> = outcomes.into_iter().collect::<Result<_, Broken>>()?;
        for row in late.iter().chain([&code]) {
            let found = trial.find("after a race with a revocation", &row.key).await?;
            trial.ensure(found.is_none_or(|found| found.state == State::Revoked), || {
                "a credential was inserted while its authorization was revoked, and is not revoked".to_owned()
            })?;
        }
    }
    Ok(())
}

/// Ending what is ended, or was never there, changes nothing and never conflicts.
pub async fn revoking_twice_is_revoking_once(store: &Erased) -> Verdict {
    let trial = Trial::of("revoking_twice_is_revoking_once", store);
    let row = credential("row", authorization("row"));
    let ended = credential("ended", authorization("ended"));
    trial.accepts("inserting", &inserts([&row, &ended])).await?;
    let both = [
        Change::Revoke(row.key.clone()),
        Change::RevokeAuthorization(ended.authorization),
    ];
    for what in ["ending", "ending again", "ending a third time"] {
        trial.accepts(what, &both).await?;
        for row in [&row, &ended] {
            let revoked = Credential {
                state: State::Revoked,
                ..row.clone()
            };
            trial.finds(what, &revoked).await?;
        }
    }
    let twice = [&both[0], &both[0], &both[1], &both[1]].map(Clone::clone);
    trial.accepts("ending twice in one commit", &twice).await?;
    let within = Change::Revoke(ended.key.clone());
    trial.accepts("ending one of an ended authorization", &[within]).await?;
    trial.finds_in(State::Revoked, "ended in both ways", &ended.key).await?;

    trial
        .accepts("ending what was never there", &[Change::Revoke(key("missing"))])
        .await?;
    trial
        .finds_nothing("what was never there and ended", &key("missing"))
        .await?;
    let missing = credential("missing", authorization("missing"));
    trial.accepts("inserting it afterwards", &inserts([&missing])).await?;
    trial
        .finds("one whose key was ended before it was there", &missing)
        .await
}
