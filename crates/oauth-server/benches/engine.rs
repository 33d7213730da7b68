//! What a request costs in the engine alone, on the memory store and without HTTP: `cargo bench -p oauth-server`.
//!
//! `cargo xtask bench` measures whole servers.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{Method, Request, StatusCode, header};
use oauth_server::{
    AuthorizationCode, Client, ClientCredentials, ClientSecret, GrantType, Incoming, MemoryStore, RefreshToken, Secret,
    Server,
};
use oauth_testkit::block_on;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const SECRET: &str = "0jTtTUVnHkoXrJXJ1VQeN6pmc3nYJh0uRkZ2SPrGd2E";
const REDIRECT_URI: &str = "https://client.example/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn server() -> Server {
    let client = Client::confidential("web", ClientSecret::generated(&Secret::new(SECRET)))
        .redirecting_to(REDIRECT_URI)
        .limited_to("read write".parse().unwrap_or_default())
        .using([
            GrantType::AUTHORIZATION_CODE,
            GrantType::CLIENT_CREDENTIALS,
            GrantType::REFRESH_TOKEN,
        ]);
    Server::builder(MemoryStore::new().with_client(client))
        .issuer("https://auth.example.com")
        .install(AuthorizationCode::new())
        .install(ClientCredentials::new())
        .install(RefreshToken::rotating())
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn post(path: &str, body: String) -> Request<String> {
    Request::post(path)
        .header(
            header::AUTHORIZATION,
            format!("Basic {}", STANDARD.encode(format!("web:{SECRET}"))),
        )
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
        .unwrap_or_default()
}

/// The body of the answer, which has to be a good one.
fn answer(server: &Server, request: &Request<String>) -> Vec<u8> {
    let answer = block_on(server.serve(&Incoming::of(request)));
    let answer = answer.unwrap_or_default();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.into_body()
}

/// A member of a JSON answer.
fn member(body: &[u8], name: &str) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body[name].as_str().map(str::to_owned).unwrap_or_default()
}

fn issue() -> Request<String> {
    post(
        "/token",
        "grant_type=client_credentials&scope=read+write".to_owned(),
    )
}

fn authorization() -> Request<String> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let uri = format!(
        "/authorize?response_type=code&client_id=web&redirect_uri=https%3A%2F%2Fclient.example%2Fcallback\
         &scope=read+write&state=xyz&code_challenge={challenge}&code_challenge_method=S256"
    );
    Request::builder()
        .method(Method::GET)
        .uri(uri)
        .body(String::new())
        .unwrap_or_default()
}

/// Somebody asks for a code and agrees; the code.
fn code(server: &Server) -> String {
    let redirect = block_on(async {
        let pending = server.authorize(&Incoming::of(&authorization())).await?;
        let scope = pending.scope().clone();
        pending.approve("alice", scope).await
    });
    let redirect = redirect.unwrap_or_else(|error| panic!("{error}"));
    let (_, query) = redirect.location().split_once("code=").unwrap_or_default();
    query.split('&').next().unwrap_or_default().to_owned()
}

fn redemption(code: &str) -> Request<String> {
    let uri = "https%3A%2F%2Fclient.example%2Fcallback";
    post(
        "/token",
        format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"),
    )
}

fn benches(criterion: &mut Criterion) {
    let server = server();
    let issue = issue();
    criterion.bench_function("issue by client credentials", |bencher| {
        bencher.iter(|| black_box(answer(&server, &issue)));
    });

    let token = member(&answer(&server, &issue), "access_token");
    let resource = Request::get("/resource")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(String::new())
        .unwrap_or_default();
    criterion.bench_function("authenticate a bearer", |bencher| {
        bencher.iter(|| {
            let found = block_on(server.authenticate(&Incoming::of(&resource)));
            black_box(found.is_ok_and(|token| token.subject().is_none()))
        });
    });

    let introspect = post("/introspect", format!("token={token}"));
    criterion.bench_function("introspect", |bencher| {
        bencher.iter(|| black_box(answer(&server, &introspect)));
    });

    criterion.bench_function("authorize and approve", |bencher| {
        bencher.iter(|| black_box(code(&server)));
    });

    criterion.bench_function("redeem a code", |bencher| {
        let redemption = || redemption(&code(&server));
        bencher.iter_batched(redemption, |request| answer(&server, &request), BatchSize::SmallInput);
    });

    let mut refresh_token = member(&answer(&server, &redemption(&code(&server))), "refresh_token");
    criterion.bench_function("rotate a refresh token", |bencher| {
        // The next token is read from the answer, which the clock sees: it is the client's work and small.
        bencher.iter(|| {
            let request = post("/token", format!("grant_type=refresh_token&refresh_token={refresh_token}"));
            refresh_token = member(&answer(&server, &request), "refresh_token");
        });
    });
}

criterion_group!(engine, benches);
criterion_main!(engine);
