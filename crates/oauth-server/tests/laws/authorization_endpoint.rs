//! The authorization endpoint (RFC 6749 §3.1, §4.1.1–4.1.2): what is refused, how, and what comes back.

use http::Method;
use oauth_server::{AuthorizeError, ErrorCode, GrantType, LONGEST_STATE, Pending, RefreshToken, Secret};
use oauth_testkit::block_on;
use oauth_testkit::http::{Answer, Call, Location, form_of};
use oauth_testkit::lab::{APP, ISSUER, MACHINE, POSTER, STATE, WEB, authorization, redemption, redirect_uri, scope};

use crate::{lab, lab_with};

fn approved(pending: Pending) -> Location {
    let scope = pending.scope().clone();
    Location::new(block_on(pending.approve("alice", scope)).unwrap().location())
}

#[test]
fn get_and_post_mean_the_same() {
    // R051
    let lab = lab();
    let get = authorization(&WEB);
    let mut post = Call::post("/authorize");
    for (name, value) in get.pairs() {
        post = post.with(name, value);
    }
    for call in [get, post] {
        let location = lab.approve(&call);
        assert_eq!(location.base(), redirect_uri(&WEB));
        assert_eq!(location.param("state").unwrap(), STATE);
        assert_eq!(location.param("iss").unwrap(), ISSUER);
        lab.send(&redemption(&WEB, &location.param("code").unwrap())).granted();
    }
    // Parameters of the one are not those of the other: a POST's query is not looked at (I002).
    let split =
        Call::post("/authorize?client_id=web&redirect_uri=https%3A%2F%2Fweb.example%2Fcb").with("scope", "read");
    lab.shown(&split);
}

#[test]
fn other_methods_are_told_which_there_are() {
    // R051, R234
    for method in [
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let mut call = Call::new(method, "/authorize");
        for (name, value) in authorization(&WEB).pairs() {
            call = call.with(name, value);
        }
        let answer = Answer::of(lab().shown(&call).reply().into_response());
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    }
}

#[test]
fn a_request_by_head_is_never_decided() {
    let lab = lab();
    let asked = authorization(&WEB);
    let pairs: Vec<(&str, &str)> = asked
        .pairs()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let pending = lab
        .authorize(&Call::new(Method::HEAD, format!("/authorize?{}", form_of(&pairs))))
        .unwrap();
    let scope = pending.scope().clone();
    let parked = block_on(pending.park(&Secret::new("a browser")));
    let denied = block_on(pending.clone().deny()).map(|_| ());
    let approved = block_on(pending.approve("alice", scope)).map(|_| ());
    for refused in [parked.map(|_| ()), denied, approved] {
        let Err(AuthorizeError::Show(refusal)) = refused else {
            panic!("a HEAD request was decided: {refused:?}");
        };
        assert_eq!(refusal.status().as_u16(), 405);
    }
}

#[test]
fn an_answer_is_a_see_other_that_nobody_keeps() {
    // R048, R050
    let lab = lab();
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    let scope = pending.scope().clone();
    let good = block_on(pending.approve("alice", scope)).unwrap();
    let Err(AuthorizeError::Redirect(bad)) = lab.authorize(&authorization(&WEB).set("scope", "x")) else {
        panic!("an unknown scope is an error for the client");
    };
    for redirect in [good, bad] {
        let answer = Answer::of(redirect.into_response());
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.text(), "");
    }
}

#[test]
fn a_bad_client_or_redirect_uri_never_redirects() {
    // R041, R042, R046, V027–V029, V038, V040, V041
    let lab = lab();
    let honest = authorization(&POSTER);
    for call in [
        honest.clone().without("client_id"),
        honest.clone().set("client_id", ""),
        honest.clone().set("client_id", "nobody"),
        honest.clone().set("client_id", "POSTER"),
        honest.clone().set("client_id", "poster "),
        honest.clone().with("client_id", "poster"),
        honest.clone().without("redirect_uri"),
        honest.clone().set("redirect_uri", ""),
        honest.clone().set("redirect_uri", "https://evil.example/cb"),
        honest.clone().with("redirect_uri", "https://poster.example/other"),
        // Other errors do not come first, where they would redirect.
        honest.clone().set("client_id", "nobody").set("response_type", "bogus"),
        honest
            .clone()
            .set("redirect_uri", "https://evil.example")
            .set("response_type", "id_token token"),
        honest
            .clone()
            .set("redirect_uri", "https://evil.example")
            .set("prompt", "none"),
        honest
            .clone()
            .set("redirect_uri", "https://evil.example")
            .set("response_mode", "form_post"),
        honest
            .clone()
            .set("redirect_uri", "https://evil.example")
            .set("scope", "\""),
    ] {
        let answer = Answer::of(lab.shown(&call).reply().into_response());
        answer.refused(400, &answer.member("error").unwrap());
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("refresh"), None);
        assert!(!answer.text().contains("evil"), "{}", answer.text());
    }
}

