//! Random histories of honest and hostile clients, against a model small enough to be believed.
//!
//! The model knows no HTTP, no hashing and no commits: it knows what a code, a refresh token and an access token
//! are worth at each moment. After every step, the server has to agree about every token ever seen.

use std::time::Duration;

use oauth_server::MemoryStore;
use oauth_server::{AuthorizationCode, ClientCredentials, RefreshToken, Scope};
use oauth_testkit::http::{Answer, Who};
use oauth_testkit::lab::{APP, POSTER, STRANGER, WEB, authorization, redemption, refreshing, revoking, scope};
use oauth_testkit::{Lab, Watched, block_on};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::Store;

const CLIENTS: [Who; 4] = [WEB, POSTER, APP, STRANGER];
const SCOPES: [&str; 3] = ["read", "write", "read write"];
const CODE: u64 = 60;
const ACCESS: u64 = 3600;
const IDLE: u64 = 14 * 24 * 3600;
const END: u64 = 90 * 24 * 3600;
const KEPT: u64 = 600;

#[derive(Clone, Debug)]
enum Step {
    Authorize {
        client: usize,
        scope: usize,
    },
    Redeem {
        code: Index,
        client: Option<usize>,
        flaw: Flaw,
    },
    Refresh {
        token: Index,
        client: Option<usize>,
        scope: Option<usize>,
    },
    Revoke {
        token: Index,
        client: Option<usize>,
    },
    Wait {
        seconds: u64,
    },
    Sweep,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    NoVerifier,
    WrongVerifier,
    OtherRedirect,
    MoreScope,
}

fn step() -> impl Strategy<Value = Step> {
    let client = || proptest::option::weighted(0.15, 0..CLIENTS.len());
    let flaw = prop_oneof![
        8 => Just(Flaw::None),
        1 => Just(Flaw::NoVerifier),
        1 => Just(Flaw::WrongVerifier),
        1 => Just(Flaw::OtherRedirect),
        1 => Just(Flaw::MoreScope),
    ];
    let wait = prop_oneof![
        Just(1u64),
        Just(59),
        Just(61),
        Just(1800),
        Just(3601),
        Just(13 * 24 * 3600),
        Just(30 * 24 * 3600)
    ];
    prop_oneof![
        4 => (0..CLIENTS.len(), 0..SCOPES.len()).prop_map(|(client, scope)| Step::Authorize { client, scope }),
        6 => (any::<Index>(), client(), flaw).prop_map(|(code, client, flaw)| Step::Redeem { code, client, flaw }),
        8 => (any::<Index>(), client(), proptest::option::weighted(0.4, 0..SCOPES.len()))
            .prop_map(|(token, client, scope)| Step::Refresh { token, client, scope }),
        1 => (any::<Index>(), client()).prop_map(|(token, client)| Step::Revoke { token, client }),
        2 => wait.prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Sweep),
    ]
}

/// What a row is worth: how far it has come, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Worth {
    Live,
    Spent,
    Gone,
}

struct Row {
    secret: String,
    authorization: usize,
    scope: Scope,
    worth: Worth,
    expires: u64,
}

struct Authorization {
    client: usize,
    granted: Scope,
    revoked: bool,
    ends: u64,
}

#[derive(Default)]
struct Model {
    now: u64,
    authorizations: Vec<Authorization>,
    codes: Vec<Row>,
    refresh: Vec<Row>,
    access: Vec<Row>,
}

/// What the model says about a request.
enum Expected {
    Granted { authorization: usize, scope: Scope },
    Refused(&'static str),
}

impl Model {
    fn is_alive(&self, row: &Row) -> bool {
        row.worth == Worth::Live && !self.authorizations[row.authorization].revoked && self.now < row.expires
    }

    /// The rules of a code, in the words of OAUTHD.md and RFC 6749 §4.1.2.
    fn redeem(&mut self, at: usize, client: usize, flaw: Flaw) -> Expected {
        let (code, authorization) = (&self.codes[at], self.codes[at].authorization);
        let owner = &self.authorizations[authorization];
        if code.worth == Worth::Gone || owner.client != client || matches!(flaw, Flaw::OtherRedirect | Flaw::NoVerifier)
        {
            return Expected::Refused("invalid_grant");
        }
        if flaw == Flaw::WrongVerifier {
            if code.worth == Worth::Live && !owner.revoked {
                self.codes[at].worth = Worth::Spent;
            }
            return Expected::Refused("invalid_grant");
        }
        if owner.revoked {
            return Expected::Refused("invalid_grant");
        }
        if code.worth == Worth::Spent {
            self.authorizations[authorization].revoked = true;
            return Expected::Refused("invalid_grant");
        }
        if self.now >= code.expires {
            return Expected::Refused("invalid_grant");
        }
        if flaw == Flaw::MoreScope {
            return Expected::Refused("invalid_scope");
        }
        let scope = code.scope.clone();
        self.codes[at].worth = Worth::Spent;
        self.authorizations[authorization].ends = self.now + END;
        Expected::Granted { authorization, scope }
    }

