//! Laws for requests that race: at any door of a server, in process or over a network, above any store.
//!
//! ```
//! # use oauth_core::Server;
//! # async fn proof(server: Server) -> oauth_testkit::Verdict {
//! use oauth_testkit::lab::APP;
//! use oauth_testkit::parallel;
//!
//! parallel::one_code_pays_once(&server, &APP, 32).await?;
//! parallel::one_refresh_wins(&server, &APP, 32).await
//! # }
//! ```

use async_trait::async_trait;
use oauth_core::Server;

use crate::conformance::{Broken, Verdict};
use crate::http::{Answer, Call, Tokens, Who};
use crate::lab::{API, STRANGER, code, introspecting, redemption, refreshing, revoking};
use crate::polling::racing;

/// Where requests go in: the [`Server`] itself, or your own way to one that listens on a socket. It serves
/// the clients of [`lab`](crate::lab).
#[async_trait]
pub trait Door: Clone + Send + Sync + 'static {
    /// Sends a request and waits for the answer.
    async fn answer(&self, call: &Call) -> Answer;

    /// A fresh code for that client, by the authorization request that [`lab::authorization`](crate::lab::authorization) makes.
    async fn code(&self, who: &Who) -> String;
}

#[async_trait]
impl Door for Server {
    async fn answer(&self, call: &Call) -> Answer {
        call.serve(self).await
    }

    async fn code(&self, who: &Who) -> String {
        code(self, who).await
    }
}

/// Sends requests at once; what they were granted, and that all others were refused as `invalid_grant`.
async fn race<D: Door>(law: &'static str, door: &D, calls: Vec<Call>) -> Result<Vec<Tokens>, Broken> {
    let answers = racing(calls.into_iter().map(|call| {
        let door = door.clone();
        async move { door.answer(&call).await }
    }))
    .await;
    let mut granted = Vec::new();
    for answer in answers {
        match (answer.status(), answer.member("error").as_deref()) {
            (200, None) => granted.push(answer.granted()),
            (400, Some("invalid_grant")) => {}
            other => return Err(Broken::new(law, format!("an answer was {other:?}"))),
        }
    }
    Ok(granted)
}

async fn active<D: Door>(door: &D, tokens: &[&str]) -> usize {
    let mut count = 0;
    for token in tokens {
        let told = door.answer(&introspecting(&API, token)).await;
        count += usize::from(told.json()["active"] == true);
    }
    count
}

fn every(granted: &[Tokens]) -> Vec<&str> {
    granted
        .iter()
        .flat_map(|tokens| [Some(tokens.access.as_str()), tokens.refresh.as_deref()])
        .flatten()
        .collect()
}

/// Of many parallel redemptions of one code exactly one is granted; the others are replays, so that what
/// the one was granted ends (RFC 6749 §4.1.2). Strangers who join in change nothing.
///
/// # Errors
/// [`Broken`] says what was seen.
pub async fn one_code_pays_once<D: Door>(door: &D, who: &Who, parallel: usize) -> Verdict {
    let law = "one_code_pays_once";
    let code = door.code(who).await;
    let mut calls = vec![redemption(who, &code); parallel];
    calls.extend(vec![redemption(&STRANGER, &code); parallel / 4]);
    let granted = race(law, door, calls).await?;
    if granted.len() != 1 {
        return Err(Broken::new(
            law,
            format!("{} of {parallel} redemptions were granted", granted.len()),
        ));
    }
    match active(door, &every(&granted)).await {
        0 => Ok(()),
        alive => Err(Broken::new(
            law,
            format!("{alive} tokens survived the replay of their code"),
        )),
    }
}

/// Wrong verifiers in parallel with the right one: at most one redemption is granted, and no guess is ever one.
///
/// # Errors
/// [`Broken`] says what was seen.
pub async fn one_guess_is_all_there_is<D: Door>(door: &D, who: &Who, parallel: usize) -> Verdict {
    let law = "one_guess_is_all_there_is";
    let code = door.code(who).await;
    let mut calls: Vec<Call> = (0..parallel)
        .map(|n| redemption(who, &code).set("code_verifier", format!("{n:043}")))
        .collect();
    calls.insert(parallel / 2, redemption(who, &code));
    let granted = race(law, door, calls).await?;
    let again = door.answer(&redemption(who, &code)).await;
    if granted.len() > 1 || again.status() == 200 {
        return Err(Broken::new(law, "the code was good for more than one request"));
    }
    Ok(())
}

