//! HTTP in and HTTP out, in process: requests as a client writes them, answers as it reads them.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use oauth_core::{AuthorizeError, Incoming, PeerAddr, Pending, Server};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A request being written; [`Call::serve`] sends it to a server.
///
/// A POST carries its parameters as a form, anything else as a query.
#[derive(Clone, Debug)]
#[must_use = "a call that is not served asks nobody"]
pub struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    pairs: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    peer: Option<IpAddr>,
}

impl Call {
    /// A request of that method.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            pairs: Vec::new(),
            body: None,
            peer: None,
        }
    }

    /// A GET request.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A POST request.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    /// The same request with one more parameter.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pairs.push((name.into(), value.into()));
        self
    }

    /// The same request with more parameters.
    pub fn all(mut self, pairs: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.pairs.extend(pairs.iter().map(own));
        self
    }

    /// The same request with that parameter replaced wherever it occurs, or added.
    pub fn set(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).with(name, value)
    }

    /// The same request without that parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.pairs.retain(|(own, _)| own != name);
        self
    }

    /// Its parameters.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The same request with a body of its own, in place of its parameters.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        if media_type.is_empty() {
            self
        } else {
            self.header("content-type", media_type)
        }
    }

    /// The same request with a form as its body, written as it stands.
    pub fn form(self, encoded: impl Into<Vec<u8>>) -> Self {
        self.body(FORM, encoded)
    }

    /// The same request with one more header.
    ///
    /// # Panics
    /// When it is no header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name);
        match (name, HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
                self
            }
            _ => panic!("that is no header"),
        }
    }

    /// The same request with HTTP Basic: both halves form-encoded, then joined (RFC 6749 §2.3.1).
    pub fn basic(self, id: &str, secret: &str) -> Self {
        let joined = format!("{}:{}", encoded(id), encoded(secret));
        self.header("authorization", format!("Basic {}", STANDARD.encode(joined)))
    }

    /// The same request with an access token (RFC 6750 §2.1).
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The same request, identifying the client as that one does.
    pub fn by(self, who: &Who) -> Self {
        match who.proof {
            Proof::Basic => self.basic(who.id, who.secret),
            Proof::Post => self.with("client_id", who.id).with("client_secret", who.secret),
            Proof::None => self.with("client_id", who.id),
        }
    }

    /// The same request from that address.
    pub fn from(mut self, peer: IpAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// The request as the `http` crate has it.
    ///
    /// # Panics
    /// When its target is no URI.
    pub fn request(&self) -> Request<Vec<u8>> {
        let in_body = self.method == Method::POST;
        let pairs: Vec<(&str, &str)> = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut target = self.target.clone();
        let mut headers = self.headers.clone();
        let body = match &self.body {
            Some(body) => body.clone(),
            None if in_body => {
                let form = HeaderValue::from_static(FORM);
                headers.entry(header::CONTENT_TYPE).or_insert(form);
                form_of(&pairs).into_bytes()
            }
            None => {
                if !pairs.is_empty() {
                    target.push(if target.contains('?') { '&' } else { '?' });
                    target.push_str(&form_of(&pairs));
                }
                Vec::new()
            }
        };
        let mut request = match Request::builder().method(&self.method).uri(target).body(body) {
            Ok(request) => request,
            Err(error) => panic!("that is no request: {error}"),
        };
        *request.headers_mut() = headers;
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(PeerAddr(peer));
        }
        request
    }

    /// Sends the request to a server and waits for the answer.
    ///
    /// # Panics
    /// When the server has no endpoint at that path.
    pub async fn serve(&self, server: &Server) -> Answer {
        let request = self.request();
        match server.serve(&Incoming::of(&request)).await {
            Some(response) => Answer(response),
            None => panic!("nothing is mounted at {}", self.target),
        }
    }

    /// Sends an authorization request to a server.
    ///
    /// # Errors
    /// As [`Server::authorize`].
    pub async fn authorize(&self, server: &Server) -> Result<Pending, AuthorizeError> {
        let request = self.request();
        server.authorize(&Incoming::of(&request)).await
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Who a client is and how it proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// Its identifier.
    pub id: &'static str,
    /// Its secret; empty if it has none.
    pub secret: &'static str,
    proof: Proof,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Basic,
    Post,
    None,
}

impl Who {
    /// A client with a secret that it sends by HTTP Basic.
    pub const fn basic(id: &'static str, secret: &'static str) -> Self {
        let proof = Proof::Basic;
        Self { id, secret, proof }
    }