    /// The rules of a refresh token: rotated by its use, and its reuse ends everything.
    fn refresh(&mut self, at: usize, client: usize, asked: Option<&Scope>) -> Expected {
        let (token, authorization) = (&self.refresh[at], self.refresh[at].authorization);
        let owner = &self.authorizations[authorization];
        if token.worth == Worth::Gone || owner.client != client || owner.revoked {
            return Expected::Refused("invalid_grant");
        }
        if token.worth == Worth::Spent {
            self.authorizations[authorization].revoked = true;
            return Expected::Refused("invalid_grant");
        }
        if self.now >= token.expires {
            return Expected::Refused("invalid_grant");
        }
        match asked {
            Some(asked) if !asked.within(&owner.granted) => Expected::Refused("invalid_scope"),
            asked => {
                let scope = asked.unwrap_or(&owner.granted).clone();
                self.refresh[at].worth = Worth::Spent;
                Expected::Granted { authorization, scope }
            }
        }
    }

    fn revoke(&mut self, refresh: bool, at: usize, client: usize) {
        let rows = if refresh { &mut self.refresh } else { &mut self.access };
        let row = &mut rows[at];
        if row.worth == Worth::Gone || self.authorizations[row.authorization].client != client {
            return;
        }
        if refresh {
            self.authorizations[row.authorization].revoked = true;
        } else {
            row.worth = Worth::Spent;
        }
    }

    fn sweep(&mut self) {
        let now = self.now;
        for row in self.codes.iter_mut().chain(&mut self.refresh).chain(&mut self.access) {
            if row.expires + KEPT < now {
                row.worth = Worth::Gone;
            }
        }
    }
}

struct Play {
    lab: Lab<Store>,
    model: Model,
}

impl Play {
    fn begin(refresh: RefreshToken) -> Self {
        let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
            builder
                .install(AuthorizationCode::new())
                .install(ClientCredentials::new())
                .install(refresh)
        });
        let model = Model::default();
        Self { lab, model }
    }

    fn authorize(&mut self, client: usize, text: &str) {
        let request = authorization(&CLIENTS[client]).set("scope", text);
        let secret = self.lab.approve(&request).param("code").unwrap();
        let granted = scope(text);
        let row = Row {
            secret,
            authorization: self.model.authorizations.len(),
            scope: granted.clone(),
            worth: Worth::Live,
            expires: self.model.now + CODE,
        };
        self.model.codes.push(row);
        self.model.authorizations.push(Authorization {
            client,
            granted,
            revoked: false,
            ends: u64::MAX,
        });
    }

    fn redeem(&mut self, at: usize, client: Option<usize>, flaw: Flaw) -> Result<(), TestCaseError> {
        let owner = self.model.authorizations[self.model.codes[at].authorization].client;
        let client = client.unwrap_or(owner);
        let call = redemption(&CLIENTS[client], &self.model.codes[at].secret);
        // A thief knows where the code was to go.
        let call = call.set("redirect_uri", oauth_testkit::lab::redirect_uri(&CLIENTS[owner]));
        let call = match flaw {
            Flaw::None => call,
            Flaw::NoVerifier => call.without("code_verifier"),
            Flaw::WrongVerifier => call.set("code_verifier", "x".repeat(43)),
            Flaw::OtherRedirect => call.set("redirect_uri", "https://evil.example/cb"),
            Flaw::MoreScope => call.with("scope", "read write admin"),
        };
        let answer = self.lab.send(&call);
        let expected = self.model.redeem(at, client, flaw);
        self.settle(&answer, &expected)
    }

    fn refresh(&mut self, at: usize, client: Option<usize>, asked: Option<usize>) -> Result<(), TestCaseError> {
        let owner = self.model.authorizations[self.model.refresh[at].authorization].client;
        let client = client.unwrap_or(owner);
        let mut call = refreshing(&CLIENTS[client], &self.model.refresh[at].secret);
        let asked = asked.map(|asked| SCOPES[asked]);
        if let Some(asked) = asked {
            call = call.with("scope", asked);
        }
        let answer = self.lab.send(&call);
        let expected = self.model.refresh(at, client, asked.map(scope).as_ref());
        self.settle(&answer, &expected)
    }

    fn settle(&mut self, answer: &Answer, expected: &Expected) -> Result<(), TestCaseError> {
        match expected {
            Expected::Refused(code) => {
                let told = answer.member("error");
                prop_assert_eq!(told.as_deref(), Some(*code), "{}", answer.text());
            }
            Expected::Granted { authorization, scope } => {
                prop_assert_eq!(answer.status(), 200, "{}", answer.text());
                let tokens = answer.granted();
                prop_assert_eq!(&tokens.scope, scope.as_str());
                let (now, ends) = (self.model.now, self.model.authorizations[*authorization].ends);
                let row = |secret: &str, expires: u64| Row {
                    secret: secret.to_owned(),
                    authorization: *authorization,
                    scope: scope.clone(),
                    worth: Worth::Live,
                    expires,
                };
                self.model.access.push(row(&tokens.access, now + ACCESS));
                self.model.refresh.push(row(tokens.refresh(), (now + IDLE).min(ends)));
            }
        }
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Authorize { client, scope } => self.authorize(client, SCOPES[scope]),
            Step::Redeem { code, client, flaw } if !self.model.codes.is_empty() => {
                self.redeem(recent(code, self.model.codes.len()), client, flaw)?;
            }
            Step::Refresh { token, client, scope } if !self.model.refresh.is_empty() => {
                self.refresh(recent(token, self.model.refresh.len()), client, scope)?;
            }
            Step::Revoke { token, client } if !self.model.access.is_empty() => {
                let at = token.index(2 * self.model.access.len());
                let (refresh, at) = (at % 2 == 0, at / 2);
                let rows = if refresh {
                    &self.model.refresh
                } else {
                    &self.model.access
                };
                let client = client.unwrap_or(self.model.authorizations[rows[at].authorization].client);
                let answer = self.lab.send(&revoking(&CLIENTS[client], &rows[at].secret));
                prop_assert_eq!(answer.status(), 200);
                self.model.revoke(refresh, at, client);
            }
            Step::Wait { seconds } => {
                self.lab.clock.advance(Duration::from_secs(seconds));
                self.model.now += seconds;
            }
            Step::Sweep => {
                block_on(self.lab.server.sweep(usize::MAX)).unwrap();
                self.model.sweep();
            }
            Step::Redeem { .. } | Step::Refresh { .. } | Step::Revoke { .. } => {}
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        for row in self.model.access.iter().chain(&self.model.refresh) {
            let told = self.lab.introspect(&row.secret);
            prop_assert_eq!(told["active"] == true, self.model.is_alive(row), "{}", told);
        }
        for row in &self.model.access {
            let told = self.lab.introspect(&row.secret);
            if told["active"] == true {
                prop_assert_eq!(&told["scope"], row.scope.as_str());
                prop_assert!(row.scope.within(&self.model.authorizations[row.authorization].granted));
            }
        }
        Ok(())
    }
}

