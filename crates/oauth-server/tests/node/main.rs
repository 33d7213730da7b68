//! Whoever knows npm's `oauth2-server` finds all of it here: its model row by row, its options, and none of its defects.
//!
//! `docs/from-node-oauth2-server.md` is the chapter of the manual that goes with these tests.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and helpers of tests")]

mod clients;
mod context;
mod defects;
mod model;
mod options;
mod scopes;

use http::Request;
use oauth_server::{
    AccessToken, AuthorizationCode, AuthorizeError, Builder, Challenge, ClientCredentials, Incoming, MemoryStore,
    Redirect, RefreshToken, Server,
};
use oauth_testkit::http::{Answer, Call, Location};
use oauth_testkit::{Lab, Watched, block_on};

type Store = Watched<MemoryStore>;

/// A server with everything mounted, refresh tokens rotating.
fn lab() -> Lab<Store> {
    lab_with(|builder| builder.install(RefreshToken::rotating()))
}

/// A server with codes and client credentials, and more.
fn lab_with(more: impl FnOnce(Builder) -> Builder) -> Lab<Store> {
    Lab::over(Watched::new(MemoryStore::new()), |builder| {
        more(
            builder
                .install(AuthorizationCode::new())
                .install(ClientCredentials::new()),
        )
    })
}

/// Who acts, as a protected resource of that server sees it.
fn knock(server: &Server, call: &Call) -> Result<AccessToken, Challenge> {
    let request = call.request();
    block_on(server.authenticate(&Incoming::of(&request)))
}

/// What the server answers to a request that a layer of the application has seen.
fn serve(server: &Server, request: &Request<Vec<u8>>) -> Answer {
    Answer::of(block_on(server.serve(&Incoming::of(request))).unwrap())
}

/// Where a decision sends the browser.
#[track_caller]
fn sent_to(outcome: Result<Redirect, AuthorizeError>) -> Location {
    match outcome {
        Ok(redirect) | Err(AuthorizeError::Redirect(redirect)) => Location::new(redirect.location()),
        Err(AuthorizeError::Show(rejection)) => panic!("shown: {rejection}"),
    }
}
