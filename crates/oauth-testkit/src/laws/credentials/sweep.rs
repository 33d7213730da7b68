//! Time: stores do not know it, and forget only what they are told to.

use std::time::Duration;

use oauth_core::{Change, Credential, State, Timestamp};

use super::Erased;
use super::trial::{Trial, inserts};
use crate::conformance::{Broken, Verdict};
use crate::sample::{EXPIRY, authorization, credential, json};

/// That many seconds after a point in the future: a store that does look at the clock breaks its own law, not these.
fn at(secs: u64) -> Timestamp {
    EXPIRY.plus(Duration::from_secs(secs))
}

fn expiring(name: &str, expires_at: Timestamp) -> Credential {
    Credential {
        expires_at,
        ..credential(name, authorization(name))
    }
}

/// What expired long ago and what never expires are treated alike: expiry is for the engine to judge.
pub async fn the_store_never_looks_at_the_clock(store: &Erased) -> Verdict {
    let trial = Trial::of("the_store_never_looks_at_the_clock", store);
    let expiries = [
        ("at the epoch", Timestamp::from_millis(0)),
        ("in 1970", Timestamp::from_secs(1)),
        ("in 2001", Timestamp::from_secs(1_000_000_000)),
        ("in 2100", EXPIRY),
        ("never", Timestamp::from_secs(Timestamp::MAX.as_secs())),
    ];
    for (when, expires_at) in expiries {
        let what = |doing: &str| format!("{doing} a credential that expires {when}");
        let row = expiring(when, expires_at);
        trial.accepts(&what("inserting"), &inserts([&row])).await?;
        trial.finds(&what("finding"), &row).await?;
        let key = row.key.clone();
        let update = Change::Update {
            key: key.clone(),
            revision: 0,
            data: json("new"),
        };
        trial.accepts(&what("updating"), &[update]).await?;
        let sibling = Credential {
            authorization: row.authorization,
            ..expiring(&format!("sibling {when}"), expires_at)
        };
        trial.accepts(&what("inserting beside"), &inserts([&sibling])).await?;
        trial.accepts(&what("spending"), &[Change::Spend(key.clone())]).await?;
        trial.finds_in(State::Spent, &what("spending"), &key).await?;
        trial.accepts(&what("revoking"), &[Change::Revoke(key.clone())]).await?;
        trial.finds_in(State::Revoked, &what("revoking"), &key).await?;
        let end = Change::RevokeAuthorization(row.authorization);
        trial.accepts(&what("ending the authorization of"), &[end]).await?;
        trial
            .finds_in(State::Revoked, &what("ending the authorization of"), &sibling.key)
            .await?;
    }
    Ok(())
}

