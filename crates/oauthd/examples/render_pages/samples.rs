//! Every page with everyday values and with hostile ones, for the example to write and for the tests to judge.

use std::time::Duration;

use oauth_server::Timestamp;
use oauthd::pages::{
    Account, Authorization, Consent, DemoIndex, DemoRefused, DemoStart, DemoTokens, DemoUser, DeviceDone, DeviceEntry,
    DeviceOutcome, DeviceRefusal, EndpointLine, Exchange, Failure, Link, News, Outcome, Page, Permission, Refusal,
    Requester, SignIn, Standing, Trouble,
};

const SITE: &str = "auth.example.com";
pub(crate) const CSRF: &str = "IqTz2rWQmJcT4w";
pub(crate) const RESUME: &str = "9f86d081884c7d65";
const WEB: Requester<'_> = Requester {
    name: "Photo Albums",
    redirect_uri: Some("https://albums.example/callback"),
};
const CLI: Requester<'_> = Requester {
    name: "Demo command line",
    redirect_uri: Some("http://127.0.0.1:9000/callback"),
};
const APP: Requester<'_> = Requester {
    name: "Field Notes",
    redirect_uri: Some("com.example.notes:/callback"),
};
pub(crate) const TV: Requester<'_> = Requester {
    name: "Living room TV",
    redirect_uri: None,
};
const ALICE: DemoUser<'_> = DemoUser {
    username: "alice",
    password: "correct horse battery staple",
};

/// A name that tries to run, to leave its attribute or element, to turn the text around it, and to fill the page.
pub(crate) fn hostile_name() -> String {
    let name = format!(
        "\u{202e}<script>alert(1)</script> & \"friends\" onload='x' </title></style>--> {}",
        "Wide".repeat(110)
    );
    assert!(name.chars().count() >= 500);
    name
}

fn sign_in(client: Option<Requester<'_>>, username: &str, refusal: Option<Refusal>) -> Page {
    SignIn {
        site: SITE,
        action: "/sign-in",
        csrf: CSRF,
        resume: RESUME,
        username,
        client,
        refusal,
    }
    .render()
}

fn consent(client: Requester<'_>, user_code: Option<&str>, scope: &[&str]) -> Page {
    let permissions: Vec<_> = scope.iter().map(|token| Permission::of(token)).collect();
    Consent {
        site: SITE,
        action: "/authorize/decision",
        csrf: CSRF,
        resume: RESUME,
        client,
        user_code,
        permissions: &permissions,
        username: "alice",
        switch_account: Some("/sign-out"),
    }
    .render()
}

fn device(user_code: Option<&str>, refusal: Option<DeviceRefusal>) -> Page {
    DeviceEntry {
        site: SITE,
        action: "/device",
        csrf: CSRF,
        user_code,
        refusal,
    }
    .render()
}

fn device_done(client: Requester<'_>, outcome: DeviceOutcome) -> Page {
    DeviceDone {
        site: SITE,
        client,
        outcome,
        account: "/account",
    }
    .render()
}

fn failure(trouble: Trouble, code: Option<&str>, detail: Option<&str>) -> Page {
    let back = (trouble == Trouble::NotFound).then_some(Link {
        href: "/account",
        words: "Your account",
    });
    Failure {
        site: SITE,
        trouble,
        code,
        detail,
        reference: Some("req-7Kq2vN"),
        back,
    }
    .render()
}

