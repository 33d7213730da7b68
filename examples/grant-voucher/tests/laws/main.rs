//! The laws of vouchers, above the stores that keep them: HTTP in and HTTP out, on a clock that stands still.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and helpers of tests")]

mod faults;
mod issuing;
mod metadata;
mod races;
mod redeeming;
mod secrets;

use std::collections::BTreeMap;

use example_grant_voucher::{GRANT_TYPE, PERMISSION, Vouchers};
use oauth_server::{
    Client, ClientSecret, Credential, CredentialStore, Documents, Key, MemoryStore, Model, Secret, SqliteStore,
};
use oauth_testkit::http::{Answer, Call, Who};
use oauth_testkit::lab::{APP, STRANGER, WEB, scope};
use oauth_testkit::{Lab, Watched, block_on};
use tempfile::TempDir;

/// Who issues vouchers.
const BOX_OFFICE: Who = Who::basic("box-office", "h0c2m5YV1nOq8sUzKwR3eA");

/// The lab with vouchers, over a store wrapped in whatever stands between the two.
fn lab<S: Model + Documents + Clone>(store: S) -> Lab<S> {
    let lab = Lab::over(store, |builder| {
        builder
            .scopes(scope("read write admin vouchers"))
            .install(Vouchers::new())
    });
    let secret = ClientSecret::generated(&Secret::new(BOX_OFFICE.secret));
    lab.register(&Client::confidential(BOX_OFFICE.id, secret).limited_to(scope(PERMISSION)));
    for who in [APP, STRANGER, WEB] {
        lab.edit(&who, |client| client.grant_types.push(GRANT_TYPE));
    }
    lab
}

fn memory() -> Watched<MemoryStore> {
    Watched::new(MemoryStore::new())
}

/// A database in a directory that is gone once the second value is dropped.
fn sqlite() -> (Watched<SqliteStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = block_on(SqliteStore::open(directory.path().join("vouchers.db"))).unwrap();
    (Watched::new(store), directory)
}

/// Makes a `#[test]` above each store of a law that takes such a store.
macro_rules! above_every_store {
    ($($law:ident,)*) => {
        mod above_memory {
            $(#[test]
            fn $law() {
                super::$law(&|| (crate::memory(), ()));
            })*
        }

        mod above_sqlite {
            $(#[test]
            fn $law() {
                super::$law(&crate::sqlite);
            })*
        }
    };
}
use above_every_store;

/// What [`above_every_store`] hands to a law: makes an empty store, and what has to outlive it.
type Make<'a, S, G> = &'a dyn Fn() -> (Watched<S>, G);

/// The request for a voucher: for the app, scope `read write`, two seats.
fn issuing() -> Call {
    let pairs = [
        ("redeemer", APP.id),
        ("scope", "read write"),
        ("seat", "A1"),
        ("seat", "A2"),
    ];
    Call::post("/vouchers").all(&pairs).by(&BOX_OFFICE)
}

/// The request that redeems a voucher.
fn redeeming(who: &Who, voucher: &str) -> Call {
    let call = Call::post("/token").with("grant_type", GRANT_TYPE.as_str());
    call.with("voucher", voucher).by(who)
}

/// The voucher of a good answer.
#[track_caller]
fn voucher_of(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.is_not_kept();
    answer.member("voucher").unwrap()
}

/// A fresh voucher as [`issuing`] asks for.
#[track_caller]
fn voucher<S: Model + Documents + Clone>(lab: &Lab<S>) -> String {
    voucher_of(&lab.send(&issuing()))
}

/// All that is stored.
fn rows<S: CredentialStore>(store: &Watched<S>) -> BTreeMap<Key, Credential> {
    block_on(store.everything())
}
