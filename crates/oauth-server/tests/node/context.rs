//! Where the request is seen: by policies, token issuers, hooks and the person's decision.

use async_trait::async_trait;
use http::{Method, Request};
use oauth_server::{
    AccessData, Approval, AuthorizationCode, AuthorizeError, Change, Client, ClientCredentials, Context, Credential,
    Draft, Incoming, Issued, MemoryStore, OpaqueTokens, Pending, Policy, RefreshToken, Rejection, Scope, Secret,
    ServiceAccounts, TokenIssuer,
};
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, MACHINE, WEB, authorization, for_itself, redemption, refreshing, scope};
use oauth_testkit::{Lab, Watched, block_on};

use crate::{Store, lab_with, sent_to, serve};

/// Which of the application's customers a request is for: what a layer in front has found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenant(&'static str);

/// What a part of the server sees of the request: its `User-Agent` and its tenant.
fn seen(cx: &Context<'_>) -> String {
    let Some(request) = cx.request() else {
        assert_eq!(cx.extension::<Tenant>(), None);
        return "nothing".to_owned();
    };
    let agent = request
        .headers
        .get("user-agent")
        .map_or("nobody", |value| value.to_str().unwrap_or_default());
    let tenant = cx.extension::<Tenant>().map_or("nowhere", |tenant| tenant.0);
    format!("{} {} of {agent} at {tenant}", request.method, request.uri.path())
}

/// A request by that browser, as a layer hands it on.
fn through_layers(call: &Call, tenant: &'static str) -> Request<Vec<u8>> {
    let mut request = call.clone().header("user-agent", "a browser").request();
    request.extensions_mut().insert(Tenant(tenant));
    request
}

/// Tells what it sees in the token response, and honours tokens only where they were issued.
struct Looking;

#[async_trait]
impl Policy for Looking {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let tenant = cx.extension::<Tenant>().map_or("nowhere", |tenant| tenant.0);
        Ok(approval.with_attribute("seen", seen(cx)).with_claim("tenant", tenant))
    }

    async fn honors(&self, token: &Credential<AccessData>, cx: &Context<'_>) -> Result<bool, Rejection> {
        let home = token.data.claims.claim::<String>("tenant");
        Ok(cx.extension::<Tenant>().map(|tenant| tenant.0) == home.as_deref())
    }
}

#[test]
fn a_policy_sees_the_headers_and_the_tenant_of_a_token_request() {
    let lab = lab_with(|builder| builder.policy(Looking).install(RefreshToken::rotating()));
    let redeem = through_layers(&redemption(&APP, &lab.code(&APP)), "acme");
    let answer = serve(&lab.server, &redeem);
    assert_eq!(answer.json()["seen"], "POST /token of a browser at acme");
    let tokens = answer.granted();
    let answer = serve(
        &lab.server,
        &through_layers(&refreshing(&APP, tokens.refresh()), "acme"),
    );
    assert_eq!(answer.json()["seen"], "POST /token of a browser at acme");
    let plain = lab.send(&for_itself(&MACHINE));
    assert_eq!(plain.json()["seen"], "POST /token of nobody at nowhere");
}

#[test]
fn a_policy_honours_a_token_only_at_the_tenant_that_it_was_issued_for() {
    let lab = lab_with(|builder| builder.policy(Looking));
    let token = serve(&lab.server, &through_layers(&for_itself(&MACHINE), "acme"))
        .granted()
        .access;
    let knock = |tenant| {
        let request = through_layers(&Call::get("/x").bearer(&token), tenant);
        block_on(lab.server.authenticate(&Incoming::of(&request)))
    };
    assert!(knock("acme").is_ok());
    assert!(knock("globex").is_err());
    let plain = Call::get("/x").bearer(&token).request();
    assert!(block_on(lab.server.authenticate(&Incoming::of(&plain))).is_err());
}

/// Access tokens that begin with the tenant they are for.
struct PerTenant;

#[async_trait]
impl TokenIssuer for PerTenant {
    async fn issue(&self, draft: &Draft<'_>, cx: &Context<'_>) -> Result<Issued, Rejection> {
        let tenant = cx
            .extension::<Tenant>()
            .ok_or_else(|| Rejection::server_error("nobody said which tenant this is for"))?;
        let mut issued = OpaqueTokens.issue(draft, cx).await?;
        issued.token = Secret::new(format!("{}.{}", tenant.0, issued.token.expose()));
        issued.record.key = oauth_server::Key::of(&oauth_server::ACCESS_TOKEN, &issued.token);
        Ok(issued)
    }
}

