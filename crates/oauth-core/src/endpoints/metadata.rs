//! The metadata document (RFC 8414), derived from what is mounted.

use async_trait::async_trait;
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::endpoint::{Cors, Endpoint, Place, Route};
use crate::incoming::{Incoming, Reply};
use crate::rejection::Rejection;

/// What the document says, collected while parts are mounted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements(Map<String, Value>);

impl Statements {
    /// Says something; lists said twice under one name are joined.
    pub(crate) fn say(&mut self, name: &str, value: Value) {
        match (self.0.get_mut(name), value) {
            (Some(Value::Array(said)), Value::Array(more)) => {
                for item in more {
                    if !said.contains(&item) {
                        said.push(item);
                    }
                }
            }
            (_, value) => {
                self.0.insert(name.to_owned(), value);
            }
        }
    }

    /// The document: what is empty is left out (RFC 8414 §3.2).
    pub(crate) fn document(mut self) -> Vec<u8> {
        self.0.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
        serde_json::to_vec(&self.0).unwrap_or_default()
    }
}

/// `/.well-known/oauth-authorization-server`, inserted before the issuer's path (RFC 8414 §3.1).
pub(crate) struct Metadata;

#[async_trait]
impl Endpoint for Metadata {
    fn route(&self) -> Route {
        Route {
            path: "oauth-authorization-server",
            place: Place::WellKnown,
            methods: &[Method::GET],
            metadata: None,
            cors: Cors::Anyone,
        }
    }

    async fn serve(&self, _: &Incoming<'_>, cx: &Context<'_>) -> Result<Reply, Rejection> {
        let mut reply = Reply::json_text(cx.server.parts().metadata.clone());
        // It is the same for everybody and changes only with a restart.
        reply.headers_mut().remove(header::PRAGMA);
        Ok(reply.header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
    }
}
