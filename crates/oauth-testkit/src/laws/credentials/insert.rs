//! Inserting and finding.

use oauth_core::{AuthorizationId, Change, Credential, Json, Key, Secret, State, Timestamp};
use serde_json::json;

use super::Erased;
use super::trial::{Outcome, Trial, inserts};
use crate::conformance::Verdict;
use crate::polling::{interleaved, racing};
use crate::sample::{EXPIRY, OTHER, SAMPLE, authorization, credential, key};

/// A credential is found exactly as it was inserted: every field, every state, any text, 64 KiB of data.
pub async fn found_as_inserted(store: &Erased) -> Verdict {
    let trial = Trial::of("found_as_inserted", store);
    trial
        .finds_nothing("a store that was just made", &key("never inserted"))
        .await?;
    let strange = strange_credentials();
    for one in &strange {
        trial.accepts("inserting a credential", &inserts([one])).await?;
        trial.finds("a credential that was just inserted", one).await?;
    }
    let together: Vec<Credential> = (0..20)
        .map(|n| credential(&format!("together {n}"), authorization("together")))
        .collect();
    trial.accepts("inserting many at once", &inserts(&together)).await?;
    for one in together.iter().chain(&strange) {
        trial.finds("a credential after others were inserted", one).await?;
    }
    trial
        .finds_nothing("a key that nobody inserted", &key("never inserted"))
        .await
}

fn strange_credentials() -> Vec<Credential> {
    let base = |name: &str| credential(name, authorization(name));
    let mut all = vec![base("plain")];
    for state in [State::Live, State::Spent, State::Revoked] {
        let name = format!("born {state:?}");
        all.push(Credential { state, ..base(&name) });
    }
    for text in [
        "",
        "Zoë Müller-Łuksza 日本語 🦀 \u{202e}rtl\u{202c} e\u{301}",
        "'; DROP TABLE credentials; -- \\ \" % _ {} [] * ? \r\n\t",
        " leading and trailing ",
        "\u{feff}bom \u{7f} \u{1b}[31m",
    ] {
        all.push(Credential {
            client: text.into(),
            subject: Some(text.into()),
            data: Json::from_stored(json!({ "text": text, text: [text] }).to_string()),
            ..base(&format!("text {text}"))
        });
    }
    for (n, data) in [
        json!(null),
        json!({}),
        json!([1, -1, 0.1, 1e300, u64::MAX, i64::MIN, true]),
        json!({ "nul": "a\u{0}b", "nested": { "deep": [[[{ "x": {} }]]] } }),
        json!({ "big": "é日🦀x".repeat(6_500) }),
        json!({ "big": "a".repeat(64 * 1024) }),
    ]
    .into_iter()
    .enumerate()
    {
        let data = Json::from_stored(data.to_string());
        all.push(Credential {
            data,
            ..base(&format!("data {n}"))
        });
    }
    // What expired already is for `the_store_never_looks_at_the_clock` to judge.
    let expiries = [
        EXPIRY.as_millis() + 1,
        EXPIRY.as_millis() + 999,
        Timestamp::MAX.as_millis(),
    ];
    for (n, expires_at) in expiries.into_iter().enumerate() {
        let expires_at = Timestamp::from_millis(expires_at);
        all.push(Credential {
            expires_at,
            ..base(&format!("expiry {n}"))
        });
    }
    let tokens: Vec<String> = (0..300).map(|n| format!("urn:example:scope:{n:03}")).collect();
    all.push(Credential {
        scope: tokens.join(" ").parse().unwrap_or_default(),
        revision: 1 << 40,
        ..base("a long scope and a high revision")
    });
    all.push(Credential {
        subject: None,
        scope: oauth_core::Scope::none(),
        ..base("without subject and scope")
    });
    for (n, byte) in [0x00, 0x27, 0x5c, 0x80, 0xff].into_iter().enumerate() {
        all.push(Credential {
            key: Key::from_parts("testkit:größe/✓", [byte; 32]),
            ..credential("bytes", AuthorizationId::from_bytes([byte; 16]))
        });
        let mut digest = [0u8; 32];
        digest[31 - n] = 1;
        all.push(Credential {
            key: Key::from_parts(SAMPLE.name(), digest),
            ..credential("bytes", AuthorizationId::from_bytes([byte; 16]))
        });
    }
    all
}

