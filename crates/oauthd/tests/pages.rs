//! What every page promises, judged on every page in each of its states and with hostile values.

#![expect(
    clippy::expect_used,
    reason = "what the tests share may fail them, and says what it missed"
)]

#[path = "../examples/render_pages/samples.rs"]
mod samples;

use std::collections::HashSet;

use base64::Engine as _;
use oauthd::pages::{DeviceRefusal, Failure, Page, Refusal, SignIn, Trouble, field};
use sha2::{Digest, Sha256};

fn every_page() -> Vec<(&'static str, Page)> {
    [
        samples::everyday(),
        samples::with_hostile_values(&samples::hostile_name()),
    ]
    .concat()
}

fn page(name: &str) -> Page {
    let found = every_page().into_iter().find(|(other, _)| *other == name);
    found.map(|(_, page)| page).expect("the page is among the samples")
}

/// A start tag: its element and its attributes, values as they are written.
#[derive(Debug)]
struct Tag<'a> {
    element: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| *value)
    }
}

/// The start tags of a document, the way a browser would find them outside the stylesheet.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let sheet_ends = html.find("</style>").expect("a stylesheet");
    let sheet_begins = html.find("<style>").expect("a stylesheet") + "<style>".len();
    let mut found = Vec::new();
    for part in [&html[..sheet_begins], &html[sheet_ends..]] {
        let mut rest = part;
        while let Some(start) = rest.find('<') {
            rest = &rest[start + 1..];
            if rest.starts_with(['/', '!']) {
                continue;
            }
            let name = rest.find([' ', '>']).expect("a tag ends");
            let element = &rest[..name];
            rest = &rest[name..];
            let mut attributes = Vec::new();
            while let Some(next) = rest.strip_prefix(' ') {
                let end = next.find([' ', '>', '=']).expect("a tag ends");
                let key = &next[..end];
                rest = &next[end..];
                let mut value = "";
                if let Some(quoted) = rest.strip_prefix("=\"") {
                    let close = quoted.find('"').expect("a value ends");
                    (value, rest) = (&quoted[..close], &quoted[close + 1..]);
                }
                attributes.push((key, value));
            }
            let closed = rest.trim_start_matches('/');
            assert!(closed.starts_with('>'), "<{element} … {}", &rest[..rest.len().min(40)]);
            found.push(Tag { element, attributes });
        }
    }
    found
}

/// What stands inside each element of that name.
fn insides<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    html.split(&open)
        .skip(1)
        .map(|rest| rest.split(&close).next().unwrap_or_default())
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[test]
fn whatever_a_value_holds_no_element_or_attribute_comes_of_it() {
    const ELEMENTS: &str = "html head meta title link style body header main footer section div span p h1 h2 ul ol li dl \
        dt dd strong bdi code pre time a form label input button svg rect circle path";
    const ATTRIBUTES: &str = "lang charset name content rel href class id aria-hidden aria-labelledby aria-describedby \
        aria-invalid focusable viewBox width height rx cx cy r d role method action type value for autocomplete \
        autocapitalize autocorrect inputmode spellcheck dir required autofocus form datetime";
    for (name, page) in every_page() {
        for tag in tags(page.html()) {
            assert!(ELEMENTS.split_whitespace().any(|e| e == tag.element), "{name}: {tag:?}");
            for (attribute, _) in &tag.attributes {
                assert!(
                    ATTRIBUTES.split_whitespace().any(|a| a == *attribute),
                    "{name}: {attribute}"
                );
            }
        }
        assert!(!page.html().contains("<script"), "{name}");
    }
}