#[test]
fn errors_of_a_trusted_client_go_back_with_state_and_issuer() {
    // R055, R056, R058, R059, R062, R074, R081, V112
    let lab = lab();
    let honest = authorization(&WEB);
    for (call, code) in [
        (honest.clone().without("response_type"), "invalid_request"),
        (honest.clone().set("response_type", ""), "invalid_request"),
        (
            honest.clone().set("response_type", "token"),
            "unsupported_response_type",
        ),
        (
            honest.clone().set("response_type", "id_token"),
            "unsupported_response_type",
        ),
        (
            honest.clone().set("response_type", "code token"),
            "unsupported_response_type",
        ),
        (honest.clone().set("response_type", "Code"), "unsupported_response_type"),
        (
            honest.clone().set("response_type", "code "),
            "unsupported_response_type",
        ),
        (honest.clone().set("response_mode", "bogus"), "invalid_request"),
        (honest.clone().set("response_mode", "fragment"), "invalid_request"),
        (honest.clone().set("response_mode", "form_post"), "invalid_request"),
        (honest.clone().set("scope", "admin"), "invalid_scope"),
        (honest.clone().set("scope", "read admin"), "invalid_scope"),
        (honest.clone().set("scope", "nothing-such"), "invalid_scope"),
        (honest.clone().set("scope", "READ"), "invalid_scope"),
        (
            honest.clone().with("request", "eyJhbGciOiJub25lIn0.e30."),
            "request_not_supported",
        ),
        (
            honest.clone().with("request_uri", "http://127.0.0.1:1/"),
            "request_uri_not_supported",
        ),
        (
            honest.clone().with("request_uri", "http://169.254.169.254/"),
            "request_uri_not_supported",
        ),
    ] {
        let location = lab.sent_back(&call, code);
        assert_eq!(location.base(), redirect_uri(&WEB));
        assert_eq!(location.param("state").as_deref(), Some(STATE), "{call:?}");
    }
    assert!(lab.authorize(&honest.set("response_mode", "query")).is_ok());
}

#[test]
fn a_repeated_parameter_is_an_error() {
    // R054, I001, I003, I004
    let lab = lab();
    for name in [
        "response_type",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "response_mode",
    ] {
        let honest = authorization(&WEB);
        let value = honest
            .pairs()
            .iter()
            .find(|(own, _)| own == name)
            .map_or("x", |(_, value)| value)
            .to_owned();
        let doubled = if honest.pairs().iter().any(|(own, _)| own == name) {
            honest.clone().with(name, &value)
        } else {
            honest.clone().with(name, &value).with(name, &value)
        };
        lab.sent_back(&doubled, "invalid_request");
        lab.sent_back(&honest.clone().set(name, &value).with(name, ""), "invalid_request");
    }
    let fine = authorization(&WEB).all(&[
        ("extra", "1"),
        ("extra", "2"),
        ("resource", "https://api.example/"),
        ("resource", "https://other.example/"),
        ("scope[]", "admin"),
        ("a.b", "c"),
    ]);
    assert!(lab.authorize(&fine).is_ok());
}

#[test]
fn an_empty_parameter_is_an_absent_one() {
    // R053
    let lab = lab();
    let location = lab.approve(&authorization(&WEB).set("state", ""));
    assert_eq!(location.param("state"), None);
    assert!(!location.uri().contains("state"));
    let pending = lab.authorize(&authorization(&WEB).set("scope", "")).unwrap();
    assert_eq!(pending.scope().as_str(), "read");
    lab.sent_back(&authorization(&WEB).set("code_challenge", ""), "invalid_request");
}

