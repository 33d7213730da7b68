//! Random histories of devices and people, compared with a model that is a table and a few rules.

use std::time::Duration;

use oauth_server::device::{UserCode, enter, resume};
use oauth_server::{Incoming, Scope, Secret};
use oauth_testkit::http::{Call, Who};
use oauth_testkit::lab::{KIOSK, TV, device_authorization, polling, revoking, scope};
use oauth_testkit::{Lab, block_on};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::device::Codes;
use crate::{Store, lab};

const CLIENTS: [Who; 2] = [TV, KIOSK];
const SCOPES: [&str; 4] = ["read", "write", "read write", "read admin"];
/// What is left of each of them when `read write` was asked for.
const LEFT: [&str; 4] = ["read", "write", "read write", "read"];
const SESSIONS: [&str; 3] = ["first", "second", "third"];

/// How long codes and access tokens live, and how long what expired is kept, in seconds.
const CODES: u64 = 600;
const ACCESS: u64 = 3600;
const KEPT: u64 = 600;

#[derive(Clone, Debug)]
enum Step {
    Begin {
        client: usize,
    },
    Enter {
        device: Index,
        session: usize,
    },
    HandOver {
        device: Index,
        from: usize,
        to: usize,
    },
    /// The person says yes to a scope, or no.
    Decide {
        device: Index,
        session: usize,
        agreed: Option<usize>,
    },
    /// By its own client, or another one.
    Poll {
        device: Index,
        stolen: bool,
        asked: Option<usize>,
    },
    Revoke {
        device: Index,
    },
    Wait {
        seconds: u64,
    },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let device = || any::<Index>();
    let session = || prop_oneof![3 => Just(0), 1 => 0..SESSIONS.len()];
    prop_oneof![
        2 => (0..CLIENTS.len()).prop_map(|client| Step::Begin { client }),
        3 => (device(), session()).prop_map(|(device, session)| Step::Enter { device, session }),
        1 => (device(), session(), session()).prop_map(|(device, from, to)| Step::HandOver { device, from, to }),
        3 => (device(), session(), proptest::option::weighted(0.8, 0..SCOPES.len()))
            .prop_map(|(device, session, agreed)| Step::Decide { device, session, agreed }),
        6 => (device(), proptest::bool::weighted(0.1), proptest::option::weighted(0.2, 0..SCOPES.len()))
            .prop_map(|(device, stolen, asked)| Step::Poll { device, stolen, asked }),
        1 => device().prop_map(|device| Step::Revoke { device }),
        4 => prop_oneof![0..30u64, Just(4), Just(5), Just(9), Just(599), Just(700)]
            .prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Sweep),
    ]
}

enum Decision {
    Approved(Scope),
    Denied,
}

struct Device {
    codes: Codes,
    client: usize,
    began: u64,
    gone: bool,
    entered_by: Option<usize>,
    decision: Option<Decision>,
    interval: u64,
    polled: Option<u64>,
    /// The tokens it got, and when.
    tokens: Option<(oauth_testkit::http::Tokens, u64)>,
    revoked: bool,
}

impl Device {
    fn is_open(&self, now: u64) -> bool {
        !self.gone && now < self.began + CODES && self.decision.is_none()
    }

    fn belongs_to(&self, session: usize, now: u64) -> bool {
        self.is_open(now) && self.entered_by == Some(session)
    }

    /// The rules of a poll, in the words of RFC 8628 §3.5: the error, or the scope that is granted.
    fn poll(&mut self, stolen: bool, asked: Option<&Scope>, now: u64) -> Result<Scope, &'static str> {
        if self.gone || stolen || self.tokens.is_some() {
            return Err("invalid_grant");
        }
        if now >= self.began + CODES {
            return Err("expired_token");
        }
        match (&self.decision, asked) {
            (Some(Decision::Denied), _) => Err("access_denied"),
            (Some(Decision::Approved(scope)), None) => Ok(scope.clone()),
            (Some(Decision::Approved(scope)), Some(asked)) if asked.within(scope) => Ok(asked.clone()),
            (Some(Decision::Approved(_)), Some(_)) => Err("invalid_scope"),
            (None, _) => {
                let before = self.polled.replace(now);
                // In tenths of seconds: nine of ten have to have passed.
                if before.is_some_and(|before| now * 10 < before * 10 + self.interval * 9) {
                    self.interval += 5;
                    Err("slow_down")
                } else {
                    Err("authorization_pending")
                }
            }
        }
    }
}

struct Play {
    lab: Lab<Store>,
    devices: Vec<Device>,
    now: u64,
}

impl Play {
    fn begin() -> Self {
        Self {
            lab: lab(),
            devices: Vec::new(),
            now: 0,
        }
    }

    fn page(&self, at: usize, session: usize) -> Option<oauth_server::device::DeviceRequest> {
        let code = UserCode::read(&self.devices[at].codes.user).unwrap();
        block_on(resume(&self.lab.server, &code, &Secret::new(SESSIONS[session]))).ok()
    }

