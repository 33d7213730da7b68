//! Managing clients: redirect URIs, being disabled, secrets that change, grants by URI.

use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{
    Approval, AuthorizeError, Client, ClientSecret, Clock as _, Context, Grant, GrantType, RefreshToken, Rejection,
    Secret, TokenRequest,
};
use oauth_testkit::block_on;
use oauth_testkit::http::{Call, Who};
use oauth_testkit::lab::{
    APP, MACHINE, WEB, authorization, for_itself, introspecting, redemption, refreshing, revoking, scope,
};

use crate::{knock, lab, lab_with};

#[test]
fn a_client_has_as_many_redirect_uris_as_it_registers() {
    let lab = lab();
    let uris: Vec<String> = (0..50).map(|n| format!("https://web.example/cb/{n}?n={n}")).collect();
    lab.edit(&WEB, |client| client.redirect_uris = uris.clone());
    for uri in &uris {
        let location = lab.approve(&authorization(&WEB).set("redirect_uri", uri));
        assert!(location.uri().starts_with(uri.as_str()));
        let code = location.param("code").unwrap();
        // The code is for this one of them, and no other.
        let other = uris.iter().find(|other| *other != uri).unwrap();
        lab.send(&redemption(&WEB, &code).set("redirect_uri", other))
            .refused(400, "invalid_grant");
        lab.send(&redemption(&WEB, &code).set("redirect_uri", uri)).granted();
    }
    lab.shown(&authorization(&WEB).set("redirect_uri", "https://web.example/cb/50"));
    lab.shown(&authorization(&WEB).without("redirect_uri"));
    // One that is taken away is gone at once.
    lab.edit(&WEB, |client| drop(client.redirect_uris.remove(0)));
    lab.shown(&authorization(&WEB).set("redirect_uri", &uris[0]));
}

#[test]
fn a_disabled_client_is_an_unknown_client_everywhere() {
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let code = lab.code(&WEB);
    let own = lab.send(&for_itself(&WEB)).granted();
    let browser = Secret::new("browser");
    let parked = block_on(lab.authorize(&authorization(&WEB)).unwrap().park(&browser)).unwrap();
    lab.edit(&WEB, |client| client.disabled = true);

    let nobody = Who::basic("nobody", WEB.secret);
    for (asked, unknown) in [
        (for_itself(&WEB), for_itself(&nobody)),
        (redemption(&WEB, &code), redemption(&nobody, &code)),
        (
            refreshing(&WEB, tokens.refresh()),
            refreshing(&nobody, tokens.refresh()),
        ),
        (revoking(&WEB, &tokens.access), revoking(&nobody, &tokens.access)),
        (
            introspecting(&WEB, &tokens.access),
            introspecting(&nobody, &tokens.access),
        ),
    ] {
        let (disabled, unknown) = (lab.send(&asked), lab.send(&unknown));
        disabled.refused(401, "invalid_client");
        assert_eq!(disabled.text(), unknown.text());
        assert_eq!(disabled.headers(), unknown.headers());
    }
    let (disabled, unknown) = (
        lab.shown(&authorization(&WEB)),
        lab.shown(&authorization(&WEB).set("client_id", "nobody")),
    );
    assert_eq!(disabled.description(), unknown.description());
    assert_eq!(disabled.status(), unknown.status());
    assert!(matches!(
        block_on(lab.server.resume(&parked, &browser)),
        Err(AuthorizeError::Show(_))
    ));
    // What it was given is worth nothing while it is disabled,
    for token in [&tokens.access, &own.access] {
        assert!(knock(&lab.server, &Call::get("/x").bearer(token)).is_err());
        assert!(!lab.is_active(token));
    }
    assert!(!lab.is_active(tokens.refresh()));
    // and nothing of it was used up by the attempts.
    lab.edit(&WEB, |client| client.disabled = false);
    assert!(lab.is_active(&tokens.access) && lab.is_active(tokens.refresh()));
    lab.send(&redemption(&WEB, &code)).granted();
    lab.refresh(&WEB, tokens.refresh()).granted();
}

