//! Redirection endpoints: which URIs may be registered, and which request matches which registration.

use std::fmt;
use std::sync::Arc;

use crate::client::Client;
use crate::params::decode;

/// The longest redirect URI that can be registered or requested, in bytes.
pub const LONGEST_REDIRECT_URI: usize = 2048;

/// Why a URI may not be a redirection endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRedirectUri {
    /// Longer than [`LONGEST_REDIRECT_URI`].
    #[error("a redirect URI has at most {LONGEST_REDIRECT_URI} bytes")]
    TooLong,
    /// A character that RFC 3986 does not allow, or a broken percent-encoding.
    #[error("a redirect URI holds a character that RFC 3986 §2 does not allow")]
    Character,
    /// No scheme, or none that is a scheme.
    #[error("a redirect URI is absolute (RFC 6749 §3.1.2)")]
    NotAbsolute,
    /// It has a fragment.
    #[error("a redirect URI has no fragment (RFC 6749 §3.1.2)")]
    Fragment,
    /// `http` to another machine.
    #[error("a redirect URI is https; http is for loopback only (RFC 9700 §2.6)")]
    Insecure,
    /// A scheme that is neither https, nor loopback http, nor a reverse domain name.
    #[error("a private-use scheme is a reverse domain name with a period (RFC 8252 §7.1)")]
    Scheme,
    /// No host where the scheme needs one, or one with user information or a malformed port.
    #[error("a redirect URI's authority is a host and an optional port")]
    Authority,
    /// Its query already has a parameter of an authorization response.
    #[error(
        "a redirect URI's query has none of the response's own parameters: code, state, iss, error, error_description, error_uri, response, access_token, id_token"
    )]
    ReservedParameter,
}

/// Whether a URI may be registered as a redirection endpoint.
///
/// RFC 6749 §3.1.2 (absolute, no fragment), RFC 9700 §2.6 (https), RFC 8252 §7.1–7.3
/// (private-use schemes with a period, http for loopback only). Schemes that browsers
/// execute (`javascript:`, `data:` and so on) have no period, so they fail with the rest.
///
/// # Errors
/// [`BadRedirectUri`] names the rule that it breaks.
pub fn check_redirect_uri(uri: &str) -> Result<(), BadRedirectUri> {
    if uri.len() > LONGEST_REDIRECT_URI {
        return Err(BadRedirectUri::TooLong);
    }
    if !only_uri_characters(uri) {
        return Err(BadRedirectUri::Character);
    }
    if uri.contains('#') {
        return Err(BadRedirectUri::Fragment);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(BadRedirectUri::NotAbsolute)?;
    let is_scheme = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return Err(BadRedirectUri::NotAbsolute);
    }
    match scheme {
        "https" | "http" => {
            let (host, port) = authority(rest)?;
            if scheme == "http" && !matches!(host, "127.0.0.1" | "[::1]" | "localhost") {
                return Err(BadRedirectUri::Insecure);
            }
            if host.is_empty() || port.is_some_and(|port| !is_port(port)) {
                return Err(BadRedirectUri::Authority);
            }
        }
        _ if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
            return Err(BadRedirectUri::Scheme);
        }
        _ if !scheme.contains('.') => return Err(BadRedirectUri::Scheme),
        _ => {
            if rest.is_empty() || rest.contains('@') {
                return Err(BadRedirectUri::Authority);
            }
        }
    }
    if let Some((_, query)) = uri.split_once('?') {
        const RESERVED: [&str; 9] = [
            "code",
            "state",
            "iss",
            "error",
            "error_description",
            "error_uri",
            "response",
            "access_token",
            "id_token",
        ];
        // The client decodes a name before it compares it, so an encoded one is the same.
        let taken = query.split('&').any(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            decode(name.as_bytes()).is_ok_and(|name| RESERVED.contains(&&*name))
        });
        if taken {
            return Err(BadRedirectUri::ReservedParameter);
        }
    }
    Ok(())
}