#[test]
fn a_hostile_name_is_shown_whole_and_turns_no_text_but_its_own() {
    let hostile = samples::hostile_name();
    let written = escaped(&hostile);
    for (name, page) in samples::with_hostile_values(&hostile) {
        let places: Vec<_> = page.html().match_indices(&written).collect();
        assert!(!places.is_empty(), "{name}");
        for (at, _) in places {
            let (before, after) = (&page.html()[..at], &page.html()[at + written.len()..]);
            let isolated = before.ends_with("<bdi>") || before.ends_with("class=\"brand-name\">");
            let code = before.ends_with('>') && (after.starts_with("</code>"));
            let value = before.ends_with("value=\"") && after.starts_with('"');
            let title = after.starts_with("</title>");
            assert!(
                isolated || code || value || title,
                "{name}: {}",
                &before[before.len() - 60..]
            );
        }
    }
}

#[test]
fn every_form_is_a_post_with_one_csrf_token() {
    let mut forms = 0;
    for (name, page) in samples::everyday() {
        for form in insides(page.html(), "form") {
            forms += 1;
            assert!(form.contains(" method=\"post\" action=\"/"), "{name}: {form}");
            let token = format!(
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                field::CSRF,
                samples::CSRF
            );
            assert_eq!(form.matches(&token).count(), 1, "{name}: {form}");
        }
    }
    assert!(forms > 20, "only {forms} forms were looked at");
}

#[test]
fn every_page_has_a_language_a_title_and_one_main_part_with_one_heading() {
    for (name, page) in every_page() {
        let html = page.html();
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        let title = insides(html, "title").concat();
        assert!(
            title.len() > ">  · ".len() && !title.starts_with("> ·"),
            "{name}: {title}"
        );
        for once in [
            "<main>",
            "<h1",
            "<title>",
            "<header",
            "<footer",
            "name=\"color-scheme\"",
            "name=\"viewport\"",
        ] {
            assert_eq!(html.matches(once).count(), 1, "{name}: {once}");
        }
    }
}

#[test]
fn every_reference_within_a_page_is_to_something_that_is_there_once() {
    for (name, page) in every_page() {
        let tags = tags(page.html());
        let ids: Vec<_> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        let unique: HashSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for tag in &tags {
            for reference in ["for", "form", "aria-labelledby", "aria-describedby"] {
                for id in tag.attribute(reference).into_iter().flat_map(str::split_whitespace) {
                    assert!(ids.contains(&id), "{name}: {tag:?}");
                }
            }
            let seen = tag.element == "input" && tag.attribute("type") != Some("hidden");
            if seen {
                let label = tags.iter().find(|label| label.attribute("for") == tag.attribute("id"));
                assert!(label.is_some(), "{name}: {tag:?} has no label");
            }
        }
    }
}

#[test]
fn nothing_is_loaded_and_links_stay_on_this_server() {
    for (name, page) in every_page() {
        for tag in tags(page.html()) {
            for (attribute, value) in &tag.attributes {
                let fine = match *attribute {
                    "src" | "srcset" | "background" | "poster" => false,
                    "href" if tag.element == "link" => value.starts_with("data:image/svg+xml,"),
                    "href" | "action" | "formaction" => value.starts_with('/') && !value.starts_with("//"),
                    _ => true,
                };
                assert!(fine, "{name}: {tag:?}");
            }
        }
    }
}

#[test]
fn the_policy_allows_the_stylesheet_that_is_in_the_page_and_nothing_else() {
    for (name, page) in every_page() {
        let sheets = insides(page.html(), "style>");
        let sheet = sheets
            .first()
            .and_then(|rest| rest.split("</style>").next())
            .expect("a stylesheet");
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(sheet.as_bytes()));
        let headers = page.headers();
        let (_, policy) = headers
            .iter()
            .find(|(name, _)| *name == "content-security-policy")
            .expect("a policy");
        let directives: Vec<_> = policy.split("; ").collect();
        for expected in [
            "default-src 'none'",
            &format!("style-src 'sha256-{hash}'"),
            "img-src data:",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&expected), "{name}: {expected} in {policy}");
        }
        let allowed = [
            "default-src",
            "style-src",
            "img-src",
            "base-uri",
            "frame-ancestors",
            "form-action",
        ];
        for directive in directives {
            assert!(
                allowed.contains(&directive.split(' ').next().unwrap_or_default()),
                "{name}: {directive}"
            );
        }
    }
}

