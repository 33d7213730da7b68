//! Where a person was going when they had to sign in.

use oauth_server::Secret;
use oauth_server::device::UserCode;

use crate::pages::field;

use super::forms::Form;

/// What the field `continue` says.
pub(super) enum Going {
    /// To the account page.
    Account,
    /// On with a device, whose code this browser entered.
    Device(UserCode),
    /// On with an authorization request that was parked under this handle.
    Client(Secret),
}

const ACCOUNT: &str = "account";
const DEVICE: &str = "device:";

impl Going {
    /// Where a form's person was going.
    pub(super) fn of(form: &Form) -> Self {
        let text = form.field(field::CONTINUE);
        if text == ACCOUNT {
            return Self::Account;
        }
        match text.strip_prefix(DEVICE).and_then(UserCode::read) {
            Some(code) => Self::Device(code),
            // Handles are base64url, so none of them is one of the words above.
            None => Self::Client(Secret::new(text)),
        }
    }

    /// The value of the field.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Account => ACCOUNT.to_owned(),
            Self::Device(code) => format!("{DEVICE}{}", code.shown()),
            Self::Client(handle) => handle.expose().to_owned(),
        }
    }
}
