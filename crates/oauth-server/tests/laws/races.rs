//! Lost races, one at a time: what another request does between this one's reading and its writing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use oauth_server::MemoryStore;
use oauth_server::{
    AuthorizationCode, AuthorizeError, Change, ClientCredentials, Credential, CredentialStore, Key, RefreshToken,
    RotationPolicy, Secret, Server,
};
use oauth_testkit::http::{Answer, Call, Tokens};
use oauth_testkit::lab::{APP, STRANGER, WEB, approve, authorization, redemption, refreshing, revoking};
use oauth_testkit::{Hesitant, Lab, Rival, Watched, block_on, cancelled_after};

type Memory = Watched<MemoryStore>;

const GRACE: Duration = Duration::from_secs(30);

/// A server whose store has a rival, and another server over the same store that the rival can use.
fn contested(refresh: &RefreshToken) -> (Lab<Rival<Memory>>, Server) {
    let memory = Watched::new(MemoryStore::new());
    let mount = |refresh: &RefreshToken| {
        let refresh = refresh.clone();
        move |builder: oauth_server::Builder| {
            builder
                .install(AuthorizationCode::new())
                .install(ClientCredentials::new())
                .install(refresh)
        }
    };
    let other = Lab::over(memory.clone(), |builder| {
        mount(refresh)(builder.entropy(oauth_testkit::SeededEntropy::new(99)))
    });
    (Lab::over(Rival::new(memory), mount(refresh)), other.server)
}

/// Lets the rival send that request, and wait for its answer, before the next commit.
fn acts_first(lab: &Lab<Rival<Memory>>, other: &Server, call: &Call, status: u16) {
    let (other, call) = (other.clone(), call.clone());
    lab.store.before_commit(async move |_, _| {
        let answer = call.serve(&other).await;
        assert_eq!(answer.status(), status, "{}", answer.text());
    });
}

fn nothing_lives(lab: &Lab<Rival<Memory>>, tokens: &[&Tokens]) {
    for tokens in tokens {
        assert!(!lab.is_active(&tokens.access));
        assert!(!lab.is_active(tokens.refresh()));
    }
}

#[test]
fn the_loser_of_a_race_is_a_replay() {
    // C01, R112, R113
    let (lab, other) = contested(&RefreshToken::rotating());
    for who in [APP, WEB] {
        let code = lab.code(&who);
        acts_first(&lab, &other, &redemption(&who, &code), 200);
        lab.send(&redemption(&who, &code)).refused(400, "invalid_grant");
        assert_eq!(lab.store.waiting(), 0);
        let rows = block_on(lab.store.inner().everything());
        assert!(
            rows.values().all(|row| row.state != oauth_server::State::Live),
            "the winner's tokens ended"
        );
    }
}

#[test]
fn the_loser_of_a_refresh_race_ends_the_authorization() {
    // C06
    let (lab, other) = contested(&RefreshToken::rotating());
    let tokens = lab.tokens(&APP);
    acts_first(&lab, &other, &refreshing(&APP, tokens.refresh()), 200);
    lab.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
    let rows = block_on(lab.store.inner().everything());
    assert!(rows.values().all(|row| row.state != oauth_server::State::Live));
}

#[test]
fn within_the_grace_the_loser_of_a_refresh_race_gets_the_line() {
    // C07: both came from one client; the answer that comes last is the one that counts.
    let (lab, other) = contested(&RefreshToken::rotating().grace(GRACE));
    let tokens = lab.tokens(&APP);
    acts_first(&lab, &other, &refreshing(&APP, tokens.refresh()), 200);
    let next = lab.refresh(&APP, tokens.refresh()).granted();
    assert!(lab.is_active(next.refresh()));
    assert!(
        block_on(lab.store.inner().live_refresh_tokens())
            .values()
            .all(|live| *live == 1)
    );
}

#[test]
fn asking_again_loses_to_the_use_of_the_answer() {
    // C07, C09: the new token is used at the very moment in which the old one is presented again.
    let (lab, other) = contested(&RefreshToken::rotating().grace(GRACE));
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    acts_first(&lab, &other, &refreshing(&APP, second.refresh()), 200);
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(
        block_on(lab.store.inner().live_refresh_tokens())
            .values()
            .all(|live| *live == 1)
    );
    assert!(lab.is_active(&second.access), "nobody did anything wrong");
}

