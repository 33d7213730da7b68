//! Secrets stay secret: none in an error, in the log's events, in `Debug`, or in what a store receives.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oauth_server::MemoryStore;
use oauth_server::device::{UserCode, resume};
use oauth_server::{
    Approval, AuthorizationCode, AuthorizeError, Change, Client, ClientCredentials, ClientSecret, Consent, Context,
    DeviceCode, Event, Grant, GrantType, Incoming, Observer, Policy, RefreshToken, Rejection, Secret, TokenRequest,
};
use oauth_testkit::http::{Answer, Call, VERIFIER, Who, challenge};
use oauth_testkit::lab::{
    API, APP, KIOSK, POSTER, STATE, TV, WEB, authorization, device_authorization, for_itself, introspecting, polling,
    redemption, refreshing, revoking,
};
use oauth_testkit::{Lab, Watched, block_on};

use crate::Store;
use crate::device::{Codes, typed};

/// Everything that was said where a log could hear it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn hears(&self, what: &(impl Debug + ?Sized)) {
        let mut log = self.0.lock().unwrap();
        writeln!(log, "{what:?}\n{what:#?}").unwrap();
    }

    #[track_caller]
    fn holds_none_of(&self, secrets: &[&str]) {
        let log = self.0.lock().unwrap();
        for secret in secrets {
            assert!(!secret.is_empty());
            if let Some(at) = log.find(secret) {
                panic!(
                    "{secret} is in the log: …{}",
                    &log[at.saturating_sub(300)..at + secret.len()]
                );
            }
        }
    }
}

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        self.hears(event);
    }
}

#[async_trait]
impl Policy for Log {
    async fn review(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        self.hears(&approval);
        self.hears(cx);
        self.hears(client);
        self.hears(&**client);
        Ok(approval)
    }
}

/// A grant whose author logs whatever it is given.
struct Chatty(Log);

#[async_trait]
impl Grant for Chatty {
    fn grant_type(&self) -> GrantType {
        GrantType::named("urn:example:chatty")
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        self.0.hears(request);
        self.0.hears(request.incoming());
        self.0.hears(request.vouched());
        self.0.hears(request.params());
        self.0.hears(cx);
        self.0.hears(&request.secret("code"));
        let approval = Approval::for_client(request.client().scope.clone()).with_refresh_token();
        self.0.hears(&approval);
        Ok(approval)
    }
}

fn overheard() -> (Lab<Store>, Log) {
    let log = Log::default();
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .install(AuthorizationCode::new())
            .install(ClientCredentials::new())
            .install(DeviceCode::new())
            .install(RefreshToken::rotating())
            .install(Chatty(log.clone()))
            .observer(log.clone())
            .policy(log.clone())
    });
    for who in [WEB, POSTER, APP] {
        lab.edit(&who, |client| {
            client.grant_types.push(GrantType::named("urn:example:chatty"));
        });
    }
    (lab, log)
}

/// Everything that a store was ever given, as a developer and as a thief would see it.
fn stored(lab: &Lab<Store>) -> Log {
    let log = Log::default();
    for change in lab.store.commits().into_iter().flatten() {
        log.hears(&change);
        match &change {
            Change::Insert(row) => {
                log.0.lock().unwrap().push_str(row.data.as_str());
                log.hears(&serde_json::to_string(&row.key).unwrap());
            }
            Change::Update { data, .. } => log.0.lock().unwrap().push_str(data.as_str()),
            Change::Spend(_) | Change::Revoke(_) | Change::RevokeAuthorization(_) => {}
        }
    }
    log
}

