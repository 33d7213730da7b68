//! The house by actix-web.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::to_bytes;
use actix_web::dev::{Payload, Service as _};
use actix_web::error::PayloadError;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyDataStream;
use oauth_server::actix::{
    Authorize, Bearer, OptionalBearer, Scoped, configure, decided, endpoints, require, require_scope, well_known,
};
use oauth_server::{PeerAddr, Server};
use oauth_testkit::lab::scope;

use crate::adapter::{Adapter, Delivery, Pieces};
use crate::house::{House, Write, decide, greeting, greeting_or_none};

type Answered = Pin<Box<dyn Future<Output = Response<Vec<u8>>>>>;

/// The type of an actix-web application under test has no name that can be written down, so it is behind a call.
pub(crate) struct ByActix(Box<dyn Fn(TestRequest, Payload) -> Answered>);

impl ByActix {
    pub(crate) async fn new(house: &House) -> Self {
        Self::of(app(house.clone())).await
    }

    pub(crate) async fn of(app: impl FnOnce(&mut web::ServiceConfig)) -> Self {
        let service = Rc::new(init_service(App::new().configure(app)).await);
        Self(Box::new(move |request, payload| {
            let service = Rc::clone(&service);
            Box::pin(async move {
                let (request, _) = request.to_request().replace_payload(payload);
                let response = match service.call(request).await {
                    Ok(response) => response.into_parts().1.map_into_boxed_body(),
                    Err(error) => error.error_response(),
                };
                let mut answer = Response::builder().status(response.status().as_u16());
                for (name, value) in response.headers() {
                    answer = answer.header(name.as_str(), value.as_bytes());
                }
                let body = to_bytes(response.into_body()).await.unwrap();
                answer.body(body.to_vec()).unwrap()
            })
        }))
    }
}

pub(crate) fn app(house: House) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .service(
                web::scope("/one")
                    .configure(endpoints(&house.one))
                    .configure(own(&house.one)),
            )
            .service(
                web::scope("/a/two")
                    .configure(endpoints(&house.two))
                    .configure(own(&house.two)),
            )
            .configure(well_known(&house.one))
            .configure(well_known(&house.two))
            .configure(configure(&house.root))
            .configure(own(&house.root));
    }
}

fn own(server: &Server) -> impl FnOnce(&mut web::ServiceConfig) {
    let guarded = web::scope("/guarded")
        .wrap(require(server))
        .route("/bearer", web::get().to(bearer))
        .route("/optional", web::get().to(optional))
        .route("/scoped", web::get().to(scoped));
    let narrow = web::scope("/narrow")
        .wrap(require_scope(server, scope("write")))
        .route("/bearer", web::get().to(bearer));
    move |config| {
        config
            .service(guarded)
            .service(narrow)
            .route("/authorize", web::to(authorize))
            .route("/bearer", web::get().to(bearer))
            .route("/optional", web::get().to(optional))
            .route("/scoped", web::get().to(scoped));
    }
}

async fn authorize(request: HttpRequest, Authorize(pending): Authorize) -> HttpResponse {
    let mut headers = HeaderMap::new();
    if request.headers().contains_key("x-deny") {
        headers.insert("x-deny", http::HeaderValue::from_static("yes"));
    }
    decided(decide(pending, &headers).await)
}

async fn bearer(Bearer(token): Bearer) -> String {
    greeting(&token)
}

async fn optional(OptionalBearer(token): OptionalBearer) -> String {
    greeting_or_none(token.as_ref())
}

async fn scoped(token: Scoped<Write>) -> String {
    greeting(&token)
}

impl Adapter for ByActix {
    async fn answer(&self, request: Request<Vec<u8>>, delivery: Delivery) -> Response<Vec<u8>> {
        let (parts, body) = request.into_parts();
        let mut asked = TestRequest::with_uri(&parts.uri.to_string())
            .method(actix_web::http::Method::from_bytes(parts.method.as_str().as_bytes()).unwrap());
        for (name, value) in &parts.headers {
            asked = asked.append_header((name.as_str(), value.as_bytes()));
        }
        if let Some(PeerAddr(peer)) = parts.extensions.get() {
            asked = asked.peer_addr(SocketAddr::from((*peer, 1)));
        }
        let pieces = Pieces::<PayloadError>::of(&body, delivery);
        let payload = Box::pin(BodyDataStream::new(pieces));
        self.0(asked, Payload::Stream { payload }).await
    }
}