#[test]
fn a_scope_is_a_set() {
    // R057, R058
    let lab = lab();
    for (asked, means) in [
        ("read write", "read write"),
        ("write read", "read write"),
        ("write write read", "read write"),
        ("read", "read"),
    ] {
        let pending = lab.authorize(&authorization(&WEB).set("scope", asked)).unwrap();
        assert_eq!(pending.scope(), &scope(means));
    }
    for bad in [
        "read  write",
        " read",
        "read ",
        "read\nwrite",
        "read\twrite",
        "a\"b",
        "a\\b",
        "é",
        "read\u{2028}",
        "\u{1f600}",
    ] {
        lab.sent_back(&authorization(&WEB).set("scope", bad), "invalid_scope");
    }
    let implied = lab.authorize(&authorization(&WEB).without("scope")).unwrap();
    assert_eq!(implied.scope(), &scope("read"));
}

#[test]
fn without_a_default_scope_every_client_names_one() {
    // R058
    let lab = lab();
    lab.edit(&WEB, |client| client.scope = scope("write"));
    lab.sent_back(&authorization(&WEB).without("scope"), "invalid_scope");
}

#[test]
fn state_comes_back_as_it_went() {
    // R060, I016, I017, I020
    let lab = lab();
    let long = "s".repeat(512);
    let longest = "s".repeat(LONGEST_STATE);
    for state in [
        "x",
        &long,
        &longest,
        "a+b c%20d&e=f#g?h",
        "\r\nSet-Cookie: x=1",
        "\"'<script>alert(1)</script>",
        "héllo \u{1f600} \u{202e}",
        "{\"a\":[1,2]}",
        "%00",
    ] {
        let location = lab.approve(&authorization(&WEB).set("state", state));
        assert_eq!(location.param("state").as_deref(), Some(state));
        let unsafe_byte = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'#');
        assert!(!location.uri().bytes().any(unsafe_byte), "{location:?}");
        let location = lab.sent_back(
            &authorization(&WEB).set("state", state).set("scope", "x"),
            "invalid_scope",
        );
        assert_eq!(location.param("state").as_deref(), Some(state));
    }
    let too_long = authorization(&WEB).set("state", format!("{longest}s"));
    let location = lab.sent_back(&too_long, "invalid_request");
    assert_eq!(location.param("state"), None, "never cut");
}

#[test]
fn what_is_no_form_is_refused_before_anything_else() {
    // I011–I013
    let lab = lab();
    for query in [
        "client_id=web&state=%",
        "client_id=web&state=%zz",
        "client_id=web&state=%u0041",
        "client_id=web&state=%ff",
        "client_id=web&state=%c0%af",
        "client_id=web&state=%ed%a0%80",
        "client_id=web%00",
        "%00=x",
    ] {
        let call = Call::get(format!(
            "/authorize?redirect_uri=https%3A%2F%2Fweb.example%2Fcb&{query}"
        ));
        assert_eq!(*lab.shown(&call).code(), ErrorCode::INVALID_REQUEST, "{query}");
    }
}

#[test]
fn hostile_values_are_never_echoed_in_an_error() {
    // R061, V042, V106
    let lab = lab();
    let hostile = "\"><svg onload=alert(1)>${7*7}{{7*7}}\r\nX: y\u{1b}[31mé";
    for name in [
        "response_type",
        "scope",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "request",
    ] {
        let call = authorization(&WEB).set(name, hostile);
        let Err(AuthorizeError::Redirect(redirect)) = lab.authorize(&call) else {
            panic!("{name} is refused");
        };
        let location = Location::new(redirect.location());
        let description = location.param("error_description").unwrap_or_default();
        assert!(
            !description.contains("svg") && !description.contains("49"),
            "{description}"
        );
        assert!(
            description
                .chars()
                .all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')),
            "{description}"
        );
    }
    for name in ["client_id", "redirect_uri"] {
        let rejection = lab.shown(&authorization(&WEB).set(name, hostile));
        let answer = Answer::of(rejection.reply().into_response());
        assert!(!answer.text().contains("svg"), "{}", answer.text());
    }
}

#[test]
fn a_client_asks_only_for_what_it_is_registered_for() {
    // R056, V110, V132
    let lab = lab();
    let asking = authorization(&MACHINE).set("scope", "read");
    lab.edit(&MACHINE, |client| {
        client.redirect_uris.push("https://stranger.example/cb".to_owned());
    });
    lab.sent_back(&asking, "unauthorized_client");
    // A response type without its grant is not enough, nor is the grant without it.
    lab.edit(&MACHINE, |client| client.response_types.push("code".to_owned()));
    lab.sent_back(&asking, "unauthorized_client");
    lab.edit(&MACHINE, |client| {
        client.response_types.clear();
        client.grant_types.push(GrantType::AUTHORIZATION_CODE);
    });
    lab.sent_back(&asking, "unauthorized_client");
}

