//! Issuer identifiers (RFC 8414 §2): who a server is, and where its paths begin.

/// The path of an issuer: empty, or beginning with a slash and not ending with one.
pub(crate) fn path_of(issuer: &str) -> &str {
    let host_begins = issuer.find("://").map_or(0, |at| at + 3);
    issuer[host_begins..]
        .find('/')
        .map_or("", |at| &issuer[host_begins + at..])
}

/// Checks that a URL can be an issuer identifier (RFC 8414 §2): https, or http for loopback only; no query, no fragment.
///
/// # Errors
/// Why it cannot.
pub fn check_issuer(issuer: &str) -> Result<(), &'static str> {
    let secure = issuer.strip_prefix("https://");
    let rest = secure
        .or_else(|| issuer.strip_prefix("http://"))
        .ok_or("an issuer is an https URL")?;
    if !crate::redirect::only_uri_characters(issuer) {
        return Err("it holds a character that a URL cannot");
    }
    if issuer.contains(['?', '#']) {
        return Err("an issuer has no query and no fragment (RFC 8414 section 2)");
    }
    if issuer.ends_with('/') {
        return Err("write it without the slash at the end: issuers are compared as strings");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return Err("it has no host, or a user name in it");
    }
    let host = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    };
    if secure.is_none() && !matches!(host, "127.0.0.1" | "[::1]" | "localhost") {
        return Err("http is for loopback only: use https");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_https_or_loopback_without_query_or_slash() {
        for good in [
            "https://a.example",
            "https://a.example/t1",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert_eq!(check_issuer(good), Ok(()), "{good}");
        }
        for bad in [
            "http://a.example",
            "https://a.example/",
            "https://a.example?x",
            "https://a.example#x",
            "ftp://a",
            "https://",
            "https://u@a",
            "a.example",
            "https://a b",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
        assert_eq!(path_of("https://a.example/t1/x"), "/t1/x");
        assert_eq!(path_of("https://a.example"), "");
    }
}
