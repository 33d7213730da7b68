//! The page on which a person enters the code that a device shows (RFC 8628 §3.3).

use std::fmt;
use std::time::Duration;

use askama::Template;

use super::wait::TooManyAttempts;
use super::{Forms, Page};

/// The device page: a form with `user_code` and `csrf`, and words against codes that somebody else sent.
#[derive(Template)]
#[template(path = "device.html")]
pub struct DeviceEntry<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The session's CSRF token.
    pub csrf: &'a str,
    /// What the field holds at first: with no refusal, the code of a `verification_uri_complete`, which the page
    /// then asks to compare with the device (RFC 8628 §3.3.1 and §5.4); with one, what was typed before.
    pub user_code: Option<&'a str>,
    /// Why the attempt before did not succeed.
    pub refusal: Option<DeviceRefusal>,
}

impl DeviceEntry<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::Stay)
    }

    /// Whether the code came by a link, so that the person has not read it off the device.
    fn is_to_be_checked(&self) -> bool {
        self.user_code.is_some_and(|code| !code.is_empty()) && self.refusal.is_none()
    }
}

/// Why a code was not taken, as far as the person may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRefusal {
    /// The one message for a code that never was, one that has expired and one that was used alike.
    UnknownCode,
    /// Too many attempts; when the next one counts.
    TooManyAttempts {
        /// How long to wait.
        wait: Duration,
    },
}

impl fmt::Display for DeviceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCode => f.write_str(
                "That code is not known, has expired or was used. Compare it with the one on your device, or get a new one there.",
            ),
            Self::TooManyAttempts { wait } => TooManyAttempts(*wait).fmt(f),
        }
    }
}
