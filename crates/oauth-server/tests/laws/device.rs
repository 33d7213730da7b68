//! The device authorization grant (RFC 8628): a device asks, a person decides elsewhere, and the device gets its tokens once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use oauth_server::device::{DeviceRequest, enter};
use oauth_server::{
    Approval, Builder, Client, Consent, Context, DeviceCode, Event, Incoming, Observer, Policy, RefreshToken,
    Rejection, Secret, Server, State, Subject,
};
use oauth_testkit::http::{Answer, Call, VERIFIER, Who, challenge};
use oauth_testkit::lab::{
    API, APP, KIOSK, TV, WEB, device_authorization, polling, redemption, refreshing, revoking, scope,
};
use oauth_testkit::{Lab, Watched, block_on};
use serde_json::json;

use crate::{Store, lab, lab_with};

/// What a device was given.
pub(crate) struct Codes {
    pub(crate) device: String,
    pub(crate) user: String,
}

impl Codes {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        Self {
            device: answer.member("device_code").unwrap(),
            user: answer.member("user_code").unwrap(),
        }
    }
}

/// A device that has begun, and shows its code.
pub(crate) fn begun(server: &Server, who: &Who) -> Codes {
    Codes::of(&block_on(device_authorization(who).serve(server)))
}

/// The person types a code into the browser that knows that secret.
pub(crate) async fn typed(server: &Server, code: &str, browser: &str) -> Result<DeviceRequest, Rejection> {
    let request = Call::post("/device").request();
    enter(server, code, &Secret::new(browser), &Incoming::of(&request)).await
}

pub(crate) fn entered(server: &Server, codes: &Codes, browser: &str) -> DeviceRequest {
    block_on(typed(server, &codes.user, browser)).unwrap()
}

/// The person `alice` agrees to all that is asked for.
pub(crate) async fn approved(request: DeviceRequest) -> Result<(), Rejection> {
    let scope = request.scope().clone();
    request.approve("alice", scope).await
}

pub(crate) fn approve(lab: &Lab<Store>, codes: &Codes) {
    block_on(approved(entered(&lab.server, codes, "browser"))).unwrap();
}

pub(crate) fn lab_of(device: DeviceCode) -> Lab<Store> {
    Lab::over(Watched::new(oauth_server::MemoryStore::new()), |builder| {
        builder.install(device).install(RefreshToken::rotating())
    })
}

#[test]
fn a_device_is_given_two_codes_and_told_where_to_send_the_person() {
    // R137
    let lab = lab();
    for who in [TV, KIOSK] {
        let answer = lab.send(&device_authorization(&who));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.is_not_kept();
        let body = answer.json();
        let members: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "device_code",
            "user_code",
            "verification_uri",
            "verification_uri_complete",
            "expires_in",
            "interval",
        ];
        assert_eq!(members, expected.into());
        assert_eq!(body["verification_uri"], "https://auth.example/device");
        assert_eq!(body["expires_in"], 600);
        assert_eq!(body["interval"], 5);
        let user_code = body["user_code"].as_str().unwrap();
        assert_eq!(
            body["verification_uri_complete"],
            format!("https://auth.example/device?user_code={user_code}")
        );
    }
}

#[test]
fn an_application_says_where_people_go_and_how_long_codes_live() {
    // R137
    let lab = lab_of(
        DeviceCode::new()
            .verification_uri("https://example.com/tv?lang=en")
            .lifetime(Duration::from_secs(90))
            .poll_interval(Duration::from_secs(20)),
    );
    let body = lab.send(&device_authorization(&TV)).json();
    assert_eq!(body["verification_uri"], "https://example.com/tv?lang=en");
    let user_code = body["user_code"].as_str().unwrap();
    assert_eq!(
        body["verification_uri_complete"],
        format!("https://example.com/tv?lang=en&user_code={user_code}")
    );
    assert_eq!(body["expires_in"], 90);
    assert_eq!(body["interval"], 20);
    let code = body["device_code"].as_str().unwrap();
    lab.send(&polling(&TV, code)).refused(400, "authorization_pending");
    lab.clock.advance(Duration::from_millis(17_999));
    lab.send(&polling(&TV, code)).refused(400, "slow_down");
    lab.clock.advance(Duration::from_secs(72));
    lab.send(&polling(&TV, code)).refused(400, "authorization_pending");
    lab.clock.advance(Duration::from_millis(1));
    lab.send(&polling(&TV, code)).refused(400, "expired_token");

    // Less than a second is a second: zero would ask devices to poll without a pause.
    let eager = lab_of(DeviceCode::new().poll_interval(Duration::ZERO));
    assert_eq!(eager.send(&device_authorization(&TV)).json()["interval"], 1);
}

