//! Its options, one by one.

use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{
    Approval, AuthorizationCode, BuildError, Builder, Client, ClientCredentials, Consent, Context, Grant, GrantType,
    Incoming, MemoryStore, Policy, RefreshToken, Rejection, RotationPolicy, Secret, Server, TokenRequest, http,
};
use oauth_testkit::http::{Answer, Call};
use oauth_testkit::lab::{APP, MACHINE, STATE, WEB, authorization, for_itself, redemption, refreshing, scope};
use oauth_testkit::{Lab, Watched, block_on};

use crate::{Store, knock, lab, lab_with, sent_to};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn just_before(end: Duration) -> Duration {
    end.saturating_sub(Duration::from_millis(1))
}

/// Another lifetime for whoever says so in a header of the token request.
struct Hurried;

#[async_trait]
impl Policy for Hurried {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let hurried = cx
            .request()
            .is_some_and(|request| request.headers.contains_key("x-kiosk"));
        Ok(if hurried {
            approval
                .with_access_token_lifetime(MINUTE)
                .with_refresh_token_lifetime(HOUR)
        } else {
            approval
        })
    }
}

/// A policy that hands out no time at all.
struct Stillborn;

#[async_trait]
impl Policy for Stillborn {
    async fn review(&self, approval: Approval, _: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        Ok(approval
            .with_access_token_lifetime(Duration::ZERO)
            .with_refresh_token_lifetime(Duration::from_millis(999)))
    }
}

#[test]
fn a_lifetime_in_which_nothing_can_live_says_nothing() {
    let lab = lab_with(|builder| builder.install(RefreshToken::rotating()).policy(Stillborn));
    let tokens = lab.tokens(&APP);
    lab.clock.advance(Duration::from_secs(10));
    assert!(lab.is_active(&tokens.access));
    lab.send(&refreshing(&APP, tokens.refresh())).granted();
}

#[test]
fn access_token_lifetime() {
    let everybody = lab_with(|builder| builder.access_token_lifetime(2 * HOUR).policy(Hurried));
    assert_eq!(lab().send(&for_itself(&WEB)).json()["expires_in"], 3600, "unless set");
    assert_eq!(everybody.send(&for_itself(&WEB)).json()["expires_in"], 7200);
    everybody.edit(&MACHINE, |client| client.access_token_lifetime = Some(900));
    assert_eq!(everybody.send(&for_itself(&MACHINE)).json()["expires_in"], 900);
    // Of this request, before both.
    let answer = everybody.send(&for_itself(&MACHINE).header("x-kiosk", "1"));
    assert_eq!(answer.json()["expires_in"], 60);
    let token = answer.granted().access;
    everybody.clock.advance(just_before(MINUTE));
    assert!(everybody.is_active(&token));
    everybody.clock.advance(Duration::from_millis(1));
    assert!(!everybody.is_active(&token));
}

/// Whether a refresh token works after that time, and not a moment later.
#[track_caller]
fn lies_unused_for(make: impl Fn() -> Lab<Store>, header: Option<&str>, lifetime: Duration) {
    for (wait, works) in [(just_before(lifetime), true), (lifetime, false)] {
        let lab = make();
        let mut redeem = redemption(&APP, &lab.code(&APP));
        if let Some(header) = header {
            redeem = redeem.header(header, "1");
        }
        let tokens = lab.send(&redeem).granted();
        lab.clock.advance(wait);
        let status = lab.refresh(&APP, tokens.refresh()).status();
        assert_eq!(status == 200, works, "after {wait:?}");
    }
}

#[test]
fn refresh_token_lifetime() {
    for rotation in [RotationPolicy::Always, RotationPolicy::Never] {
        let everybody = || {
            let refresh = RefreshToken::new(rotation).lifetime(3 * DAY);
            lab_with(|builder| builder.policy(Hurried).install(refresh))
        };
        let own = || {
            let lab = everybody();
            lab.edit(&APP, |client| client.refresh_token_lifetime = Some(24 * 3600));
            lab
        };
        lies_unused_for(everybody, None, 3 * DAY);
        lies_unused_for(own, None, DAY);
        lies_unused_for(own, Some("x-kiosk"), HOUR);
    }
    // However often it is used: an end to it all.
    let bounded = lab_with(|builder| builder.install(RefreshToken::rotating().absolute_lifetime(2 * DAY)));
    let mut tokens = bounded.tokens(&APP);
    bounded.clock.advance(DAY);
    tokens = bounded.refresh(&APP, tokens.refresh()).granted();
    bounded.clock.advance(DAY);
    bounded.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
}