    /// A client with a secret that it sends in the body.
    pub const fn post(id: &'static str, secret: &'static str) -> Self {
        let proof = Proof::Post;
        Self { id, secret, proof }
    }

    /// A client without a secret.
    pub const fn public(id: &'static str) -> Self {
        let proof = Proof::None;
        Self { id, secret: "", proof }
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer(Response<Vec<u8>>);

/// The tokens of an answer that grants (RFC 6749 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token, if there is one.
    pub refresh: Option<String>,
    /// What the access token allows.
    pub scope: String,
}

impl Tokens {
    /// The refresh token.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn refresh(&self) -> &str {
        match &self.refresh {
            Some(token) => token,
            None => panic!("there is no refresh token in the answer"),
        }
    }
}

impl Answer {
    /// An answer that came another way than by [`Call::serve`].
    pub const fn of(response: Response<Vec<u8>>) -> Self {
        Self(response)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The one header of that name, if it is there.
    ///
    /// # Panics
    /// When it is there more than once, or not text.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers().get_all(name).iter();
        let first = values.next();
        assert!(values.next().is_none(), "the header {name} occurs more than once");
        first.map(|value| match value.to_str() {
            Ok(text) => text,
            Err(error) => panic!("the header {name} is not text: {error}"),
        })
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.0.body())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        match serde_json::from_slice(self.0.body()) {
            Ok(value) => value,
            Err(error) => panic!("the body is not JSON: {error}"),
        }
    }

    /// A member of the body that is text.
    #[track_caller]
    pub fn member(&self, name: &str) -> Option<String> {
        self.json().get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// Insists on a good token answer, with all that RFC 6749 §5.1 asks of one.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn granted(&self) -> Tokens {
        assert_eq!(self.status(), 200, "{}", self.text());
        self.is_not_kept();
        let body = self.json();
        assert_eq!(body["token_type"], "Bearer", "{body}");
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        match text("access_token") {
            Some(access) => Tokens {
                access,
                refresh: text("refresh_token"),
                scope: text("scope").unwrap_or_default(),
            },
            None => panic!("there is no access token in {body}"),
        }
    }

    /// Insists on that status and that error, in the form that RFC 6749 §5.2 asks for.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Self {
        let told = (self.status(), self.member("error"));
        assert_eq!(told, (status, Some(code.to_owned())), "{}", self.text());
        self.is_not_kept();
        let body = self.json();
        for (name, value) in body.as_object().into_iter().flatten() {
            assert!(
                matches!(name.as_str(), "error" | "error_description"),
                "{name} in {body}"
            );
            let in_grammar = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
            assert!(
                value.as_str().is_some_and(|text| text.chars().all(in_grammar)),
                "{body}"
            );
        }
        let challenge = self.header("www-authenticate");
        assert_eq!(
            status == 401,
            challenge.is_some(),
            "401 and a challenge belong together: {self:?}"
        );
        self
    }

    /// Insists that no cache keeps it (RFC 6749 §5.1).
    ///
    /// # Panics
    /// When one may.
    #[track_caller]
    pub fn is_not_kept(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("pragma"), Some("no-cache"), "{self:?}");
    }
}

/// Where an authorization response sends the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// That URI.
    pub fn new(uri: impl Into<String>) -> Self {
        Self(uri.into())
    }

    /// The whole URI.
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// What stands before the query.
    pub fn base(&self) -> &str {
        self.0.split('?').next().unwrap_or_default()
    }

    /// The names and values of the query, decoded.
    ///
    /// # Panics
    /// When it is no query.
    pub fn params(&self) -> Vec<(String, String)> {
        let query = self.0.split_once('?').map_or("", |(_, query)| query);
        match oauth_core::Params::parse(query.as_bytes()) {
            Ok(params) => params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            Err(error) => panic!("{error}: {query}"),
        }
    }

    /// The one value of that name, if it is there.
    ///
    /// # Panics
    /// When it is there more than once.
    #[track_caller]
    pub fn param(&self, name: &str) -> Option<String> {
        let mut values = self.params().into_iter().filter(|(own, _)| own == name);
        let first = values.next();
        assert!(values.next().is_none(), "{name} occurs more than once in the response");
        first.map(|(_, value)| value)
    }
}

/// The code verifier of the example in RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Parameters as a form or query: only unreserved characters stay as they are.
pub fn form_of(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

/// A text, percent-encoded but for unreserved characters.
pub fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| {
            if unreserved(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
