//! The functions of its model, row by row: what each is for, done here.

use async_trait::async_trait;
use oauth_server::{
    ACCESS_TOKEN, AccessData, Approval, AuthorizationCode, Change, Client, ClientCredentials, ClientSecret, Context,
    Credential, CredentialStore, Draft, ErrorCode, ExactMatch, GrantType, Issued, Key, MemoryStore, PasswordGrant,
    Policy, REFRESH_TOKEN, RedirectMatcher, RefreshToken, Rejection, RequiredScope, ResourceOwners, Secret,
    ServiceAccounts, State, Subject, TokenIssuer,
};
use oauth_testkit::http::{Answer, Call};
use oauth_testkit::lab::{
    APP, MACHINE, POSTER, WEB, authorization, for_itself, redemption, refreshing, revoking, scope,
};
use oauth_testkit::{Lab, Rival, SeededEntropy, Watched, block_on};

use crate::{knock, lab, lab_with};

#[test]
fn get_client() {
    // The store is asked for a client by its name alone; the secret is judged by the engine.
    let lab = lab();
    lab.register(
        &Client::confidential("batch", ClientSecret::generated(&Secret::new("right")))
            .using([GrantType::CLIENT_CREDENTIALS])
            .limited_to(scope("read")),
    );
    let ask = |id: &str, secret: &str| {
        let call = Call::post("/token").with("grant_type", "client_credentials");
        lab.send(&call.basic(id, secret))
    };
    ask("batch", "right").granted();
    let (wrong, unknown) = (ask("batch", "wrong"), ask("nobody", "right"));
    wrong.refused(401, "invalid_client");
    unknown.refused(401, "invalid_client");
    assert_eq!(wrong.text(), unknown.text(), "nobody learns which clients there are");
}

#[test]
fn save_token_and_save_authorization_code() {
    // One commit with everything in it, and no secret in any of it.
    let lab = lab();
    let code = lab.code(&APP);
    let [saved] = &lab.store.commits()[..] else {
        panic!("one commit for one code");
    };
    assert!(matches!(&saved[..], [Change::Insert(row)] if row.key.kind() == "authorization_code"));
    let tokens = lab.send(&redemption(&APP, &code)).granted();
    let commits = lab.store.commits();
    let [_, redeemed] = &commits[..] else {
        panic!("one commit for one redemption");
    };
    let kinds: Vec<String> = redeemed
        .iter()
        .map(|change| match change {
            Change::Spend(key) => format!("spend {}", key.kind()),
            Change::Insert(row) => format!("insert {}", row.key.kind()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "spend authorization_code",
            "insert access_token",
            "insert refresh_token"
        ]
    );
    let written = format!("{commits:?}");
    for secret in [code.as_str(), &tokens.access, tokens.refresh()] {
        assert!(!written.contains(secret));
    }
}

#[test]
fn get_access_token_get_refresh_token_get_authorization_code() {
    // Each is found by its secret: by the resource, by the refresh grant, by the code grant.
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.send(&redemption(&WEB, &code)).granted();
    let access = knock(&lab.server, &Call::get("/me").bearer(&tokens.access)).unwrap();
    assert_eq!(access.subject(), Some(&Subject::new("alice")));
    assert_eq!(access.client_id().as_str(), "web");
    assert_eq!(access.scope(), &scope("read write"));
    assert!(access.expires_at() > access.issued_at());
    lab.refresh(&WEB, tokens.refresh()).granted();
    // A secret of one kind is never found as another.
    assert!(knock(&lab.server, &Call::get("/me").bearer(tokens.refresh())).is_err());
    lab.refresh(&WEB, &tokens.access).refused(400, "invalid_grant");
    lab.send(&redemption(&WEB, &tokens.access))
        .refused(400, "invalid_grant");
    lab.refresh(&WEB, &code).refused(400, "invalid_grant");
}

#[test]
fn revoke_token_and_revoke_authorization_code() {
    // Using one up is part of the commit that issues; a race for it has one winner.
    let lab = lab();
    let code = lab.code(&APP);
    lab.send(&redemption(&APP, &code)).granted();
    lab.send(&redemption(&APP, &code)).refused(400, "invalid_grant");
    let tokens = lab.tokens(&APP);
    let next = lab.refresh(&APP, tokens.refresh()).granted();
    assert!(!lab.is_active(tokens.refresh()));
    // And a client ends what it has (RFC 7009).
    assert_eq!(lab.send(&revoking(&APP, next.refresh())).status(), 200);
    assert!(!lab.is_active(&next.access) && !lab.is_active(next.refresh()));

    let raced = Lab::over(Rival::new(MemoryStore::new()), |builder| {
        builder
            .install(AuthorizationCode::new())
            .install(RefreshToken::rotating())
    });
    let code = raced.code(&APP);
    raced.store.spends_first();
    raced.send(&redemption(&APP, &code)).refused(400, "invalid_grant");
    let tokens = raced.tokens(&APP);
    raced.store.spends_first();
    raced.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
}

/// One person, whose name and password are these.
struct OnlyAlice;

#[async_trait]
impl ResourceOwners for OnlyAlice {
    async fn verify(&self, username: &str, password: &Secret, _: &Context<'_>) -> Result<Option<Subject>, Rejection> {
        let right = username == "alice" && password.expose() == "swordfish";
        Ok(right.then(|| Subject::new("alice")))
    }
}

#[test]
fn get_user() {
    let lab = lab_with(|builder| builder.install(PasswordGrant::danger_verified_by(OnlyAlice)));
    lab.edit(&WEB, |client| client.grant_types.push(GrantType::PASSWORD));
    let ask = |username: &str, password: &str| {
        let form = [
            ("grant_type", "password"),
            ("username", username),
            ("password", password),
        ];
        lab.send(&Call::post("/token").all(&form).by(&WEB))
    };
    let token = ask("alice", "swordfish").granted().access;
    let access = knock(&lab.server, &Call::get("/").bearer(&token)).unwrap();
    assert_eq!(access.subject().map(Subject::as_str), Some("alice"));
    let (wrong, unknown) = (ask("alice", "wrong"), ask("bob", "swordfish"));
    wrong.refused(400, "invalid_grant");
    unknown.refused(400, "invalid_grant");
    assert_eq!(wrong.text(), unknown.text(), "nobody learns which users there are");
}

struct Accounts;

#[async_trait]
impl ServiceAccounts for Accounts {
    async fn act_as(&self, approval: Approval, client: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        let account = client
            .metadata::<String>("account")
            .ok_or_else(|| Rejection::access_denied("the client has no account"))?;
        Ok(approval.with_claim("account", account))
    }
}

#[test]
fn get_user_from_client() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder.install(ClientCredentials::acting_as(Accounts))
    });
    lab.edit(&MACHINE, |client| client.set_metadata("account", "robot-7"));
    let token = lab.send(&for_itself(&MACHINE)).granted().access;
    let access = knock(&lab.server, &Call::get("/").bearer(&token)).unwrap();
    assert_eq!(access.claims().claim::<String>("account").as_deref(), Some("robot-7"));
    assert_eq!(access.subject(), None, "an account is no person");
    lab.send(&for_itself(&WEB)).refused(400, "access_denied");
}

