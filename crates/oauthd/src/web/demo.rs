//! The demo client: an application of its own that happens to live in the same program.
//!
//! It uses the server as any client does, by HTTP messages; they only never leave the process.

mod sitting;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oauth_server::axum::Scoped;
use oauth_server::{Clock, Incoming, Params, RequiredScope, Secret, SystemClock, SystemEntropy};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use self::sitting::{Demo, DemoPerson};
use self::sitting::{Sitting, Tokens};
use super::forms::SiteForm;
use super::{Web, respond};
use crate::pages::{
    DemoIndex, DemoRefused, DemoStart, DemoTokens, DemoUser, EndpointLine, Exchange, News, Page, Standing, Trouble,
};

/// The cookie by which the demo client knows a browser: not the server's own.
const COOKIE: &str = "oauthd_demo_client";

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    #[serde(default)]
    scope: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

/// What the demo's resource asks for.
pub(crate) struct Read;

impl RequiredScope for Read {
    const SCOPE: &'static str = "read";
}

/// `GET /demo/resource`: a protected resource, as an application would write it.
pub(crate) async fn resource(token: Scoped<Read>) -> Response {
    let body = serde_json::json!({
        "message": "This is a protected resource.",
        "subject": token.subject(),
        "client": token.client_id(),
        "scope": token.scope(),
    });
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        body.to_string(),
    )
        .into_response()
}

/// The front page of a demo server.
pub(crate) async fn index(State(web): State<Web>) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let endpoints = [
        ("Authorization", web.path("/authorize")),
        ("Token", web.path("/token")),
        ("Introspection", web.path("/introspect")),
        ("Revocation", web.path("/revoke")),
    ];
    let endpoints: Vec<EndpointLine<'_>> = endpoints
        .iter()
        .map(|(words, path)| EndpointLine { words, path })
        .collect();
    let page = DemoIndex {
        site: web.site(),
        issuer: web.0.server.issuer(),
        demo: &web.path("/demo"),
        account: &web.path("/account"),
        metadata: &format!("/.well-known/oauth-authorization-server{}", web.base()),
        users: &[demo.user()],
        endpoints: &endpoints,
    };
    respond::page(StatusCode::OK, &page.render())
}

impl Demo {
    fn user(&self) -> DemoUser<'_> {
        DemoUser {
            username: &self.person.username,
            password: &self.person.password,
        }
    }
}

/// `GET /demo`.
pub(crate) async fn start(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let browser = match cookie(&headers).map_or_else(|| Secret::generate(&SystemEntropy).map(Secret::into_exposed), Ok)
    {
        Ok(browser) => browser,
        Err(error) => return web.unavailable(&error),
    };
    let page = DemoStart {
        site: web.site(),
        action: &web.path("/demo"),
        csrf: &csrf(&browser),
        user: Some(demo.user()),
    };
    shown(&browser, &page.render())
}

