//! The parts of `oauthd`, a ready-to-run OAuth 2.x authorization server.

pub mod backend;
pub mod origins;
pub mod pages;
pub mod people;
pub mod web;
