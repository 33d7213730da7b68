//! What a client was told holds, wherever the process dies.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use common::clients::{self, SPA_REQUEST};
use common::{Answer, Chance, Config, Connection, Daemon, Deadline, Http, Tokens};

/// How often the process is killed.
const KILLS: usize = 20;

/// How many clients work at the same time.
const WORKERS: usize = 12;

/// How many authorizations of an earlier life are looked at after each restart; all of them are at the end.
const SAMPLED: usize = 4;

/// Whether something that was acknowledged is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Alive,
    Dead,
    /// The process was killed while it was asked to end this: either is right, and from then on one.
    Open,
}

/// All that one client knows of one authorization.
#[derive(Debug)]
struct Line {
    code: String,
    access: Vec<(String, Fate)>,
    refresh: (String, Fate),
    rotated: Vec<String>,
    /// The end of the whole authorization was in flight: it came for everything or for nothing.
    ending: bool,
}

/// What a worker was doing when the connection broke.
#[derive(Debug)]
enum Interrupted {
    Nothing,
    Redeeming(String),
}

#[derive(Debug)]
struct Worker {
    chance: Chance,
    cookie: String,
    lines: Vec<Line>,
    /// Lines from here on were touched since the last restart.
    fresh: Vec<usize>,
    machine: Vec<(String, Fate)>,
    interrupted: Interrupted,
    in_doubt: u64,
}

/// What happened in all, to be printed.
#[derive(Debug, Default)]
struct Counts {
    issued: AtomicU64,
    rotated: AtomicU64,
    revoked: AtomicU64,
    introspected: AtomicU64,
    replayed: AtomicU64,
}

fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Worker {
    /// Works until the connection breaks.
    fn load(&mut self, http: &Http, counts: &Counts, acknowledged: &Sender<()>) {
        let Ok(mut connection) = http.connect() else { return };
        while self.step(&mut connection, counts).is_ok() {
            if acknowledged.send(()).is_err() {
                return;
            }
        }
        self.in_doubt += 1;
    }

    fn step(&mut self, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let live: Vec<usize> = (0..self.lines.len())
            .rev()
            .filter(|at| self.lines[*at].refresh.1 == Fate::Alive && !self.lines[*at].ending)
            .take(8)
            .collect();
        let roll = self.chance.below(100);
        if live.is_empty() || roll < 25 {
            return self.authorize(connection, counts);
        }
        if roll < 35 {
            return self.client_credentials(connection, counts);
        }
        let at = live[usize::try_from(self.chance.below(live.len() as u64)).expect("it is small")];
        if !self.fresh.contains(&at) {
            self.fresh.push(at);
        }
        match roll {
            35..75 => self.rotate(at, connection, counts),
            75..90 => self.revoke_access(at, connection, counts),
            _ => self.revoke_line(at, connection, counts),
        }
    }

    fn authorize(&mut self, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let answer = connection.send("GET", &SPA_REQUEST.path(""), &[("cookie", &self.cookie)], b"")?;
        let code = answer
            .redirected_with("code")
            .unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
        self.interrupted = Interrupted::Redeeming(code.clone());
        let answer = connection.post("/token", &[], &redemption(&code))?;
        self.interrupted = Interrupted::Nothing;
        let tokens = Tokens::of(&answer);
        one(&counts.issued);
        self.fresh.push(self.lines.len());
        self.lines.push(Line {
            code,
            access: vec![(tokens.access, Fate::Alive)],
            refresh: (tokens.refresh, Fate::Alive),
            rotated: Vec::new(),
            ending: false,
        });
        Ok(())
    }

    fn client_credentials(&mut self, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", clients::MACHINE),
        ];
        let answer = connection.post("/token", &[], &form)?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        one(&counts.issued);
        self.machine
            .push((answer.member("access_token").expect("an access token"), Fate::Alive));
        Ok(())
    }

    fn rotate(&mut self, at: usize, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let line = &mut self.lines[at];
        let old = line.refresh.0.clone();
        line.refresh.1 = Fate::Open;
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "spa"),
            ("refresh_token", &old),
        ];
        let tokens = Tokens::of(&connection.post("/token", &[], &form)?);
        one(&counts.rotated);
        line.rotated.push(old);
        line.refresh = (tokens.refresh, Fate::Alive);
        line.access.push((tokens.access, Fate::Alive));
        Ok(())
    }

    fn revoke_access(&mut self, at: usize, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let Some(token) = self.lines[at].access.iter_mut().find(|token| token.1 == Fate::Alive) else {
            return Ok(());
        };
        token.1 = Fate::Open;
        let answer = connection.post("/revoke", &[], &[("client_id", "spa"), ("token", &token.0)])?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        one(&counts.revoked);
        token.1 = Fate::Dead;
        Ok(())
    }

    fn revoke_line(&mut self, at: usize, connection: &mut Connection, counts: &Counts) -> std::io::Result<()> {
        let line = &mut self.lines[at];
        line.ending = true;
        let answer = connection.post("/revoke", &[], &[("client_id", "spa"), ("token", &line.refresh.0)])?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        one(&counts.revoked);
        line.ending = false;
        line.end();
        Ok(())
    }

    /// Looks whether the new process knows what the old one promised.
    fn verify(&mut self, http: &Http, counts: &Counts, everything: Everything) {
        if let Interrupted::Redeeming(code) = std::mem::replace(&mut self.interrupted, Interrupted::Nothing) {
            // Either it was redeemed, or it can be; and then not a second time.
            let answer = clients::redeem(http, "", &code, &SPA_REQUEST);
            if answer.status != 200 {
                assert_eq!(answer.error().as_deref(), Some("invalid_grant"), "{}", answer.text());
            }
            let again = clients::redeem(http, "", &code, &SPA_REQUEST);
            assert_eq!(again.error().as_deref(), Some("invalid_grant"), "{}", again.text());
            one(&counts.replayed);
        }
        let mut looked_at = std::mem::take(&mut self.fresh);
        match everything {
            Everything::Yes => looked_at = (0..self.lines.len()).collect(),
            Everything::No if self.lines.is_empty() => {}
            Everything::No => looked_at.extend(
                (0..SAMPLED).map(|_| usize::try_from(self.chance.below(self.lines.len() as u64)).expect("it is small")),
            ),
        }
        looked_at.sort_unstable();
        looked_at.dedup();
        for at in &looked_at {
            self.lines[*at].verify(http, counts);
        }
        let machine = match everything {
            Everything::Yes => 0,
            Everything::No => self.machine.len().saturating_sub(2 * SAMPLED),
        };
        for token in &mut self.machine[machine..] {
            let active = is_active(http, &token.0, counts);
            agree(token, active);
        }
        // A replay ends its line, so only some are put to that test.
        for (turn, at) in looked_at.into_iter().rev().take(2).enumerate() {
            self.lines[at].replay(http, counts, turn);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Everything {
    Yes,
    No,
}

impl Line {
    fn end(&mut self) {
        self.refresh.1 = Fate::Dead;
        for token in &mut self.access {
            token.1 = Fate::Dead;
        }
    }

    fn verify(&mut self, http: &Http, counts: &Counts) {
        if self.ending {
            // Ended as a whole or not at all.
            self.ending = false;
            if !is_active(http, &self.refresh.0, counts) {
                self.end();
            }
        }
        let active = is_active(http, &self.refresh.0, counts);
        agree(&mut self.refresh, active);
        for token in &mut self.access {
            let active = is_active(http, &token.0, counts);
            agree(token, active);
        }
        for rotated in &self.rotated {
            assert!(
                !is_active(http, rotated, counts),
                "a rotated refresh token is alive again"
            );
        }
    }

    fn replay(&mut self, http: &Http, counts: &Counts, turn: usize) {
        let answer = match self.rotated.first() {
            Some(rotated) if turn == 0 => clients::refresh(http, "", rotated, "spa"),
            _ => clients::redeem(http, "", &self.code, &SPA_REQUEST),
        };
        assert_eq!(answer.error().as_deref(), Some("invalid_grant"), "{}", answer.text());
        one(&counts.replayed);
        self.end();
        self.verify(http, counts);
    }
}

/// What is seen has to be what was acknowledged; what was open is settled by what is seen.
fn agree(token: &mut (String, Fate), active: bool) {
    match token.1 {
        Fate::Alive => assert!(active, "an acknowledged token is gone"),
        Fate::Dead => assert!(!active, "a token whose end was acknowledged is alive"),
        Fate::Open => token.1 = if active { Fate::Alive } else { Fate::Dead },
    }
}

fn is_active(http: &Http, token: &str, counts: &Counts) -> bool {
    one(&counts.introspected);
    let answer: Answer = clients::introspection(http, "", token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["active"]
        .as_bool()
        .expect("introspection says active or not")
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code),
        ("redirect_uri", SPA_REQUEST.redirect_uri),
        ("code_verifier", clients::VERIFIER),
    ]
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let mut chance = Chance::printed("crash");
    let mut daemon = Daemon::serve(&Config::in_sqlite());
    let cookie = daemon.signed_in("alice", clients::ALICE).cookie_header();
    let counts = Counts::default();
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|_| Worker {
            chance: Chance::seeded(chance.next()),
            cookie: cookie.clone(),
            lines: Vec::new(),
            fresh: Vec::new(),
            machine: Vec::new(),
            interrupted: Interrupted::Nothing,
            in_doubt: 0,
        })
        .collect();
    for kill in 0..KILLS {
        // A random moment: after so many answers, whatever is happening then.
        let after = 1 + chance.below(400);
        let http = daemon.http();
        std::thread::scope(|scope| {
            let (acknowledged, acknowledgements) = channel();
            for worker in &mut workers {
                let (http, counts, acknowledged) = (&http, &counts, acknowledged.clone());
                scope.spawn(move || worker.load(http, counts, &acknowledged));
            }
            let patience = Deadline::in_seconds(60);
            for _ in 0..after {
                acknowledgements
                    .recv_timeout(patience.left())
                    .expect("the server answers under load");
            }
            daemon.kill();
        });
        daemon = daemon.restart();
        let everything = if kill + 1 == KILLS {
            Everything::Yes
        } else {
            Everything::No
        };
        let http = daemon.http();
        std::thread::scope(|scope| {
            for worker in &mut workers {
                let (http, counts) = (&http, &counts);
                scope.spawn(move || worker.verify(http, counts, everything));
            }
        });
    }
    let in_doubt: u64 = workers.iter().map(|worker| worker.in_doubt).sum();
    println!(
        "{KILLS} kills, {WORKERS} clients: {counts:?}, {in_doubt} requests in flight at a kill, {} authorizations",
        workers.iter().map(|worker| worker.lines.len()).sum::<usize>()
    );
    assert!(in_doubt >= KILLS as u64, "every kill hits requests in flight");
    let output = daemon.output();
    assert!(!output.contains("panicked"), "{output}");
}
