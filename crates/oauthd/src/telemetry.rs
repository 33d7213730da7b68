//! One line per request, and numbers for Prometheus. Neither ever holds a secret: no query, no body, no header.

mod lines;
mod text;

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use oauth_server::{Event, GrantType, Observer, PeerAddr};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use self::lines::Lines;
pub use self::lines::Logging;
use self::text::Text;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Sends what is logged to standard error, until what it returns is dropped. `filter` is a level or a list of `target=level`.
///
/// # Errors
/// What is wrong with the filter.
pub fn log_to_stderr(format: LogFormat, filter: &str) -> Result<Logging, String> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| error.to_string())?;
    let (lines, logging) = Lines::to_stderr().map_err(|error| error.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_target(false);
    let outcome = match format {
        LogFormat::Text => subscriber.event_format(Text).try_init(),
        LogFormat::Json => subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
    };
    outcome.map(|()| logging).map_err(|error| error.to_string())
}

/// What is counted. Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<EndpointLabel, Histogram>,
    /// What the two above have for each of [`ENDPOINTS`], so that a request does not look it up.
    answered: [Answered; ENDPOINTS.len()],
    issued: Family<GrantLabel, Counter>,
    refused: Family<RefusalLabels, Counter>,
    revoked: Counter<u64, AtomicU64>,
    approved: Counter<u64, AtomicU64>,
    denied: Counter<u64, AtomicU64>,
}

/// The numbers of one endpoint that have been needed so far.
#[derive(Default)]
struct Answered {
    requests: [OnceLock<Counter>; USUAL.len()],
    seconds: OnceLock<Histogram>,
}

/// The statuses that most answers have.
const USUAL: [u16; 8] = [200, 303, 400, 401, 403, 404, 429, 503];

/// What requests are counted under. [`OTHER`] is what belongs to none of the others.
const ENDPOINTS: [&str; 18] = [
    "/token",
    "/revoke",
    "/introspect",
    "/authorize",
    "/sign-in",
    "/sign-out",
    "/switch-account",
    "/consent",
    "/account",
    "/account/revoke",
    "/demo/resource",
    "/demo",
    "/healthz",
    "/readyz",
    "/metrics",
    "/device",
    "/.well-known",
    "other",
];
const WELL_KNOWN: usize = ENDPOINTS.len() - 2;
const OTHER: usize = ENDPOINTS.len() - 1;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Status(u16);

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        write!(encoder, "{}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GrantLabel {
    grant: Grant,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Grant(GrantType);

impl EncodeLabelValue for Grant {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    endpoint: &'static str,
    error: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || {
            Histogram::new([
                0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
            ])
        };
        let seconds = Family::new_with_constructor(histogram);
        let mut families = Families {
            registry: Registry::with_prefix("oauthd"),
            requests: Family::default(),
            seconds,
            answered: Default::default(),
            issued: Family::default(),
            refused: Family::default(),
            revoked: Counter::default(),
            approved: Counter::default(),
            denied: Counter::default(),
        };
        let registry = &mut families.registry;
        registry.register("http_requests", "Requests answered", families.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time to answer a request",
            families.seconds.clone(),
        );
        registry.register("tokens_issued", "Access tokens issued", families.issued.clone());
        registry.register(
            "refusals",
            "Requests refused, by OAuth error code",
            families.refused.clone(),
        );
        registry.register(
            "authorizations_revoked",
            "Authorizations ended before their time",
            families.revoked.clone(),
        );
        registry.register(
            "authorizations_approved",
            "Authorization requests that a person approved",
            families.approved.clone(),
        );
        registry.register(
            "authorizations_denied",
            "Authorization requests that a person denied",
            families.denied.clone(),
        );
        Self(Arc::new(families))
    }
}

