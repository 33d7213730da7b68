//! `[[users]]`.

use std::collections::BTreeSet;

use oauth_server::Secret;
use oauth_server::argon2::{Argon2, LONGEST_PASSWORD, is_argon2};

use super::document::Section;
use super::settings::{ConfiguredUser, Password};

/// The longest username, in bytes.
pub const LONGEST_USERNAME: usize = 255;

/// Whether somebody can be called that.
///
/// # Errors
/// Why not, in words.
pub fn check_username(username: &str) -> Result<(), &'static str> {
    if username.is_empty() {
        Err("a username is not empty")
    } else if username.len() > LONGEST_USERNAME {
        Err("a username has at most 255 bytes")
    } else if username.chars().any(char::is_control) {
        Err("a username has no control characters")
    } else if username.trim() != username {
        Err("a username neither begins nor ends with a space")
    } else {
        Ok(())
    }
}

/// Whether that can be somebody's password.
///
/// # Errors
/// Why not, in words.
pub fn check_password(password: &Secret) -> Result<(), String> {
    if password.expose().is_empty() {
        Err("an empty password proves nothing".to_owned())
    } else if password.expose().len() > LONGEST_PASSWORD {
        Err(format!("a password has at most {LONGEST_PASSWORD} bytes"))
    } else {
        Ok(())
    }
}

/// Reads `[[users]]`; what is wrong is noted in the document.
pub(super) fn read(sections: Vec<Section<'_>>) -> Vec<ConfiguredUser> {
    let mut names = BTreeSet::new();
    let mut users = Vec::with_capacity(sections.len());
    for mut section in sections {
        let username = section.text("username").unwrap_or_default();
        if let Err(why) = check_username(&username) {
            section.problem("username", why);
        } else if !names.insert(username.clone()) {
            section.problem("username", format!("there are two users `{username}`"));
        }
        let password = read_password(&mut section);
        let claims = section.object("claims").unwrap_or_default();
        let disabled = section.truth("disabled").unwrap_or_default();
        if let Some(password) = password {
            users.push(ConfiguredUser {
                username,
                password,
                claims,
                disabled,
            });
        }
        section.finish();
    }
    users
}

fn read_password(section: &mut Section<'_>) -> Option<Password> {
    match (section.text("password"), section.text("password_hash")) {
        (Some(_), Some(_)) => {
            section.problem("password_hash", "there is a password already; keep one of the two");
            None
        }
        (Some(password), None) => {
            let password = Secret::new(password);
            match check_password(&password) {
                Ok(()) => Some(Password::Plain(password)),
                Err(why) => {
                    section.problem("password", why);
                    None
                }
            }
        }
        (None, Some(hash)) if !is_argon2(&hash) => {
            section.problem("password_hash", "not a PHC string of argon2 (`$argon2id$…`)");
            None
        }
        (None, Some(hash)) => match Argon2::check(&hash) {
            Ok(()) => Some(Password::Hashed(hash)),
            Err(error) => {
                section.problem("password_hash", error.to_string());
                None
            }
        },
        (None, None) => {
            section.problem("password", "a user needs password or password_hash");
            None
        }
    }
}