#[test]
fn whole_flows_leave_no_secret_behind() {
    // R194, R235, R236
    let (lab, log) = overheard();
    let mut secrets: Vec<String> = [WEB.secret, POSTER.secret, API.secret, VERIFIER]
        .map(str::to_owned)
        .to_vec();
    for who in [WEB, POSTER, APP] {
        let browser = Secret::new("canary-browser-session");
        let pending = lab.authorize(&authorization(&who)).unwrap();
        log.hears(&pending);
        log.hears(pending.request());
        let handle = block_on(pending.park(&browser)).unwrap();
        log.hears(&handle);
        let pending = block_on(lab.server.resume(&handle, &browser)).unwrap();
        log.hears(&pending);
        let consent = Consent::of("alice", pending.scope().clone());
        log.hears(&consent);
        let redirect = block_on(pending.consent(consent)).unwrap();
        log.hears(&redirect);
        let code = oauth_testkit::http::Location::new(redirect.location())
            .param("code")
            .unwrap();
        let call = redemption(&who, &code);
        let first = lab.send(&call).granted();
        let second = lab.refresh(&who, first.refresh()).granted();
        let request = Call::get("/x").bearer(&second.access).request();
        log.hears(&Incoming::of(&request));
        log.hears(&block_on(lab.server.authenticate(&Incoming::of(&request))));
        lab.send(&introspecting(&API, &second.access));
        lab.send(&call).refused(400, "invalid_grant");
        lab.refresh(&who, first.refresh()).refused(400, "invalid_grant");
        lab.send(&revoking(&who, second.refresh()));
        let third = lab
            .send(
                &Call::post("/token")
                    .all(&[("grant_type", "urn:example:chatty"), ("code", "canary-code-of-a-grant")])
                    .by(&who),
            )
            .granted();
        for tokens in [&first, &second, &third] {
            secrets.push(tokens.access.clone());
            secrets.push(tokens.refresh().to_owned());
        }
        secrets.extend([
            code,
            handle.into_exposed(),
            "canary-browser-session".to_owned(),
            "canary-code-of-a-grant".to_owned(),
        ]);
    }
    log.hears(&lab.server);
    log.hears(&ClientSecret::generated(&Secret::new(WEB.secret)));
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    log.holds_none_of(&secrets);
    log.holds_none_of(&[STATE, &challenge(VERIFIER)]);
    stored(&lab).holds_none_of(&secrets);
}

#[test]
fn whole_flows_of_devices_leave_no_secret_behind() {
    // R235, R236, R141: neither code is anywhere but in the one answer that hands them out.
    let (lab, log) = overheard();
    let mut secrets = vec![KIOSK.secret.to_owned(), VERIFIER.to_owned()];
    for who in [TV, KIOSK] {
        let begin = device_authorization(&who)
            .with("code_challenge", challenge(VERIFIER))
            .with("code_challenge_method", "S256");
        let codes = Codes::of(&lab.send(&begin));
        let poll = polling(&who, &codes.device).with("code_verifier", VERIFIER);
        let answers = |answer: &Answer| {
            for code in [&codes.device, &codes.user, &codes.user.replace('-', "")] {
                assert!(!answer.text().contains(code.as_str()), "{}", answer.text());
                assert!(!format!("{:?}", answer.headers()).contains(code.as_str()));
            }
        };
        answers(lab.send(&poll).refused(400, "authorization_pending"));
        answers(lab.send(&poll).refused(400, "slow_down"));
        let browser = Secret::new("canary-browser-session");
        log.hears(&block_on(typed(&lab.server, "BCDF-GHJK", "canary-browser-session")));
        let page = block_on(typed(&lab.server, &codes.user, "canary-browser-session")).unwrap();
        log.hears(&page);
        log.hears(page.user_code());
        let page = block_on(page.hand_over(&Secret::new("canary-next-session"))).unwrap();
        log.hears(&page);
        let code = UserCode::read(&codes.user).unwrap();
        log.hears(&code);
        log.hears(&block_on(resume(&lab.server, &code, &browser)));
        let scope = page.scope().clone();
        block_on(page.approve("alice", scope)).unwrap();
        log.hears(&block_on(typed(&lab.server, &codes.user, "canary-browser-session")));
        let granted = lab.send(&poll);
        answers(&granted);
        answers(lab.send(&poll).refused(400, "invalid_grant"));
        let tokens = granted.granted();
        secrets.extend([tokens.access.clone(), tokens.refresh().to_owned()]);
        secrets.extend(["canary-browser-session".to_owned(), "canary-next-session".to_owned()]);
        let bare = codes.user.replace('-', "");
        secrets.extend([bare.to_ascii_lowercase(), bare, codes.user, codes.device]);
    }
    log.hears(&DeviceCode::new());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    log.holds_none_of(&secrets);
    log.holds_none_of(&[&challenge(VERIFIER)]);
    stored(&lab).holds_none_of(&secrets);
}

const CANARY: &str = "canary-7c1e9a";

