//! A story is answered alike, whichever adapter it is told to.

use actix_web::rt::System;
use oauth_server::{Documents, MemoryStore, Model, SqliteStore};
use oauth_testkit::block_on;

use crate::adapter::Teller;
use crate::by_actix::ByActix;
use crate::by_axum::ByAxum;
use crate::by_tower::ByTower;
use crate::house::House;
use crate::stories;

/// Fresh and empty stores for a house.
fn memory() -> House {
    House::over(MemoryStore::new(), MemoryStore::new(), MemoryStore::new())
}

/// The same in files of that directory.
fn sqlite(directory: &tempfile::TempDir) -> House {
    fn open(directory: &tempfile::TempDir, name: &str) -> impl Model + Documents + Clone + use<> {
        block_on(SqliteStore::open(directory.path().join(name))).unwrap()
    }
    House::over(open(directory, "root"), open(directory, "one"), open(directory, "two"))
}

macro_rules! told_to_each {
    ($house:expr, $story:ident) => {{
        System::new().block_on(async {
            let (house, _kept) = $house;
            let adapter = ByAxum::new(&house);
            let mut by_axum = Teller::to(&adapter);
            stories::$story(&mut by_axum, &house).await;

            let (house, _kept) = $house;
            let adapter = ByActix::new(&house).await;
            let mut by_actix = Teller::to(&adapter);
            stories::$story(&mut by_actix, &house).await;

            let (house, _kept) = $house;
            let adapter = ByTower::new(&house);
            let mut by_tower = Teller::to(&adapter);
            stories::$story(&mut by_tower, &house).await;

            assert!(by_axum.transcript.len() > 5, "this is no story");
            by_actix.transcript.assert_is(&by_axum.transcript);
            by_tower.transcript.assert_is(&by_axum.transcript);
            by_axum.transcript
        })
    }};
}

macro_rules! alike {
    ($($name:ident: $story:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let in_memory = told_to_each!((memory(), ()), $story);
                let in_files = told_to_each!(
                    {
                        let directory = tempfile::tempdir().unwrap();
                        (sqlite(&directory), directory)
                    },
                    $story
                );
                in_files.assert_is(&in_memory);
            }
        )*
    };
}

alike! {
    every_grant_gives_the_same_tokens: every_grant,
    every_kind_of_error_reads_the_same: every_kind_of_error,
    authorization_requests_end_in_the_same_redirects_and_pages: authorization_requests,
    resources_let_in_the_same_and_challenge_the_same: protected_resources,
    introspection_and_revocation_tell_the_same: introspection_and_revocation,
    methods_origins_and_paths_are_judged_the_same: methods_and_origins,
    bodies_are_read_to_the_same_limits: bodies_of_every_sort,
    several_issuers_stand_side_by_side_the_same_way: several_issuers,
    a_request_arrives_with_all_that_it_carries: what_a_request_carries,
}
