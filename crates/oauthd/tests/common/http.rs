//! A lean HTTP/1.1 client: it never follows a redirect, never retries, and can be told what to send byte by byte.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long one answer may take. The tests run beside each other on small machines.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server to talk to, from an address of one's own.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    server: SocketAddr,
    from: IpAddr,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// A connection that requests are sent over one after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Http {
    /// Talks to that address.
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self {
            server,
            from: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// The same, from another loopback address: to the server, somebody else.
    pub(crate) fn from(&self, address: [u8; 4]) -> Self {
        Self {
            from: Ipv4Addr::from(address).into(),
            ..self.clone()
        }
    }

    /// The address it talks to.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.server
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> io::Result<Connection> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(self.server), socket2::Type::STREAM, None)?;
        if self.server.is_ipv4() {
            // An address of one's own, and a port only when it is known where to: so no port is short.
            socket.set_reuse_address(true)?;
            if self.from != IpAddr::from(Ipv4Addr::LOCALHOST) {
                socket.bind(&SocketAddr::new(self.from, 0).into())?;
            }
        }
        socket.connect(&self.server.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection {
            reader: BufReader::new(stream),
        })
    }

    /// Sends one request over a connection of its own.
    pub(crate) fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut all = headers.to_vec();
        all.push(("connection", "close"));
        self.connect()?.send(method, target, &all, body)
    }

    /// The same, by a test that cannot go on without an answer.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, target, headers, body)
            .unwrap_or_else(|error| panic!("{method} {}: {error}", target.split('?').next().unwrap_or_default()))
    }

    /// `GET`.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    /// `GET` with headers.
    pub(crate) fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", target, headers, b"")
    }

    /// A form by `POST`.
    pub(crate) fn post(&self, target: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(target, &[], form)
    }

    /// A form by `POST`, with headers.
    pub(crate) fn post_with(&self, target: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        let mut all = headers.to_vec();
        all.push(FORM);
        self.send("POST", target, &all, encoded(form).as_bytes())
    }

    /// Sends bytes as they are and reads until the server closes the connection, which these bytes have to make it do.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        self.exchange(bytes, Then::Listen)
    }

    /// The same, for bytes after which the server could wait for more: it is told that there are no more.
    pub(crate) fn raw_and_end(&self, bytes: &[u8]) -> Vec<u8> {
        self.exchange(bytes, Then::End)
    }

    fn exchange(&self, bytes: &[u8], then: Then) -> Vec<u8> {
        let connection = self.connect().expect("the server accepts connections");
        let mut stream = connection.reader.into_inner();
        // A server may have judged, answered and closed before everything was sent.
        let sent = stream.write_all(bytes).and_then(|()| match then {
            Then::Listen => Ok(()),
            Then::End => stream.shutdown(std::net::Shutdown::Write),
        });
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        if let Err(error) = sent.and(read.map(|_| ())) {
            assert!(
                matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected
                ),
                "the server does not close: {error}"
            );
        }
        answer
    }
}

/// What follows bytes that were sent.
#[derive(Clone, Copy, Debug)]
enum Then {
    Listen,
    End,
}

/// The media type of forms.
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Connection {
    /// Sends a request and reads the answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let request = self.head(method, target, headers, body.len());
        self.write(&[request.as_bytes(), body].concat())?;
        self.receive(method)
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, target: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> io::Result<Answer> {
        let mut all = headers.to_vec();
        all.push(FORM);
        self.send("POST", target, &all, encoded(form).as_bytes())
    }

    /// The beginning of a request, up to its body.
    pub(crate) fn head(&self, method: &str, target: &str, headers: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let server = self
                .reader
                .get_ref()
                .peer_addr()
                .map_or_else(|_| String::new(), |it| it.to_string());
            let _ = write!(head, "host: {server}\r\n");
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if length > 0 || method == "POST" {
            let _ = write!(head, "content-length: {length}\r\n");
        }
        head.push_str("\r\n");
        head
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads the answer to a request of that method.
    pub(crate) fn receive(&mut self, method: &str) -> io::Result<Answer> {
        let (status, headers) = loop {
            let head = self.read_head()?;
            // 100 Continue is not the answer yet.
            if head.0 / 100 != 1 {
                break head;
            }
        };
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if method == "HEAD" || matches!(status, 204 | 304) {
            return Ok(answer);
        }
        if answer
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            self.read_chunks(&mut answer.body)?;
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(|_| broken("content-length"))?;
            answer.body = vec![0; length];
            self.reader.read_exact(&mut answer.body)?;
        } else {
            self.reader.read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn read_head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let status_line = self.read_line()?;
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| status_line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| broken("status line"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.read_line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken("chunk"))?;
            let start = body.len();
            body.resize(start + size, 0);
            self.reader.read_exact(&mut body[start..])?;
            self.read_line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| broken("line"))
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent a broken {what}"))
}

impl Answer {
    /// A header; the first if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every header of that name.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = name.to_owned();
        self.headers
            .iter()
            .filter(move |(own, _)| *own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A member of the body, if it is a string.
    pub(crate) fn member(&self, name: &str) -> Option<String> {
        self.json()[name].as_str().map(str::to_owned)
    }

    /// The error code of RFC 6749 §5.2, if it is an error.
    pub(crate) fn error(&self) -> Option<String> {
        self.member("error")
    }

    /// Where it redirects to.
    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// A parameter in the query of where it redirects to.
    pub(crate) fn redirected_with(&self, name: &str) -> Option<String> {
        self.location().and_then(|location| parameter(location, name))
    }
}

/// A parameter in the query of a URI.
pub(crate) fn parameter(uri: &str, name: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// A form as it is sent.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}