#[test]
fn every_page_brings_the_headers_that_keep_it_out_of_frames_caches_and_referrers() {
    for (name, page) in every_page() {
        for header in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert!(page.headers().contains(&header), "{name}: {header:?}");
        }
    }
}

#[test]
fn a_form_that_leads_to_a_client_is_not_held_to_this_server() {
    let policy = |name| page(name).headers().map(|(_, value)| value).join("\n");
    for leads_on in ["sign-in", "consent", "demo-start", "demo-tokens", "demo-refused"] {
        assert!(!policy(leads_on).contains("form-action"), "{leads_on}");
    }
    for stays in [
        "account",
        "error-redirect",
        "demo-index",
        "device",
        "device-consent",
        "device-done",
    ] {
        assert!(policy(stays).contains("form-action 'self'"), "{stays}");
    }
}

#[test]
fn signing_in_asks_for_username_and_password_and_helps_password_managers() {
    let page = page("sign-in");
    let tags = tags(page.html());
    let input = |name: &str| {
        tags.iter()
            .find(|tag| tag.attribute("name") == Some(name))
            .expect("the field")
    };
    assert_eq!(input(field::USERNAME).attribute("autocomplete"), Some("username"));
    assert_eq!(
        input(field::PASSWORD).attribute("autocomplete"),
        Some("current-password")
    );
    assert_eq!(input(field::PASSWORD).attribute("type"), Some("password"));
    assert_eq!(input(field::CONTINUE).attribute("value"), Some(samples::RESUME));
    assert!(page.html().contains("<bdi>Photo Albums</bdi>"));
    assert!(!page.html().contains("role=\"alert\""));
}

#[test]
fn a_refused_sign_in_says_why_next_to_the_fields_and_forgets_the_password() {
    for refusal in [Refusal::WrongCredentials, Refusal::Stale] {
        let page = SignIn {
            site: "auth.example.com",
            action: "/sign-in",
            csrf: "c",
            resume: "r",
            username: "alice",
            client: None,
            refusal: Some(refusal),
        }
        .render();
        assert!(page.html().contains(&refusal.to_string()));
        assert_eq!(page.html().matches("role=\"alert\" id=\"refusal\"").count(), 1);
        let tags = tags(page.html());
        let input = |name: &str| {
            tags.iter()
                .find(|tag| tag.attribute("name") == Some(name))
                .expect("the field")
        };
        for name in [field::USERNAME, field::PASSWORD] {
            assert_eq!(input(name).attribute("aria-describedby"), Some("refusal"));
            let invalid = input(name).attribute("aria-invalid");
            assert_eq!(invalid, (refusal == Refusal::WrongCredentials).then_some("true"));
        }
        assert_eq!(input(field::USERNAME).attribute("value"), Some("alice"));
        assert_eq!(input(field::PASSWORD).attribute("value"), None);
    }
}