fn account(authorizations: &[Authorization<'_>], outcome: Option<Outcome>) -> Page {
    Account {
        site: SITE,
        username: "alice",
        csrf: CSRF,
        authorizations,
        revoke: "/account/revoke",
        sign_out: "/sign-out",
        outcome,
    }
    .render()
}

fn tokens(standing: Standing, news: Option<News>) -> Page {
    let (introspection, resource) = match standing {
        Standing::Live => (
            Exchange::introspection(
                "200 OK",
                "{\n  \"active\": true,\n  \"scope\": \"read write\",\n  \"client_id\": \"demo-page\",\n  \"sub\": \"alice\",\n  \"exp\": 1772895909,\n  \"iss\": \"http://127.0.0.1:8080\"\n}",
            ),
            Exchange::resource(
                "200 OK",
                "{\n  \"message\": \"Hello, alice. This token may: read write.\"\n}",
            ),
        ),
        Standing::Ended => (
            Exchange::introspection("200 OK", "{\n  \"active\": false\n}"),
            Exchange::resource("401 Unauthorized", "WWW-Authenticate: Bearer error=\"invalid_token\""),
        ),
    };
    DemoTokens {
        site: "127.0.0.1:8080",
        csrf: CSRF,
        standing,
        news,
        access_token: "at_4nKQk1m2T0s9mXlq7yV3cJ8dWbE5hGzRuPfAoYxNtLk",
        refresh_token: Some("rt_Zx81mQeUoP0aLrT4vW6yBnC2dFgHjKsIqXwEuRtYhNm"),
        expires: Timestamp::from_secs(1_772_895_909),
        scope: "read write",
        exchanges: &[introspection, resource],
        account: "/account",
        refresh: "/demo/refresh",
        revoke: "/demo/revoke",
        restart: "/demo/start",
    }
    .render()
}

/// Every page in each of its states.
pub(crate) fn everyday() -> Vec<(&'static str, Page)> {
    let (since, expires) = (Timestamp::from_secs(1_772_892_309), Timestamp::from_secs(1_780_668_309));
    let both = [Permission::of("read"), Permission::of("write")];
    let own = [Permission::of("profile"), Permission::of("urn:example:printing")];
    let granted = [
        Authorization {
            id: "a1",
            client: WEB,
            permissions: &both,
            since,
            expires: Some(expires),
        },
        Authorization {
            id: "a2",
            client: CLI,
            permissions: &own,
            since,
            expires: None,
        },
        Authorization {
            id: "a3",
            client: TV,
            permissions: &[],
            since,
            expires: Some(expires),
        },
    ];
    let wait = Duration::from_secs(40);
    vec![
        ("sign-in", sign_in(Some(WEB), "", None)),
        ("sign-in-account", sign_in(None, "", None)),
        (
            "sign-in-wrong",
            sign_in(Some(WEB), "alice", Some(Refusal::WrongCredentials)),
        ),
        (
            "sign-in-too-many",
            sign_in(Some(CLI), "alice", Some(Refusal::TooManyAttempts { wait })),
        ),
        ("consent", consent(WEB, None, &["profile", "read", "write"])),
        ("consent-loopback", consent(CLI, None, &["read"])),
        ("consent-app", consent(APP, None, &[])),
        ("device", device(None, None)),
        ("device-prefilled", device(Some("WDJB-MJHT"), None)),
        (
            "device-unknown",
            device(Some("wdjb mjht"), Some(DeviceRefusal::UnknownCode)),
        ),
        (
            "device-too-many",
            device(None, Some(DeviceRefusal::TooManyAttempts { wait })),
        ),
        ("device-sign-in", sign_in(Some(TV), "", None)),
        ("device-consent", consent(TV, Some("WDJBMJHT"), &["profile", "read"])),
        ("device-done", device_done(TV, DeviceOutcome::Approved)),
        ("device-denied", device_done(TV, DeviceOutcome::Denied)),
        (
            "error-redirect",
            failure(
                Trouble::UntrustedRedirect,
                Some("invalid_request"),
                Some("the redirect URI is not registered for this client"),
            ),
        ),
        (
            "error-client",
            failure(Trouble::UnknownClient, Some("invalid_client"), None),
        ),
        ("error-not-found", failure(Trouble::NotFound, None, None)),
        (
            "error-unavailable",
            failure(Trouble::Unavailable, Some("server_error"), None),
        ),
        ("account", account(&granted, None)),
        ("account-revoked", account(&granted[..1], Some(Outcome::AccessRevoked))),
        ("account-empty", account(&[], None)),
        ("demo-index", index()),
        (
            "demo-start",
            DemoStart {
                site: "127.0.0.1:8080",
                action: "/demo/start",
                csrf: CSRF,
                user: Some(ALICE),
            }
            .render(),
        ),
        ("demo-tokens", tokens(Standing::Live, None)),
        ("demo-refreshed", tokens(Standing::Live, Some(News::Refreshed))),
        ("demo-revoked", tokens(Standing::Ended, Some(News::Revoked))),
        ("demo-refused", refused("access_denied", None)),
        (
            "demo-refused-error",
            refused("invalid_scope", Some("the scope is beyond what is registered")),
        ),
    ]
}

fn refused(code: &str, description: Option<&str>) -> Page {
    DemoRefused {
        site: "127.0.0.1:8080",
        csrf: CSRF,
        code,
        description,
        restart: "/demo/start",
    }
    .render()
}

fn index() -> Page {
    DemoIndex {
        site: "127.0.0.1:8080",
        issuer: "http://127.0.0.1:8080",
        demo: "/demo",
        account: "/account",
        metadata: "/.well-known/oauth-authorization-server",
        users: &[ALICE],
        endpoints: &[
            EndpointLine {
                words: "Authorization",
                path: "/authorize",
            },
            EndpointLine {
                words: "Token",
                path: "/token",
            },
            EndpointLine {
                words: "Revocation",
                path: "/revoke",
            },
            EndpointLine {
                words: "Introspection",
                path: "/introspect",
            },
        ],
    }
    .render()
}

/// The pages on which something can be shown that others wrote, with `name` in all such places.
pub(crate) fn with_hostile_values(name: &str) -> Vec<(&'static str, Page)> {
    let client = Requester {
        name,
        redirect_uri: Some("https://a-very-long-subdomain-that-does-not-end.of-a-host.example:8443/x"),
    };
    let permissions = [
        Permission {
            token: name,
            words: None,
        },
        Permission::described(name, name),
    ];
    let granted = [Authorization {
        id: name,
        client,
        permissions: &permissions,
        since: Timestamp::MAX,
        expires: Some(Timestamp::MAX),
    }];
    vec![
        (
            "hostile-sign-in",
            sign_in(Some(client), name, Some(Refusal::WrongCredentials)),
        ),
        ("hostile-consent", consent(client, None, &["read", name])),
        ("hostile-device", device(Some(name), Some(DeviceRefusal::UnknownCode))),
        (
            "hostile-device-consent",
            consent(
                Requester {
                    name,
                    redirect_uri: None,
                },
                Some(name),
                &["read", name],
            ),
        ),
        ("hostile-device-done", device_done(client, DeviceOutcome::Approved)),
        ("hostile-device-denied", device_done(client, DeviceOutcome::Denied)),
        ("hostile-error", failure(Trouble::BadRequest, Some(name), Some(name))),
        ("hostile-account", account(&granted, None)),
        ("hostile-tokens", hostile_tokens(name)),
        ("hostile-refused", refused(name, Some(name))),
    ]
}

fn hostile_tokens(text: &str) -> Page {
    DemoTokens {
        site: text,
        csrf: text,
        standing: Standing::Live,
        news: Some(News::RefreshRefused),
        access_token: text,
        refresh_token: Some(text),
        expires: Timestamp::MAX,
        scope: text,
        exchanges: &[Exchange::introspection(text, text)],
        account: "/account",
        refresh: "/demo/refresh",
        revoke: "/demo/revoke",
        restart: "/demo/start",
    }
    .render()
}
