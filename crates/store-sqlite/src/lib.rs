//! SQLite store for an OAuth 2.x authorization server: the embedded default.
