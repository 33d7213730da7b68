//! The page on which a person allows or denies.

use askama::Template;

use super::{Forms, Page, Requester};

/// The consent page: who asks, for what, for which account, and two buttons named `decision`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// The handle of the parked request; comes back as `continue`.
    pub resume: &'a str,
    /// Who asks.
    pub client: Requester<'a>,
    /// The code of the device that is being approved, as the device shows it (RFC 8628 §5.4); `None` when
    /// there is no device.
    pub user_code: Option<&'a str>,
    /// What it would be able to do.
    pub permissions: &'a [Permission<'a>],
    /// The account it would be able to do it with.
    pub username: &'a str,
    /// Where the form goes that signs out and lets another account sign in; `None` for no such button.
    pub switch_account: Option<&'a str>,
}

impl Consent<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        // What a device's client gets, it fetches itself: its decision leads to no other server.
        let forms = match self.client.redirect_uri {
            Some(_) => Forms::LeadOn,
            None => Forms::Stay,
        };
        Page::of(self, forms)
    }
}

/// One scope token and what it means to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission<'a> {
    /// The token, as in the request.
    pub token: &'a str,
    /// What it allows, to be read after "It would be able to"; `None` shows the token alone.
    pub words: Option<&'a str>,
}

impl<'a> Permission<'a> {
    /// A scope token with the words that fit what it is commonly used for, if any do.
    pub fn of(token: &'a str) -> Self {
        let words = match token {
            "read" => Some("See your data"),
            "write" => Some("Add, change and delete your data"),
            "profile" => Some("See your name and profile"),
            "email" => Some("See your e-mail address"),
            "address" => Some("See your postal address"),
            "phone" => Some("See your phone number"),
            "openid" => Some("Know that it is you"),
            "offline_access" => Some("Keep its access while you are away"),
            _ => None,
        };
        Self { token, words }
    }

    /// A scope token with words of one's own.
    pub const fn described(token: &'a str, words: &'a str) -> Self {
        Self {
            token,
            words: Some(words),
        }
    }
}
