//! `oauthd demo`: a server with nothing to set up, and lines to paste.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_server::{ClientId, Secret, SystemEntropy};
use sha2::{Digest as _, Sha256};

use super::serve::{begin_logging, listen, until_stopped};
use super::{Exit, Failure};
use crate::cli::{Common, DemoArgs};
use crate::config::{Overrides, Purpose, Settings};
use crate::web::{Demo, DemoPerson};

/// Who can sign in. Everybody may know the password: nothing here is worth anything.
const USERNAME: &str = "demo";
const PASSWORD: &str = "demo";

const WEB: &str = "demo-web";
const NATIVE: &str = "demo-native";

/// Where the demo's native app would listen. Nobody does, so the browser shows the code in its address line.
const CALLBACK: &str = "http://127.0.0.1:9/callback";

pub(super) async fn run(common: &Common, args: &DemoArgs) -> Result<Exit, Failure> {
    begin_logging(common)?;
    let listener = listen(args.listen).await?;
    let issuer = format!("http://{}", reachable(listener.local_addr()?));
    let directory = tempfile::Builder::new().prefix("oauthd-demo-").tempdir()?;
    let secret = Secret::generate(&SystemEntropy).map_err(Failure::failed)?;
    let verifier = Secret::generate(&SystemEntropy).map_err(Failure::failed)?;
    let overrides = Overrides {
        issuer: Some(issuer.clone()),
        listen: Some(args.listen.to_string()),
        store: Some(format!("sqlite://{}", directory.path().join("demo.db").display())),
    };
    let text = configuration(&issuer, &secret);
    let settings = Settings::parse("demo", &text, &overrides, Purpose::Serve)?;
    let person = DemoPerson {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let demo = Demo::new(ClientId::from(WEB), secret.clone(), person);
    let words = introduction(&issuer, &secret, &verifier);
    let exit = until_stopped(&settings, listener, Some(demo), |_| {
        let _ = io::stdout().write_all(words.as_bytes());
    })
    .await?;
    directory.close()?;
    Ok(exit)
}

/// The address that a browser on this machine finds the server at.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn configuration(issuer: &str, secret: &Secret) -> String {
    format!(
        r#"
[scopes]
supported = ["read", "write", "profile"]
default = ["read"]

[scopes.descriptions]
read = "See what you keep here"
write = "Add to it and change it"
profile = "See your name"

[[clients]]
client_id = "{WEB}"
client_secret = "{secret}"
client_name = "Demo web app"
redirect_uris = ["{issuer}/demo/callback"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "read write profile"
introspect = true

[[clients]]
client_id = "{NATIVE}"
client_name = "Demo native app"
token_endpoint_auth_method = "none"
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token"]
scope = "read write profile"

[[users]]
username = "{USERNAME}"
password = "{PASSWORD}"
claims = {{ name = "Demo Person" }}
"#,
        secret = secret.expose(),
    )
}

/// What was created, and a line to paste for every grant.
fn introduction(issuer: &str, secret: &Secret, verifier: &Secret) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let query = [
        ("response_type", "code"),
        ("client_id", NATIVE),
        ("redirect_uri", CALLBACK),
        ("scope", "read profile"),
        ("state", "xyz"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| format!("{name}={}", encode(value)))
    .join("&");
    let secret = secret.expose();
    let verifier = verifier.expose();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "
A whole sign-in in the browser:   {issuer}/demo
What you have granted:            {issuer}/account
What is mounted:                  {issuer}/.well-known/oauth-authorization-server

User                 {USERNAME}, password {PASSWORD}
Confidential client  {WEB}, secret {secret}
Public client        {NATIVE} (PKCE; any port of http://127.0.0.1/callback)
All of it is gone when the server stops.

Client credentials:
  curl -u {WEB}:{secret} -d grant_type=client_credentials -d scope=read {issuer}/token

Authorization code with PKCE: open this, sign in, and copy the code out of the address line
  {issuer}/authorize?{query}
  curl -d grant_type=authorization_code -d client_id={NATIVE} -d redirect_uri={CALLBACK} \\
    -d code_verifier={verifier} -d code=CODE {issuer}/token

Refresh token:
  curl -d grant_type=refresh_token -d client_id={NATIVE} -d refresh_token=REFRESH_TOKEN {issuer}/token

What is said of a token, what it opens, and its end:
  curl -u {WEB}:{secret} -d token=TOKEN {issuer}/introspect
  curl -H 'Authorization: Bearer TOKEN' {issuer}/demo/resource
  curl -d client_id={NATIVE} -d token=TOKEN {issuer}/revoke

"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_all_is_reached_on_this_machine() {
        let reach = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reach("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reach("[::]:80"), "[::1]:80");
        assert_eq!(reach("127.0.0.1:80"), "127.0.0.1:80");
    }

    #[test]
    fn the_demo_is_a_configuration_without_problems() {
        let issuer = "http://127.0.0.1:8080";
        let overrides = Overrides {
            issuer: Some(issuer.to_owned()),
            ..Overrides::default()
        };
        let text = configuration(issuer, &Secret::new("s".repeat(43)));
        let settings = Settings::parse("demo", &text, &overrides, Purpose::Serve).unwrap();
        assert_eq!(settings.clients.len(), 2);
        assert_eq!(settings.users[0].username, USERNAME);
    }

    #[test]
    fn the_introduction_has_lines_that_can_be_pasted() {
        let text = introduction(
            "http://127.0.0.1:8080",
            &Secret::new("the-secret"),
            &Secret::new("the-verifier"),
        );
        assert!(text.contains("curl -u demo-web:the-secret -d grant_type=client_credentials"));
        assert!(text.contains("code_verifier=the-verifier"));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(b"the-verifier"));
        assert!(text.contains(&format!("code_challenge={challenge}")));
        assert!(text.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback"));
    }
}
