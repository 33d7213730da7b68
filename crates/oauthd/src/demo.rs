//! `oauthd demo`: the main job with nothing to set up.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_server::{ClientId, Secret, SystemEntropy};
use sha2::{Digest, Sha256};

use crate::config::{Overrides, Problems, Purpose, Settings};
use crate::serve::{self, NotServed, say};
use crate::store;
use crate::web::{Demo, DemoPerson};

/// Who can sign in to the demo. It listens on loopback and forgets everything, so everybody may know.
const USERNAME: &str = "alice";
const PASSWORD: &str = "correct horse battery staple";

/// The public client's redirect URI. Nobody listens there: the code is read from the browser's address bar.
const CLI_REDIRECT: &str = "http://127.0.0.1:9000/callback";

/// Why a demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    /// The server does not run.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The address makes no issuer.
    #[error("{0}")]
    Settings(Problems),
    /// There is no randomness for the secrets.
    #[error(transparent)]
    Entropy(#[from] oauth_server::EntropyFailed),
}

/// Serves a demo until the program is asked to stop. Says on standard output what there is to try.
///
/// # Errors
/// [`NotShown`].
pub async fn demo(listen: SocketAddr) -> Result<(), NotShown> {
    let listener = serve::listen(listen).await?;
    let address = listener.local_addr().map_err(NotServed::from)?;
    let issuer = format!("http://{}", reachable(address));
    let web_secret = Secret::generate(&SystemEntropy)?;
    let page_secret = Secret::generate(&SystemEntropy)?;
    // Removed when the demo ends.
    let directory = tempfile::Builder::new()
        .prefix("oauthd-demo-")
        .tempdir()
        .map_err(NotServed::from)?;
    let file = directory.path().join("oauthd.db");

    let text = settings(&issuer, &web_secret, &page_secret);
    let overrides = Overrides {
        store: Some(format!("sqlite://{}", file.display())),
        ..Overrides::default()
    };
    let settings = Settings::parse("demo", &text, &overrides, Purpose::Serve).map_err(NotShown::Settings)?;
    let backend = store::open(&settings.store).await.map_err(NotServed::from)?;
    let person = DemoPerson {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let page = Demo::new(ClientId::from("demo-page"), page_secret, person);
    serve::serve_on(listener, &settings, backend, Some(page), |address| {
        say(&format!(
            "listening on http://{address}\n\n{}",
            to_try(&issuer, &web_secret)
        ));
    })
    .await?;
    Ok(())
}

/// The address at which a browser on this machine finds a server that listens there.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The demo is configured like any other server.
fn settings(issuer: &str, web_secret: &Secret, page_secret: &Secret) -> String {
    format!(
        r#"
issuer = "{issuer}"

[grants]
enabled = ["authorization_code", "refresh_token", "client_credentials"]

[scopes]
supported = ["read", "write", "profile"]
default = ["read"]

[[clients]]
client_id = "web"
client_secret = "{web_secret}"
client_name = "Demo web app"
redirect_uris = ["http://127.0.0.1:9000/callback"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "read write profile"
introspect = true

[[clients]]
client_id = "cli"
client_name = "Demo command line"
token_endpoint_auth_method = "none"
redirect_uris = ["{CLI_REDIRECT}"]
grant_types = ["authorization_code", "refresh_token"]
scope = "read write profile"

[[clients]]
client_id = "demo-page"
client_secret = "{page_secret}"
client_name = "Demo client"
redirect_uris = ["{issuer}/demo/callback"]
grant_types = ["authorization_code", "refresh_token"]
scope = "read profile"

[[users]]
username = "{USERNAME}"
password = "{PASSWORD}"
claims = {{ name = "Alice" }}
"#,
        web_secret = web_secret.expose(),
        page_secret = page_secret.expose(),
    )
}

/// What was made, and lines to paste.
fn to_try(issuer: &str, web_secret: &Secret) -> String {
    let secret = web_secret.expose();
    // A verifier that everybody may know, so that the lines can be pasted as they are.
    let verifier = "demo-verifier-demo-verifier-demo-verifier-demo";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let redirect = "http%3A%2F%2F127.0.0.1%3A9000%2Fcallback";
    let token = format!(
        "$(curl -s -u 'web:{secret}' -d grant_type=client_credentials -d scope=read {issuer}/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "Sign in with a browser:      {issuer}/demo
What you have granted:       {issuer}/account
Metadata:                    {issuer}/.well-known/oauth-authorization-server

person               {USERNAME} / {PASSWORD}
confidential client  web / {secret}
public client        cli (PKCE, redirects to {CLI_REDIRECT})

client_credentials
  curl -s -u 'web:{secret}' -d grant_type=client_credentials -d scope=read {issuer}/token

what the token is good for (introspection), and an API that it opens
  curl -s -u 'web:{secret}' -d token={token} {issuer}/introspect
  curl -s -H \"Authorization: Bearer {token}\" {issuer}/demo/resource

authorization_code with PKCE: open this, sign in, and copy `code` from the address bar
  {issuer}/authorize?response_type=code&client_id=cli&redirect_uri={redirect}&scope=read%20write&state=demo&code_challenge={challenge}&code_challenge_method=S256
  curl -s -d grant_type=authorization_code -d client_id=cli --data-urlencode redirect_uri={CLI_REDIRECT} -d code_verifier={verifier} -d code=CODE {issuer}/token

refresh_token, then revocation
  curl -s -d grant_type=refresh_token -d client_id=cli -d refresh_token=REFRESH_TOKEN {issuer}/token
  curl -s -d client_id=cli -d token=REFRESH_TOKEN {issuer}/revoke

Everything is kept in a temporary file and forgotten when you press ctrl-C."
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
    fn the_settings_of_the_demo_are_sound() {
        let secret = Secret::generate(&SystemEntropy).unwrap();
        let text = settings("http://127.0.0.1:8080", &secret, &secret);
        let read = Settings::parse("demo", &text, &Overrides::default(), Purpose::Serve);
        assert_eq!(read.unwrap().clients.len(), 3);
    }
}
