//! The implicit grant (RFC 6749 §4.2), for clients that cannot be changed: an access token in the fragment, and nothing more.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use oauth_server::{
    Approval, AuthorizationCode, AuthorizeError, Builder, Client, Consent, Context, GrantType, Implicit, Incoming,
    MemoryStore, Pending, Policy, Redirect, RefreshToken, Rejection, Secret, Subject,
};
use oauth_testkit::http::{Call, Location, Who, form_of};
use oauth_testkit::lab::{APP, ISSUER, STATE, WEB, authorization, redirect_uri, scope};
use oauth_testkit::{Flaky, Lab, Moment, Watched, block_on};
use serde_json::json;

use crate::{Store, lab_with};

fn lab_and(more: impl FnOnce(Builder) -> Builder) -> Lab<Store> {
    let lab = lab_with(RefreshToken::rotating(), |builder| {
        more(builder.install(Implicit::danger_new()))
    });
    for who in [WEB, APP] {
        registered(&lab, &who);
    }
    lab
}

fn lab() -> Lab<Store> {
    lab_and(|builder| builder)
}

/// Registers a client for the implicit grant, beside what it may do already.
fn registered<S: oauth_server::Model + oauth_server::Documents + Clone>(lab: &Lab<S>, who: &Who) {
    lab.edit(who, |client| {
        client.grant_types.push(GrantType::IMPLICIT);
        client.response_types.push("token".to_owned());
    });
}

/// The request of a client that has not changed since 2012.
fn asked(who: &Who) -> Call {
    Call::get("/authorize").all(&[
        ("response_type", "token"),
        ("client_id", who.id),
        ("redirect_uri", redirect_uri(who)),
        ("scope", "read write"),
        ("state", STATE),
    ])
}

/// The parameters of the fragment; there are none in the query.
#[track_caller]
fn fragment(redirect: &Redirect) -> Location {
    let (base, fragment) = redirect.location().split_once('#').unwrap();
    assert!(!base.contains(STATE) && !base.contains("access_token") && !base.contains("error"));
    Location::new(format!("{base}?{fragment}"))
}

fn approved(pending: Pending) -> Result<Redirect, AuthorizeError> {
    let scope = pending.scope().clone();
    block_on(pending.approve("alice", scope))
}

fn answer(lab: &Lab<Store>, call: &Call) -> Location {
    fragment(&approved(lab.authorize(call).unwrap()).unwrap())
}

/// Insists that a request ends with that error, in the fragment.
#[track_caller]
fn refused(outcome: Result<Redirect, AuthorizeError>, code: &str) -> Location {
    let Err(AuthorizeError::Redirect(redirect)) = outcome else {
        panic!("{outcome:?}");
    };
    let location = fragment(&redirect);
    assert_eq!(location.param("error").as_deref(), Some(code));
    assert_eq!(location.param("state").as_deref(), Some(STATE));
    assert_eq!(location.param("iss").as_deref(), Some(ISSUER));
    assert_eq!(location.param("access_token"), None);
    location
}

#[test]
fn an_access_token_travels_in_the_fragment_alone() {
    // R048, R050, R060, R062, R100
    let lab = lab();
    for who in [WEB, APP] {
        let pending = lab.authorize(&asked(&who)).unwrap();
        let redirect = approved(pending).unwrap();
        assert!(
            redirect
                .location()
                .starts_with(&format!("{}#access_token=", redirect_uri(&who)))
        );
        let location = fragment(&redirect);
        let names: Vec<String> = location.params().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["access_token", "token_type", "expires_in", "scope", "state", "iss"]
        );
        assert_eq!(location.param("token_type").as_deref(), Some("Bearer"));
        assert_eq!(location.param("expires_in").as_deref(), Some("3600"));
        assert_eq!(location.param("scope").as_deref(), Some("read write"));
        assert_eq!(location.param("state").as_deref(), Some(STATE));
        assert_eq!(location.param("iss").as_deref(), Some(ISSUER));
        let response = redirect.into_response();
        assert_eq!(response.status().as_u16(), 303);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        // It is a token like any other.
        let token = location.param("access_token").unwrap();
        let told = lab.introspect(&token);
        assert_eq!(told["sub"], "alice");
        assert_eq!(told["client_id"], who.id);
        let request = Call::get("/x").bearer(&token).request();
        let seen = block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap();
        assert_eq!(seen.subject().map(Subject::as_str), Some("alice"));
        assert_eq!(seen.scope(), &scope("read write"));
    }
}

#[test]
fn there_is_never_a_refresh_token() {
    // R105
    let lab = lab();
    let location = answer(&lab, &asked(&APP));
    assert_eq!(location.param("refresh_token"), None);
    let rows = block_on(lab.store.everything());
    assert_eq!(rows.len(), 1);
    assert!(rows.keys().all(|key| key.is(&oauth_server::ACCESS_TOKEN)));
}

