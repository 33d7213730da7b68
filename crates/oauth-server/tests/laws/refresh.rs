//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14): rotation, reuse, grace, lifetimes.

use std::time::Duration;

use oauth_server::{RefreshToken, RotationPolicy};
use oauth_testkit::block_on;
use oauth_testkit::http::{Tokens, Who};
use oauth_testkit::lab::{APP, POSTER, STRANGER, WEB, authorization, redemption, refreshing, revoking};

use crate::{lab, lab_with};

const GRACE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_refresh_token_is_replaced_by_its_use() {
    // R127, R133
    let lab = lab();
    for who in [APP, WEB, POSTER] {
        let mut tokens = lab.tokens(&who);
        for _ in 0..5 {
            let next = lab.refresh(&who, tokens.refresh()).granted();
            assert_ne!(next.refresh, tokens.refresh);
            assert_ne!(next.access, tokens.access);
            assert_eq!(next.scope, "read write");
            assert!(!lab.is_active(tokens.refresh()));
            assert!(lab.is_active(&tokens.access), "an access token lives out its time");
            tokens = next;
        }
    }
}

#[test]
fn a_rotated_token_presented_again_ends_the_whole_authorization() {
    // R128, C06, V046–V050
    let lab = lab();
    for who in [APP, WEB] {
        let first = lab.tokens(&who);
        let second = lab.refresh(&who, first.refresh()).granted();
        let third = lab.refresh(&who, second.refresh()).granted();
        let other = lab.tokens(&who);
        lab.refresh(&who, first.refresh()).refused(400, "invalid_grant");
        for token in [&first.access, &second.access, &third.access, third.refresh()] {
            assert!(!lab.is_active(token));
        }
        lab.refresh(&who, third.refresh()).refused(400, "invalid_grant");
        assert!(
            lab.is_active(other.refresh()),
            "another sign-in is another authorization"
        );
    }
}

#[test]
fn rotation_within_one_instant_is_still_an_order() {
    // C12, V051: no time has passed between any of these.
    let lab = lab();
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    let third = lab.refresh(&APP, second.refresh()).granted();
    lab.refresh(&APP, second.refresh()).refused(400, "invalid_grant");
    assert!(!lab.is_active(third.refresh()));
}

#[test]
fn a_rotated_token_stays_rotated_when_the_server_starts_again() {
    // R135, C13, V052: the same store under a new server.
    let lab = lab();
    let first = lab.tokens(&APP);
    let second = lab.refresh(&APP, first.refresh()).granted();
    let again = oauth_testkit::Lab::over(lab.store.clone(), |builder| {
        builder
            .entropy(oauth_testkit::SeededEntropy::new(8))
            .install(oauth_server::AuthorizationCode::new())
            .install(RefreshToken::rotating())
    });
    let third = again.refresh(&APP, second.refresh()).granted();
    again.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(!again.is_active(third.refresh()));
}

#[test]
fn a_refresh_token_belongs_to_its_client() {
    // R124, V006, V056
    let lab = lab();
    for owner in [APP, WEB] {
        let tokens = lab.tokens(&owner);
        for thief in [STRANGER, POSTER] {
            lab.refresh(&thief, tokens.refresh()).refused(400, "invalid_grant");
            assert!(lab.is_active(&tokens.access));
        }
        let next = lab.refresh(&owner, tokens.refresh()).granted();
        // Presenting somebody else's rotated token ends nothing either.
        lab.refresh(&STRANGER, tokens.refresh()).refused(400, "invalid_grant");
        assert!(lab.is_active(next.refresh()));
    }
}

#[test]
fn scope_never_grows_and_narrowing_does_not_stick() {
    // R125
    let lab = lab();
    let tokens = lab.tokens(&WEB);
    let with = |token: &str, scope: &str| lab.send(&refreshing(&WEB, token).with("scope", scope));
    let narrow = with(tokens.refresh(), "read").granted();
    assert_eq!(narrow.scope, "read");
    assert_eq!(lab.introspect(&narrow.access)["scope"], "read");
    let wide = lab.refresh(&WEB, narrow.refresh()).granted();
    assert_eq!(wide.scope, "read write");
    for more in ["admin", "read write admin", "nothing-such", "a\"b"] {
        with(wide.refresh(), more).refused(400, "invalid_scope");
    }
    // A refusal for the scope spends nothing.
    with(wide.refresh(), "write read").granted();

    let request = authorization(&WEB).set("scope", "read");
    let code = lab.approve(&request).param("code").unwrap();
    let small = lab.send(&redemption(&WEB, &code)).granted();
    with(small.refresh(), "read write").refused(400, "invalid_scope");
    assert_eq!(lab.refresh(&WEB, small.refresh()).granted().scope, "read");
}

