//! The person's part (RFC 8628 §3.3): entering the code, and deciding.

use std::fmt::Write as _;

use async_trait::async_trait;
use oauth_core::{
    Admission, Attempt, Change, Client, Consent, Context, Credential, Decide, Decided, Event, Incoming, Json, Key,
    Kind, Rejection, Scope, Secret, Server, State, Subject,
};

use crate::{Decision, USER_CODE, UserCode, UserCodeData};

/// Guesses of user codes, as a limit on attempts counts them ([`Attempt::what`]): for each browser session, and for each
/// address.
pub const USER_CODE_GUESS: &str = "user_code";

/// The browser session that entered a code.
const BROWSER: Kind<()> = Kind::new("browser");

/// That a person allowed something: the codes were nobody's when they were made, so by them alone whatever ends all that is
/// a person's would miss a device that has not fetched its tokens yet.
const APPROVAL: Kind<()> = Kind::new("device_approval");

/// Takes the code that a person typed, or that came with `verification_uri_complete`, for the browser that knows
/// `browser` (a session's secret). From then on only that browser can decide about it.
///
/// # Errors
/// `invalid_request` for a code that is unknown, expired, decided, or was entered in another browser: all alike. 429 after
/// too many wrong codes, where a limit is mounted ([`Builder::attempt_limit`](oauth_core::Builder::attempt_limit)).
/// `temporarily_unavailable` when the store fails.
pub async fn enter(
    server: &Server,
    typed: &str,
    browser: &Secret,
    request: &Incoming<'_>,
) -> Result<DeviceRequest, Rejection> {
    server
        .carry_out(
            &Enter {
                typed,
                browser: Key::of(&BROWSER, browser),
            },
            Some(request),
        )
        .await
        .map(|found| found.on(server))
}

/// Finds a code again that was entered in that browser: for the page that follows the one on which it was typed.
///
/// # Errors
/// As [`enter`], but nothing is counted: a code that this browser did not enter is not found, whether it exists or not.
pub async fn resume(server: &Server, code: &UserCode, browser: &Secret) -> Result<DeviceRequest, Rejection> {
    let browser = Key::of(&BROWSER, browser);
    server
        .carry_out(&Resume { code, browser }, None)
        .await
        .map(|found| found.on(server))
}

/// A device that waits for the person's decision.
#[derive(Clone, Debug)]
#[must_use = "a device that nobody decides about waits until its code expires"]
pub struct DeviceRequest {
    server: Server,
    found: Found,
}

/// A user code that is live and undecided, and what its client asks for.
#[derive(Clone, Debug)]
struct Found {
    code: UserCode,
    browser: Key,
    client: Client,
    row: Credential<UserCodeData>,
}

impl Found {
    fn on(self, server: &Server) -> DeviceRequest {
        DeviceRequest {
            server: server.clone(),
            found: self,
        }
    }

    fn updated(&self, data: &UserCodeData) -> Result<Change, Rejection> {
        Ok(Change::Update {
            key: self.row.key.clone(),
            revision: self.row.revision,
            data: Json::of(data)?,
        })
    }
}

impl DeviceRequest {
    /// Who asks.
    pub const fn client(&self) -> &Client {
        &self.found.client
    }

    /// What is asked for.
    pub const fn scope(&self) -> &Scope {
        &self.found.row.scope
    }

    /// The code, to be shown again beside the question, so that the person can compare it with the device (RFC 8628 §3.3.1).
    pub const fn user_code(&self) -> &UserCode {
        &self.found.code
    }

    /// Gives the request to the same person's next session: when the secret of a session changes at sign-in.
    ///
    /// # Errors
    /// As [`enter`]; `invalid_request` when it was decided meanwhile.
    pub async fn hand_over(self, browser: &Secret) -> Result<Self, Rejection> {
        let to = Key::of(&BROWSER, browser);
        let given = HandOver { from: &self.found, to };
        self.server
            .carry_out(&given, None)
            .await
            .map(|found| found.on(&self.server))
    }

    /// The person agrees. The device gets its tokens when it polls next.
    ///
    /// # Errors
    /// `invalid_request` when it was decided already, or expired. `temporarily_unavailable` when the store fails.
    pub async fn approve(self, subject: impl Into<Subject>, scope: Scope) -> Result<(), Rejection> {
        self.consent(Consent::of(subject, scope)).await
    }

    /// As [`approve`](Self::approve), with claims for the tokens. A lifetime in the consent has no meaning here.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn consent(self, consent: Consent) -> Result<(), Rejection> {
        let subject = consent.subject.clone();
        let said = Say {
            found: &self.found,
            consent: Some(consent),
        };
        match self.server.carry_out(&said, None).await? {
            Some(scope) => self.server.observe(&Event::Approved {
                client: &self.client().id,
                subject: &subject,
                scope: &scope,
            }),
            None => self.tell_denied(),
        }
        Ok(())
    }

    /// The person refuses. That is final.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn deny(self) -> Result<(), Rejection> {
        let said = Say {
            found: &self.found,
            consent: None,
        };
        self.server.carry_out(&said, None).await?;
        self.tell_denied();
        Ok(())
    }

    fn tell_denied(&self) {
        self.server.observe(&Event::Denied {
            client: &self.client().id,
        });
    }
}

/// The one refusal: so that nobody learns which codes exist.
fn unknown() -> Rejection {
    Rejection::invalid_request("the code is unknown, has expired, or was used before")
}

