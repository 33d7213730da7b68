//! Authorization code with PKCE behind a sign-in of your own: cargo run -p oauth-server --example sign_in
//! Open this in a browser, sign in as alice with "correct horse battery staple", and see the code in the address:
//!   http://127.0.0.1:8080/authorize?response_type=code&client_id=app&redirect_uri=http://127.0.0.1:9000/callback&scope=profile&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256
//!   curl -d grant_type=authorization_code -d client_id=app -d redirect_uri=http://127.0.0.1:9000/callback -d code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk -d code=$CODE http://127.0.0.1:8080/token
//!   curl -d grant_type=refresh_token -d client_id=app -d refresh_token=$REFRESH_TOKEN http://127.0.0.1:8080/token

use axum::extract::{Extension, Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{Router, get, post};
use oauth_server::argon2::Argon2;
use oauth_server::axum::{Authorize, AuthorizeRejection, decided, router};
use oauth_server::{AuthorizationCode, Client, GrantType, MemoryStore, RefreshToken, Secret, Server, SystemEntropy};

/// The checked request waits, tied to this browser. Neither `state` nor PKCE goes through the form.
async fn authorize(headers: HeaderMap, Authorize(pending): Authorize) -> Result<Response, AuthorizeRejection> {
    let Ok(browser) = browser(&headers).map_or_else(|| Secret::generate(&SystemEntropy), Ok) else {
        return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let cookie = format!("browser={}; HttpOnly; SameSite=Lax; Path=/", browser.expose());
    let handle = pending.park(&browser).await?;
    Ok(([(header::SET_COOKIE, cookie)], page(&handle, "")).into_response())
}

#[derive(serde::Deserialize)]
struct Decision {
    handle: String,
    username: String,
    password: String,
    answer: String,
}

async fn decide(
    State(server): State<Server>,
    Extension((argon2, hash)): Extension<(Argon2, String)>,
    headers: HeaderMap,
    Form(form): Form<Decision>,
) -> Result<Response, AuthorizeRejection> {
    let handle = Secret::new(form.handle);
    let browser = browser(&headers).unwrap_or_else(|| Secret::new(""));
    let pending = server.resume(&handle, &browser).await?;
    if form.answer != "approve" {
        return Ok(decided(pending.deny().await));
    }
    Ok(match argon2.verify(&Secret::new(form.password), &hash).await {
        Ok(true) if form.username == "alice" => {
            let scope = pending.scope().clone();
            decided(pending.approve(form.username, scope).await)
        }
        Ok(_) => (StatusCode::UNAUTHORIZED, page(&handle, "Wrong name or password.")).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
}

fn browser(headers: &HeaderMap) -> Option<Secret> {
    let mut cookies = headers.get(header::COOKIE)?.to_str().ok()?.split("; ");
    cookies.find_map(|cookie| cookie.strip_prefix("browser=").map(Secret::new))
}

fn page(handle: &Secret, message: &str) -> Response {
    // The handle is base64url and the message ours: nothing here has to be escaped.
    let html = format!(
        "<!doctype html><title>Sign in</title><form method=post action=/decide><p>{message}
        <p>The app would like to read your profile.<input type=hidden name=handle value={}>
        <p>Name <input name=username> Password <input name=password type=password>
        <p><button name=answer value=approve>Allow</button> <button name=answer value=deny>Deny</button></form>",
        handle.expose()
    );
    let policy = (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    ([policy], Html(html)).into_response()
}

pub(crate) async fn app() -> Result<Router, Box<dyn std::error::Error>> {
    let client = Client::public("app")
        .redirecting_to("http://127.0.0.1/callback") // on any port (RFC 8252 §7.3)
        .using([GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN])
        .limited_to("profile".parse()?);
    let server = Server::builder(MemoryStore::new().with_client(client))
        .issuer("http://127.0.0.1:8080")
        .install(AuthorizationCode::new())
        .install(RefreshToken::rotating())
        .build()?;
    let argon2 = Argon2::new();
    let hash = argon2.hash(&Secret::new("correct horse battery staple")).await?;
    Ok(router(&server)
        .route("/authorize", get(authorize).post(authorize))
        .route("/decide", post(decide))
        .layer(Extension((argon2, hash)))
        .with_state(server))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app().await?).await?)
}
