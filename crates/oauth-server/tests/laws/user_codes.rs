//! The person's part of the device grant (RFC 8628 §3.3, §5.1, §6.1): who may enter a code, how often, and who decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oauth_server::device::{USER_CODE_GUESS, UserCode, enter, resume};
use oauth_server::{DeviceCode, Incoming, RefreshToken, Rejection, Secret, SystemEntropy};
use oauth_testkit::http::{Answer, Call};
use oauth_testkit::lab::{KIOSK, TV, polling, scope};
use oauth_testkit::{Flaky, Lab, Moment, block_on};

use crate::device::{approve, approved, begun, entered, typed};
use crate::limits::Three;
use crate::{lab, lab_with};
#[test]
fn codes_cannot_be_guessed() {
    // R141, R143: eight letters of twenty, each as likely as any other, and 256 bits.
    const DEVICES: usize = 5000;
    let lab = lab();
    let mut seen = BTreeSet::new();
    let mut letters: BTreeMap<char, usize> = BTreeMap::new();
    let mut at: Vec<BTreeSet<char>> = vec![BTreeSet::new(); 8];
    for _ in 0..DEVICES {
        let codes = begun(&lab.server, &TV);
        assert_eq!(codes.device.len(), 43);
        let (left, right) = codes.user.split_once('-').unwrap();
        assert_eq!((left.len(), right.len()), (4, 4));
        for (place, letter) in left.chars().chain(right.chars()).enumerate() {
            *letters.entry(letter).or_default() += 1;
            at[place].insert(letter);
        }
        assert!(seen.insert(codes.device) && seen.insert(codes.user));
    }
    assert_eq!(letters.keys().collect::<String>(), "BCDFGHJKLMNPQRSTVWXZ");
    assert!(at.iter().all(|letters| letters.len() == 20));
    // 2000 of each are expected, with a deviation of 43.6; 8000 of the last four, with one of 80. Bytes taken modulo
    // twenty would make 7500 of these.
    assert!(
        letters.values().all(|count| (1_800..=2_200).contains(count)),
        "{letters:?}"
    );
    let last: usize = ['V', 'W', 'X', 'Z'].iter().map(|letter| letters[letter]).sum();
    assert!((7_700..=8_300).contains(&last), "{last}");
}

#[test]
fn codes_differ_between_two_starts_of_a_server() {
    // R141, R143
    let start = || {
        let lab = lab_with(RefreshToken::rotating(), |builder| builder.entropy(SystemEntropy));
        begun(&lab.server, &TV)
    };
    let (one, other) = (start(), start());
    assert_ne!(one.device, other.device);
    assert_ne!(one.user, other.user);
}

#[test]
fn a_user_code_is_read_as_people_type_it() {
    // R142
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let bare = codes.user.replace('-', "");
    let lower = bare.to_ascii_lowercase();
    for way in [
        bare.clone(),
        lower.clone(),
        codes.user.to_ascii_lowercase(),
        format!("  {} {}\n", &lower[..4], &lower[4..]),
        format!("{}.{}_{}", &bare[..2], &bare[2..5], &bare[5..]),
        format!("{}\u{2014}{}", &bare[..4], &bare[4..]),
    ] {
        let request = block_on(typed(&lab.server, &way, "browser")).unwrap();
        assert_eq!(request.user_code().shown(), codes.user, "{way:?}");
    }
    approve(&lab, &codes);
    lab.send(&polling(&TV, &codes.device)).granted();
}

/// What two refusals have in common: what a page can tell of them.
fn told(rejection: &Rejection) -> (u16, String, String) {
    let answer = Answer::of(rejection.reply().into_response());
    (
        answer.status(),
        rejection.code().as_str().to_owned(),
        answer.text().into_owned(),
    )
}

