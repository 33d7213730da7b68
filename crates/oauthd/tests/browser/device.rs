//! A person at a phone connects a television.

use super::chromium::Chromium;
use super::common::Daemon;
use super::{look_at, sign_in};

/// Looks at the page in every way, and goes on at a phone.
fn look_at_a_phone(browser: &mut Chromium, name: &str) {
    look_at(browser, name);
    browser.look(390, "light");
}

#[test]
fn a_person_at_a_phone_without_scripts_connects_a_television() {
    let daemon = Daemon::demo(&[]);
    let base = daemon.issuer.clone();
    let codes = daemon.codes();
    let mut phone = Chromium::without_scripts();
    phone.look(390, "light");

    phone.open(&codes.complete);
    look_at_a_phone(&mut phone, "device-linked");
    let html = phone.html();
    assert!(
        html.contains(&format!("value=\"{}\"", codes.user)),
        "the code is filled in"
    );
    assert_eq!(phone.url(), codes.complete, "and not sent");

    phone.click("form[action='/device'] button");
    look_at_a_phone(&mut phone, "device-sign-in");
    assert!(phone.html().contains("Demo television"), "it says what for");
    sign_in(&mut phone, "alice", "not the password");
    look_at_a_phone(&mut phone, "device-sign-in-refused");
    phone.type_into("input[name=password]", "correct horse battery staple");
    phone.press_enter();
    look_at_a_phone(&mut phone, "device-consent");
    let html = phone.html();
    assert!(html.contains("Demo television") && html.contains(&codes.user), "{html}");
    assert_eq!(daemon.poll(&codes).error().as_deref(), Some("authorization_pending"));

    phone.click("button[value=approve]");
    look_at_a_phone(&mut phone, "device-done");
    assert!(phone.html().contains("You can go back to your device"));
    let answer = daemon.poll(&codes);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.member("access_token").is_some() && answer.member("refresh_token").is_some());

    phone.open(&format!("{base}/account"));
    look_at_a_phone(&mut phone, "device-account");
    assert!(phone.html().contains("Demo television"));
}

#[test]
fn a_person_who_types_the_code_may_mistype_it_and_may_say_no() {
    let daemon = Daemon::demo(&[]);
    let codes = daemon.codes();
    let mut phone = Chromium::without_scripts();
    phone.look(390, "light");
    phone.open(&codes.page);
    look_at_a_phone(&mut phone, "device-typed");
    phone.type_into("input[name=user_code]", "BBBB-BBBB");
    phone.press_enter();
    look_at_a_phone(&mut phone, "device-mistyped");
    assert!(phone.html().contains("role=\"alert\""));

    phone.open(&codes.page);
    let typed = codes.user.replace('-', "").to_lowercase();
    phone.type_into("input[name=user_code]", &typed);
    phone.press_enter();
    sign_in(&mut phone, "alice", "correct horse battery staple");
    phone.click("button[value=deny]");
    look_at_a_phone(&mut phone, "device-denied");
    assert!(phone.html().contains("Access was denied"));
    assert_eq!(daemon.poll(&codes).error().as_deref(), Some("access_denied"));
}