#[test]
fn a_refresh_lifetime_of_one_request_is_kept_when_the_token_is_used() {
    // The token of a kiosk that is not rotated lives on for its own hour, not for everybody's fortnight.
    let lab = lab_with(|builder| {
        builder
            .policy(Hurried)
            .install(RefreshToken::new(RotationPolicy::Never))
    });
    let redeem = redemption(&WEB, &lab.code(&WEB)).header("x-kiosk", "1");
    let tokens = lab.send(&redeem).granted();
    for _ in 0..3 {
        lab.clock.advance(just_before(HOUR));
        lab.refresh(&WEB, tokens.refresh()).granted();
    }
    lab.clock.advance(HOUR);
    lab.refresh(&WEB, tokens.refresh()).refused(400, "invalid_grant");
}

#[test]
fn authorization_code_lifetime() {
    let make = || {
        Lab::over(Watched::new(MemoryStore::new()), |builder| {
            builder.install(AuthorizationCode::new().code_lifetime(5 * MINUTE))
        })
    };
    let own = || {
        let lab = make();
        lab.edit(&APP, |client| client.authorization_code_lifetime = Some(30));
        lab
    };
    let agreed = |lab: &Lab<Store>, lifetime: Option<Duration>| {
        let pending = lab.authorize(&authorization(&APP)).unwrap();
        let consent = Consent {
            lifetime,
            ..Consent::of("alice", scope("read"))
        };
        sent_to(block_on(pending.consent(consent))).param("code").unwrap()
    };
    let lives = |make: &dyn Fn() -> Lab<Store>, own: Option<Duration>, lifetime: Duration| {
        for (wait, status) in [(just_before(lifetime), 200), (lifetime, 400)] {
            let lab = make();
            let code = agreed(&lab, own);
            lab.clock.advance(wait);
            assert_eq!(lab.send(&redemption(&APP, &code)).status(), status, "after {wait:?}");
        }
    };
    lives(&make, None, 5 * MINUTE);
    lives(&own, None, Duration::from_secs(30));
    lives(&own, Some(2 * MINUTE), 2 * MINUTE);
    // What would be dead at birth says nothing.
    lives(&own, Some(Duration::ZERO), Duration::from_secs(30));
}

#[test]
fn require_client_authentication() {
    // Who need not authenticate is said by its registration, not by a switch for all.
    let lab = lab();
    lab.tokens(&APP);
    let code = lab.code(&WEB);
    let unproven = redemption(&oauth_testkit::http::Who::public("web"), &code);
    lab.send(&unproven).refused(401, "invalid_client");
    // PKCE is no substitute for the secret of a client that has one.
    lab.send(&redemption(&WEB, &code)).granted();
    // And a grant can be kept for those that do.
    let strict = lab_with(|builder| {
        builder
            .install(RefreshToken::rotating())
            .confidential_clients_only([GrantType::AUTHORIZATION_CODE])
    });
    strict
        .send(&redemption(&APP, &strict.code(&APP)))
        .refused(400, "unauthorized_client");
    strict.tokens(&WEB);
    let unmounted = Server::builder(MemoryStore::new())
        .issuer("https://auth.example")
        .install(ClientCredentials::new())
        .confidential_clients_only([GrantType::AUTHORIZATION_CODE])
        .build();
    assert_eq!(
        unmounted.unwrap_err(),
        BuildError::NotInstalled(GrantType::AUTHORIZATION_CODE)
    );
}

#[test]
fn always_issue_new_refresh_token() {
    let always = lab();
    let tokens = always.tokens(&WEB);
    assert_ne!(always.refresh(&WEB, tokens.refresh()).granted().refresh, tokens.refresh);
    let never = lab_with(|builder| builder.install(RefreshToken::new(RotationPolicy::Never)));
    for who in [APP, WEB] {
        let tokens = never.tokens(&who);
        for _ in 0..3 {
            assert_eq!(never.refresh(&who, tokens.refresh()).granted().refresh, None);
        }
    }
}

