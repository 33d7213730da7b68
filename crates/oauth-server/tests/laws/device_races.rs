//! Devices and people at the same moment: lost races one at a time, races on real threads, failing stores, hung-up requests.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use oauth_server::device::DeviceRequest;
use oauth_server::{
    Change, Credential, CredentialStore, DeviceCode, Documents, Key, MemoryStore, Model, RefreshToken, Rejection,
    Secret, Server, SqliteStore, State,
};
use oauth_testkit::http::{Answer, Call, Tokens};
use oauth_testkit::lab::{KIOSK, TV, device_authorization, polling, scope};
use oauth_testkit::{
    Flaky, Hesitant, Lab, Moment, Rival, SeededEntropy, Watched, block_on, cancel_at_every_poll, interleaved, racing,
    yield_once,
};

use crate::device::{Codes, approved, begun, entered, typed};

type Memory = Watched<MemoryStore>;
type Rows = BTreeMap<Key, Credential>;

/// A server for devices over that store.
fn over<S: Model + Documents + Clone>(store: S, seed: u64) -> Lab<S> {
    Lab::over(store, |builder| {
        builder
            .entropy(SeededEntropy::new(seed))
            .install(DeviceCode::new())
            .install(RefreshToken::rotating())
    })
}

fn memory() -> Memory {
    Watched::new(MemoryStore::new())
}

fn on_threads<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(future)
}

async fn began(server: &Server) -> Codes {
    Codes::of(&device_authorization(&TV).serve(server).await)
}

async fn poll(server: Server, code: String) -> Answer {
    polling(&TV, &code).serve(&server).await
}

/// What the server says of a refused poll; nothing else may happen to it.
fn refusal(answer: &Answer) -> String {
    let code = answer.member("error").unwrap_or_default();
    answer.refused(400, &code);
    code
}

/// Sorts the answers to polls: the tokens of those that were granted, and how often each error was told.
fn sorted(answers: &[Answer]) -> (Vec<Tokens>, BTreeMap<String, usize>) {
    let (mut granted, mut refused) = (Vec::new(), BTreeMap::new());
    for answer in answers {
        if answer.status() == 200 {
            granted.push(answer.granted());
        } else {
            *refused.entry(refusal(answer)).or_default() += 1;
        }
    }
    (granted, refused)
}

async fn of_many_polls_one_pays<S: Model + Documents + Clone>(lab: &Lab<S>, rounds: usize) {
    const AT_ONCE: usize = 32;
    for _ in 0..rounds {
        let codes = began(&lab.server).await;
        let page = typed(&lab.server, &codes.user, "browser").await.unwrap();
        approved(page).await.unwrap();
        let polls = (0..AT_ONCE).map(|_| poll(lab.server.clone(), codes.device.clone()));
        let (granted, refused) = sorted(&racing(polls).await);
        assert_eq!(granted.len(), 1);
        assert_eq!(refused, [("invalid_grant".to_owned(), AT_ONCE - 1)].into());
        for token in [&granted[0].access, granted[0].refresh()] {
            let told = oauth_testkit::lab::introspecting(&oauth_testkit::lab::API, token)
                .serve(&lab.server)
                .await;
            assert_eq!(told.json()["active"], true, "the winner keeps its tokens");
        }
    }
}

#[test]
fn of_32_polls_after_the_approval_one_pays() {
    // C14, R140
    let lab = over(memory(), 7);
    on_threads(of_many_polls_one_pays(&lab, 100));
    let live = block_on(lab.store.live_refresh_tokens());
    assert_eq!(live.values().sum::<usize>(), 100);
}

#[test]
fn above_sqlite_one_poll_pays_too() {
    // C14, C35
    let directory = tempfile::tempdir().unwrap();
    let store = block_on(SqliteStore::open(directory.path().join("devices.db"))).unwrap();
    on_threads(of_many_polls_one_pays(&over(store, 7), 5));
}

enum Said {
    Poll(Box<Answer>),
    Person(Result<(), Rejection>),
}

