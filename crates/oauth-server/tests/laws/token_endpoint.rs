//! The token endpoint in general (RFC 6749 §3.2, §5): how a request is read, and what every answer has.

use oauth_server::{LONGEST_CLIENT_SECRET, RefreshToken, SystemEntropy};
use oauth_testkit::NoEntropy;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{API, APP, MACHINE, WEB, for_itself, introspecting, redemption, refreshing};

use crate::{lab, lab_with};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn grants_that_are_not_mounted_are_unsupported_and_foreign_ones_unauthorized() {
    // R102–R104, V110, V132: `refused` looks at the whole form of an error
    let lab = lab();
    let grant = |name: &str| Call::post("/token").with("grant_type", name);
    for name in [
        "password",
        "implicit",
        "Authorization_Code",
        "refresh_token ",
        "urn:ietf:params:oauth:grant-type:device_cod",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "device_code",
        "x",
    ] {
        lab.send(&grant(name).by(&WEB)).refused(400, "unsupported_grant_type");
        lab.send(&grant(name).by(&APP)).refused(400, "unsupported_grant_type");
    }
    for name in [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    ] {
        lab.send(&grant(name).by(&MACHINE)).refused(400, "unauthorized_client");
        lab.send(&grant(name).by(&API)).refused(400, "unauthorized_client");
    }
    lab.send(&for_itself(&API)).refused(400, "unauthorized_client");
    lab.send(&for_itself(&APP)).refused(400, "unauthorized_client");
    lab.send(&grant("").by(&WEB)).refused(400, "invalid_request");
    lab.send(&Call::post("/token").by(&WEB)).refused(400, "invalid_request");
    // Who is not a client learns nothing of what is mounted.
    lab.send(&grant("password")).refused(401, "invalid_client");
}

#[test]
fn a_missing_parameter_of_a_grant_is_an_invalid_request() {
    // R098
    let lab = lab();
    let code = lab.code(&APP);
    let token = lab.tokens(&APP);
    for call in [
        redemption(&APP, &code).without("code"),
        redemption(&APP, &code).set("code", ""),
        refreshing(&APP, token.refresh()).without("refresh_token"),
        refreshing(&APP, token.refresh()).set("refresh_token", ""),
    ] {
        lab.send(&call).refused(400, "invalid_request");
    }
}

#[test]
fn a_parameter_occurs_once() {
    // R098, I001, I002
    let lab = lab();
    let code = lab.code(&APP);
    for name in [
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "client_id",
        "scope",
        "client_secret",
        "refresh_token",
        "username",
        "password",
        "assertion",
        "device_code",
    ] {
        let honest = redemption(&APP, &code);
        let own = honest
            .pairs()
            .iter()
            .find(|(other, _)| other == name)
            .map_or("x", |(_, value)| value)
            .to_owned();
        for (first, second) in [
            (own.as_str(), own.as_str()),
            (own.as_str(), "other"),
            (own.as_str(), ""),
            ("", ""),
        ] {
            let doubled = honest.clone().without(name).with(name, first).with(name, second);
            lab.send(&doubled).refused(400, "invalid_request");
        }
    }
    // The query is another place, and is not looked at.
    let mut call = Call::post(format!("/token?code=other&grant_type=password&{}", "x=1&x=2"));
    for (name, value) in redemption(&APP, &code).pairs() {
        call = call.with(name, value);
    }
    lab.send(&call).granted();
}

#[test]
fn parameters_in_the_query_alone_are_none() {
    // R097, I002
    let lab = lab();
    let code = lab.code(&APP);
    let form = redemption(&APP, &code).request();
    let target = format!("/token?{}", String::from_utf8_lossy(form.body()));
    lab.send(&Call::post(target).form("")).refused(400, "invalid_request");
    lab.send(&redemption(&APP, &code)).granted();
}

#[test]
fn only_forms_are_read() {
    // R099, I030, I031, V116
    let lab = lab();
    let form = || for_itself(&WEB).request().into_body();
    let json = br#"{"grant_type":"client_credentials"}"#.to_vec();
    for (media_type, body) in [
        ("", form()),
        ("text/plain", form()),
        ("application/json", json.clone()),
        ("application/json", form()),
        ("multipart/form-data; boundary=x", form()),
        ("application/x-www-form-urlencoded; charset=utf-16", form()),
        ("application/json, application/x-www-form-urlencoded", form()),
        ("application/x-www-form-urlencoded, application/json", form()),
        ("application/x-www-form-urlencodedx", form()),
        ("application", form()),
        ("/", form()),
        (";", form()),
    ] {
        let call = Call::post("/token").body(media_type, body).by(&WEB);
        lab.send(&call).refused(400, "invalid_request");
    }
    for media_type in [
        FORM,
        "APPLICATION/X-WWW-FORM-URLENCODED",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;",
    ] {
        lab.send(&Call::post("/token").body(media_type, form()).by(&WEB))
            .granted();
    }
    let two = Call::post("/token")
        .body(FORM, form())
        .header("content-type", FORM)
        .by(&WEB);
    lab.send(&two).refused(400, "invalid_request");
    let not_text = Call::post("/token")
        .body("", form())
        .header("content-type", b"\xff")
        .by(&WEB);
    lab.send(&not_text).refused(400, "invalid_request");
    lab.send(&Call::post("/token").form(json).by(&WEB))
        .refused(400, "invalid_request");
}

#[test]
fn a_compressed_body_is_not_unpacked() {
    // I045
    let lab = lab();
    for coding in ["gzip", "br", "deflate", "GZIP", "identity, gzip"] {
        let call = for_itself(&WEB).header("content-encoding", coding);
        lab.send(&call).refused(415, "invalid_request");
    }
    lab.send(&for_itself(&WEB).header("content-encoding", "identity"))
        .granted();
}

