//! A ready-to-run OAuth 2.x authorization server.
fn main() {}
