//! Messages that are no HTTP, or HTTP that two readers could read in two ways.

use crate::common::clients::{WEB, WEB_REQUEST, basic};
use crate::common::{Config, Daemon};

/// The status lines in what came back.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    text.split("HTTP/1.1 ")
        .skip(1)
        .chain(text.split("HTTP/1.0 ").skip(1))
        .filter_map(|rest| rest.get(..3)?.parse().ok())
        .collect()
}

/// A token request that is right but for the lines put in its head and what follows it.
fn token_request(extra_head: &str, body: &str) -> Vec<u8> {
    let authorization = basic("web", WEB);
    format!(
        "POST /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{extra_head}\r\n{body}"
    )
    .into_bytes()
}

const FORM: &str = "grant_type=client_credentials";

#[test]
fn what_is_no_http_is_refused_or_hung_up_on() {
    let mut daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let many_headers: String = "X-Header: v\r\n".repeat(1000);
    let long_header = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 20));
    let messages: Vec<Vec<u8>> = vec![
        b"\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0\0\0\0\0".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1 extra\r\nHost: a\r\n\r\n".to_vec(),
        b"GET /healthz\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nno-colon\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n".to_vec(),
        b"GET /\x80\xff HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET http://evil.example/authorize HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many_headers}\r\n").into_bytes(),
        long_header.into_bytes(),
        long_line.into_bytes(),
        (0..4096_u32).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect(),
    ];
    for message in messages {
        let answer = http.raw_and_end(&message);
        let shown = String::from_utf8_lossy(&message[..message.len().min(60)]).into_owned();
        for status in statuses(&answer) {
            assert!(status < 500 || status == 501 || status == 505, "{shown:?}: {status}");
        }
        assert!(!String::from_utf8_lossy(&answer).contains("evil.example"), "{shown:?}");
    }
    assert!(daemon.is_alive());
    assert_eq!(http.get("/healthz").status, 200);
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}

#[test]
fn a_body_whose_end_can_be_disputed_is_never_a_second_request() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    let length = FORM.len();
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\n\r\n";
    let chunked = format!("{length:x}\r\n{FORM}\r\n0\r\n\r\n");
    let disputed = [
        (
            format!(
                "Content-Length: {length}\r\nContent-Length: {}\r\n",
                length + smuggled.len()
            ),
            format!("{FORM}{smuggled}"),
        ),
        (
            format!("Content-Length: {length}, {}\r\n", length + 1),
            format!("{FORM}{smuggled}"),
        ),
        ("Content-Length: +29\r\n".to_owned(), format!("{FORM}{smuggled}")),
        ("Content-Length: -1\r\n".to_owned(), format!("{FORM}{smuggled}")),
        ("Content-Length: 0x1d\r\n".to_owned(), format!("{FORM}{smuggled}")),
        (
            "Content-Length: 99999999999999999999999\r\n".to_owned(),
            FORM.to_owned(),
        ),
        (
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            format!("{chunked}{smuggled}"),
        ),
        (
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
            format!("{chunked}{smuggled}"),
        ),
        (
            "Transfer-Encoding: \x0bchunked\r\n".to_owned(),
            format!("{chunked}{smuggled}"),
        ),
        (
            "Transfer-Encoding : chunked\r\n".to_owned(),
            format!("{chunked}{smuggled}"),
        ),
        (
            "Transfer-Encoding:\r\n chunked\r\n".to_owned(),
            format!("{chunked}{smuggled}"),
        ),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("zz\r\n{FORM}\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "Transfer-Encoding: chunked\r\n".to_owned(),
            format!("ffffffffffffffffff\r\n{FORM}\r\n0\r\n\r\n{smuggled}"),
        ),
    ];
    for (head, body) in disputed {
        let answer = http.raw(&token_request(&head, &body));
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1, "{head:?}: {statuses:?}");
        assert!(
            statuses.iter().all(|status| (400..500).contains(status)),
            "{head:?}: {statuses:?}"
        );
    }
    // Both at once: the length is not believed, the connection ends (RFC 9112 §6.3).
    let both = format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", chunked.len());
    let answer = statuses(&http.raw(&token_request(&both, &format!("{chunked}{smuggled}"))));
    assert!(
        answer.len() <= 1 && answer.iter().all(|status| *status < 500),
        "{answer:?}"
    );
    // A body that ends early is no request.
    let early = http.raw_and_end(&token_request(&format!("Content-Length: {}\r\n", length + 10), FORM));
    assert!(
        statuses(&early).iter().all(|status| (400..500).contains(status)),
        "{:?}",
        statuses(&early)
    );
    // And for comparison, chunks as they should be.
    let good = http.raw(&token_request("Transfer-Encoding: chunked\r\n", &chunked));
    assert_eq!(statuses(&good), [200]);
}

#[test]
fn a_host_header_that_is_none_is_refused_or_ignored() {
    let daemon = Daemon::serve(&Config::in_memory());
    let path = WEB_REQUEST.path("");
    for host in [
        "",
        "Host: a\r\nHost: evil.example\r\n",
        "Host: user@evil.example:99999\r\n",
        "Host: \r\n",
        "Host: evil.example/x?\r\n",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        let answer = daemon.http().raw(request.as_bytes());
        assert!(statuses(&answer).iter().all(|status| *status < 500), "{host:?}");
        assert!(!String::from_utf8_lossy(&answer).contains("evil.example"), "{host:?}");
    }
}

#[test]
fn upgrades_and_expectations_open_no_way_around() {
    let daemon = Daemon::serve(&Config::in_memory());
    let http = daemon.http();
    for head in [
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        "Expect: 100-continue\r\n",
        "Connection: Authorization\r\n",
    ] {
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{FORM}",
            FORM.len()
        );
        let answer = statuses(&http.raw(request.as_bytes()));
        let last = answer.last().copied().unwrap_or_default();
        assert!(
            [400, 401, 417].contains(&last) && !answer.contains(&101),
            "{head:?}: {answer:?}"
        );
    }
}

#[test]
fn requests_in_a_row_on_one_connection_are_answered_in_their_order() {
    let daemon = Daemon::serve(&Config::in_memory());
    let one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let other = "GET /no/such/path HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = daemon.http().raw(format!("{one}{other}{last}").as_bytes());
    assert_eq!(statuses(&answer), [200, 404, 200]);
}
