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

/// Whether the demo has the grants that nobody should use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// No: as any server unless it is told otherwise.
    Absent,
    /// Yes: `password` and `implicit`, to try what an old client does.
    Mounted,
}

/// The grant type of devices (RFC 8628 §3.4).
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

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
pub async fn demo(listen: SocketAddr, legacy: Legacy) -> Result<(), NotShown> {
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

    let text = settings(&issuer, &web_secret, &page_secret, legacy);
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
            to_try(&issuer, &web_secret, legacy)
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
fn settings(issuer: &str, web_secret: &Secret, page_secret: &Secret, legacy: Legacy) -> String {
    let (legacy_grants, legacy_client) = match legacy {
        Legacy::Absent => ("", String::new()),
        Legacy::Mounted => (
            r#", "password", "implicit""#,
            format!(
                r#"
[[clients]]
client_id = "legacy"
client_name = "Demo legacy app"
token_endpoint_auth_method = "none"
redirect_uris = ["{CLI_REDIRECT}"]
grant_types = ["password", "implicit", "refresh_token"]
scope = "read write profile"
"#
            ),
        ),
    };
    format!(
        r#"
issuer = "{issuer}"

[grants]
enabled = ["authorization_code", "refresh_token", "client_credentials", "{DEVICE}"{legacy_grants}]

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
client_id = "tv"
client_name = "Demo television"
token_endpoint_auth_method = "none"
grant_types = ["{DEVICE}", "refresh_token"]
scope = "read profile"
{legacy_client}
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
fn to_try(issuer: &str, web_secret: &Secret, legacy: Legacy) -> String {
    let secret = web_secret.expose();
    // A verifier that everybody may know, so that the lines can be pasted as they are.
    let verifier = "demo-verifier-demo-verifier-demo-verifier-demo";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let redirect = "http%3A%2F%2F127.0.0.1%3A9000%2Fcallback";
    let token = format!(
        "$(curl -s -u 'web:{secret}' -d grant_type=client_credentials -d scope=read {issuer}/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    let legacy = match legacy {
        Legacy::Absent => String::new(),
        Legacy::Mounted => format!(
            "
password (legacy: the client sees the password)
  curl -s -d grant_type=password -d client_id=legacy -d username={USERNAME} --data-urlencode 'password={PASSWORD}' -d scope=read {issuer}/token

implicit (legacy): open this, sign in, and find `access_token` behind the # in the address bar
  {issuer}/authorize?response_type=token&client_id=legacy&redirect_uri={redirect}&scope=read&state=demo
"
        ),
    };
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
device client        tv (a device without a browser)

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

device_code: ask for codes, enter `user_code` at {issuer}/device
(or open `verification_uri_complete`), sign in and allow, and poll with `device_code`
  curl -s -d client_id=tv -d 'scope=read profile' {issuer}/device_authorization
  curl -s -d grant_type={DEVICE} -d client_id=tv -d device_code=DEVICE_CODE {issuer}/token
{legacy}
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
        for (legacy, clients) in [(Legacy::Absent, 4), (Legacy::Mounted, 5)] {
            let text = settings("http://127.0.0.1:8080", &secret, &secret, legacy);
            let read = Settings::parse("demo", &text, &Overrides::default(), Purpose::Serve);
            assert_eq!(read.unwrap().clients.len(), clients);
        }
    }
}
