//! The same over real sockets: what clients do to a connection that no test in process can do.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use oauth_server::{MemoryStore, PeerAddr, SqliteStore};
use oauth_testkit::block_on;
use oauth_testkit::http::Call;
use oauth_testkit::lab::{API, MACHINE, WEB, authorization, for_itself, introspecting, redemption};

use tower::ServiceExt as _;

use crate::house::{House, MAX_BODY};
use crate::{by_actix, by_axum};

fn in_memory() -> House {
    House::over(MemoryStore::new(), MemoryStore::new(), MemoryStore::new())
}

/// A server that listens until the tests end.
#[derive(Clone, Copy, Debug)]
struct Listening {
    name: &'static str,
    at: SocketAddr,
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

fn serve_axum(name: &'static str, app: Router) -> Listening {
    let (listener, at) = listener();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let app = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, app).await.unwrap();
        });
    });
    Listening { name, at }
}

/// On one worker, which is one thread.
fn serve_actix(name: &'static str, house: House) -> Listening {
    let (listener, at) = listener();
    let (ready, is_ready) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let app = move || actix_web::App::new().configure(by_actix::app(house.clone()));
            let server = actix_web::HttpServer::new(app).workers(1).disable_signals();
            let running = server.listen(listener).unwrap().run();
            ready.send(()).unwrap();
            running.await.unwrap();
        });
    });
    is_ready.recv().unwrap();
    Listening { name, at }
}

/// Each adapter over a house of its own.
fn each() -> [Listening; 3] {
    // Whoever accepts connections knows where they come from, and says so.
    let endpoints = oauth_server::tower::service(&in_memory().root).map_request(|mut request: Request<Body>| {
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
            let peer = PeerAddr(peer.ip());
            request.extensions_mut().insert(peer);
        }
        request
    });
    [
        serve_axum("axum", by_axum::app(&in_memory())),
        serve_actix("actix", in_memory()),
        serve_axum("tower", Router::new().fallback_service(endpoints)),
    ]
}

impl Listening {
    fn connect(self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        stream.set_write_timeout(patience).unwrap();
        stream
    }

    /// What comes back until the server closes the connection.
    fn ask(self, call: &Call) -> String {
        let mut stream = self.connect();
        stream.write_all(&written(call)).unwrap();
        everything(&mut stream)
    }

    /// Writes these bytes, says that no more will come, and reads what comes back. To a server that has not answered
    /// by then, a client that says so may be one that is gone.
    fn say_no_more_than(self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may have closed it already, which is an answer too.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        everything(&mut stream)
    }

    fn still_answers(self) {
        let answer = self.ask(&for_itself(&MACHINE));
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{}: {answer}", self.name);
        assert!(answer.contains("access_token"), "{}: {answer}", self.name);
    }
}

