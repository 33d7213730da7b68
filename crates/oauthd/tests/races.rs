//! One code and one refresh token pay once, however many requests present them at the same moment.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

mod common;

use common::clients::{self, SPA_REQUEST, VERIFIER};
use common::{Answer, Browser, Config, Connection, Daemon, Http, Tokens, devices, encoded};

/// How many requests race.
const RIVALS: usize = 32;

/// How many races of each sort are run on each store.
const ROUNDS: usize = 50;

/// The same where people have to take part.
const DEVICE_ROUNDS: usize = 10;

/// Sends the same form over many connections. All but its last byte is there before the first last byte is sent, so
/// that the server gets all of them within a moment.
fn race(servers: &[Http], path: &str, form: &[(&str, &str)]) -> Vec<Answer> {
    let body = encoded(form);
    let (early, last) = body.split_at(body.len() - 1);
    let mut rivals: Vec<Connection> = Vec::with_capacity(RIVALS);
    for at in 0..RIVALS {
        let mut rival = servers[at % servers.len()].connect().unwrap();
        let head = rival.head("POST", path, &[common::http::FORM, ("connection", "close")], body.len());
        rival.write(head.as_bytes()).unwrap();
        rival.write(early.as_bytes()).unwrap();
        rivals.push(rival);
    }
    for rival in &mut rivals {
        rival.write(last.as_bytes()).unwrap();
    }
    rivals.iter_mut().map(|rival| rival.receive("POST").unwrap()).collect()
}

/// The one that won; all others have to be `invalid_grant`.
fn winner(answers: &[Answer]) -> &Answer {
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    let lost = answers
        .iter()
        .filter(|answer| answer.status == 400 && answer.error().as_deref() == Some("invalid_grant"))
        .count();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!((won.len(), lost), (1, RIVALS - 1), "{statuses:?}");
    won[0]
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code),
        ("redirect_uri", SPA_REQUEST.redirect_uri),
        ("code_verifier", VERIFIER),
    ]
}

fn refreshing(refresh_token: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", "spa"),
        ("refresh_token", refresh_token),
    ]
}

/// Every loser presented a code that was spent: so what the winner got ends (RFC 6749 §4.1.2).
fn codes_pay_once(daemon: &Daemon, servers: &[Http], browser: &mut Browser) {
    for _ in 0..ROUNDS {
        let code = daemon.code(browser, &SPA_REQUEST);
        let answers = race(servers, "/token", &redemption(&code));
        let tokens = Tokens::of(winner(&answers));
        assert!(
            !daemon.is_active(&tokens.access),
            "the winner's access token ended with the replays"
        );
        assert!(
            !daemon.is_active(&tokens.refresh),
            "the winner's refresh token ended with the replays"
        );
        assert_eq!(
            daemon.refresh(&tokens.refresh, "spa").error().as_deref(),
            Some("invalid_grant")
        );
    }
}

/// Every loser presented a token that was rotated: so the authorization ends (RFC 9700 §4.14.2).
fn refresh_tokens_pay_once(daemon: &Daemon, servers: &[Http], browser: &mut Browser) {
    for _ in 0..ROUNDS {
        let first = daemon.tokens(browser, &SPA_REQUEST);
        let answers = race(servers, "/token", &refreshing(&first.refresh));
        let second = Tokens::of(winner(&answers));
        assert_ne!(first.refresh, second.refresh);
        let all = [&first.refresh, &second.refresh, &first.access, &second.access];
        let live = all.iter().filter(|token| daemon.is_active(token)).count();
        assert_eq!(live, 0, "nothing of a replayed authorization is alive");
        assert_eq!(
            daemon.refresh(&second.refresh, "spa").error().as_deref(),
            Some("invalid_grant")
        );
    }
}

/// Devices poll, so a second request with the same code is no sign of theft: the losers end nothing.
fn device_codes_pay_once(daemon: &Daemon, servers: &[Http], browser: &mut Browser) {
    for _ in 0..DEVICE_ROUNDS {
        let codes = daemon.codes();
        devices::connect(browser, &codes.page, &codes.user, "approve");
        let form = [
            ("grant_type", devices::DEVICE),
            ("client_id", "tv"),
            ("device_code", &codes.device),
        ];
        let tokens = Tokens::of(winner(&race(servers, "/token", &form)));
        assert!(daemon.is_active(&tokens.access) && daemon.is_active(&tokens.refresh));
    }
}