#[test]
fn allow_empty_state() {
    let lab = lab();
    for call in [
        authorization(&WEB).without("state"),
        authorization(&WEB).set("state", ""),
    ] {
        let location = lab.approve(&call);
        assert!(location.param("code").is_some());
        assert_eq!(location.param("state"), None);
    }
    let strict = lab_with(Builder::require_state);
    for call in [
        authorization(&WEB).without("state"),
        authorization(&WEB).set("state", ""),
    ] {
        strict.sent_back(&call, "invalid_request");
    }
    let location = strict.approve(&authorization(&WEB));
    assert_eq!(location.param("state").as_deref(), Some(STATE));
}

/// Members that nobody registered, beside two that the RFC has.
struct Extended;

#[async_trait]
impl Policy for Extended {
    async fn review(&self, approval: Approval, client: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        Ok(approval
            .with_attribute("account", client.id.as_str())
            .with_attribute("limits", [1, 2])
            .with_attribute("access_token", "mine")
            .with_attribute("expires_in", 1))
    }
}

#[test]
fn allow_extended_token_attributes() {
    let lab = lab_with(|builder| builder.policy(Extended));
    let answer = lab.send(&for_itself(&MACHINE));
    let body = answer.json();
    assert_eq!(body["account"], "machine");
    assert_eq!(body["limits"], serde_json::json!([1, 2]));
    assert_eq!(body["expires_in"], 3600, "what the RFC registers is not replaced");
    assert!(lab.is_active(&answer.granted().access));
}

/// A word that is as good as a person.
struct Password1;

#[async_trait]
impl Grant for Password1 {
    fn grant_type(&self) -> GrantType {
        GrantType::from_static("urn:acme:params:oauth:grant-type:word")
    }

    async fn handle(&self, request: &TokenRequest<'_>, _: &Context<'_>) -> Result<Approval, Rejection> {
        if request.secret("word")? != Secret::new("sesame") {
            return Err(Rejection::invalid_grant("another word"));
        }
        Ok(Approval::for_subject("alice".into(), scope("read write"))
            .narrowed_to(request.scope())
            .with_refresh_token())
    }
}

#[test]
fn extended_grant_types() {
    let lab = lab_with(|builder| builder.install(Password1).install(RefreshToken::rotating()));
    let word = |word: &str| {
        Call::post("/token")
            .with("grant_type", Password1.grant_type().as_str())
            .with("word", word)
            .by(&APP)
    };
    lab.send(&word("sesame")).refused(400, "unauthorized_client");
    lab.edit(&APP, |client| client.grant_types.push(Password1.grant_type()));
    lab.send(&word("open")).refused(400, "invalid_grant");
    lab.send(&word("")).refused(400, "invalid_request");
    let tokens = lab.send(&word("sesame")).granted();
    assert_eq!(tokens.scope, "read write");
    let narrow = lab.send(&word("sesame").with("scope", "read")).granted();
    assert_eq!(narrow.scope, "read");
    lab.send(&word("sesame").with("scope", "admin"))
        .refused(400, "invalid_scope");
    lab.refresh(&APP, tokens.refresh()).granted();
    let told = lab.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    let grants = told["grant_types_supported"].as_array().unwrap();
    assert!(grants.iter().any(|name| name == Password1.grant_type().as_str()));
}

#[test]
fn allow_bearer_tokens_in_query_string() {
    let header = lab();
    let lenient = lab_with(|builder| builder.danger_access_tokens_in_query().access_tokens_in_body());
    for (lab, allowed) in [(&header, false), (&lenient, true)] {
        let token = lab.send(&for_itself(&MACHINE)).granted().access;
        let query = Call::get("/x").with("access_token", &token);
        let body = Call::post("/x").with("access_token", &token);
        assert_eq!(knock(&lab.server, &query).is_ok(), allowed);
        assert_eq!(knock(&lab.server, &body).is_ok(), allowed);
        assert!(knock(&lab.server, &Call::get("/x").bearer(&token)).is_ok());
        for twice in [query.clone().bearer(&token), body.bearer(&token)] {
            let answer = Answer::of(knock(&lab.server, &twice).unwrap_err().into_response());
            assert_eq!(answer.status(), 400, "one way at a time");
        }
    }
    let token = lenient.send(&for_itself(&MACHINE)).granted().access;
    let get = Call::get("/x").form(format!("access_token={token}"));
    assert!(knock(&lenient.server, &get).is_err(), "never in the body of a GET");
    let twice = Call::get(format!("/x?access_token={token}&access_token={token}"));
    assert!(knock(&lenient.server, &twice).is_err());
}

