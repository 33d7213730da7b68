//! The engine alone on the memory store: what a request costs without HTTP around it.
//!
//! ```text
//! cargo bench -p oauth-server --bench engine
//! ```

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use oauth_server::{
    AuthorizationCode, ClientCredentials, Incoming, MemoryStore, RefreshToken, Server, SystemClock, SystemEntropy,
};
use oauth_testkit::block_on;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{
    APP, MACHINE, WEB, authorization, clients, for_itself, introspecting, redemption, refreshing,
};

/// A server as it runs: with the system's clock and randomness.
fn server() -> Server {
    let store = clients().iter().fold(MemoryStore::new(), MemoryStore::with_client);
    let built = Server::builder(store)
        .issuer("https://auth.example")
        .clock(SystemClock)
        .entropy(SystemEntropy)
        .default_scope(oauth_testkit::lab::scope("read"))
        .install(AuthorizationCode::new())
        .install(RefreshToken::rotating())
        .install(ClientCredentials::new())
        .build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

fn answer(server: &Server, request: &http::Request<Vec<u8>>) -> usize {
    block_on(server.serve(&Incoming::of(request))).map_or(0, |answer| answer.body().len())
}

fn engine(criterion: &mut Criterion) {
    let server = server();

    let issue = for_itself(&MACHINE).request();
    criterion.bench_function("issue by client credentials", |bencher| {
        bencher.iter(|| answer(&server, &issue));
    });

    let token = block_on(for_itself(&MACHINE).serve(&server)).granted().access;
    let resource = Call::get("/resource").bearer(&token).request();
    criterion.bench_function("authenticate a bearer", |bencher| {
        bencher.iter(|| block_on(server.authenticate(&Incoming::of(&resource))).is_ok());
    });

    let introspect = introspecting(&MACHINE, &token).request();
    criterion.bench_function("introspect", |bencher| bencher.iter(|| answer(&server, &introspect)));

    criterion.bench_function("redeem a code", |bencher| {
        let redeemable = || {
            let location = block_on(oauth_testkit::lab::approve(&server, &authorization(&WEB)));
            redemption(&WEB, &location.param("code").unwrap_or_default()).request()
        };
        bencher.iter_batched(redeemable, |request| answer(&server, &request), BatchSize::SmallInput);
    });

    criterion.bench_function("rotate a refresh token", |bencher| {
        let refreshable = || {
            let location = block_on(oauth_testkit::lab::approve(&server, &authorization(&APP)));
            let code = location.param("code").unwrap_or_default();
            let tokens = block_on(redemption(&APP, &code).serve(&server)).granted();
            refreshing(&APP, tokens.refresh()).request()
        };
        bencher.iter_batched(refreshable, |request| answer(&server, &request), BatchSize::SmallInput);
    });
}

criterion_group!(benches, engine);
criterion_main!(benches);