#[test]
fn a_code_that_does_not_exist_looks_like_one_that_is_over() {
    // R141, R145, V085: nobody learns which codes there are.
    let lab = lab();
    let names = ["expired", "approved", "denied", "taken", "gone"];
    let expired = begun(&lab.server, &TV);
    lab.clock.advance(Duration::from_secs(600));
    let (yes, no, taken, gone) = (
        begun(&lab.server, &TV),
        begun(&lab.server, &TV),
        begun(&lab.server, &TV),
        begun(&lab.server, &KIOSK),
    );
    approve(&lab, &yes);
    block_on(entered(&lab.server, &no, "browser").deny()).unwrap();
    let _ = entered(&lab.server, &taken, "another browser");
    lab.edit(&KIOSK, |client| client.disabled = true);
    let unknown = told(&block_on(typed(&lab.server, "BBBB-BBBB", "browser")).unwrap_err());
    assert_eq!((unknown.0, unknown.1.as_str()), (400, "invalid_request"));
    for no_code in [
        "",
        "-",
        "BBBB",
        "AEIO-UAEI",
        "1234-5678",
        "\0",
        &"B".repeat(100_000),
        &expired.device,
    ] {
        let refusal = block_on(typed(&lab.server, no_code, "browser")).unwrap_err();
        assert_eq!(told(&refusal), unknown, "{no_code:.20}");
    }
    for (name, codes) in names.into_iter().zip([&expired, &yes, &no, &taken, &gone]) {
        let refusal = block_on(typed(&lab.server, &codes.user, "browser")).unwrap_err();
        assert_eq!(told(&refusal), unknown, "{name}");
        let code = UserCode::read(&codes.user).unwrap();
        let refusal = block_on(resume(&lab.server, &code, &Secret::new("browser"))).unwrap_err();
        assert_eq!(told(&refusal), unknown, "{name}");
    }
}

