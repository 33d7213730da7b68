//! The page after a person has decided about a device.

use askama::Template;

use super::{Forms, Page, Requester};

/// The page that ends a device's request in the browser: what was decided, and where to go on.
#[derive(Template)]
#[template(path = "device_done.html")]
pub struct DeviceDone<'a> {
    /// What people know this server by: the issuer's host.
    pub site: &'a str,
    /// Whose request it was; on another device, so with no redirect URI.
    pub client: Requester<'a>,
    /// What the person decided.
    pub outcome: DeviceOutcome,
    /// The path of the account page.
    pub account: &'a str,
}

impl DeviceDone<'_> {
    /// The page.
    pub fn render(&self) -> Page {
        Page::of(self, Forms::Stay)
    }
}

/// What a person decided about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceOutcome {
    /// The device gets its tokens.
    Approved,
    /// It gets nothing, and its code is spent.
    Denied,
}

impl DeviceOutcome {
    /// The page's heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Approved => "You can go back to your device",
            Self::Denied => "Access was denied",
        }
    }
}
