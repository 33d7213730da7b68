//! `[[clients]]` and `[[users]]`.

use super::*;

#[test]
fn clients_that_cannot_be_meant_are_refused() {
    for (lines, told) in [
        (
            "grant_types = [\"client_credentials\"]",
            "oauthd.toml:4: clients[0].grant_types[0]: a public client cannot use client_credentials",
        ),
        (
            "grant_types = [\"magic\"]",
            "oauthd.toml:4: clients[0].grant_types[0]: `magic` is an unknown grant",
        ),
        (
            "grant_types = [\"authorization_code\"]",
            "oauthd.toml:2: clients[0].redirect_uris: a client that uses authorization_code needs",
        ),
        (
            "token_endpoint_auth_method = \"none\"\nclient_secret = \"s\"",
            "oauthd.toml:4: clients[0].token_endpoint_auth_method: `none` is for clients without a secret",
        ),
        (
            "token_endpoint_auth_method = \"client_secret_basic\"",
            "oauthd.toml:4: clients[0].token_endpoint_auth_method: `client_secret_basic` needs client_secret",
        ),
        (
            "token_endpoint_auth_method = \"client_secret_bsaic\"\nclient_secret = \"s\"",
            "oauthd.toml:4: clients[0].token_endpoint_auth_method: `client_secret_bsaic` is an unknown method; \
             did you mean `client_secret_basic`?",
        ),
        (
            "client_secret = \"\"",
            "oauthd.toml:4: clients[0].client_secret: an empty secret",
        ),
        (
            "client_secret_hash = \"md5:abc\"",
            "oauthd.toml:4: clients[0].client_secret_hash: neither `sha256:`",
        ),
        (
            "introspect = true",
            "oauthd.toml:4: clients[0].introspect: a public client cannot introspect tokens",
        ),
        (
            "redirect_uris = [\"myapp:/cb\"]",
            "oauthd.toml:4: clients[0].redirect_uris[0]: a private-use scheme",
        ),
        (
            "redirect_uris = [\"https://a.example/cb#frag\"]",
            "oauthd.toml:4: clients[0].redirect_uris[0]: a redirect URI has no fragment",
        ),
        (
            "response_types = [\"id_token\"]",
            "oauthd.toml:4: clients[0].response_types[0]: the response type `id_token` is not built in",
        ),
        (
            "access_token_lifetime = \"0s\"",
            "oauthd.toml:4: clients[0].access_token_lifetime: less than",
        ),
        (
            "logo_uri = \"javascript:alert(1)\"",
            "oauthd.toml:4: clients[0].logo_uri: a web page's address",
        ),
        (
            "application_type = \"toaster\"",
            "oauthd.toml:4: clients[0].application_type: `web` or `native`",
        ),
    ] {
        let found = client_problem(lines);
        assert!(found.starts_with(told), "{lines}:\n  {found}\n  {told}");
    }
}

#[test]
fn two_of_one_name_are_refused() {
    assert_eq!(
        problem("[[clients]]\nclient_id = \"c\"\n[[clients]]\nclient_id = \"c\""),
        "oauthd.toml:5: clients[1].client_id: there are two clients `c`"
    );
    let alice = "[[users]]\nusername = \"alice\"\npassword = \"x\"\n";
    assert_eq!(
        problem(&format!("{alice}{alice}")),
        "oauthd.toml:6: users[1].username: there are two users `alice`"
    );
    let both = format!(
        "client_secret = \"s\"\nclient_secret_hash = \"sha256:{}\"",
        "x".repeat(43)
    );
    assert_eq!(
        client_problem(&both),
        "oauthd.toml:5: clients[0].client_secret_hash: there is a client_secret already; keep one of the two"
    );
}

#[test]
fn a_client_has_an_identifier_of_printable_characters() {
    assert!(problem("[[clients]]\nclient_name = \"x\"").contains("clients[0].client_id: every client has one"));
    assert!(problem("[[clients]]\nclient_id = \"a\\nb\"").contains("printable ASCII"));
    assert!(problem(&format!("[[clients]]\nclient_id = \"{}\"", "x".repeat(256))).contains("at most 255"));
}

#[test]
fn what_a_client_leaves_out_follows_from_the_rest() {
    let settings = accepted(
        r#"
        [scopes]
        default = ["read"]
        [[clients]]
        client_id = "spa"
        redirect_uris = ["https://app.example/cb"]
        [[clients]]
        client_id = "api"
        client_secret_hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
        introspect = true
        "#,
    );
    let [spa, api] = &settings.clients[..] else {
        panic!("two clients");
    };
    assert_eq!(spa.client.token_endpoint_auth_method.as_str(), "none");
    assert_eq!(spa.client.grant_types, [GrantType::AUTHORIZATION_CODE]);
    assert_eq!(spa.client.response_types, ["code"]);
    assert_eq!(spa.client.scope.as_str(), "read");
    assert_eq!(api.client.token_endpoint_auth_method.as_str(), "client_secret_basic");
    assert!(api.client.grant_types.is_empty());
    assert_eq!(api.secret, SecretForm::Hashed);
}

#[test]
fn users_have_a_name_and_one_password() {
    for (lines, told) in [
        (
            "username = \"\"\npassword = \"x\"",
            "oauthd.toml:3: users[0].username: a username is not empty",
        ),
        (
            "username = \" a\"\npassword = \"x\"",
            "oauthd.toml:3: users[0].username: a username neither begins",
        ),
        (
            "username = \"a\\u0007\"\npassword = \"x\"",
            "oauthd.toml:3: users[0].username: a username has no control",
        ),
        (
            "username = \"a\"",
            "oauthd.toml:2: users[0].password: a user needs password or password_hash",
        ),
        (
            "username = \"a\"\npassword = \"\"",
            "oauthd.toml:4: users[0].password: an empty password",
        ),
        (
            "username = \"a\"\npassword_hash = \"x\"",
            "oauthd.toml:4: users[0].password_hash: not a PHC string",
        ),
        (
            "username = \"a\"\npassword = \"x\"\npassword_hash = \"$argon2id$x\"",
            "oauthd.toml:5: users[0].password_hash: there is a password already",
        ),
        (
            "username = \"a\"\npassword = \"x\"\nclaims = 3",
            "oauthd.toml:5: users[0].claims: a table is expected",
        ),
    ] {
        let found = problem(&format!("[[users]]\n{lines}"));
        assert!(found.starts_with(told), "{lines}:\n  {found}\n  {told}");
    }
}

#[test]
fn a_plain_secret_is_not_kept_in_plain() {
    let settings = accepted("[[clients]]\nclient_id = \"c\"\nclient_secret = \"wholly-visible\"\n");
    assert!(!format!("{settings:?}").contains("wholly-visible"));
    assert!(
        !serde_json::to_string(&settings.clients[0].client)
            .unwrap()
            .contains("wholly-visible")
    );
}