#[test]
fn a_large_body_is_refused_before_it_is_read() {
    // I033, I010, R239
    let lab = lab();
    let fill = |length: usize| {
        let call = for_itself(&WEB).request();
        let mut body = call.body().clone();
        body.extend_from_slice(b"&x=");
        body.resize(length, b'x');
        Call::post("/token").form(body).by(&WEB)
    };
    lab.send(&fill(64 * 1024)).granted();
    lab.send(&fill(64 * 1024 + 1)).refused(413, "invalid_request");
    lab.send(&fill(4 << 20)).refused(413, "invalid_request");
    assert_eq!(
        oauth_testkit::http::Answer::of(lab.server.body_too_large())
            .refused(413, "invalid_request")
            .status(),
        413
    );
}

#[test]
fn an_answer_is_json_whatever_the_client_would_like() {
    // I047
    let lab = lab();
    for accept in ["text/html", "*/*;q=0", "application/xml", "\"", ""] {
        lab.send(&for_itself(&WEB).header("accept", accept)).granted();
        lab.send(&Call::post("/token").header("accept", accept))
            .refused(400, "invalid_request");
    }
}

#[test]
fn names_are_exact_and_values_are_not_trimmed() {
    // I005–I009, I015
    let lab = lab();
    for body in [
        "Grant_Type=client_credentials",
        "GRANT_TYPE=client_credentials",
        "grant_type[]=client_credentials",
        "grant_type[0]=client_credentials",
        "%20grant_type=client_credentials",
        "grant_type%20=client_credentials",
        "x=1;grant_type=client_credentials",
    ] {
        lab.send(&Call::post("/token").form(body).by(&WEB))
            .refused(400, "invalid_request");
    }
    for body in [
        "grant_type=client_credentials+",
        "grant_type=+client_credentials",
        "grant_type=client_credentials%20",
        "grant_type=%09client_credentials",
        "grant_type=client_credentials;scope=read",
        "grant_type=client%255Fcredentials",
    ] {
        lab.send(&Call::post("/token").form(body).by(&WEB))
            .refused(400, "unsupported_grant_type");
    }
    for body in [
        "grant_type=client%5Fcredentials",
        "&&grant_type=client_credentials&",
        "=x&grant_type=client_credentials&y&scope",
        "scope[]=admin&grant_type=client_credentials&scope[0]=admin&a.b=c",
    ] {
        assert_eq!(
            lab.send(&Call::post("/token").form(body).by(&WEB)).granted().scope,
            "read"
        );
    }
}

#[test]
fn tokens_and_codes_cannot_be_guessed() {
    // R107: 256 bits each, all different, and no position is the same in all of them.
    let lab = lab_with(RefreshToken::rotating(), |builder| builder.entropy(SystemEntropy));
    let mut seen = std::collections::BTreeSet::new();
    let mut at: Vec<std::collections::BTreeSet<u8>> = vec![std::collections::BTreeSet::new(); 43];
    let mut tokens = lab.tokens(&APP);
    for _ in 0..500 {
        let next = lab.refresh(&APP, tokens.refresh()).granted();
        for secret in [&next.access, next.refresh(), &lab.code(&APP)] {
            assert_eq!(secret.len(), 43);
            assert!(
                secret
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            );
            secret.bytes().zip(&mut at).for_each(|(byte, at)| {
                at.insert(byte);
            });
            assert!(seen.insert(secret.to_owned()));
        }
        tokens = next;
    }
    assert_eq!(seen.len(), 1500);
    // The last character carries four of the 256 bits, the others six.
    for (position, bytes) in at.iter().enumerate() {
        assert_eq!(bytes.len(), if position == 42 { 16 } else { 64 }, "at {position}");
    }
}

#[test]
fn without_randomness_nothing_is_issued() {
    let lab = lab_with(RefreshToken::rotating(), |builder| builder.entropy(NoEntropy));
    lab.send(&for_itself(&WEB)).refused(500, "server_error");
    assert!(lab.store.commits().is_empty());
}

#[test]
fn any_change_of_a_token_makes_it_another() {
    // R108, V098
    let lab = lab();
    let tokens = lab.tokens(&APP);
    for token in [&tokens.access, tokens.refresh()] {
        let mut others: Vec<String> = Vec::new();
        for at in 0..token.len() {
            let mut flipped = token.as_bytes().to_vec();
            flipped[at] ^= 1;
            others.extend(String::from_utf8(flipped));
            let mut other_case = token.as_bytes().to_vec();
            other_case[at] ^= 0x20;
            others.extend(String::from_utf8(other_case));
            others.push(token[..at].to_owned());
            others.push(token[at + 1..].to_owned());
            others.push(format!("{}{}", &token[..at], &token[at + 1..]));
        }
        others.extend([
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            format!("{token} "),
            format!("{token}\n"),
        ]);
        for other in others.iter().filter(|other| !other.is_empty() && *other != token) {
            assert_eq!(lab.send(&introspecting(&API, other)).text(), r#"{"active":false}"#);
        }
        assert!(lab.is_active(token));
    }
}

#[test]
fn the_audience_of_a_token_is_told() {
    // R109: without resource indicators it is the issuer.
    let lab = lab();
    let told = lab.introspect(&lab.tokens(&WEB).access);
    assert_eq!(told["aud"], "https://auth.example");
    assert_eq!(told["iss"], "https://auth.example");
}

#[test]
fn limits_are_what_they_are_said_to_be() {
    assert_eq!(lab().server.max_body(), 64 * 1024);
    const { assert!(LONGEST_CLIENT_SECRET < 64 * 1024) };
}
