//! Client authentication (RFC 6749 §2.3): exactly one method, the registered one, and one answer for all failures.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oauth_server::{
    AuthMethod, Client, ClientSecret, GrantType, LONGEST_CLIENT_SECRET, RefreshToken, Secret, SecretVerifier,
    VerifierBusy,
};
use oauth_testkit::http::{Answer, Call, Who};
use oauth_testkit::lab::{API, APP, MACHINE, POSTER, WEB, for_itself, redemption, refreshing, revoking, scope};

use crate::limits::Three;
use crate::{lab, lab_with};

const ITSELF: &str = "grant_type=client_credentials";

/// The secret-checking endpoints, each with a request that is otherwise good.
fn everywhere() -> [Call; 3] {
    [
        Call::post("/token").with("grant_type", "client_credentials"),
        Call::post("/revoke").with("token", "x"),
        Call::post("/introspect").with("token", "x"),
    ]
}

#[test]
fn a_name_is_no_proof() {
    // R001, R002, R124, V055, V064
    let lab = lab();
    let code = lab.code(&WEB);
    let tokens = lab.tokens(&WEB);
    let bare = Who::public(WEB.id);
    for call in [
        for_itself(&bare),
        redemption(&bare, &code),
        refreshing(&bare, tokens.refresh()),
        revoking(&bare, &tokens.access),
        Call::post("/introspect").with("token", &tokens.access).by(&bare),
    ] {
        lab.send(&call).refused(401, "invalid_client");
    }
    for call in everywhere() {
        lab.send(&call).refused(401, "invalid_client");
    }
    lab.send(&redemption(&WEB, &code)).granted();
    lab.refresh(&WEB, tokens.refresh()).granted();
}

#[test]
fn exactly_one_method_is_used() {
    // R004, I065
    let lab = lab();
    for call in everywhere() {
        let two = call
            .clone()
            .by(&WEB)
            .with("client_id", WEB.id)
            .with("client_secret", WEB.secret);
        lab.send(&two).refused(400, "invalid_request");
        lab.send(
            &call
                .clone()
                .by(&WEB)
                .with("client_id", WEB.id)
                .with("client_secret", "other"),
        )
        .refused(400, "invalid_request");
        lab.send(&call.clone().by(&WEB).by(&WEB))
            .refused(400, "invalid_request");
        lab.send(&call.clone().by(&WEB).bearer("x"))
            .refused(400, "invalid_request");
        lab.send(&call.clone().by(&POSTER).with("client_secret", POSTER.secret))
            .refused(400, "invalid_request");
        // Repeating the own name is allowed, contradicting it is not.
        assert_eq!(lab.send(&call.clone().by(&WEB).with("client_id", WEB.id)).status(), 200);
        lab.send(&call.by(&WEB).with("client_id", POSTER.id))
            .refused(401, "invalid_client");
    }
}

#[test]
fn a_method_that_is_not_mounted_is_not_mistaken_for_none() {
    let lab = lab();
    let code = lab.code(&APP);
    let asserted = redemption(&APP, &code).all(&[
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", "e30.e30."),
    ]);
    lab.send(&asserted).refused(401, "invalid_client");
    for scheme in ["Bearer x", "Digest x", "Negotiate x", "DPoP x"] {
        lab.send(&redemption(&APP, &code).header("authorization", scheme))
            .refused(401, "invalid_client");
    }
    lab.send(&redemption(&APP, &code)).granted();
}

#[test]
fn the_registered_method_is_the_only_one() {
    // R009, R010, R012, R015
    let lab = lab();
    let wrong = [
        Who::post(WEB.id, WEB.secret),
        Who::basic(POSTER.id, POSTER.secret),
        Who::basic(APP.id, "shipped-secret"),
        Who::post(APP.id, "shipped-secret"),
    ];
    for call in everywhere() {
        for who in wrong {
            lab.send(&call.clone().by(&who)).refused(401, "invalid_client");
        }
    }
    for (good, call) in [(&WEB, &everywhere()[0]), (&POSTER, &everywhere()[0])] {
        lab.send(&call.clone().by(good)).granted();
    }
    lab.edit(&WEB, |client| {
        client.token_endpoint_auth_method = AuthMethod::named("private_key_jwt");
    });
    lab.send(&for_itself(&WEB)).refused(401, "invalid_client");
}

