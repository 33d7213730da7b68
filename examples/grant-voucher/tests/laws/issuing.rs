//! Who may issue vouchers, and which.

use example_grant_voucher::{PERMISSION, VOUCHER};
use oauth_server::http::Method;
use oauth_server::{Documents, Key, Model, Secret, State};
use oauth_testkit::http::{Call, Who};
use oauth_testkit::lab::{APP, POSTER, WEB, for_itself, scope};

use crate::{BOX_OFFICE, Make, above_every_store, issuing, lab, redeeming, rows, voucher_of};

above_every_store! {
    a_voucher_is_told_once_with_what_it_is_good_for,
    every_voucher_is_another,
    only_confidential_clients_with_the_permission_issue,
    a_voucher_is_for_a_client_that_can_redeem_it,
    a_voucher_is_within_the_scope_of_its_redeemer,
    what_is_no_request_for_a_voucher_is_refused,
    the_permission_to_issue_is_no_grant,
}

fn a_voucher_is_told_once_with_what_it_is_good_for<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let answer = lab.send(&issuing());
    let voucher = voucher_of(&answer);
    assert_eq!(voucher.len(), 43, "256 random bits in base64url");
    let body = answer.json();
    assert_eq!(body["expires_in"], 30 * 24 * 3600);
    assert_eq!(body["scope"], "read write");
    assert_eq!(body["seats"].to_string(), r#"["A1","A2"]"#);
    assert_eq!(body.as_object().unwrap().len(), 4);

    let rows = rows(&lab.store);
    let row = &rows[&Key::of(&VOUCHER, &Secret::new(voucher))];
    assert_eq!(rows.len(), 1);
    assert_eq!((row.client.as_str(), row.state), ("app", State::Live));
    assert_eq!((row.subject.as_ref(), row.scope.as_str()), (None, "read write"));

    // Without a scope it is the server's default; without seats it is for none in particular.
    let plain = lab.send(&issuing().without("scope").without("seat"));
    assert_eq!(plain.json()["scope"], "read");
    let tokens = lab.send(&redeeming(&APP, &voucher_of(&plain)));
    assert_eq!(tokens.granted().scope, "read");
    assert_eq!(tokens.json()["seats"].to_string(), "[]");
}

fn every_voucher_is_another<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let (one, other) = (crate::voucher(&lab), crate::voucher(&lab));
    assert_ne!(one, other);
    let rows = rows(&lab.store);
    let authorizations: Vec<_> = rows.values().map(|row| row.authorization).collect();
    assert_ne!(
        authorizations[0], authorizations[1],
        "one can be ended without the other"
    );
    lab.send(&redeeming(&APP, &one)).granted();
    lab.send(&redeeming(&APP, &other)).granted();
}

fn only_confidential_clients_with_the_permission_issue<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let asks = |who: &Who| {
        Call::post("/vouchers")
            .with("redeemer", APP.id)
            .with("scope", "read")
            .by(who)
    };
    for who in [WEB, POSTER] {
        lab.send(&asks(&who)).refused(400, "unauthorized_client");
    }
    // A public client proves nothing, whatever it is registered for.
    lab.edit(&APP, |client| client.scope = scope("read write vouchers"));
    lab.send(&asks(&APP)).refused(400, "unauthorized_client");
    lab.send(&asks(&Who::basic(BOX_OFFICE.id, "wrong")))
        .refused(401, "invalid_client");
    lab.send(&asks(&Who::basic("nobody", BOX_OFFICE.secret)))
        .refused(401, "invalid_client");
    let anonymous = Call::post("/vouchers").with("redeemer", APP.id).with("scope", "read");
    lab.send(&anonymous).refused(401, "invalid_client");
    lab.edit(&BOX_OFFICE, |client| client.disabled = true);
    lab.send(&issuing()).refused(401, "invalid_client");
    lab.edit(&BOX_OFFICE, |client| {
        (client.disabled, client.scope) = (false, scope("read"));
    });
    lab.send(&issuing()).refused(400, "unauthorized_client");
    assert!(rows(&lab.store).is_empty());
}

fn a_voucher_is_for_a_client_that_can_redeem_it<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let unknown = lab.send(&issuing().set("redeemer", "nobody"));
    unknown.refused(400, "invalid_request");
    lab.edit(&WEB, |client| client.disabled = true);
    // Disabled, not registered for vouchers, and not quite the name.
    for other in ["web", "poster", BOX_OFFICE.id, "app ", "App"] {
        let answer = lab.send(&issuing().set("redeemer", other));
        assert_eq!((answer.status(), answer.text()), (400, unknown.text()), "{other}");
    }
    assert!(rows(&lab.store).is_empty());
}

fn a_voucher_is_within_the_scope_of_its_redeemer<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    for beyond in ["admin", "read admin", PERMISSION, "unknown", "a\\b", "read  write"] {
        lab.send(&issuing().set("scope", beyond)).refused(400, "invalid_scope");
    }
    assert!(rows(&lab.store).is_empty());
}

fn what_is_no_request_for_a_voucher_is_refused<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    for (name, value) in [("redeemer", "app"), ("scope", "read"), ("client_id", "box-office")] {
        let twice = issuing().set(name, value).with(name, value);
        lab.send(&twice).refused(400, "invalid_request");
    }
    // RFC 6749 §3.2: not even one that nobody reads.
    let unread = issuing().with("state", "a").with("state", "b");
    lab.send(&unread).refused(400, "invalid_request");
    lab.send(&issuing().without("redeemer")).refused(400, "invalid_request");
    lab.send(&issuing().set("redeemer", "")).refused(400, "invalid_request");
    for seat in ["A-1", "A 1", "é", "A23456789", "\u{202e}1"] {
        lab.send(&issuing().with("seat", seat)).refused(400, "invalid_request");
    }
    for body in ["redeemer=%ff", "redeemer=app&%", "redeemer=app%00"] {
        lab.send(&Call::post("/vouchers").form(body).by(&BOX_OFFICE))
            .refused(400, "invalid_request");
    }
    let json = Call::post("/vouchers")
        .body("application/json", r#"{"redeemer":"app"}"#)
        .by(&BOX_OFFICE);
    lab.send(&json).refused(400, "invalid_request");
    let long = issuing().with("more", "x".repeat(70_000));
    lab.send(&long).refused(413, "invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = lab.send(&Call::new(method, "/vouchers").by(&BOX_OFFICE));
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    assert!(rows(&lab.store).is_empty());
}

fn the_permission_to_issue_is_no_grant<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = crate::voucher(&lab);
    lab.send(&redeeming(&BOX_OFFICE, &voucher))
        .refused(400, "unauthorized_client");
    lab.send(&for_itself(&BOX_OFFICE))
        .refused(400, "unsupported_grant_type");
}
