//! Requests that race on real threads.

use std::time::Duration;

use oauth_server::{AuthorizationCode, Builder, CredentialStore, RefreshToken, SqliteStore};
use oauth_testkit::lab::{APP, WEB};
use oauth_testkit::{Lab, Verdict, Watched, block_on, parallel};

use crate::{lab, lab_with};

const ROUNDS: usize = 200;
const AT_ONCE: usize = 32;

/// Many rounds on a runtime with threads of its own; afterwards no authorization has two live refresh tokens.
fn rounds<S: CredentialStore>(lab: &Lab<Watched<S>>, rounds: usize, law: impl AsyncFn() -> Verdict) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..rounds {
            law().await.unwrap();
        }
        assert!(lab.store.live_refresh_tokens().await.values().all(|live| *live <= 1));
    });
}

#[test]
fn of_32_redemptions_of_one_code_one_is_granted() {
    // C01, C03
    let lab = lab();
    rounds(&lab, ROUNDS, async || {
        parallel::one_code_pays_once(&lab.server, &APP, AT_ONCE).await
    });
}

#[test]
fn of_32_redemptions_by_a_confidential_client_one_is_granted() {
    // C01
    let lab = lab();
    rounds(&lab, ROUNDS, async || {
        parallel::one_code_pays_once(&lab.server, &WEB, 8).await
    });
}

#[test]
fn a_flood_of_wrong_verifiers_gets_one_guess() {
    // C02
    let lab = lab();
    rounds(&lab, ROUNDS, async || {
        parallel::one_guess_is_all_there_is(&lab.server, &APP, AT_ONCE).await
    });
}

#[test]
fn of_32_refreshes_of_one_token_one_is_granted() {
    // C06, V046–V050
    let lab = lab();
    rounds(&lab, ROUNDS, async || {
        parallel::one_refresh_wins(&lab.server, &APP, AT_ONCE).await
    });
}

#[test]
fn within_the_grace_one_line_survives_any_race() {
    // C07, C09
    let lab = lab_with(
        RefreshToken::rotating().grace(Duration::from_secs(30)),
        |builder: Builder| builder,
    );
    rounds(&lab, ROUNDS, async || {
        parallel::one_line_survives(&lab.server, &APP, 8).await
    });
}

#[test]
fn a_revocation_beats_every_refresh_of_the_same_moment() {
    // C10, V053, R157
    for grace in [Duration::ZERO, Duration::from_secs(30)] {
        let lab = lab_with(RefreshToken::rotating().grace(grace), |builder: Builder| builder);
        rounds(&lab, ROUNDS, async || {
            parallel::revocation_beats_refresh(&lab.server, &APP, 8).await
        });
    }
}

#[test]
fn above_sqlite_the_same_holds() {
    // C01, C02, C06, C07, C10, C35
    let directory = tempfile::tempdir().unwrap();
    let grace = RefreshToken::rotating().grace(Duration::from_secs(30));
    for (name, refresh) in [("strict.db", RefreshToken::rotating()), ("grace.db", grace)] {
        let strict = name == "strict.db";
        let store = block_on(SqliteStore::open(directory.path().join(name))).unwrap();
        let lab = Lab::over(Watched::new(store), |builder| {
            builder.install(AuthorizationCode::new()).install(refresh)
        });
        rounds(&lab, 10, async || {
            parallel::one_code_pays_once(&lab.server, &APP, AT_ONCE).await?;
            parallel::one_guess_is_all_there_is(&lab.server, &APP, AT_ONCE).await?;
            parallel::one_line_survives(&lab.server, &APP, 8).await?;
            parallel::revocation_beats_refresh(&lab.server, &APP, 8).await?;
            if strict {
                parallel::one_refresh_wins(&lab.server, &APP, AT_ONCE).await?;
            }
            Ok(())
        });
    }
}