#[test]
fn add_accepted_scopes_header_and_add_authorized_scopes_header() {
    let lab = lab();
    let call = Call::get("/documents").bearer(&lab.send(&for_itself(&MACHINE)).granted().access);
    let access = knock(&lab.server, &call).unwrap();
    let mut response = http::Response::new(Vec::<u8>::new());
    response
        .headers_mut()
        .extend(access.scope_headers(&scope("write read")));
    let answer = Answer::of(response);
    assert_eq!(answer.header("x-oauth-scopes"), Some("read"));
    assert_eq!(answer.header("x-accepted-oauth-scopes"), Some("read write"));
}

#[test]
fn authenticate_handler() {
    // The application's own sign-in stands between the request and its answer, for as long as it likes.
    let lab = lab();
    let browser = Secret::new("the session of this browser");
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    let handle = block_on(pending.park(&browser)).unwrap();
    assert!(block_on(lab.server.resume(&handle, &Secret::new("another browser"))).is_err());
    let resumed = block_on(lab.server.resume(&handle, &browser)).unwrap();
    assert_eq!(resumed.client().name.as_deref(), Some("Web application"));
    assert_eq!(resumed.scope(), &scope("read write"));
    let location = sent_to(block_on(resumed.approve("bob", scope("read"))));
    assert_eq!(location.param("state").as_deref(), Some(STATE));
    let code = location.param("code").unwrap();
    let tokens = lab.send(&redemption(&WEB, &code)).granted();
    assert_eq!(lab.introspect(&tokens.access)["sub"], "bob");
    assert_eq!(tokens.scope, "read");
    // Once: there is one decision.
    assert!(block_on(lab.server.resume(&handle, &browser)).is_err());
}

#[test]
fn request_and_response() {
    // Any request of the `http` crate, and a response of the same.
    let lab = lab();
    let request = http::Request::post("https://auth.example/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Basic bWFjaGluZTptUDR6dDhvRWtxREJZRno5bjJMeFp3")
        .body("grant_type=client_credentials")
        .unwrap();
    let response: http::Response<Vec<u8>> = block_on(lab.server.serve(&Incoming::of(&request))).unwrap();
    Answer::of(response).granted();
    let elsewhere = http::Request::get("/elsewhere").body("").unwrap();
    assert!(block_on(lab.server.serve(&Incoming::of(&elsewhere))).is_none());
}

#[test]
fn enable_plain_pkce_does_not_exist() {
    let lab = lab();
    let plain = authorization(&APP)
        .set("code_challenge_method", "plain")
        .set("code_challenge", oauth_testkit::http::VERIFIER);
    lab.sent_back(&plain, "invalid_request");
    // RFC 7636 §4.3: without a method it would be plain.
    lab.sent_back(&authorization(&APP).without("code_challenge_method"), "invalid_request");
    lab.sent_back(
        &authorization(&WEB)
            .without("code_challenge")
            .without("code_challenge_method"),
        "invalid_request",
    );
    let told = lab.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    assert_eq!(told["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

#[test]
fn scope_of_authenticate() {
    // `authenticate({scope})` in one go: who, then what.
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let narrow = lab
        .send(&refreshing(&WEB, tokens.refresh()).with("scope", "read"))
        .granted();
    let may_write = |token: &str| {
        knock(&lab.server, &Call::get("/").bearer(token))
            .and_then(|access| access.require(&scope("write")).map(|()| access))
            .is_ok()
    };
    assert!(may_write(&tokens.access));
    assert!(!may_write(&narrow.access));
}
