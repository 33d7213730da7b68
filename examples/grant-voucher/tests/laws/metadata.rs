//! The metadata says that there are vouchers exactly when there are.

use example_grant_voucher::{GRANT_TYPE, Vouchers};
use oauth_server::{BuildError, MemoryStore, Server};
use oauth_testkit::http::Call;
use oauth_testkit::lab::ISSUER;

use crate::{lab, memory};

#[test]
fn the_metadata_lists_the_endpoint_and_the_grant() {
    let lab = lab(memory());
    let told = lab.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    assert_eq!(told["voucher_endpoint"], format!("{ISSUER}/vouchers"));
    assert_eq!(told["grant_types_supported"][0], GRANT_TYPE.as_str());
}

#[test]
fn the_endpoint_moves_with_the_issuer() {
    let server = Server::builder(MemoryStore::new())
        .issuer("https://auth.example/tenant")
        .install(Vouchers::new())
        .build()
        .unwrap();
    assert!(server.paths().any(|path| path == "/tenant/vouchers"));
}

#[test]
fn vouchers_are_installed_once() {
    let twice = Server::builder(MemoryStore::new())
        .issuer(ISSUER)
        .install(Vouchers::new())
        .install(Vouchers::default())
        .build();
    assert_eq!(twice.unwrap_err(), BuildError::DuplicateGrant(GRANT_TYPE));
}
