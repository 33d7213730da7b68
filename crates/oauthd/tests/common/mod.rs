//! What the end-to-end tests share: the real program as a process, a lean HTTP client, a browser without JavaScript.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail at once")]

pub(crate) mod browser;
pub(crate) mod chance;
pub(crate) mod clients;
pub(crate) mod daemon;
pub(crate) mod deadline;
pub(crate) mod devices;
pub(crate) mod http;

pub(crate) use browser::{Browser, Form, Landing, Page};
pub(crate) use chance::Chance;
pub(crate) use clients::{Tokens, basic};
pub(crate) use daemon::{Config, Daemon, oauthd};
pub(crate) use deadline::Deadline;
pub(crate) use http::{Answer, Connection, Http, encoded};
