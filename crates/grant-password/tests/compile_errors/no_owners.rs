//! Nobody says whose password is right: node-oauth2-server's `getUser` is missing.

use grant_password::PasswordGrant;

struct NoOwners;

fn main() {
    let _ = PasswordGrant::danger_verified_by(NoOwners);
}
