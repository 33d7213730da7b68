//! What applications do with an adapter beside taking it as it is.

use actix_web::dev::Service as _;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::{HttpMessage as _, web};
use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use oauth_server::{
    AccessData, Approval, Client, ClientCredentials, Context, Credential, Incoming, MemoryStore, PeerAddr, Policy,
    Rejection, Server,
};
use oauth_testkit::Lab;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{MACHINE, WEB, for_itself};

use crate::adapter::{Adapter, Teller};
use crate::by_actix::ByActix;
use crate::by_axum::ByAxum;
use crate::house::House;

fn house() -> House {
    House::over(MemoryStore::new(), MemoryStore::new(), MemoryStore::new())
}

async fn status(adapter: &impl Adapter, call: &Call) -> u16 {
    Teller::to(adapter).send(call).await.status()
}

#[test]
fn an_issuer_whose_path_is_encoded_is_served_as_it_is_written() {
    let issuer = "https://auth.example/caf%C3%A9%20a%7Eb";
    let store = MemoryStore::new();
    let server = Server::builder(store)
        .issuer(issuer)
        .install(ClientCredentials::new())
        .build()
        .unwrap();
    System::new().block_on(async {
        let by_axum = ByAxum(oauth_server::axum::router(&server));
        let by_actix = ByActix::of(oauth_server::actix::configure(&server)).await;
        for (path, expected) in [
            ("/caf%C3%A9%20a%7Eb/token", 405),
            ("/.well-known/oauth-authorization-server/caf%C3%A9%20a%7Eb", 200),
            // The same path to whoever decodes, and another one to whoever does not.
            ("/caf%C3%A9%20a~b/token", 404),
            ("/caf%c3%a9%20a%7Eb/token", 404),
        ] {
            let call = Call::get(path);
            assert_eq!(status(&by_axum, &call).await, expected, "{path}");
            assert_eq!(status(&by_actix, &call).await, expected, "{path}");
        }
    });
}

#[test]
fn an_address_that_somebody_in_front_has_found_out_is_believed() {
    let found = PeerAddr([192, 0, 2, 99].into());
    let server = house().root;
    let asked = Call::get("/mirror").from([127, 0, 0, 1].into());
    System::new().block_on(async {
        let in_front = axum::middleware::map_request(move |mut request: axum::extract::Request| {
            request.extensions_mut().insert(found);
            std::future::ready(request)
        });
        let by_axum = ByAxum(oauth_server::axum::router(&server).layer(in_front));
        assert_eq!(Teller::to(&by_axum).send(&asked).await.json()["peer"], "192.0.2.99");

        let alone = ByActix::of(|app| {
            let in_front = web::scope("").wrap_fn(move |request, next| {
                request.extensions_mut().insert(found);
                next.call(request)
            });
            app.service(in_front.configure(oauth_server::actix::configure(&server)));
        });
        assert_eq!(Teller::to(&alone.await).send(&asked).await.json()["peer"], "192.0.2.99");

        // Whatever else the engine's parts are to see goes the same way in actix-web.
        let among_others = ByActix::of(|app| {
            let in_front = web::scope("").wrap_fn(move |request, next| {
                let mut extensions = http::Extensions::new();
                extensions.insert(found);
                request.extensions_mut().insert(extensions);
                next.call(request)
            });
            app.service(in_front.configure(oauth_server::actix::configure(&server)));
        });
        assert_eq!(
            Teller::to(&among_others.await).send(&asked).await.json()["peer"],
            "192.0.2.99"
        );
    });
}

/// Honours tokens that come from one address.
struct FromOneAddress;

#[async_trait]
impl Policy for FromOneAddress {
    async fn review(&self, approval: Approval, _: &Client, _: &Context<'_>) -> Result<Approval, Rejection> {
        Ok(approval)
    }