/// `POST /demo`: sends the browser to the authorization endpoint, with PKCE.
pub(crate) async fn begin(State(web): State<Web>, form: SiteForm) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let Some(browser) = sender(&form) else {
        return web.failure(StatusCode::FORBIDDEN, Trouble::Stale);
    };
    let (Ok(state), Ok(verifier)) = (Secret::generate(&SystemEntropy), Secret::generate(&SystemEntropy)) else {
        return web.unavailable(&"no randomness");
    };
    let (state, verifier) = (state.into_exposed(), verifier.into_exposed());
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    demo.remember(
        &browser,
        Sitting {
            state: state.clone(),
            verifier,
            ..Sitting::default()
        },
    );
    let query = encoded(&[
        ("response_type", "code"),
        ("client_id", demo.client.as_str()),
        ("redirect_uri", &web.demo_callback()),
        ("scope", "read profile"),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    respond::see_other(&format!("{}?{query}", web.path("/authorize")))
}

/// `GET /demo/callback`: the client's redirection endpoint (RFC 6749 §3.1.2).
pub(crate) async fn callback(State(web): State<Web>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let query = query.unwrap_or_default();
    let Ok(answer) = Params::parse(query.as_bytes()) else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::BadRequest);
    };
    let one = |name| answer.one(name).ok().flatten();
    let (Some(browser), Some(state)) = (cookie(&headers), one("state")) else {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::Stale);
    };
    let sitting = demo.sitting(&browser);
    // `state` says that this browser asked, `iss` that this server answered (RFC 9207 §2.4).
    if sitting.state.is_empty() || sitting.state != state || one("iss") != Some(web.0.server.issuer()) {
        return web.failure(StatusCode::BAD_REQUEST, Trouble::Stale);
    }
    demo.remember(&browser, Sitting::default());
    let outcome = match one("code") {
        Some(code) => {
            let redirect_uri = web.demo_callback();
            let request = [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &redirect_uri),
                ("code_verifier", &sitting.verifier),
            ];
            web.ask_for_tokens(&request).await
        }
        None => Err(ErrorAnswer {
            error: one("error").unwrap_or("invalid_request").to_owned(),
            error_description: one("error_description").map(str::to_owned),
        }),
    };
    match outcome {
        Ok(tokens) => {
            demo.remember(
                &browser,
                Sitting {
                    tokens: Some(tokens),
                    ..Sitting::default()
                },
            );
            respond::see_other(&web.path("/demo/tokens"))
        }
        Err(refusal) => {
            let page = DemoRefused {
                site: web.site(),
                csrf: &csrf(&browser),
                code: &refusal.error,
                description: refusal.error_description.as_deref(),
                restart: &web.path("/demo"),
            };
            shown(&browser, &page.render())
        }
    }
}

/// `GET /demo/tokens`: the tokens, what introspection says of them, and what a resource answers to them.
pub(crate) async fn tokens(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let Some(browser) = cookie(&headers) else {
        return respond::see_other(&web.path("/demo"));
    };
    let sitting = demo.sitting(&browser);
    let Some(tokens) = sitting.tokens.clone() else {
        return respond::see_other(&web.path("/demo"));
    };
    demo.remember(
        &browser,
        Sitting {
            news: None,
            ..sitting.clone()
        },
    );

    let (said, introspection) = web.post("/introspect", &[("token", &tokens.access_token)]).await;
    let is_active = serde_json::from_slice::<serde_json::Value>(&introspection)
        .is_ok_and(|answer| answer["active"] == serde_json::Value::Bool(true));
    let (answered, resource) = web.call_resource(&tokens.access_token).await;
    let (said, introspection) = (said.to_string(), readable(&introspection));
    let (answered, resource) = (answered.to_string(), readable(&resource));
    let page = DemoTokens {
        site: web.site(),
        csrf: &csrf(&browser),
        standing: if is_active { Standing::Live } else { Standing::Ended },
        news: sitting.news,
        access_token: &tokens.access_token,
        refresh_token: tokens.refresh_token.as_deref(),
        expires: tokens.expires,
        scope: &tokens.scope,
        exchanges: &[
            Exchange::introspection(&said, &introspection),
            Exchange::resource(&answered, &resource),
        ],
        account: &web.path("/account"),
        refresh: &web.path("/demo/refresh"),
        revoke: &web.path("/demo/revoke"),
        restart: &web.path("/demo"),
    };
    shown(&browser, &page.render())
}

/// `POST /demo/refresh`.
pub(crate) async fn refresh(State(web): State<Web>, form: SiteForm) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let Some(browser) = sender(&form) else {
        return web.failure(StatusCode::FORBIDDEN, Trouble::Stale);
    };
    let mut sitting = demo.sitting(&browser);
    let refresh_token = sitting.tokens.as_ref().and_then(|tokens| tokens.refresh_token.clone());
    if let Some(refresh_token) = refresh_token {
        let request = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.as_str()),
        ];
        match web.ask_for_tokens(&request).await {
            Ok(tokens) => {
                // Without rotation the old refresh token stays good (RFC 6749 §6).
                let refresh_token = tokens.refresh_token.or(Some(refresh_token));
                sitting.tokens = Some(Tokens {
                    refresh_token,
                    ..tokens
                });
                sitting.news = Some(News::Refreshed);
            }
            Err(_) => sitting.news = Some(News::RefreshRefused),
        }
        demo.remember(&browser, sitting);
    }
    respond::see_other(&web.path("/demo/tokens"))
}

