//! What a configuration allows that is weaker than RFC 9700 and OAuth 2.1 ask.
//!
//! What cannot be meant at all never comes here: it is refused when the configuration is read.

use std::time::Duration;

use oauth_server::{Client, GrantType};

use crate::config::{ConfiguredClient, Password, Pkce, Problem, RefreshRotation, SKIP_CONSENT, SecretForm, Settings};
use crate::config::{StoreUrl, in_words};

/// The fewest characters of a secret that nobody can guess: RFC 6749 §10.10 asks for 128 bits and better 160, which
/// are 32 hexadecimal digits and more.
const SHORTEST_SECRET: usize = 32;

/// The fewest characters of a password that a person may choose (NIST SP 800-63B §3.1.1).
const SHORTEST_PASSWORD: usize = 8;

/// The grants that issue refresh tokens.
const REFRESHED: [GrantType; 3] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::DEVICE_CODE,
    GrantType::PASSWORD,
];

const DAY: Duration = Duration::from_secs(86_400);

/// One weakness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, and what in words.
    pub problem: Problem,
    /// What asks for better.
    pub rule: &'static str,
}

/// Everything that is weaker than it should be, in the order of the settings; empty if nothing is.
pub fn review(settings: &Settings) -> Vec<Finding> {
    let mut review = Review {
        settings,
        findings: Vec::new(),
    };
    review.server();
    review.tokens();
    for (at, client) in settings.clients.iter().enumerate() {
        review.client(&format!("clients[{at}]"), client);
    }
    review.users();
    for problem in &settings.without_effect {
        review.findings.push(Finding {
            problem: problem.clone(),
            rule: "OpenID Connect Core 1.0",
        });
    }
    review.findings
}

struct Review<'s> {
    settings: &'s Settings,
    findings: Vec<Finding>,
}

