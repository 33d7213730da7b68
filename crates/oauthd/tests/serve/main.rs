//! `oauthd serve` from outside: by HTTP messages, good ones and bad ones.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

#[path = "../common/mod.rs"]
mod common;

mod consent;
mod device;
mod device_decisions;
mod forms;
mod hostile;
mod legacy;
mod messages;
mod metadata;
mod pages;
mod raw;
mod sessions;
mod sign_in;
mod stopping;
