//! Introspection (RFC 7662).

use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{
    AccessData, Approval, Client, Context, Credential, Incoming, Policy, RefreshToken, Rejection, Subject,
};
use oauth_testkit::block_on;
use oauth_testkit::http::{Call, Location, Who};
use oauth_testkit::lab::{
    API, APP, MACHINE, POSTER, STRANGER, WEB, authorization, for_itself, introspecting, redemption, revoking,
};

use crate::{lab, lab_with};

const INACTIVE: &str = r#"{"active":false}"#;

#[test]
fn an_active_token_is_told_in_full() {
    // Real clients (10)
    let lab = lab();
    let tokens = lab.tokens(&APP);
    let answer = lab.send(&introspecting(&API, &tokens.access));
    answer.is_not_kept();
    let expected = serde_json::json!({
        "active": true, "scope": "read write", "client_id": "app", "sub": "alice", "token_type": "Bearer",
        "exp": 1_800_003_600, "iat": 1_800_000_000, "iss": "https://auth.example", "aud": "https://auth.example",
    });
    assert_eq!(answer.json(), expected);
    let refresh = lab.introspect(tokens.refresh());
    assert_eq!(refresh["active"], true);
    assert_eq!(refresh["client_id"], "app");
    assert_eq!(refresh.get("token_type"), None, "a refresh token is not for resources");
    assert_eq!(refresh["exp"], 1_800_000_000 + 14 * 24 * 3600);
}

#[test]
fn an_inactive_token_is_told_as_inactive_and_nothing_else() {
    // R160, R161, R162
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let revoked = lab.tokens(&WEB);
    lab.send(&revoking(&WEB, revoked.refresh()));
    let code = lab.code(&WEB);
    let long = "x".repeat(60_000);
    for token in [
        &revoked.access,
        revoked.refresh(),
        &code,
        "x",
        "e30.e30.e30",
        "\u{1f600}",
        &long,
    ] {
        let answer = lab.send(&introspecting(&API, token));
        assert_eq!((answer.status(), answer.text().as_ref()), (200, INACTIVE));
        answer.is_not_kept();
    }
    lab.clock.advance(Duration::from_secs(3600));
    assert_eq!(lab.send(&introspecting(&API, &tokens.access)).text(), INACTIVE);
    lab.clock.advance(Duration::from_secs(14 * 24 * 3600));
    assert_eq!(lab.send(&introspecting(&API, tokens.refresh())).text(), INACTIVE);
}

#[test]
fn a_client_learns_of_its_own_tokens_only_unless_it_is_a_resource_server() {
    // R161, V093, V094
    let lab = lab();
    for owner in [WEB, APP] {
        let tokens = lab.tokens(&owner);
        for token in [&tokens.access, tokens.refresh()] {
            for other in [POSTER, MACHINE] {
                assert_eq!(lab.send(&introspecting(&other, token)).text(), INACTIVE);
            }
            assert_eq!(lab.send(&introspecting(&API, token)).json()["active"], true);
        }
    }
    let own = lab.tokens(&WEB);
    assert_eq!(lab.send(&introspecting(&WEB, &own.access)).json()["active"], true);
    assert_eq!(lab.send(&introspecting(&WEB, own.refresh())).json()["active"], true);
}

#[test]
fn only_confidential_clients_introspect() {
    // R158, R015
    let lab = lab();
    let token = lab.tokens(&APP).access;
    for call in [
        Call::post("/introspect").with("token", &token),
        introspecting(&APP, &token),
        introspecting(&STRANGER, &token),
        introspecting(&Who::public(API.id), &token),
        introspecting(&Who::basic(API.id, "wrong"), &token),
        Call::post("/introspect").with("token", &token).bearer(&token),
    ] {
        lab.send(&call).refused(401, "invalid_client");
    }
}

