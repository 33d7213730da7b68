//! What is asked of each server, and how close to the floor the answer ought to be.

/// The one client of every server: it sends its secret by HTTP Basic and may do everything that is measured.
pub(crate) const CLIENT: &str = "web";
/// Its secret: as random as a generated one, so that no slow hash is needed.
pub(crate) const SECRET: &str = "0jTtTUVnHkoXrJXJ1VQeN6pmc3nYJh0uRkZ2SPrGd2E";
/// Where its authorization responses go. Nobody follows the redirect.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:9000/callback";
/// What it asks for, which is all it may have.
pub(crate) const SCOPE: &str = "read write";
/// Who consents.
pub(crate) const SUBJECT: &str = "alice";
/// The issuer identifier of every server. It is part of answers, so it is the same for all.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// An access token by client credentials.
    Issue,
    /// A resource that asks for an access token.
    Resource,
    /// Introspection of an access token.
    Introspection,
    /// Refresh tokens, each used once for the next.
    Rotation,
    /// Authorization code with PKCE: the authorization request and the redemption, counted as one.
    Code,
}

impl Workload {
    pub(crate) const ALL: [Self; 5] = [
        Self::Issue,
        Self::Resource,
        Self::Introspection,
        Self::Rotation,
        Self::Code,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Resource => "resource",
            Self::Introspection => "introspection",
            Self::Rotation => "rotation",
            Self::Code => "code",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// The share of the floor's capacity per core that is aimed for.
    pub(crate) const fn goal(self) -> f64 {
        match self {
            Self::Issue | Self::Introspection | Self::Rotation => 0.85,
            Self::Resource => 0.95,
            Self::Code => 0.80,
        }
    }
}