#[test]
fn consent_says_who_asks_for_what_with_which_account_and_offers_both_answers_first() {
    let page = page("consent");
    let html = page.html();
    for told in [
        "Photo Albums",
        "albums.example",
        "See your name and profile",
        "<code class=\"token\">write</code>",
        "<bdi>alice</bdi>",
    ] {
        assert!(html.contains(told), "{told}");
    }
    let first_form = insides(html, "form")[0];
    let answers: Vec<_> = tags(html)
        .into_iter()
        .filter(|tag| tag.attribute("name") == Some(field::DECISION))
        .map(|tag| {
            (
                tag.element.to_owned(),
                tag.attribute("value").unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let button = |value: &str| ("button".to_owned(), value.to_owned());
    assert_eq!(answers, [button(field::DENY), button(field::APPROVE)]);
    assert_eq!(first_form.matches("name=\"decision\"").count(), 2);
    assert!(first_form.contains(&format!("name=\"{}\" value=\"{}\"", field::CONTINUE, samples::RESUME)));
}

#[test]
fn consent_for_a_device_shows_the_code_in_groups_and_what_it_must_match() {
    let device = page("device-consent");
    for told in [
        "Living room TV",
        "On another device",
        "<code class=\"user-code\">WDJB-MJHT</code>",
        "It must match the code that your device shows now.",
        "choose Deny",
    ] {
        assert!(device.html().contains(told), "{told}");
    }
    assert!(!device.html().contains("Afterwards you go on to"));
    for no_device in ["consent", "consent-loopback", "consent-app"] {
        assert!(!page(no_device).html().contains("class=\"match\""), "{no_device}");
    }
}

/// The one field of a device page.
fn code_field(html: &str) -> Tag<'_> {
    let mut seen: Vec<_> = tags(html)
        .into_iter()
        .filter(|tag| tag.element == "input" && tag.attribute("type") != Some("hidden"))
        .collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.pop().expect("the field")
}

#[test]
fn a_device_code_can_be_typed_in_any_way_and_nothing_corrects_or_keeps_it() {
    for name in [
        "device",
        "device-prefilled",
        "device-unknown",
        "device-too-many",
        "hostile-device",
    ] {
        let page = page(name);
        let input = code_field(page.html());
        for (attribute, value) in [
            ("name", field::USER_CODE),
            ("type", "text"),
            ("inputmode", "text"),
            ("autocomplete", "off"),
            ("autocapitalize", "characters"),
            ("autocorrect", "off"),
            ("spellcheck", "false"),
            ("required", ""),
        ] {
            assert_eq!(input.attribute(attribute), Some(value), "{name}: {attribute}");
        }
        for limit in ["pattern", "minlength", "maxlength"] {
            assert_eq!(input.attribute(limit), None, "{name}: {limit}");
        }
        let forms = insides(page.html(), "form");
        assert_eq!(forms.len(), 1, "{name}");
        assert!(forms[0].contains("action=\"/device\""), "{name}");
        assert_eq!(forms[0].matches("<button").count(), 1, "{name}");
    }
}

#[test]
fn every_device_page_says_to_go_on_only_with_a_device_in_front_of_you() {
    for name in ["device", "device-prefilled", "device-unknown", "device-too-many"] {
        let page = page(name);
        assert!(
            page.html()
                .contains("Go on only if you started this yourself, on a device in front of you."),
            "{name}"
        );
    }
}

#[test]
fn a_code_that_came_by_a_link_is_filled_in_and_has_to_be_compared_first() {
    const CHECK: &str = "Check that this code is the one that your device shows.";
    let (filled_in, empty) = (page("device-prefilled"), page("device"));
    assert!(filled_in.html().contains(CHECK));
    let input = code_field(filled_in.html());
    assert_eq!(input.attribute("value"), Some("WDJB-MJHT"));
    assert_eq!(input.attribute("aria-describedby"), Some("care"));
    assert_eq!(
        input.attribute("autofocus"),
        None,
        "Enter must not send what nobody read"
    );

    assert!(!empty.html().contains(CHECK));
    let input = code_field(empty.html());
    assert_eq!(input.attribute("value"), Some(""));
    assert_eq!(input.attribute("autofocus"), Some(""));
    for page in [empty, filled_in] {
        assert!(!page.html().contains("role=\"alert\""));
    }
}

#[test]
fn a_refused_code_has_one_message_for_every_cause_and_can_be_corrected() {
    let page = page("device-unknown");
    let message = DeviceRefusal::UnknownCode.to_string();
    assert!(message.starts_with("That code is not known, has expired or was used."));
    assert!(page.html().contains(&message));
    assert_eq!(page.html().matches("role=\"alert\" id=\"refusal\"").count(), 1);
    let input = code_field(page.html());
    assert_eq!(input.attribute("value"), Some("wdjb mjht"));
    assert_eq!(input.attribute("aria-invalid"), Some("true"));
    assert_eq!(input.attribute("aria-describedby"), Some("refusal hint"));
}

#[test]
fn too_many_codes_are_told_with_the_time_to_wait_and_blame_no_code() {
    let page = page("device-too-many");
    assert!(page.html().contains("Try again in 40 seconds."));
    assert_eq!(code_field(page.html()).attribute("aria-invalid"), None);
}

#[test]
fn who_decided_about_a_device_is_told_what_became_of_it() {
    for (name, told) in [
        (
            "device-done",
            [
                "<h1 id=\"heading\">You can go back to your device</h1>",
                "<a href=\"/account\">your account</a>",
            ],
        ),
        (
            "device-denied",
            [
                "<h1 id=\"heading\">Access was denied</h1>",
                "Nothing was given out, and the code no longer works.",
            ],
        ),
    ] {
        let page = page(name);
        for words in told {
            assert!(page.html().contains(words), "{name}: {words}");
        }
        assert!(page.html().contains("<bdi>Living room TV</bdi>"), "{name}");
        assert!(!page.html().contains("<form"), "{name}");
    }
    assert!(page("device-denied").html().contains("that was a scam"));
}

#[test]
fn a_scope_without_words_is_shown_by_its_token_and_no_scope_is_said_to_be_none() {
    assert!(
        page("account")
            .html()
            .contains("<code class=\"token alone\">urn:example:printing</code>")
    );
    assert!(page("consent-app").html().contains("no permission comes with it"));
}

#[test]
fn each_authorization_can_be_revoked_by_its_own_form() {
    let page = page("account");
    let forms = insides(page.html(), "form");
    for id in ["a1", "a2", "a3"] {
        let field = format!("name=\"{}\" value=\"{id}\"", field::AUTHORIZATION);
        let own: Vec<_> = forms.iter().filter(|form| form.contains(&field)).collect();
        assert_eq!(own.len(), 1, "{id}");
        assert!(own[0].contains("action=\"/account/revoke\""));
    }
    assert!(
        page.html()
            .contains("<time datetime=\"2026-03-07T14:05:09Z\">7 March 2026, 14:05 UTC</time>")
    );
    assert!(forms.iter().any(|form| form.contains("action=\"/sign-out\"")));
}

#[test]
fn an_account_that_granted_nothing_is_told_so() {
    let page = page("account-empty");
    assert!(page.html().contains("No application has access"));
    assert_eq!(insides(page.html(), "form").len(), 1, "only the form that signs out");
}

#[test]
fn an_error_is_told_in_words_with_its_code_and_makes_no_link_of_what_the_request_brought() {
    let page = Failure {
        site: "auth.example.com",
        trouble: Trouble::UntrustedRedirect,
        code: Some("invalid_request"),
        detail: Some("https://evil.example/callback is not registered"),
        reference: None,
        back: None,
    }
    .render();
    let html = page.html();
    assert!(html.contains(Trouble::UntrustedRedirect.words()));
    assert!(html.contains("<code>invalid_request</code>"));
    assert!(html.contains("https://evil.example/callback"));
    assert!(!html.contains("<a ") && !html.contains("<form"));
}

#[test]
fn the_demo_offers_refresh_and_revoke_only_while_the_tokens_live() {
    let offered = |name: &str| {
        let page = page(name);
        ["/demo/refresh", "/demo/revoke", "/demo/start"]
            .map(|action| page.html().contains(&format!("action=\"{action}\"")))
    };
    assert_eq!(offered("demo-tokens"), [true, true, true]);
    assert_eq!(offered("demo-revoked"), [false, false, true]);
    let live = page("demo-tokens");
    for shown in [
        "at_4nKQk1m2T0s9mXlq7yV3cJ8dWbE5hGzRuPfAoYxNtLk",
        "POST /introspect",
        "GET /demo/resource",
        "&#34;active&#34;: true",
    ] {
        assert!(live.html().contains(shown), "{shown}");
    }
}