#[test]
fn it_is_off_unless_a_client_is_registered_for_it_in_both_ways() {
    // R056, V110
    let lab = lab_with(RefreshToken::rotating(), |builder| {
        builder.install(Implicit::danger_new())
    });
    let outcome = || lab.authorize(&asked(&APP)).and_then(approved);
    refused(outcome(), "unauthorized_client");
    lab.edit(&APP, |client| client.response_types.push("token".to_owned()));
    refused(outcome(), "unauthorized_client");
    lab.edit(&APP, |client| {
        client.response_types.retain(|own| own != "token");
        client.grant_types.push(GrantType::IMPLICIT);
    });
    refused(outcome(), "unauthorized_client");
    assert!(lab.store.commits().is_empty());
    lab.edit(&APP, |client| client.response_types.push("token".to_owned()));
    fragment(&outcome().unwrap());
    // And no token request makes an access token of it.
    lab.send(&Call::post("/token").with("grant_type", "implicit").by(&APP))
        .refused(400, "unsupported_grant_type");
}

#[test]
fn without_it_there_is_no_such_response_type() {
    // R055
    let lab = crate::lab();
    registered(&lab, &APP);
    let location = lab.sent_back(&asked(&APP), "unsupported_response_type");
    assert_eq!(location.param("state").as_deref(), Some(STATE));
}

#[test]
fn errors_travel_in_the_fragment_too() {
    // R054, R060, R062
    let lab = lab();
    let send = |call: &Call| lab.authorize(call).and_then(approved);
    refused(send(&asked(&APP).set("scope", "admin")), "invalid_scope");
    refused(send(&asked(&APP).set("scope", "\"")), "invalid_scope");
    refused(send(&asked(&APP).with("request", "x")), "request_not_supported");
    refused(send(&asked(&APP).with("scope", "read")), "invalid_request");
    // A token in a query would be in every log.
    for mode in ["query", "form_post", "x"] {
        refused(send(&asked(&APP).with("response_mode", mode)), "invalid_request");
    }
    fragment(&send(&asked(&APP).with("response_mode", "fragment")).unwrap());
    // And a code in a fragment is not what anybody asked for.
    let code = authorization(&APP).with("response_mode", "fragment");
    lab.sent_back(&code, "invalid_request");
    // Whoever may not be trusted with an answer is not trusted with an error.
    lab.shown(&asked(&APP).set("redirect_uri", "https://evil.example/cb"));
    lab.shown(&asked(&APP).set("client_id", "nobody"));
}

#[test]
fn a_person_who_refuses_is_told_of_in_the_fragment() {
    // R060
    let lab = lab();
    let pending = lab.authorize(&asked(&APP)).unwrap();
    let redirect = block_on(pending.deny()).unwrap();
    let location = fragment(&redirect);
    assert_eq!(location.param("error").as_deref(), Some("access_denied"));
    assert_eq!(location.param("state").as_deref(), Some(STATE));
    let pending = lab.authorize(&asked(&APP)).unwrap();
    let redirect = block_on(pending.approve("alice", scope("admin"))).unwrap();
    assert_eq!(fragment(&redirect).param("error").as_deref(), Some("access_denied"));
    assert!(lab.store.commits().is_empty());
}

#[test]
fn a_person_may_agree_to_less_and_never_to_more() {
    // R059, V105
    let lab = lab();
    for (agreed, granted) in [("read", "read"), ("read write admin", "read write")] {
        let pending = lab.authorize(&asked(&APP)).unwrap();
        let location = fragment(&block_on(pending.approve("alice", scope(agreed))).unwrap());
        assert_eq!(location.param("scope").as_deref(), Some(granted));
        let token = location.param("access_token").unwrap();
        assert_eq!(lab.introspect(&token)["scope"], granted);
    }
}

#[test]
fn a_consent_says_what_the_token_carries_and_how_long_it_lives() {
    // R100
    let lab = lab();
    let mut consent = Consent::of("alice", scope("read"));
    consent.claims.set("acr", "gold");
    consent.lifetime = Some(Duration::from_secs(90));
    let pending = lab.authorize(&asked(&APP)).unwrap();
    let location = fragment(&block_on(pending.consent(consent)).unwrap());
    assert_eq!(location.param("expires_in").as_deref(), Some("90"));
    let token = location.param("access_token").unwrap();
    assert_eq!(lab.introspect(&token)["acr"], "gold");
    lab.clock.advance(Duration::from_millis(89_999));
    assert!(lab.is_active(&token));
    lab.clock.advance(Duration::from_millis(1));
    assert!(!lab.is_active(&token));
    // Otherwise it is the client's own.
    lab.edit(&APP, |client| client.access_token_lifetime = Some(120));
    assert_eq!(answer(&lab, &asked(&APP)).param("expires_in").as_deref(), Some("120"));
}

struct ReadOnlyAndNotMallory;

#[async_trait]
impl Policy for ReadOnlyAndNotMallory {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        match approval.subject().map(Subject::as_str) {
            Some("mallory") => Err(Rejection::access_denied("mallory is locked")),
            _ => Ok(approval.limited_to(&scope("read"), cx).with_refresh_token()),
        }
    }
}

