//! Proof Key for Code Exchange (RFC 7636): for all clients, S256 only, one guess.

use oauth_server::AuthorizationCode;
use oauth_testkit::http::{VERIFIER, challenge};
use oauth_testkit::lab::{APP, POSTER, WEB, authorization, redemption};
use oauth_testkit::{Lab, Watched};

use crate::lab;

#[test]
fn every_client_needs_a_challenge() {
    // R064
    let lab = lab();
    for who in [WEB, POSTER, APP] {
        let bare = authorization(&who)
            .without("code_challenge")
            .without("code_challenge_method");
        lab.sent_back(&bare, "invalid_request");
        lab.sent_back(&authorization(&who).without("code_challenge"), "invalid_request");
        lab.sent_back(&authorization(&who).set("code_challenge", ""), "invalid_request");
    }
}

#[test]
fn s256_is_the_only_method() {
    // R065, V021–V023
    let lab = lab();
    for method in [
        "plain",
        "s256",
        "S512",
        "S256 ",
        " S256",
        "S256\nfoo",
        "plain\ngarbage",
        "none",
        "S256,plain",
    ] {
        lab.sent_back(
            &authorization(&APP).set("code_challenge_method", method),
            "invalid_request",
        );
    }
    lab.sent_back(&authorization(&APP).without("code_challenge_method"), "invalid_request");
    lab.sent_back(&authorization(&APP).set("code_challenge_method", ""), "invalid_request");
    // A challenge that would pass as `plain` does not.
    let plain = authorization(&APP)
        .set("code_challenge", VERIFIER)
        .set("code_challenge_method", "plain");
    lab.sent_back(&plain, "invalid_request");
}

#[test]
fn a_challenge_is_43_characters_of_base64url() {
    // R066, V018, V020
    let lab = lab();
    let good = challenge(VERIFIER);
    let stray = format!("{}N", &good[..42]);
    for bad in [
        &good[..42],
        &format!("{good}A"),
        &format!("{good}="),
        &format!("{}=", &good[..42]),
        &good.replace('-', "+"),
        &format!("{}\n", &good[..42]),
        &stray,
        "a",
    ] {
        lab.sent_back(&authorization(&APP).set("code_challenge", bad), "invalid_request");
    }
    lab.sent_back(&authorization(&APP).with("code_challenge", &good), "invalid_request");
    lab.sent_back(
        &authorization(&APP).with("code_challenge_method", "S256"),
        "invalid_request",
    );
}

#[test]
fn a_challenge_is_answered_by_every_sort_of_client() {
    // R115, V013–V015, V124
    let lab = lab();
    for who in [WEB, POSTER, APP] {
        let code = lab.code(&who);
        lab.send(&redemption(&who, &code).without("code_verifier"))
            .refused(400, "invalid_grant");
        lab.send(&redemption(&who, &code).set("code_verifier", ""))
            .refused(400, "invalid_grant");
        lab.send(&redemption(&who, &code)).granted();
    }
}

#[test]
fn a_verifier_is_43_to_128_unreserved_characters() {
    // R117, R118, V020
    let lab = lab();
    let short = "a";
    let code = {
        let request = authorization(&APP).set("code_challenge", challenge(short));
        lab.approve(&request).param("code").unwrap()
    };
    lab.send(&redemption(&APP, &code).set("code_verifier", short))
        .refused(400, "invalid_grant");
    for (verifier, good) in [
        ("a".repeat(42), false),
        ("a".repeat(43), true),
        ("~._-".repeat(32), true),
        ("a".repeat(129), false),
        (format!("{} ", "a".repeat(43)), false),
        (format!("{}=", "a".repeat(43)), false),
        (format!("{}+", "a".repeat(43)), false),
        (format!("{}é", "a".repeat(43)), false),
    ] {
        let request = authorization(&APP).set("code_challenge", challenge(&verifier));
        let code = lab.approve(&request).param("code").unwrap();
        let answer = lab.send(&redemption(&APP, &code).set("code_verifier", &verifier));
        if good {
            answer.granted();
        } else {
            answer.refused(400, "invalid_grant");
        }
    }
}

#[test]
fn one_guess_is_all_there_is() {
    // R119, V017, V020, C02; "a wrong verifier spends the code".
    let lab = lab();
    for who in [WEB, APP] {
        let code = lab.code(&who);
        let guess = redemption(&who, &code).set("code_verifier", "x".repeat(43));
        lab.send(&guess).refused(400, "invalid_grant");
        lab.send(&redemption(&who, &code)).refused(400, "invalid_grant");
        assert!(lab.store.commits().iter().flatten().all(
            |change| !matches!(change, oauth_server::Change::Insert(row) if row.key.is(&oauth_server::ACCESS_TOKEN))
        ));
    }
}

#[test]
fn the_challenge_itself_is_no_verifier() {
    // V022
    let lab = lab();
    let code = lab.code(&APP);
    lab.send(&redemption(&APP, &code).set("code_verifier", challenge(VERIFIER)))
        .refused(400, "invalid_grant");
}

#[test]
fn no_answer_tells_the_challenge() {
    // R120
    let lab = lab();
    let location = lab.approve(&authorization(&APP));
    assert!(!location.uri().contains(&challenge(VERIFIER)));
    let refused = lab.sent_back(&authorization(&APP).set("scope", "x"), "invalid_scope");
    assert!(!refused.uri().contains(&challenge(VERIFIER)));
    let code = location.param("code").unwrap();
    let answer = lab.send(&redemption(&APP, &code).without("code_verifier"));
    assert!(!answer.text().contains(&challenge(VERIFIER)));
}

#[test]
fn where_it_is_optional_it_cannot_be_stripped() {
    // R116, V016: only confidential clients, and a challenge or a verifier alone is refused.
    let lab = Lab::over(Watched::new(oauth_server::MemoryStore::new()), |builder| {
        builder.install(AuthorizationCode::new().danger_pkce_optional_for_confidential_clients())
    });
    let bare = |who| {
        authorization(who)
            .without("code_challenge")
            .without("code_challenge_method")
    };
    lab.sent_back(&bare(&APP), "invalid_request");

    let code = lab.approve(&bare(&WEB)).param("code").unwrap();
    lab.send(&redemption(&WEB, &code)).refused(400, "invalid_grant");
    lab.send(&redemption(&WEB, &code).without("code_verifier")).granted();

    let code = lab.code(&WEB);
    lab.send(&redemption(&WEB, &code).without("code_verifier"))
        .refused(400, "invalid_grant");
    lab.send(&redemption(&WEB, &code)).granted();
}
