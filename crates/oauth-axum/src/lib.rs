//! Routes and extractors that mount an OAuth 2.x authorization server in axum.
