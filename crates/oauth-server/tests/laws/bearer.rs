//! Protecting a resource (RFC 6750): `Server::authenticate` and its challenges.

use std::time::Duration;

use http::Method;
use oauth_server::MemoryStore;
use oauth_server::{AccessToken, Challenge, Incoming, LONGEST_ACCESS_TOKEN, RefreshToken};
use oauth_testkit::http::{Answer, Call};
use oauth_testkit::lab::{APP, MACHINE, WEB, for_itself, revoking, scope};
use oauth_testkit::{Flaky, Lab, Moment, Watched, block_on};

use crate::{Store, lab};

fn knock(lab: &Lab<Store>, call: &Call) -> Result<AccessToken, Challenge> {
    let request = call.request();
    block_on(lab.server.authenticate(&Incoming::of(&request)))
}

fn refused(lab: &Lab<Store>, call: &Call) -> Answer {
    match knock(lab, call) {
        Ok(token) => panic!("{token:?} is let in"),
        Err(challenge) => Answer::of(challenge.into_response()),
    }
}

#[test]
fn a_good_token_says_who_acts_and_what_is_allowed() {
    // R179
    let lab = lab();
    let token = lab.tokens(&APP).access;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let access = knock(
            &lab,
            &Call::get("/x").header("authorization", format!("{scheme} {token}")),
        )
        .unwrap();
        assert_eq!(access.subject().unwrap().as_str(), "alice");
        assert_eq!(access.client_id().as_str(), "app");
        assert_eq!(access.scope(), &scope("read write"));
    }
    assert!(
        knock(
            &lab,
            &Call::get("/x").header("authorization", format!("Bearer   {token}"))
        )
        .is_ok()
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
        assert!(knock(&lab, &Call::new(method, "/x").bearer(&token)).is_ok());
    }
}

#[test]
fn without_a_token_the_challenge_has_no_error() {
    // R182
    let lab = lab();
    for call in [
        Call::get("/x"),
        Call::get("/x").basic("web", "x"),
        Call::get("/x").header("authorization", "DPoP x"),
        Call::get("/x").header("authorization", ""),
    ] {
        let answer = refused(&lab, &call);
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"oauth\""));
        assert_eq!(answer.text(), "{}");
    }
}

#[test]
fn a_bad_token_is_an_invalid_token_whatever_is_bad_about_it() {
    // R183, R185, I067, V127, V081
    let lab = lab();
    let tokens = lab.tokens(&APP);
    let code = lab.code(&APP);
    let dead = lab.tokens(&APP).access;
    lab.send(&revoking(&APP, &dead));
    let long = "x".repeat(64 * 1024);
    let longer = "x".repeat(LONGEST_ACCESS_TOKEN + 1);
    let token = &tokens.access;
    let mut answers = Vec::new();
    for bad in [
        tokens.refresh(),
        &code,
        &dead,
        "x",
        "",
        " ",
        "a b",
        "a,b",
        &format!("{token},"),
        &format!("{token} x"),
        &format!("{token}\t"),
        &format!("\"{token}\""),
        &long,
        &longer,
        &token[1..],
        &format!("{token}=="),
        "e30.e30.",
        "\u{e9}",
    ] {
        answers.push(refused(
            &lab,
            &Call::get("/x").header("authorization", format!("Bearer {bad}")),
        ));
    }
    answers.push(refused(&lab, &Call::get("/x").header("authorization", "Bearer")));
    lab.clock.advance(Duration::from_secs(3600));
    answers.push(refused(&lab, &Call::get("/x").bearer(token)));
    for answer in answers {
        answer.refused(401, "invalid_token");
        let expected = "Bearer realm=\"oauth\", error=\"invalid_token\", \
                        error_description=\"the access token is unknown, expired or revoked\"";
        assert_eq!(answer.header("www-authenticate"), Some(expected));
    }
}

#[test]
fn a_token_travels_in_the_header_alone() {
    // R178, R180, R181
    let lab = lab();
    let token = lab.tokens(&APP).access;
    let query = Call::get(format!("/x?access_token={token}"));
    let body = Call::post("/x").with("access_token", &token);
    for call in [query.clone(), body] {
        let answer = refused(&lab, &call);
        assert_eq!((answer.status(), answer.text().as_ref()), (401, "{}"));
    }
    for twice in [
        query.bearer(&token),
        Call::get("/x").bearer(&token).bearer(&token),
        Call::get("/x?a=1&access_token=").bearer(&token),
    ] {
        let answer = refused(&lab, &twice);
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.member("error").as_deref(), Some("invalid_request"));
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_request\"")
        );
    }
    let form = Call::post("/x").with("access_token", &token).bearer(&token);
    let answer = refused(&lab, &form);
    assert_eq!(
        (answer.status(), answer.member("error").as_deref()),
        (400, Some("invalid_request"))
    );
}

#[test]
fn a_scope_that_is_missing_is_named() {
    // R183, R184, V095
    let lab = lab();
    let access = knock(
        &lab,
        &Call::get("/x").bearer(&lab.send(&for_itself(&MACHINE)).granted().access),
    )
    .unwrap();
    assert!(access.require(&scope("read")).is_ok());
    let answer = Answer::of(access.require(&scope("read write")).unwrap_err().into_response());
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.member("error").as_deref(), Some("insufficient_scope"));
    let expected = "Bearer realm=\"oauth\", error=\"insufficient_scope\", \
                    error_description=\"the access token does not allow this\", scope=\"read write\"";
    assert_eq!(answer.header("www-authenticate"), Some(expected));
    // The same token on another route: the requirement is asked of each request.
    assert!(access.require(&scope("read")).is_ok());
    assert!(access.require(&scope("write")).is_err());
}

#[test]
fn nothing_of_a_request_is_echoed_in_the_challenge() {
    // R184, R194, V117
    let lab = lab();
    for header in ["Bearer \"><svg>", "Bearer canary-secret", "Bearer a\", error=\"x"] {
        let call = Call::get("/x?realm=evil")
            .header("authorization", header)
            .header("host", "evil.example");
        let answer = refused(&lab, &call);
        let challenge = answer.header("www-authenticate").unwrap();
        for echo in ["svg", "canary", "evil"] {
            assert!(
                !challenge.contains(echo) && !answer.text().contains(echo),
                "{challenge}"
            );
        }
        assert_eq!(challenge.matches("error=").count(), 1);
    }
}

#[test]
fn when_the_store_fails_nobody_is_let_in() {
    // R193
    let watched = Watched::new(MemoryStore::new());
    let good = Lab::over(watched.clone(), |builder| {
        builder
            .install(oauth_server::AuthorizationCode::new())
            .install(RefreshToken::rotating())
    });
    let token = good.tokens(&WEB).access;
    let flaky = Flaky::new(watched);
    let server = oauth_server::Server::builder(flaky.clone())
        .issuer("https://auth.example")
        .clock(good.clock.clone())
        .install(oauth_server::AuthorizationCode::new())
        .build()
        .unwrap();
    let request = Call::get("/x").bearer(&token).request();
    for call in 1..=2 {
        flaky.fail(call, Moment::Before);
        let challenge = block_on(server.authenticate(&Incoming::of(&request))).unwrap_err();
        let answer = Answer::of(challenge.into_response());
        answer.refused(503, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    flaky.recover();
    assert!(block_on(server.authenticate(&Incoming::of(&request))).is_ok());
    assert_eq!(flaky.calls(), 2, "the credential and its client");
}