#[test]
fn a_disabled_public_client_is_an_unknown_client_too() {
    let lab = lab();
    let tokens = lab.tokens(&APP);
    lab.edit(&APP, |client| client.disabled = true);
    let nobody = Who::public("nobody");
    let (disabled, unknown) = (
        lab.refresh(&APP, tokens.refresh()),
        lab.refresh(&nobody, tokens.refresh()),
    );
    disabled.refused(401, "invalid_client");
    assert_eq!(disabled.text(), unknown.text());
    assert!(!lab.is_active(&tokens.access));
}

#[test]
fn two_secrets_are_valid_for_a_while_and_the_old_one_ends_on_the_clock() {
    let lab = lab();
    let end = lab.clock.now().plus(Duration::from_secs(3600));
    let secret = |text: &str| ClientSecret::generated(&Secret::new(text));
    lab.edit(&MACHINE, |client| {
        client.secrets = vec![secret(MACHINE.secret).until(end), secret("the next one")];
    });
    let next = Who::basic(MACHINE.id, "the next one");
    lab.send(&for_itself(&MACHINE)).granted();
    let token = lab.send(&for_itself(&next)).granted().access;
    lab.clock.advance(Duration::from_millis(3_599_999));
    lab.send(&for_itself(&MACHINE)).granted();
    lab.clock.advance(Duration::from_millis(1));
    lab.send(&for_itself(&MACHINE)).refused(401, "invalid_client");
    lab.send(&for_itself(&next)).granted();
    // And not again when the clock is wrong for once: it is the clock that says it.
    lab.clock.set(end.minus(Duration::from_millis(1)));
    lab.send(&for_itself(&MACHINE)).granted();
    assert!(
        lab.is_active(&token),
        "a token is not tied to the secret that asked for it"
    );
    // A client all of whose secrets have ended proves nothing.
    lab.edit(&MACHINE, |client| client.secrets.truncate(1));
    lab.clock.set(end);
    for who in [MACHINE, next] {
        lab.send(&for_itself(&who)).refused(401, "invalid_client");
    }
}

/// A ticket of the application's own, good for one access token.
struct Ticket;

const TICKET: &str = "https://grants.acme.example/ticket";

#[async_trait]
impl Grant for Ticket {
    fn grant_type(&self) -> GrantType {
        GrantType::from_static(TICKET)
    }

    async fn handle(&self, request: &TokenRequest<'_>, _: &Context<'_>) -> Result<Approval, Rejection> {
        request.secret("ticket")?;
        Ok(Approval::for_client(request.client().scope.clone()).narrowed_to(request.scope()))
    }
}

#[test]
fn a_grant_is_named_by_an_absolute_uri() {
    let lab = lab_with(|builder| builder.install(Ticket).install(RefreshToken::rotating()));
    // As it comes from a database: registered by its text.
    let json = serde_json::json!({
        "client_id": "kiosk",
        "token_endpoint_auth_method": "none",
        "grant_types": [TICKET],
        "scope": "read",
    });
    let kiosk: Client = serde_json::from_value(json).unwrap();
    assert!(kiosk.may_use(&GrantType::named(TICKET)));
    lab.register(&kiosk);
    let ask = |grant_type: &str| {
        let call = Call::post("/token").with("grant_type", grant_type).with("ticket", "t");
        lab.send(&call.with("client_id", "kiosk"))
    };
    assert_eq!(ask(TICKET).granted().scope, scope("read").as_str());
    // An identifier is compared as it is written.
    for other in [
        "https://grants.acme.example/ticket/",
        "HTTPS://grants.acme.example/ticket",
        "https://grants.acme.example/%74icket",
        "ticket",
    ] {
        ask(other).refused(400, "unsupported_grant_type");
    }
    let told = lab.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    let grants = told["grant_types_supported"].as_array().unwrap();
    assert!(grants.iter().any(|name| name == TICKET));
}
