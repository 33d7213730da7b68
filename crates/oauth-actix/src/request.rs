//! Requests and responses between actix-web's types and those of the `http` crate.

use actix_web::body::{BodyStream, MessageBody as _, to_bytes_limited};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use oauth_core::{Incoming, PeerAddr, Rejection, Server};

/// The head of a request. actix-web speaks an older version of `http`, so it is a copy.
pub(crate) struct Head {
    method: http::Method,
    uri: http::Uri,
    headers: http::HeaderMap,
    extensions: http::Extensions,
}

impl Head {
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Rejection> {
        let headers = request.headers();
        let mut head = Self {
            method: http::Method::from_bytes(request.method().as_str().as_bytes()).map_err(malformed)?,
            uri: request.uri().to_string().parse().map_err(malformed)?,
            headers: http::HeaderMap::with_capacity(headers.len()),
            extensions: extensions(request),
        };
        for (name, value) in headers {
            head.headers.append(
                http::HeaderName::from_bytes(name.as_str().as_bytes()).map_err(malformed)?,
                http::HeaderValue::from_bytes(value.as_bytes()).map_err(malformed)?,
            );
        }
        Ok(head)
    }

    pub(crate) fn incoming<'a>(&'a self, body: &'a [u8]) -> Incoming<'a> {
        Incoming {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            extensions: &self.extensions,
            body,
        }
    }
}

/// Both versions of `http` accept the same, so this is not seen; nothing is dropped in silence all the same.
fn malformed<E>(_: E) -> Rejection {
    Rejection::invalid_request("the request is malformed")
}

/// actix-web's extensions can hold what must not leave its thread, so they are not those that the engine sees. What
/// it is to see goes into one of the type [`http::Extensions`], but for the address.
fn extensions(request: &HttpRequest) -> http::Extensions {
    let own = request.extensions();
    let mut extensions = own.get::<http::Extensions>().cloned().unwrap_or_default();
    let peer = own.get::<PeerAddr>().copied();
    if extensions.get::<PeerAddr>().is_none()
        && let Some(peer) = peer.or_else(|| request.peer_addr().map(|peer| PeerAddr(peer.ip())))
    {
        extensions.insert(peer);
    }
    extensions
}

/// Reads a body up to the limit.
pub(crate) async fn whole(payload: Payload, limit: usize) -> Result<web::Bytes, Rejection> {
    match to_bytes_limited(BodyStream::new(payload), limit).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(Rejection::body_broken_off()),
        Err(_) => Err(Rejection::body_too_large()),
    }
}

/// The server that the nearest [`configure`](crate::configure()), [`endpoints`](crate::endpoints) or
/// `app_data` has put there.
pub(crate) fn server_for(request: &HttpRequest) -> Result<Server, Rejection> {
    match request.app_data::<web::Data<Server>>() {
        Some(server) => Ok(Server::clone(server)),
        None => Err(Rejection::server_error(
            "there is no `web::Data<Server>` for this route",
        )),
    }
}

pub(crate) fn into_response(response: http::Response<Vec<u8>>) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let status = status(parts.status);
    let mut response = HttpResponse::with_body(status, body.boxed());
    for (name, value) in &parts.headers {
        // Both versions of `http` accept the same.
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

pub(crate) fn status(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
