//! The pages of `oauthd demo`: what the server is, and a client that shows all it gets.

use std::fmt;

use askama::Template;
use oauth_server::Timestamp;

use super::{Forms, Page};

/// The first page of a demo server.
#[derive(Template)]
#[template(path = "demo_index.html")]
pub struct DemoIndex<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// The issuer.
    pub issuer: &'a str,
    /// The path of the demo client.
    pub demo: &'a str,
    /// The path of the account page.
    pub account: &'a str,
    /// The path of the metadata document.
    pub metadata: &'a str,
    /// Who can sign in.
    pub users: &'a [DemoUser<'a>],
    /// The endpoints that are mounted.
    pub endpoints: &'a [EndpointLine<'a>],
}

/// A made-up person whose password everybody may know.
#[derive(Clone, Copy)]
pub struct DemoUser<'a> {
    /// The username.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// One endpoint in the list of them.
#[derive(Clone, Copy)]
pub struct EndpointLine<'a> {
    /// What it is for.
    pub words: &'a str,
    /// Its path.
    pub path: &'a str,
}

impl DemoIndex<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::Stay)
    }
}

/// The demo client's first page: one button that begins an authorization code flow with PKCE.
#[derive(Template)]
#[template(path = "demo_start.html")]
pub struct DemoStart<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// Whom to sign in as.
    pub user: Option<DemoUser<'a>>,
}

impl DemoStart<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::LeadOn)
    }
}

/// The demo client's result: the tokens, what the server says of them, and what they open.
#[derive(Template)]
#[template(path = "demo_tokens.html")]
pub struct DemoTokens<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// Whether the tokens still work.
    pub standing: Standing,
    /// What the button that was pressed did.
    pub news: Option<News>,
    /// The access token. A demo shows it; nothing else ever should.
    pub access_token: &'a str,
    /// The refresh token, if one was given.
    pub refresh_token: Option<&'a str>,
    /// When the access token expires.
    pub expires: Timestamp,
    /// The scope that was granted.
    pub scope: &'a str,
    /// What was asked of the server with the tokens and what it answered: introspection, a protected resource.
    pub exchanges: &'a [Exchange<'a>],
    /// The path of the account page.
    pub account: &'a str,
    /// Where the form goes that refreshes.
    pub refresh: &'a str,
    /// Where the form goes that revokes.
    pub revoke: &'a str,
    /// Where the form goes that starts again.
    pub restart: &'a str,
}

impl DemoTokens<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::LeadOn)
    }
}

/// A request and its answer, as the demo shows them.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// What it is: "Introspection".
    pub heading: &'a str,
    /// What it is for.
    pub words: &'a str,
    /// The request line: `POST /introspect`.
    pub request: &'a str,
    /// The status of the answer: `200 OK`.
    pub status: &'a str,
    /// The body of the answer, laid out for reading.
    pub body: &'a str,
}

impl<'a> Exchange<'a> {
    /// What the server says of the access token (RFC 7662).
    pub const fn introspection(status: &'a str, body: &'a str) -> Self {
        Self {
            heading: "What the server says of the token",
            words: "Introspection (RFC 7662): an API asks whether a token is good, and for what.",
            request: "POST /introspect",
            status,
            body,
        }
    }

    /// What a protected resource answers to the access token (RFC 6750).
    pub const fn resource(status: &'a str, body: &'a str) -> Self {
        Self {
            heading: "What an API answers to it",
            words: "A protected resource, called with the access token as a bearer token (RFC 6750).",
            request: "GET /demo/resource",
            status,
            body,
        }
    }
}

/// Whether the tokens on the demo's result page still work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Live,
    /// They were revoked, or have expired.
    Ended,
}

impl Standing {
    const fn heading(self) -> &'static str {
        match self {
            Self::Live => "You are signed in",
            Self::Ended => "The tokens have ended",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Live => {
                "The code was traded for these tokens. An application would keep them to itself; a demo may show them."
            }
            Self::Ended => "These tokens open nothing any more.",
        }
    }

    const fn badge(self) -> &'static str {
        match self {
            Self::Live => "Active",
            Self::Ended => "Not active",
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::Live => "good",
            Self::Ended => "bad",
        }
    }
}

/// What a button of the demo's result page did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// The tokens were traded for new ones.
    Refreshed,
    /// The tokens were revoked.
    Revoked,
    /// The server did not take the refresh token.
    RefreshRefused,
}

impl News {
    const fn tone(self) -> &'static str {
        match self {
            Self::Refreshed | Self::Revoked => "good",
            Self::RefreshRefused => "bad",
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refreshed => "Refreshed: the refresh token was traded for the tokens below.",
            Self::Revoked => "Revoked: the authorization has ended, and every token of it with it.",
            Self::RefreshRefused => "The server did not take the refresh token, so there are no new tokens.",
        })
    }
}

/// The demo client's page for an authorization response without a code (RFC 6749 §4.1.2.1).
#[derive(Template)]
#[template(path = "demo_refused.html")]
pub struct DemoRefused<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// `error` of the response.
    pub code: &'a str,
    /// `error_description` of the response.
    pub description: Option<&'a str>,
    /// Where the form goes that starts again.
    pub restart: &'a str,
}

impl DemoRefused<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::LeadOn)
    }
}