#[test]
fn idle_and_absolute_lifetimes_end_it() {
    // R132
    let lab = lab();
    let tokens = lab.tokens(&APP);
    lab.clock.advance((DAY * 14).saturating_sub(Duration::from_millis(1)));
    let next = lab.refresh(&APP, tokens.refresh()).granted();
    lab.clock.advance(DAY * 14);
    lab.refresh(&APP, next.refresh()).refused(400, "invalid_grant");

    // Used every ten days, it still ends after ninety.
    let mut tokens = lab.tokens(&APP);
    for _ in 0..8 {
        lab.clock.advance(DAY * 10);
        tokens = lab.refresh(&APP, tokens.refresh()).granted();
    }
    lab.clock.advance((DAY * 10).saturating_sub(Duration::from_millis(1)));
    tokens = lab.refresh(&APP, tokens.refresh()).granted();
    lab.clock.advance(Duration::from_millis(1));
    lab.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");
}

#[test]
fn a_client_s_own_lifetime_goes_before_the_grant_s() {
    let lab = lab();
    lab.edit(&APP, |client| client.refresh_token_lifetime = Some(60));
    let tokens = lab.tokens(&APP);
    lab.clock.advance(Duration::from_secs(59));
    let next = lab.refresh(&APP, tokens.refresh()).granted();
    lab.clock.advance(Duration::from_secs(60));
    lab.refresh(&APP, next.refresh()).refused(400, "invalid_grant");
}

#[test]
fn reuse_is_noticed_although_the_access_token_is_long_gone() {
    // V125, C33
    let lab = lab();
    let first = lab.tokens(&APP);
    lab.clock.advance(Duration::from_secs(2 * 3600));
    block_on(lab.server.sweep(1000)).unwrap();
    let second = lab.refresh(&APP, first.refresh()).granted();
    lab.send(&revoking(&APP, &second.access));
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    lab.refresh(&APP, second.refresh()).refused(400, "invalid_grant");
}

#[test]
fn an_expired_token_that_was_rotated_is_still_a_replay() {
    let lab = lab();
    let first = lab.tokens(&APP);
    lab.clock.advance(DAY * 13);
    let second = lab.refresh(&APP, first.refresh()).granted();
    lab.clock.advance(DAY * 2);
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(!lab.is_active(second.refresh()));
}

#[test]
fn without_rotation_one_token_serves_and_slides() {
    // C08, R129, R132
    let lab = lab_with(RefreshToken::new(RotationPolicy::Never), |builder| builder);
    let tokens = lab.tokens(&WEB);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let answer = lab.refresh(&WEB, tokens.refresh()).granted();
        assert!(seen.insert(answer.access.clone()));
        assert_eq!(answer.refresh, None, "the old one stays, so none is sent");
        lab.clock.advance(DAY * 13);
    }
    // Six times thirteen days have passed; it slid along, and ends at ninety all the same.
    lab.refresh(&WEB, tokens.refresh()).granted();
    lab.clock.advance(DAY * 12);
    lab.refresh(&WEB, tokens.refresh()).refused(400, "invalid_grant");

    let idle = lab.tokens(&WEB);
    lab.clock.advance(DAY * 14);
    lab.refresh(&WEB, idle.refresh()).refused(400, "invalid_grant");
    assert!(!lab.is_active(idle.refresh()));
}

#[test]
fn by_default_the_tokens_of_public_clients_rotate_and_others_stay() {
    // R127, R129
    let lab = lab_with(RefreshToken::new(RotationPolicy::default()), |builder| builder);
    let public = lab.tokens(&APP);
    assert!(lab.refresh(&APP, public.refresh()).granted().refresh.is_some());
    lab.refresh(&APP, public.refresh()).refused(400, "invalid_grant");
    let confidential = lab.tokens(&WEB);
    for _ in 0..3 {
        assert_eq!(lab.refresh(&WEB, confidential.refresh()).granted().refresh, None);
    }
}

#[test]
fn without_a_refresh_grant_or_its_registration_none_is_issued() {
    // Real clients (6): by the client's grant types, without asking for `offline_access`.
    let lab = lab();
    lab.edit(&APP, |client| {
        client
            .grant_types
            .retain(|grant| *grant != oauth_server::GrantType::REFRESH_TOKEN);
    });
    assert_eq!(lab.tokens(&APP).refresh, None);
    let none = oauth_testkit::Lab::over(
        oauth_testkit::Watched::new(oauth_server::MemoryStore::new()),
        |builder| builder.install(oauth_server::AuthorizationCode::new()),
    );
    assert_eq!(none.tokens(&APP).refresh, None);
    none.refresh(&APP, "x").refused(400, "unsupported_grant_type");
}

