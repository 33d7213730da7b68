//! How often is too often: failed authentications, sign-ins, token requests.

mod failures;
mod requests;

pub use failures::FailedAuthentications;
pub use requests::TokenRequests;
