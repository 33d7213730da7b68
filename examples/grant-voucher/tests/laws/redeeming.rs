//! What a voucher is worth, and to whom.

use std::time::Duration;

use example_grant_voucher::{GRANT_TYPE, VOUCHER};
use oauth_server::{Change, CredentialStore, Documents, Key, Model, Secret, State};
use oauth_testkit::block_on;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, POSTER, STRANGER, WEB, revoking};

use crate::{Make, above_every_store, lab, redeeming, rows, voucher};

above_every_store! {
    a_voucher_pays_once,
    a_replay_revokes_nothing,
    a_voucher_is_good_for_its_seats_or_some_of_them,
    a_voucher_is_worth_its_scope_and_no_more,
    a_voucher_expires,
    a_voucher_of_another_client_stays_as_it_is,
    a_client_needs_to_be_registered_for_vouchers,
    what_is_no_voucher_is_refused,
    each_parameter_occurs_once_but_for_the_seat,
    a_revoked_voucher_is_worth_nothing,
}

fn a_voucher_pays_once<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    let answer = lab.send(&redeeming(&APP, &voucher));
    let tokens = answer.granted();
    assert_eq!(tokens.scope, "read write");
    assert_eq!(tokens.refresh, None);
    assert_eq!(answer.json()["seats"].to_string(), r#"["A1","A2"]"#);
    let told = lab.introspect(&tokens.access);
    assert_eq!(told["active"], true);
    assert_eq!(told["client_id"], "app");
    assert_eq!(told["seats"].to_string(), r#"["A1","A2"]"#);
    assert_eq!(told.get("sub"), None);
    lab.send(&redeeming(&APP, &voucher)).refused(400, "invalid_grant");
}

fn a_replay_revokes_nothing<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    let tokens = lab.send(&redeeming(&APP, &voucher)).granted();
    for who in [APP, STRANGER, APP] {
        lab.send(&redeeming(&who, &voucher)).refused(400, "invalid_grant");
    }
    assert!(lab.is_active(&tokens.access));
    assert_eq!(lab.send(&revoking(&APP, &tokens.access)).status(), 200);
    assert!(!lab.is_active(&tokens.access));
    lab.send(&redeeming(&APP, &voucher)).refused(400, "invalid_grant");
}

fn a_voucher_is_good_for_its_seats_or_some_of_them<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let first = voucher(&lab);
    for (name, seat) in [
        ("seat", "A3"),
        ("seat", "a1"),
        ("seat", "A1 A2"),
        ("seat", "A1-2"),
        ("seat", "A23456789"),
    ] {
        let call = redeeming(&APP, &first).with("seat", "A1").with(name, seat);
        lab.send(&call).refused(400, "invalid_request");
    }
    let one = lab.send(
        &redeeming(&APP, &first)
            .with("seat", "A2")
            .with("seat", "A2")
            .with("seat", ""),
    );
    one.granted();
    assert_eq!(one.json()["seats"].to_string(), r#"["A2"]"#);
    // What was not asked for is gone with the voucher.
    lab.send(&redeeming(&APP, &first).with("seat", "A1"))
        .refused(400, "invalid_grant");

    let both = lab.send(&redeeming(&APP, &voucher(&lab)).with("seat", "A2").with("seat", "A1"));
    assert_eq!(both.json()["seats"].to_string(), r#"["A1","A2"]"#);
}

fn a_voucher_is_worth_its_scope_and_no_more<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    lab.edit(&APP, |client| client.scope = "read write admin".parse().unwrap());
    let first = voucher(&lab);
    for beyond in ["admin", "read admin", "read write admin", "vouchers", "unknown", "a\"b"] {
        let call = redeeming(&APP, &first).with("scope", beyond);
        lab.send(&call).refused(400, "invalid_scope");
    }
    let tokens = lab.send(&redeeming(&APP, &first).with("scope", "read")).granted();
    assert_eq!(tokens.scope, "read");

    // The client's registration is the ceiling at the moment of redemption.
    let second = voucher(&lab);
    lab.edit(&APP, |client| client.scope = "write".parse().unwrap());
    lab.send(&redeeming(&APP, &second).with("scope", "read"))
        .refused(400, "invalid_scope");
    assert_eq!(lab.send(&redeeming(&APP, &second)).granted().scope, "write");
}