#[test]
fn a_token_issuer_sees_the_tenant_of_the_request() {
    let lab = lab_with(|builder| builder.token_issuer(PerTenant));
    for tenant in ["acme", "globex"] {
        let answer = serve(&lab.server, &through_layers(&for_itself(&MACHINE), tenant));
        let token = answer.granted().access;
        assert!(token.starts_with(tenant));
        assert!(lab.is_active(&token));
    }
    lab.send(&for_itself(&MACHINE)).refused(500, "server_error");
}

struct AccountOfTenant;

#[async_trait]
impl ServiceAccounts for AccountOfTenant {
    async fn act_as(&self, approval: Approval, client: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let tenant = cx
            .extension::<Tenant>()
            .ok_or_else(|| Rejection::access_denied("a program acts for a tenant"))?;
        Ok(approval
            .with_attribute("seen", seen(cx))
            .with_claim("account", format!("{}@{}", client.id, tenant.0)))
    }
}

#[test]
fn a_hook_for_service_accounts_sees_the_tenant_of_the_request() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder.install(ClientCredentials::acting_as(AccountOfTenant))
    });
    let answer = serve(&lab.server, &through_layers(&for_itself(&MACHINE), "acme"));
    assert_eq!(answer.json()["seen"], "POST /token of a browser at acme");
    assert_eq!(lab.introspect(&answer.granted().access)["account"], "machine@acme");
    lab.send(&for_itself(&MACHINE)).refused(400, "access_denied");
}

/// A response type that answers with what it sees while a person decides.
struct Mirror;

impl oauth_server::Install for Mirror {
    fn install(self, builder: &mut oauth_server::Builder) {
        builder.add_response_type(self);
    }
}

#[async_trait]
impl oauth_server::ResponseType for Mirror {
    fn response_type(&self) -> &'static str {
        "mirror"
    }

    fn check(&self, request: &oauth_server::AuthorizationRequest, cx: &Context<'_>) -> Result<(), Rejection> {
        if request.params().has("probe") {
            return Err(Rejection::invalid_request(seen(cx)));
        }
        Ok(())
    }

    async fn respond(
        &self,
        _: &oauth_server::AuthorizationRequest,
        consent: &oauth_server::Consent,
        cx: &Context<'_>,
    ) -> Result<oauth_server::Answer, Rejection> {
        let approval = Approval::for_subject(consent.subject.clone(), consent.scope.clone());
        let implicit = oauth_server::GrantType::IMPLICIT;
        Ok(oauth_server::Answer {
            parameters: vec![("seen", seen(cx))],
            access_token: Some((implicit, approval)),
            ..oauth_server::Answer::default()
        })
    }
}

fn mirrors() -> Lab<Store> {
    let lab = lab_with(|builder| builder.install(Mirror).policy(Looking));
    lab.edit(&WEB, |client| client.response_types.push("mirror".to_owned()));
    lab
}

fn pending(lab: &Lab<Store>) -> Pending {
    let call = authorization(&WEB).set("response_type", "mirror");
    let request = through_layers(&call, "acme");
    block_on(lab.server.authorize(&Incoming::of(&request))).unwrap()
}

/// What was seen while that was decided, by the response type and in the token by the policy.
fn decided(lab: &Lab<Store>, pending: Pending) -> (String, String) {
    let location = sent_to(block_on(pending.approve("alice", scope("read"))));
    let token = location.param("access_token").unwrap();
    let rows = block_on(lab.store.everything());
    let row = &rows[&oauth_server::Key::of(&oauth_server::ACCESS_TOKEN, &Secret::new(token))];
    let data: Credential<AccessData> = row.clone().read().unwrap();
    (
        location.param("seen").unwrap(),
        data.data.claims.claim("tenant").unwrap(),
    )
}

fn told(seen: &str, tenant: &str) -> (String, String) {
    (seen.to_owned(), tenant.to_owned())
}

