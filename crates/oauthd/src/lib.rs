//! The parts of `oauthd`, a ready-to-run OAuth 2.x authorization server.

pub mod backend;
pub mod pages;
pub mod web;
