//! In-memory store for an OAuth 2.x authorization server: the reference store.
