//! One client on one connection, in a closed loop: it sends the next request when it has the answer to the last one.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::connection::{Answer, Connection};
use crate::workload::{CLIENT, REDIRECT_URI, SCOPE, SECRET, Workload};

/// A verifier of the grammar of RFC 7636 §4.1. Every flow may use the same: servers cannot tell.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Where the servers differ, seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The cookies of a person who is signed in, where a server asks for that.
    pub(crate) cookies: Option<String>,
}

/// Whether the unit that is counted is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// One more request belongs to it.
    Midway,
    Complete,
}

pub(crate) struct Line {
    connection: Connection,
    script: Script,
}

enum Script {
    /// The same kind of request again and again, each of these in its turn.
    Repeat { requests: Vec<Vec<u8>>, next: usize },
    /// A refresh token that each answer replaces.
    Rotate { basic: String, refresh_token: String },
    /// An authorization request, then the redemption of its code.
    Code {
        authorize: Vec<u8>,
        basic: String,
        code: Option<String>,
        /// Of the last redemption.
        refresh_token: String,
    },
}

impl Line {
    /// A client of that workload. `tokens` are the access tokens that it presents in turn, for workloads that present any.
    pub(crate) fn open(workload: Workload, target: &Target, tokens: &[String]) -> Result<Self, String> {
        let connection = Connection::open(target.address)?;
        let script = match workload {
            Workload::Issue => {
                let body = format!("grant_type=client_credentials&scope={}", SCOPE.replace(' ', "+"));
                Script::repeat([post("/token", &basic(), &body)])
            }
            Workload::Resource => Script::repeat(tokens.iter().map(|token| {
                format!("GET /resource HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
                    .into_bytes()
            })),
            Workload::Introspection => Script::repeat(
                tokens
                    .iter()
                    .map(|token| post("/introspect", &basic(), &format!("token={token}"))),
            ),
            Workload::Code | Workload::Rotation => Script::Code {
                authorize: authorization_request(target),
                basic: basic(),
                code: None,
                refresh_token: String::new(),
            },
        };
        let mut line = Self { connection, script };
        if workload == Workload::Rotation {
            // The first refresh token comes from a sign-in.
            while line.exchange()? == Progress::Midway {}
            if let Script::Code {
                basic, refresh_token, ..
            } = line.script
            {
                line.script = Script::Rotate { basic, refresh_token };
            }
        }
        Ok(line)
    }

    fn exchange(&mut self) -> Result<Progress, String> {
        self.send()?;
        self.receive()
    }

    /// Sends the next request.
    pub(crate) fn send(&mut self) -> Result<(), String> {
        match &mut self.script {
            Script::Repeat { requests, next } => {
                let request = &requests[*next];
                *next = (*next + 1) % requests.len();
                self.connection.send(request)
            }
            Script::Rotate { basic, refresh_token } => {
                let body = format!("grant_type=refresh_token&refresh_token={refresh_token}");
                self.connection.send(&post("/token", basic, &body))
            }
            Script::Code {
                authorize, basic, code, ..
            } => match code {
                None => self.connection.send(authorize),
                Some(code) => {
                    let uri = encoded(REDIRECT_URI);
                    let body = format!(
                        "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
                    );
                    self.connection.send(&post("/token", basic, &body))
                }
            },
        }
    }

    /// Waits for the answer, and takes from it what the next request needs.
    pub(crate) fn receive(&mut self) -> Result<Progress, String> {
        let answer = self.connection.receive()?;
        match &mut self.script {
            Script::Repeat { .. } => expect(&answer, 200)?,
            Script::Rotate { refresh_token, .. } => {
                expect(&answer, 200)?;
                *refresh_token = token(&answer, "refresh_token")?;
            }
            Script::Code {
                code, refresh_token, ..
            } if code.is_some() => {
                expect(&answer, 200)?;
                *code = None;
                *refresh_token = token(&answer, "refresh_token")?;
            }
            Script::Code { code, .. } => {
                expect(&answer, 303)?;
                *code = Some(code_of(&answer)?);
                return Ok(Progress::Midway);
            }
        }
        Ok(Progress::Complete)
    }
}

impl Script {
    fn repeat(requests: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::Repeat {
            requests: requests.into_iter().collect(),
            next: 0,
        }
    }
}

/// As many access tokens as asked for, fresh from the server.
pub(crate) fn access_tokens(target: &Target, count: usize) -> Result<Vec<String>, String> {
    let mut line = Line::open(Workload::Issue, target, &[])?;
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        line.send()?;
        let answer = line.connection.receive()?;
        expect(&answer, 200)?;
        tokens.push(token(&answer, "access_token")?);
    }
    Ok(tokens)
}

fn expect(answer: &Answer<'_>, status: u16) -> Result<(), String> {
    if answer.status == status && !answer.body.contains("\"active\":false") {
        Ok(())
    } else {
        Err(format!("{status} was expected, not {}: {}", answer.status, answer.body))
    }
}

fn token(answer: &Answer<'_>, name: &str) -> Result<String, String> {
    let token = answer.member(name);
    token
        .map(str::to_owned)
        .ok_or_else(|| format!("an answer has no {name}"))
}

fn code_of(answer: &Answer<'_>) -> Result<String, String> {
    let location = answer.header("location").ok_or("a redirect goes nowhere")?;
    let query = location.split_once('?').map_or("", |(_, query)| query);
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    code.map(str::to_owned)
        .ok_or_else(|| format!("a redirect carries no code: {location}"))
}

fn basic() -> String {
    STANDARD.encode(format!("{CLIENT}:{SECRET}"))
}

fn post(path: &str, basic: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The authorization request of every flow, sent by whoever the target's cookies say.
pub(crate) fn authorization_request(target: &Target) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
    let query = format!(
        "response_type=code&client_id={CLIENT}&redirect_uri={}&scope={}&state=af0ifjsldkj&code_challenge={challenge}&code_challenge_method=S256",
        encoded(REDIRECT_URI),
        encoded(SCOPE)
    );
    let mut request = format!("GET /authorize?{query} HTTP/1.1\r\nhost: localhost\r\n");
    if let Some(cookies) = &target.cookies {
        // Writing to a string does not fail.
        let _ = write!(request, "cookie: {cookies}\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// Text as it stands in a form or a query.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
