//! The house by the tower service, and by the core alone where sign-in and resources are.

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use oauth_server::tower::service;
use oauth_server::{AccessToken, Challenge, Incoming, Rejection, RequiredScope, Server};
use oauth_testkit::lab::scope;
use tower::ServiceExt as _;

use crate::adapter::{Adapter, Delivery, Pieces, certain};
use crate::house::{House, MAX_BODY, Write, decide, greeting, greeting_or_none};

pub(crate) struct ByTower(House);

impl ByTower {
    pub(crate) fn new(house: &House) -> Self {
        Self(house.clone())
    }

    /// The server that a path belongs to, and the path below its issuer's.
    fn find<'a>(&self, path: &'a str) -> (&Server, &'a str) {
        for (server, below) in [(&self.0.one, "/one"), (&self.0.two, "/a/two")] {
            if server.paths().any(|own| own == path) {
                return (server, path);
            }
            if let Some(path) = path.strip_prefix(below) {
                return (server, path);
            }
        }
        (&self.0.root, path)
    }
}

impl Adapter for ByTower {
    async fn answer(&self, request: Request<Vec<u8>>, delivery: Delivery) -> Response<Vec<u8>> {
        let path = request.uri().path().to_owned();
        let (server, path) = self.find(&path);
        match path {
            "/authorize" => authorize(server, &request, delivery).await,
            "/bearer" | "/guarded/bearer" | "/guarded/optional" => {
                resource(server.authenticate(&Incoming::of(&request)).await)
            }
            "/narrow/bearer" => {
                let needed = scope("write");
                resource(server.authenticate_for(&Incoming::of(&request), &needed).await)
            }
            "/scoped" => {
                let needed = Write::scope().unwrap();
                resource(server.authenticate_for(&Incoming::of(&request), &needed).await)
            }
            "/guarded/scoped" => {
                let token = server.authenticate(&Incoming::of(&request)).await;
                resource(token.and_then(|token| token.require_named::<Write>().map(|()| token)))
            }
            "/optional" => match server.authenticate(&Incoming::of(&request)).await {
                Err(challenge) if challenge.is_missing() => text(StatusCode::OK, greeting_or_none(None)),
                outcome => resource(outcome),
            },
            _ => endpoint(server, request, delivery).await,
        }
    }
}

async fn endpoint(server: &Server, request: Request<Vec<u8>>, delivery: Delivery) -> Response<Vec<u8>> {
    let request = request.map(|body| Pieces::<std::io::Error>::of(&body, delivery));
    let (parts, body) = certain(service(server).oneshot(request).await).into_parts();
    let body = certain(body.collect().await).to_bytes();
    Response::from_parts(parts, body.to_vec())
}

async fn authorize(server: &Server, request: &Request<Vec<u8>>, delivery: Delivery) -> Response<Vec<u8>> {
    let checked = match delivery {
        Delivery::BrokenOff => Err(oauth_server::AuthorizeError::Show(Rejection::body_broken_off())),
        _ if request.body().len() > MAX_BODY => Err(oauth_server::AuthorizeError::Show(Rejection::body_too_large())),
        _ => server.authorize(&Incoming::of(request)).await,
    };
    let decided = match checked {
        Ok(pending) => decide(pending, request.headers()).await,
        Err(error) => Err(error),
    };
    match decided {
        Ok(redirect) => redirect.into_response(),
        Err(error) => error.into_response(),
    }
}

fn resource(outcome: Result<AccessToken, Challenge>) -> Response<Vec<u8>> {
    match outcome {
        Ok(token) => text(StatusCode::OK, greeting(&token)),
        Err(challenge) => challenge.into_response(),
    }
}

fn text(status: StatusCode, words: String) -> Response<Vec<u8>> {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8")
        .body(words.into_bytes())
        .unwrap()
}
