//! Who asks: a client as people are shown it.

/// The client that a page is about.
#[derive(Clone, Copy)]
pub struct Requester<'a> {
    /// What it calls itself: `client_name`, or its identifier where it has none. Anybody may have written it.
    pub name: &'a str,
    /// Where its answer goes; `None` when it is on another device (RFC 8628).
    pub redirect_uri: Option<&'a str>,
}

impl<'a> Requester<'a> {
    /// Where it is, read from the redirect URI: unlike the name, nobody can choose this freely.
    pub fn place(&self) -> Place<'a> {
        let Some(uri) = self.redirect_uri else {
            return Place::OtherDevice;
        };
        let Some((scheme, rest)) = uri.split_once(':') else {
            return Place::Unclear(uri);
        };
        if scheme != "https" && scheme != "http" {
            return Place::App(scheme);
        }
        let authority = rest.trim_start_matches('/');
        let end = authority.find(['/', '?', '#', '\\']).unwrap_or(authority.len());
        // A browser ignores what stands before an `@`, so people must not be shown it as the host.
        let host = authority[..end].rsplit('@').next().unwrap_or_default();
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        match without_port {
            "" => Place::Unclear(uri),
            "127.0.0.1" | "[::1]" | "localhost" => Place::ThisDevice(host),
            _ => Place::Site(host),
        }
    }
}

/// Where a client is, as its redirect URI tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A web site: host and port.
    Site(&'a str),
    /// A program that listens on the reader's own machine (RFC 8252 §7.3): host and port.
    ThisDevice(&'a str),
    /// An app that claims a scheme of its own (RFC 8252 §7.1).
    App(&'a str),
    /// A device that shows a code (RFC 8628).
    OtherDevice,
    /// A URI that names no host; registration refuses such.
    Unclear(&'a str),
}

impl<'a> Place<'a> {
    /// What kind of client is there, in words, unless its address says so.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Site(_) | Self::Unclear(_) => None,
            Self::ThisDevice(_) => Some("A program on this device"),
            Self::App(_) => Some("An app on this device"),
            Self::OtherDevice => Some("On another device"),
        }
    }

    /// What its answer is sent to, if that has a name.
    pub fn address(self) -> Option<&'a str> {
        match self {
            Self::Site(address) | Self::ThisDevice(address) | Self::App(address) | Self::Unclear(address) => {
                Some(address)
            }
            Self::OtherDevice => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(redirect_uri: &str) -> Place<'_> {
        Requester {
            name: "x",
            redirect_uri: Some(redirect_uri),
        }
        .place()
    }

    #[test]
    fn a_web_site_is_shown_by_its_host() {
        assert_eq!(place("https://client.example/cb?a=b"), Place::Site("client.example"));
        assert_eq!(place("https://client.example:8443"), Place::Site("client.example:8443"));
        assert_eq!(place("https://client.example?x"), Place::Site("client.example"));
        assert_eq!(
            place("https://localhost.evil.example/"),
            Place::Site("localhost.evil.example")
        );
    }

    #[test]
    fn loopback_is_this_device() {
        assert_eq!(place("http://127.0.0.1:9000/cb"), Place::ThisDevice("127.0.0.1:9000"));
        assert_eq!(place("http://127.0.0.1/cb"), Place::ThisDevice("127.0.0.1"));
        assert_eq!(place("http://[::1]:9000/cb"), Place::ThisDevice("[::1]:9000"));
        assert_eq!(place("http://[::1]/cb"), Place::ThisDevice("[::1]"));
        assert_eq!(place("http://localhost:3000/"), Place::ThisDevice("localhost:3000"));
    }

    #[test]
    fn an_app_is_shown_by_its_scheme_and_a_device_by_nothing() {
        assert_eq!(place("com.example.app:/cb"), Place::App("com.example.app"));
        assert_eq!(
            Requester {
                name: "tv",
                redirect_uri: None
            }
            .place(),
            Place::OtherDevice
        );
    }

    #[test]
    fn what_only_looks_like_a_host_is_not_shown_as_one() {
        assert_eq!(place("https://bank.example@evil.example/"), Place::Site("evil.example"));
        assert_eq!(
            place("https://evil.example\\@bank.example/"),
            Place::Site("evil.example")
        );
        assert_eq!(place("https:///"), Place::Unclear("https:///"));
        assert_eq!(place("nothing"), Place::Unclear("nothing"));
    }
}