#[test]
fn both_halves_of_basic_are_form_decoded() {
    // R005, R006, I061–I063
    let lab = lab();
    let odd = [
        ("a:b c", "p%w+é&="),
        ("täst", "\u{1f512}"),
        ("100%", "%41"),
        ("a+b", "a b"),
        ("c:", ":"),
    ];
    for (id, secret) in odd {
        let client = Client::confidential(id, ClientSecret::generated(&Secret::new(secret)))
            .using([GrantType::CLIENT_CREDENTIALS])
            .limited_to(scope("read"));
        lab.register(&client);
        lab.send(&Call::post("/token").form(ITSELF).basic(id, secret)).granted();
        let raw = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"))
        };
        let unencoded = Call::post("/token")
            .form(ITSELF)
            .header("authorization", format!("Basic {raw}"));
        let answer = lab.send(&unencoded);
        // Only what decoding leaves alone can be sent as it is.
        assert_eq!(answer.status(), if id == "täst" { 200 } else { 401 }, "{id}");
    }
}

#[test]
fn credentials_in_the_query_are_not_looked_at() {
    // R007
    let lab = lab();
    let query = format!("/token?client_id={}&client_secret={}", POSTER.id, POSTER.secret);
    lab.send(&Call::post(&query).form(ITSELF))
        .refused(401, "invalid_client");
    lab.send(
        &Call::post("/token?client_id=nobody&client_secret=x")
            .form(ITSELF)
            .by(&WEB),
    )
    .granted();
    lab.send(
        &Call::post(query)
            .with("grant_type", "client_credentials")
            .with("client_id", POSTER.id),
    )
    .refused(401, "invalid_client");
}

#[test]
fn every_failure_of_authentication_looks_the_same() {
    // R011–R013
    let lab = lab();
    lab.edit(&API, |client| client.disabled = true);
    for call in everywhere() {
        let answers: Vec<Answer> = [
            Who::basic("nobody", "x"),
            Who::basic(WEB.id, "x"),
            Who::basic(WEB.id, POSTER.secret),
            Who::basic(POSTER.id, POSTER.secret),
            Who::basic(API.id, API.secret),
            Who::basic(APP.id, "x"),
            Who::post("nobody", "x"),
            Who::post(POSTER.id, "x"),
            Who::public("nobody"),
            Who::public(WEB.id),
        ]
        .iter()
        .map(|who| lab.send(&call.clone().by(who)))
        .collect();
        for answer in &answers {
            answer.refused(401, "invalid_client");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Basic realm=\"oauth\", charset=\"UTF-8\"")
            );
            assert_eq!(answer.text(), answers[0].text());
            assert_eq!(answer.headers(), answers[0].headers());
        }
    }
}

#[test]
fn malformed_basic_is_a_failed_authentication() {
    // I060, I061, I064, V065, V115, V124, V127
    let lab = lab();
    let long = format!("Basic {}", "A".repeat(1 << 20));
    let long_scheme = "A".repeat(1 << 14);
    for value in [
        "Basic",
        "Basic ",
        "Basic =",
        "Basic %%%",
        "Basic ====",
        "Basic d2Vi",
        "Basic d2ViOg==",
        "Basic Og==",
        "Basic OnNlY3JldA==",
        // web:7Fjfp0ZBr1KtDRbnfVdmIw with a broken end, unpadded, with a line break, in two parts.
        "Basic d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc!",
        "Basic d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc",
        "Basic d2ViOjdGamZwMFpC cjFLdERSYm5mVmRtSXc=",
        "Basic d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc= x",
        "Basic d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc=, Bearer x",
        // Bytes that are not UTF-8, and a broken percent-encoding inside.
        "Basic d2ViOv8=",
        "Basic d2ViOiV6eg==",
        "Basic JXp6Ong=",
        "Basic d2ViOiUwMA==",
        "Basic\td2ViOng=",
        "Basicd2ViOng=",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        &long,
        &long_scheme,
    ] {
        for call in everywhere() {
            lab.send(&call.header("authorization", value))
                .refused(401, "invalid_client");
        }
    }
    for value in [
        "bAsIc d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc=",
        "Basic   d2ViOjdGamZwMFpCcjFLdERSYm5mVmRtSXc=",
    ] {
        lab.send(&everywhere()[0].clone().header("authorization", value))
            .granted();
    }
    lab.send(&everywhere()[0].clone().header("authorization", b"Basic \xff\xfe"))
        .refused(401, "invalid_client");
}

