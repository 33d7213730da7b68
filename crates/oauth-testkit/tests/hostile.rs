//! The hostile stores do what they are told, and nothing else.

use oauth_core::{Change, CommitError, Credential, CredentialStore, State};
use oauth_testkit::sample::{authorization, credential, key};
use oauth_testkit::{Flaky, Moment, Rival, block_on, cancel_at_every_poll};

#[path = "judge/faulty.rs"]
#[expect(dead_code, reason = "only the store without a fault is wanted here")]
mod faulty;

use faulty::{Fault, Faulty};

oauth_testkit::store_conformance!(flaky_that_never_fails: || async { Flaky::new(Faulty::with(Fault::None)) });
oauth_testkit::store_conformance!(rival_that_never_acts: || async { Rival::new(Faulty::with(Fault::None)) });

fn code() -> Credential {
    credential("code", authorization("a"))
}

fn found<S: CredentialStore>(store: &S, name: &str) -> Option<State> {
    let row = block_on(store.find(&key(name))).unwrap_or_else(|error| panic!("{error}"));
    row.map(|row| row.state)
}

#[test]
fn a_call_that_fails_before_had_no_effect() {
    let store = Flaky::new(Faulty::with(Fault::None));
    store.fail(1, Moment::Before);
    let failed = block_on(store.commit(&[Change::Insert(code())]));
    assert!(matches!(failed, Err(CommitError::Store(_))), "{failed:?}");
    assert_eq!(found(&store, "code"), None);
    assert_eq!(store.calls(), 2);
}

#[test]
fn a_call_that_fails_after_had_its_effect() {
    let store = Flaky::new(Faulty::with(Fault::None));
    store.fail(2, Moment::After);
    assert_eq!(found(&store, "code"), None);
    let failed = block_on(store.commit(&[Change::Insert(code())]));
    assert!(matches!(failed, Err(CommitError::Store(_))), "{failed:?}");
    assert_eq!(found(&store, "code"), Some(State::Live));
}

#[test]
fn a_store_that_recovered_works() {
    let store = Flaky::new(Faulty::with(Fault::None));
    store.fail(1, Moment::Before);
    let clone = store.clone();
    clone.recover();
    block_on(store.commit(&[Change::Insert(code())])).unwrap();
    assert_eq!(clone.calls(), 1);
}

#[test]
fn a_conflict_stays_a_conflict_when_the_store_fails_after_it() {
    let store = Flaky::new(Faulty::with(Fault::None));
    store.fail(1, Moment::After);
    let refused = block_on(store.commit(&[Change::Spend(key("missing"))]));
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
}

#[test]
fn the_rival_spends_first_and_only_once() {
    let store = Rival::new(Faulty::with(Fault::None));
    let token = credential("token", authorization("a"));
    block_on(store.commit(&[Change::Insert(code())])).unwrap();
    store.spends_first();
    assert_eq!(store.waiting(), 1);
    let changes = [Change::Spend(key("code")), Change::Insert(token)];
    let lost = block_on(store.commit(&changes));
    assert!(matches!(lost, Err(CommitError::Conflict)), "{lost:?}");
    assert_eq!(found(&store, "code"), Some(State::Spent));
    assert_eq!(found(&store, "token"), None);
    assert_eq!(store.waiting(), 0);
    block_on(store.commit(&changes[1..])).unwrap();
}

#[test]
fn rivals_act_in_the_order_they_were_named() {
    let store = Rival::new(Faulty::with(Fault::None));
    store.commits_first(vec![Change::Insert(code())]);
    store.commits_first(vec![Change::Spend(key("code"))]);
    let row = |name| Change::Insert(credential(name, authorization("b")));
    block_on(store.commit(&[row("one")])).unwrap();
    assert_eq!(found(&store, "code"), Some(State::Live));
    block_on(store.commit(&[row("two")])).unwrap();
    assert_eq!(found(&store, "code"), Some(State::Spent));
}

#[test]
fn a_rival_sees_what_is_about_to_be_committed() {
    let store = Rival::new(Faulty::with(Fault::None));
    store.before_commit(|store, changes| async move {
        assert_eq!(changes, [Change::Insert(code())]);
        let end = Change::RevokeAuthorization(authorization("a"));
        store.commit(&[end]).await.unwrap();
    });
    let refused = block_on(store.commit(&[Change::Insert(code())]));
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
}

#[test]
fn a_commit_in_steps_is_caught_at_one_of_its_polls() {
    let half = block_on(cancel_at_every_poll(
        32,
        |polls| {
            let store = Faulty::with(Fault::StopsHalfWayWhenDropped);
            async move {
                let rows = ["a", "b"].map(|name| Change::Insert(credential(name, authorization("x"))));
                store.commit(&rows).await.map(|()| polls)
            }
        },
        |_, finished| async move {
            match finished {
                Some(Ok(polls)) => Err(polls),
                _ => Ok(()),
            }
        },
    ));
    assert_eq!(half, Err(3), "two changes and the last poll");
}