/// Of many parallel uses of one refresh token exactly one is granted; the others show that two parties hold it, so
/// the authorization ends (RFC 9700 §4.14.2). For a server that rotates without grace.
///
/// # Errors
/// [`Broken`] says what was seen.
pub async fn one_refresh_wins<D: Door>(door: &D, who: &Who, parallel: usize) -> Verdict {
    let law = "one_refresh_wins";
    let first = door.answer(&redemption(who, &door.code(who).await)).await.granted();
    let mut calls = vec![refreshing(who, first.refresh()); parallel];
    calls.extend(vec![refreshing(&STRANGER, first.refresh()); parallel / 4]);
    let mut granted = race(law, door, calls).await?;
    if granted.len() != 1 {
        return Err(Broken::new(
            law,
            format!("{} of {parallel} refreshes were granted", granted.len()),
        ));
    }
    granted.push(first);
    match active(door, &every(&granted)).await {
        0 => Ok(()),
        alive => Err(Broken::new(
            law,
            format!("{alive} tokens survived the reuse of their refresh token"),
        )),
    }
}

/// However many parallel uses of one refresh token are granted, at most one of the new tokens is alive afterwards.
/// For any server; within a grace this is what is left of [`one_refresh_wins`].
///
/// # Errors
/// [`Broken`] says what was seen.
pub async fn one_line_survives<D: Door>(door: &D, who: &Who, parallel: usize) -> Verdict {
    let law = "one_line_survives";
    let first = door.answer(&redemption(who, &door.code(who).await)).await.granted();
    let mut lines = vec![first];
    for _ in 0..3 {
        let calls: Vec<Call> = (0..parallel)
            .map(|n| refreshing(who, lines[n % lines.len()].refresh()))
            .collect();
        let answers = racing(calls.into_iter().map(|call| {
            let door = door.clone();
            async move { door.answer(&call).await }
        }))
        .await;
        for answer in answers {
            match answer.status() {
                200 => lines.push(answer.granted()),
                // Whoever loses the same row over and over is told to come again.
                400 | 503 => {}
                other => return Err(Broken::new(law, format!("an answer was {other}"))),
            }
        }
        let refresh: Vec<&str> = lines.iter().filter_map(|tokens| tokens.refresh.as_deref()).collect();
        let alive = active(door, &refresh).await;
        if alive > 1 {
            return Err(Broken::new(
                law,
                format!("{alive} refresh tokens of one authorization are alive"),
            ));
        }
    }
    if lines.len() == 1 {
        return Err(Broken::new(law, "nobody was granted anything"));
    }
    Ok(())
}

/// A refresh and a revocation at the same moment leave nothing alive, whoever was first (RFC 7009 §2.1).
///
/// # Errors
/// [`Broken`] says what was seen.
pub async fn revocation_beats_refresh<D: Door>(door: &D, who: &Who, parallel: usize) -> Verdict {
    let law = "revocation_beats_refresh";
    let first = door.answer(&redemption(who, &door.code(who).await)).await.granted();
    let mut calls = vec![refreshing(who, first.refresh()); parallel];
    calls.insert(parallel / 2, revoking(who, first.refresh()));
    let answers = racing(calls.into_iter().map(|call| {
        let door = door.clone();
        async move { door.answer(&call).await }
    }))
    .await;
    let mut seen = vec![first];
    for answer in answers {
        if answer.member("access_token").is_some() {
            seen.push(answer.granted());
        }
    }
    match active(door, &every(&seen)).await {
        0 => Ok(()),
        alive => Err(Broken::new(
            law,
            format!("{alive} tokens are alive after the revocation"),
        )),
    }
}
