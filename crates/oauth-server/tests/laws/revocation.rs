//! Revocation (RFC 7009).

use oauth_testkit::http::{Call, Who};
use oauth_testkit::lab::{APP, MACHINE, POSTER, STRANGER, WEB, for_itself, revoking};

use crate::lab;

#[test]
fn a_refresh_token_ends_with_all_that_came_of_its_authorization() {
    // R149–R151, V090, V091, C32
    let lab = lab();
    for who in [WEB, POSTER, APP] {
        let first = lab.tokens(&who);
        let second = lab.refresh(&who, first.refresh()).granted();
        let other = lab.tokens(&who);
        assert_eq!(lab.send(&revoking(&who, second.refresh())).status(), 200);
        for token in [&first.access, &second.access, second.refresh()] {
            assert!(!lab.is_active(token), "{who:?}");
        }
        lab.refresh(&who, second.refresh()).refused(400, "invalid_grant");
        assert!(lab.is_active(&other.access));
        assert!(lab.is_active(other.refresh()));
    }
}

#[test]
fn a_rotated_refresh_token_can_be_revoked_too() {
    // Whoever holds only the old one, because the answer was lost, can still end the authorization.
    let lab = lab();
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    assert_eq!(lab.send(&revoking(&APP, first.refresh())).status(), 200);
    assert!(!lab.is_active(second.refresh()));
    assert!(!lab.is_active(&second.access));
}

#[test]
fn an_access_token_ends_alone() {
    // R150
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let sibling = lab.refresh(&WEB, tokens.refresh()).granted();
    lab.send(&revoking(&WEB, &tokens.access));
    assert!(!lab.is_active(&tokens.access));
    assert!(lab.is_active(&sibling.access));
    lab.refresh(&WEB, sibling.refresh()).granted();
    let own = lab.send(&for_itself(&MACHINE)).granted();
    lab.send(&revoking(&MACHINE, &own.access));
    assert!(!lab.is_active(&own.access));
}

#[test]
fn a_token_of_another_client_is_left_alone() {
    // R148, V011, V092
    let lab = lab();
    for owner in [WEB, APP] {
        let tokens = lab.tokens(&owner);
        for other in [STRANGER, POSTER, MACHINE] {
            for token in [&tokens.access, tokens.refresh()] {
                let answer = lab.send(&revoking(&other, token));
                assert_eq!((answer.status(), answer.text().as_ref()), (200, "{}"));
                assert!(lab.is_active(token));
            }
        }
    }
}

#[test]
fn only_clients_revoke() {
    // R148
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    for call in [
        Call::post("/revoke").with("token", &tokens.access),
        revoking(&Who::public(WEB.id), &tokens.access),
        revoking(&Who::basic(WEB.id, "wrong"), &tokens.access),
        revoking(&Who::basic("nobody", "x"), &tokens.access),
    ] {
        lab.send(&call).refused(401, "invalid_client");
        assert!(lab.is_active(&tokens.access));
    }
}

#[test]
fn a_hint_is_a_hint() {
    // R152
    let lab = lab();
    for hint in ["access_token", "refresh_token", "foo", "", "\"", "pat"] {
        let tokens = lab.tokens(&WEB);
        lab.send(&revoking(&WEB, &tokens.access).with("token_type_hint", hint));
        assert!(!lab.is_active(&tokens.access));
        lab.send(&revoking(&WEB, tokens.refresh()).with("token_type_hint", hint));
        assert!(!lab.is_active(tokens.refresh()));
    }
}

#[test]
fn what_is_no_token_is_revoked_already() {
    // R153, R157, real clients (1): 200, JSON, `{}`.
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let code = lab.code(&WEB);
    let long = "x".repeat(60_000);
    for token in [
        tokens.access.as_str(),
        &tokens.access,
        tokens.refresh(),
        tokens.refresh(),
        &code,
        "x",
        "e30.e30.e30",
        "\u{1f600}",
        &long,
    ] {
        let answer = lab.send(&revoking(&WEB, token));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text(), "{}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.is_not_kept();
    }
    lab.send(&revoking(&WEB, "")).refused(400, "invalid_request");
    lab.send(&revoking(&WEB, "x").without("token"))
        .refused(400, "invalid_request");
    lab.send(&revoking(&WEB, "x").with("token", "y"))
        .refused(400, "invalid_request");
    lab.send(&revoking(&WEB, &"x".repeat(1 << 20)))
        .refused(413, "invalid_request");
}

#[test]
fn a_callback_is_an_unknown_parameter() {
    // R155
    let lab = lab();
    let answer = lab.send(&revoking(&WEB, "x").with("callback", "alert"));
    assert_eq!(answer.text(), "{}");
    for call in [Call::get("/revoke?token=x&callback=alert"), Call::get("/revoke")] {
        lab.send(&call.basic(WEB.id, WEB.secret))
            .refused(405, "invalid_request");
    }
}

#[test]
fn a_token_that_expired_is_revoked_without_error() {
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    lab.clock.advance(std::time::Duration::from_secs(365 * 24 * 3600));
    for token in [&tokens.access, tokens.refresh()] {
        assert_eq!(lab.send(&revoking(&WEB, token)).status(), 200);
    }
}
