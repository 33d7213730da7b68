//! Hostile input: whatever comes in, the answer is a 4xx in proper form, and the next request is served.

use http::Method;
use oauth_server::{AuthorizeError, ErrorCode, MOST_PARAMETERS, Params, Scope, check_redirect_uri};
use oauth_testkit::http::{Answer, Call, Location, encoded};
use oauth_testkit::lab::{
    API, APP, TV, WEB, authorization, device_authorization, for_itself, introspecting, polling, redemption, refreshing,
    revoking,
};
use proptest::prelude::*;

use crate::lab;

/// One honest request for each endpoint and grant.
fn honest() -> Vec<Call> {
    vec![
        for_itself(&WEB),
        redemption(&APP, "code"),
        refreshing(&APP, "token"),
        revoking(&APP, "token"),
        introspecting(&API, "token"),
        device_authorization(&TV),
        polling(&TV, "code"),
    ]
}

#[test]
fn what_decoders_disagree_about_is_refused_at_every_endpoint() {
    // I011–I013, R099
    let lab = lab();
    for call in honest() {
        for broken in [
            "%",
            "%2",
            "%zz",
            "%u0041",
            "%+1",
            "%ff",
            "%c0%af",
            "%ed%a0%80",
            "%f8%88%80%80%80",
            "%00",
            "x%00y",
        ] {
            let mut body = call.request().into_body();
            body.extend_from_slice(format!("&x={broken}").as_bytes());
            let mut call = call.clone();
            call = call.form(body);
            lab.send(&call).refused(400, "invalid_request");
        }
        for raw in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\0"] {
            let mut body = call.request().into_body();
            body.extend_from_slice(b"&x=");
            body.extend_from_slice(raw);
            lab.send(&call.clone().form(body)).refused(400, "invalid_request");
        }
    }
}

#[test]
fn a_nul_or_a_control_character_in_any_parameter_never_gets_through() {
    // I013, I014
    let lab = lab();
    for call in honest() {
        for (name, value) in call.pairs().to_vec() {
            let twins = [
                "\u{1}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\u{202e}", "\u{200d}", "e\u{301}", " ", "\t",
                "\r\n",
            ];
            for twin in twins {
                for other in [format!("{value}{twin}"), format!("{twin}{value}")] {
                    let answer = lab.send(&call.clone().set(&name, other));
                    let harmless = matches!(name.as_str(), "token") && answer.status() == 200;
                    assert!(
                        harmless || matches!(answer.status(), 400 | 401),
                        "{name} {}",
                        answer.text()
                    );
                    assert!(!answer.text().contains(twin) || twin == " ");
                }
            }
            lab.send(&call.clone().set(&name, format!("{value}\0x")))
                .refused(400, "invalid_request");
        }
    }
}

#[test]
fn many_or_long_parameters_are_refused_or_ignored_in_linear_time() {
    // I010
    let lab = lab();
    let many = |count: usize| {
        let mut body = for_itself(&WEB).request().into_body();
        body.extend((1..count).flat_map(|n| format!("&p{n}=x").into_bytes()));
        Call::post("/token").form(body).by(&WEB)
    };
    lab.send(&many(MOST_PARAMETERS)).granted();
    lab.send(&many(MOST_PARAMETERS + 1)).refused(400, "invalid_request");
    lab.send(&many(6_000)).refused(400, "invalid_request");
    lab.send(&for_itself(&WEB).with("n".repeat(60_000), "x")).granted();
    lab.send(&for_itself(&WEB).with("x", "x".repeat(60_000))).granted();
    lab.send(&for_itself(&WEB).with("scope", "x".repeat(60_000)))
        .refused(400, "invalid_scope");
    let long = authorization(&APP).with("x", "x".repeat(60_000));
    assert!(lab.authorize(&long).is_ok());
    let mut crowd = authorization(&APP);
    for n in 0..MOST_PARAMETERS {
        crowd = crowd.with(format!("p{n}"), "x");
    }
    lab.shown(&crowd);
}

#[test]
fn odd_headers_harm_nothing() {
    // I044, I042
    let lab = lab();
    let mut crowd = for_itself(&WEB);
    for n in 0..200 {
        crowd = crowd
            .header(&format!("x-{n}"), "y")
            .header("cookie", format!("a{n}=b; =; ;;; \"="));
    }
    crowd = crowd.header("x-long", "y".repeat(64 * 1024));
    lab.send(&crowd).granted();
}

#[test]
fn the_next_request_is_served_after_any_of_these() {
    let lab = lab();
    for body in [
        "",
        "&",
        "=",
        "=&=",
        "&&&&",
        "grant_type",
        "grant_type=",
        "a[b][c]=d",
        "__proto__=x&constructor=y",
        "%3d%26",
        "+",
        "\u{feff}grant_type=x",
    ] {
        lab.send(&Call::post("/token").form(body).by(&WEB))
            .refused(400, "invalid_request");
        lab.send(&Call::post("/revoke").form(body).by(&WEB))
            .refused(400, "invalid_request");
        lab.send(&Call::post("/introspect").form(body).by(&WEB))
            .refused(400, "invalid_request");
        lab.send(&for_itself(&WEB)).granted();
    }
}

fn safe_text(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~'))
}

