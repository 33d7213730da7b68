//! The parts of `oauthd`, a ready-to-run OAuth 2.x authorization server.

pub mod admin;
pub mod assemble;
pub mod backend;
pub mod check;
pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod limits;
pub mod origins;
pub mod pages;
pub mod people;
pub mod registry;
pub mod run;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod users;
pub mod web;