#[test]
fn an_empty_secret_matches_nothing() {
    // V065, V069, V124
    let lab = lab();
    let blank = Client::confidential("blank", ClientSecret::generated(&Secret::new("")))
        .using([GrantType::CLIENT_CREDENTIALS])
        .limited_to(scope("read"));
    let none = blank.clone().edited(|client| {
        client.id = "none".into();
        client.secrets.clear();
    });
    let junk = blank.clone().edited(|client| {
        client.id = "junk".into();
        client.secrets = vec![ClientSecret::from_hash("sha256:")];
    });
    for client in [blank, none, junk] {
        lab.register(&client);
        let id = client.id.as_str();
        lab.send(&Call::post("/token").form(ITSELF).basic(id, ""))
            .refused(401, "invalid_client");
        lab.send(&Call::post("/token").form(ITSELF).basic(id, "x"))
            .refused(401, "invalid_client");
        lab.register(&client.clone().authenticating_by(AuthMethod::CLIENT_SECRET_POST));
        let body = Call::post("/token")
            .with("grant_type", "client_credentials")
            .with("client_id", id);
        lab.send(&body.clone().with("client_secret", ""))
            .refused(401, "invalid_client");
        lab.send(&body.with("client_secret", "x"))
            .refused(401, "invalid_client");
    }
}

#[test]
fn an_overlong_secret_is_refused_before_it_is_hashed() {
    // I066
    let (verifier, counts) = slow();
    let lab = lab_with(RefreshToken::rotating(), |builder| {
        builder.secret_verifier(verifier).max_body(4 << 20)
    });
    lab.edit(&POSTER, |client| {
        client.secrets = vec![ClientSecret::from_hash("slow:x")];
    });
    for length in [LONGEST_CLIENT_SECRET + 1, 1 << 20] {
        let secret = "x".repeat(length);
        let body = Call::post("/token")
            .with("grant_type", "client_credentials")
            .with("client_id", POSTER.id);
        lab.send(&body.with("client_secret", &secret))
            .refused(401, "invalid_client");
        lab.send(&Call::post("/token").form(ITSELF).basic(POSTER.id, &secret))
            .refused(401, "invalid_client");
    }
    assert_eq!(counts.total(), 0);
}

#[test]
fn a_secret_can_be_replaced_without_a_gap() {
    let lab = lab();
    let now = oauth_server::Clock::now(&lab.clock);
    let until = now.plus(Duration::from_secs(60));
    lab.edit(&MACHINE, |client| {
        let old = client.secrets.remove(0).until(until);
        client.secrets = vec![old, ClientSecret::generated(&Secret::new("new-secret"))];
    });
    let new = Who::basic(MACHINE.id, "new-secret");
    lab.send(&for_itself(&MACHINE)).granted();
    lab.send(&for_itself(&new)).granted();
    lab.clock.advance(Duration::from_secs(60));
    lab.send(&for_itself(&MACHINE)).refused(401, "invalid_client");
    lab.send(&for_itself(&new)).granted();
}

/// A slow verifier that says which secrets it was given, without being slow.
#[derive(Clone, Default)]
struct Counts(Arc<(AtomicUsize, AtomicUsize)>);

impl Counts {
    fn total(&self) -> usize {
        self.0.0.load(Ordering::SeqCst) + self.0.1.load(Ordering::SeqCst)
    }
}

fn slow() -> (Slow, Counts) {
    let counts = Counts::default();
    (Slow(counts.clone()), counts)
}

struct Slow(Counts);