#[test]
fn the_device_authorization_endpoint_takes_forms_of_known_clients() {
    // R136
    let lab = lab();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = lab.send(&Call::new(method, "/device_authorization?client_id=tv"));
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let honest = || device_authorization(&TV);
    lab.send(&honest().without("client_id")).refused(401, "invalid_client");
    lab.send(&honest().set("client_id", "nobody"))
        .refused(401, "invalid_client");
    lab.send(&Call::post("/device_authorization?client_id=tv"))
        .refused(401, "invalid_client");
    let named = Who::public(KIOSK.id);
    lab.send(&device_authorization(&named)).refused(401, "invalid_client");
    let wrong = Who::basic(KIOSK.id, "wrong");
    lab.send(&device_authorization(&wrong)).refused(401, "invalid_client");
    let pretender = Who::basic(TV.id, "secret");
    lab.send(&device_authorization(&pretender))
        .refused(401, "invalid_client");
    let json = Call::post("/device_authorization").body("application/json", r#"{"client_id":"tv"}"#);
    lab.send(&json).refused(400, "invalid_request");
    for name in ["client_id", "scope", "code_challenge", "user_code"] {
        let twice = honest().set(name, "tv").with(name, "tv");
        lab.send(&twice).refused(400, "invalid_request");
    }
    assert!(lab.store.commits().is_empty(), "whoever is refused costs no row");
    let more = honest().all(&[
        ("x", "1"),
        ("x", "2"),
        ("expires_in", "9999"),
        ("user_code", "BBBB-BBBB"),
    ]);
    let body = lab.send(&more).json();
    assert_eq!(body["expires_in"], 600);
    assert_ne!(body["user_code"], "BBBB-BBBB");
}

#[test]
fn nothing_is_mounted_where_no_device_grant_is() {
    // R136
    let lab = Lab::over(Watched::new(oauth_server::MemoryStore::new()), |builder| {
        builder.install(RefreshToken::rotating())
    });
    let request = device_authorization(&TV).request();
    assert!(block_on(lab.server.serve(&Incoming::of(&request))).is_none());
    lab.send(&polling(&TV, "x")).refused(400, "unsupported_grant_type");
}

#[test]
fn a_device_asks_within_its_registration() {
    // R136, R106, V083
    let lab = lab();
    for who in [WEB, APP, API] {
        lab.send(&device_authorization(&who))
            .refused(400, "unauthorized_client");
        lab.send(&polling(&who, "x")).refused(400, "unauthorized_client");
    }
    for text in ["admin", "read admin", "unknown", "\"", "read  write", "réad"] {
        lab.send(&device_authorization(&TV).set("scope", text))
            .refused(400, "invalid_scope");
    }
    assert!(lab.store.commits().is_empty());
    // Without a scope it is the default one.
    let codes = Codes::of(&lab.send(&device_authorization(&TV).without("scope")));
    let request = entered(&lab.server, &codes, "browser");
    assert_eq!(request.scope(), &scope("read"));
    assert_eq!(request.client().id.as_str(), TV.id);
    assert_eq!(request.client().name.as_deref(), Some("Television"));
    assert_eq!(request.user_code().shown(), codes.user);
}

#[test]
fn an_approved_device_gets_tokens_for_what_the_person_agreed_to() {
    // R100, R140
    let lab = lab();
    for who in [TV, KIOSK] {
        let codes = begun(&lab.server, &who);
        let mut consent = Consent::of("alice", scope("read write"));
        consent.claims.set("acr", "silver");
        block_on(entered(&lab.server, &codes, "browser").consent(consent)).unwrap();
        let tokens = lab.send(&polling(&who, &codes.device)).granted();
        assert_eq!(tokens.scope, "read write");
        let told = lab.introspect(&tokens.access);
        assert_eq!(told["active"], true);
        assert_eq!(told["sub"], "alice");
        assert_eq!(told["client_id"], who.id);
        assert_eq!(told["acr"], "silver");
        let next = lab.refresh(&who, tokens.refresh()).granted();
        assert_eq!(lab.introspect(&next.access)["acr"], "silver");
    }
}

#[test]
fn a_person_may_agree_to_less_and_never_to_more() {
    // R106, V083
    let lab = lab();
    let narrow = Codes::of(&lab.send(&device_authorization(&TV).set("scope", "read")));
    let consent = scope("read write admin");
    block_on(entered(&lab.server, &narrow, "browser").approve("alice", consent)).unwrap();
    assert_eq!(lab.send(&polling(&TV, &narrow.device)).granted().scope, "read");

    let wide = begun(&lab.server, &TV);
    block_on(entered(&lab.server, &wide, "browser").approve("alice", scope("write"))).unwrap();
    assert_eq!(lab.send(&polling(&TV, &wide.device)).granted().scope, "write");

    // Agreeing to nothing of it is a refusal.
    let none = begun(&lab.server, &TV);
    block_on(entered(&lab.server, &none, "browser").approve("alice", scope("admin"))).unwrap();
    lab.send(&polling(&TV, &none.device)).refused(400, "access_denied");
}

#[test]
fn a_scope_at_the_poll_is_within_what_was_agreed_to_and_spends_nothing_if_it_is_not() {
    // R106, V083
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    block_on(entered(&lab.server, &codes, "browser").approve("alice", scope("read"))).unwrap();
    for beyond in ["write", "read write", "admin", "unknown", "\""] {
        lab.send(&polling(&TV, &codes.device).with("scope", beyond))
            .refused(400, "invalid_scope");
    }
    let tokens = lab.send(&polling(&TV, &codes.device).with("scope", "read")).granted();
    assert_eq!(tokens.scope, "read");
}

#[test]
fn a_device_code_of_another_client_is_refused_and_stays_good() {
    // R138, V082
    let lab = lab();
    for (owner, thief) in [(TV, KIOSK), (KIOSK, TV)] {
        let codes = begun(&lab.server, &owner);
        lab.send(&polling(&thief, &codes.device)).refused(400, "invalid_grant");
        assert_eq!(entered(&lab.server, &codes, "browser").client().id.as_str(), owner.id);
        approve(&lab, &codes);
        lab.send(&polling(&thief, &codes.device)).refused(400, "invalid_grant");
        // Authenticated as one client, naming another.
        lab.send(&polling(&KIOSK, &codes.device).with("client_id", TV.id))
            .refused(401, "invalid_client");
        lab.send(&polling(&owner, &codes.device)).granted();
    }
}

#[test]
fn a_confidential_device_proves_who_it_is_at_each_poll() {
    // R138
    let lab = lab();
    let codes = begun(&lab.server, &KIOSK);
    approve(&lab, &codes);
    for impostor in [
        Who::public(KIOSK.id),
        Who::basic(KIOSK.id, "wrong"),
        Who::basic(KIOSK.id, ""),
    ] {
        lab.send(&polling(&impostor, &codes.device))
            .refused(401, "invalid_client");
    }
    lab.send(&polling(&KIOSK, &codes.device)).granted();
}

#[test]
fn until_somebody_decides_a_device_waits_and_learns_to_wait_longer() {
    // R139
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let poll = || lab.send(&polling(&TV, &codes.device));
    let after = |millis: u64| lab.clock.advance(Duration::from_millis(millis));
    // The first poll is never too fast.
    poll().refused(400, "authorization_pending");
    after(5_000);
    poll().refused(400, "authorization_pending");
    // A tenth is forgiven, and no more.
    after(4_500);
    poll().refused(400, "authorization_pending");
    after(4_499);
    assert!(poll().refused(400, "slow_down").member("error_description").is_some());
    // Now it is ten seconds, also for a device that keeps to it from now on.
    after(8_999);
    poll().refused(400, "slow_down");
    // Fifteen.
    after(13_500);
    poll().refused(400, "authorization_pending");
    after(13_499);
    poll().refused(400, "slow_down");
    // Twenty, and it stays there.
    for _ in 0..3 {
        after(18_000);
        poll().refused(400, "authorization_pending");
    }
    after(17_999);
    poll().refused(400, "slow_down");
    // Another device is not slowed down by it.
    let other = begun(&lab.server, &TV);
    lab.send(&polling(&TV, &other.device))
        .refused(400, "authorization_pending");
    // However often it was slowed down, the decision reaches it at the next poll.
    approve(&lab, &codes);
    poll().granted();
}

#[test]
fn a_refusal_is_final() {
    // R139, R145
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    block_on(entered(&lab.server, &codes, "browser").deny()).unwrap();
    for _ in 0..3 {
        lab.send(&polling(&TV, &codes.device)).refused(400, "access_denied");
    }
    block_on(typed(&lab.server, &codes.user, "browser")).unwrap_err();
    lab.send(&polling(&TV, &codes.device)).refused(400, "access_denied");
}

#[test]
fn a_device_code_expires() {
    // R139, R238
    let lab = lab();
    let (waiting, decided) = (begun(&lab.server, &TV), begun(&lab.server, &TV));
    approve(&lab, &decided);
    lab.clock.advance(Duration::from_millis(599_999));
    lab.send(&polling(&TV, &waiting.device))
        .refused(400, "authorization_pending");
    lab.clock.advance(Duration::from_millis(1));
    lab.send(&polling(&TV, &waiting.device)).refused(400, "expired_token");
    lab.send(&polling(&TV, &decided.device)).refused(400, "expired_token");
    block_on(typed(&lab.server, &waiting.user, "browser")).unwrap_err();
    // Swept, they are unknown.
    lab.clock.advance(Duration::from_millis(600_001));
    // Two rows of each, and one that says whose approval it was.
    assert_eq!(block_on(lab.server.sweep(1000)).unwrap(), 5);
    lab.send(&polling(&TV, &waiting.device)).refused(400, "invalid_grant");
    assert!(block_on(lab.store.everything()).is_empty(), "nothing is left of them");
}

#[test]
fn a_device_whose_user_code_was_swept_first_is_told_to_begin_again() {
    // R139: a sweep may stop between the two rows of one request.
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    lab.clock.advance(Duration::from_millis(1_200_001));
    assert_eq!(block_on(lab.server.sweep(1)).unwrap(), 1);
    let answer = lab.send(&polling(&TV, &codes.device));
    assert!(
        matches!(
            answer.member("error").as_deref(),
            Some("expired_token" | "invalid_grant")
        ),
        "{}",
        answer.text()
    );
}

#[test]
fn a_device_code_pays_once() {
    // R140: devices poll, so asking again is no sign of theft.
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    approve(&lab, &codes);
    let tokens = lab.send(&polling(&TV, &codes.device)).granted();
    for _ in 0..5 {
        lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    }
    lab.clock.advance(Duration::from_secs(700));
    lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    assert!(lab.is_active(&tokens.access));
    lab.refresh(&TV, tokens.refresh()).granted();
}

#[test]
fn a_poll_names_one_device_code() {
    // R136, R138
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    approve(&lab, &codes);
    let honest = || polling(&TV, &codes.device);
    lab.send(&honest().without("device_code"))
        .refused(400, "invalid_request");
    lab.send(&honest().set("device_code", ""))
        .refused(400, "invalid_request");
    lab.send(&honest().with("device_code", &codes.device))
        .refused(400, "invalid_request");
    for other in [
        format!("{} ", codes.device),
        codes.device[1..].to_owned(),
        codes.device.to_ascii_uppercase(),
        codes.user.clone(),
    ] {
        lab.send(&honest().set("device_code", other))
            .refused(400, "invalid_grant");
    }
    lab.send(&honest()).granted();
}

#[test]
fn a_challenge_of_the_device_request_is_answered_at_the_poll() {
    // R146, V019
    let lab = lab();
    for who in [TV, KIOSK] {
        let begin = || {
            let call = device_authorization(&who)
                .with("code_challenge", challenge(VERIFIER))
                .with("code_challenge_method", "S256");
            let codes = Codes::of(&lab.send(&call));
            approve(&lab, &codes);
            codes
        };
        let codes = begin();
        for malformed in [None, Some(""), Some("short")] {
            let poll = polling(&who, &codes.device);
            let poll = match malformed {
                Some(verifier) => poll.with("code_verifier", verifier),
                None => poll,
            };
            lab.send(&poll).refused(400, "invalid_grant");
        }
        lab.send(&polling(&who, &codes.device).with("code_verifier", VERIFIER))
            .granted();
        // One guess is all there is.
        let codes = begin();
        lab.send(&polling(&who, &codes.device).with("code_verifier", "x".repeat(43)))
            .refused(400, "invalid_grant");
        lab.send(&polling(&who, &codes.device).with("code_verifier", VERIFIER))
            .refused(400, "invalid_grant");
        // A verifier without a challenge is somebody else's.
        let codes = begun(&lab.server, &who);
        approve(&lab, &codes);
        lab.send(&polling(&who, &codes.device).with("code_verifier", VERIFIER))
            .refused(400, "invalid_grant");
        lab.send(&polling(&who, &codes.device)).granted();
    }
    for (challenge, method) in [
        (challenge(VERIFIER), "plain"),
        (challenge(VERIFIER), ""),
        ("short".to_owned(), "S256"),
        (String::new(), "S256"),
    ] {
        let call = device_authorization(&TV)
            .with("code_challenge", challenge)
            .with("code_challenge_method", method);
        lab.send(&call).refused(400, "invalid_request");
    }
}

struct NotAlice;

#[async_trait]
impl Policy for NotAlice {
    async fn review(&self, approval: Approval, _: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        match approval.subject().map(Subject::as_str) {
            Some("alice") => Err(Rejection::access_denied("alice is locked")),
            _ => Ok(approval),
        }
    }
}

#[test]
fn a_policy_is_asked_when_the_device_comes_for_its_tokens() {
    // V084, V088
    let lab = lab_with(RefreshToken::rotating(), |builder: Builder| builder.policy(NotAlice));
    let codes = begun(&lab.server, &TV);
    approve(&lab, &codes);
    lab.send(&polling(&TV, &codes.device)).refused(400, "access_denied");
    let codes = begun(&lab.server, &TV);
    block_on(entered(&lab.server, &codes, "browser").approve("bob", scope("read"))).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn a_registration_that_shrinks_shrinks_what_a_device_gets() {
    // R106, V083, V132
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    approve(&lab, &codes);
    lab.edit(&TV, |client| client.scope = scope("read"));
    assert_eq!(lab.send(&polling(&TV, &codes.device)).granted().scope, "read");
}

#[test]
fn a_client_that_was_disabled_meanwhile_gets_nothing() {
    // R138, V088
    let lab = lab();
    let (waiting, decided) = (begun(&lab.server, &TV), begun(&lab.server, &TV));
    let page = entered(&lab.server, &waiting, "browser");
    approve(&lab, &decided);
    lab.edit(&TV, |client| client.disabled = true);
    for codes in [&waiting, &decided] {
        lab.send(&polling(&TV, &codes.device)).refused(401, "invalid_client");
    }
    lab.send(&device_authorization(&TV)).refused(401, "invalid_client");
    block_on(approved(page)).unwrap_err();
    lab.edit(&TV, |client| {
        client.disabled = false;
        client.grant_types.clear();
    });
    lab.send(&polling(&TV, &decided.device))
        .refused(400, "unauthorized_client");
}

#[test]
fn a_code_of_a_device_is_good_for_nothing_else() {
    // V005, R131
    let lab = lab();
    lab.edit(&APP, |client| {
        client.grant_types.push(oauth_server::GrantType::DEVICE_CODE);
    });
    let codes = begun(&lab.server, &APP);
    approve(&lab, &codes);
    let code = lab.code(&APP);
    let tokens = lab.tokens(&APP);
    for secret in [&codes.device, &codes.user, &codes.user.replace('-', "")] {
        lab.send(&redemption(&APP, secret)).refused(400, "invalid_grant");
        lab.send(&refreshing(&APP, secret)).refused(400, "invalid_grant");
        assert!(!lab.is_active(secret));
        assert_eq!(lab.send(&revoking(&APP, secret)).status(), 200);
    }
    for secret in [
        &code,
        &tokens.access,
        tokens.refresh(),
        &codes.user,
        &codes.user.replace('-', ""),
        "browser",
    ] {
        lab.send(&polling(&APP, secret)).refused(400, "invalid_grant");
    }
    lab.send(&polling(&APP, &codes.device)).granted();
    lab.send(&redemption(&APP, &code)).granted();
    lab.refresh(&APP, tokens.refresh()).granted();
}

#[test]
fn revoking_the_refresh_token_of_a_device_ends_all_that_came_of_its_code() {
    // R151
    let lab = lab();
    let (codes, bystander) = (begun(&lab.server, &TV), begun(&lab.server, &TV));
    approve(&lab, &codes);
    approve(&lab, &bystander);
    let tokens = lab.send(&polling(&TV, &codes.device)).granted();
    let next = lab.refresh(&TV, tokens.refresh()).granted();
    assert_eq!(lab.send(&revoking(&TV, next.refresh())).status(), 200);
    for token in [&tokens.access, &next.access, next.refresh()] {
        assert!(!lab.is_active(token));
    }
    lab.send(&polling(&TV, &codes.device)).refused(400, "invalid_grant");
    let rows = block_on(lab.store.everything());
    let revoked = rows.values().filter(|row| row.state == State::Revoked).count();
    assert_eq!(revoked, rows.len() - 3, "all but the rows of the other device");
    lab.send(&polling(&TV, &bystander.device)).granted();
}

/// What was said of decisions.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        let told = match event {
            Event::Approved { client, subject, scope } => {
                format!("{} approved {scope} for {}", subject.as_str(), client.as_str())
            }
            Event::Denied { client } => format!("denied to {}", client.as_str()),
            Event::Issued { grant_type, .. } => format!("issued by {}", grant_type.as_str()),
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }
}

