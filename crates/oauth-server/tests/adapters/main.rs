//! One server by three ways in: axum, actix-web and a tower service.
//!
//! A story is a list of requests, each made of what the earlier ones were answered. Time and chance repeat
//! themselves, so a story that is told to each adapter has to be answered alike, byte by byte.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and helpers of tests")]

mod adapter;
mod alike;
mod application;
mod by_actix;
mod by_axum;
mod by_tower;
mod guard;
mod house;
mod sockets;
mod stories;
