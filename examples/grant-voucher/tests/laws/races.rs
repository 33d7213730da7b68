//! Requests for one voucher at the same moment.

use example_grant_voucher::{GRANT_TYPE, VOUCHER, Vouchers};
use oauth_server::{Change, CredentialStore, Documents, Key, Model, Secret, Server, State};
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, STRANGER, scope};
use oauth_testkit::{Lab, Rival, SeededEntropy, Watched, racing};

use crate::{Make, above_every_store, issuing, lab, redeeming, rows, voucher, voucher_of};

above_every_store! {
    of_32_redemptions_one_is_granted,
    the_loser_of_a_race_is_refused_and_the_winner_keeps_the_token,
    a_stranger_is_no_rival,
    a_voucher_that_is_revoked_meanwhile_pays_nothing,
    a_voucher_whose_place_is_taken_is_made_again,
    whoever_loses_over_and_over_is_told_to_come_again,
}

fn of_32_redemptions_one_is_granted<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    for _ in 0..20 {
        let voucher = voucher(&lab);
        let mut calls = vec![redeeming(&APP, &voucher); 32];
        calls.extend(vec![redeeming(&STRANGER, &voucher); 8]);
        let answers = runtime.block_on(racing(calls.into_iter().map(|call| {
            let server = lab.server.clone();
            async move { call.serve(&server).await }
        })));
        let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status() == 200);
        assert_eq!((granted.len(), refused.len()), (1, 39));
        for answer in refused {
            answer.refused(400, "invalid_grant");
        }
        assert!(lab.is_active(&granted[0].granted().access), "a replay ends nothing");
    }
}

/// A server whose store has a rival, and another server over the same store that the rival can use.
fn contested<S: Model + Documents>(store: Watched<S>) -> (Lab<Rival<Watched<S>>>, Server) {
    let contested = lab(Rival::new(store.clone()));
    let other = Lab::over(store, |builder| {
        builder
            .scopes(scope("read write admin vouchers"))
            .entropy(SeededEntropy::new(99))
            .install(Vouchers::new())
    });
    // That wrote the lab's own clients again.
    for who in [APP, STRANGER] {
        contested.edit(&who, |client| {
            client.grant_types.push(GRANT_TYPE);
        });
    }
    (contested, other.server)
}

/// Lets the rival send that request, and wait for its answer, before the next commit.
fn acts_first<S: Model + Documents>(lab: &Lab<Rival<Watched<S>>>, other: &Server, call: &Call, status: u16) {
    let (other, call) = (other.clone(), call.clone());
    lab.store.before_commit(async move |_, _| {
        let answer = call.serve(&other).await;
        assert_eq!(answer.status(), status, "{}", answer.text());
    });
}

fn the_loser_of_a_race_is_refused_and_the_winner_keeps_the_token<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let (lab, other) = contested(store);
    let voucher = voucher(&lab);
    acts_first(&lab, &other, &redeeming(&APP, &voucher), 200);
    lab.send(&redeeming(&APP, &voucher)).refused(400, "invalid_grant");
    assert_eq!(lab.store.waiting(), 0);
    let states: Vec<State> = rows(lab.store.inner()).values().map(|row| row.state).collect();
    assert_eq!(states.len(), 2, "the voucher, and one token");
    assert!(
        states.contains(&State::Spent) && states.contains(&State::Live),
        "{states:?}"
    );
}

fn a_stranger_is_no_rival<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let (lab, other) = contested(store);
    let voucher = voucher(&lab);
    acts_first(&lab, &other, &redeeming(&STRANGER, &voucher), 400);
    lab.send(&redeeming(&APP, &voucher)).granted();
}

fn a_voucher_that_is_revoked_meanwhile_pays_nothing<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let (lab, _) = contested(store);
    let first = voucher(&lab);
    let key = Key::of(&VOUCHER, &Secret::new(first.as_str()));
    lab.store.commits_first(vec![Change::Revoke(key)]);
    lab.send(&redeeming(&APP, &first)).refused(400, "invalid_grant");

    let second = voucher(&lab);
    let authorization = rows(lab.store.inner())[&Key::of(&VOUCHER, &Secret::new(second.as_str()))].authorization;
    lab.store
        .commits_first(vec![Change::RevokeAuthorization(authorization)]);
    lab.send(&redeeming(&APP, &second)).refused(400, "invalid_grant");
    let rows = rows(lab.store.inner());
    assert_eq!(rows.len(), 2, "no token was born");
    assert!(rows.values().all(|row| row.state == State::Revoked));
}

/// Lets a rival write what the next commit is about to insert.
fn inserts_first<S: Model + Documents>(lab: &Lab<Rival<Watched<S>>>) {
    lab.store.before_commit(async move |store, changes| {
        store.commit(&changes).await.unwrap();
    });
}

fn a_voucher_whose_place_is_taken_is_made_again<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let (lab, _) = contested(store);
    inserts_first(&lab);
    let voucher = voucher_of(&lab.send(&issuing()));
    assert_eq!(rows(lab.store.inner()).len(), 2);
    lab.send(&redeeming(&APP, &voucher)).granted();
}

fn whoever_loses_over_and_over_is_told_to_come_again<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let (lab, _) = contested(store);
    for _ in 0..3 {
        inserts_first(&lab);
    }
    let answer = lab.send(&issuing());
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.member("voucher"), None);
    voucher_of(&lab.send(&issuing()));
}
