//! A store that fails at any call: an error for the client means that nothing happened, or all of it.

use std::collections::BTreeMap;

use oauth_server::MemoryStore;
use oauth_server::{
    AuthorizationCode, AuthorizeError, ClientCredentials, Credential, Incoming, Key, RefreshToken, RotationPolicy,
    Secret,
};
use oauth_testkit::http::{Call, Location};
use oauth_testkit::lab::{API, APP, WEB, authorization, for_itself, introspecting, redemption, refreshing, revoking};
use oauth_testkit::{Flaky, Lab, Moment, Watched, block_on};

type Memory = Watched<MemoryStore>;
type FlakyLab = Lab<Flaky<Memory>>;

fn lab_with(refresh: RefreshToken) -> FlakyLab {
    Lab::over(Flaky::new(Watched::new(MemoryStore::new())), |builder| {
        builder
            .install(AuthorizationCode::new())
            .install(ClientCredentials::new())
            .install(refresh)
    })
}

fn lab() -> FlakyLab {
    lab_with(RefreshToken::rotating())
}

fn rows(lab: &FlakyLab) -> BTreeMap<Key, Credential> {
    block_on(lab.store.inner().everything())
}

/// Fails each call of the last request of a flow, before and after its effect. `retried` are the answers to the same
/// request again: if nothing had happened, and if everything had.
fn fails_cleanly(make: fn() -> FlakyLab, prepare: fn(&FlakyLab) -> Call, retried: (u16, u16)) {
    let whole = make();
    let call = prepare(&whole);
    let before = rows(&whole);
    whole.store.recover();
    assert!(matches!(whole.send(&call).status(), 200 | 400));
    let calls = whole.store.calls();
    let after = rows(&whole);
    assert!(calls > 0);
    for failing in 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let lab = make();
            let call = prepare(&lab);
            lab.store.fail(failing, moment);
            let answer = lab.send(&call);
            answer.refused(503, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.member("error_description"), None, "what failed is for the log");
            let left = rows(&lab);
            let happened = left == after && after != before;
            assert!(
                happened || left == before,
                "call {failing} failed {moment:?}: half of it happened"
            );
            assert!(
                !(happened && moment == Moment::Before),
                "it failed before it had an effect"
            );
            lab.store.recover();
            let again = lab.send(&call);
            let expected = if happened { retried.1 } else { retried.0 };
            assert_eq!(again.status(), expected, "{failing} {moment:?}: {}", again.text());
        }
    }
}

#[test]
fn a_redemption_fails_wholly_or_was_one() {
    // R121, C05, C36: a retry is honoured, or refused as the replay that it is.
    fails_cleanly(lab, |lab| redemption(&APP, &lab.code(&APP)), (200, 400));
    fails_cleanly(lab, |lab| redemption(&WEB, &lab.code(&WEB)), (200, 400));
}

#[test]
fn a_refresh_fails_wholly_or_was_one() {
    // C05, C36
    fails_cleanly(lab, |lab| refreshing(&APP, lab.tokens(&APP).refresh()), (200, 400));
    // Within a grace the lost answer can be asked for again.
    let grace = || lab_with(RefreshToken::rotating().grace(std::time::Duration::from_secs(30)));
    fails_cleanly(grace, |lab| refreshing(&APP, lab.tokens(&APP).refresh()), (200, 200));
    fails_cleanly(
        grace,
        |lab| {
            let first = lab.tokens(&APP);
            lab.refresh(&APP, first.refresh()).granted();
            refreshing(&APP, first.refresh())
        },
        (200, 200),
    );
    let sliding = || lab_with(RefreshToken::new(RotationPolicy::Never));
    fails_cleanly(
        sliding,
        |lab| {
            let tokens = lab.tokens(&WEB);
            lab.clock.advance(std::time::Duration::from_secs(24 * 3600));
            refreshing(&WEB, tokens.refresh())
        },
        (200, 200),
    );
}

#[test]
fn a_program_s_own_request_fails_wholly_or_was_one() {
    fails_cleanly(lab, |_| for_itself(&WEB), (200, 200));
}

#[test]
fn a_revocation_never_succeeds_falsely() {
    // R154, V089
    fails_cleanly(lab, |lab| revoking(&APP, lab.tokens(&APP).refresh()), (200, 200));
    fails_cleanly(lab, |lab| revoking(&WEB, &lab.tokens(&WEB).access), (200, 200));
    fails_cleanly(lab, |_| revoking(&WEB, "unknown"), (200, 200));
}

