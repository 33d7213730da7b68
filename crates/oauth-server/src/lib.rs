//! OAuth 2.x authorization server toolkit: grants, stores and adapters behind Cargo features.
