//! Requests as they come in and replies as they go out, for any web framework.

use std::fmt;
use std::net::IpAddr;

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::Serialize;

use crate::credential::Change;
use crate::params::Params;
use crate::rejection::Rejection;

/// A request, borrowed from the web framework that received it.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What layers in front have found out, such as [`PeerAddr`].
    pub extensions: &'a Extensions,
    /// The whole body.
    pub body: &'a [u8],
}

/// The address that a request came from, as a request extension.
///
/// Whoever knows puts it there: the program that accepts connections, or the layer that
/// trusts a proxy's header. Limits on guessing count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub IpAddr);

impl<'a> Incoming<'a> {
    /// Borrows a request of the `http` crate.
    pub fn of<B: AsRef<[u8]>>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            body: request.body().as_ref(),
        }
    }

    /// The address it came from, if somebody in front said so.
    pub fn peer(&self) -> Option<IpAddr> {
        self.extensions.get::<PeerAddr>().map(|peer| peer.0)
    }

    /// The parameters of the body (RFC 6749 appendix B). Those of the query are not looked at:
    /// credentials in a URI are never accepted (RFC 6749 §2.3.1).
    ///
    /// # Errors
    /// `invalid_request` for another media type, another character set, a content coding, or a broken encoding.
    pub fn form(&self) -> Result<Params<'a>, Rejection> {
        if self
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| coding != "identity")
        {
            return Err(Rejection::invalid_request("the body must not be compressed")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let mut types = self.headers.get_all(header::CONTENT_TYPE).iter();
        let media_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        if types.next().is_some() || !is_form(media_type) {
            return Err(Rejection::invalid_request(
                "the body must be application/x-www-form-urlencoded",
            ));
        }
        Ok(Params::parse(self.body)?)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// `invalid_request` for a broken encoding.
    pub fn query(&self) -> Result<Params<'a>, Rejection> {
        Ok(Params::parse(self.uri.query().unwrap_or_default().as_bytes())?)
    }
}

impl fmt::Debug for Incoming<'_> {
    /// Shows the method and the path only: the query, the headers and the body carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({} {})", self.method, self.uri.path())
    }
}

/// What is remembered of a request for as long as it is being decided: all but its body.
#[derive(Clone)]
pub(crate) struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
}

impl Seen {
    pub(crate) fn of(request: &Incoming<'_>) -> Self {
        Self {
            method: request.method.clone(),
            uri: request.uri.clone(),
            headers: request.headers.clone(),
            extensions: request.extensions.clone(),
        }
    }

    pub(crate) const fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            extensions: &self.extensions,
            body: &[],
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.incoming().fmt(f)
    }
}

fn is_form(media_type: &str) -> bool {
    if media_type == "application/x-www-form-urlencoded" {
        return true;
    }
    let mut parts = media_type.split(';').map(str::trim);
    let named = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    named
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
            parameter.split_once('=').is_none_or(|(name, value)| {
                !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

/// An answer of an endpoint: never cached unless it says so itself.
///
/// A value, not an action: what it wants changed is committed before it is sent, and if another request was faster the
/// endpoint is asked again.
pub struct Reply {
    response: Response<Vec<u8>>,
    changes: Vec<Change>,
}

impl Reply {
    /// 200 with that JSON, not to be stored (RFC 6749 §5.1).
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        // Room for the usual answer, so that it is not moved while it grows.
        let mut text = Vec::with_capacity(512);
        // The values are this crate's own and extension grants' attributes, which are JSON already.
        if serde_json::to_writer(&mut text, value).is_err() {
            text = b"{}".to_vec();
        }
        Self::json_text(text)
    }

    /// 200 with text that is JSON already, not to be stored.
    pub fn json_text(body: Vec<u8>) -> Self {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.reserve(6);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        Self::of(response)
    }

    /// An empty answer of that status.
    pub fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = status;
        Self::of(response)
    }

    const fn of(response: Response<Vec<u8>>) -> Self {
        Self {
            response,
            changes: Vec::new(),
        }
    }

    /// The same answer with a change that is written before the answer is sent, together with the others or not at all.
    #[must_use]
    pub fn and(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The same answer with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// The same answer with a header set.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().insert(name, value);
        self
    }

    /// The headers, to change.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    /// The answer as a response of the `http` crate.
    pub fn into_response(self) -> Response<Vec<u8>> {
        self.response
    }
}

impl fmt::Debug for Reply {
    /// Shows the status only: the body carries tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.response.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_in_utf8_are_forms() {
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-URLEncoded",
            "application/x-www-form-urlencoded; charset=UTF-8",
            "application/x-www-form-urlencoded;charset=\"utf-8\"",
            "application/x-www-form-urlencoded;",
        ] {
            assert!(is_form(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/json, application/x-www-form-urlencoded",
        ] {
            assert!(!is_form(bad), "{bad}");
        }
    }
}