#[test]
fn policies_review_it_and_cannot_add_a_refresh_token() {
    // V084, R105
    let lab = lab_and(|builder| builder.policy(ReadOnlyAndNotMallory));
    let location = answer(&lab, &asked(&APP));
    assert_eq!(location.param("scope").as_deref(), Some("read"));
    assert_eq!(location.param("refresh_token"), None);
    let rows = block_on(lab.store.everything());
    assert!(rows.keys().all(|key| key.is(&oauth_server::ACCESS_TOKEN)));
    let pending = lab.authorize(&asked(&APP)).unwrap();
    refused(block_on(pending.approve("mallory", scope("read"))), "access_denied");
    assert_eq!(block_on(lab.store.everything()).len(), 1);
}

#[test]
fn a_request_by_head_mints_nothing() {
    // I036
    let lab = lab();
    let call = asked(&APP);
    let pairs: Vec<(&str, &str)> = call.pairs().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let head = Call::new(Method::HEAD, format!("/authorize?{}", form_of(&pairs)));
    let Err(AuthorizeError::Show(refusal)) = lab.authorize(&head).and_then(approved) else {
        panic!("a HEAD request was decided");
    };
    assert_eq!(refusal.status().as_u16(), 405);
    assert!(lab.store.commits().is_empty());
}

#[test]
fn a_parked_request_is_decided_once() {
    // C25
    let lab = lab();
    let browser = Secret::new("browser");
    let handle = block_on(lab.authorize(&asked(&APP)).unwrap().park(&browser)).unwrap();
    let resume = || block_on(lab.server.resume(&handle, &browser));
    let (first, second, third) = (resume().unwrap(), resume().unwrap(), resume().unwrap());
    fragment(&approved(first).unwrap());
    assert!(matches!(approved(second), Err(AuthorizeError::Show(_))));
    assert!(matches!(block_on(third.deny()), Err(AuthorizeError::Show(_))));
    assert!(resume().is_err());
    let rows = block_on(lab.store.everything());
    let tokens = rows.keys().filter(|key| key.is(&oauth_server::ACCESS_TOKEN));
    assert_eq!(tokens.count(), 1);
}

#[test]
fn the_metadata_tells_of_it() {
    // R170
    let lab = lab();
    let told = lab.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    let holds = |name: &str, value: &str| told[name].as_array().unwrap().contains(&json!(value));
    assert!(holds("grant_types_supported", "implicit"));
    assert!(holds("response_types_supported", "token"));
    assert!(holds("response_types_supported", "code"));
    assert!(holds("response_modes_supported", "fragment"));
    assert!(holds("response_modes_supported", "query"));

    let alone = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder.install(Implicit::danger_new())
    });
    let told = alone.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    assert_eq!(told["grant_types_supported"], json!(["implicit"]));
    assert_eq!(told["response_types_supported"], json!(["token"]));
    assert_eq!(told["response_modes_supported"], json!(["fragment"]));
}

#[test]
fn a_store_that_fails_is_told_of_in_the_fragment_and_leaves_no_token() {
    // C36
    let make = || {
        let lab = Lab::over(Flaky::new(Watched::new(MemoryStore::new())), |builder| {
            builder
                .install(AuthorizationCode::new())
                .install(Implicit::danger_new())
        });
        registered(&lab, &APP);
        lab.store.recover();
        lab
    };
    for failing in 1..=2 {
        for moment in [Moment::Before, Moment::After] {
            let lab = make();
            lab.store.fail(failing, moment);
            match lab.authorize(&asked(&APP)).and_then(approved) {
                Err(AuthorizeError::Show(rejection)) => {
                    assert_eq!(
                        (failing, rejection.status().as_u16()),
                        (1, 503),
                        "the client is not known yet"
                    );
                }
                outcome => {
                    assert_eq!(failing, 2);
                    refused(outcome, "temporarily_unavailable");
                }
            }
            assert_eq!(lab.store.calls(), failing);
            lab.store.recover();
            fragment(&lab.authorize(&asked(&APP)).and_then(approved).unwrap());
        }
    }
}

#[test]
fn a_registered_query_is_kept_before_the_fragment() {
    // I094
    let lab = lab();
    for registered in [
        "https://web.example/cb?tenant=1&x=%20",
        "https://web.example/cb?",
        "com.example.web:/cb?a=b",
    ] {
        lab.edit(&WEB, |client| client.redirect_uris = vec![registered.to_owned()]);
        let call = asked(&WEB).set("redirect_uri", registered);
        let redirect = approved(lab.authorize(&call).unwrap()).unwrap();
        assert!(
            redirect.location().starts_with(&format!("{registered}#access_token=")),
            "{redirect:?}"
        );
        let Err(AuthorizeError::Redirect(error)) = lab.authorize(&call.set("scope", "x")) else {
            panic!("an unknown scope is an error for the client");
        };
        assert!(error.location().starts_with(&format!("{registered}#error=")));
    }
}

#[test]
fn a_token_is_never_seen_where_it_could_be_logged() {
    // R235
    let lab = lab();
    let redirect = approved(lab.authorize(&asked(&APP)).unwrap()).unwrap();
    let token = fragment(&redirect).param("access_token").unwrap();
    assert!(!format!("{redirect:?}").contains(&token));
    assert!(!format!("{:?}", lab.store.commits()).contains(&token));
}
