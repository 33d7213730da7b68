//! `oauthd` under measurement: its configuration, and the one sign-in that its flows need.

use std::path::Path;

use crate::connection::Connection;
use crate::line::{Target, authorization_request, encoded};
use crate::workload::{CLIENT, ISSUER, REDIRECT_URI, SCOPE, SECRET, SUBJECT};

const PASSWORD: &str = "correct horse battery staple";

/// A configuration for the workloads. What differs from the defaults: rotation for all clients, so that it can be
/// measured with a confidential one; no limit on token requests, which would measure the limit; and a
/// first-party client, so that a flow is two requests on every server.
pub(crate) fn configuration(store: &str) -> String {
    let scopes: Vec<String> = SCOPE.split(' ').map(|token| format!("\"{token}\"")).collect();
    let scopes = scopes.join(", ");
    format!(
        r#"issuer = "{ISSUER}"
listen = "127.0.0.1:0"
store = "{store}"

[tokens]
refresh_token_rotation = "always"

[grants]
enabled = ["authorization_code", "refresh_token", "client_credentials"]

[scopes]
supported = [{scopes}]

[limits]
token_requests_per_minute_per_client = 0

[[clients]]
client_id = "{CLIENT}"
client_secret = "{SECRET}"
redirect_uris = ["{REDIRECT_URI}"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
response_types = ["code"]
scope = "{SCOPE}"
skip_consent = true

[[users]]
username = "{SUBJECT}"
password = "{PASSWORD}"
"#
    )
}

/// Signs in as a browser would, and returns the cookies of the session; `None` where nobody has to sign in.
pub(crate) fn sign_in(target: &Target) -> Result<Option<String>, String> {
    let mut connection = Connection::open(target.address)?;
    connection.send(&authorization_request(target))?;
    let page = connection.receive()?;
    if page.status == 303 {
        return Ok(None);
    }
    let cookies = cookies(page.header("set-cookie"))?;
    let action = attribute(page.body, "<form", "action").ok_or("the sign-in page has no form")?;
    let mut fields = vec![
        ("username".to_owned(), SUBJECT.to_owned()),
        ("password".to_owned(), PASSWORD.to_owned()),
    ];
    for input in page.body.split("<input").skip(1) {
        let input = &input[..input.find('>').unwrap_or(input.len())];
        if input.contains("type=\"hidden\"")
            && let (Some(name), Some(value)) = (value_of(input, "name"), value_of(input, "value"))
        {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let body = fields.join("&");
    let request = format!(
        "POST {action} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.send(request.as_bytes())?;
    let signed_in = connection.receive()?;
    if signed_in.status != 303 {
        return Err(format!("signing in was answered with {}", signed_in.status));
    }
    self::cookies(signed_in.header("set-cookie")).map(Some)
}

/// The pair of a `Set-Cookie` header, without its attributes.
fn cookies(header: Option<&str>) -> Result<String, String> {
    let pair = header.and_then(|value| value.split(';').next());
    pair.map(str::to_owned)
        .ok_or_else(|| "a page that begins a session sets no cookie".to_owned())
}

/// The value of an attribute of the first such element.
fn attribute<'a>(page: &'a str, element: &str, name: &str) -> Option<&'a str> {
    let after = &page[page.find(element)?..];
    value_of(&after[..after.find('>')?], name)
}

fn value_of<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let at = attributes.find(&format!(" {name}=\""))? + name.len() + 3;
    let end = attributes[at..].find('"')?;
    Some(&attributes[at..at + end])
}

/// Where the store of that file is, as the configuration names it.
pub(crate) fn sqlite(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_their_element() {
        let page = r#"<p action="no"><form method="post" action="/sign-in"><input name="a" value="b">"#;
        assert_eq!(attribute(page, "<form", "action"), Some("/sign-in"));
        assert_eq!(attribute(page, "<input", "value"), Some("b"));
        assert_eq!(attribute(page, "<input", "type"), None);
    }
}
