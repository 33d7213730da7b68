//! The authorization code grant (RFC 6749 §4.1): a code pays once, to one client, for one redirect URI.

use std::time::Duration;

use oauth_server::{Policy, RefreshToken};
use oauth_testkit::http::{Call, challenge};
use oauth_testkit::lab::{APP, POSTER, STRANGER, WEB, authorization, redemption, refreshing, revoking};

use crate::{lab, lab_with};

#[test]
fn an_honest_client_of_every_sort_gets_tokens_for_what_was_granted() {
    // R100, R101, R115
    let lab = lab();
    for who in [WEB, POSTER, APP] {
        let tokens = lab.tokens(&who);
        assert_eq!(tokens.scope, "read write", "{who:?}");
        let told = lab.introspect(&tokens.access);
        assert_eq!(told["active"], true);
        assert_eq!(told["sub"], "alice");
        assert_eq!(told["client_id"], who.id);
        assert_eq!(told["scope"], "read write");
        assert!(lab.is_active(tokens.refresh()));
    }
}

#[test]
fn a_code_pays_once_however_often_it_is_presented() {
    // R112, V001, V002
    let lab = lab();
    let code = lab.code(&WEB);
    lab.send(&redemption(&WEB, &code)).granted();
    for _ in 0..10 {
        lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
    }
}

#[test]
fn a_valid_replay_ends_everything_that_came_of_the_code() {
    // R113, C01, C05: also what a refresh made of it since.
    let lab = lab();
    for who in [WEB, APP] {
        let code = lab.code(&who);
        let first = lab.send(&redemption(&who, &code)).granted();
        let second = lab.refresh(&who, first.refresh()).granted();
        let bystander = lab.tokens(&who);
        lab.send(&redemption(&who, &code)).refused(400, "invalid_grant");
        for token in [&first.access, &second.access, second.refresh()] {
            assert!(!lab.is_active(token));
        }
        assert!(lab.is_active(&bystander.access), "another authorization is not touched");
        lab.refresh(&who, second.refresh()).refused(400, "invalid_grant");
    }
}

#[test]
fn a_replay_that_a_stranger_could_forge_ends_nothing() {
    // R113, V011, OAuth 2.1 §7.5.2
    let lab = lab();
    let code = lab.code(&APP);
    let tokens = lab.send(&redemption(&APP, &code)).granted();
    let wrong_verifier = redemption(&APP, &code).set("code_verifier", "x".repeat(43));
    let no_verifier = redemption(&APP, &code).without("code_verifier");
    let elsewhere = redemption(&APP, &code).set("redirect_uri", "com.example.app:/cb");
    let by_another = redemption(&APP, &code).set("client_id", STRANGER.id);
    let prefixed = redemption(&APP, &code).set("code", format!("{}garbage", &code[..20]));
    for forged in [wrong_verifier, no_verifier, elsewhere, by_another, prefixed] {
        lab.send(&forged).refused(400, "invalid_grant");
        assert!(lab.is_active(&tokens.access), "{forged:?}");
    }
    lab.refresh(&APP, tokens.refresh()).granted();
}

#[test]
fn a_code_of_another_client_is_refused_and_stays_good() {
    // R110, C03, V006, V007
    let lab = lab();
    for owner in [WEB, APP] {
        let code = lab.code(&owner);
        for thief in [POSTER, STRANGER] {
            lab.send(&redemption(&thief, &code)).refused(400, "invalid_grant");
            // The thief knows even the redirect URI.
            let stolen = redemption(&owner, &code).without("client_id").without("client_secret");
            let mut stolen = Call::post("/token").all(
                &stolen
                    .pairs()
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect::<Vec<_>>(),
            );
            stolen = stolen.by(&thief);
            lab.send(&stolen).refused(400, "invalid_grant");
        }
        lab.send(&redemption(&owner, &code)).granted();
    }
    // Authenticated as one client, naming another: never the other's tokens.
    let code = lab.code(&APP);
    let mixed = redemption(&WEB, &code).with("client_id", APP.id);
    lab.send(&mixed).refused(401, "invalid_client");
    lab.send(&redemption(&APP, &code)).granted();
}

#[test]
fn a_failed_authentication_does_not_consume_the_code() {
    // Real clients: x/oauth2 tries Basic first and the body second. V124.
    let lab = lab();
    let code = lab.code(&POSTER);
    let bare = redemption(&POSTER, &code).without("client_id").without("client_secret");
    lab.send(&bare.clone().basic(POSTER.id, POSTER.secret))
        .refused(401, "invalid_client");
    lab.send(&redemption(&POSTER, &code).set("client_secret", "wrong"))
        .refused(401, "invalid_client");
    lab.send(&redemption(&POSTER, &code).set("client_secret", ""))
        .refused(401, "invalid_client");
    lab.send(&redemption(&POSTER, &code)).granted();
}