fn everything(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The request as it goes over the wire, the last of its connection.
fn written(call: &Call) -> Vec<u8> {
    let request = call.request();
    let mut lines = vec![format!("{} {} HTTP/1.1", request.method(), request.uri())];
    lines.push("host: auth.example".to_owned());
    for (name, value) in request.headers() {
        lines.push(format!("{name}: {}", value.to_str().unwrap()));
    }
    lines.push("connection: close".to_owned());
    lines.push(format!("content-length: {}\r\n\r\n", request.body().len()));
    let text = lines.join("\r\n");
    [text.as_bytes(), request.body()].concat()
}

/// The head of an answer, without what differs from one moment to the next, and its body.
fn taken_apart(answer: &str) -> (Vec<String>, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut head: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    head.retain(|line| !line.starts_with("date:") && !line.starts_with("connection:"));
    head[1..].sort();
    (head, body)
}

/// The status lines of all answers on a connection.
fn statuses(answer: &str) -> Vec<&str> {
    answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect()
}

#[test]
fn answers_are_the_same_on_the_wire() {
    let servers = each();
    let metadata = "/.well-known/oauth-authorization-server";
    for call in [
        Call::get(metadata),
        Call::new(http::Method::HEAD, metadata),
        for_itself(&MACHINE),
        for_itself(&WEB).with("scope", "admin"),
        Call::post("/token"),
        Call::post("/token").form("x".repeat(MAX_BODY + 1)),
        Call::get("/token"),
        Call::new(http::Method::HEAD, "/token"),
        Call::new(http::Method::OPTIONS, "/token").header("origin", "https://app.example"),
        introspecting(&API, "nonsense"),
        Call::get("/mirror"),
    ] {
        let [axum, actix, tower] = servers.map(|server| server.ask(&call));
        assert!(!axum.is_empty(), "{call:?}");
        assert_eq!(taken_apart(&axum), taken_apart(&actix), "{call:?}");
        assert_eq!(taken_apart(&axum), taken_apart(&tower), "{call:?}");
    }
    // HEAD tells the length of what GET would bring, and brings nothing.
    for server in servers {
        let [get, head] =
            [http::Method::GET, http::Method::HEAD].map(|method| server.ask(&Call::new(method, metadata)));
        let (get, head) = (taken_apart(&get), taken_apart(&head));
        assert_eq!(get.0, head.0, "{}", server.name);
        assert_eq!((get.1.is_empty(), head.1), (false, ""), "{}", server.name);
    }
}

#[test]
fn a_client_that_hangs_up_in_the_middle_harms_nobody() {
    let whole = written(&for_itself(&MACHINE));
    for server in each() {
        for ends in (1..whole.len()).step_by(7) {
            let mut stream = server.connect();
            stream.write_all(&whole[..ends]).unwrap();
            drop(stream);
        }
        server.still_answers();
        // Without having read the answer.
        for _ in 0..20 {
            let mut stream = server.connect();
            stream.write_all(&whole).unwrap();
            drop(stream);
        }
        server.still_answers();
    }
}

#[test]
fn a_body_that_breaks_off_is_refused_or_cut_off() {
    let whole = written(&for_itself(&MACHINE));
    let chunked = b"POST /token HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
        content-type: application/x-www-form-urlencoded\r\n\r\n5\r\ngrant\r\nnonsense\r\n";
    for server in each() {
        for broken in [&whole[..whole.len() - 1], chunked.as_slice()] {
            let answer = server.say_no_more_than(broken);
            let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
            assert!(refused, "{}: {answer}", server.name);
        }
        server.still_answers();
    }
}

#[test]
fn garbage_after_a_request_is_refused_or_cut_off() {
    let good = String::from_utf8(written(&for_itself(&MACHINE))).unwrap();
    let good = good.replace("connection: close\r\n", "");
    for server in each() {
        for garbage in [
            "\0\u{1}\u{2}\u{3}\r\n\r\n".as_bytes(),
            b"\xff\xfe\xfd\r\n\r\n",
            b"NONSENSE\r\n\r\n",
            b"POST /token HTTP/9.9\r\n\r\n",
            b"POST /token HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            b"POST /token HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
            b"POST /token HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ] {
            let answer = server.say_no_more_than(&[good.as_bytes(), garbage].concat());
            let statuses = statuses(&answer);
            assert_eq!(statuses.first(), Some(&"200"), "{}: {answer}", server.name);
            let rest_is_refused = statuses[1..]
                .iter()
                .all(|status| status.starts_with('4') || *status == "505");
            assert!(rest_is_refused, "{}: {statuses:?} to {garbage:?}", server.name);
        }
        server.still_answers();
    }
}

#[test]
fn one_worker_serves_others_while_a_client_is_slow() {
    let directory = tempfile::tempdir().unwrap();
    // Chance repeats itself from house to house, so that each has stores of its own.
    let house = |name: &str| {
        let open = |which: &str| block_on(SqliteStore::open(directory.path().join(format!("{name}-{which}")))).unwrap();
        House::over(open("root"), open("one"), open("two"))
    };
    for server in [
        serve_axum("axum", by_axum::app(&house("axum"))),
        serve_actix("actix", house("actix")),
    ] {
        let whole = written(&for_itself(&MACHINE));
        let (begun, rest) = whole.split_at(whole.len() - 3);
        let mut slow: Vec<TcpStream> = (0..8).map(|_| server.connect()).collect();
        for stream in &mut slow {
            stream.write_all(begun).unwrap();
        }
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..8 {
                        server.still_answers();
                        let answer = server.ask(&authorization(&WEB));
                        let code = answer.split_once("?code=").unwrap().1.split('&').next().unwrap();
                        let tokens = server.ask(&redemption(&WEB, code));
                        assert!(tokens.contains("refresh_token"), "{}: {tokens}", server.name);
                    }
                });
            }
        });
        for stream in &mut slow {
            stream.write_all(rest).unwrap();
            let answer = everything(stream);
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{}: {answer}", server.name);
        }
    }
}