impl Metrics {
    /// Counts an answer. Paths that nothing is mounted at are all one.
    fn count(&self, path: &str, status: StatusCode, took: Duration) {
        let place = if status == StatusCode::NOT_FOUND {
            OTHER
        } else {
            place(path)
        };
        let endpoint = ENDPOINTS[place];
        let answered = &self.0.answered[place];
        let status = status.as_u16();
        let counter = || {
            let status = Status(status);
            let labels = RequestLabels { endpoint, status };
            self.0.requests.get_or_create(&labels).clone()
        };
        match USUAL.iter().position(|usual| *usual == status) {
            Some(usual) => answered.requests[usual].get_or_init(counter).inc(),
            None => counter().inc(),
        };
        answered
            .seconds
            .get_or_init(|| self.0.seconds.get_or_create(&EndpointLabel { endpoint }).clone())
            .observe(took.as_secs_f64());
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.0.registry);
        text
    }
}

/// `GET /metrics`.
pub async fn metrics(State(metrics): State<Metrics>) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")],
        metrics.text(),
    )
        .into_response()
}

/// Has a request answered, logs and counts it.
#[expect(
    clippy::disallowed_methods,
    reason = "a duration is measured, and nothing is decided by it"
)]
pub(crate) async fn observe<F>(
    metrics: &Metrics,
    peer: &str,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let begun = std::time::Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = answer(request).await;
    let took = begun.elapsed();
    let status = response.status();
    metrics.count(&path, status, took);
    // Values are escaped, so that a path cannot pretend to be another line.
    tracing::info!(
        method = method.as_str(),
        path,
        status = status.as_u16(),
        took_us = micros(took),
        peer,
        "request"
    );
    response
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// The endpoint that a path belongs to: its place in a fixed list, so that nobody can make up labels.
fn place(path: &str) -> usize {
    if path.starts_with("/.well-known/") {
        return WELL_KNOWN;
    }
    let known = ENDPOINTS[..WELL_KNOWN].iter().enumerate();
    known
        .filter(|(_, known)| path.ends_with(**known))
        .max_by_key(|(_, known)| known.len())
        .map_or(OTHER, |(place, _)| place)
}

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Issued {
                grant_type,
                client,
                subject,
                authorization,
                scope,
            } => {
                self.0
                    .issued
                    .get_or_create(&GrantLabel {
                        grant: Grant((*grant_type).clone()),
                    })
                    .inc();
                tracing::debug!(%grant_type, %client, subject = subject.map(tracing::field::display), %authorization, %scope, "issued");
            }
            Event::Approved { client, subject, scope } => {
                self.0.approved.inc();
                tracing::info!(%client, %subject, %scope, "approved");
            }
            Event::Denied { client } => {
                self.0.denied.inc();
                tracing::info!(%client, "denied");
            }
            Event::Refused { endpoint, code, reason } => {
                let labels = RefusalLabels {
                    endpoint: ENDPOINTS[place(endpoint)],
                    error: code.as_str().to_owned(),
                };
                self.0.refused.get_or_create(&labels).inc();
                if matches!(code.as_str(), "server_error" | "temporarily_unavailable") {
                    tracing::error!(endpoint, %code, reason, "refused");
                } else {
                    tracing::info!(endpoint, %code, reason, "refused");
                }
            }
            Event::AuthorizationRevoked { authorization, reason } => {
                self.0.revoked.inc();
                tracing::warn!(%authorization, reason, "authorization ended");
            }
            Event::TokenRevoked { client } => tracing::info!(%client, "access token ended"),
            _ => {}
        }
    }
}

/// The address of a connection, for whoever counts by it.
pub fn peer(address: SocketAddr) -> PeerAddr {
    PeerAddr(address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_from_a_fixed_list() {
        assert_eq!(ENDPOINTS[place("/token")], "/token");
        assert_eq!(ENDPOINTS[place("/tenant/token")], "/token");
        assert_eq!(ENDPOINTS[place("/account/revoke")], "/account/revoke");
        assert_eq!(
            ENDPOINTS[place("/.well-known/oauth-authorization-server/x")],
            "/.well-known"
        );
        assert_eq!(ENDPOINTS[place("/made-up")], "other");
    }

    #[test]
    fn what_is_counted_can_be_read() {
        let metrics = Metrics::default();
        metrics.observe(&Event::Denied { client: &"c".into() });
        let text = metrics.text();
        assert!(text.contains("oauthd_authorizations_denied_total 1"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