#[test]
fn introspection_never_calls_a_token_inactive_because_the_store_failed() {
    // R193
    fails_cleanly(lab, |lab| introspecting(&API, &lab.tokens(&APP).access), (200, 200));
    fails_cleanly(lab, |lab| introspecting(&API, lab.tokens(&APP).refresh()), (200, 200));
}

#[test]
fn a_replay_is_not_forgotten_because_the_store_failed() {
    // R113, R128: the refusal that revokes is not sent before the revocation is stored.
    fails_cleanly(
        lab,
        |lab| {
            let code = lab.code(&APP);
            lab.send(&redemption(&APP, &code)).granted();
            redemption(&APP, &code)
        },
        (400, 400),
    );
    fails_cleanly(
        lab,
        |lab| {
            let first = lab.tokens(&APP);
            lab.refresh(&APP, first.refresh()).granted();
            refreshing(&APP, first.refresh())
        },
        (400, 400),
    );
    fails_cleanly(
        lab,
        |lab| redemption(&APP, &lab.code(&APP)).set("code_verifier", "x".repeat(43)),
        (400, 400),
    );
}

/// Runs every call of an authorization into a failure; what the browser is told, and what is left.
fn authorization_fails_cleanly(decide: fn(&FlakyLab) -> Result<Location, AuthorizeError>) {
    let whole = lab();
    whole.store.recover();
    decide(&whole).unwrap();
    let calls = whole.store.calls();
    assert!(calls >= 2);
    for failing in 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let lab = lab();
            lab.store.fail(failing, moment);
            match decide(&lab) {
                Ok(location) => panic!("call {failing} failed {moment:?}, and yet {location:?}"),
                Err(AuthorizeError::Redirect(redirect)) => {
                    let location = Location::new(redirect.location());
                    assert_eq!(location.param("error").as_deref(), Some("temporarily_unavailable"));
                    assert_eq!(location.param("code"), None);
                }
                Err(AuthorizeError::Show(rejection)) => assert_eq!(rejection.status().as_u16(), 503),
            }
            lab.store.recover();
            lab.tokens(&APP);
        }
    }
}

#[test]
fn an_authorization_request_fails_without_a_code() {
    authorization_fails_cleanly(|lab| {
        let pending = lab.authorize(&authorization(&APP))?;
        let scope = pending.scope().clone();
        block_on(pending.approve("alice", scope)).map(|redirect| Location::new(redirect.location()))
    });
    authorization_fails_cleanly(|lab| {
        let browser = Secret::new("browser");
        let handle = block_on(lab.authorize(&authorization(&APP))?.park(&browser))?;
        let pending = block_on(lab.server.resume(&handle, &browser))?;
        let scope = pending.scope().clone();
        block_on(pending.approve("alice", scope)).map(|redirect| Location::new(redirect.location()))
    });
    authorization_fails_cleanly(|lab| {
        let browser = Secret::new("browser");
        let handle = block_on(lab.authorize(&authorization(&APP))?.park(&browser))?;
        let pending = block_on(lab.server.resume(&handle, &browser))?;
        block_on(pending.deny()).map(|redirect| Location::new(redirect.location()))
    });
}

#[test]
fn a_resource_stays_closed_while_the_store_fails() {
    // R193
    let lab = lab();
    let request = Call::get("/x").bearer(&lab.tokens(&APP).access).request();
    for failing in 1..=2 {
        for moment in [Moment::Before, Moment::After] {
            lab.store.fail(failing, moment);
            let challenge = block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap_err();
            assert_eq!(challenge.status().as_u16(), 503);
            assert_eq!(challenge.www_authenticate(), None, "the token may well be good");
        }
    }
    lab.store.recover();
    block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap();
}

#[test]
fn a_failed_sweep_is_an_error_and_forgets_nothing() {
    let lab = lab();
    lab.tokens(&APP);
    lab.clock.advance(std::time::Duration::from_secs(365 * 24 * 3600));
    lab.store.fail(1, Moment::Before);
    assert!(block_on(lab.server.sweep(10)).is_err());
    assert_eq!(rows(&lab).len(), 3);
    assert_eq!(block_on(lab.server.sweep(10)).unwrap(), 3);
}