#[test]
fn using_the_answer_loses_to_asking_again() {
    // C07, C09: the other way round.
    let (lab, other) = contested(&RefreshToken::rotating().grace(GRACE));
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    acts_first(&lab, &other, &refreshing(&APP, first.refresh()), 200);
    lab.refresh(&APP, second.refresh()).refused(400, "invalid_grant");
    assert!(
        block_on(lab.store.inner().live_refresh_tokens())
            .values()
            .all(|live| *live <= 1)
    );
}

#[test]
fn nothing_is_born_into_an_authorization_that_was_just_revoked() {
    // C04, C10, R157, V053
    for grace in [Duration::ZERO, GRACE] {
        let (lab, other) = contested(&RefreshToken::rotating().grace(grace));
        let tokens = lab.tokens(&APP);
        acts_first(&lab, &other, &revoking(&APP, tokens.refresh()), 200);
        lab.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
        nothing_lives(&lab, &[&tokens]);

        // The same for a code whose replay ends it while it is being redeemed.
        let code = lab.code(&APP);
        let ends = block_on(lab.store.find(&Key::from_parts(
            "authorization_code",
            *Key::of(&oauth_server::ACCESS_TOKEN, &Secret::new(code.as_str())).digest(),
        )));
        let authorization = ends.unwrap().unwrap().authorization;
        lab.store
            .commits_first(vec![Change::RevokeAuthorization(authorization)]);
        lab.send(&redemption(&APP, &code)).refused(400, "invalid_grant");
        assert!(
            block_on(lab.store.inner().live_refresh_tokens())
                .values()
                .all(|live| *live == 0)
        );
    }
}

#[test]
fn a_guess_that_comes_first_ends_the_code_for_the_owner_too() {
    // C02
    let (lab, other) = contested(&RefreshToken::rotating());
    let code = lab.code(&APP);
    let guess = redemption(&APP, &code).set("code_verifier", "x".repeat(43));
    acts_first(&lab, &other, &guess, 400);
    lab.send(&redemption(&APP, &code)).refused(400, "invalid_grant");

    // And two guesses at once are one guess and one refusal.
    let code = lab.code(&APP);
    acts_first(&lab, &other, &guess.clone().set("code", &code), 400);
    lab.send(&guess.set("code", &code)).refused(400, "invalid_grant");
}

#[test]
fn a_stranger_is_no_rival() {
    // C03
    let (lab, other) = contested(&RefreshToken::rotating());
    let code = lab.code(&APP);
    acts_first(&lab, &other, &redemption(&STRANGER, &code), 400);
    let tokens = lab.send(&redemption(&APP, &code)).granted();
    acts_first(&lab, &other, &refreshing(&STRANGER, tokens.refresh()), 400);
    acts_first(&lab, &other, &revoking(&STRANGER, tokens.refresh()), 200);
    let next = lab.refresh(&APP, tokens.refresh()).granted();
    lab.refresh(&APP, next.refresh()).granted();
}

#[test]
fn whoever_loses_over_and_over_is_told_to_come_again() {
    // C08, C35: a token that is not rotated, whose row others keep writing.
    let (lab, _) = contested(&RefreshToken::new(RotationPolicy::Never));
    let tokens = lab.tokens(&WEB);
    for _ in 0..3 {
        lab.store
            .before_commit(async move |store: Arc<Memory>, changes: Vec<Change>| {
                // Somebody writes the row as it is, which makes it a new revision all the same.
                for change in changes {
                    if let Change::Update { key, .. } = change {
                        let row = store.find(&key).await.unwrap().unwrap();
                        let (revision, data) = (row.revision, row.data);
                        store.commit(&[Change::Update { key, revision, data }]).await.unwrap();
                    }
                }
            });
    }
    lab.clock.advance(Duration::from_secs(24 * 3600));
    let before = block_on(lab.store.inner().everything()).len();
    let answer = lab.refresh(&WEB, tokens.refresh());
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(
        block_on(lab.store.inner().everything()).len(),
        before,
        "nothing was issued"
    );
    lab.refresh(&WEB, tokens.refresh()).granted();
}

#[test]
fn of_two_decisions_on_one_request_the_second_is_told_so() {
    // C25
    let (lab, _) = contested(&RefreshToken::rotating());
    let browser = Secret::new("browser");
    let handle = block_on(lab.authorize(&authorization(&APP)).unwrap().park(&browser)).unwrap();
    let pending = block_on(lab.server.resume(&handle, &browser)).unwrap();
    lab.store.spends_first();
    let scope = pending.scope().clone();
    let Err(AuthorizeError::Show(rejection)) = block_on(pending.approve("alice", scope)) else {
        panic!("the second decision has an effect");
    };
    assert_eq!(rejection.status(), StatusCode::CONFLICT);
    assert!(
        block_on(lab.store.inner().everything())
            .values()
            .all(|row| row.key.kind() != "authorization_code")
    );
}

