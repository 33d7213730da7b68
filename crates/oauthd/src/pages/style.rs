//! The one stylesheet, and the policy that allows it and nothing else.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Forms;

/// The stylesheet as it stands in every page.
///
/// HTML parsers turn CR LF into LF before they hash, so a checkout with other line ends must not matter.
static SHEET: LazyLock<String> = LazyLock::new(|| include_str!("../../templates/style.css").replace("\r\n", "\n"));

static STAY: LazyLock<String> = LazyLock::new(|| format!("{}; form-action 'self'", *LEAD_ON));

/// `form-action` is left out where a form leads on to a client: Chromium holds every redirect after a form
/// against it, also those behind the client's redirect URI, which nobody here can know; naming the
/// redirect URI's origin would break each client that redirects once more.
static LEAD_ON: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(SHEET.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
});

/// The stylesheet.
pub(crate) fn sheet() -> &'static str {
    &SHEET
}

/// The content security policy of a page with such forms.
pub(super) fn policy(forms: Forms) -> &'static str {
    match forms {
        Forms::Stay => &STAY,
        Forms::LeadOn => &LEAD_ON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_loads_nothing_and_cannot_end_its_element() {
        for forbidden in ["@import", "url(", "</", "http"] {
            assert!(!sheet().contains(forbidden), "{forbidden}");
        }
        assert!(!sheet().contains('\r'));
    }

    #[test]
    fn only_pages_that_lead_to_a_client_have_no_form_action() {
        assert!(policy(Forms::Stay).ends_with("; form-action 'self'"));
        assert!(!policy(Forms::LeadOn).contains("form-action"));
        assert!(policy(Forms::Stay).starts_with(policy(Forms::LeadOn)));
    }
}