/// What every answer of an endpoint keeps to, whatever was asked.
fn is_proper(answer: &Answer) {
    assert!((200..500).contains(&answer.status()), "{answer:?}");
    let body = answer.json();
    if answer.status() != 200 {
        assert!(body["error"].is_string(), "{body}");
        assert!(
            body.get("error_description")
                .is_none_or(|text| text.as_str().is_some_and(safe_text)),
            "{body}"
        );
    }
    answer.is_not_kept();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bodies_get_a_proper_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        // I070
        let lab = lab();
        for path in ["/token", "/revoke", "/introspect", "/device_authorization"] {
            is_proper(&lab.send(&Call::post(path).form(bytes.clone()).by(&WEB)));
            is_proper(&lab.send(&Call::post(path).form(bytes.clone())));
        }
        lab.send(&for_itself(&WEB)).granted();
    }

    #[test]
    fn arbitrary_values_get_a_proper_answer(
        at in 0usize..7,
        pick in any::<prop::sample::Index>(),
        value in "\\PC{0,40}|[\\x00-\\x7f]{0,40}|[A-Za-z0-9._~-]{0,60}",
    ) {
        let lab = lab();
        let call = honest().remove(at);
        let name = call.pairs()[pick.index(call.pairs().len())].0.clone();
        is_proper(&lab.send(&call.clone().set(&name, &value)));
        is_proper(&lab.send(&call.with(name, value)));
    }

    #[test]
    fn arbitrary_authorization_headers_get_a_proper_answer(value in "[\\x20-\\x7e\\t]{0,80}", scheme in "Basic |basic|Bearer |") {
        let lab = lab();
        let header = format!("{scheme}{value}");
        for call in [
            Call::post("/token").with("grant_type", "client_credentials"),
            Call::post("/revoke").with("token", "x"),
            Call::post("/introspect").with("token", "x"),
        ] {
            let answer = lab.send(&call.header("authorization", header.trim()));
            is_proper(&answer);
            prop_assert!(matches!(answer.status(), 400 | 401));
        }
        let request = Call::get("/").header("authorization", header.trim()).request();
        let knocked = oauth_testkit::block_on(lab.server.authenticate(&oauth_server::Incoming::of(&request)));
        prop_assert!(matches!(knocked.unwrap_err().status().as_u16(), 400 | 401));
    }

    #[test]
    fn arbitrary_basic_credentials_get_a_proper_answer(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        use base64::Engine as _;
        let value = base64::engine::general_purpose::STANDARD.encode(bytes);
        let call = Call::post("/token").with("grant_type", "client_credentials");
        lab().send(&call.header("authorization", format!("Basic {value}"))).refused(401, "invalid_client");
    }

    #[test]
    fn an_authorization_request_ends_in_a_page_a_redirect_or_a_question(
        name in "response_type|client_id|redirect_uri|scope|state|code_challenge|code_challenge_method|response_mode|prompt",
        value in "\\PC{0,60}|[\\x00-\\x7f]{0,60}",
    ) {
        let lab = lab();
        match lab.authorize(&authorization(&APP).set(&name, &value)) {
            Ok(pending) => prop_assert_eq!(pending.redirect_uri(), "http://127.0.0.1/cb"),
            Err(AuthorizeError::Redirect(redirect)) => {
                prop_assert!(!matches!(name.as_str(), "client_id" | "redirect_uri"));
                let location = Location::new(redirect.location());
                prop_assert_eq!(location.base(), "http://127.0.0.1/cb");
                prop_assert!(location.param("error").is_some_and(|code| code != ErrorCode::SERVER_ERROR.as_str()));
                prop_assert!(location.param("error_description").is_none_or(|text| safe_text(&text)));
            }
            Err(AuthorizeError::Show(rejection)) => {
                prop_assert!(matches!(rejection.status().as_u16(), 400));
            }
        }
    }

    #[test]
    fn what_was_encoded_is_decoded_to_the_same(pairs in proptest::collection::vec(("[^\\x00]{1,12}", "[^\\x00]{1,20}"), 0..8)) {
        let pairs: Vec<(String, String)> = pairs;
        let text: Vec<String> = pairs.iter().map(|(n, v)| format!("{}={}", encoded(n), encoded(v))).collect();
        let text = text.join("&");
        let read = Params::parse(text.as_bytes()).unwrap();
        let read: Vec<(String, String)> = read.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn parsers_never_panic(text in "\\PC{0,80}|[\\x00-\\x7f]{0,80}|(https?|com\\.x)://[\\x21-\\x7e]{0,40}") {
        let _ = Params::parse(text.as_bytes());
        if let Ok(scope) = Scope::parse(&text) {
            prop_assert!(scope.as_str().is_ascii());
            prop_assert_eq!(Scope::parse(scope.as_str()).unwrap(), scope);
        }
        if check_redirect_uri(&text).is_ok() {
            prop_assert!(text.is_ascii() && !text.contains(['#', '"', '<', '>', '\\', ' ']));
        }
    }

    #[test]
    fn no_method_but_post_yields_tokens(method in "[A-Z]{1,10}") {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        prop_assume!(method != Method::POST);
        let target = "/token?grant_type=client_credentials&client_id=web";
        lab().send(&Call::new(method, target).basic(WEB.id, WEB.secret)).refused(405, "invalid_request");
    }
}