#[test]
fn a_decision_cannot_widen_the_request() {
    // R059, V105
    let lab = lab();
    let decide = |granted: &str| {
        let pending = lab.authorize(&authorization(&WEB).set("scope", "read")).unwrap();
        Location::new(block_on(pending.approve("alice", scope(granted))).unwrap().location())
    };
    let code = decide("read write admin").param("code").unwrap();
    assert_eq!(lab.send(&redemption(&WEB, &code)).granted().scope, "read");
    for nothing in ["", "write", "admin"] {
        let refused = decide(nothing);
        assert_eq!(refused.param("error").as_deref(), Some("access_denied"), "{nothing}");
        assert_eq!(refused.param("code"), None);
    }
}

#[test]
fn a_person_may_grant_less_and_the_client_is_told() {
    // R100, R125
    let lab = lab();
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    let location = Location::new(block_on(pending.approve("alice", scope("write"))).unwrap().location());
    let tokens = lab.send(&redemption(&WEB, &location.param("code").unwrap())).granted();
    assert_eq!(tokens.scope, "write");
    assert_eq!(lab.refresh(&WEB, tokens.refresh()).granted().scope, "write");
}

#[test]
fn denial_is_an_answer_too() {
    // R062
    let lab = lab();
    let pending = lab.authorize(&authorization(&APP)).unwrap();
    let location = Location::new(block_on(pending.deny()).unwrap().location());
    assert_eq!(location.param("error").as_deref(), Some("access_denied"));
    assert_eq!(location.param("state").as_deref(), Some(STATE));
    assert_eq!(location.param("iss").as_deref(), Some(ISSUER));
    assert_eq!(lab.store.commits().len(), 0);
}

#[test]
fn a_pending_request_shows_what_a_consent_page_needs() {
    // R070
    let lab = lab();
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    assert_eq!(pending.client().name.as_deref(), Some("Web application"));
    assert_eq!(pending.scope(), &scope("read write"));
    assert_eq!(pending.redirect_uri(), redirect_uri(&WEB));
    assert_eq!(
        lab.store.commits().len(),
        0,
        "nothing is stored before a person decides (R239)"
    );
}

#[test]
fn a_parked_request_carries_everything_through_the_sign_in() {
    // R060, R115: neither state nor challenge passes through a form.
    let lab = lab();
    let browser = Secret::new("session of this browser");
    let handle = block_on(lab.authorize(&authorization(&APP)).unwrap().park(&browser)).unwrap();
    let pending = block_on(lab.server.resume(&handle, &browser)).unwrap();
    let location = approved(pending);
    assert_eq!(location.param("state").as_deref(), Some(STATE));
    let code = location.param("code").unwrap();
    lab.send(&redemption(&APP, &code).without("code_verifier"))
        .refused(400, "invalid_grant");
    lab.send(&redemption(&APP, &code)).granted();
}

#[test]
fn a_parked_request_belongs_to_one_browser() {
    // V008, V103, V130, V131
    let lab = lab();
    let browser = Secret::new("session of the attacker's browser");
    let handle = block_on(lab.authorize(&authorization(&APP)).unwrap().park(&browser)).unwrap();
    for other in ["", "session of the victim's browser", handle.expose()] {
        let resumed = block_on(lab.server.resume(&handle, &Secret::new(other)));
        assert!(matches!(resumed, Err(AuthorizeError::Show(_))), "{other}");
    }
    let swapped = block_on(lab.server.resume(&browser, &handle));
    assert!(matches!(swapped, Err(AuthorizeError::Show(_))));
    assert!(
        block_on(lab.server.resume(&handle, &browser)).is_ok(),
        "looking does not consume it"
    );
}

#[test]
fn a_parked_request_is_decided_once() {
    // C25: two tabs, two clicks.
    let lab = lab();
    let browser = Secret::new("browser");
    let handle = block_on(lab.authorize(&authorization(&APP)).unwrap().park(&browser)).unwrap();
    let resume = || block_on(lab.server.resume(&handle, &browser));
    let (first, second, third) = (resume().unwrap(), resume().unwrap(), resume().unwrap());
    approved(first);
    let scope = second.scope().clone();
    let again = block_on(second.approve("alice", scope));
    assert!(matches!(again, Err(AuthorizeError::Show(_))));
    assert!(matches!(block_on(third.deny()), Err(AuthorizeError::Show(_))));
    assert!(matches!(resume(), Err(AuthorizeError::Show(_))));
}

