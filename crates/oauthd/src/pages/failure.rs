//! The page that says what went wrong.

use askama::Template;

use super::{Forms, Page};

/// The error page. It never links to a URI that the request brought: RFC 6749 §3.1.2.4.
#[derive(Template)]
#[template(path = "failure.html")]
pub struct Failure<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// What went wrong.
    pub trouble: Trouble,
    /// The OAuth error code, for whoever runs the client.
    pub code: Option<&'a str>,
    /// What a developer should know: the `error_description`.
    pub detail: Option<&'a str>,
    /// What finds the request in the log.
    pub reference: Option<&'a str>,
    /// Where the person can go from here, on this server.
    pub back: Option<Link<'a>>,
}

impl Failure<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::Stay)
    }
}

/// A link to a page of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The path; never anything a request brought.
    pub href: &'a str,
    /// What it says.
    pub words: &'a str,
}

/// What can go wrong, in a person's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// No such client, or it is disabled.
    UnknownClient,
    /// The redirect URI is not one of the client's, or none can be settled on.
    UntrustedRedirect,
    /// The request is malformed in another way.
    BadRequest,
    /// A form or sign-in is older than its session, was used before, or came from another browser.
    Stale,
    /// The request came from elsewhere, or the person may not do this.
    Forbidden,
    /// There is no such page.
    NotFound,
    /// Too many requests in a short time.
    TooManyRequests,
    /// The server cannot do its work at present.
    Unavailable,
}

impl Trouble {
    /// The page's heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::UnknownClient => "This application is not known here",
            Self::UntrustedRedirect => "This link cannot be trusted",
            Self::BadRequest => "This request does not make sense",
            Self::Stale => "This page is no longer valid",
            Self::Forbidden => "This is not allowed",
            Self::NotFound => "There is nothing here",
            Self::TooManyRequests => "That was too fast",
            Self::Unavailable => "This does not work at the moment",
        }
    }

    /// What happened.
    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownClient => {
                "The application that sent you here is not registered with this server, so you cannot sign in to it from here."
            }
            Self::UntrustedRedirect => {
                "The application that sent you here wants its answer at an address that it has not registered. So that nothing gets into the wrong hands, you were not sent on."
            }
            Self::BadRequest => {
                "The application that sent you here made a mistake in its request, and this server cannot answer it."
            }
            Self::Stale => "It was open for too long, was used already, or belongs to another browser window.",
            Self::Forbidden => "This server refused what was asked for. Nothing was changed.",
            Self::NotFound => "The address is not one of this server’s pages.",
            Self::TooManyRequests => "There were too many requests in a short time, and this one was not looked at.",
            Self::Unavailable => "Something went wrong on this server. It is not your fault, and nothing was changed.",
        }
    }

    /// What the person can do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownClient | Self::BadRequest => {
                "Go back to the application and start again. If this comes up once more, tell the people who run it."
            }
            Self::UntrustedRedirect => {
                "If you followed a link from a message or a web site that you do not know, close this page. Otherwise tell the people who run the application."
            }
            Self::Stale => "Go back to the application and start again.",
            Self::Forbidden => "If you did not start this yourself, you can close this page.",
            Self::NotFound => "Check the address, or go back to where you came from.",
            Self::TooManyRequests => "Wait a minute and try again.",
            Self::Unavailable => "Try again in a few minutes.",
        }
    }
}
