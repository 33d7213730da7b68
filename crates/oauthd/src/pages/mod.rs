//! The pages that people see: sign in, consent, a device's code, account, errors, and the demo.
//!
//! A page is made from a small view of what it shows and knows nothing of HTTP: [`SignIn`], [`Consent`],
//! [`DeviceEntry`], [`DeviceDone`], [`Failure`], [`Account`], [`DemoIndex`], [`DemoStart`], [`DemoTokens`],
//! [`DemoRefused`]. Each renders into a [`Page`], which brings the headers that it has to be sent with.
//!
//! Whatever a view holds is escaped, wherever it came from. Pages have no script, load nothing, and work in
//! any browser; their one stylesheet stands inside them and the policy allows exactly that one.

mod account;
mod consent;
pub(crate) mod date;
mod demo;
mod device_done;
mod device_entry;
mod failure;
mod requester;
mod sign_in;
pub(crate) mod style;
pub(crate) mod user_code;
mod wait;

pub use account::{Account, Authorization, Outcome};
pub use consent::{Consent, Permission};
pub use demo::{DemoIndex, DemoRefused, DemoStart, DemoTokens, DemoUser, EndpointLine, Exchange, News, Standing};
pub use device_done::{DeviceDone, DeviceOutcome};
pub use device_entry::{DeviceEntry, DeviceRefusal};
pub use failure::{Failure, Link, Trouble};
pub use requester::{Place, Requester};
pub use sign_in::{Refusal, SignIn};

/// The names and values of form fields: programs that fill in these pages rely on them.
pub mod field {
    /// Who signs in.
    pub const USERNAME: &str = "username";
    /// What they prove it with.
    pub const PASSWORD: &str = "password";
    /// The code that a device shows (RFC 8628); case, dashes and spaces are as the person typed them.
    pub const USER_CODE: &str = "user_code";
    /// The token that binds a form to the browser's session; every form has it.
    pub const CSRF: &str = "csrf";
    /// What to go on with when the form is done: a path, or the handle of a parked request.
    pub const CONTINUE: &str = "continue";
    /// The buttons of the consent page.
    pub const DECISION: &str = "decision";
    /// The value of [`DECISION`] that allows.
    pub const APPROVE: &str = "approve";
    /// The value of [`DECISION`] that refuses.
    pub const DENY: &str = "deny";
    /// Which authorization the account page revokes.
    pub const AUTHORIZATION: &str = "authorization";
}

/// A rendered page and the headers that belong to it.
#[derive(Clone)]
pub struct Page {
    html: String,
    forms: Forms,
}

/// Where the answer to a page's forms can lead a browser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    /// Back to this server, whatever happens.
    Stay,
    /// Through this server to a client.
    LeadOn,
}

impl Page {
    fn of(template: &impl askama::Template, forms: Forms) -> Self {
        // Rendering fails only where a value's `Display` does, and none on these pages can.
        let html = template
            .render()
            .unwrap_or_else(|error| format!("This page could not be rendered: {error}"));
        Self { html, forms }
    }

    /// The document.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The document, for the body of an answer.
    pub fn into_html(self) -> String {
        self.html
    }

    /// The headers that the page is sent with, names in lower case.
    ///
    /// No frame may hold it (clickjacking, RFC 9700 §4.16), no cache may keep it, and no later request may
    /// tell in its `Referer` where the browser has been (RFC 9700 §4.2.4).
    ///
    /// Under `no-referrer` browsers send `Origin: null` with these forms; a server that checks `Origin` has
    /// to know. The `csrf` field is what tells own forms from foreign ones.
    pub fn headers(&self) -> [(&'static str, &'static str); 6] {
        [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", style::policy(self.forms)),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ]
    }
}

/// The letter that stands for a name in its badge: the first that is a letter or digit, so that no
/// invisible or direction-changing character can take its place.
pub(crate) fn monogram(name: &str) -> char {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .and_then(|c| c.to_uppercase().next())
        .unwrap_or('•')
}

#[cfg(test)]
mod tests {
    use super::monogram;

    #[test]
    fn a_monogram_is_the_first_letter_that_can_be_seen() {
        assert_eq!(monogram("demo"), 'D');
        assert_eq!(monogram("\u{202e}\u{200b} <élan"), 'É');
        assert_eq!(monogram("\u{202e}<!>"), '•');
        assert_eq!(monogram(""), '•');
    }
}
