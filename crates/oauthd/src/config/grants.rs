//! Grants by their names in the configuration.

use oauth_server::GrantType;

use super::document::unknown;

/// The grants that can be mounted.
const BUILT_IN: [GrantType; 6] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::REFRESH_TOKEN,
    GrantType::CLIENT_CREDENTIALS,
    GrantType::DEVICE_CODE,
    GrantType::PASSWORD,
    GrantType::IMPLICIT,
];

/// The grants of a configuration that names none: never the legacy ones.
pub(crate) const BY_DEFAULT: [GrantType; 4] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::REFRESH_TOKEN,
    GrantType::CLIENT_CREDENTIALS,
    GrantType::DEVICE_CODE,
];

/// Grants that RFCs name and this server does not have.
const NOT_BUILT_IN: [GrantType; 4] = [
    GrantType::from_static("urn:ietf:params:oauth:grant-type:token-exchange"),
    GrantType::from_static("urn:ietf:params:oauth:grant-type:jwt-bearer"),
    GrantType::from_static("urn:ietf:params:oauth:grant-type:saml2-bearer"),
    GrantType::from_static("urn:openid:params:grant-type:ciba"),
];

/// The grant of that name.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn named(name: &str) -> Result<GrantType, String> {
    let grant = GrantType::named(name);
    if BUILT_IN.contains(&grant) {
        Ok(grant)
    } else if NOT_BUILT_IN.contains(&grant) {
        Err(format!("the grant `{name}` is not built in"))
    } else {
        Err(unknown(
            &format!("`{name}` is an unknown grant"),
            name,
            BUILT_IN.iter().map(GrantType::as_str),
        ))
    }
}
