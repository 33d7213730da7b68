//! The example messages of the RFCs, byte for byte, sent to a server that knows their clients and tokens.

use oauth_server::MemoryStore;
use oauth_server::{
    AccessData, AuthorizationCode, AuthorizationId, Change, Claims, Client, ClientCredentials, ClientSecret,
    Credential, CredentialStore, GrantType, Incoming, Json, Key, Kind, REFRESH_TOKEN, RefreshToken, Secret, State,
    Timestamp,
};
use oauth_testkit::http::{Call, challenge};
use oauth_testkit::lab::{ISSUER, scope};
use oauth_testkit::{Lab, Watched, block_on};
use serde::Serialize;

use crate::Store;

/// RFC 6749 §2.3.1 has one secret for the client `s6BhdRkqt3`, §4.1.3 and the rest another.
const BASIC: &str = "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW";
const OTHER_BASIC: &str = "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3";
const CODE: Kind<()> = Kind::new("authorization_code");
const ACCESS: Kind<()> = Kind::new("access_token");

/// A server that knows the client of the examples. RFC 6749 is older than PKCE, so its examples have none.
fn lab() -> Lab<Store> {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .install(AuthorizationCode::new().danger_pkce_optional_for_confidential_clients())
            .install(ClientCredentials::new())
            .install(RefreshToken::rotating())
    });
    lab.register(&client());
    lab
}

fn client() -> Client {
    let secret = |text: &str| ClientSecret::generated(&Secret::new(text));
    Client::confidential("s6BhdRkqt3", secret("gX1fBat3bV"))
        .redirecting_to("https://client.example.com/cb")
        .using([
            GrantType::AUTHORIZATION_CODE,
            GrantType::CLIENT_CREDENTIALS,
            GrantType::REFRESH_TOKEN,
        ])
        .limited_to(scope("read write"))
        .edited(|client| {
            client.secrets.push(secret("7Fjfp0ZBr1KtDRbnfVdmIw"));
            client.introspect = true;
        })
}

/// Puts a credential of the examples into the store, as if it had been issued.
fn issue<T>(lab: &Lab<Store>, kind: &Kind<T>, secret: &str, data: &impl Serialize) {
    let row = Credential {
        key: Key::of(kind, &Secret::new(secret)),
        authorization: AuthorizationId::from_bytes([1; 16]),
        client: "s6BhdRkqt3".into(),
        subject: Some("Z5O3upPC88QrAjx00dis".into()),
        scope: scope("read write"),
        expires_at: Timestamp::from_secs(1_900_000_000),
        state: State::Live,
        revision: 0,
        data: Json::of(data).unwrap(),
    };
    block_on(lab.store.commit(&[Change::Insert(row)])).unwrap();
}

fn issue_refresh_token(lab: &Lab<Store>, secret: &str) {
    let data = serde_json::json!({ "iat": 0, "end": 1_900_000_000_000_u64 });
    issue(lab, &REFRESH_TOKEN, secret, &data);
}

#[test]
fn the_authorization_request_of_rfc_6749_section_4_1_1_is_answered_as_in_4_1_2() {
    let lab = lab();
    let request = Call::get(
        "/authorize?response_type=code&client_id=s6BhdRkqt3&state=xyz\
         &redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb",
    );
    let location = lab.approve(&request);
    let code = location.param("code").unwrap();
    let expected = format!("https://client.example.com/cb?code={code}&state=xyz&iss=https%3A%2F%2Fauth.example");
    assert_eq!(location.uri(), expected);
}

#[test]
fn a_refusal_is_answered_as_in_rfc_6749_section_4_1_2_1() {
    let lab = lab();
    let request = Call::get(
        "/authorize?response_type=code&client_id=s6BhdRkqt3&state=xyz\
         &redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb",
    );
    let redirect = block_on(lab.authorize(&request).unwrap().deny()).unwrap();
    let expected = "https://client.example.com/cb?error=access_denied\
                    &error_description=the%20request%20was%20denied&state=xyz&iss=https%3A%2F%2Fauth.example";
    assert_eq!(redirect.location(), expected);
}

#[test]
fn the_access_token_request_of_rfc_6749_section_4_1_3_is_answered_as_in_4_1_4() {
    let lab = lab();
    let bound = serde_json::json!({ "redirect_uri": "https://client.example.com/cb" });
    issue(&lab, &CODE, "SplxlOBeZQQYbYS6WxSbIA", &bound);
    let request = Call::post("/token").header("authorization", BASIC).form(
        "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA\
         &redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb",
    );
    let answer = lab.send(&request);
    let tokens = answer.granted();
    assert_eq!(answer.json()["expires_in"], 3600);
    assert!(tokens.refresh.is_some());
}

#[test]
fn the_client_secrets_of_rfc_6749_section_2_3_1_are_honoured_in_header_and_body() {
    let lab = lab();
    issue_refresh_token(&lab, "tGzv3JOkF0XG5Qx2TlKWIA");
    let header = Call::post("/token").header("authorization", OTHER_BASIC);
    lab.send(&header.form("grant_type=client_credentials")).granted();

    // The body carries the same credentials, for a client that is registered for it.
    lab.register(&client().authenticating_by(oauth_server::AuthMethod::CLIENT_SECRET_POST));
    let body = Call::post("/token").form(
        "grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA\
         &client_id=s6BhdRkqt3&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw",
    );
    lab.send(&body).granted();
}

