use super::*;

mod entries;

fn serve(text: &str) -> Result<Settings, Problems> {
    Settings::parse("oauthd.toml", text, &Overrides::default(), Purpose::Serve)
}

/// What is wrong with that configuration, one line each.
fn problems(text: &str) -> Vec<String> {
    match serve(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// The one thing that is wrong with a configuration whose first line is a good issuer.
fn problem(rest: &str) -> String {
    let found = problems(&format!("issuer = \"https://auth.example\"\n{rest}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

fn accepted(rest: &str) -> Settings {
    serve(&format!("issuer = \"https://auth.example\"\n{rest}")).unwrap()
}

#[test]
fn an_issuer_is_enough_and_the_rest_has_good_defaults() {
    let settings = accepted("");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.store.to_string(), "sqlite://oauthd.db");
    assert_eq!(settings.tokens, Tokens::default());
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.pkce, Pkce::All);
    assert_eq!(settings.grants, grants::BY_DEFAULT);
    assert_eq!(settings.scopes, Scopes::default());
}

#[test]
fn everything_that_is_said_is_heard() {
    let settings = serve(
        r#"
        issuer = "http://127.0.0.1:8080"
        listen = "0.0.0.0:9000"
        store = "memory:"

        [tokens]
        access_token_format = "opaque"
        access_token_lifetime = "10m"
        refresh_token_lifetime = "7d"
        refresh_token_absolute_lifetime = "30d"
        refresh_token_rotation = "always"
        refresh_token_grace = "10s"
        authorization_code_lifetime = "30s"
        device_code_lifetime = "15m"
        device_poll_interval = "2s"
        signing_algorithm = "ES256"

        [grants]
        enabled = ["client_credentials", "authorization_code"]

        [pkce]
        required = "public"

        [scopes]
        supported = ["read", "write"]
        default = ["read"]
        descriptions = { read = "Look at your things" }

        [registration]
        enabled = false

        [limits]
        token_requests_per_minute_per_client = 0
        failed_authentications_per_minute = 5
        max_body = "16KiB"

        [[clients]]
        client_id = "web"
        client_secret = "a-long-random-secret"
        client_name = "Demo web app"
        "client_name#de" = "Demo-Anwendung"
        client_uri = "https://app.example/"
        contacts = ["ops@app.example"]
        token_endpoint_auth_method = "client_secret_post"
        redirect_uris = ["http://127.0.0.1:9000/callback"]
        grant_types = ["authorization_code", "client_credentials"]
        response_types = ["code"]
        scope = "read write"
        skip_consent = true
        jwks = { keys = [] }
        introspect = true
        access_token_lifetime = "5m"

        [[users]]
        username = "alice"
        password = "correct horse battery staple"
        claims = { name = "Alice", age = 30, tags = ["a"] }
        "#,
    )
    .unwrap();
    assert_eq!(settings.issuer.as_deref(), Some("http://127.0.0.1:8080"));
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(settings.store, StoreUrl::Memory);
    assert_eq!(
        settings.tokens,
        Tokens {
            access_token_lifetime: std::time::Duration::from_secs(600),
            refresh_token_lifetime: std::time::Duration::from_secs(7 * 86400),
            refresh_token_absolute_lifetime: std::time::Duration::from_secs(30 * 86400),
            refresh_token_rotation: RefreshRotation::Always,
            refresh_token_grace: std::time::Duration::from_secs(10),
            authorization_code_lifetime: std::time::Duration::from_secs(30),
            device_code_lifetime: std::time::Duration::from_secs(900),
            device_poll_interval: std::time::Duration::from_secs(2),
        }
    );
    assert_eq!(
        settings.grants,
        [GrantType::CLIENT_CREDENTIALS, GrantType::AUTHORIZATION_CODE]
    );
    assert_eq!(settings.pkce, Pkce::Public);
    assert_eq!(settings.scopes.descriptions["read"], "Look at your things");
    assert_eq!(settings.limits.token_requests_per_minute_per_client, 0);
    assert_eq!(settings.limits.failed_authentications_per_minute, 5);
    assert_eq!(settings.limits.max_body, 16 * 1024);

    let web = &settings.clients[0];
    assert_eq!(web.secret, SecretForm::Plain { characters: 20 });
    let client = &web.client;
    assert_eq!(client.token_endpoint_auth_method.as_str(), "client_secret_post");
    assert_eq!(client.scope.as_str(), "read write");
    assert_eq!(client.access_token_lifetime, Some(300));
    assert!(client.introspect);
    assert_eq!(client.metadata::<bool>(SKIP_CONSENT), Some(true));
    assert_eq!(
        client.metadata::<String>("client_name#de").as_deref(),
        Some("Demo-Anwendung")
    );
    let secret = oauth_server::Secret::new("a-long-random-secret");
    assert_eq!(client.secrets[0].matches_sha256(&secret), Some(true));

    let alice = &settings.users[0];
    assert_eq!(alice.username, "alice");
    assert!(matches!(&alice.password, Password::Plain(password) if password.expose().starts_with("correct")));
    assert_eq!(alice.claims["age"], 30);
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_key_that_was_meant() {
    assert_eq!(
        problem("\n\nlisen = \"127.0.0.1:80\""),
        "oauthd.toml:4: lisen: unknown key; did you mean `listen`?"
    );
    assert_eq!(
        problem("[tokens]\nacces_token_lifetime = \"1h\""),
        "oauthd.toml:3: tokens.acces_token_lifetime: unknown key; did you mean `access_token_lifetime`?"
    );
    assert_eq!(problem("[colours]\nred = 1"), "oauthd.toml:2: colours: unknown key");
    assert_eq!(
        problem("[[clients]]\nclient_id = \"c\"\nfrobnicate = true"),
        "oauthd.toml:4: clients[0].frobnicate: unknown key"
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let found = problems(
        r#"issuer = "http://auth.example"
listen = "here"
store = "postgres://u:hunter2@db/x"
[tokens]
access_token_lifetime = "0s"
[[clients]]
client_id = "c"
redirect_uris = [
    "https://good.example/cb",
    "http://bad.example/cb",
]
"#,
    );
    assert_eq!(
        found,
        [
            "oauthd.toml:1: issuer: http is for loopback only: use https",
            "oauthd.toml:2: listen: not an address with a port; write it like \"127.0.0.1:8080\" or \"[::]:8080\"",
            "oauthd.toml:3: store: the store `postgres:` is not built in: write `memory:` or `sqlite://PATH`",
            "oauthd.toml:5: tokens.access_token_lifetime: less than a second is no lifetime",
            "oauthd.toml:10: clients[0].redirect_uris[1]: a redirect URI is https; http is for loopback only \
             (RFC 9700 §2.6)",
        ]
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_line_and_without_its_text() {
    let found = problems("issuer = \"https://a.example\"\n[[clients]]\nclient_secret = \"hunter2-and-more\nx = 1\n");
    assert!(found[0].starts_with("oauthd.toml:3: "), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("hunter2")), "{found:?}");
    let twice = problems("issuer = \"https://a.example\"\nissuer = \"https://b.example\"\n");
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert!(twice[0].starts_with("oauthd.toml:2: "), "{twice:?}");
}

#[test]
fn a_value_of_the_wrong_type_is_told_without_the_value() {
    assert_eq!(
        problem("listen = 8080"),
        "oauthd.toml:2: listen: a string is expected here, not an integer"
    );
    assert_eq!(
        problem("[tokens]\naccess_token_lifetime = 3600"),
        "oauthd.toml:3: tokens.access_token_lifetime: a time span in quotes, such as \"90s\", \"1h\" or \"14d\", \
         is expected here, not an integer"
    );
    assert_eq!(
        problem("[scopes]\nsupported = \"read\""),
        "oauthd.toml:3: scopes.supported: a list of strings is expected here, not a string"
    );
    assert_eq!(
        problem("clients = 3"),
        "oauthd.toml:2: clients: a list of tables is expected here, not an integer"
    );
    let secret = problem("[[clients]]\nclient_id = \"c\"\nclient_secret = 123456789");
    assert!(!secret.contains("123456789"), "{secret}");
}

#[test]
fn flags_go_over_the_file_and_their_mistakes_are_told_as_theirs() {
    let file = "issuer = \"https://file.example\"\nlisten = \"127.0.0.1:1\"\nstore = \"memory:\"\n";
    let over = Overrides {
        issuer: Some("https://flag.example".to_owned()),
        listen: Some("localhost:2".to_owned()),
        store: Some("sqlite://flag.db".to_owned()),
    };
    let settings = Settings::parse("oauthd.toml", file, &over, Purpose::Serve).unwrap();
    assert_eq!(settings.issuer.as_deref(), Some("https://flag.example"));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:2");
    assert_eq!(settings.store.to_string(), "sqlite://flag.db");

    let wrong = Overrides {
        listen: Some("nowhere".to_owned()),
        ..Overrides::default()
    };
    let problems = Settings::parse("oauthd.toml", file, &wrong, Purpose::Serve).unwrap_err();
    assert!(
        problems
            .to_string()
            .starts_with("--listen (OAUTHD_LISTEN): not an address"),
        "{problems}"
    );
}

#[test]
fn to_serve_takes_an_issuer_and_to_administer_does_not() {
    let missing = problems("listen = \"127.0.0.1:0\"");
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].starts_with("oauthd.toml: issuer: it is missing"),
        "{missing:?}"
    );
    assert!(Settings::parse("oauthd.toml", "", &Overrides::default(), Purpose::Administer).is_ok());
    let by_flag = Overrides {
        issuer: Some("https://a.example".to_owned()),
        ..Overrides::default()
    };
    assert!(Settings::parse("oauthd.toml", "", &by_flag, Purpose::Serve).is_ok());
}

#[test]
fn issuers_that_cannot_be_meant_are_refused() {
    for bad in [
        "https://a.example?x=1",
        "https://a.example#x",
        "http://a.example",
        "ftp://a.example",
        "https://a.example/",
    ] {
        let found = problems(&format!("issuer = \"{bad}\""));
        assert_eq!(found.len(), 1, "{bad}");
        assert!(found[0].starts_with("oauthd.toml:1: issuer: "), "{found:?}");
    }
}

#[test]
fn what_is_not_built_in_says_so() {
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    for (text, told) in [
        (
            format!("[grants]\nenabled = [\"authorization_code\", \"{exchange}\"]"),
            format!("oauthd.toml:3: grants.enabled[1]: the grant `{exchange}` is not built in"),
        ),
        (
            "[tokens]\naccess_token_format = \"jwt\"".to_owned(),
            "oauthd.toml:3: tokens.access_token_format: `jwt` (RFC 9068) is not built in; `opaque` is".to_owned(),
        ),
        (
            "[registration]\nenabled = true".to_owned(),
            "oauthd.toml:3: registration.enabled: dynamic client registration (RFC 7591) is not built in".to_owned(),
        ),
        (
            "[[resources]]\nuri = \"https://api.example/\"".to_owned(),
            "oauthd.toml:2: resources: resource indicators (RFC 8707) are not built in".to_owned(),
        ),
        (
            "[[clients]]\nclient_id = \"c\"\ndpop_bound_access_tokens = true".to_owned(),
            "oauthd.toml:4: clients[0].dpop_bound_access_tokens: the feature behind this key is not built in"
                .to_owned(),
        ),
        (
            "[[clients]]\nclient_id = \"c\"\njwks_uri = \"https://c.example/jwks\"".to_owned(),
            "oauthd.toml:4: clients[0].jwks_uri: the feature behind this key is not built in".to_owned(),
        ),
        (
            "[[clients]]\nclient_id = \"c\"\ntoken_endpoint_auth_method = \"private_key_jwt\"".to_owned(),
            "oauthd.toml:4: clients[0].token_endpoint_auth_method: the method `private_key_jwt` is not built in"
                .to_owned(),
        ),
    ] {
        assert_eq!(problem(&text), told);
    }
}

#[test]
fn grants_are_known_by_name_and_named_once() {
    assert_eq!(
        problem("[grants]\nenabled = [\"authorisation_code\"]"),
        "oauthd.toml:3: grants.enabled[0]: `authorisation_code` is an unknown grant; did you mean \
         `authorization_code`?"
    );
    assert_eq!(
        problem("[grants]\nenabled = [\"refresh_token\", \"refresh_token\"]"),
        "oauthd.toml:3: grants.enabled[1]: `refresh_token` is there twice"
    );
    assert!(problem("[grants]\nenabled = []").contains("can issue nothing"));
}

/// A client with those lines; what is wrong with it.
fn client_problem(lines: &str) -> String {
    problem(&format!("[[clients]]\nclient_id = \"c\"\n{lines}"))
}

#[test]
fn scopes_stay_within_the_supported_ones() {
    assert_eq!(
        problem("[scopes]\nsupported = [\"read\"]\ndefault = [\"read\", \"write\"]"),
        "oauthd.toml:4: scopes.default: `write` is not among the supported scopes"
    );
    assert_eq!(
        problem("[scopes]\nsupported = [\"read\"]\n[[clients]]\nclient_id = \"c\"\nscope = \"read admin\""),
        "oauthd.toml:6: clients[0].scope: `admin` is not among the supported scopes"
    );
    assert_eq!(
        problem("[scopes]\nsupported = [\"read\"]\n[scopes.descriptions]\nraed = \"Look\""),
        "oauthd.toml:5: scopes.descriptions.raed: `raed` is not among the supported scopes; did you mean `read`?"
    );
    assert!(problem("[scopes]\nsupported = [\"read write\"]").contains("make it two items"));
    assert!(problem("[scopes]\nsupported = [\"caf\\u00e9\"]").contains("scopes.supported[0]"));
}

#[test]
fn openid_is_an_unknown_scope_that_nobody_gets() {
    let settings = accepted(
        "[scopes]\nsupported = [\"openid\", \"read\"]\ndefault = [\"openid\"]\n\
         [[clients]]\nclient_id = \"c\"\nscope = \"openid read\"\n",
    );
    assert_eq!(settings.scopes.supported.unwrap().as_str(), "read");
    assert_eq!(settings.scopes.default.unwrap().as_str(), "");
    assert_eq!(settings.clients[0].client.scope.as_str(), "read");
    assert_eq!(settings.without_effect[0].line(), Some(3));
    assert!(client_problem("scope = \"openid\"").contains("not built in"));
}

#[test]
fn refresh_lifetimes_fit_into_each_other() {
    assert_eq!(
        problem("[tokens]\nrefresh_token_lifetime = \"100d\"\nrefresh_token_absolute_lifetime = \"10d\""),
        "oauthd.toml:3: tokens.refresh_token_lifetime: it is longer than refresh_token_absolute_lifetime, which it \
         can never outlast"
    );
    // One of them alone takes the other's default along.
    let long = accepted("[tokens]\nrefresh_token_lifetime = \"180d\"").tokens;
    assert!(long.refresh_token_absolute_lifetime >= long.refresh_token_lifetime);
    let short = accepted("[tokens]\nrefresh_token_absolute_lifetime = \"1d\"").tokens;
    assert_eq!(short.refresh_token_lifetime, short.refresh_token_absolute_lifetime);
}

#[test]
fn choices_are_among_those_there_are() {
    assert!(problem("[pkce]\nrequired = \"never\"").starts_with("oauthd.toml:3: pkce.required: `all` or `public`"));
    assert!(
        problem("[tokens]\nrefresh_token_rotation = \"sometimes\"")
            .starts_with("oauthd.toml:3: tokens.refresh_token_rotation: `always`, `public` or `never`")
    );
    assert!(problem("[limits]\nmax_body = \"big\"").starts_with("oauthd.toml:3: limits.max_body: not a size"));
    assert!(
        problem("[limits]\nfailed_authentications_per_minute = -1")
            .starts_with("oauthd.toml:3: limits.failed_authentications_per_minute: a whole number")
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = Path::new("/nonexistent/oauthd.toml");
    let problems = Settings::load(Some(missing), &Overrides::default(), Purpose::Serve).unwrap_err();
    assert_eq!(problems.to_string(), "/nonexistent/oauthd.toml: there is no such file");
}