/// The kind is part of the key: the same secret is another credential as another kind.
pub async fn kinds_are_namespaces(store: &Erased) -> Verdict {
    let trial = Trial::of("kinds_are_namespaces", store);
    let secret = Secret::new("one secret");
    let code = credential("one secret", authorization("a"));
    let token = Credential {
        key: Key::of(&OTHER, &secret),
        data: Json::from_stored("\"of the other kind\""),
        ..credential("one secret", authorization("b"))
    };
    trial.accepts("inserting a credential", &inserts([&code])).await?;
    trial
        .finds_nothing("the same secret as another kind", &token.key)
        .await?;
    trial
        .refuses(
            "spending the same secret as another kind",
            &[Change::Spend(token.key.clone())],
        )
        .await?;
    trial
        .accepts("inserting the same secret as another kind", &inserts([&token]))
        .await?;
    trial.finds("the first kind", &code).await?;
    trial.finds("the second kind", &token).await?;
    trial
        .accepts("spending the first kind", &[Change::Spend(code.key.clone())])
        .await?;
    trial.finds("the second kind after the first was spent", &token).await?;
    trial
        .accepts("revoking the second kind", &[Change::Revoke(token.key.clone())])
        .await?;
    trial
        .finds_in(State::Spent, "the first kind after the second was revoked", &code.key)
        .await?;
    // Names that run into each other when they are glued together without care.
    let (short, long) = (Key::from_parts("k", [7; 32]), Key::from_parts("k:", [7; 32]));
    let pair = [short, long].map(|key| Credential {
        key,
        ..credential("glued", authorization("glued"))
    });
    trial
        .accepts("inserting kinds with similar names at once", &inserts(&pair))
        .await?;
    trial
        .accepts("spending the shorter kind", &[Change::Spend(pair[0].key.clone())])
        .await?;
    trial.finds("the longer kind", &pair[1]).await
}

/// A key is taken by its first insert, whatever becomes of it.
pub async fn a_key_is_inserted_once(store: &Erased) -> Verdict {
    let trial = Trial::of("a_key_is_inserted_once", store);
    let again = |name: &str| Credential {
        data: Json::from_stored("\"again\""),
        ..credential(name, authorization("of the second"))
    };

    let live = credential("live", authorization("live"));
    trial.accepts("inserting a credential", &inserts([&live])).await?;
    trial
        .refuses("inserting its key again", &inserts([&again("live")]))
        .await?;
    trial
        .refuses("inserting the very same again", &inserts([&live]))
        .await?;
    trial.finds("the one that was first", &live).await?;

    let ends: [(&str, Change); 3] = [
        ("spent", Change::Spend(key("spent"))),
        ("revoked", Change::Revoke(key("revoked"))),
        (
            "of a revoked authorization",
            Change::RevokeAuthorization(authorization("of a revoked authorization")),
        ),
    ];
    for (name, end) in ends {
        let first = credential(name, authorization(name));
        trial.accepts("inserting a credential", &inserts([&first])).await?;
        trial.accepts("ending it", &[end]).await?;
        trial
            .refuses(
                &format!("inserting the key of one that is {name}"),
                &inserts([&again(name)]),
            )
            .await?;
    }

    let twice = inserts([&credential("twice", authorization("twice")), &again("twice")]);
    trial.refuses("inserting one key twice in one commit", &twice).await?;

    for round in 0..8 {
        let name = format!("raced for {round}");
        let contenders: Vec<Credential> = (0..16)
            .map(|n| Credential {
                data: Json::from_stored(n.to_string()),
                ..credential(&name, authorization(&format!("{name} by {n}")))
            })
            .collect();
        let attempts = contenders.iter().cloned().map(|contender| {
            let trial = trial.clone();
            async move { trial.commits("racing to insert", &[Change::Insert(contender)]).await }
        });
        let outcomes = if round % 2 == 0 {
            racing(attempts).await
        } else {
            interleaved(attempts).await
        };
        let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        let winners: Vec<&Credential> = contenders
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::Made)
            .map(|(contender, _)| contender)
            .collect();
        trial.ensure(winners.len() == 1, || {
            format!("{} of 16 commits inserted the same key", winners.len())
        })?;
        trial.finds("the winner of the race", winners[0]).await?;
    }
    Ok(())
}