#[async_trait]
impl SecretVerifier for Slow {
    fn recognizes(&self, hash: &str) -> bool {
        hash.starts_with("slow:")
    }

    async fn verify(&self, presented: &Secret, hash: &str) -> Result<bool, VerifierBusy> {
        self.0.0.0.fetch_add(1, Ordering::SeqCst);
        Ok(hash.strip_prefix("slow:") == Some(presented.expose()))
    }

    async fn pretend(&self, _: &Secret) -> Result<(), VerifierBusy> {
        self.0.0.1.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn every_failed_guess_costs_one_slow_hash() {
    // R013: nobody learns from the time whether a client exists, has another method, or is disabled.
    let (verifier, counts) = slow();
    let lab = lab_with(RefreshToken::rotating(), |builder| builder.secret_verifier(verifier));
    let slowly = |who: &Who, id: &'static str| {
        let hashed = ClientSecret::from_hash(format!("slow:{}", who.secret));
        lab.edit(who, |client| {
            client.id = id.into();
            client.secrets = vec![hashed];
        });
    };
    slowly(&WEB, "slow-web");
    slowly(&POSTER, "slow-poster");
    slowly(&MACHINE, "slow-off");
    lab.edit(&Who::basic("slow-off", ""), |client| client.disabled = true);
    for who in [
        Who::basic("slow-web", "wrong"),
        Who::post("slow-poster", "wrong"),
        Who::basic("slow-poster", "wrong"),
        Who::basic("slow-off", MACHINE.secret),
        Who::basic("nobody", "wrong"),
        Who::post("nobody", "wrong"),
        Who::basic(APP.id, "wrong"),
    ] {
        let before = counts.total();
        lab.send(&for_itself(&who)).refused(401, "invalid_client");
        assert_eq!(counts.total() - before, 1, "{who:?}");
    }
    let before = counts.total();
    lab.send(&for_itself(&Who::basic("slow-web", WEB.secret))).granted();
    assert_eq!(counts.total() - before, 1);
}

#[test]
fn guessing_ends_after_a_few_failures_at_all_endpoints_together() {
    // R008, R156, R162, C29
    let lab = lab_with(RefreshToken::rotating(), |builder| {
        builder.attempt_limit(Three::default())
    });
    let here: IpAddr = "203.0.113.7".parse().unwrap();
    let there: IpAddr = "203.0.113.8".parse().unwrap();
    for _ in 0..10 {
        lab.send(&for_itself(&WEB).from(here)).granted();
    }
    let wrong = Who::basic(WEB.id, "wrong");
    for call in everywhere() {
        lab.send(&call.by(&wrong).from(here)).refused(401, "invalid_client");
    }
    for call in everywhere() {
        for who in [wrong, WEB] {
            let answer = lab.send(&call.clone().by(&who).from(here));
            answer.refused(429, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), Some("60"));
        }
        assert_eq!(
            lab.send(&call.clone().by(&WEB).from(there)).status(),
            200,
            "other addresses are served"
        );
    }
    // Public clients prove nothing, so there is nothing to guess and nothing to block.
    for _ in 0..5 {
        let code = lab.code(&APP);
        lab.send(&redemption(&APP, &code).set("code_verifier", "x".repeat(43)).from(here))
            .refused(400, "invalid_grant");
    }
    let code = lab.code(&APP);
    lab.send(&redemption(&APP, &code).from(here)).granted();
}

#[test]
fn a_public_client_is_not_trusted_for_a_secret_it_shipped() {
    // R015
    let lab = lab();
    let shipped = ClientSecret::generated(&Secret::new("shipped-secret"));
    lab.edit(&APP, |client| client.secrets = vec![shipped]);
    let who = Who::basic(APP.id, "shipped-secret");
    lab.send(&for_itself(&who)).refused(401, "invalid_client");
    lab.send(&Call::post("/introspect").with("token", "x").by(&who))
        .refused(401, "invalid_client");
    lab.edit(&APP, |client| client.grant_types.push(GrantType::CLIENT_CREDENTIALS));
    lab.send(&for_itself(&APP)).refused(400, "unauthorized_client");
}