#[test]
fn only_the_session_that_entered_a_code_decides_about_it() {
    // R145, V085, C16
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let code = UserCode::read(&codes.user).unwrap();
    let (mine, theirs) = (Secret::new("mine"), Secret::new("theirs"));
    // Nobody entered it: nobody can go on with it.
    block_on(resume(&lab.server, &code, &mine)).unwrap_err();
    let _ = entered(&lab.server, &codes, "mine");
    block_on(typed(&lab.server, &codes.user, "theirs")).unwrap_err();
    block_on(resume(&lab.server, &code, &theirs)).unwrap_err();
    lab.send(&polling(&TV, &codes.device))
        .refused(400, "authorization_pending");
    // Whoever entered it may come back to it, by typing or without.
    let _ = entered(&lab.server, &codes, "mine");
    let request = block_on(resume(&lab.server, &code, &mine)).unwrap();
    block_on(approved(request)).unwrap();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn a_request_moves_with_a_session_whose_secret_changes() {
    // R145, V085, V131
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let code = UserCode::read(&codes.user).unwrap();
    let (before, after) = (Secret::new("before"), Secret::new("after"));
    let request = entered(&lab.server, &codes, "before");
    let old_tab = request.clone();
    let moved = block_on(request.hand_over(&after)).unwrap();
    block_on(resume(&lab.server, &code, &before)).unwrap_err();
    block_on(old_tab.clone().hand_over(&before)).unwrap_err();
    block_on(approved(old_tab.clone())).unwrap_err();
    block_on(old_tab.deny()).unwrap_err();
    lab.send(&polling(&TV, &codes.device))
        .refused(400, "authorization_pending");
    let _ = block_on(resume(&lab.server, &code, &after)).unwrap();
    block_on(approved(moved.clone())).unwrap();
    block_on(moved.hand_over(&before)).unwrap_err();
    lab.send(&polling(&TV, &codes.device)).granted();
}

#[test]
fn what_was_decided_stays_decided() {
    // R145, V087: back in the browser, and the other button.
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    block_on(page.clone().deny()).unwrap();
    block_on(approved(page.clone())).unwrap_err();
    block_on(page.deny()).unwrap_err();
    lab.send(&polling(&TV, &codes.device)).refused(400, "access_denied");

    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    block_on(approved(page.clone())).unwrap();
    block_on(page.clone().deny()).unwrap_err();
    block_on(page.approve("mallory", scope("read"))).unwrap_err();
    let tokens = lab.send(&polling(&TV, &codes.device)).granted();
    assert_eq!(lab.introspect(&tokens.access)["sub"], "alice");
}

#[test]
fn a_decision_after_the_code_expired_comes_too_late() {
    // C15, R139
    let lab = lab();
    let codes = begun(&lab.server, &TV);
    let page = entered(&lab.server, &codes, "browser");
    lab.clock.advance(Duration::from_secs(600));
    block_on(approved(page.clone())).unwrap_err();
    block_on(page.clone().deny()).unwrap_err();
    block_on(page.hand_over(&Secret::new("x"))).unwrap_err();
    lab.send(&polling(&TV, &codes.device)).refused(400, "expired_token");
    // A clock that was set back does not matter either: nobody decided.
    lab.clock.set(oauth_server::Timestamp::from_secs(1_700_000_000));
    let answer = lab.send(&polling(&TV, &codes.device));
    answer.refused(400, "authorization_pending");
}

#[test]
fn wrong_codes_are_counted_by_session_and_by_address_and_right_ones_are_not() {
    // R141, C28
    let limit = Three::default();
    let mounted = limit.clone();
    let lab = lab_with(RefreshToken::rotating(), |builder| builder.attempt_limit(mounted));
    let guess = |code: &str, browser: &str, address: &str| {
        let request = Call::post("/device").from(address.parse().unwrap()).request();
        block_on(enter(&lab.server, code, &Secret::new(browser), &Incoming::of(&request)))
    };
    let codes = begun(&lab.server, &TV);
    for _ in 0..10 {
        let _ = guess(&codes.user, "honest", "203.0.113.1").unwrap();
    }
    assert_eq!(limit.failures(), 0);
    // One session from changing addresses.
    for n in 0..3 {
        let refusal = guess("BBBB-BBBB", "guesser", &format!("198.51.100.{n}")).unwrap_err();
        assert_eq!(refusal.status().as_u16(), 400);
    }
    let refusal = guess(&codes.user, "guesser", "198.51.100.9").unwrap_err();
    assert_eq!(refusal.status().as_u16(), 429, "even the right one");
    assert!(refusal.reply().into_response().headers().contains_key("retry-after"));
    // One address with changing sessions; what is no code at all counts like any other.
    for n in 0..3 {
        let refusal = guess("not a code", &format!("session {n}"), "192.0.2.1").unwrap_err();
        assert_eq!(refusal.status().as_u16(), 400);
    }
    let refusal = guess(&codes.user, "another session", "192.0.2.1").unwrap_err();
    assert_eq!(refusal.status().as_u16(), 429);
    // A question that was not looked at is no guess of its session.
    for _ in 0..4 {
        assert_eq!(
            guess("BBBB-BBBB", "roaming", "192.0.2.1")
                .unwrap_err()
                .status()
                .as_u16(),
            429
        );
    }
    let _ = guess(&begun(&lab.server, &TV).user, "roaming", "192.0.2.2").unwrap();
    // A code that somebody else entered is a wrong one, too.
    for _ in 0..3 {
        assert_eq!(
            guess(&codes.user, "thief", "192.0.2.7").unwrap_err().status().as_u16(),
            400
        );
    }
    assert_eq!(
        guess(&codes.user, "thief", "192.0.2.8").unwrap_err().status().as_u16(),
        429
    );
    // The honest person is served, and no name that is counted tells the secret of a session.
    let request = guess(&codes.user, "honest", "203.0.113.1").unwrap();
    block_on(approved(request)).unwrap();
    assert_eq!(limit.guessed(), BTreeSet::from([USER_CODE_GUESS]));
    let names = limit.names();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("guesser") && !name.contains("honest"))
    );
    // Finding one's own code again is no guess.
    for _ in 0..10 {
        block_on(resume(
            &lab.server,
            &UserCode::read("BBBB-BBBB").unwrap(),
            &Secret::new("honest"),
        ))
        .unwrap_err();
    }
    let _ = guess(&begun(&lab.server, &TV).user, "honest", "203.0.113.1").unwrap();
}

#[test]
fn while_the_store_is_down_no_code_is_wrong() {
    // R141, C28
    let limit = Three::default();
    let mounted = limit.clone();
    let lab = Lab::over(Flaky::new(oauth_server::MemoryStore::new()), |builder| {
        builder.install(DeviceCode::new()).attempt_limit(mounted)
    });
    let codes = begun(&lab.server, &TV);
    for call in 1..=3 {
        for moment in [Moment::Before, Moment::After] {
            lab.store.fail(call, moment);
            let refusal = block_on(typed(&lab.server, &codes.user, &format!("{call}{moment:?}"))).unwrap_err();
            assert_eq!(refusal.status().as_u16(), 503, "{call} {moment:?}");
            assert_eq!(limit.failures(), 0);
        }
    }
}
