//! Redirect URIs: the matrix of requested values against registered ones, and what may be registered at all.

use oauth_server::{Client, GrantType, check_redirect_uri};
use oauth_testkit::Lab;
use oauth_testkit::http::{Call, VERIFIER, challenge};
use oauth_testkit::lab::scope;

use crate::{Store, lab};

fn lab_of(registered: &[&str]) -> Lab<Store> {
    let lab = lab();
    let mut client = Client::public("native")
        .using([GrantType::AUTHORIZATION_CODE])
        .limited_to(scope("read"));
    for uri in registered {
        client = client.redirecting_to(*uri);
    }
    lab.register(&client);
    lab
}

fn asking(uri: &str) -> Call {
    Call::get("/authorize").all(&[
        ("response_type", "code"),
        ("client_id", "native"),
        ("redirect_uri", uri),
        ("code_challenge", &challenge(VERIFIER)),
        ("code_challenge_method", "S256"),
    ])
}

#[test]
fn a_https_redirect_uri_is_compared_character_by_character() {
    // R037, R038, I080–I083, I089, I092, V024–V026, V030–V033, V037
    let lab = lab_of(&["https://client.example/cb"]);
    assert_eq!(
        lab.approve(&asking("https://client.example/cb")).base(),
        "https://client.example/cb"
    );
    for uri in [
        "HTTPS://client.example/cb",
        "https://CLIENT.example/cb",
        "https://client.example:443/cb",
        "https://client.example:/cb",
        "http://client.example/cb",
        "https://client.example/cb/",
        "https://client.example/cb?",
        "https://client.example/cb#",
        "https://client.example/cb#x",
        "https://client.example/cb?x=1",
        "https://client.example/CB",
        "https://client.example/c%62",
        "https://client.example/./cb",
        "https://client.example/x/../cb",
        "https://client.example/cb/..;/x",
        "https://client.example/cb%2f..%2fx",
        "https://client.example/cb/../../x",
        "https://client.example/cb%0d%0a",
        "https://client.example/cb%5c",
        "https://client.example\\cb",
        "https://client.example//cb",
        "https://client.example/cb\n",
        "https://client.example/cb\t",
        " https://client.example/cb",
        "https://client.example@evil/cb",
        "https://client.example%40evil/cb",
        "https://user:pw@client.example/cb",
        "https://a@b@evil/cb",
        "https://client.example@client.example@evil/cb",
        "https://evil#@client.example/cb",
        "https://evil\\@client.example/cb",
        "https://client.example.evil/cb",
        "https://evilclient.example/cb",
        "https://client.example./cb",
        "https://clientXexample/cb",
        "https://sub.client.example/cb",
        "https://ｃlient.example/cb",
        "https://xn--client-example/cb",
        "https://clıent.example/cb",
        "https://client%E3%80%82example/cb",
        "https://client\u{ad}.example/cb",
        "//client.example/cb",
        "cb",
        "/cb",
        "https:client.example/cb",
        "https:///cb",
        "https://",
        "http:/\\evil",
        "https://client.example/{cb}",
        "https://client.example/c|b",
        "https://client.example/c^b",
        "https://client.example/c`b",
        "https://client.example/c b",
        "https://client.example/é",
        "urn:ietf:wg:oauth:2.0:oob",
        "http://127.0.0.1/cb",
        "http://localhost/cb",
        "http://[::1]/cb",
    ] {
        lab.shown(&asking(uri));
    }
    lab.shown(&Call::get(
        "/authorize?client_id=native&redirect_uri=https%3A%2F%2Fclient.example%2Fcb%00",
    ));
    let huge = format!("https://client.example/cb?{}", "x".repeat(65_536));
    let mut post = Call::post("/authorize");
    for (name, value) in asking(&huge).pairs() {
        post = post.with(name, value);
    }
    lab.shown(&post);
}

#[test]
fn the_port_of_a_loopback_literal_is_free_and_nothing_else() {
    // R039, R040, I084–I086, real clients
    let lab = lab_of(&["http://127.0.0.1/cb", "http://[::1]/cb"]);
    for uri in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]/cb",
        "http://[::1]:65535/cb",
    ] {
        assert_eq!(lab.approve(&asking(uri)).base(), uri);
    }
    for uri in [
        "http://[0:0:0:0:0:0:0:1]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://[::1%25lo]/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://0x7f.1/cb",
        "http://0177.0.0.1/cb",
        "http://0.0.0.0/cb",
        "http://localhost/cb",
        "http://localhost./cb",
        "http://127.0.0.1.nip.io/cb",
        "http://127.0.0.1./cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:8080x/cb",
        "http://127.0.0.1:1:2/cb",
        "https://127.0.0.1/cb",
        "https://127.0.0.1:1/cb",
        "http://127.0.0.1:1/cb/",
        "http://127.0.0.1:1/cb?x=1",
        "http://127.0.0.1:1/cb?",
        "http://127.0.0.1:1/cb#",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:1",
        "http://127.0.0.1:1/CB",
        "http://u@127.0.0.1:1/cb",
        "http://127.0.0.1:1@evil/cb",
        "http://127.0.0.1@evil/cb",
        "http://127.0.0.2:1/cb",
    ] {
        lab.shown(&asking(uri));
    }
    let localhost = lab_of(&["http://localhost:3000/cb", "http://127.0.0.1"]);
    assert_eq!(
        localhost.approve(&asking("http://localhost:3000/cb")).base(),
        "http://localhost:3000/cb"
    );
    assert_eq!(
        localhost.approve(&asking("http://127.0.0.1:45821")).base(),
        "http://127.0.0.1:45821"
    );
    for uri in [
        "http://localhost/cb",
        "http://localhost:9/cb",
        "http://127.0.0.1:3000/cb",
        "http://[::1]:3000/cb",
    ] {
        localhost.shown(&asking(uri));
    }
}

