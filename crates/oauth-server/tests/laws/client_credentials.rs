//! The client credentials grant (RFC 6749 §4.4).

use async_trait::async_trait;
use oauth_server::MemoryStore;
use oauth_server::{Approval, Client, ClientCredentials, Context, Incoming, Rejection, ServiceAccounts};
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, MACHINE, WEB, for_itself, scope};
use oauth_testkit::{Lab, Watched, block_on};

use crate::lab;

#[test]
fn a_program_gets_a_token_of_its_own_and_no_refresh_token() {
    // R105, R100
    let lab = lab();
    for who in [WEB, MACHINE] {
        let tokens = lab.send(&for_itself(&who)).granted();
        assert_eq!(tokens.refresh, None);
        assert_eq!(tokens.scope, "read");
        assert!(lab.is_active(&tokens.access));
    }
}

#[test]
fn such_a_token_is_never_taken_for_a_person() {
    // R016: whatever a client is called, its token has no subject.
    let lab = lab();
    let client = Client::confidential(
        "alice",
        oauth_server::ClientSecret::generated(&oauth_server::Secret::new("s")),
    )
    .using([oauth_server::GrantType::CLIENT_CREDENTIALS])
    .limited_to(scope("read"));
    lab.register(&client);
    let call = Call::post("/token")
        .with("grant_type", "client_credentials")
        .basic("alice", "s");
    let token = lab.send(&call).granted().access;
    assert_eq!(lab.introspect(&token).get("sub"), None);
    let request = Call::get("/").bearer(&token).request();
    let access = block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap();
    assert_eq!(access.subject(), None);
    assert_eq!(access.client_id().as_str(), "alice");
}

#[test]
fn public_clients_have_no_credentials() {
    // R105, V110
    let lab = lab();
    lab.send(&for_itself(&APP)).refused(400, "unauthorized_client");
    lab.edit(&APP, |client| {
        client.grant_types.push(oauth_server::GrantType::CLIENT_CREDENTIALS);
    });
    lab.send(&for_itself(&APP)).refused(400, "unauthorized_client");
}

#[test]
fn the_scope_is_within_the_registration() {
    // R059, R106, V083, I019
    let lab = lab();
    for (asked, got) in [
        ("read", "read"),
        ("write", "write"),
        ("write read", "read write"),
        ("", "read"),
    ] {
        assert_eq!(lab.send(&for_itself(&WEB).with("scope", asked)).granted().scope, got);
    }
    let many = "read ".repeat(5_000);
    for bad in [
        "admin",
        "read admin",
        "nothing-such",
        "READ",
        "read  write",
        " read",
        "a\"b",
        "a\\b",
        "é",
        "read\n",
        many.as_str(),
    ] {
        lab.send(&for_itself(&WEB).with("scope", bad))
            .refused(400, "invalid_scope");
    }
    lab.send(&for_itself(&MACHINE).with("scope", "write"))
        .refused(400, "invalid_scope");
    // The server does not know this scope, whatever a registration says.
    lab.edit(&MACHINE, |client| client.scope = scope("read unknown"));
    lab.send(&for_itself(&MACHINE).with("scope", "unknown"))
        .refused(400, "invalid_scope");
}

struct Accounts;

#[async_trait]
impl ServiceAccounts for Accounts {
    async fn act_as(&self, approval: Approval, client: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        match client.id.as_str() {
            "machine" => Ok(approval
                .with_claim("account", "robot-7")
                .with_attribute("account", "robot-7")),
            _ => Err(Rejection::access_denied("no account for this client")),
        }
    }
}

#[test]
fn an_application_says_which_account_a_client_acts_as() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder.install(ClientCredentials::acting_as(Accounts))
    });
    let answer = lab.send(&for_itself(&MACHINE));
    assert_eq!(answer.json()["account"], "robot-7");
    assert_eq!(lab.introspect(&answer.granted().access)["account"], "robot-7");
    lab.send(&for_itself(&WEB)).refused(400, "access_denied");
}

#[test]
fn a_client_s_own_lifetime_goes_before_everybody_s() {
    let lab = lab();
    lab.edit(&MACHINE, |client| client.access_token_lifetime = Some(60));
    let answer = lab.send(&for_itself(&MACHINE));
    assert_eq!(answer.json()["expires_in"], 60);
    let token = answer.granted().access;
    lab.clock.advance(std::time::Duration::from_secs(59));
    assert!(lab.is_active(&token));
    lab.clock.advance(std::time::Duration::from_secs(1));
    assert!(!lab.is_active(&token));
}
