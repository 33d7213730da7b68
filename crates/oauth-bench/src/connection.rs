//! One keep-alive connection, spoken by hand: the generator must cost less than the servers it measures.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a server may take for one answer before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is expected; more is a mistake.
const LARGEST_ANSWER: usize = 64 * 1024;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer, borrowed from its connection.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a str,
}

impl Answer<'_> {
    /// The value of the first header of that lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The text of a member of the JSON body. Tokens hold no escapes, so looking for quotes is enough.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        let at = self.body.find(&format!("\"{name}\":\""))? + name.len() + 4;
        let end = self.body[at..].find('"')?;
        Some(&self.body[at..at + end])
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self, String> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let stream = connect().map_err(|error: std::io::Error| format!("cannot connect to {address}: {error}"))?;
        Ok(Self {
            stream,
            buffer: vec![0; LARGEST_ANSWER],
            filled: 0,
        })
    }

    /// Sends a request. It fits into the socket's buffer, because no other is under way.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(request)
            .map_err(|error| format!("a request could not be sent: {error}"))
    }

    /// Reads what is there, and asks again and again until there is something. If this slept, the server would pay for
    /// waking it up, and the more often the slower the server is.
    fn read(&mut self) -> Result<usize, String> {
        let mut since = None;
        loop {
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(format!("no answer: {error}")),
            }
            #[expect(clippy::disallowed_methods, reason = "waiting is about the real time")]
            let now = Instant::now();
            if now.duration_since(*since.get_or_insert(now)) > PATIENCE {
                return Err("no answer in time".to_owned());
            }
            std::hint::spin_loop();
        }
    }

    /// Waits for the answer to the one request that is under way.
    pub(crate) fn receive(&mut self) -> Result<Answer<'_>, String> {
        self.filled = 0;
        let (head, body) = loop {
            let read = self.read()?;
            if read == 0 {
                return Err("the server closed a connection, or its answer is too large".to_owned());
            }
            self.filled += read;
            if let Some(whole) = extent(&self.buffer[..self.filled])? {
                break whole;
            }
        };
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "an answer is not text".to_owned());
        let status = text(&self.buffer[9..12])?;
        Ok(Answer {
            status: status.parse().map_err(|_| format!("`{status}` is no status"))?,
            head: text(&self.buffer[..head])?,
            body: text(&self.buffer[head..head + body])?,
        })
    }
}

/// The length of the head and of the body, once all of both is there.
fn extent(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = end + 4;
    if head < 16 {
        return Err("an answer has no status line".to_owned());
    }
    let mut body = 0;
    for line in bytes[..end].split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            body = length.ok_or("an answer has a malformed length")?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err("an answer comes in chunks, which this client does not read".to_owned());
        }
    }
    Ok((bytes.len() >= head + body).then_some((head, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_is_there() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(extent(answer), Ok(Some((answer.len() - 2, 2))));
        assert_eq!(extent(&answer[..answer.len() - 1]), Ok(None));
        assert_eq!(extent(&answer[..20]), Ok(None));
        assert!(extent(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn headers_and_members_are_found_by_name() {
        let answer = Answer {
            status: 200,
            head: "HTTP/1.1 303 See Other\r\nLocation: http://c/cb?code=x\r\n\r\n",
            body: r#"{"access_token":"abc","refresh_token":"def"}"#,
        };
        assert_eq!(answer.header("location"), Some("http://c/cb?code=x"));
        assert_eq!(answer.member("refresh_token"), Some("def"));
        assert_eq!(answer.member("id_token"), None);
    }
}