    fn poll(&mut self, at: usize, stolen: bool, asked: Option<usize>) -> Result<(), TestCaseError> {
        let device = &mut self.devices[at];
        let client = if stolen { 1 - device.client } else { device.client };
        let mut call = polling(&CLIENTS[client], &device.codes.device);
        let asked = asked.map(|asked| SCOPES[asked]);
        if let Some(asked) = asked {
            call = call.with("scope", asked);
        }
        let answer = self.lab.send(&call);
        match device.poll(stolen, asked.map(scope).as_ref(), self.now) {
            Err(code) => {
                let told = answer.member("error");
                prop_assert_eq!(
                    (answer.status(), told.as_deref()),
                    (400, Some(code)),
                    "{}",
                    answer.text()
                );
            }
            Ok(scope) => {
                prop_assert_eq!(answer.status(), 200, "{}", answer.text());
                let tokens = answer.granted();
                prop_assert_eq!(&tokens.scope, scope.as_str());
                device.tokens = Some((tokens, self.now));
            }
        }
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let pick = |index: &Index, among: usize| (among > 0).then(|| among - 1 - index.index(among.min(4)));
        let among = self.devices.len();
        match step {
            Step::Begin { client } => self.devices.push(Device {
                codes: Codes::of(&self.lab.send(&device_authorization(&CLIENTS[*client]))),
                client: *client,
                began: self.now,
                gone: false,
                entered_by: None,
                decision: None,
                interval: 5,
                polled: None,
                tokens: None,
                revoked: false,
            }),
            Step::Enter { device, session } => {
                let Some(at) = pick(device, among) else { return Ok(()) };
                let request = Call::post("/device").request();
                let device = &mut self.devices[at];
                let browser = Secret::new(SESSIONS[*session]);
                let entered = block_on(enter(
                    &self.lab.server,
                    &device.codes.user,
                    &browser,
                    &Incoming::of(&request),
                ));
                let expected = device.is_open(self.now) && device.entered_by.is_none_or(|by| by == *session);
                prop_assert_eq!(entered.is_ok(), expected);
                if expected {
                    device.entered_by = Some(*session);
                }
            }
            Step::HandOver { device, from, to } => {
                let Some(at) = pick(device, among) else { return Ok(()) };
                let page = self.page(at, *from);
                prop_assert_eq!(page.is_some(), self.devices[at].belongs_to(*from, self.now));
                if let Some(page) = page {
                    let moved = block_on(page.hand_over(&Secret::new(SESSIONS[*to])));
                    prop_assert!(moved.is_ok());
                    self.devices[at].entered_by = Some(*to);
                }
            }
            Step::Decide {
                device,
                session,
                agreed,
            } => {
                let Some(at) = pick(device, among) else { return Ok(()) };
                let page = self.page(at, *session);
                prop_assert_eq!(page.is_some(), self.devices[at].belongs_to(*session, self.now));
                let Some(page) = page else { return Ok(()) };
                let asked = scope("read write");
                prop_assert_eq!(page.scope(), &asked);
                let decision = if let Some(agreed) = *agreed {
                    block_on(page.approve("alice", scope(SCOPES[agreed]))).unwrap();
                    Decision::Approved(scope(LEFT[agreed]))
                } else {
                    block_on(page.deny()).unwrap();
                    Decision::Denied
                };
                self.devices[at].decision = Some(decision);
            }
            Step::Poll { device, stolen, asked } => {
                let Some(at) = pick(device, among) else { return Ok(()) };
                self.poll(at, *stolen, *asked)?;
            }
            Step::Revoke { device } => {
                let Some(at) = pick(device, among) else { return Ok(()) };
                let device = &mut self.devices[at];
                if let Some((tokens, _)) = &device.tokens {
                    let call = revoking(&CLIENTS[device.client], tokens.refresh());
                    prop_assert_eq!(self.lab.send(&call).status(), 200);
                    device.revoked = true;
                }
            }
            Step::Wait { seconds } => {
                self.lab.clock.advance(Duration::from_secs(*seconds));
                self.now += seconds;
            }
            Step::Sweep => {
                block_on(self.lab.server.sweep(usize::MAX)).unwrap();
                for device in &mut self.devices {
                    device.gone |= device.began + CODES + KEPT < self.now;
                }
            }
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        for device in &self.devices {
            let Some((tokens, issued)) = &device.tokens else {
                continue;
            };
            let told = self.lab.introspect(&tokens.access);
            let alive = !device.revoked && self.now < issued + ACCESS;
            prop_assert_eq!(told["active"] == true, alive, "{}", told);
            if alive {
                prop_assert_eq!(&told["client_id"], CLIENTS[device.client].id);
                prop_assert_eq!(&told["sub"], "alice");
            }
            prop_assert_eq!(self.lab.is_active(tokens.refresh()), !device.revoked);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_server_agrees_with_the_model_about_every_device(steps in proptest::collection::vec(step(), 1..60)) {
        // R138–R140, R145, C33, V082, V083, V085, V087
        let mut play = Play::begin();
        for step in std::iter::once(Step::Begin { client: 0 }).chain(steps) {
            play.take(&step)?;
            play.agree()?;
        }
    }
}