/// Access tokens that tell whose they are.
struct Labelled;

#[async_trait]
impl TokenIssuer for Labelled {
    async fn issue(&self, draft: &Draft<'_>, cx: &Context<'_>) -> Result<Issued, Rejection> {
        let random = cx.generate_secret()?;
        let token = Secret::new(format!("acme.{}.{}", draft.client.id, random.expose()));
        let record = Credential {
            key: Key::of(&ACCESS_TOKEN, &token),
            authorization: draft.authorization,
            client: draft.client.id.clone(),
            subject: draft.subject.cloned(),
            scope: draft.scope.clone(),
            expires_at: draft.expires_at,
            state: State::Live,
            revision: 0,
            data: AccessData {
                issued_at: draft.issued_at,
                claims: draft.claims.clone(),
            },
        };
        Ok(Issued {
            token,
            token_type: "Bearer",
            record,
        })
    }
}

#[test]
fn generate_access_token_generate_refresh_token_generate_authorization_code() {
    let same = || {
        lab_with(|builder| {
            builder
                .token_issuer(Labelled)
                .entropy(SeededEntropy::new(11))
                .install(RefreshToken::rotating())
        })
    };
    let (one, two) = (same(), same());
    // Codes and refresh tokens are drawn from the server's `Entropy`: two servers with the same draw the same.
    let (code, other) = (one.code(&APP), two.code(&APP));
    assert_eq!(code, other);
    let tokens = one.send(&redemption(&APP, &code)).granted();
    assert_eq!(tokens, two.send(&redemption(&APP, &other)).granted());
    // Access tokens are made by the `TokenIssuer`, and found again, introspected and revoked as any other.
    assert!(tokens.access.starts_with("acme.app."));
    assert!(one.is_active(&tokens.access));
    one.send(&revoking(&APP, &tokens.access));
    assert!(!one.is_active(&tokens.access));

    // Refresh tokens of a form of one's own come from the approval.
    let own = lab_with(|builder| builder.policy(OwnRefreshTokens).install(RefreshToken::rotating()));
    let tokens = own.tokens(&APP);
    assert!(tokens.refresh().starts_with("acme-refresh."));
    let key = Key::of(&REFRESH_TOKEN, &Secret::new(tokens.refresh()));
    assert!(block_on(own.store.find(&key)).unwrap().is_some());
    own.refresh(&APP, tokens.refresh()).granted();
}