#[test]
fn a_canary_in_any_parameter_reaches_neither_answer_nor_log_nor_store() {
    // R235, V129
    let (lab, log) = overheard();
    let names = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "code",
        "code_verifier",
        "redirect_uri",
        "refresh_token",
        "scope",
        "token",
        "token_type_hint",
        "username",
        "password",
        "assertion",
        "device_code",
        "user_code",
        "code_challenge",
        "code_challenge_method",
        "subject_token",
        "state",
        "unknown",
    ];
    let honest = [
        for_itself(&WEB),
        redemption(&APP, "code"),
        redemption(&POSTER, "code"),
        refreshing(&APP, "token"),
        revoking(&APP, "token"),
        introspecting(&API, "token"),
        device_authorization(&TV),
        polling(&KIOSK, "code"),
    ];
    for call in &honest {
        for name in names {
            for value in [
                CANARY.to_owned(),
                format!("{CANARY}\u{e9}\""),
                format!("{CANARY}{}", "x".repeat(40)),
            ] {
                let answers = [
                    lab.send(&call.clone().set(name, &value)),
                    lab.send(&call.clone().with(name, &value)),
                    lab.send(&call.clone().with(name, &value).with(name, &value)),
                ];
                answers.iter().for_each(echoes_nothing);
            }
        }
        for header in [format!("Basic {CANARY}"), format!("Bearer {CANARY}"), CANARY.to_owned()] {
            echoes_nothing(&lab.send(&call.clone().header("authorization", header)));
        }
        echoes_nothing(&lab.send(&call.clone().by(&Who::basic(CANARY, "canary-7c1e9a-secret"))));
        echoes_nothing(
            &lab.send(
                &call
                    .clone()
                    .header("cookie", format!("a={CANARY}"))
                    .header("origin", CANARY),
            ),
        );
    }
    log.holds_none_of(&[CANARY]);
    stored(&lab).holds_none_of(&[CANARY]);
}

fn echoes_nothing(answer: &Answer) {
    assert!(!answer.text().contains("canary"), "{}", answer.text());
    for value in answer.headers().values() {
        assert!(
            !String::from_utf8_lossy(value.as_bytes()).contains("canary"),
            "{answer:?}"
        );
    }
}

#[test]
fn an_authorization_request_keeps_what_it_should_never_have_carried_to_itself() {
    // R120, R235, R236: credentials that a confused client sends to the wrong endpoint are not stored.
    let (lab, log) = overheard();
    for name in [
        "client_secret",
        "client_assertion",
        "code",
        "code_verifier",
        "refresh_token",
        "token",
        "password",
        "assertion",
        "device_code",
    ] {
        let call = authorization(&APP).with(name, CANARY);
        match lab.authorize(&call) {
            Ok(pending) => {
                log.hears(&pending);
                let handle = block_on(pending.park(&Secret::new("browser"))).unwrap();
                let again = block_on(lab.server.resume(&handle, &Secret::new("browser"))).unwrap();
                let scope = again.scope().clone();
                let redirect = block_on(again.approve("alice", scope)).unwrap();
                assert!(!redirect.location().contains(CANARY));
            }
            Err(error) => log.hears(&error),
        }
        let Err(AuthorizeError::Redirect(redirect)) = lab.authorize(&call.set("scope", CANARY)) else {
            panic!("an unknown scope is refused");
        };
        assert!(!redirect.location().contains(CANARY));
        log.hears(&redirect);
    }
    log.holds_none_of(&[CANARY]);
    stored(&lab).holds_none_of(&[CANARY]);
}

#[test]
fn a_leaked_database_opens_nothing() {
    // R236: whatever stands in the rows is presented as a secret.
    let (lab, _) = overheard();
    let tokens = lab.tokens(&APP);
    let code = lab.code(&APP);
    let mut loot: Vec<String> = Vec::new();
    for (key, row) in block_on(lab.store.everything()) {
        let json = serde_json::to_value(&key).unwrap();
        loot.push(json["digest"].as_str().unwrap().to_owned());
        loot.push(format!("{:02x?}", key.digest()).replace(['[', ']', ',', ' '], ""));
        loot.push(row.authorization.to_string());
        loot.push(row.data.as_str().to_owned());
    }
    assert!(loot.len() >= 12);
    for stolen in &loot {
        assert!(!lab.is_active(stolen));
        lab.refresh(&APP, stolen).refused(400, "invalid_grant");
        lab.send(&redemption(&APP, stolen)).refused(400, "invalid_grant");
    }
    // The hash of a client's secret is not its secret.
    let client = block_on(oauth_server::ClientStore::client(&lab.store, &"web".into()))
        .unwrap()
        .unwrap();
    let hash = client.secrets[0].hash().to_owned();
    for stolen in [hash.as_str(), hash.strip_prefix("sha256:").unwrap()] {
        let call = Call::post("/token")
            .with("grant_type", "client_credentials")
            .basic("web", stolen);
        lab.send(&call).refused(401, "invalid_client");
    }
    lab.send(&redemption(&APP, &code)).granted();
    lab.refresh(&APP, tokens.refresh()).granted();
}