/// Sweeping forgets what expired strictly before, in whatever state it is, at most as much as asked, and says how much.
pub async fn sweeping_forgets_only_what_expired(store: &Erased) -> Verdict {
    let trial = Trial::of("sweeping_forgets_only_what_expired", store);
    expect_swept(&trial, at(1_000), 10, 0, "an empty store").await?;
    let rows: Vec<Credential> = (1..=9).map(|n| expiring(&format!("row {n}"), at(100 * n))).collect();
    trial.accepts("inserting", &inserts(&rows)).await?;
    let ended = Credential {
        authorization: rows[2].authorization,
        ..expiring("ended with row 3", at(300))
    };
    trial.accepts("inserting", &inserts([&ended])).await?;
    let changes = [
        Change::Spend(rows[1].key.clone()),
        Change::RevokeAuthorization(rows[2].authorization),
        Change::Spend(rows[7].key.clone()),
        Change::Revoke(rows[8].key.clone()),
    ];
    trial.accepts("spending and revoking", &changes).await?;

    expect_swept(&trial, at(100), 10, 0, "up to the very expiry of the first").await?;
    expect_swept(
        &trial,
        at(100).plus(Duration::from_millis(1)),
        10,
        1,
        "just after the expiry of the first",
    )
    .await?;
    expect_swept(&trial, at(900), 0, 0, "at most none").await?;
    expect_swept(&trial, at(301), 10, 3, "what was spent or revoked, when it has expired").await?;
    for row in &rows[..3] {
        trial.finds_nothing("what was swept", &row.key).await?;
    }
    trial.finds_nothing("what was swept", &ended.key).await?;
    expect_swept(&trial, at(750), 2, 2, "at most two of four").await?;
    expect_swept(&trial, at(750), 2, 2, "the other two").await?;
    expect_swept(&trial, at(750), 2, 0, "when none is left").await?;
    trial
        .finds(
            "what has not expired",
            &Credential {
                state: State::Spent,
                ..rows[7].clone()
            },
        )
        .await?;
    trial
        .finds(
            "what has not expired",
            &Credential {
                state: State::Revoked,
                ..rows[8].clone()
            },
        )
        .await?;
    trial
        .accepts("inserting the key of what was swept", &inserts([&rows[0]]))
        .await?;
    trial
        .finds("what was inserted again after it was swept", &rows[0])
        .await?;
    expect_swept(&trial, Timestamp::MAX, usize::MAX, 3, "everything").await?;

    let eternal = expiring("eternal", at(1_000_000_000));
    let many: Vec<Credential> = (0..300)
        .map(|n| expiring(&format!("many {n}"), at(10 + n % 7)))
        .collect();
    trial.accepts("inserting", &inserts([&eternal])).await?;
    for some in many.chunks(50) {
        trial.accepts("inserting many", &inserts(some)).await?;
    }
    let mut swept = 0;
    for call in 0.. {
        let count = trial.sweeps(at(1_000), 70).await?;
        swept += count;
        trial.ensure(count == 70 || call == 4, || {
            format!("call {} of sweeping 300 by 70 swept {count}", call + 1)
        })?;
        if count < 70 {
            break;
        }
    }
    trial.ensure(swept == 300, || format!("sweeping 300 in parts swept {swept}"))?;
    for row in &many {
        trial.finds_nothing("one of many that were swept", &row.key).await?;
    }
    trial.finds("what never expires", &eternal).await
}

async fn expect_swept(
    trial: &Trial,
    before: Timestamp,
    limit: usize,
    expected: usize,
    what: &str,
) -> Result<(), Broken> {
    let swept = trial.sweeps(before, limit).await?;
    trial.ensure(swept == expected, || {
        format!("sweeping {what}: {swept} were said to be swept, and {expected} should be")
    })
}

/// An authorization that was revoked stays so while it has credentials that have not expired, whatever else is swept;
/// one that was not revoked stays alive.
pub async fn a_revoked_authorization_stays_revoked_after_sweeping(store: &Erased) -> Verdict {
    let trial = Trial::of("a_revoked_authorization_stays_revoked_after_sweeping", store);
    let member = |name: &str, of: &str, secs: u64| Credential {
        authorization: authorization(of),
        ..expiring(&format!("{name} of {of}"), at(secs))
    };
    let rows = ["dead", "alive"].map(|of| {
        [
            member("code", of, 100),
            member("token", of, 1_000),
            member("refresh", of, 10_000),
        ]
    });
    trial.accepts("inserting", &inserts(rows.iter().flatten())).await?;
    let other = Change::RevokeAuthorization(authorization("another"));
    trial
        .accepts("ending", &[Change::RevokeAuthorization(authorization("dead")), other])
        .await?;
    for before in [50, 101, 102, 999, 1_001, 9_999] {
        // One at a time at first: a store that sweeps in steps must not lose its place.
        for limit in [1, 1, usize::MAX] {
            trial.sweeps(at(before), limit).await?;
        }
        let what = format!("after sweeping what expired before {before} s");
        trial.finds_in(State::Revoked, &what, &rows[0][2].key).await?;
        let late = member(&format!("late {before}"), "dead", 20_000);
        let why = format!("{what}, inserting into an ended authorization");
        trial.refuses(&why, &inserts([&late])).await?;
        trial.finds(&what, &rows[1][2]).await?;
        let young = member(&format!("young {before}"), "alive", 20_000);
        trial.accepts(&what, &inserts([&young])).await?;
        trial.finds(&what, &young).await?;
    }
    let end = Change::RevokeAuthorization(authorization("alive"));
    trial.accepts("ending one that was swept in part", &[end]).await?;
    trial
        .finds_in(State::Revoked, "ended after it was swept in part", &rows[1][2].key)
        .await
}