/// Within the grace of [`GRACE`], the first token and what came of it.
fn rotated_once(lab: &oauth_testkit::Lab<crate::Store>, who: &Who) -> (Tokens, Tokens) {
    let first = lab.tokens(who);
    let second = lab.refresh(who, first.refresh()).granted();
    (first, second)
}

#[test]
fn a_lost_answer_may_be_asked_for_again_within_the_grace() {
    // R129, C05, C07
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, lost) = rotated_once(&lab, &APP);
    lab.clock.advance(GRACE.saturating_sub(Duration::from_millis(1)));
    let again = lab.refresh(&APP, first.refresh()).granted();
    assert!(!lab.is_active(lost.refresh()), "one line survives");
    assert_eq!(block_on(lab.store.live_refresh_tokens()).values().sum::<usize>(), 1);
    let next = lab.refresh(&APP, again.refresh()).granted();
    assert!(lab.is_active(next.refresh()));
}

#[test]
fn after_the_grace_reuse_is_reuse() {
    // C07
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, second) = rotated_once(&lab, &APP);
    lab.clock.advance(GRACE);
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(!lab.is_active(second.refresh()));
    assert!(!lab.is_active(&second.access));
}

#[test]
fn the_grace_is_counted_from_the_first_rotation() {
    // C07: asking again does not prolong it.
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, _) = rotated_once(&lab, &APP);
    lab.clock.advance(GRACE / 2);
    let second = lab.refresh(&APP, first.refresh()).granted();
    lab.clock.advance(GRACE / 2);
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(!lab.is_active(second.refresh()));
}

#[test]
fn once_the_new_token_was_used_the_old_one_is_refused_even_within_the_grace() {
    // C07, C09: the answer was not lost, so whoever asks again is somebody else.
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, second) = rotated_once(&lab, &APP);
    let third = lab.refresh(&APP, second.refresh()).granted();
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
    assert!(
        block_on(lab.store.live_refresh_tokens())
            .values()
            .all(|live| *live <= 1)
    );
    // Within the grace the second may be asked for again, but not revived once it is older than its successor.
    let again = lab.refresh(&APP, second.refresh()).granted();
    assert!(!lab.is_active(third.refresh()));
    assert!(lab.is_active(again.refresh()));
}

#[test]
fn the_token_that_was_replaced_within_the_grace_is_dead() {
    // C07: both ends of the fork cannot live.
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, lost) = rotated_once(&lab, &APP);
    let again = lab.refresh(&APP, first.refresh()).granted();
    lab.refresh(&APP, lost.refresh()).refused(400, "invalid_grant");
    assert!(lab.is_active(again.refresh()), "that it was sent at all shows no thief");
}

#[test]
fn a_grace_prolongs_no_lifetime() {
    // R132
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let mut tokens = lab.tokens(&APP);
    for _ in 0..8 {
        lab.clock.advance(DAY * 10);
        tokens = lab.refresh(&APP, tokens.refresh()).granted();
    }
    lab.clock.advance((DAY * 10).saturating_sub(GRACE / 3));
    lab.refresh(&APP, tokens.refresh()).granted();
    lab.clock.advance(GRACE / 3);
    // Ninety days are over; the answer that was lost would be worth nothing now.
    lab.refresh(&APP, tokens.refresh()).refused(400, "invalid_grant");

    lab.edit(&APP, |client| client.refresh_token_lifetime = Some(10));
    let (first, _) = rotated_once(&lab, &APP);
    lab.clock.advance(GRACE / 3);
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
}

#[test]
fn grace_does_not_outlive_a_revocation() {
    // R157, V053
    let lab = lab_with(RefreshToken::rotating().grace(GRACE), |builder| builder);
    let (first, second) = rotated_once(&lab, &APP);
    lab.send(&revoking(&APP, second.refresh()));
    lab.refresh(&APP, first.refresh()).refused(400, "invalid_grant");
}

#[test]
fn odd_refresh_requests_are_refused_and_the_server_lives() {
    // V057
    let lab = lab();
    let tokens = lab.tokens(&APP);
    let long = "x".repeat(60_000);
    for odd in [
        "x",
        "..",
        "e30.e30.",
        "é",
        "\u{1f600}",
        "%",
        " ",
        "null",
        "{}",
        long.as_str(),
    ] {
        lab.refresh(&APP, odd).refused(400, "invalid_grant");
        assert_eq!(lab.send(&refreshing(&APP, odd).without("client_id")).status(), 401);
    }
    lab.refresh(&APP, tokens.refresh()).granted();
}