    async fn honors(&self, _: &Credential<AccessData>, cx: &Context<'_>) -> Result<bool, Rejection> {
        let peer = cx.request().and_then(Incoming::peer);
        Ok(peer == Some([192, 0, 2, 7].into()))
    }
}

#[test]
fn a_policy_sees_from_where_a_token_is_presented() {
    let lab = Lab::over(MemoryStore::new(), |builder| {
        builder.install(ClientCredentials::new()).policy(FromOneAddress)
    });
    let restricted = House {
        root: lab.server.clone(),
        ..house()
    };
    let token = lab.send(&for_itself(&WEB).with("scope", "write")).granted().access;
    System::new().block_on(async {
        let by_axum = ByAxum::new(&restricted);
        let by_actix = ByActix::new(&restricted).await;
        for path in ["/bearer", "/optional", "/scoped", "/guarded/bearer", "/narrow/bearer"] {
            for (peer, expected) in [([192, 0, 2, 7], 200), ([192, 0, 2, 8], 401)] {
                let call = Call::get(path).bearer(&token).from(peer.into());
                assert_eq!(status(&by_axum, &call).await, expected, "{path}");
                assert_eq!(status(&by_actix, &call).await, expected, "{path}");
            }
        }
    });
}

#[test]
fn an_application_words_refusals_as_it_likes() {
    let server = house().root;
    let lost = Call::get("/authorize").with("client_id", "nobody");
    System::new().block_on(async {
        let own = Router::new()
            .route(
                "/bearer",
                get(
                    async |token: Result<oauth_server::axum::Bearer, oauth_server::axum::Refused>| {
                        (axum::http::StatusCode::IM_A_TEAPOT, token.unwrap_err().0.to_string())
                    },
                ),
            )
            .route(
                "/authorize",
                get(
                    async |asked: Result<oauth_server::axum::Authorize, oauth_server::axum::AuthorizeRejection>| {
                        (axum::http::StatusCode::IM_A_TEAPOT, asked.unwrap_err().0.to_string())
                    },
                ),
            )
            .with_state(server.clone());
        let by_axum = ByAxum(own);
        let by_actix = ByActix::of(|app| {
            app.configure(oauth_server::actix::configure(&server))
                .route(
                    "/bearer",
                    web::get().to(
                        async |token: Result<oauth_server::actix::Bearer, oauth_server::actix::Refused>| {
                            (token.unwrap_err().0.to_string(), StatusCode::IM_A_TEAPOT)
                        },
                    ),
                )
                .route(
                    "/authorize",
                    web::get().to(
                        async |asked: Result<
                            oauth_server::actix::Authorize,
                            oauth_server::actix::AuthorizeRejection,
                        >| { (asked.unwrap_err().to_string(), StatusCode::IM_A_TEAPOT) },
                    ),
                );
        })
        .await;
        for call in [&Call::get("/bearer"), &lost] {
            let told = Teller::to(&by_axum).send(call).await;
            assert_eq!(told.status(), 418);
            assert_eq!(Teller::to(&by_actix).send(call).await.text(), told.text());
        }
    });
}

#[test]
fn without_a_server_an_actix_route_stays_closed() {
    let lab = Lab::over(MemoryStore::new(), |builder| builder.install(ClientCredentials::new()));
    let token = lab.send(&for_itself(&MACHINE)).granted();
    System::new().block_on(async {
        let forgotten = ByActix::of(|app| {
            app.route("/bearer", web::get().to(async |_: oauth_server::actix::Bearer| "in"))
                .route(
                    "/optional",
                    web::get().to(async |_: oauth_server::actix::OptionalBearer| "in"),
                )
                .route(
                    "/authorize",
                    web::get().to(async |_: oauth_server::actix::Authorize| "in"),
                );
        })
        .await;
        for path in ["/bearer", "/optional", "/authorize"] {
            for call in [Call::get(path), Call::get(path).bearer(&token.access)] {
                assert_eq!(status(&forgotten, &call).await, 500, "{path}");
            }
        }
    });
}