/// Picks the newest rows more often: the old ones are all worthless.
fn recent(index: Index, length: usize) -> usize {
    length - 1 - index.index(length) * index.index(length) / length
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_server_agrees_with_the_model_about_every_token_ever_seen(steps in proptest::collection::vec(step(), 1..60)) {
        // R112, R113, R125, R128, R132, R148, R151, R238, C33
        let mut play = Play::begin(RefreshToken::rotating());
        for step in steps {
            play.take(&step)?;
            play.agree()?;
        }
    }

    #[test]
    fn with_a_grace_one_line_lives_and_scope_never_grows(
        grace in prop_oneof![Just(1u64), Just(60), Just(3600)],
        steps in proptest::collection::vec((any::<Index>(), proptest::option::of(0..SCOPES.len()), 0u64..90), 1..40),
        granted in 0..SCOPES.len(),
    ) {
        // C07, C09: any token of the line may be presented at any time.
        let mut play = Play::begin(RefreshToken::rotating().grace(Duration::from_secs(grace)));
        play.authorize(2, SCOPES[granted]);
        play.redeem(0, None, Flaw::None)?;
        let granted = scope(SCOPES[granted]);
        let mut line = vec![play.model.refresh[0].secret.clone()];
        let mut dead = false;
        for (token, asked, seconds) in steps {
            play.lab.clock.advance(Duration::from_secs(seconds));
            let token = &line[recent(token, line.len())];
            let mut call = refreshing(&APP, token);
            if let Some(asked) = asked {
                call = call.with("scope", SCOPES[asked]);
            }
            let answer = play.lab.send(&call);
            if answer.status() == 200 {
                let tokens = answer.granted();
                prop_assert!(!dead, "a revoked authorization came back to life");
                prop_assert!(scope(&tokens.scope).within(&granted));
                line.push(tokens.refresh().to_owned());
            }
            let live = line.iter().filter(|token| play.lab.is_active(token)).count();
            prop_assert!(live <= 1, "{live} refresh tokens of one line are alive");
            prop_assert!(!dead || live == 0);
            dead |= live == 0;
        }
    }
}