fn a_voucher_expires<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let (early, late) = (voucher(&lab), voucher(&lab));
    lab.clock.advance(Duration::from_millis(30 * 24 * 3_600_000 - 1));
    lab.send(&redeeming(&APP, &early)).granted();
    lab.clock.advance(Duration::from_millis(1));
    lab.send(&redeeming(&APP, &late)).refused(400, "invalid_grant");
    // Spent or expired: once it is forgotten, it is an unknown one.
    lab.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(block_on(lab.server.sweep(10)).unwrap(), 3);
    for voucher in [early, late] {
        lab.send(&redeeming(&APP, &voucher)).refused(400, "invalid_grant");
    }
}

fn a_voucher_of_another_client_stays_as_it_is<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    let before = rows(&lab.store);
    let unknown = lab.send(&redeeming(&STRANGER, "unknown")).text().into_owned();
    for who in [STRANGER, WEB] {
        for call in [
            redeeming(&who, &voucher),
            redeeming(&who, &voucher).with("seat", "Z9"),
            redeeming(&who, &voucher).with("scope", "read"),
        ] {
            let answer = lab.send(&call);
            answer.refused(400, "invalid_grant");
            assert_eq!(answer.text(), unknown, "a stranger learns nothing");
        }
    }
    assert_eq!(rows(&lab.store), before);
    lab.send(&redeeming(&APP, &voucher)).granted();
}

fn a_client_needs_to_be_registered_for_vouchers<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    lab.send(&redeeming(&POSTER, &voucher))
        .refused(400, "unauthorized_client");
    let nobody = oauth_testkit::http::Who::public("nobody");
    lab.send(&redeeming(&nobody, &voucher)).refused(401, "invalid_client");
    lab.edit(&APP, |client| client.grant_types.retain(|grant| *grant != GRANT_TYPE));
    lab.send(&redeeming(&APP, &voucher)).refused(400, "unauthorized_client");
    lab.edit(&APP, |client| client.disabled = true);
    lab.send(&redeeming(&APP, &voucher)).refused(401, "invalid_client");
}

fn what_is_no_voucher_is_refused<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    let long = "x".repeat(60_000);
    let cut = &voucher[..voucher.len() - 1];
    let padded = format!("{voucher} ");
    let swapped: String = voucher.chars().rev().collect();
    for wrong in [
        cut,
        &padded,
        &swapped,
        &long,
        "'; drop table credentials; --",
        "é\u{200b}\u{10ffff}",
        "\r\n",
    ] {
        lab.send(&redeeming(&APP, wrong)).refused(400, "invalid_grant");
    }
    for form in ["voucher=%ff", "voucher=%00", "voucher=%", "voucher", "voucher=", ""] {
        let encoded = format!("grant_type={}&client_id=app&{form}", GRANT_TYPE.as_str());
        lab.send(&Call::post("/token").form(encoded))
            .refused(400, "invalid_request");
    }
    lab.send(&redeeming(&APP, &voucher)).granted();
}

fn each_parameter_occurs_once_but_for_the_seat<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let voucher = voucher(&lab);
    let whole = redeeming(&APP, &voucher).with("scope", "read");
    for (name, value) in whole.pairs() {
        lab.send(&whole.clone().with(name, value))
            .refused(400, "invalid_request");
    }
    lab.send(&whole.with("seat", "A1").with("seat", "A2")).granted();
}

fn a_revoked_voucher_is_worth_nothing<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let revoked = voucher(&lab);
    let key = Key::of(&VOUCHER, &Secret::new(revoked.as_str()));
    block_on(lab.store.commit(&[Change::Revoke(key.clone())])).unwrap();
    lab.send(&redeeming(&APP, &revoked)).refused(400, "invalid_grant");
    assert_eq!(rows(&lab.store)[&key].state, State::Revoked);

    // Ending the authorization ends the token that was made of a voucher, too.
    let paid = voucher(&lab);
    let tokens = lab.send(&redeeming(&APP, &paid)).granted();
    let authorization = rows(&lab.store)[&Key::of(&VOUCHER, &Secret::new(paid))].authorization;
    block_on(lab.store.commit(&[Change::RevokeAuthorization(authorization)])).unwrap();
    assert!(!lab.is_active(&tokens.access));
}