impl Review<'_> {
    fn find(&mut self, key: impl Into<String>, rule: &'static str, message: impl Into<String>) {
        let problem = self.settings.finding(key, message);
        self.findings.push(Finding { problem, rule });
    }

    fn server(&mut self) {
        let settings = self.settings;
        let insecure = settings
            .issuer
            .as_ref()
            .is_some_and(|issuer| issuer.starts_with("http://"));
        if insecure {
            let why = "everything travels in the clear: good enough on one machine, not for production";
            self.find("issuer", "RFC 9700 §2.6", why);
            if !settings.listen.ip().is_loopback() {
                let why = "the issuer is http on this machine, but other machines can connect to this address";
                self.find("listen", "RFC 9700 §2.6", why);
            }
        }
        if settings.store == StoreUrl::Memory {
            let why = "everything that was issued is forgotten when the process ends, revocations too";
            self.find("store", "RFC 7009 §2", why);
        }
        for (at, grant) in settings.grants.iter().enumerate() {
            let key = format!("grants.enabled[{at}]");
            if *grant == GrantType::PASSWORD {
                let why = "clients that use it see people's passwords; use authorization_code, or the device grant";
                self.find(key, "RFC 9700 §2.4, OAuth 2.1 §10", why);
            } else if *grant == GrantType::IMPLICIT {
                let why = "access tokens leak from URIs and can be injected; use authorization_code with PKCE";
                self.find(key, "RFC 9700 §2.1.2, OAuth 2.1 §10", why);
            }
        }
        if settings.pkce == Pkce::Public && settings.mounts(&GrantType::AUTHORIZATION_CODE) {
            let why = "confidential clients may leave PKCE out, which opens them to code injection; set it to \"all\"";
            self.find("pkce.required", "RFC 9700 §2.1.1, OAuth 2.1 §4.1.1", why);
        }
        if settings.limits.failed_authentications_per_minute == 0 {
            let why = "secrets and passwords may be guessed without end";
            self.find("limits.failed_authentications_per_minute", "RFC 6749 §2.3.1", why);
        }
        if settings.limits.max_body > 1024 * 1024 {
            let why = "requests of more than 1 MiB have no use here and cost memory";
            self.find("limits.max_body", "RFC 6819 §4.4.1.11", why);
        }
    }

    fn tokens(&mut self) {
        let tokens = &self.settings.tokens;
        self.access_lifetime("tokens.access_token_lifetime", tokens.access_token_lifetime);
        if self.settings.mounts(&GrantType::AUTHORIZATION_CODE)
            && tokens.authorization_code_lifetime > Duration::from_secs(600)
        {
            let long = in_words(tokens.authorization_code_lifetime);
            self.find(
                "tokens.authorization_code_lifetime",
                "RFC 6749 §4.1.2",
                format!("{long} is long for a code that is used at once; ten minutes are the most, one is plenty"),
            );
        }
        if self.settings.mounts(&GrantType::DEVICE_CODE) && tokens.device_code_lifetime > Duration::from_secs(1800) {
            let long = in_words(tokens.device_code_lifetime);
            let why = format!("{long} give much time to guess a user code, or to talk somebody into entering one");
            self.find("tokens.device_code_lifetime", "RFC 8628 §5.1, §5.4", why);
        }
        if !self.settings.mounts(&GrantType::REFRESH_TOKEN) {
            return;
        }
        if tokens.refresh_token_rotation == RefreshRotation::Never {
            let why = "a stolen refresh token of a public client is never noticed; set it to \"public\" or \"always\"";
            self.find(
                "tokens.refresh_token_rotation",
                "RFC 9700 §4.14.2, OAuth 2.1 §4.3.1",
                why,
            );
        }
        if tokens.refresh_token_grace > Duration::from_secs(60) {
            let long = in_words(tokens.refresh_token_grace);
            let why = format!("for {long} after its use a stolen refresh token can be used again");
            self.find("tokens.refresh_token_grace", "RFC 9700 §4.14.2", why);
        }
        if tokens.refresh_token_lifetime > 90 * DAY {
            let long = in_words(tokens.refresh_token_lifetime);
            let why = format!("a refresh token that lay unused for {long} is still good");
            self.find("tokens.refresh_token_lifetime", "RFC 9700 §4.14.2", why);
        }
        if tokens.refresh_token_absolute_lifetime > 366 * DAY {
            let long = in_words(tokens.refresh_token_absolute_lifetime);
            let why = format!("for {long} nobody has to sign in again");
            self.find("tokens.refresh_token_absolute_lifetime", "RFC 9700 §4.14.2", why);
        }
    }

    fn access_lifetime(&mut self, key: &str, lifetime: Duration) {
        if lifetime > DAY {
            let long = in_words(lifetime);
            let why = format!("for {long} a stolen access token opens everything it is for; an hour is usual");
            self.find(key, "RFC 6750 §5.3, RFC 9700 §2.2", why);
        }
    }

    fn client(&mut self, key: &str, configured: &ConfiguredClient) {
        let client = &configured.client;
        match configured.secret {
            SecretForm::Plain { characters } if characters < SHORTEST_SECRET => self.find(
                format!("{key}.client_secret"),
                "RFC 6749 §10.10",
                format!(
                    "{characters} characters can be guessed, and stand here in plain text; use a generated secret \
                     of at least {SHORTEST_SECRET}, as client_secret_hash"
                ),
            ),
            SecretForm::Plain { .. } => self.find(
                format!("{key}.client_secret"),
                "RFC 6819 §5.1.4.1.3",
                "whoever can read this file has the secret; use client_secret_hash",
            ),
            SecretForm::Absent | SecretForm::Hashed => {}
        }
        for (at, uri) in client.redirect_uris.iter().enumerate() {
            if uri.starts_with("http://localhost") {
                let why = "`localhost` can be made to mean another machine; use 127.0.0.1 or [::1]";
                self.find(format!("{key}.redirect_uris[{at}]"), "RFC 8252 §8.3", why);
            }
        }
        if client.metadata::<bool>(SKIP_CONSENT) == Some(true)
            && !client.is_confidential()
            && anybody_can_listen(client)
        {
            let why = "it has no effect for loopback and private-use redirect URIs of a public client: any program \
                       on the device could be asking";
            self.find(format!("{key}.skip_consent"), "RFC 8252 §8.6", why);
        }
        if let Some(lifetime) = client.own_access_token_lifetime() {
            self.access_lifetime(&format!("{key}.access_token_lifetime"), lifetime);
        }
        self.grants_of(key, client);
    }

    fn grants_of(&mut self, key: &str, client: &Client) {
        for (at, grant) in client.grant_types.iter().enumerate() {
            let key = format!("{key}.grant_types[{at}]");
            if !self.settings.mounts(grant) {
                let why = format!("it has no effect: `{grant}` is not among the enabled grants");
                self.find(key, "RFC 6749 §5.2", why);
            } else if *grant == GrantType::REFRESH_TOKEN && !REFRESHED.iter().any(|other| client.may_use(other)) {
                let why = "it has no effect: no other grant of this client issues refresh tokens";
                self.find(key, "RFC 6749 §4.4.3", why);
            }
        }
    }

    fn users(&mut self) {
        for (at, user) in self.settings.users.iter().enumerate() {
            let Password::Plain(password) = &user.password else {
                continue;
            };
            let characters = password.expose().chars().count();
            let message = if characters < SHORTEST_PASSWORD {
                format!("{characters} characters can be guessed, and stand here in plain text; use password_hash")
            } else {
                "whoever can read this file has the password; use password_hash".to_owned()
            };
            self.find(format!("users[{at}].password"), "NIST SP 800-63B §3.1.1.2", message);
        }
    }
}