type Rows = BTreeMap<Key, Credential>;

/// A whole flow up to its last request; that request; and a retry of it by a client that heard nothing.
struct Flow {
    prepare: fn(&Lab<Hesitant<Memory>>) -> Call,
    retried: (u16, u16),
}

fn hesitant() -> Lab<Hesitant<Memory>> {
    Lab::over(Hesitant::new(Watched::new(MemoryStore::new())), |builder| {
        builder
            .install(AuthorizationCode::new())
            .install(ClientCredentials::new())
            .install(RefreshToken::rotating())
    })
}

fn rows(lab: &Lab<Hesitant<Memory>>) -> Rows {
    block_on(lab.store.inner().everything())
}

#[test]
fn a_request_dropped_at_any_moment_happened_wholly_or_not_at_all() {
    // C05, C36, R121: entropy and clock repeat themselves, so every run up to the cancellation is the same.
    let flows = [
        Flow {
            prepare: |lab| redemption(&APP, &lab.code(&APP)),
            retried: (200, 400),
        },
        Flow {
            prepare: |lab| refreshing(&APP, lab.tokens(&APP).refresh()),
            retried: (200, 400),
        },
        Flow {
            prepare: |lab| revoking(&APP, lab.tokens(&APP).refresh()),
            retried: (200, 200),
        },
        Flow {
            prepare: |lab| revoking(&WEB, &lab.tokens(&WEB).access),
            retried: (200, 200),
        },
        Flow {
            prepare: |lab| redemption(&APP, &lab.code(&APP)).set("code_verifier", "x".repeat(43)),
            retried: (400, 400),
        },
        Flow {
            prepare: |lab| {
                let first = lab.tokens(&APP);
                lab.refresh(&APP, first.refresh()).granted();
                refreshing(&APP, first.refresh())
            },
            retried: (400, 400),
        },
    ];
    for Flow { prepare, retried } in flows {
        let whole = hesitant();
        let call = prepare(&whole);
        let before = rows(&whole);
        whole.send(&call);
        let after = rows(&whole);
        assert_ne!(before, after);

        let mut outcomes = [0, 0];
        for polls in 0.. {
            let lab = hesitant();
            let call = prepare(&lab);
            let finished = block_on(cancelled_after(polls, call.serve(&lab.server)));
            let left = rows(&lab);
            let happened = left == after;
            assert!(happened || left == before, "cancelled after {polls} polls");
            outcomes[usize::from(happened)] += 1;
            if finished.is_some() {
                assert!(happened);
                break;
            }
            let again = lab.send(&call);
            let expected = if happened { retried.1 } else { retried.0 };
            assert_eq!(again.status(), expected, "{polls}: {}", again.text());
        }
        assert!(
            outcomes[0] >= 3 && outcomes[1] >= 2,
            "both sides of the commit were seen: {outcomes:?}"
        );
    }
}

#[test]
fn an_approval_dropped_at_any_moment_made_a_code_or_none() {
    // C36
    let whole = hesitant();
    let before = rows(&whole);
    block_on(approve(&whole.server, &authorization(&APP)));
    let after = rows(&whole);
    let mut seen = [false, false];
    for polls in 0.. {
        let lab = hesitant();
        let finished = block_on(cancelled_after(polls, approve(&lab.server, &authorization(&APP))));
        let left = rows(&lab);
        assert!(left == before || left == after);
        seen[usize::from(left == after)] = true;
        if finished.is_some() {
            break;
        }
        // The person tries again.
        lab.tokens(&APP);
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn interleaved_redemptions_have_one_winner_in_every_order() {
    // C01: the same two requests, the second delayed by each possible number of polls.
    for delay in 0..12 {
        let lab = hesitant();
        let call = redemption(&APP, &lab.code(&APP));
        let one = |delay: usize| {
            let (call, server) = (call.clone(), lab.server.clone());
            async move {
                for _ in 0..delay {
                    oauth_testkit::yield_once().await;
                }
                call.serve(&server).await
            }
        };
        let answers: Vec<Answer> = block_on(oauth_testkit::interleaved([one(0), one(delay)]));
        let granted = answers.iter().filter(|answer| answer.status() == 200).count();
        assert_eq!(granted, 1, "delayed by {delay}");
        assert!(rows(&lab).values().all(|row| row.state != oauth_server::State::Live));
    }
}