#[test]
fn the_redirect_uri_is_the_one_of_the_authorization_request() {
    // R111, V009, V010
    let lab = lab();
    let code = lab.code(&POSTER);
    for other in [
        "https://poster.example/other",
        "https://poster.example/CB",
        "https://evil.example/cb",
    ] {
        lab.send(&redemption(&POSTER, &code).set("redirect_uri", other))
            .refused(400, "invalid_grant");
    }
    lab.send(&redemption(&POSTER, &code).without("redirect_uri"))
        .refused(400, "invalid_grant");
    lab.send(&redemption(&POSTER, &code).with("redirect_uri", "https://poster.example/other"))
        .refused(400, "invalid_request");
    // None of that spent it.
    lab.send(&redemption(&POSTER, &code)).granted();
}

#[test]
fn a_request_without_redirect_uri_needs_none_at_the_token_endpoint() {
    // R111: the client has exactly one, and the request leaves it out.
    let lab = lab();
    for tell in [false, true] {
        let request = authorization(&WEB).without("redirect_uri");
        let code = lab.approve(&request).param("code").unwrap();
        let wrong = redemption(&WEB, &code).set("redirect_uri", "https://evil.example/cb");
        lab.send(&wrong).refused(400, "invalid_grant");
        let redeem = redemption(&WEB, &code);
        lab.send(&if tell { redeem } else { redeem.without("redirect_uri") })
            .granted();
    }
}

#[test]
fn the_port_of_a_loopback_redirect_uri_is_bound_with_the_rest() {
    // R039, R111
    let lab = lab();
    let request = authorization(&APP).set("redirect_uri", "http://127.0.0.1:45821/cb");
    let location = lab.approve(&request);
    assert_eq!(location.base(), "http://127.0.0.1:45821/cb");
    let code = location.param("code").unwrap();
    lab.send(&redemption(&APP, &code)).refused(400, "invalid_grant");
    lab.send(&redemption(&APP, &code).set("redirect_uri", "http://127.0.0.1:45821/cb"))
        .granted();
}

#[test]
fn a_code_expires_after_sixty_seconds() {
    // R114, V003, R238
    let lab = lab();
    let in_time = lab.code(&WEB);
    let late = lab.code(&WEB);
    lab.clock.advance(Duration::from_millis(59_999));
    lab.send(&redemption(&WEB, &in_time)).granted();
    lab.clock.advance(Duration::from_millis(1));
    lab.send(&redemption(&WEB, &late)).refused(400, "invalid_grant");
    lab.clock.advance(Duration::from_secs(3600));
    lab.send(&redemption(&WEB, &late)).refused(400, "invalid_grant");
}

#[test]
fn a_clock_that_jumps_back_revives_nothing_that_was_spent() {
    // R238, C34
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.send(&redemption(&WEB, &code)).granted();
    let next = lab.refresh(&WEB, tokens.refresh()).granted();
    lab.clock.set(oauth_server::Timestamp::from_secs(1_700_000_000));
    lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
    lab.refresh(&WEB, tokens.refresh()).refused(400, "invalid_grant");
    lab.refresh(&WEB, next.refresh()).refused(400, "invalid_grant");
}

#[test]
fn a_replay_long_after_the_code_expired_is_still_a_replay() {
    // C33: spent codes are remembered for longer than they live.
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.send(&redemption(&WEB, &code)).granted();
    lab.clock.advance(Duration::from_secs(300));
    oauth_testkit::block_on(lab.server.sweep(1000)).unwrap();
    lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
    assert!(!lab.is_active(&tokens.access));
}

#[test]
fn a_swept_code_is_unknown_and_never_unused() {
    // C33
    let lab = lab();
    let code = lab.code(&WEB);
    lab.send(&redemption(&WEB, &code)).granted();
    lab.clock.advance(Duration::from_secs(60 + 601));
    assert_eq!(oauth_testkit::block_on(lab.server.sweep(1000)).unwrap(), 1);
    lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
}

#[test]
fn a_mutated_code_is_another_code() {
    // V004, R108
    let lab = lab();
    let code = lab.code(&WEB);
    let mut others = vec![
        format!("{code}A"),
        format!("A{code}"),
        format!("{code} "),
        format!("{code}="),
    ];
    others.extend((1..code.len()).map(|end| code[..end].to_owned()));
    others.push(code.to_ascii_uppercase());
    others.push(code.chars().rev().collect());
    for other in others.iter().filter(|other| **other != code) {
        lab.send(&redemption(&WEB, other)).refused(400, "invalid_grant");
    }
    lab.send(&redemption(&WEB, &code)).granted();
}

