//! The examples do what they say.

#![expect(clippy::unwrap_used, reason = "all of this is tests, and helpers of tests")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

macro_rules! examples {
    ($($name:ident = $file:literal,)*) => {
        $(
            #[expect(dead_code, reason = "`main` would listen on a port; the tests call what it serves")]
            #[path = $file]
            mod $name;
        )*
    };
}

examples! {
    house_rules = "../examples/house_rules.rs",
    minimal_axum = "../examples/minimal_axum.rs",
    protected_resource = "../examples/protected_resource.rs",
    sign_in = "../examples/sign_in.rs",
}

// The `main` that `actix_web::main` makes is no dead code to the compiler, so that nothing is expected here.
#[path = "../examples/minimal_actix.rs"]
mod minimal_actix;

/// `only-for-this-demonstration` as the secret of `user`, the way `curl -u` sends it.
fn basic(user: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:only-for-this-demonstration");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn bearer(answer: &Value) -> String {
    format!("Bearer {}", answer["access_token"].as_str().unwrap())
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(app: &Router, path: &str, authorization: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

/// A form, as curl sends it with `-d`.
fn form(path: &str, fields: &str) -> axum::http::request::Builder {
    assert!(!fields.contains(' '), "curl would send this space as it is");
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn post(app: &Router, path: &str, authorization: &str, fields: &str) -> (StatusCode, Value) {
    let request = form(path, fields)
        .header(header::AUTHORIZATION, authorization)
        .body(Body::from(fields.to_owned()))
        .unwrap();
    let (status, _, body) = send(app, request).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn minimal_axum_issues_a_token_and_honours_it() {
    let app = minimal_axum::app().unwrap();
    let fields = "grant_type=client_credentials&scope=read";
    let (status, answer) = post(&app, "/token", &basic("reporter"), fields).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _, body) = get(&app, "/hello", Some(&bearer(&answer))).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "hello, reporter: read\n"));
    assert_eq!(get(&app, "/hello", None).await.0, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn minimal_actix_issues_a_token_and_honours_it() {
    use actix_web::test::{TestRequest, call_and_read_body_json, call_service, init_service, read_body};

    let server = minimal_actix::server().unwrap();
    let app = init_service(actix_web::App::new().configure(minimal_actix::routes(&server))).await;
    let fields = [("grant_type", "client_credentials"), ("scope", "read")];
    let request = TestRequest::post().uri("/token").set_form(fields);
    let request = request.insert_header(("authorization", basic("reporter")));
    let answer: Value = call_and_read_body_json(&app, request.to_request()).await;
    let hello = || TestRequest::get().uri("/hello");
    let request = hello().insert_header(("authorization", bearer(&answer)));
    let greeted = call_service(&app, request.to_request()).await;
    assert_eq!(greeted.status().as_u16(), 200);
    assert_eq!(read_body(greeted).await, "hello, reporter: read\n");
    let refused = call_service(&app, hello().to_request()).await;
    assert_eq!(refused.status().as_u16(), 401);
}

#[tokio::test]
async fn protected_resource_asks_for_scopes_and_forgets_what_was_revoked() {
    let app = protected_resource::app().unwrap();
    let editor = basic("editor");
    let (_, answer) = post(&app, "/token", &editor, "grant_type=client_credentials&scope=read").await;
    let reader = bearer(&answer);
    let (_, answer) = post(&app, "/token", &editor, "grant_type=client_credentials&scope=write").await;
    let writer = bearer(&answer);

    let (status, headers, _) = get(&app, "/notes", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        headers[header::WWW_AUTHENTICATE],
        "Bearer realm=\"oauth\", scope=\"read\""
    );

    let note = |token: &str| {
        Request::post("/notes")
            .header(header::AUTHORIZATION, token)
            .body(Body::from("a note"))
            .unwrap()
    };
    let (status, headers, _) = send(&app, note(&reader)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let challenge = headers[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert_eq!(send(&app, note(&writer)).await.0, StatusCode::CREATED);
    let (status, _, notes) = get(&app, "/notes", Some(&reader)).await;
    assert_eq!((status, notes.as_str()), (StatusCode::OK, r#"["editor: a note"]"#));

    assert_eq!(get(&app, "/", None).await.2, "hello, whoever you are\n");
    assert_eq!(get(&app, "/", Some(&reader)).await.2, "hello, editor\n");

    let token = format!("token={}", reader.trim_start_matches("Bearer "));
    assert_eq!(post(&app, "/introspect", &editor, &token).await.1["active"], true);
    assert_eq!(post(&app, "/revoke", &editor, &token).await.0, StatusCode::OK);
    assert_eq!(post(&app, "/introspect", &editor, &token).await.1["active"], false);
    assert_eq!(get(&app, "/", Some(&reader)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn house_rules_narrow_by_plan() {
    let app = house_rules::app().unwrap();
    let both = "grant_type=client_credentials&scope=read%20export";
    let (status, answer) = post(&app, "/token", &basic("paying"), both).await;
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &"export read".into()));
    let (status, answer) = post(&app, "/token", &basic("free"), both).await;
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &"read".into()));
    let read = "grant_type=client_credentials&scope=read";
    let (status, answer) = post(&app, "/token", &basic("free"), read).await;
    assert_eq!((status, &answer["expires_in"]), (StatusCode::OK, &300.into()));
    let (_, answer) = post(&app, "/token", &basic("former"), read).await;
    assert_eq!(answer["error"], "access_denied");
}

/// The address of the example's comment.
const AUTHORIZE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=http://127.0.0.1:9000/callback\
                         &scope=profile&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// Opens the sign-in page: the cookie it sets, and the handle in its form.
async fn signing_in(app: &Router) -> (String, String) {
    let (status, headers, page) = get(app, AUTHORIZE, None).await;
    assert_eq!(status, StatusCode::OK);
    let cookie = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap();
    let (_, handle) = page.split_once("name=handle value=").unwrap();
    (cookie.to_owned(), handle.split('>').next().unwrap().to_owned())
}

async fn decide(app: &Router, cookie: &str, fields: &str) -> (StatusCode, HeaderMap) {
    let request = form("/decide", fields)
        .header(header::COOKIE, cookie)
        .body(Body::from(fields.to_owned()))
        .unwrap();
    let (status, headers, _) = send(app, request).await;
    (status, headers)
}

const ALICE: &str = "username=alice&password=correct+horse+battery+staple";

#[tokio::test]
async fn sign_in_ends_in_tokens_that_can_be_refreshed() {
    let app = sign_in::app().await.unwrap();
    let (cookie, handle) = signing_in(&app).await;
    let wrong = format!("handle={handle}&username=alice&password=x&answer=approve");
    assert_eq!(decide(&app, &cookie, &wrong).await.0, StatusCode::UNAUTHORIZED);
    let right = format!("handle={handle}&{ALICE}&answer=approve");
    let (status, headers) = decide(&app, &cookie, &right).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let location = headers[header::LOCATION].to_str().unwrap();
    let code = location
        .strip_prefix("http://127.0.0.1:9000/callback?code=")
        .and_then(|rest| rest.split('&').next())
        .unwrap();

    let token_request = |fields: String| form("/token", &fields).body(Body::from(fields)).unwrap();
    let redeem = format!(
        "grant_type=authorization_code&client_id=app&redirect_uri=http://127.0.0.1:9000/callback\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&code={code}"
    );
    let (status, _, body) = send(&app, token_request(redeem)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["scope"], "profile");
    let refresh = answer["refresh_token"].as_str().unwrap();
    let refresh = format!("grant_type=refresh_token&client_id=app&refresh_token={refresh}");
    assert_eq!(send(&app, token_request(refresh)).await.0, StatusCode::OK);

    // It was decided once, and that is all.
    assert_eq!(decide(&app, &cookie, &right).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sign_in_belongs_to_one_browser_and_can_be_refused() {
    let app = sign_in::app().await.unwrap();
    let (cookie, handle) = signing_in(&app).await;
    let (other, _) = signing_in(&app).await;
    assert_ne!(cookie, other);
    let approve = format!("handle={handle}&{ALICE}&answer=approve");
    assert_eq!(decide(&app, &other, &approve).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(decide(&app, "", &approve).await.0, StatusCode::BAD_REQUEST);
    let deny = format!("handle={handle}&username=&password=&answer=deny");
    let (status, headers) = decide(&app, &cookie, &deny).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let location = headers[header::LOCATION].to_str().unwrap();
    assert!(
        location.starts_with("http://127.0.0.1:9000/callback?error=access_denied&"),
        "{location}"
    );
}
