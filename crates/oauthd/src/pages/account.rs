//! The page that shows a person what they have granted.

use std::fmt;

use askama::Template;
use oauth_server::Timestamp;

use super::{Forms, Page, Permission, Requester};

/// The account page: every authorization with a button that revokes it, and one that signs out.
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Who is signed in.
    pub username: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// What they have granted.
    pub authorizations: &'a [Authorization<'a>],
    /// Where the forms go that revoke an authorization, named in their field `authorization`.
    pub revoke: &'a str,
    /// Where the form goes that signs out.
    pub sign_out: &'a str,
    /// What was done just before.
    pub outcome: Option<Outcome>,
}

impl Account<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::Stay)
    }
}

/// One thing that a person has granted.
#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    /// Which one: comes back in the field `authorization`.
    pub id: &'a str,
    /// Who has it.
    pub client: Requester<'a>,
    /// What it allows.
    pub permissions: &'a [Permission<'a>],
    /// When it was granted.
    pub since: Timestamp,
    /// When it ends by itself; `None` if only the person can end it.
    pub expires: Option<Timestamp>,
}

/// What was done on the account page just before it is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// An authorization was revoked.
    AccessRevoked,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessRevoked => f.write_str("Access revoked. What the application was given no longer works."),
        }
    }
}