/// `POST /demo/revoke`.
pub(crate) async fn revoke(State(web): State<Web>, form: SiteForm) -> Response {
    let Some(demo) = &web.0.demo else {
        return respond::not_found(State(web)).await;
    };
    let Some(browser) = sender(&form) else {
        return web.failure(StatusCode::FORBIDDEN, Trouble::Stale);
    };
    let mut sitting = demo.sitting(&browser);
    if let Some(tokens) = &sitting.tokens {
        let token = tokens.refresh_token.as_ref().unwrap_or(&tokens.access_token);
        let (status, _) = web.post("/revoke", &[("token", token)]).await;
        if status.is_success() {
            sitting.news = Some(News::Revoked);
            demo.remember(&browser, sitting);
        }
    }
    respond::see_other(&web.path("/demo/tokens"))
}

impl Web {
    fn demo_callback(&self) -> String {
        format!("{}/demo/callback", self.0.server.issuer())
    }

    /// A form to one of the server's endpoints, authenticated as the demo client.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Vec<u8>) {
        let credentials = self.0.demo.as_ref().map_or_else(String::new, |demo| {
            STANDARD.encode(format!("{}:{}", demo.client, demo.secret.expose()))
        });
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.path(path))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, format!("Basic {credentials}"))
            .body(encoded(form).into_bytes());
        let Ok(request) = request else {
            return (StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
        };
        match self.0.server.serve(&Incoming::of(&request)).await {
            Some(answer) => {
                let (parts, body) = answer.into_parts();
                (parts.status, body)
            }
            None => (StatusCode::NOT_FOUND, Vec::new()),
        }
    }

    async fn ask_for_tokens(&self, form: &[(&str, &str)]) -> Result<Tokens, ErrorAnswer> {
        let (status, body) = self.post("/token", form).await;
        let unreadable = || ErrorAnswer {
            error: "invalid_response".to_owned(),
            error_description: None,
        };
        if status != StatusCode::OK {
            return Err(serde_json::from_slice(&body).unwrap_or_else(|_| unreadable()));
        }
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        Ok(Tokens {
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
            scope: answer.scope,
            expires: SystemClock
                .now()
                .plus(std::time::Duration::from_secs(answer.expires_in)),
        })
    }

    /// `GET /demo/resource` with that token, through the same router as everybody's.
    async fn call_resource(&self, token: &str) -> (StatusCode, Vec<u8>) {
        use tower::ServiceExt as _;
        let request = Request::builder()
            .uri(self.path("/demo/resource"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(axum::body::Body::empty());
        let Ok(request) = request else {
            return (StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
        };
        let router = axum::Router::new().route(&self.path("/demo/resource"), axum::routing::get(resource));
        match router.with_state(self.clone()).oneshot(request).await {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                let body = axum::body::to_bytes(body, 64 * 1024).await.unwrap_or_default();
                (parts.status, body.to_vec())
            }
            Err(never) => match never {},
        }
    }
}

/// The browser behind one of the demo client's own forms.
fn sender(form: &SiteForm) -> Option<String> {
    cookie(form.incoming().headers).filter(|browser| form.field(crate::pages::field::CSRF) == csrf(browser))
}

fn shown(browser: &str, page: &Page) -> Response {
    let cookie = format!("{COOKIE}={browser}; Path=/; HttpOnly; SameSite=Lax");
    // The value is base64url, so it is a header value whatever it is.
    let cookie = HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
    respond::with_cookie(respond::page(StatusCode::OK, page), cookie)
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(HeaderName::from_static("cookie"))
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && value.len() == 43)
        .map(|(_, value)| value.to_owned())
        .filter(|value| {
            value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn csrf(browser: &str) -> String {
    URL_SAFE_NO_PAD.encode(
        Sha256::new()
            .chain_update("oauthd demo csrf\0")
            .chain_update(browser)
            .finalize(),
    )
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn readable(json: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(json) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(json).into_owned(),
    }
}