/// A live and undecided user code, and its client, which must still be one.
async fn find(code: &UserCode, browser: &Key, cx: &Context<'_>) -> Result<Found, Rejection> {
    let row = cx
        .find(&USER_CODE, &code.secret())
        .await?
        .filter(|row| row.is_live(cx.now()) && row.data.decision.is_none())
        .ok_or_else(unknown)?;
    let client = cx.client(&row.client).await?.ok_or_else(unknown)?;
    Ok(Found {
        code: code.clone(),
        browser: browser.clone(),
        client,
        row,
    })
}

struct Enter<'a> {
    typed: &'a str,
    browser: Key,
}

#[async_trait]
impl Decide for Enter<'_> {
    type Outcome = Found;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Found>, Rejection> {
        let mut session = String::with_capacity(64);
        for byte in self.browser.digest() {
            // Writing to a string cannot fail.
            let _ = write!(session, "{byte:02x}");
        }
        let guess = |name, address| Attempt {
            what: USER_CODE_GUESS,
            name,
            address,
        };
        // A session is dropped easily, and an address is shared by some: so both count.
        let mut admissions = vec![cx.admit(&guess(&session, None)).await?];
        if let address @ Some(_) = cx.request().and_then(Incoming::peer) {
            match cx.admit(&guess("", address)).await {
                Ok(admission) => admissions.push(admission),
                Err(refusal) => {
                    // What is not looked at is no guess of the session's.
                    admissions.into_iter().for_each(Admission::succeeded);
                    return Err(refusal);
                }
            }
        }
        let found = match UserCode::read(self.typed) {
            Some(code) => find(&code, &self.browser, cx).await,
            None => Err(unknown()),
        };
        let found = found.and_then(|found| match &found.row.data.entered_by {
            Some(browser) if *browser != self.browser => Err(unknown()),
            _ => Ok(found),
        });
        // While the store is down no code is wrong.
        if !matches!(&found, Err(rejection) if *rejection.code() == oauth_core::ErrorCode::INVALID_REQUEST) {
            admissions.into_iter().for_each(Admission::succeeded);
        }
        let found = found?;
        if found.row.data.entered_by.is_some() {
            return Ok(Decided::new(found));
        }
        let data = UserCodeData {
            entered_by: Some(self.browser.clone()),
            ..found.row.data.clone()
        };
        let change = found.updated(&data)?;
        Ok(Decided::new(found).and(change))
    }
}

struct Resume<'a> {
    code: &'a UserCode,
    browser: Key,
}

#[async_trait]
impl Decide for Resume<'_> {
    type Outcome = Found;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Found>, Rejection> {
        entered(self.code, &self.browser, cx).await.map(Decided::new)
    }
}

/// A code that this browser entered, as it stands now.
async fn entered(code: &UserCode, browser: &Key, cx: &Context<'_>) -> Result<Found, Rejection> {
    let found = find(code, browser, cx).await?;
    if found.row.data.entered_by.as_ref() == Some(browser) {
        Ok(found)
    } else {
        Err(unknown())
    }
}

struct HandOver<'a> {
    from: &'a Found,
    to: Key,
}

#[async_trait]
impl Decide for HandOver<'_> {
    type Outcome = Found;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Found>, Rejection> {
        let mut found = entered(&self.from.code, &self.from.browser, cx).await?;
        let data = UserCodeData {
            entered_by: Some(self.to.clone()),
            ..found.row.data.clone()
        };
        let change = found.updated(&data)?;
        found.browser = self.to.clone();
        Ok(Decided::new(found).and(change))
    }
}

/// The person's word: consent, or none. Its outcome is the scope that was agreed to, if any was.
struct Say<'a> {
    found: &'a Found,
    consent: Option<Consent>,
}

#[async_trait]
impl Decide for Say<'_> {
    type Outcome = Option<Scope>;

    async fn decide(&self, cx: &Context<'_>) -> Result<Decided<Option<Scope>>, Rejection> {
        let found = entered(&self.found.code, &self.found.browser, cx).await?;
        let asked = &found.row.scope;
        let agreed = self
            .consent
            .as_ref()
            .map(|consent| (consent, cx.common_scope(&consent.scope, asked)))
            // Agreeing to nothing of what was asked for is a refusal.
            .filter(|(_, scope)| !scope.is_none() || asked.is_none());
        let mut approval = None;
        let (outcome, decision) = match agreed {
            Some((consent, scope)) => {
                approval = Some(Credential {
                    key: Key::of(&APPROVAL, &cx.generate_secret()?),
                    authorization: found.row.authorization,
                    client: found.row.client.clone(),
                    subject: Some(consent.subject.clone()),
                    scope: scope.clone(),
                    expires_at: found.row.expires_at,
                    state: State::Live,
                    revision: 0,
                    data: (),
                });
                let decision = Decision::Approved {
                    subject: consent.subject.clone(),
                    scope: scope.clone(),
                    claims: consent.claims.clone(),
                };
                (Some(scope), decision)
            }
            None => (None, Decision::Denied),
        };
        let data = UserCodeData {
            decision: Some(decision),
            ..found.row.data.clone()
        };
        let change = found.updated(&data)?;
        let decided = Decided::new(outcome).and(change);
        Ok(match approval {
            Some(approval) => decided.and(Change::Insert(approval.into_row()?)),
            None => decided,
        })
    }
}