/// Many clicks at the same moment are one decision, and what its page says is what the device is told.
fn a_device_is_decided_about_once(daemon: &Daemon, browser: &mut Browser) {
    for _ in 0..DEVICE_ROUNDS {
        let codes = daemon.codes();
        let question = devices::enter(browser, &codes);
        let form = question.form("/device/consent");
        let outcomes: Vec<(&str, u16)> = std::thread::scope(|scope| {
            let clicks: Vec<_> = (0..8)
                .map(|at| {
                    let mut clicking = browser.clone();
                    let decision = if at % 2 == 0 { "approve" } else { "deny" };
                    scope.spawn(move || {
                        let answer = clicking.submit_once(form, &[("decision", decision)]);
                        (decision, answer.status)
                    })
                })
                .collect();
            clicks.into_iter().map(|click| click.join().unwrap()).collect()
        });
        let won: Vec<_> = outcomes.iter().filter(|(_, status)| *status == 200).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        assert!(
            outcomes.iter().all(|(_, status)| [200, 400].contains(status)),
            "{outcomes:?}"
        );
        let told = daemon.poll(&codes);
        match won[0].0 {
            "approve" => assert_eq!(told.status, 200, "{}", told.text()),
            _ => assert_eq!(told.error().as_deref(), Some("access_denied")),
        }
    }
}

fn on(config: &Config) {
    let daemon = Daemon::serve(&config.clone().with_every_grant());
    let mut browser = daemon.signed_in("alice", clients::ALICE);
    let servers = [daemon.http()];
    codes_pay_once(&daemon, &servers, &mut browser);
    refresh_tokens_pay_once(&daemon, &servers, &mut browser);
    device_codes_pay_once(&daemon, &servers, &mut browser);
    a_device_is_decided_about_once(&daemon, &mut browser);
}

#[test]
fn in_memory_one_of_many_wins() {
    on(&Config::in_memory());
}

#[test]
fn in_sqlite_one_of_many_wins() {
    on(&Config::in_sqlite());
}

#[test]
fn two_processes_on_one_database_have_one_winner_between_them() {
    let daemon = Daemon::serve(&Config::in_sqlite());
    let shared = format!("sqlite://{}", daemon.database().display());
    let second = Daemon::serve(&Config {
        issuer: Some(daemon.issuer.clone()),
        ..Config::on(&shared)
    });
    let servers = [daemon.http(), second.http()];
    let mut browser = daemon.signed_in("alice", clients::ALICE);
    for _ in 0..ROUNDS / 5 {
        let code = daemon.code(&mut browser, &SPA_REQUEST);
        let tokens = Tokens::of(winner(&race(&servers, "/token", &redemption(&code))));
        assert!(!daemon.is_active(&tokens.access) && !daemon.is_active(&tokens.refresh));

        let first = daemon.tokens(&mut browser, &SPA_REQUEST);
        let next = Tokens::of(winner(&race(&servers, "/token", &refreshing(&first.refresh))));
        assert!(!daemon.is_active(&next.refresh) && !daemon.is_active(&first.refresh));
    }
}

#[test]
fn within_the_grace_one_line_survives_of_many() {
    for mut config in [Config::in_memory(), Config::in_sqlite()] {
        config.tokens = "refresh_token_grace = \"5m\"".to_owned();
        let daemon = Daemon::serve(&config);
        let mut browser = daemon.signed_in("alice", clients::ALICE);
        for _ in 0..ROUNDS / 5 {
            let first = daemon.tokens(&mut browser, &SPA_REQUEST);
            let answers = race(&[daemon.http()], "/token", &refreshing(&first.refresh));
            let won: Vec<Tokens> = answers.iter().filter(|it| it.status == 200).map(Tokens::of).collect();
            assert!(!won.is_empty());
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                // A rival that lost twice in a row is told to come again.
                assert!(
                    matches!(answer.status, 400 | 503),
                    "{} {}",
                    answer.status,
                    answer.text()
                );
            }
            let live: Vec<&Tokens> = won.iter().filter(|it| daemon.is_active(&it.refresh)).collect();
            assert_eq!(live.len(), 1, "one line of {} survives", won.len());
            assert_eq!(daemon.refresh(&live[0].refresh, "spa").status, 200);
        }
    }
}

#[test]
fn a_consent_that_is_sent_twice_at_once_gives_one_code() {
    for config in [Config::in_memory(), Config::in_sqlite()] {
        let daemon = Daemon::serve(&config);
        let mut browser = daemon.signed_in("alice", clients::ALICE);
        for _ in 0..5 {
            let page = browser.open(&clients::WEB_REQUEST.path("")).page();
            let form = page.form("/consent");
            let body = encoded(&form.filled(&[("decision", "approve")]));
            let cookie = browser.cookie_header();
            let headers = [common::http::FORM, ("cookie", &cookie), ("connection", "close")];
            let mut rivals: Vec<Connection> = (0..8).map(|_| daemon.http().connect().unwrap()).collect();
            for rival in &mut rivals {
                let head = rival.head("POST", "/consent", &headers, body.len());
                rival.write(head.as_bytes()).unwrap();
            }
            for rival in &mut rivals {
                rival.write(body.as_bytes()).unwrap();
            }
            let answers: Vec<Answer> = rivals.iter_mut().map(|rival| rival.receive("POST").unwrap()).collect();
            let codes = answers
                .iter()
                .filter_map(|answer| answer.redirected_with("code"))
                .count();
            let others = answers
                .iter()
                .filter(|answer| (400..500).contains(&answer.status))
                .count();
            assert_eq!((codes, others), (1, 7));
        }
    }
}