#[test]
fn a_decision_sees_the_authorization_request_until_somebody_says_otherwise() {
    let lab = mirrors();
    assert_eq!(
        decided(&lab, pending(&lab)),
        told("GET /authorize of a browser at acme", "acme")
    );
    let form = through_layers(&Call::post("/consent").with("yes", "1"), "globex");
    assert_eq!(
        decided(&lab, pending(&lab).decided_in(&Incoming::of(&form))),
        told("POST /consent of a browser at globex", "globex")
    );
}

#[test]
fn a_request_that_is_resumed_sees_none_until_somebody_says_which() {
    let lab = mirrors();
    let browser = Secret::new("browser");
    let resume = || {
        let handle = block_on(pending(&lab).park(&browser)).unwrap();
        block_on(lab.server.resume(&handle, &browser)).unwrap()
    };
    assert_eq!(decided(&lab, resume()), told("nothing", "nowhere"));
    let form = through_layers(&Call::post("/consent"), "acme");
    assert_eq!(
        decided(&lab, resume().decided_in(&Incoming::of(&form))),
        told("POST /consent of a browser at acme", "acme")
    );
}

#[test]
fn a_response_type_sees_the_request_while_it_checks_it() {
    let lab = mirrors();
    let call = authorization(&WEB).set("response_type", "mirror").with("probe", "1");
    let request = through_layers(&call, "acme");
    let outcome = block_on(lab.server.authorize(&Incoming::of(&request)));
    let location = sent_to(outcome.map(|_| panic!("the probe was overlooked")));
    assert_eq!(
        location.param("error_description").as_deref(),
        Some("GET /authorize of a browser at acme")
    );
}

/// The most that each person has to give.
struct Ceilings;

fn ceiling(person: &str) -> Scope {
    match person {
        "alice" => scope("read write"),
        "bob" => scope("read"),
        _ => Scope::none(),
    }
}

#[async_trait]
impl Policy for Ceilings {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let Some(person) = approval.subject() else {
            return Ok(approval);
        };
        let ceiling = ceiling(person.as_str());
        Ok(approval.limited_to(&ceiling, cx))
    }
}

#[test]
fn nobody_gives_more_than_is_theirs() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .policy(Ceilings)
            .install(AuthorizationCode::new())
            .install(ClientCredentials::new())
            .install(RefreshToken::rotating())
    });
    let tokens_of = |person: &str| {
        let pending = lab.authorize(&authorization(&WEB)).unwrap();
        let location = sent_to(block_on(pending.approve(person, scope("read write"))));
        let answer = lab.send(&redemption(&WEB, &location.param("code").unwrap()));
        (answer.status() == 200).then(|| answer.granted())
    };
    assert_eq!(tokens_of("alice").unwrap().scope, "read write");
    let bob = tokens_of("bob").unwrap();
    assert_eq!(bob.scope, "read");
    let again = lab.refresh(&WEB, bob.refresh()).granted();
    assert_eq!(again.scope, "read", "at a refresh neither");
    lab.send(&refreshing(&WEB, again.refresh()).with("scope", "write"))
        .refused(400, "invalid_scope");
    assert_eq!(tokens_of("mallory"), None, "a token for nothing is none");
    // A program has no person's ceiling.
    let both = for_itself(&WEB).with("scope", "read write");
    assert_eq!(lab.send(&both).granted().scope, "read write");
}

/// Refuses everything, and has it written down.
struct Vengeful;

#[async_trait]
impl Policy for Vengeful {
    async fn review(&self, _: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let victim = cx.generate_authorization()?;
        Err(Rejection::access_denied("no").and(Change::RevokeAuthorization(victim)))
    }
}

#[test]
fn by_head_not_even_a_refusal_is_written() {
    let lab = lab_with(|builder| builder.install(Mirror).policy(Vengeful));
    lab.edit(&WEB, |client| client.response_types.push("mirror".to_owned()));
    let asking = authorization(&WEB).set("response_type", "mirror");
    let mut head = Call::new(Method::HEAD, "/authorize");
    for (name, value) in asking.pairs() {
        head = head.with(name, value);
    }
    let decide = |call: &Call| block_on(lab.authorize(call).unwrap().approve("alice", scope("read")));
    match decide(&head) {
        Err(AuthorizeError::Show(rejection)) => assert_eq!(rejection.status().as_u16(), 405),
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.store.commits().len(), 0);
    assert_eq!(
        sent_to(decide(&asking)).param("error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(lab.store.commits().len(), 1);
}