#[test]
fn observers_hear_of_each_decision_once_and_only_if_it_counted() {
    // R145
    let told = Told::default();
    let observer = told.clone();
    let lab = lab_with(RefreshToken::rotating(), |builder: Builder| builder.observer(observer));
    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    block_on(page.clone().approve("alice", scope("read"))).unwrap();
    block_on(page.deny()).unwrap_err();
    lab.send(&polling(&TV, &codes.device)).granted();
    block_on(entered(&lab.server, &begun(&lab.server, &TV), "browser").deny()).unwrap();
    let heard = told.0.lock().unwrap();
    assert_eq!(
        *heard,
        [
            "alice approved read for tv",
            "issued by urn:ietf:params:oauth:grant-type:device_code",
            "denied to tv",
        ]
    );
}

#[test]
fn a_device_without_refresh_gets_an_access_token_alone() {
    // R140
    let lab = lab();
    lab.edit(&TV, |client| {
        client.grant_types = vec![oauth_server::GrantType::DEVICE_CODE];
    });
    let codes = begun(&lab.server, &TV);
    approve(&lab, &codes);
    let tokens = lab.send(&polling(&TV, &codes.device)).granted();
    assert_eq!(tokens.refresh, None);
    assert_eq!(lab.introspect(&tokens.access)["scope"], json!("read write"));
}