#[test]
fn a_private_use_scheme_is_exact_too() {
    // R044, I087
    let lab = lab_of(&["com.example.app:/cb"]);
    assert_eq!(
        lab.approve(&asking("com.example.app:/cb")).base(),
        "com.example.app:/cb"
    );
    for uri in [
        "com.example.app://cb",
        "COM.EXAMPLE.APP:/cb",
        "com.example.app:/cb2",
        "com.example.app.evil:/cb",
        "com.example.app:/CB",
        "com.example.app:cb",
        "com.example.app:/cb?x",
        "com.example.app:",
    ] {
        lab.shown(&asking(uri));
    }
}

#[test]
fn what_browsers_execute_is_refused_even_if_it_is_registered() {
    // R034, R035, R043–R045, I088, I093, V023, V026, V035, V036, V039
    let dangerous = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript://client.example/%0aalert(1)",
        "data:text/html,x",
        "dAtA:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://x/y",
        "intent:#Intent;end",
        "about:blank",
        "mailto:a@b",
        "view-source:https://x",
        "java\tscript:x",
        "java%09script:x",
        " javascript:x",
        "\tjavascript:x",
        "ws://client.example/",
        "ftp://client.example/",
        "http://client.example/cb",
        "urn:ietf:wg:oauth:2.0:oob",
        "myapp:/cb",
        "/cb",
        "//h/cb",
        "cb",
        "",
        "https://c/cb#",
        "https://c/cb#x",
    ];
    let lab = lab_of(&dangerous);
    for uri in dangerous {
        assert!(check_redirect_uri(uri).is_err(), "{uri}");
        lab.shown(&asking(uri));
    }
}

#[test]
fn what_is_registered_but_unsound_is_not_used_unasked() {
    // The only registered URI is taken when the request names none, so it has to be sound as well.
    for uri in [
        "javascript:alert(1)",
        "http://evil.example/cb",
        "https://c/cb#x",
        "https://c/cb?code=x",
    ] {
        let lab = lab_of(&[uri]);
        lab.shown(&asking("x").without("redirect_uri"));
    }
}

#[test]
fn parameters_of_the_response_may_not_be_there_already() {
    // I090, V034
    for name in ["code", "state", "iss", "error", "response", "access_token", "id_token"] {
        let uri = format!("https://client.example/cb?a=1&{name}=x");
        assert!(check_redirect_uri(&uri).is_err(), "{uri}");
        lab_of(&[&uri]).shown(&asking(&uri));
    }
    for uri in [
        "https://client.example/cb?%63ode=x",
        "https://client.example/cb?a=1&st%61te=x",
        "https://client.example/cb?error_description=x",
        "https://client.example/cb?error_uri=x",
    ] {
        assert!(
            check_redirect_uri(uri).is_err(),
            "a client decodes names before it compares them: {uri}"
        );
    }
}

#[test]
fn a_registered_query_is_kept() {
    // R036, I094
    for (registered, begins) in [
        ("https://client.example/cb?a=1", "https://client.example/cb?a=1&code="),
        (
            "https://client.example/cb?a=1&b=%20x;y",
            "https://client.example/cb?a=1&b=%20x;y&code=",
        ),
        ("https://client.example/cb?", "https://client.example/cb?code="),
        ("https://client.example", "https://client.example?code="),
        ("com.example.app:/cb?x", "com.example.app:/cb?x&code="),
    ] {
        let lab = lab_of(&[registered]);
        let location = lab.approve(&asking(registered));
        assert!(location.uri().starts_with(begins), "{location:?}");
        assert_eq!(location.param("iss").as_deref(), Some("https://auth.example"));
    }
}

#[test]
fn with_more_than_one_registered_the_request_names_it() {
    // R041
    let two = lab_of(&["https://client.example/a", "https://client.example/b"]);
    two.shown(&asking("x").without("redirect_uri"));
    two.shown(&asking(""));
    let none = lab_of(&[]);
    none.shown(&asking("https://client.example/a"));
    none.shown(&asking("x").without("redirect_uri"));
}

#[test]
fn malformed_addresses_crash_nothing() {
    // V114, I084
    let lab = lab_of(&["https://client.example/cb"]);
    for uri in [
        "http://[:::::]/cb",
        "http://[::1",
        "http://]/cb",
        "http://[]/cb",
        "https://[v1.x]/cb",
        "http://[::1]x/cb",
        "https://:",
        "https://:80",
        "https://%/",
        ":",
        "::",
        "?",
        "#",
    ] {
        assert!(check_redirect_uri(uri).is_err(), "{uri}");
        lab.shown(&asking(uri));
    }
}

#[test]
fn a_thousand_registered_uris_are_searched_to_the_end() {
    // I091
    let uris: Vec<String> = (0..1000).map(|n| format!("https://client.example/{n}")).collect();
    let lab = lab_of(&uris.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        lab.approve(&asking("https://client.example/999")).base(),
        "https://client.example/999"
    );
    lab.shown(&asking("https://client.example/1000"));
}