#[test]
fn of_32_polls_at_the_moment_of_approval_one_pays() {
    // C14: those that came before the approval are told to wait, those after the winner that it is over.
    const AT_ONCE: usize = 32;
    let lab = over(memory(), 7);
    on_threads(async {
        for round in 0..100 {
            let codes = began(&lab.server).await;
            let page = typed(&lab.server, &codes.user, "browser").await.unwrap();
            let calls = (0..=AT_ONCE).map(|n| {
                let (server, code) = (lab.server.clone(), codes.device.clone());
                let page = (n == round % AT_ONCE).then(|| page.clone());
                async move {
                    match page {
                        Some(page) => Said::Person(approved(page).await),
                        None => Said::Poll(Box::new(poll(server, code).await)),
                    }
                }
            });
            let mut polls = Vec::new();
            for said in racing(calls).await {
                match said {
                    Said::Person(decided) => decided.unwrap(),
                    Said::Poll(answer) => polls.push(*answer),
                }
            }
            let (mut granted, refused) = sorted(&polls);
            for code in refused.keys() {
                assert!(
                    matches!(code.as_str(), "invalid_grant" | "slow_down" | "authorization_pending"),
                    "{code}"
                );
            }
            assert!(refused.get("authorization_pending").is_none_or(|count| *count == 1));
            if granted.is_empty() {
                // All came before the approval. The next one pays.
                granted.push(poll(lab.server.clone(), codes.device.clone()).await.granted());
            }
            assert_eq!(granted.len(), 1);
            let late = poll(lab.server.clone(), codes.device).await;
            late.refused(400, "invalid_grant");
            let told = oauth_testkit::lab::introspecting(&oauth_testkit::lab::API, &granted[0].access)
                .serve(&lab.server)
                .await;
            assert_eq!(told.json()["active"], true);
        }
    });
    let live = block_on(lab.store.live_refresh_tokens());
    assert_eq!(live.values().sum::<usize>(), 100);
}

#[test]
fn of_32_polls_in_one_interval_one_is_told_to_wait_and_the_others_to_slow_down() {
    // C17
    const AT_ONCE: usize = 32;
    let lab = over(memory(), 7);
    on_threads(async {
        for _ in 0..50 {
            let codes = began(&lab.server).await;
            let mut interval = 5;
            for _ in 0..3 {
                let polls = (0..AT_ONCE).map(|_| poll(lab.server.clone(), codes.device.clone()));
                let (granted, refused) = sorted(&racing(polls).await);
                assert!(granted.is_empty());
                assert_eq!(refused.values().sum::<usize>(), AT_ONCE);
                assert!(
                    refused
                        .keys()
                        .all(|code| code == "slow_down" || code == "authorization_pending")
                );
                assert!(refused.get("authorization_pending").is_none_or(|count| *count == 1));
                let now = interval_of(&lab, &codes).await;
                assert!(now > interval, "the interval only grows");
                interval = now;
                lab.clock.advance(std::time::Duration::from_secs(60));
            }
        }
    });
}

async fn interval_of(lab: &Lab<Memory>, codes: &Codes) -> u64 {
    let key = Key::of(&oauth_server::device::DEVICE_CODE, &Secret::new(codes.device.as_str()));
    let row = lab.store.find(&key).await.unwrap().unwrap();
    let data: serde_json::Value = serde_json::from_str(row.data.as_str()).unwrap();
    data["interval"].as_u64().unwrap()
}

#[test]
fn of_an_approval_and_a_refusal_at_once_one_counts() {
    // C15
    let lab = over(memory(), 7);
    on_threads(async {
        for round in 0..200 {
            let codes = began(&lab.server).await;
            let page = typed(&lab.server, &codes.user, "browser").await.unwrap();
            let said = racing((0..4).map(|n| {
                let page = page.clone();
                async move {
                    let agrees = (n + round) % 2 == 0;
                    let said = if agrees {
                        approved(page).await
                    } else {
                        page.deny().await
                    };
                    said.is_ok().then_some(agrees)
                }
            }))
            .await;
            let counted: Vec<bool> = said.into_iter().flatten().collect();
            assert_eq!(counted.len(), 1, "one of the four was heard");
            let answer = poll(lab.server.clone(), codes.device).await;
            if counted[0] {
                answer.granted();
            } else {
                answer.refused(400, "access_denied");
            }
        }
    });
}

#[test]
fn of_two_sessions_that_enter_one_code_at_once_one_has_it() {
    // C16, V085
    let lab = over(memory(), 7);
    on_threads(async {
        for _ in 0..200 {
            let codes = began(&lab.server).await;
            let pages = racing((0..4).map(|n| {
                let (server, code) = (lab.server.clone(), codes.user.clone());
                async move { typed(&server, &code, &format!("session {n}")).await.ok() }
            }))
            .await;
            let mut pages: Vec<DeviceRequest> = pages.into_iter().flatten().collect();
            assert_eq!(pages.len(), 1);
            approved(pages.remove(0)).await.unwrap();
            poll(lab.server.clone(), codes.device).await.granted();
        }
    });
}