#[test]
fn the_request_is_a_form_with_one_token() {
    // R159, R163
    let lab = lab();
    let token = lab.tokens(&APP).access;
    lab.send(&introspecting(&API, &token).without("token"))
        .refused(400, "invalid_request");
    lab.send(&introspecting(&API, "")).refused(400, "invalid_request");
    lab.send(&introspecting(&API, &token).with("token", &token))
        .refused(400, "invalid_request");
    lab.send(
        &introspecting(&API, &token)
            .with("token_type_hint", "a")
            .with("token_type_hint", "b"),
    )
    .refused(400, "invalid_request");
    for hint in ["access_token", "refresh_token", "foo", ""] {
        let answer = lab.send(&introspecting(&API, &token).with("token_type_hint", hint));
        assert_eq!(answer.json()["active"], true);
    }
    let get = Call::get(format!("/introspect?token={token}")).basic(API.id, API.secret);
    lab.send(&get).refused(405, "invalid_request");
}

#[test]
fn a_token_dies_with_its_client() {
    // R161, C11
    let lab = lab();
    let tokens = lab.tokens(&APP);
    let own = lab.send(&for_itself(&MACHINE)).granted();
    for who in [APP, MACHINE] {
        lab.edit(&who, |client| client.disabled = true);
    }
    for token in [&tokens.access, tokens.refresh(), &own.access] {
        assert_eq!(lab.send(&introspecting(&API, token)).text(), INACTIVE);
    }
}

struct Gone(&'static str);

#[async_trait]
impl Policy for Gone {
    async fn review(&self, approval: Approval, _: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        Ok(approval)
    }

    async fn honors(&self, token: &Credential<AccessData>, _: &Context<'_>) -> Result<bool, Rejection> {
        match token.subject.as_ref().map(Subject::as_str) {
            Some("unknown") => Err(Rejection::unavailable("the directory of people is down")),
            person => Ok(person != Some(self.0)),
        }
    }
}

#[test]
fn a_token_dies_with_its_person() {
    // R134, R160, R161, V058: what the application's policy does not honour is inactive and opens nothing.
    let open = lab_with(RefreshToken::rotating(), |builder| builder.policy(Gone("bob")));
    let closed = lab_with(RefreshToken::rotating(), |builder| builder.policy(Gone("alice")));
    for (lab, active) in [(open, true), (closed, false)] {
        let tokens = lab.tokens(&APP);
        let own = lab.send(&for_itself(&MACHINE)).granted();
        assert_eq!(lab.is_active(&tokens.access), active);
        assert_eq!(lab.is_active(tokens.refresh()), active);
        assert!(lab.is_active(&own.access), "a program is nobody's");
        let request = Call::get("/x").bearer(&tokens.access).request();
        let knocked = block_on(lab.server.authenticate(&Incoming::of(&request)));
        assert_eq!(knocked.is_ok(), active);
    }
}

#[test]
fn a_policy_that_cannot_tell_opens_nothing() {
    // R193
    let lab = lab_with(RefreshToken::rotating(), |builder| builder.policy(Gone("bob")));
    let pending = lab.authorize(&authorization(&APP)).unwrap();
    let scope = pending.scope().clone();
    let location = Location::new(block_on(pending.approve("unknown", scope)).unwrap().location());
    let tokens = lab.send(&redemption(&APP, &location.param("code").unwrap())).granted();
    for token in [&tokens.access, tokens.refresh()] {
        lab.send(&introspecting(&API, token))
            .refused(503, "temporarily_unavailable");
    }
    let request = Call::get("/x").bearer(&tokens.access).request();
    let challenge = block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap_err();
    assert_eq!(challenge.status().as_u16(), 503);
}

#[test]
fn a_spent_refresh_token_is_inactive() {
    // R160
    let lab = lab();
    let tokens = lab.tokens(&APP);
    lab.refresh(&APP, tokens.refresh()).granted();
    assert_eq!(lab.send(&introspecting(&API, tokens.refresh())).text(), INACTIVE);
}
