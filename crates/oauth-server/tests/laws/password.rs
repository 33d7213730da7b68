//! The password grant (RFC 6749 §4.3), for clients that cannot be changed: the client sees the password, the server the rest.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oauth_server::{
    Builder, Context, GrantType, MemoryStore, PasswordGrant, RefreshToken, Rejection, ResourceOwners, Secret, Subject,
};
use oauth_testkit::http::{Answer, Call, Who};
use oauth_testkit::lab::{API, APP, MACHINE, POSTER, STRANGER, WEB, scope};
use oauth_testkit::{Flaky, Lab, Moment, Watched, block_on};

use crate::limits::Three;
use crate::{Store, lab_with};

/// The longest name and the longest password that are looked at, in bytes.
const LONGEST: usize = 4096;

const PASSWORD: &str = "correct horse battery staple";

/// One account, and what was asked about it.
#[derive(Clone, Default)]
struct Accounts {
    asked: Arc<Mutex<Vec<(String, String)>>>,
    busy: Arc<Mutex<bool>>,
}

impl Accounts {
    fn take_asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl ResourceOwners for Accounts {
    async fn verify(&self, username: &str, password: &Secret, _: &Context<'_>) -> Result<Option<Subject>, Rejection> {
        let question = (username.to_owned(), password.expose().to_owned());
        self.asked.lock().unwrap().push(question);
        if *self.busy.lock().unwrap() {
            return Err(Rejection::unavailable("too many passwords are being hashed"));
        }
        let right = username == "alice" && password.expose() == PASSWORD;
        Ok(right.then(|| Subject::new("user 1")))
    }
}

fn lab_and(more: impl FnOnce(Builder) -> Builder) -> (Lab<Store>, Accounts) {
    let accounts = Accounts::default();
    let grant = PasswordGrant::danger_verified_by(accounts.clone());
    let lab = lab_with(RefreshToken::rotating(), |builder| more(builder.install(grant)));
    for who in [WEB, POSTER, APP] {
        lab.edit(&who, |client| client.grant_types.push(GrantType::PASSWORD));
    }
    (lab, accounts)
}

fn lab() -> (Lab<Store>, Accounts) {
    lab_and(|builder| builder)
}

/// The token request of a client to which `alice` told her password.
fn told(who: &Who) -> Call {
    Call::post("/token")
        .all(&[
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", PASSWORD),
            ("scope", "read write"),
        ])
        .by(who)
}

#[test]
fn the_right_password_gets_tokens_for_its_person() {
    // R100, R101
    let (lab, accounts) = lab();
    for who in [WEB, POSTER, APP] {
        let tokens = lab.send(&told(&who)).granted();
        assert_eq!(tokens.scope, "read write");
        let seen = lab.introspect(&tokens.access);
        assert_eq!(seen["sub"], "user 1");
        assert_eq!(seen["client_id"], who.id);
        let next = lab.refresh(&who, tokens.refresh()).granted();
        assert_eq!(lab.introspect(&next.access)["sub"], "user 1");
        assert_eq!(accounts.take_asked(), [("alice".to_owned(), PASSWORD.to_owned())]);
    }
}

#[test]
fn a_client_without_refresh_gets_an_access_token_alone() {
    // R100
    let (lab, _) = lab();
    lab.edit(&WEB, |client| client.grant_types = vec![GrantType::PASSWORD]);
    assert_eq!(lab.send(&told(&WEB)).granted().refresh, None);
}

/// All that a client is told: the status, the headers and the body.
fn all_of(answer: &Answer) -> (u16, Vec<(String, Vec<u8>)>, String) {
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    (answer.status(), headers.collect(), answer.text().into_owned())
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same() {
    // R103
    let (lab, accounts) = lab();
    for who in [WEB, APP] {
        let wrong = lab.send(&told(&who).set("password", "wrong"));
        wrong.refused(400, "invalid_grant");
        assert_eq!(accounts.take_asked().len(), 1);
        for (name, password) in [
            ("nobody", PASSWORD),
            ("Alice", PASSWORD),
            ("alice ", PASSWORD),
            ("al\u{456}ce", PASSWORD),
            ("alice", "correct horse battery staple "),
            ("alice", "Correct horse battery staple"),
            ("user 1", PASSWORD),
        ] {
            let other = lab.send(&told(&who).set("username", name).set("password", password));
            assert_eq!(all_of(&other), all_of(&wrong), "{name}");
            let asked = accounts.take_asked();
            assert_eq!(
                asked,
                [(name.to_owned(), password.to_owned())],
                "asked once, as it came"
            );
        }
    }
    assert!(lab.store.commits().is_empty());
}

#[test]
fn what_is_missing_or_doubled_is_no_question() {
    // R098, I001, I002, I008
    let (lab, accounts) = lab();
    for name in ["username", "password"] {
        for call in [
            told(&WEB).without(name),
            told(&WEB).set(name, ""),
            told(&WEB).with(name, "alice"),
            told(&WEB).with(name, PASSWORD),
            told(&WEB).set(name, "a\0b"),
        ] {
            lab.send(&call).refused(400, "invalid_request");
        }
    }
    // A query is not looked at (R007).
    let call = Call::post("/token?grant_type=password&username=alice&password=x").by(&WEB);
    lab.send(&call).refused(400, "invalid_request");
    assert!(accounts.take_asked().is_empty());
}

#[test]
fn what_is_far_too_long_is_wrong_before_it_is_hashed() {
    // I066
    let (lab, accounts) = lab();
    let wrong = lab.send(&told(&WEB).set("password", "wrong"));
    accounts.take_asked();
    for name in ["username", "password"] {
        let call = told(&WEB).set(name, "x".repeat(LONGEST + 1));
        assert_eq!(all_of(&lab.send(&call)), all_of(&wrong));
        assert!(accounts.take_asked().is_empty());
        let call = told(&WEB).set(name, "é".repeat(LONGEST / 2 + 1));
        lab.send(&call).refused(400, "invalid_grant");
        assert!(accounts.take_asked().is_empty(), "bytes count, not characters");
        lab.send(&told(&WEB).set(name, "x".repeat(LONGEST)))
            .refused(400, "invalid_grant");
        assert_eq!(accounts.take_asked().len(), 1);
    }
}

#[test]
fn the_scope_is_within_the_registration_and_is_looked_at_first() {
    // R059, R106
    let (lab, accounts) = lab();
    for text in ["admin", "read admin", "unknown", "\""] {
        lab.send(&told(&WEB).set("scope", text)).refused(400, "invalid_scope");
    }
    assert!(accounts.take_asked().is_empty());
    assert_eq!(lab.send(&told(&WEB).set("scope", "write")).granted().scope, "write");
    assert_eq!(lab.send(&told(&WEB).without("scope")).granted().scope, "read");
    lab.edit(&APP, |client| client.scope = scope("read"));
    lab.send(&told(&APP)).refused(400, "invalid_scope");
}

#[test]
fn a_client_proves_who_it_is_before_any_password_is_looked_at() {
    // R002, R104, V110
    let (lab, accounts) = lab();
    for who in [Who::public(WEB.id), Who::basic(WEB.id, "wrong"), Who::public("nobody")] {
        lab.send(&told(&who)).refused(401, "invalid_client");
    }
    for who in [MACHINE, API, STRANGER] {
        lab.send(&told(&who)).refused(400, "unauthorized_client");
    }
    assert!(accounts.take_asked().is_empty());
}

#[test]
fn a_server_can_keep_it_for_clients_that_authenticate() {
    // V110
    let (lab, accounts) = lab_and(|builder| builder.confidential_clients_only([GrantType::PASSWORD]));
    lab.send(&told(&APP)).refused(400, "unauthorized_client");
    assert!(accounts.take_asked().is_empty());
    lab.send(&told(&WEB)).granted();
    lab.tokens(&APP);
}

#[test]
fn without_it_there_is_no_such_grant() {
    // R104
    let lab = crate::lab();
    for who in [WEB, APP] {
        lab.edit(&who, |client| client.grant_types.push(GrantType::PASSWORD));
        lab.send(&told(&who)).refused(400, "unsupported_grant_type");
    }
}

#[test]
fn guessing_ends_after_a_few_failures_through_all_clients_together() {
    // R008
    let limit = Three::default();
    let mounted = limit.clone();
    let (lab, accounts) = lab_and(|builder| builder.attempt_limit(mounted));
    let (here, there): (IpAddr, IpAddr) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
    for _ in 0..10 {
        lab.send(&told(&WEB).from(here)).granted();
    }
    assert_eq!(limit.failures(), 0, "success costs nothing");
    for who in [WEB, POSTER, APP] {
        lab.send(&told(&who).set("password", "wrong").from(here))
            .refused(400, "invalid_grant");
    }
    accounts.take_asked();
    for who in [WEB, POSTER, APP] {
        let answer = lab.send(&told(&who).from(here));
        answer.refused(429, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
    assert!(accounts.take_asked().is_empty(), "nothing is hashed for nothing");
    lab.send(&told(&WEB).from(there)).granted();
    lab.send(&told(&WEB).set("username", "bob").from(here))
        .refused(400, "invalid_grant");
    // What is far too long was a guess like any other.
    let before = limit.failures();
    lab.send(&told(&WEB).set("password", "x".repeat(LONGEST + 1)).from(there))
        .refused(400, "invalid_grant");
    assert_eq!(limit.failures(), before + 1);
}

#[test]
fn while_nobody_can_check_passwords_none_is_wrong() {
    // R008, R121
    let limit = Three::default();
    let mounted = limit.clone();
    let (lab, accounts) = lab_and(|builder| builder.attempt_limit(mounted));
    *accounts.busy.lock().unwrap() = true;
    for _ in 0..5 {
        let answer = lab.send(&told(&WEB));
        answer.refused(503, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(limit.failures(), 0);
    *accounts.busy.lock().unwrap() = false;
    lab.send(&told(&WEB)).granted();
}

#[test]
fn it_fails_wholly_or_not_at_all() {
    // C36, R121
    let make = || {
        let lab = Lab::over(Flaky::new(Watched::new(MemoryStore::new())), |builder| {
            builder
                .install(PasswordGrant::danger_verified_by(Accounts::default()))
                .install(RefreshToken::rotating())
        });
        lab.edit(&WEB, |client| client.grant_types.push(GrantType::PASSWORD));
        lab.store.recover();
        lab
    };
    let whole = make();
    whole.send(&told(&WEB)).granted();
    for failing in 1..=whole.store.calls() {
        for moment in [Moment::Before, Moment::After] {
            let lab = make();
            lab.store.fail(failing, moment);
            lab.send(&told(&WEB)).refused(503, "temporarily_unavailable");
            let rows = block_on(lab.store.inner().everything()).len();
            assert!(
                rows == 0 || rows == 2 && moment == Moment::After,
                "{failing} {moment:?}"
            );
            lab.store.recover();
            lab.send(&told(&WEB)).granted();
        }
    }
}

#[test]
fn a_password_stands_nowhere_afterwards() {
    // R235, R236
    let (lab, _) = lab();
    lab.send(&told(&WEB)).granted();
    let refused = lab.send(&told(&WEB).set("password", "canary-password"));
    assert!(!refused.text().contains("canary") && !format!("{refused:?}").contains("canary"));
    let stored = format!("{:?}", lab.store.commits());
    assert!(!stored.contains(PASSWORD) && !stored.contains("canary"));
    for row in block_on(lab.store.everything()).values() {
        assert!(!row.data.as_str().contains(PASSWORD));
    }
}
