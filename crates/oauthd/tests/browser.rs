//! Clients from npm against the real server.
