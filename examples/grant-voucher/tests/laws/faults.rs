//! Stores that fail and clients that hang up: a request happened wholly or not at all.

use std::cell::RefCell;

use oauth_server::{Documents, Model};
use oauth_testkit::http::Call;
use oauth_testkit::lab::APP;
use oauth_testkit::{Flaky, Hesitant, Lab, Moment, Watched, block_on, cancel_at_every_poll};

use crate::{Make, above_every_store, issuing, lab, redeeming, rows, voucher};

above_every_store! {
    a_redemption_fails_wholly_or_was_one,
    an_issuance_fails_wholly_or_was_one,
    a_redemption_dropped_at_any_poll_happened_wholly_or_not_at_all,
    an_issuance_dropped_at_any_poll_happened_wholly_or_not_at_all,
}

fn a_redemption_fails_wholly_or_was_one<S: Model + Documents, G>(make: Make<'_, S, G>) {
    fails_cleanly(make, |lab| redeeming(&APP, &voucher(lab)), [200, 400]);
}

fn an_issuance_fails_wholly_or_was_one<S: Model + Documents, G>(make: Make<'_, S, G>) {
    fails_cleanly(make, |_| issuing(), [200, 200]);
}

fn a_redemption_dropped_at_any_poll_happened_wholly_or_not_at_all<S: Model + Documents, G>(make: Make<'_, S, G>) {
    drops_cleanly(make, |lab| redeeming(&APP, &voucher(lab)), [200, 400]);
}

fn an_issuance_dropped_at_any_poll_happened_wholly_or_not_at_all<S: Model + Documents, G>(make: Make<'_, S, G>) {
    drops_cleanly(make, |_| issuing(), [200, 200]);
}

/// Fails each call of a request, before and after its effect. `retried` are the answers to the same request again: if
/// nothing had happened, and if everything had.
fn fails_cleanly<S: Model + Documents, G>(
    make: Make<'_, S, G>,
    prepare: fn(&Lab<Flaky<Watched<S>>>) -> Call,
    retried: [u16; 2],
) {
    // Chance and clock repeat themselves, so every run up to the failure is the same.
    let begin = || {
        let (store, guard) = make();
        let lab = lab(Flaky::new(store));
        let call = prepare(&lab);
        lab.store.recover();
        (lab, call, guard)
    };
    let (whole, call, _guard) = begin();
    let before = rows(whole.store.inner());
    assert_eq!(whole.send(&call).status(), 200);
    let after = rows(whole.store.inner());
    let calls = whole.store.calls();
    assert!(calls >= 3);
    for failing in 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let (lab, call, _guard) = begin();
            lab.store.fail(failing, moment);
            let answer = lab.send(&call);
            answer.refused(503, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
            let left = rows(lab.store.inner());
            let happened = left == after;
            assert!(happened || left == before, "call {failing} failed {moment:?}");
            assert_eq!(happened, failing == calls && moment == Moment::After);
            lab.store.recover();
            let again = lab.send(&call);
            assert_eq!(again.status(), retried[usize::from(happened)], "{}", again.text());
        }
    }
}

/// Drops a request after each number of polls, as a server does when its client hangs up.
fn drops_cleanly<S: Model + Documents, G>(
    make: Make<'_, S, G>,
    prepare: fn(&Lab<Hesitant<Watched<S>>>) -> Call,
    retried: [u16; 2],
) {
    let begin = || {
        let (store, guard) = make();
        let lab = lab(Hesitant::new(store));
        let call = prepare(&lab);
        (lab, call, guard)
    };
    let (whole, call, _guard) = begin();
    let before = rows(whole.store.inner());
    assert_eq!(whole.send(&call).status(), 200);
    let after = rows(whole.store.inner());

    let current = RefCell::new(None);
    let seen = RefCell::new([0, 0]);
    let attempt = |_| {
        let (lab, call, guard) = begin();
        let (server, sent) = (lab.server.clone(), call.clone());
        *current.borrow_mut() = Some((lab, call, guard));
        async move { sent.serve(&server).await }
    };
    let check = |polls, answer: Option<oauth_testkit::http::Answer>| {
        let (lab, call, _guard) = current.take().unwrap();
        // A store may still be busy with what nobody waits for any more; another write waits for that.
        lab.edit(&APP, |_| ());
        let left = rows(lab.store.inner());
        let happened = left == after;
        assert!(
            happened || left == before,
            "dropped after {polls} polls: half of it happened"
        );
        assert!(happened || answer.is_none(), "an answer came before its effect");
        seen.borrow_mut()[usize::from(happened)] += 1;
        if answer.is_none() {
            let again = lab.send(&call);
            assert_eq!(again.status(), retried[usize::from(happened)], "{}", again.text());
        }
        async { Ok::<(), ()>(()) }
    };
    let cancelled = block_on(cancel_at_every_poll(200, attempt, check)).unwrap();
    assert!((6..200).contains(&cancelled), "cancelled {cancelled} times");
    let seen = seen.into_inner();
    assert!(
        seen.iter().all(|times| *times > 1),
        "both sides of the commit: {seen:?}"
    );
}
