//! The resource owner password credentials grant (RFC 6749 §4.3). Legacy: RFC 9700 §2.4 says that it must not be used, and
//! OAuth 2.1 has dropped it.
//!
//! The client gets to see the person's password, and a second factor has no place in it. It is here for clients that cannot
//! be changed yet; a device or a command line is served better by the device grant, an app by the authorization code.

use async_trait::async_trait;
use oauth_core::{Approval, Attempt, Context, Grant, GrantType, Rejection, Secret, Subject, TokenRequest};

/// The longest username and the longest password that are looked at, in bytes: longer ones fail before any hashing.
pub const LONGEST_CREDENTIAL: usize = 4096;

/// The people whose passwords clients bring: node-oauth2-server's `getUser`.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know whose password is right",
    label = "this would have to implement `ResourceOwners`",
    note = "implement `ResourceOwners::verify`, node-oauth2-server's `getUser`; `oauth-argon2` hashes passwords off the async threads"
)]
pub trait ResourceOwners: Send + Sync + 'static {
    /// Who that is, if the password is theirs and they may use this server. It has to take the same time for a name that
    /// nobody has: `oauth_argon2::Argon2::verify_if_any` does.
    ///
    /// # Errors
    /// A [`Rejection`] when it cannot be found out, such as [`Rejection::unavailable`]. A wrong password is no error but `None`.
    async fn verify(&self, username: &str, password: &Secret, cx: &Context<'_>) -> Result<Option<Subject>, Rejection>;
}

/// The password grant.
///
/// Failed attempts are counted for each username and address where a limit is mounted
/// ([`Builder::attempt_limit`](oauth_core::Builder::attempt_limit)), and a wrong password is answered like an unknown name.
///
/// ```
/// # use oauth_core::{Builder, Context, Rejection, Secret, Subject, async_trait};
/// use grant_password::{PasswordGrant, ResourceOwners};
///
/// struct Accounts;
///
/// #[async_trait]
/// impl ResourceOwners for Accounts {
///     async fn verify(&self, username: &str, password: &Secret, _: &Context<'_>) -> Result<Option<Subject>, Rejection> {
///         // Yours: the account of that name, and its password hash.
/// #       let _ = (username, password);
///         Ok(None)
///     }
/// }
///
/// # fn mounted(builder: Builder) -> Builder {
/// builder.install(PasswordGrant::danger_verified_by(Accounts))
/// # }
/// ```
pub struct PasswordGrant {
    owners: Box<dyn ResourceOwners>,
}

impl PasswordGrant {
    /// The grant for these people. Dangerous, because every client that uses it learns passwords (RFC 9700 §2.4).
    pub fn danger_verified_by(owners: impl ResourceOwners) -> Self {
        Self {
            owners: Box::new(owners),
        }
    }
}

#[async_trait]
impl Grant for PasswordGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::PASSWORD
    }

    async fn handle(&self, request: &TokenRequest<'_>, cx: &Context<'_>) -> Result<Approval, Rejection> {
        let username = request.params().required("username")?;
        let password = request.secret("password")?;
        let scope = cx.asked_scope(request.params(), request.client())?;
        let refusal = || Rejection::invalid_grant("wrong username or password");
        let attempt = Attempt {
            what: Attempt::PASSWORD,
            name: username,
            address: request.incoming().peer(),
        };
        let admission = cx.admit(&attempt).await?;
        if username.len().max(password.expose().len()) > LONGEST_CREDENTIAL {
            return Err(refusal());
        }
        match self.owners.verify(username, &password, cx).await {
            Ok(Some(subject)) => {
                admission.succeeded();
                Ok(Approval::for_subject(subject, scope).with_refresh_token())
            }
            Ok(None) => Err(refusal()),
            Err(rejection) => {
                // Nobody could tell whether the password was right, so it was not wrong.
                admission.succeeded();
                Err(rejection)
            }
        }
    }
}