#[test]
fn the_scope_of_a_token_is_at_most_what_was_granted() {
    // R106, R059
    let lab = lab();
    let narrow = |text: &str| {
        let request = authorization(&WEB).set("scope", "read");
        let code = lab.approve(&request).param("code").unwrap();
        lab.send(&redemption(&WEB, &code).with("scope", text))
    };
    assert_eq!(narrow("read").granted().scope, "read");
    narrow("read write").refused(400, "invalid_scope");
    narrow("admin").refused(400, "invalid_scope");
    narrow("nothing-such").refused(400, "invalid_scope");

    // A refusal for the scope does not burn the code.
    let code = lab.code(&WEB);
    lab.send(&redemption(&WEB, &code).with("scope", "admin"))
        .refused(400, "invalid_scope");
    assert_eq!(
        lab.send(&redemption(&WEB, &code).with("scope", "read")).granted().scope,
        "read"
    );
}

#[test]
fn a_registration_that_shrinks_shrinks_what_its_codes_buy() {
    // R059, V132
    let lab = lab();
    let code = lab.code(&WEB);
    lab.edit(&WEB, |client| client.scope = "read".parse().unwrap());
    let tokens = lab.send(&redemption(&WEB, &code)).granted();
    assert_eq!(tokens.scope, "read");
    lab.edit(&WEB, |client| client.grant_types.clear());
    lab.refresh(&WEB, tokens.refresh()).refused(400, "unauthorized_client");
}

#[test]
fn a_disabled_client_is_no_client_anywhere() {
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.tokens(&WEB);
    lab.edit(&WEB, |client| client.disabled = true);
    lab.send(&redemption(&WEB, &code)).refused(401, "invalid_client");
    lab.refresh(&WEB, tokens.refresh()).refused(401, "invalid_client");
    lab.send(&revoking(&WEB, &tokens.access)).refused(401, "invalid_client");
    assert!(!lab.is_active(&tokens.access));
    assert!(!lab.is_active(tokens.refresh()));
    lab.shown(&authorization(&WEB));
}

#[test]
fn a_person_who_was_disabled_gets_nothing_for_the_code() {
    // C04, R134, V058, V088
    struct NotAlice;

    #[async_trait::async_trait]
    impl Policy for NotAlice {
        async fn review(
            &self,
            approval: oauth_server::Approval,
            _: &oauth_server::Client,
            _: &oauth_server::Context<'_>,
        ) -> Result<oauth_server::Approval, oauth_server::Rejection> {
            match approval.subject().map(oauth_server::Subject::as_str) {
                Some("alice") => Err(oauth_server::Rejection::invalid_grant("alice is disabled")),
                _ => Ok(approval),
            }
        }
    }

    let lab = lab_with(RefreshToken::rotating(), |builder| builder.policy(NotAlice));
    let code = lab.code(&WEB);
    lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
}

#[test]
fn a_credential_of_one_kind_is_never_taken_for_another() {
    // R131, V005, V054, V130
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.tokens(&WEB);
    let parked = oauth_testkit::block_on(
        lab.authorize(&authorization(&WEB))
            .unwrap()
            .park(&oauth_server::Secret::new("browser")),
    )
    .unwrap();
    let verifier_as_code = challenge("x");
    let others = [
        &tokens.access,
        tokens.refresh(),
        parked.expose(),
        "browser",
        &verifier_as_code,
    ];
    for other in others {
        lab.send(&redemption(&WEB, other)).refused(400, "invalid_grant");
    }
    for other in [code.as_str(), &tokens.access, parked.expose()] {
        lab.refresh(&WEB, other).refused(400, "invalid_grant");
    }
    for other in [code.as_str(), parked.expose(), "browser"] {
        assert!(!lab.is_active(other), "introspection knows tokens only");
        let revoked = lab.send(&revoking(&WEB, other));
        assert_eq!(revoked.status(), 200);
    }
    // None of these attempts had an effect on the credential that was misused.
    lab.send(&redemption(&WEB, &code)).granted();
    lab.refresh(&WEB, tokens.refresh()).granted();
}

#[test]
fn unknown_parameters_change_nothing() {
    // R098, V129
    let lab = lab();
    let code = lab.code(&WEB);
    let call = redemption(&WEB, &code).all(&[
        ("client_session_host", "evil.example"),
        ("subject", "mallory"),
        ("expires_in", "999999999"),
        ("x", "1"),
        ("x", "2"),
    ]);
    let tokens = lab.send(&call).granted();
    assert_eq!(lab.introspect(&tokens.access)["sub"], "alice");
    let rows = oauth_testkit::block_on(lab.store.everything());
    assert!(rows.values().all(|row| !row.data.as_str().contains("evil.example")));
    lab.send(&refreshing(&WEB, tokens.refresh()).with("client_session_host", "evil.example"))
        .granted();
}