/// A server whose store has a rival, and another server over the same store that the rival can use.
fn contested() -> (Lab<Rival<Memory>>, Server) {
    let memory = memory();
    let other = over(memory.clone(), 99);
    (over(Rival::new(memory), 7), other.server)
}

/// Lets another server do that before the next commit.
fn acts_first<F>(lab: &Lab<Rival<Memory>>, act: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    lab.store.before_commit(move |_, _| act());
}

/// The same person's page, on the other server.
fn other_tab(other: &Server, codes: &Codes) -> DeviceRequest {
    let code = oauth_server::device::UserCode::read(&codes.user).unwrap();
    block_on(oauth_server::device::resume(other, &code, &Secret::new("browser"))).unwrap()
}

#[test]
fn the_loser_of_a_race_for_the_tokens_is_refused_and_the_winner_keeps_them() {
    // C14, R140
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    block_on(approved(entered(&lab.server, &codes, "browser"))).unwrap();
    let code = codes.device.clone();
    acts_first(&lab, move || async move {
        poll(other, code).await.granted();
    });
    lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    assert_eq!(lab.store.waiting(), 0);
    let live = block_on(lab.store.inner().live_refresh_tokens());
    assert_eq!(live.values().sum::<usize>(), 1);
}

#[test]
fn a_poll_that_an_approval_overtakes_is_not_disturbed_by_it() {
    // C14: a poll and a decision write different rows.
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    let _ = entered(&lab.server, &codes, "browser");
    let page = other_tab(&other, &codes);
    acts_first(&lab, move || async move { approved(page).await.unwrap() });
    lab.send(&polling(&TV, &codes.device))
        .refused(400, "authorization_pending");
    lab.send(&polling(&TV, &codes.device)).granted();

    // The other way round: a poll between a person's look and word.
    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    let code = codes.device.clone();
    acts_first(&lab, move || async move {
        poll(other, code).await.refused(400, "authorization_pending");
    });
    block_on(approved(page)).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn the_loser_of_two_polls_is_slowed_down() {
    // C17
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    let (code, server) = (codes.device.clone(), other.clone());
    acts_first(&lab, move || async move {
        poll(server, code).await.refused(400, "authorization_pending");
    });
    lab.send(&polling(&TV, &codes.device)).refused(400, "slow_down");
    // Whoever loses over and over is refused all the same.
    for _ in 0..2 {
        let (code, server) = (codes.device.clone(), other.clone());
        acts_first(&lab, move || async move {
            poll(server, code).await.refused(400, "slow_down");
        });
    }
    lab.send(&polling(&TV, &codes.device)).refused(400, "slow_down");
    assert_eq!(lab.store.waiting(), 0);
}

#[test]
fn a_poll_that_loses_twice_hears_where_it_ended() {
    // C14, C35: first to a poll that waits, then to one that is granted.
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    let _ = entered(&lab.server, &codes, "browser");
    let page = other_tab(&other, &codes);
    let (code, server) = (codes.device.clone(), other.clone());
    acts_first(&lab, move || async move {
        poll(server, code).await.refused(400, "authorization_pending");
        approved(page).await.unwrap();
    });
    let code = codes.device.clone();
    acts_first(&lab, move || async move {
        poll(other, code).await.granted();
    });
    lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    let live = block_on(lab.store.inner().live_refresh_tokens());
    assert_eq!(live.values().sum::<usize>(), 1);
}

#[test]
fn a_decision_that_comes_second_is_told_so() {
    // C15, V087
    for first_agrees in [true, false] {
        let (lab, other) = contested();
        let codes = begun(&lab.server, &TV);
        let page = entered(&lab.server, &codes, "browser");
        let faster = other_tab(&other, &codes);
        acts_first(&lab, move || async move {
            if first_agrees {
                approved(faster).await.unwrap();
            } else {
                faster.deny().await.unwrap();
            }
        });
        if first_agrees {
            block_on(page.deny()).unwrap_err();
            lab.send(&polling(&TV, &codes.device)).granted();
        } else {
            block_on(approved(page)).unwrap_err();
            lab.send(&polling(&TV, &codes.device)).refused(400, "access_denied");
        }
    }
}

#[test]
fn a_code_that_another_session_enters_first_is_its() {
    // C16, V085
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    let (code, server) = (codes.user.clone(), other);
    acts_first(&lab, move || async move {
        let _ = typed(&server, &code, "theirs").await.unwrap();
    });
    block_on(typed(&lab.server, &codes.user, "mine")).unwrap_err();
    block_on(approved(entered(&lab.server, &codes, "theirs"))).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn a_page_that_was_handed_over_meanwhile_decides_nothing() {
    // C16, R145
    let (lab, other) = contested();
    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    let faster = other_tab(&other, &codes);
    acts_first(&lab, move || async move {
        let _ = faster.hand_over(&Secret::new("next")).await.unwrap();
    });
    block_on(approved(page)).unwrap_err();
    lab.send(&polling(&TV, &codes.device))
        .refused(400, "authorization_pending");
    block_on(approved(entered(&lab.server, &codes, "next"))).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn a_user_code_that_is_taken_is_drawn_again() {
    // R141: a code is never two devices'.
    let (lab, _) = contested();
    lab.store
        .before_commit(async move |store: Arc<Memory>, changes: Vec<Change>| {
            // Another device gets that very user code, and keeps it.
            let taken: Vec<Change> = changes
                .into_iter()
                .filter(|change| matches!(change, Change::Insert(row) if row.key.is(&oauth_server::device::USER_CODE)))
                .collect();
            assert_eq!(taken.len(), 1);
            store.commit(&taken).await.unwrap();
        });
    let codes = begun(&lab.server, &TV);
    block_on(approved(entered(&lab.server, &codes, "browser"))).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
    let rows = block_on(lab.store.inner().everything());
    let codes = rows.keys().filter(|key| key.is(&oauth_server::device::USER_CODE));
    assert_eq!(codes.count(), 2);
}

/// One step of a device's or a person's way, after all the steps before it; what became of it, as a status.
struct Step {
    name: &'static str,
    /// What makes the step possible, and what the step needs.
    before: fn(&Server) -> Ready,
    /// The status of a retry by somebody who heard nothing, if nothing had happened and if everything had.
    retried: (u16, u16),
}

#[derive(Clone)]
enum Ready {
    Send(Call),
    Enter(String),
    Approve(DeviceRequest),
    Deny(DeviceRequest),
    HandOver(DeviceRequest),
}

impl Ready {
    /// Takes the step.
    async fn take(self, server: Server) -> u16 {
        let status = |done: Result<(), Rejection>| done.map_or_else(|refusal| refusal.status().as_u16(), |()| 200);
        match self {
            Self::Send(call) => call.serve(&server).await.status(),
            Self::Enter(code) => status(typed(&server, &code, "browser").await.map(drop)),
            Self::Approve(page) => status(page.approve("alice", scope("read")).await),
            Self::Deny(page) => status(page.deny().await),
            Self::HandOver(page) => status(page.hand_over(&Secret::new("next")).await.map(drop)),
        }
    }
}

const STEPS: [Step; 8] = [
    Step {
        name: "device authorization",
        before: |_| Ready::Send(device_authorization(&TV)),
        retried: (200, 200),
    },
    Step {
        name: "device authorization of a confidential client",
        before: |_| Ready::Send(device_authorization(&KIOSK)),
        retried: (200, 200),
    },
    Step {
        name: "poll before the decision",
        before: |server| Ready::Send(polling(&TV, &begun(server, &TV).device)),
        retried: (400, 400),
    },
    Step {
        name: "enter",
        before: |server| Ready::Enter(begun(server, &TV).user),
        retried: (200, 200),
    },
    Step {
        name: "approve",
        before: |server| Ready::Approve(entered(server, &begun(server, &TV), "browser")),
        retried: (200, 400),
    },
    Step {
        name: "deny",
        before: |server| Ready::Deny(entered(server, &begun(server, &TV), "browser")),
        retried: (200, 400),
    },
    Step {
        name: "hand over",
        before: |server| Ready::HandOver(entered(server, &begun(server, &TV), "browser")),
        retried: (200, 400),
    },
    Step {
        name: "poll after the approval",
        before: |server| {
            let codes = begun(server, &TV);
            block_on(approved(entered(server, &codes, "browser"))).unwrap();
            Ready::Send(polling(&TV, &codes.device))
        },
        retried: (200, 400),
    },
];

#[test]
fn a_store_that_fails_at_any_call_leaves_nothing_half_done() {
    // C14–C16, C36, R121
    for step in STEPS {
        let name = step.name;
        let make = || {
            let lab = over(Flaky::new(memory()), 7);
            let ready = (step.before)(&lab.server);
            lab.store.recover();
            (lab, ready)
        };
        let rows = |lab: &Lab<Flaky<Memory>>| -> Rows { block_on(lab.store.inner().everything()) };
        let (whole, ready) = make();
        let before = rows(&whole);
        assert!(
            matches!(block_on(ready.take(whole.server.clone())), 200 | 400),
            "{name}"
        );
        let (calls, after) = (whole.store.calls(), rows(&whole));
        assert_ne!(before, after, "{name}");
        for failing in 1..=calls {
            for moment in [Moment::Before, Moment::After] {
                let (lab, ready) = make();
                lab.store.fail(failing, moment);
                let status = block_on(ready.clone().take(lab.server.clone()));
                assert_eq!(status, 503, "{name}: call {failing} failed {moment:?}");
                let left = rows(&lab);
                let happened = left == after;
                assert!(happened || left == before, "{name}: half of it happened");
                assert!(!(happened && moment == Moment::Before), "{name}");
                lab.store.recover();
                let again = block_on(ready.take(lab.server.clone()));
                let expected = if happened { step.retried.1 } else { step.retried.0 };
                assert_eq!(again, expected, "{name}: {failing} {moment:?}");
            }
        }
    }
}

#[test]
fn a_step_that_is_dropped_at_any_moment_happened_wholly_or_not_at_all() {
    // C14–C16, C36
    for step in STEPS {
        let name = step.name;
        let rows = |lab: &Lab<Hesitant<Memory>>| -> Rows { block_on(lab.store.inner().everything()) };
        let make = || {
            let lab = over(Hesitant::new(memory()), 7);
            let ready = (step.before)(&lab.server);
            (lab, ready)
        };
        let (whole, ready) = make();
        let before = rows(&whole);
        block_on(ready.take(whole.server.clone()));
        let after = rows(&whole);
        let attempts = std::cell::RefCell::new(Vec::new());
        let mut seen = [false, false];
        let cancelled = block_on(cancel_at_every_poll(
            1000,
            |_| {
                let (lab, ready) = make();
                let step = ready.clone().take(lab.server.clone());
                attempts.borrow_mut().push((lab, ready));
                step
            },
            |polls, output| {
                let (lab, ready) = attempts.borrow_mut().pop().unwrap();
                let left = rows(&lab);
                let happened = left == after;
                assert!(happened || left == before, "{name}: dropped after {polls} polls");
                assert!(output.is_none() || happened, "{name}");
                seen[usize::from(happened)] = true;
                if output.is_none() {
                    let again = block_on(ready.take(lab.server.clone()));
                    let expected = if happened { step.retried.1 } else { step.retried.0 };
                    assert_eq!(again, expected, "{name}: after {polls} polls");
                }
                async { Ok::<_, ()>(()) }
            },
        ));
        assert!(cancelled.is_ok_and(|cancelled| cancelled >= 3), "{name}");
        assert_eq!(seen, [true, true], "{name}: both sides of the commit were seen");
    }
}

#[test]
fn interleaved_polls_and_a_decision_end_in_one_way_in_every_order() {
    // C14, C15: the second and third delayed by each possible number of polls.
    for approval in 0..8 {
        for second in 0..8 {
            let lab = over(Hesitant::new(memory()), 7);
            let codes = begun(&lab.server, &TV);
            let page = entered(&lab.server, &codes, "browser");
            let one = |delay: usize, page: Option<DeviceRequest>| {
                let (server, code) = (lab.server.clone(), codes.device.clone());
                async move {
                    for _ in 0..delay {
                        yield_once().await;
                    }
                    match page {
                        Some(page) => {
                            approved(page).await.unwrap();
                            None
                        }
                        None => Some(poll(server, code).await),
                    }
                }
            };
            let said = block_on(interleaved([
                one(0, None),
                one(approval, Some(page)),
                one(second, None),
            ]));
            let answers: Vec<Answer> = said.into_iter().flatten().collect();
            let (granted, refused) = sorted(&answers);
            assert!(granted.len() <= 1);
            assert!(refused.get("authorization_pending").is_none_or(|count| *count <= 1));
            let last = lab.send(&polling(&TV, &codes.device));
            if granted.is_empty() {
                last.granted();
            } else {
                last.refused(400, "invalid_grant");
            }
            let rows = block_on(lab.store.inner().everything());
            let live = rows
                .values()
                .filter(|row| row.key.kind() == "refresh_token" && row.state == State::Live);
            assert_eq!(live.count(), 1, "{approval} {second}");
        }
    }
}