#[test]
fn the_requests_of_rfc_6749_sections_4_4_2_and_6_are_granted() {
    let lab = lab();
    let itself = Call::post("/token").header("authorization", BASIC);
    let tokens = lab.send(&itself.form("grant_type=client_credentials")).granted();
    assert_eq!(tokens.refresh, None);

    issue_refresh_token(&lab, "tGzv3JOkF0XG5Qx2TlKWIA");
    let refresh = Call::post("/token").header("authorization", BASIC);
    let refresh = refresh.form("grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA");
    lab.send(&refresh).granted();
}

#[test]
fn an_error_has_the_form_of_rfc_6749_section_5_2() {
    let answer = lab().send(&Call::post("/token").header("authorization", BASIC).form(""));
    answer.refused(400, "invalid_request");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn the_characters_of_rfc_6749_appendix_b_survive() {
    let request = Call::get(
        "/authorize?response_type=code&client_id=s6BhdRkqt3&state=+%25%26%2B%C2%A3%E2%82%AC\
         &redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb",
    );
    assert_eq!(lab().approve(&request).param("state").unwrap(), " %&+£€");
}

#[test]
fn the_bearer_token_of_rfc_6750_section_2_1_opens_the_resource() {
    let lab = lab();
    issue(&lab, &ACCESS, "mF_9.B5f-4.1JqM", &serde_json::json!({ "iat": 0 }));
    let request = Call::get("/resource").header("authorization", "Bearer mF_9.B5f-4.1JqM");
    let request = request.request();
    let token = block_on(lab.server.authenticate(&Incoming::of(&request))).unwrap();
    assert_eq!(token.subject().unwrap().as_str(), "Z5O3upPC88QrAjx00dis");
}

#[test]
fn the_revocation_request_of_rfc_7009_section_2_1_ends_the_token() {
    let lab = lab();
    issue_refresh_token(&lab, "45ghiukldjahdnhzdauz");
    let request = Call::post("/revoke").header("authorization", BASIC);
    let request = request.form("token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token");
    assert_eq!(lab.send(&request).status(), 200);
    let refresh = Call::post("/token").header("authorization", BASIC);
    lab.send(&refresh.form("grant_type=refresh_token&refresh_token=45ghiukldjahdnhzdauz"))
        .refused(400, "invalid_grant");
}

#[test]
fn the_introspection_request_of_rfc_7662_section_2_1_is_answered_as_in_2_2() {
    let lab = lab();
    let mut claims = Claims::default();
    claims.set("username", "jdoe");
    claims.set("extension_field", "twenty-seven");
    let issued_at = Timestamp::from_secs(1_419_350_238);
    issue(&lab, &ACCESS, "mF_9.B5f-4.1JqM", &AccessData { issued_at, claims });
    let request = Call::post("/introspect")
        .header("accept", "application/json")
        .header("authorization", BASIC)
        .form("token=mF_9.B5f-4.1JqM&token_type_hint=access_token");
    let expected = serde_json::json!({
        "active": true,
        "client_id": "s6BhdRkqt3",
        "username": "jdoe",
        "scope": "read write",
        "sub": "Z5O3upPC88QrAjx00dis",
        "aud": ISSUER,
        "iss": ISSUER,
        "exp": 1_900_000_000,
        "iat": 1_419_350_238,
        "token_type": "Bearer",
        "extension_field": "twenty-seven",
    });
    assert_eq!(lab.send(&request).json(), expected);

    let unknown = Call::post("/introspect").header("authorization", BASIC);
    let answer = lab.send(&unknown.form("token=2YotnFZFEjr1zCsicMWpAA"));
    assert_eq!(answer.text(), r#"{"active":false}"#);
}

#[test]
fn the_verifier_of_rfc_7636_appendix_b_opens_its_challenge() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let lab = lab();
    let request = Call::get(
        "/authorize?response_type=code&client_id=s6BhdRkqt3\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
    );
    let code = lab.approve(&request).param("code").unwrap();
    let redeem = Call::post("/token").header("authorization", BASIC).all(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", verifier),
    ]);
    lab.send(&redeem).granted();
}

#[test]
fn the_metadata_requests_of_rfc_8414_section_3_1_find_the_document() {
    for (issuer, path) in [
        ("https://example.com", "/.well-known/oauth-authorization-server"),
        (
            "https://example.com/issuer1",
            "/.well-known/oauth-authorization-server/issuer1",
        ),
    ] {
        let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
            builder.issuer(issuer).install(AuthorizationCode::new())
        });
        assert_eq!(lab.send(&Call::get(path)).json()["issuer"], issuer);
    }
}

#[test]
fn the_responses_of_rfc_9207_section_2_name_the_issuer_the_same_way() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .issuer("https://honest.as.example")
            .install(AuthorizationCode::new().danger_pkce_optional_for_confidential_clients())
    });
    lab.register(&client().redirecting_to("https://client.example/cb"));
    let request = Call::get("/authorize").all(&[
        ("response_type", "code"),
        ("client_id", "s6BhdRkqt3"),
        ("redirect_uri", "https://client.example/cb"),
        ("state", "ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI"),
    ]);
    let location = lab.approve(&request);
    let code = location.param("code").unwrap();
    let expected = format!(
        "https://client.example/cb?code={code}\
         &state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI\
         &iss=https%3A%2F%2Fhonest.as.example"
    );
    assert_eq!(location.uri(), expected);
    let refused = lab.sent_back(&request.with("scope", "nothing"), "invalid_scope");
    assert!(refused.uri().ends_with("&iss=https%3A%2F%2Fhonest.as.example"));
}
