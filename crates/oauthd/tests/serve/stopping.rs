//! How a server ends when it is asked to.

use crate::common::clients::{WEB, WEB_REQUEST, basic};
use crate::common::http::FORM;
use crate::common::{Config, Connection, Daemon, Deadline};

/// A token request of which the last byte is still missing.
fn begin(daemon: &Daemon) -> Connection {
    let mut connection = daemon.http().connect().unwrap();
    let body = "grant_type=client_credentials";
    let headers = [FORM, ("authorization", &*basic("web", WEB))];
    let head = connection.head("POST", "/token", &headers, body.len());
    connection.write(head.as_bytes()).unwrap();
    connection.write(&body.as_bytes()[..body.len() - 1]).unwrap();
    connection
}

/// Waits until no connection is accepted any more.
fn stopped_accepting(daemon: &Daemon) {
    let deadline = Deadline::in_seconds(10);
    while daemon.http().try_send("GET", "/healthz", &[], b"").is_ok() {
        assert!(!deadline.is_over(), "it goes on accepting connections");
    }
}

#[test]
fn what_is_in_flight_is_finished_and_then_the_server_ends_well() {
    for config in [Config::in_memory(), Config::in_sqlite()] {
        let mut daemon = Daemon::serve(&config);
        let mut browser = daemon.browser();
        let tokens = daemon.tokens(&mut browser, &WEB_REQUEST);
        let mut in_flight = begin(&daemon);
        let mut idle = daemon.http().connect().unwrap();
        assert_eq!(idle.send("GET", "/healthz", &[], b"").unwrap().status, 200);
        daemon.terminate();
        stopped_accepting(&daemon);
        assert!(daemon.is_alive(), "a request is in flight");
        in_flight.write(b"s").unwrap();
        let answer = in_flight.receive("POST").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let status = daemon
            .wait(Deadline::in_seconds(10))
            .expect("it ends within ten seconds");
        assert_eq!(status.code(), Some(0), "{}", daemon.output());
        if config.store.is_empty() {
            let daemon = daemon.restart();
            assert!(daemon.is_active(&tokens.refresh), "what was kept is there again");
            assert!(
                daemon.is_active(&answer.member("access_token").unwrap()),
                "the last answer too"
            );
        }
    }
}

#[test]
fn who_never_finishes_is_waited_for_ten_seconds_at_most() {
    let mut daemon = Daemon::serve(&Config::in_memory());
    let _slow = begin(&daemon);
    // The server has read what there is of it: connections are taken in their order.
    assert_eq!(daemon.http().get("/healthz").status, 200);
    daemon.terminate();
    let status = daemon
        .wait(Deadline::in_seconds(15))
        .expect("it ends although somebody is slow");
    assert_eq!(status.code(), Some(0), "{}", daemon.output());
}

#[test]
fn a_server_that_nobody_uses_ends_at_once() {
    let mut daemon = Daemon::serve(&Config::in_sqlite());
    let idle = daemon.http().connect().unwrap();
    daemon.terminate();
    let status = daemon
        .wait(Deadline::in_seconds(5))
        .expect("there is nothing to wait for");
    assert_eq!(status.code(), Some(0), "{}", daemon.output());
    drop(idle);
}

/// Both parts of a request have to arrive within fifteen seconds; a byte now and then does not extend that.
#[test]
fn who_sends_too_slowly_is_hung_up_on() {
    let daemon = Daemon::serve(&Config::in_memory());
    let mut slow_head = daemon.http().connect().unwrap();
    slow_head.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
    let mut slow_body = begin(&daemon);
    let waited = Deadline::in_seconds(25);
    let answer = slow_body.receive("POST").expect("it is told before it is hung up on");
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(slow_body.receive("POST").is_err(), "the connection is closed");
    // Nothing, or a refusal.
    assert!(
        slow_head
            .receive("GET")
            .map_or(true, |answer| (400..500).contains(&answer.status))
    );
    assert!(!waited.is_over(), "fifteen seconds, not {:?}", waited.elapsed());
}