/// Splits `//host:port/…` into its host and port; refuses user information.
fn authority(rest: &str) -> Result<(&str, Option<&str>), BadRedirectUri> {
    let rest = rest.strip_prefix("//").ok_or(BadRedirectUri::Authority)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    if authority.contains('@') {
        return Err(BadRedirectUri::Authority);
    }
    // The colons of an IPv6 literal are inside brackets; the port's is after them.
    if authority.starts_with('[') {
        let close = authority.find(']').ok_or(BadRedirectUri::Authority)?;
        let (host, after) = authority.split_at(close + 1);
        if host[1..close].parse::<std::net::Ipv6Addr>().is_err() {
            return Err(BadRedirectUri::Authority);
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(BadRedirectUri::Authority),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if host.contains(['[', ']', '%']) || host.starts_with('.') || host.contains("..") {
        return Err(BadRedirectUri::Authority);
    }
    Ok((host, port))
}

fn is_port(text: &str) -> bool {
    let canonical = text == "0" || !text.starts_with('0');
    canonical && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// The characters of RFC 3986 §2, with every `%` before two hexadecimal digits.
pub(crate) fn only_uri_characters(uri: &str) -> bool {
    let mut bytes = uri.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
                    && bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// A redirect URI that the client has registered: the only place an authorization response can be sent to.
///
/// There is one maker, [`Client::redirect`], so a response to an unregistered URI does not compile.
#[derive(Clone, PartialEq, Eq)]
pub struct Registered {
    uri: Arc<str>,
    requested: bool,
}

impl Registered {
    /// The URI to send the response to, exactly as it was requested or registered.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether the request named it. If so the token request has to name it again (RFC 6749 §4.1.3).
    pub const fn was_requested(&self) -> bool {
        self.requested
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({:?})", &*self.uri)
    }
}

/// Why no redirect URI could be settled on. None of these may redirect (RFC 6749 §3.1.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRegistered {
    /// The requested URI matches none that is registered.
    #[error("the redirect URI is not registered for this client")]
    Unknown,
    /// None was requested although not exactly one is registered (RFC 6749 §3.1.2.3), or that one is not sound.
    #[error("the request names no redirect URI, and the client has not registered exactly one that is sound")]
    Missing,
}

/// How a requested redirect URI is compared with a registered one.
pub trait RedirectMatcher: Send + Sync + 'static {
    /// Whether `requested` is allowed by the registration `registered`.
    fn matches(&self, registered: &str, requested: &str) -> bool;
}

/// Character by character (RFC 9700 §2.1), but for the port of a loopback IP literal (RFC 8252 §7.3).
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactMatch;

impl RedirectMatcher for ExactMatch {
    fn matches(&self, registered: &str, requested: &str) -> bool {
        registered == requested
            || ["http://127.0.0.1", "http://[::1]"].into_iter().any(|origin| {
                match (loopback_path(registered, origin), loopback_path(requested, origin)) {
                    (Some(registered), Some(requested)) => registered == requested,
                    _ => false,
                }
            })
    }
}

/// What follows the port of a URI that begins with the loopback `origin`; `None` for any other URI.
fn loopback_path<'a>(uri: &'a str, origin: &str) -> Option<&'a str> {
    let rest = uri.strip_prefix(origin)?;
    let path = match rest.strip_prefix(':') {
        Some(after) => {
            let end = after.find(['/', '?']).unwrap_or(after.len());
            let (port, path) = after.split_at(end);
            if !is_port(port) {
                return None;
            }
            path
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some(path)
}

impl Client {
    /// Settles where the authorization response goes.
    ///
    /// # Errors
    /// [`NotRegistered`]; tell the person, never the URI (RFC 6749 §3.1.2.4).
    pub fn redirect(
        &self,
        requested: Option<&str>,
        matcher: &dyn RedirectMatcher,
    ) -> Result<Registered, NotRegistered> {
        match (requested, self.redirect_uris.as_slice()) {
            (Some(requested), registered) => {
                // The matcher may be the application's own, so the rules for what may be
                // registered at all are asked of the requested URI as well.
                let fine = check_redirect_uri(requested).is_ok()
                    && registered
                        .iter()
                        .any(|registered| matcher.matches(registered, requested));
                if fine {
                    Ok(Registered {
                        uri: requested.into(),
                        requested: true,
                    })
                } else {
                    Err(NotRegistered::Unknown)
                }
            }
            (None, [only]) if check_redirect_uri(only).is_ok() => Ok(Registered {
                uri: only.as_str().into(),
                requested: false,
            }),
            (None, _) => Err(NotRegistered::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://client.example/cb",
            "https://client.example:8443/cb?a=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:1/cb",
            "http://127.0.0.1",
            "http://[::1]:65535/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
            "https://client.example/cb?encoded=1",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_may_not_be_registered() {
        use BadRedirectUri as Bad;
        for (uri, why) in [
            ("/cb", Bad::NotAbsolute),
            ("//h/cb", Bad::NotAbsolute),
            ("cb", Bad::NotAbsolute),
            ("", Bad::NotAbsolute),
            ("https://c/cb#", Bad::Fragment),
            ("https://c/cb#x", Bad::Fragment),
            ("http://example.com/cb", Bad::Insecure),
            ("http://127.0.0.1.nip.io/cb", Bad::Insecure),
            ("http://0.0.0.0/cb", Bad::Insecure),
            ("http://127.1/cb", Bad::Insecure),
            ("http://[::ffff:127.0.0.1]/cb", Bad::Insecure),
            ("myapp:/cb", Bad::Scheme),
            ("javascript:alert(1)", Bad::Scheme),
            ("JaVaScRiPt:alert(1)", Bad::Scheme),
            (" javascript:alert(1)", Bad::Character),
            ("java\tscript:x", Bad::Character),
            ("data:text/html,x", Bad::Scheme),
            ("vbscript:x", Bad::Scheme),
            ("file:///etc/passwd", Bad::Scheme),
            ("blob:x", Bad::Scheme),
            ("about:blank", Bad::Scheme),
            ("ws://h/", Bad::Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", Bad::Scheme),
            ("HTTPS://client.example/cb", Bad::Scheme),
            ("https:client.example/cb", Bad::Authority),
            ("https:///cb", Bad::Authority),
            ("https://", Bad::Authority),
            ("https://user:pw@client.example/cb", Bad::Authority),
            ("https://a@b@evil/cb", Bad::Authority),
            ("https://client.example:/cb", Bad::Authority),
            ("https://client.example:65536/cb", Bad::Authority),
            ("https://client.example:080/cb", Bad::Authority),
            ("http://[:::::]/cb", Bad::Authority),
            ("http://[::1", Bad::Authority),
            ("http:/\\evil", Bad::Character),
            ("https://c/cb%0", Bad::Character),
            ("https://c/c{b}", Bad::Character),
            ("https://c/é", Bad::Character),
            ("https://c/cb?code=x", Bad::ReservedParameter),
            ("https://c/cb?a=1&iss=y", Bad::ReservedParameter),
            ("https://c/cb?%63ode=x", Bad::ReservedParameter),
            ("https://c/cb?error_uri=x", Bad::ReservedParameter),
        ] {
            assert_eq!(check_redirect_uri(uri), Err(why), "{uri}");
        }
        assert_eq!(
            check_redirect_uri(&format!("https://c/{}", "x".repeat(65536))),
            Err(Bad::TooLong)
        );
    }

    #[test]
    fn only_the_port_of_a_loopback_literal_is_free() {
        let same = |registered, requested| ExactMatch.matches(registered, requested);
        assert!(same("http://127.0.0.1/cb", "http://127.0.0.1:1/cb"));
        assert!(same("http://127.0.0.1:9/cb", "http://127.0.0.1/cb"));
        assert!(same("http://[::1]/cb", "http://[::1]:65535/cb"));
        assert!(same("http://127.0.0.1", "http://127.0.0.1:45821"));
        for requested in [
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:8080x/cb",
            "http://127.0.0.1/cb?x=1",
            "http://127.0.0.1/cb/",
            "http://127.0.0.1.evil/cb",
            "http://127.0.0.1@evil/cb",
            "http://127.0.0.1:1@evil/cb",
            "http://[::1]/cb",
            "http://localhost/cb",
            "https://127.0.0.1/cb",
        ] {
            assert!(!same("http://127.0.0.1/cb", requested), "{requested}");
        }
        assert!(!same("http://localhost/cb", "http://localhost:9/cb"));
        assert!(!same("https://example.com/cb", "http://127.0.0.1/cb"));
    }
}