/// Gives the refresh tokens of redeemed codes another form.
struct OwnRefreshTokens;

#[async_trait]
impl Policy for OwnRefreshTokens {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let random = cx.generate_secret()?;
        let token = Secret::new(format!("acme-refresh.{}", random.expose()));
        let ends_at = cx.now().plus(std::time::Duration::from_secs(30 * 24 * 3600));
        Ok(approval.with_refresh_token_as(token, ends_at))
    }
}

/// Who may have what: `write` is for Alice, and nobody may name `admin`.
struct Rules;

#[async_trait]
impl Policy for Rules {
    async fn review(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        if client.id.as_str() == POSTER.id {
            return Err(Rejection::new(ErrorCode::INVALID_SCOPE, "nothing for that client"));
        }
        match approval.subject() {
            Some(person) if person.as_str() == "alice" => Ok(approval),
            _ => Ok(approval.limited_to(&scope("read"), cx)),
        }
    }
}

#[test]
fn validate_scope() {
    // Without a policy: what the client is not registered for is refused, at both endpoints.
    let plain = lab();
    plain.sent_back(&authorization(&WEB).set("scope", "read admin"), "invalid_scope");
    plain
        .send(&for_itself(&MACHINE).with("scope", "write"))
        .refused(400, "invalid_scope");
    // With one: user, client and scope are all there to be judged, and it takes away from whatever a grant said.
    let ruled = lab_with(|builder| builder.policy(Rules).install(RefreshToken::rotating()));
    assert_eq!(ruled.tokens(&WEB).scope, "read write");
    let pending = ruled.authorize(&authorization(&WEB)).unwrap();
    let code = crate::sent_to(block_on(pending.approve("bob", scope("read write"))))
        .param("code")
        .unwrap();
    let tokens = ruled.send(&redemption(&WEB, &code)).granted();
    assert_eq!(tokens.scope, "read");
    ruled
        .send(&refreshing(&WEB, tokens.refresh()).with("scope", "write"))
        .refused(400, "invalid_scope");
    ruled
        .send(&redemption(&POSTER, &ruled.code(&POSTER)))
        .refused(400, "invalid_scope");
}

struct Write;

impl RequiredScope for Write {
    const SCOPE: &'static str = "write";
}

#[test]
fn verify_scope() {
    let lab = lab();
    let call = |token: &str| Call::get("/documents").bearer(token);
    let reader = knock(&lab.server, &call(&lab.send(&for_itself(&MACHINE)).granted().access)).unwrap();
    let writer = knock(&lab.server, &call(&lab.tokens(&WEB).access)).unwrap();
    assert!(writer.require(&scope("read write")).is_ok() && writer.require_named::<Write>().is_ok());
    assert!(reader.require(&scope("read")).is_ok());
    let challenge = reader.require_named::<Write>().unwrap_err();
    let answer = Answer::of(challenge.into_response());
    assert_eq!(answer.status(), 403);
    assert!(answer.header("www-authenticate").unwrap().ends_with("scope=\"write\""));
}

/// The hosts of one domain, each with the registered path.
struct Subdomains;

impl RedirectMatcher for Subdomains {
    fn matches(&self, registered: &str, requested: &str) -> bool {
        let (Some(domain), Some(host)) = (
            registered.strip_prefix("https://any."),
            requested.strip_prefix("https://"),
        ) else {
            return ExactMatch.matches(registered, requested);
        };
        host.strip_suffix(domain)
            .and_then(|label| label.strip_suffix('.'))
            .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_lowercase()) && !label.is_empty())
    }
}

#[test]
fn validate_redirect_uri() {
    // Character by character without asking.
    let exact = lab();
    exact.shown(&authorization(&WEB).set("redirect_uri", "https://web.example/cb/"));
    exact.shown(&authorization(&WEB).set("redirect_uri", "https://other.example/cb"));
    // Another rule is a matcher, under the rules for what may be a redirect URI at all.
    let lab = lab_with(|builder| builder.redirect_matcher(Subdomains));
    lab.edit(&WEB, |client| {
        client.redirect_uris = vec!["https://any.web.example/cb".to_owned(), "https://any.".to_owned()];
    });
    let asking = |uri: &str| authorization(&WEB).set("redirect_uri", uri);
    let location = lab.approve(&asking("https://berlin.web.example/cb"));
    assert_eq!(location.base(), "https://berlin.web.example/cb");
    lab.shown(&asking("https://evil.example/cb"));
    lab.shown(&asking("https://berlin.web.example/cb#x"));
    lab.shown(&asking("http://berlin.web.example/cb"));
}
