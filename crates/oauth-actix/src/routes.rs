//! The endpoints that programs talk to, as configurations.

use std::borrow::Borrow;

use actix_web::dev::Url;
use actix_web::guard::{Guard, GuardContext};
use actix_web::http::Uri;
use actix_web::web::{Data, Payload, ServiceConfig, resource};
use actix_web::{HttpRequest, HttpResponse};
use oauth_core::{Rejection, Server};

use crate::request::{Head, into_response, whole};

/// Every endpoint of the server, at its path from the root of the issuer's host, for `App::configure`; and the server
/// itself as `web::Data`, where the extractors find it.
///
/// To nest the endpoints somewhere, see [`endpoints`].
///
/// ```
/// # use oauth_core::Server;
/// # fn app(server: &Server) {
/// actix_web::App::new().configure(oauth_actix::configure(server));
/// # }
/// ```
pub fn configure(server: impl Borrow<Server>) -> impl FnOnce(&mut ServiceConfig) {
    let server = server.borrow().clone();
    move |config| {
        config.app_data(Data::new(server.clone()));
        mount(config, &server, |path| Some(path));
    }
}

/// The endpoints below the issuer, at their paths relative to it: for a scope under the issuer's path. The extractors
/// of that scope find the server there, so that several servers can stand side by side.
///
/// The documents of [`well_known`] stay at the root (RFC 8414 §3.1), so they are a configuration of their own:
///
/// ```
/// # use oauth_core::Server;
/// # fn nested(server: &Server) {
/// // With the issuer "https://auth.example.com/tenant":
/// actix_web::App::new()
///     .service(actix_web::web::scope("/tenant").configure(oauth_actix::endpoints(server)))
///     .configure(oauth_actix::well_known(server));
/// # }
/// ```
pub fn endpoints(server: impl Borrow<Server>) -> impl FnOnce(&mut ServiceConfig) {
    let server = server.borrow().clone();
    move |config| {
        let authorization = server.authorization_path();
        let prefix = authorization.strip_suffix("/authorize").unwrap_or_default();
        config.app_data(Data::new(server.clone()));
        mount(config, &server, |path| {
            if is_well_known(path) {
                None
            } else {
                path.strip_prefix(prefix)
            }
        });
    }
}

/// The documents under `/.well-known/`, at their paths from the root of the issuer's host.
pub fn well_known(server: impl Borrow<Server>) -> impl FnOnce(&mut ServiceConfig) {
    let server = server.borrow().clone();
    move |config| mount(config, &server, |path| is_well_known(path).then_some(path))
}

fn is_well_known(path: &str) -> bool {
    path.starts_with("/.well-known/")
}

fn mount(config: &mut ServiceConfig, server: &Server, place: impl Fn(&str) -> Option<&str>) {
    for (at, path) in server.paths().enumerate() {
        let Some(path) = place(path) else { continue };
        let server = server.clone();
        let endpoint = move |request: HttpRequest, body: Payload| answer(server.clone(), at, request, body);
        config.service(resource(decoded(path)).guard(Verbatim(path.to_owned())).to(endpoint));
    }
}

async fn answer(server: Server, at: usize, request: HttpRequest, body: Payload) -> HttpResponse {
    let answered: Result<_, Rejection> = async {
        let head = Head::of(&request)?;
        let body = whole(body.into_inner(), server.max_body()).await?;
        Ok(server.serve_at(at, &head.incoming(&body)).await)
    }
    .await;
    into_response(answered.unwrap_or_else(|rejection| rejection.reply().into_response()))
}

/// The path as the router sees it, which decodes before it compares.
fn decoded(path: &str) -> String {
    match path.parse::<Uri>() {
        Ok(uri) => Url::new(uri).path().to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// That a request's path ends so before it is decoded: `/%74oken` is not `/token`.
struct Verbatim(String);

impl Guard for Verbatim {
    fn check(&self, request: &GuardContext<'_>) -> bool {
        request.head().uri.path().ends_with(&self.0)
    }
}
