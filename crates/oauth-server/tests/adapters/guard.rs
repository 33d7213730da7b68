//! The guard before a subtree.

use actix_web::rt::System;
use oauth_server::MemoryStore;
use oauth_testkit::Flaky;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{APP, authorization, redemption};

use crate::adapter::{Adapter, Teller};
use crate::by_actix::ByActix;
use crate::by_axum::ByAxum;
use crate::house::House;

/// How often the store is asked for each of these paths.
async fn questions(adapter: &impl Adapter, store: &Flaky<MemoryStore>, paths: &[&str]) -> Vec<u64> {
    let mut teller = Teller::to(adapter);
    let location = teller.send(&authorization(&APP)).await;
    let location = oauth_testkit::http::Location::new(location.header("location").unwrap());
    let redeemed = redemption(&APP, &location.param("code").unwrap());
    let token = teller.send(&redeemed).await.granted().access;
    let mut counts = Vec::new();
    for path in paths {
        let before = store.calls();
        assert_eq!(teller.send(&Call::get(*path).bearer(&token)).await.status(), 200);
        counts.push(store.calls() - before);
    }
    counts
}

#[test]
fn what_the_guard_let_in_is_not_looked_up_again() {
    let paths = [
        "/bearer",
        "/guarded/bearer",
        "/guarded/optional",
        "/guarded/scoped",
        "/narrow/bearer",
    ];
    let house = || {
        let store = Flaky::new(MemoryStore::new());
        let other = || Flaky::new(MemoryStore::new());
        (House::over(store.clone(), other(), other()), store)
    };
    System::new().block_on(async {
        let (served, store) = house();
        let by_axum = questions(&ByAxum::new(&served), &store, &paths).await;
        let (served, store) = house();
        let by_actix = questions(&ByActix::new(&served).await, &store, &paths).await;
        // The token and its client: two questions each.
        assert_eq!(by_axum, [2, 2, 2, 2, 2]);
        assert_eq!(by_actix, by_axum);
    });
}
