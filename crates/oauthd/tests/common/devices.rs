//! Devices without a browser, the people who connect them, and the clients that have not learnt anything since.

use super::browser::{Browser, Landing, Page};
use super::clients::{self, ALICE};
use super::daemon::{Config, Daemon};
use super::http::{Answer, Http};

/// The grant type of devices (RFC 8628 §3.4).
pub(crate) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device.
pub(crate) const TELEVISION: &str = r#"
[[clients]]
client_id = "tv"
client_name = "Television"
token_endpoint_auth_method = "none"
grant_types = ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]
scope = "read profile"
"#;

/// A client that wants passwords, and one that finds tokens in its address.
pub(crate) const LEGACY: &str = r#"
[[clients]]
client_id = "mailer"
client_secret = "web-secret-0123456789-abcdefghij"
client_name = "Mail program"
grant_types = ["password", "refresh_token"]
scope = "read write"

[[clients]]
client_id = "page"
client_name = "Page of long ago"
token_endpoint_auth_method = "none"
redirect_uris = ["https://page.example/callback"]
grant_types = ["implicit"]
response_types = ["token"]
scope = "read write"
"#;

impl Config {
    /// With the device grant, and the two that are only there when they are asked for.
    #[must_use]
    pub(crate) fn with_every_grant(mut self) -> Self {
        self.grants.extend([DEVICE, "password", "implicit"]);
        self.tokens.push_str("\ndevice_poll_interval = \"1s\"");
        self.clients.push_str(TELEVISION);
        self.clients.push_str(LEGACY);
        self
    }
}

/// What a device was told (RFC 8628 §3.2).
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    /// `device_code`.
    pub(crate) device: String,
    /// `user_code`.
    pub(crate) user: String,
    /// `verification_uri`.
    pub(crate) page: String,
    /// `verification_uri_complete`.
    pub(crate) complete: String,
}

impl Daemon {
    /// The television asks for codes.
    pub(crate) fn codes(&self) -> Codes {
        self.codes_for("read profile")
    }

    /// The same for that scope.
    pub(crate) fn codes_for(&self, scope: &str) -> Codes {
        let path = format!("{}/device_authorization", self.below());
        let answer = self.http().post(&path, &[("client_id", "tv"), ("scope", scope)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let member = |name: &str| answer.member(name).unwrap_or_else(|| panic!("no {name}"));
        Codes {
            device: member("device_code"),
            user: member("user_code"),
            page: member("verification_uri"),
            complete: member("verification_uri_complete"),
        }
    }

    /// The television asks whether somebody has decided.
    pub(crate) fn poll(&self, codes: &Codes) -> Answer {
        let form = [
            ("grant_type", DEVICE),
            ("client_id", "tv"),
            ("device_code", &codes.device),
        ];
        self.http().post(&format!("{}/token", self.below()), &form)
    }

    /// What the television is told instead of tokens.
    pub(crate) fn poll_error(&self, codes: &Codes) -> String {
        let answer = self.poll(codes);
        assert_eq!(answer.status, 400, "{}", answer.text());
        answer.error().expect("an error code")
    }
}

/// Types a code on the device page.
pub(crate) fn enter(browser: &mut Browser, codes: &Codes) -> Page {
    type_code(browser, &codes.page, &codes.user)
}

/// Types whatever on the device page.
pub(crate) fn type_code(browser: &mut Browser, uri: &str, typed: &str) -> Page {
    let page = browser.open(uri).page();
    browser.submit(page.form("/device"), &[("user_code", typed)]).page()
}

/// Does all that a person does from the device page to the last one, signing in as Alice where asked.
pub(crate) fn connect(browser: &mut Browser, uri: &str, code: &str, decision: &str) -> Page {
    let mut page = type_code(browser, uri, code);
    if page.forms.iter().any(|form| form.action.ends_with("/sign-in")) {
        page = clients::sign_in(browser, &page, "alice", ALICE).page();
    }
    match clients::decide(browser, &page, decision) {
        Landing::Here(page) => page,
        Landing::Elsewhere(uri) => panic!("a device has no redirect URI: {uri}"),
    }
}

/// The password grant as the client `mailer`.
pub(crate) fn with_password(http: &Http, below: &str, username: &str, password: &str) -> Answer {
    let form = [
        ("grant_type", "password"),
        ("username", username),
        ("password", password),
        ("scope", "read"),
    ];
    clients::as_client(http, &format!("{below}/token"), "mailer", &form)
}

/// Where the implicit grant of the client `page` begins.
pub(crate) fn implicit_path(below: &str) -> String {
    let parameters = [
        ("response_type", "token"),
        ("client_id", "page"),
        ("redirect_uri", "https://page.example/callback"),
        ("scope", "read"),
        ("state", "some-state"),
    ];
    format!("{below}/authorize?{}", super::encoded(&parameters))
}
