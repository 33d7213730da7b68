//! What was issued: listing it and ending it.

use super::{good, json, refused, text};
use crate::common::clients::{self, ALICE, WEB_REQUEST};
use crate::common::{Config, Daemon, Tokens};

#[test]
fn tokens_are_listed_and_ended_while_the_server_runs() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let mut alice = daemon.signed_in("alice", ALICE);
    let mut issue = |request| -> Tokens { daemon.tokens(&mut alice, request) };
    let by_token = issue(&WEB_REQUEST);
    let by_authorization = issue(&WEB_REQUEST);
    let of_native = issue(&clients::NATIVE_REQUEST);
    let last = issue(&WEB_REQUEST);
    let is_dead = |tokens: &Tokens| !daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh);
    let is_alive = |tokens: &Tokens| daemon.is_active(&tokens.access) && daemon.is_active(&tokens.refresh);

    let listed = json(&daemon.admin(&["token", "list", "--subject", "alice", "--json"], None));
    let rows = listed.as_array().expect("a list").clone();
    let of = |client: &str| {
        rows.iter()
            .filter(|row| row["client_id"] == client && row["state"] == "live")
            .count()
    };
    assert!(of("web") >= 6 && of("native") >= 2, "{listed}");
    for secret in [&by_token.access, &by_token.refresh, &last.access] {
        assert!(
            !listed.to_string().contains(secret.as_str()),
            "a listing shows no token"
        );
    }
    assert!(good(&daemon.admin(&["token", "list", "--client", "native"], None)).contains("alice"));

    // A refresh token ends everything of its authorization, an access token itself alone.
    good(&daemon.admin(&["token", "revoke", "--token-stdin"], Some(&by_token.refresh)));
    assert!(is_dead(&by_token) && is_alive(&by_authorization));
    good(&daemon.admin(&["token", "revoke", "--token-stdin"], Some(&last.access)));
    assert!(!daemon.is_active(&last.access) && daemon.is_active(&last.refresh));
    refused(
        &daemon.admin(&["token", "revoke", "--token-stdin"], Some("no-such-token")),
        1,
    );

    let told = json(&daemon.admin(&["token", "list", "--client", "native", "--json"], None));
    let row = told
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["kind"] == "refresh_token");
    let authorization = text(row.expect("its refresh token is listed"), "authorization");
    let revoked = json(&daemon.admin(&["token", "revoke", "--authorization", &authorization, "--json"], None));
    assert_eq!(revoked["revoked"], 1);
    assert!(is_dead(&of_native) && is_alive(&by_authorization));
    good(&daemon.admin(&["token", "revoke", "--client", "web"], None));
    assert!(is_dead(&by_authorization) && !daemon.is_active(&last.refresh));

    let again = daemon.tokens(&mut daemon.signed_in("alice", ALICE), &WEB_REQUEST);
    good(&daemon.admin(&["token", "revoke", "--subject", "alice"], None));
    assert!(is_dead(&again));
    good(&daemon.admin(&["token", "sweep"], None));
    for arguments in [
        &["token", "revoke"][..],
        &["token", "list"],
        &["token", "revoke", "--authorization", "x"],
        &["token", "list", "--subject", "a", "--client", "b"],
    ] {
        refused(&daemon.admin(arguments, None), 2);
    }
}
