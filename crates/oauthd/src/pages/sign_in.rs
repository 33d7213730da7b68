//! The page on which a person signs in.

use std::fmt;
use std::time::Duration;

use askama::Template;

use super::wait::TooManyAttempts;
use super::{Forms, Page, Requester};

/// The sign-in page: a form with `username`, `password`, `csrf` and `continue`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// What to go on with once signed in; comes back as `continue`.
    pub resume: &'a str,
    /// What was typed before, if this is not the first attempt.
    pub username: &'a str,
    /// The client on whose behalf this is asked; `None` when the person came on their own.
    pub client: Option<Requester<'a>>,
    /// Why the attempt before did not succeed.
    pub refusal: Option<Refusal>,
}

impl SignIn<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::LeadOn)
    }
}

/// Why a sign-in did not succeed, as far as the person may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The one message for an unknown name, a wrong password and a disabled account alike.
    WrongCredentials,
    /// Too many attempts; when the next one counts.
    TooManyAttempts {
        /// How long to wait.
        wait: Duration,
    },
    /// The form was older than its session, or came from another browser.
    Stale,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCredentials => f.write_str("That username and password do not match. Check both and try again."),
            Self::TooManyAttempts { wait } => TooManyAttempts(*wait).fmt(f),
            Self::Stale => f.write_str("This page was open for too long. Sign in once more."),
        }
    }
}