/// Whether any program on the person's device could receive what is sent to one of the redirect URIs.
fn anybody_can_listen(client: &Client) -> bool {
    client.redirect_uris.iter().any(|uri| !uri.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Purpose};

    /// The keys and lines of what is found in a configuration whose first lines are without fault.
    fn found(rest: &str) -> Vec<String> {
        let text = format!("issuer = \"https://auth.example\"\n{rest}");
        let settings = Settings::parse("oauthd.toml", &text, &Overrides::default(), Purpose::Serve).unwrap();
        review(&settings)
            .iter()
            .map(|finding| {
                assert!(!finding.rule.is_empty());
                let line = finding.problem.line().map_or(String::new(), |line| line.to_string());
                format!("{line} {}", finding.problem.key())
            })
            .collect()
    }

    #[test]
    fn the_defaults_are_not_weak() {
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn a_sound_client_and_a_sound_user_are_not_weak() {
        let hash = format!("sha256:{}", "x".repeat(43));
        let phc = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let text = format!(
            "[[clients]]\nclient_id = \"c\"\nclient_secret_hash = \"{hash}\"\nskip_consent = true\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://c.example/cb\"]\n\
             [[clients]]\nclient_id = \"app\"\nredirect_uris = [\"http://127.0.0.1/cb\", \"com.example.app:/cb\"]\n\
             [[users]]\nusername = \"alice\"\npassword_hash = \"{phc}\"\n"
        );
        assert_eq!(found(&text), [""; 0]);
    }

    #[test]
    fn each_weakness_is_found_with_its_line() {
        let client = "[[clients]]\nclient_id = \"c\"\n";
        let web = "grant_types = [\"authorization_code\"]\n";
        for (text, key) in [
            ("store = \"memory:\"".to_owned(), "2 store"),
            ("[pkce]\nrequired = \"public\"".to_owned(), "3 pkce.required"),
            (
                "[limits]\nfailed_authentications_per_minute = 0".to_owned(),
                "3 limits.failed_authentications_per_minute",
            ),
            ("[limits]\nmax_body = \"2MiB\"".to_owned(), "3 limits.max_body"),
            (
                "[tokens]\naccess_token_lifetime = \"25h\"".to_owned(),
                "3 tokens.access_token_lifetime",
            ),
            (
                "[tokens]\nauthorization_code_lifetime = \"11m\"".to_owned(),
                "3 tokens.authorization_code_lifetime",
            ),
            (
                "[tokens]\nrefresh_token_rotation = \"never\"".to_owned(),
                "3 tokens.refresh_token_rotation",
            ),
            (
                "[tokens]\nrefresh_token_grace = \"2m\"".to_owned(),
                "3 tokens.refresh_token_grace",
            ),
            (
                "[tokens]\nrefresh_token_absolute_lifetime = \"2y\"".to_owned(),
                "3 tokens.refresh_token_absolute_lifetime",
            ),
            (
                "[tokens]\nrefresh_token_absolute_lifetime = \"1y\"\nrefresh_token_lifetime = \"91d\"".to_owned(),
                "4 tokens.refresh_token_lifetime",
            ),
            (
                format!("{client}client_secret = \"short\""),
                "4 clients[0].client_secret",
            ),
            (
                format!("{client}client_secret = \"{}\"", "x".repeat(64)),
                "4 clients[0].client_secret",
            ),
            (
                format!("{client}{web}redirect_uris = [\"http://localhost:3000/cb\"]"),
                "5 clients[0].redirect_uris[0]",
            ),
            (
                format!("{client}{web}redirect_uris = [\"http://127.0.0.1/cb\"]\nskip_consent = true"),
                "6 clients[0].skip_consent",
            ),
            (
                format!("{client}{web}redirect_uris = [\"com.example.app:/cb\"]\nskip_consent = true"),
                "6 clients[0].skip_consent",
            ),
            (
                format!("{client}access_token_lifetime = \"30d\""),
                "4 clients[0].access_token_lifetime",
            ),
            (
                format!("{client}grant_types = [\"refresh_token\"]"),
                "4 clients[0].grant_types[0]",
            ),
            (
                format!(
                    "[grants]\nenabled = [\"client_credentials\"]\n{client}{web}redirect_uris = [\"https://c.example/cb\"]"
                ),
                "6 clients[0].grant_types[0]",
            ),
            (
                "[[users]]\nusername = \"a\"\npassword = \"short\"".to_owned(),
                "4 users[0].password",
            ),
            (
                "[[users]]\nusername = \"a\"\npassword = \"long enough, but visible\"".to_owned(),
                "4 users[0].password",
            ),
            ("[scopes]\nsupported = [\"openid\"]".to_owned(), "3 scopes.supported"),
        ] {
            assert_eq!(found(&text), [key], "{text}");
        }
    }

    #[test]
    fn a_clear_text_issuer_is_weak_and_worse_where_others_can_connect() {
        let settings = |listen: &str| {
            let text = format!("issuer = \"http://127.0.0.1:8080\"\nlisten = \"{listen}\"\n");
            Settings::parse("oauthd.toml", &text, &Overrides::default(), Purpose::Serve).unwrap()
        };
        let keys = |settings: &Settings| -> Vec<String> {
            review(settings)
                .iter()
                .map(|finding| finding.problem.key().to_owned())
                .collect()
        };
        assert_eq!(keys(&settings("127.0.0.1:8080")), ["issuer"]);
        assert_eq!(keys(&settings("0.0.0.0:8080")), ["issuer", "listen"]);
    }

    #[test]
    fn no_finding_repeats_a_secret() {
        let text = "issuer = \"https://auth.example\"\n[[clients]]\nclient_id = \"c\"\nclient_secret = \"hunter2\"\n\
                    [[users]]\nusername = \"a\"\npassword = \"swordfish\"\n";
        let settings = Settings::parse("oauthd.toml", text, &Overrides::default(), Purpose::Serve).unwrap();
        let findings = review(&settings);
        assert_eq!(findings.len(), 2);
        for finding in findings {
            let line = finding.problem.to_string();
            assert!(!line.contains("hunter2") && !line.contains("swordfish"), "{line}");
        }
    }
}