#[test]
fn a_request_that_is_parked_again_leaves_its_old_place() {
    // V131, C25: the session gets a new secret at sign-in, and the request moves with it.
    let lab = lab();
    let (before, after) = (Secret::new("before the sign-in"), Secret::new("after the sign-in"));
    let first = block_on(lab.authorize(&authorization(&APP)).unwrap().park(&before)).unwrap();
    let waiting = block_on(lab.server.resume(&first, &before)).unwrap();
    let late = waiting.clone();
    let second = block_on(waiting.park(&after)).unwrap();
    assert!(block_on(lab.server.resume(&first, &before)).is_err());
    assert!(block_on(lab.server.resume(&second, &before)).is_err());
    assert!(matches!(block_on(late.park(&before)), Err(AuthorizeError::Show(_))));
    approved(block_on(lab.server.resume(&second, &after)).unwrap());
}

#[test]
fn a_parked_request_expires_and_is_checked_again() {
    let lab = lab();
    let browser = Secret::new("browser");
    let park = || block_on(lab.authorize(&authorization(&WEB)).unwrap().park(&browser)).unwrap();
    let late = park();
    lab.clock.advance(std::time::Duration::from_secs(600));
    assert!(block_on(lab.server.resume(&late, &browser)).is_err());
    // What the client is registered for may change while the person signs in.
    let handle = park();
    lab.edit(&WEB, |client| {
        client.redirect_uris = vec!["https://web.example/new".to_owned()];
    });
    let changed = block_on(lab.server.resume(&handle, &browser));
    assert!(matches!(changed, Err(AuthorizeError::Show(_))));
}

#[test]
fn two_requests_in_one_browser_do_not_mix() {
    // C27
    let lab = lab();
    let browser = Secret::new("browser");
    let park = |call: &Call| block_on(lab.authorize(call).unwrap().park(&browser)).unwrap();
    let app = park(&authorization(&APP).set("state", "of the app"));
    let web = park(&authorization(&WEB).set("state", "of the web"));
    for (handle, who, state) in [(web, WEB, "of the web"), (app, APP, "of the app")] {
        let location = approved(block_on(lab.server.resume(&handle, &browser)).unwrap());
        assert_eq!(location.base(), redirect_uri(&who));
        assert_eq!(location.param("state").as_deref(), Some(state));
        lab.send(&redemption(&who, &location.param("code").unwrap())).granted();
    }
}

#[test]
fn parameters_of_openid_that_is_not_mounted_are_unknown_ones() {
    // R052, I018, I021, I022. Real clients: MCP SDKs add `prompt` and `offline_access`-like parameters; `nonce` and `resource` are sent always.
    let lab = lab();
    let call = authorization(&WEB).all(&[
        ("prompt", "consent"),
        ("nonce", &"n".repeat(384)),
        ("resource", "https://mcp.example/"),
        ("max_age", "99999999999999999999"),
        ("claims", &"[".repeat(10_000)),
        ("display", "\u{0}".trim_matches('\u{0}')),
    ]);
    let location = lab.approve(&call);
    lab.send(&redemption(&WEB, &location.param("code").unwrap())).granted();
}

#[test]
fn claims_of_a_consent_travel_to_introspection() {
    let lab = lab_with(RefreshToken::rotating(), |builder| builder);
    let pending = lab.authorize(&authorization(&WEB)).unwrap();
    let mut claims = oauth_server::Claims::default();
    claims.set("auth_time", 1_700_000_000);
    claims.set("active", false);
    claims.set("sub", "mallory");
    let consent = oauth_server::Consent {
        claims,
        ..oauth_server::Consent::of("alice", pending.scope().clone())
    };
    let location = Location::new(block_on(pending.consent(consent)).unwrap().location());
    let tokens = lab.send(&redemption(&WEB, &location.param("code").unwrap())).granted();
    for token in [
        tokens.access.clone(),
        lab.refresh(&WEB, tokens.refresh()).granted().access,
    ] {
        let told = lab.introspect(&token);
        assert_eq!(told["auth_time"], 1_700_000_000);
        assert_eq!(told["active"], true, "no claim replaces a registered member");
        assert_eq!(told["sub"], "alice");
    }
}
