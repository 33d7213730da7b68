//! The world of the tests: who is registered, and what clients and people do.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::browser::{Browser, Landing, Page};
use super::daemon::Daemon;
use super::http::{Answer, Http, encoded, parameter};

/// The people. `mallory` is disabled.
pub(crate) const USERS: &str = r#"
[[users]]
username = "alice"
password = "correct horse battery staple"
claims = { name = "Alice", email = "alice@example.com" }

[[users]]
username = "bob"
password = "bob's own long password"

[[users]]
username = "mallory"
password = "a password that would be right"
disabled = true
"#;

/// Alice's password.
pub(crate) const ALICE: &str = "correct horse battery staple";
/// Bob's password.
pub(crate) const BOB: &str = "bob's own long password";
/// The password of the disabled account.
pub(crate) const MALLORY: &str = "a password that would be right";

/// Secret of the client `web`.
pub(crate) const WEB: &str = "web-secret-0123456789-abcdefghij";
/// Secret of the client `machine`.
pub(crate) const MACHINE: &str = "machine-secret-0123456789-abcdef";
/// Secret of the resource server `api`.
pub(crate) const API: &str = "api-secret-0123456789-abcdefghij";
/// Secret of the first-party client `first`.
pub(crate) const FIRST: &str = "first-secret-0123456789-abcdefgh";
/// Secret of the client `other`.
pub(crate) const OTHER: &str = "other-secret-0123456789-abcdefgh";

/// The clients.
pub(crate) const CLIENTS: &str = r#"
[[clients]]
client_id = "web"
client_secret = "web-secret-0123456789-abcdefghij"
client_name = "A <b>web</b> & app"
redirect_uris = ["https://web.example/callback?a=1", "https://web.example/other"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "read write"

[[clients]]
client_id = "native"
client_name = "Native app"
token_endpoint_auth_method = "none"
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token"]
scope = "read write profile"

[[clients]]
client_id = "spa"
client_name = "Single-page app"
redirect_uris = ["https://spa.example/callback"]
grant_types = ["authorization_code", "refresh_token"]
skip_consent = true
scope = "read write"

[[clients]]
client_id = "pushy"
client_name = "Pushy native app"
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token"]
skip_consent = true
scope = "read"

[[clients]]
client_id = "first"
client_secret = "first-secret-0123456789-abcdefgh"
client_name = "First-party app"
redirect_uris = ["https://first.example/callback"]
grant_types = ["authorization_code", "refresh_token"]
skip_consent = true
scope = "read write"

[[clients]]
client_id = "machine"
client_secret = "machine-secret-0123456789-abcdef"
token_endpoint_auth_method = "client_secret_post"
grant_types = ["client_credentials"]
scope = "read"

[[clients]]
client_id = "other"
client_secret = "other-secret-0123456789-abcdefgh"
redirect_uris = ["https://other.example/callback"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "read"

[[clients]]
client_id = "api"
client_secret = "api-secret-0123456789-abcdefghij"
client_name = "Resource server"
grant_types = []
introspect = true
"#;

/// The value of `Authorization` for a client; both halves form-encoded (RFC 6749 §2.3.1).
pub(crate) fn basic(client: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode(client), encode(secret)))
    )
}

/// A code verifier and its challenge (RFC 7636 §4.2).
pub(crate) fn pkce(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// A verifier that is as good as any in a test.
pub(crate) const VERIFIER: &str = "a-code-verifier-of-forty-three-characters-or-more";

/// An authorization request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// `client_id`.
    pub(crate) client: &'static str,
    /// `redirect_uri`.
    pub(crate) redirect_uri: &'static str,
    /// `scope`.
    pub(crate) scope: &'static str,
}

/// What the client `web` asks for.
pub(crate) const WEB_REQUEST: Request = Request {
    client: "web",
    redirect_uri: "https://web.example/callback?a=1",
    scope: "read write",
};

/// What the client `native` asks for.
pub(crate) const NATIVE_REQUEST: Request = Request {
    client: "native",
    redirect_uri: "http://127.0.0.1:51004/callback",
    scope: "read write",
};

/// What the client `spa` asks for.
pub(crate) const SPA_REQUEST: Request = Request {
    client: "spa",
    redirect_uri: "https://spa.example/callback",
    scope: "read write",
};

/// What the client `first` asks for.
pub(crate) const FIRST_REQUEST: Request = Request {
    client: "first",
    redirect_uri: "https://first.example/callback",
    scope: "read write",
};

impl Request {
    /// Its parameters.
    pub(crate) fn pairs<'a>(&self, state: &'a str, challenge: &'a str) -> Vec<(&'static str, &'a str)>
    where
        'static: 'a,
    {
        vec![
            ("response_type", "code"),
            ("client_id", self.client),
            ("redirect_uri", self.redirect_uri),
            ("scope", self.scope),
            ("state", state),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
    }

    /// The path and query that begin it.
    pub(crate) fn path(&self, below: &str) -> String {
        let challenge = pkce(VERIFIER);
        format!("{below}/authorize?{}", encoded(&self.pairs("some-state", &challenge)))
    }
}

/// What the token endpoint gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// `access_token`.
    pub(crate) access: String,
    /// `refresh_token`, or nothing.
    pub(crate) refresh: String,
}

