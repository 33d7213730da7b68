//! Vouchers: an extension grant (RFC 6749 §4.5) as a crate of its own, to copy from.
//!
//! A conference sells seats at a box office, a confidential client. For every sale it asks this server for a **voucher** at
//! `POST /vouchers` and prints it. Whoever types the voucher into the conference's app gets an access token, once. The
//! crate has three parts, and [`Vouchers`] installs them as one:
//!
//! - a stored credential of its own kind, [`VOUCHER`];
//! - the endpoint that issues vouchers, which the metadata (RFC 8414 §2) lists as `voucher_endpoint`;
//! - the grant that redeems them, [`GRANT_TYPE`].
//!
//! ```
//! use example_grant_voucher::{GRANT_TYPE, PERMISSION, Vouchers};
//! use oauth_server::{Client, ClientSecret, MemoryStore, Secret, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let box_office = Client::confidential("box-office", ClientSecret::generated(&Secret::new("a generated secret")))
//!     .limited_to(PERMISSION.parse()?);
//! let app = Client::public("conference-app").using([GRANT_TYPE]).limited_to("schedule talks".parse()?);
//!
//! let server = Server::builder(MemoryStore::new().with_client(box_office).with_client(app))
//!     .issuer("https://auth.example")
//!     .install(Vouchers::new())
//!     .build()?;
//! # Ok(()) }
//! ```
//!
//! # What a voucher is worth
//!
//! It pays once, for the client that it was issued for, until it expires. Its row is spent in the same commit in which the
//! token is born, so that two requests at the same moment get one token between them. A replay is refused and **revokes
//! nothing**: an authorization code that comes twice was stolen (RFC 6749 §4.1.2), but a used voucher lies around on paper,
//! and whoever finds it must not be able to end the token of the seat's holder. For the same reason the token comes without
//! a refresh token: a voucher is no account.

mod endpoint;
mod grant;

use std::collections::BTreeSet;
use std::time::Duration;

use oauth_server::{Builder, GrantType, Install, Kind, Params, Rejection};
use serde::{Deserialize, Serialize};

/// The value of `grant_type` that redeems a voucher: an absolute URI, as RFC 6749 §4.5 asks of extensions.
pub const GRANT_TYPE: GrantType = GrantType::from_static("urn:example:params:oauth:grant-type:voucher");

/// The scope that a confidential client has to be registered for to issue vouchers.
pub const PERMISSION: &str = "vouchers";

/// The sort of credential that vouchers are stored as. Kinds are global, so the name has a prefix.
pub const VOUCHER: Kind<Voucher> = Kind::new("example:voucher");

/// What is stored of a voucher beside the columns that every credential has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// The seats that it is good for; empty if it is for none in particular.
    pub seats: BTreeSet<String>,
}

/// The grant and the endpoint, to be installed together.
#[derive(Clone, Copy, Debug)]
#[must_use = "vouchers do nothing until they are installed"]
pub struct Vouchers {
    lifetime: Duration,
}

impl Vouchers {
    /// Vouchers that are valid for 30 days.
    pub const fn new() -> Self {
        Self {
            lifetime: Duration::from_secs(30 * 24 * 3600),
        }
    }

    /// The same with vouchers that are valid this long.
    pub const fn valid_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

impl Default for Vouchers {
    fn default() -> Self {
        Self::new()
    }
}

impl Install for Vouchers {
    fn install(self, builder: &mut Builder) {
        builder.add_grant(grant::Redeem);
        builder.add_endpoint(endpoint::Issue {
            lifetime: self.lifetime,
        });
    }
}

/// The values of `seat`, which may occur more than once, in both of this crate's requests.
fn seats(params: &Params<'_>) -> Result<BTreeSet<String>, Rejection> {
    let is_seat = |text: &str| text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    params
        .all("seat")
        .map(|text| {
            if is_seat(text) {
                Ok(text.to_owned())
            } else {
                Err(Rejection::invalid_request("a seat is at most 8 letters and digits"))
            }
        })
        .collect()
}