impl Tokens {
    /// Those in an answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self {
            access: answer.member("access_token").expect("an access token"),
            refresh: answer.member("refresh_token").unwrap_or_default(),
        }
    }
}

/// Signs in on the sign-in page, wherever that leads.
pub(crate) fn sign_in(browser: &mut Browser, page: &Page, username: &str, password: &str) -> Landing {
    let form = page.form("/sign-in").clone();
    browser.submit(&form, &[("username", username), ("password", password)])
}

/// Decides on the consent page, wherever that leads.
pub(crate) fn decide(browser: &mut Browser, page: &Page, decision: &str) -> Landing {
    let form = page.form("/consent").clone();
    browser.submit(&form, &[("decision", decision)])
}

impl Daemon {
    /// The path of the issuer.
    pub(crate) fn below(&self) -> &str {
        let rest = self.issuer.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }

    /// A browser in which that person is signed in.
    pub(crate) fn signed_in(&self, username: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let page = browser.open(&format!("{}/account", self.below())).page();
        let landing = sign_in(&mut browser, &page, username, password);
        assert_eq!(landing.page().heading(), "Your account");
        browser
    }

    /// Runs a request through the browser to its redirect URI, signing in as Alice and consenting where asked.
    pub(crate) fn authorize(&self, browser: &mut Browser, request: &Request) -> String {
        let mut landing = browser.open(&request.path(self.below()));
        for _ in 0..2 {
            landing = match landing {
                Landing::Elsewhere(uri) => return uri,
                Landing::Here(page) if page.forms.iter().any(|form| form.action.ends_with("/sign-in")) => {
                    sign_in(browser, &page, "alice", ALICE)
                }
                Landing::Here(page) => decide(browser, &page, "approve"),
            };
        }
        landing.elsewhere()
    }

    /// A code for a request.
    pub(crate) fn code(&self, browser: &mut Browser, request: &Request) -> String {
        let uri = self.authorize(browser, request);
        parameter(&uri, "code").expect("a code in the redirect URI")
    }

    /// Asks for tokens with that code.
    pub(crate) fn redeem(&self, code: &str, request: &Request) -> Answer {
        redeem(&self.http(), self.below(), code, request)
    }

    /// Tokens of a whole authorization code flow.
    pub(crate) fn tokens(&self, browser: &mut Browser, request: &Request) -> Tokens {
        let code = self.code(browser, request);
        Tokens::of(&self.redeem(&code, request))
    }

    /// What the resource server is told of a token.
    pub(crate) fn introspect(&self, token: &str) -> Value {
        let answer = introspection(&self.http(), self.below(), token);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Whether a token is good for anything.
    pub(crate) fn is_active(&self, token: &str) -> bool {
        let told = self.introspect(token);
        told["active"]
            .as_bool()
            .unwrap_or_else(|| panic!("no introspection answer: {told}"))
    }

    /// Refreshes as a client: `native` and `spa` without a secret, others with theirs.
    pub(crate) fn refresh(&self, refresh_token: &str, client: &'static str) -> Answer {
        refresh(&self.http(), self.below(), refresh_token, client)
    }
}

/// The secret of a client of this world; none for public ones.
pub(crate) fn secret_of(client: &str) -> Option<&'static str> {
    match client {
        "web" | "mailer" => Some(WEB),
        "machine" => Some(MACHINE),
        "api" => Some(API),
        "first" => Some(FIRST),
        "other" => Some(OTHER),
        _ => None,
    }
}

/// A form, authenticated as a client in its own way.
pub(crate) fn as_client(http: &Http, path: &str, client: &str, form: &[(&str, &str)]) -> Answer {
    let mut form = form.to_vec();
    match secret_of(client) {
        Some(secret) if client == "machine" => {
            form.extend([("client_id", client), ("client_secret", secret)]);
            http.post(path, &form)
        }
        Some(secret) => http.post_with(path, &[("authorization", &basic(client, secret))], &form),
        None => {
            form.push(("client_id", client));
            http.post(path, &form)
        }
    }
}

/// Redeems a code.
pub(crate) fn redeem(http: &Http, below: &str, code: &str, request: &Request) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", request.redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    as_client(http, &format!("{below}/token"), request.client, &form)
}

/// Refreshes.
pub(crate) fn refresh(http: &Http, below: &str, refresh_token: &str, client: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    as_client(http, &format!("{below}/token"), client, &form)
}

/// Introspects as the resource server.
pub(crate) fn introspection(http: &Http, below: &str, token: &str) -> Answer {
    as_client(http, &format!("{below}/introspect"), "api", &[("token", token)])
}

/// Revokes as a client.
pub(crate) fn revoke(http: &Http, below: &str, token: &str, client: &str) -> Answer {
    as_client(http, &format!("{below}/revoke"), client, &[("token", token)])
}
