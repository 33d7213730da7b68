//! A simple store with one fault of your choice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use oauth_core::{
    AuthorizationId, Change, Clock, CommitError, Credential, CredentialStore, Json, Key, State, StoreError,
    SystemClock, Timestamp,
};
use oauth_testkit::yield_once;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    CutsLongData,
    KeepsOnlyAscii,
    KeepsSeconds,
    InsertsAlive,
    ForgetsInsertedRevision,
    MixesKinds,
    InsertOverwrites,
    OverwritesWhatIsOver,
    InsertIsNotAtomic,
    SpendsAgain,
    SpendIsNotAtomic,
    SpendsInRevokedAuthorization,
    KeepsChangesBeforeTheFailing,
    MakesInsertsFirst,
    DoesNotSeeItsOwnInserts,
    ShowsHalfACommit,
    StopsHalfWayWhenDropped,
    UpdateIgnoresRevision,
    UpdateKeepsRevision,
    UpdateIsNotAtomic,
    UpdateNeedsLive,
    UpdatesRevoked,
    UpdateRevives,
    RevokesOnlyLive,
    RevokesNeighbours,
    RevokingOneRevokesAll,
    FindIgnoresRevokedAuthorizations,
    RevokesOnlyWhatIsThere,
    InsertRacesRevocation,
    RevokingTwiceConflicts,
    RevokingTheMissingConflicts,
    RevokingTheMissingBlocksIt,
    HidesExpired,
    RefusesToSpendExpired,
    SweepsAtTheVeryMoment,
    SweepIgnoresLimit,
    SweepMiscounts,
    SweepKeepsSpent,
    SweepTakesSpent,
    SweepForgetsRevocations,
}

pub(crate) struct Faulty {
    fault: Fault,
    rows: Mutex<Rows>,
    /// Held across the steps of a commit, so that commits in steps do not meet.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Rows {
    by_key: BTreeMap<Key, Credential>,
    revoked: BTreeSet<AuthorizationId>,
    blocked: BTreeSet<Key>,
}

impl Faulty {
    pub(crate) fn with(fault: Fault) -> Self {
        Self {
            fault,
            rows: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row at that key, without a look at its authorization.
    pub(crate) fn without_join(&self, key: &Key) -> Option<Credential> {
        self.rows().find(key, Fault::FindIgnoresRevokedAuthorizations)
    }

    /// Looks first and acts later, trusting what it saw.
    async fn commit_after_a_look(&self, changes: &[Change]) -> Result<(), CommitError> {
        self.rows().clone().commit(changes, Fault::None)?;
        yield_once().await;
        self.rows().commit(changes, self.fault)
    }

    /// Makes one change after the other and lets others look in between.
    async fn commit_in_steps(&self, changes: &[Change]) -> Result<(), CommitError> {
        let steps = {
            let mut rows = self.rows().clone();
            rows.commit(changes, Fault::None)?;
            changes.to_vec()
        };
        let mut rest = Rest { store: self, steps };
        while !rest.steps.is_empty() {
            let step = rest.steps.remove(0);
            let made = self.rows().commit(&[step], Fault::None);
            made?;
            yield_once().await;
        }
        Ok(())
    }
}

/// What is left of a commit in steps.
struct Rest<'a> {
    store: &'a Faulty,
    steps: Vec<Change>,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if self.store.fault == Fault::ShowsHalfACommit {
            // What was checked before the first step can still be made: tests give it no rival.
            let _ = self.store.rows().commit(&self.steps, Fault::None);
        }
    }
}

impl Rows {
    fn commit(&mut self, changes: &[Change], fault: Fault) -> Result<(), CommitError> {
        let before = self.clone();
        let mut changes: Vec<&Change> = changes.iter().collect();
        if fault == Fault::MakesInsertsFirst {
            changes.sort_by_key(|change| !matches!(change, Change::Insert(_)));
        }
        for change in changes {
            let sees = (fault == Fault::DoesNotSeeItsOwnInserts).then_some(&before);
            if self.make(change, sees, fault).is_none() {
                if fault != Fault::KeepsChangesBeforeTheFailing {
                    *self = before;
                }
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }

    fn make(&mut self, change: &Change, sees: Option<&Self>, fault: Fault) -> Option<()> {
        let before = sees.unwrap_or(&*self);
        match change {
            Change::Insert(row) => {
                let mut row = row.clone();
                row.key = place(&row.key, fault);
                let taken = before.by_key.get(&row.key).is_some_and(|there| match fault {
                    Fault::InsertOverwrites | Fault::InsertIsNotAtomic => false,
                    Fault::OverwritesWhatIsOver => before.state(there) == State::Live,
                    _ => true,
                });
                let ended = before.revoked.contains(&row.authorization)
                    && !matches!(fault, Fault::RevokesOnlyWhatIsThere | Fault::InsertRacesRevocation);
                if taken || ended || before.blocked.contains(&row.key) {
                    return None;
                }
                spoil(&mut row, fault);
                self.by_key.insert(row.key.clone(), row);
            }
            Change::Spend(key) => {
                let key = place(key, fault);
                let row = before.by_key.get(&key)?;
                let state = if fault == Fault::SpendsInRevokedAuthorization {
                    row.state
                } else {
                    before.state(row)
                };
                let expired = fault == Fault::RefusesToSpendExpired && row.expires_at < SystemClock.now();
                if (state != State::Live && !matches!(fault, Fault::SpendsAgain | Fault::SpendIsNotAtomic)) || expired {
                    return None;
                }
                self.by_key.get_mut(&key)?.state = State::Spent;
            }
            Change::Update { key, revision, data } => {
                let key = place(key, fault);
                let row = before.by_key.get(&key)?;
                let fits = match before.state(row) {
                    State::Live => true,
                    State::Spent => fault != Fault::UpdateNeedsLive,
                    State::Revoked => fault == Fault::UpdatesRevoked,
                };
                let any = matches!(fault, Fault::UpdateIgnoresRevision | Fault::UpdateIsNotAtomic);
                if !fits || (row.revision != *revision && !any) {
                    return None;
                }
                let row = self.by_key.get_mut(&key)?;
                row.data = data.clone();
                row.revision += u64::from(fault != Fault::UpdateKeepsRevision);
                if fault == Fault::UpdateRevives {
                    row.state = State::Live;
                }
            }
            Change::Revoke(key) => self.revoke(&place(key, fault), sees, fault)?,
            Change::RevokeAuthorization(id) => self.end(*id, fault),
        }
        Some(())
    }

    fn revoke(&mut self, key: &Key, sees: Option<&Self>, fault: Fault) -> Option<()> {
        let Some(row) = sees.unwrap_or(&*self).by_key.get(key) else {
            if fault == Fault::RevokingTheMissingBlocksIt {
                self.blocked.insert(key.clone());
            }
            return (fault != Fault::RevokingTheMissingConflicts).then_some(());
        };
        if row.state == State::Revoked && fault == Fault::RevokingTwiceConflicts {
            return None;
        }
        let id = row.authorization;
        if fault == Fault::RevokingOneRevokesAll {
            self.revoked.insert(id);
        }
        self.by_key.get_mut(key)?.state = State::Revoked;
        Some(())
    }

    fn end(&mut self, id: AuthorizationId, fault: Fault) {
        match fault {
            Fault::RevokesNeighbours => {
                let is_near = |other: &AuthorizationId| other.as_bytes()[1..] == id.as_bytes()[1..];
                let near: Vec<AuthorizationId> = self.by_key.values().map(|row| row.authorization).collect();
                self.revoked.extend(near.into_iter().filter(is_near));
                self.revoked.insert(id);
            }
            Fault::RevokesOnlyWhatIsThere | Fault::InsertRacesRevocation => {
                for row in self.by_key.values_mut().filter(|row| row.authorization == id) {
                    row.state = State::Revoked;
                }
                self.revoked.insert(id);
            }
            _ => {
                self.revoked.insert(id);
            }
        }
    }

    /// The state of a row with its authorization's.
    fn state(&self, row: &Credential) -> State {
        if self.revoked.contains(&row.authorization) {
            State::Revoked
        } else {
            row.state
        }
    }

    fn find(&self, key: &Key, fault: Fault) -> Option<Credential> {
        let mut row = self.by_key.get(&place(key, fault))?.clone();
        if fault == Fault::HidesExpired && row.expires_at < SystemClock.now() {
            return None;
        }
        let joined = match fault {
            Fault::FindIgnoresRevokedAuthorizations | Fault::RevokesOnlyWhatIsThere | Fault::InsertRacesRevocation => {
                false
            }
            Fault::RevokesOnlyLive => row.state == State::Live,
            _ => true,
        };
        if joined {
            row.state = self.state(&row);
        }
        row.key = key.clone();
        Some(row)
    }

    fn sweep(&mut self, before: Timestamp, limit: usize, fault: Fault) -> usize {
        let is_over = |row: &Credential| match fault {
            Fault::SweepsAtTheVeryMoment => row.expires_at <= before,
            Fault::SweepKeepsSpent => row.expires_at < before && row.state != State::Spent,
            Fault::SweepTakesSpent => row.expires_at < before || row.state == State::Spent,
            _ => row.expires_at < before,
        };
        let limit = if fault == Fault::SweepIgnoresLimit {
            usize::MAX
        } else {
            limit
        };
        let swept: Vec<Key> = self
            .by_key
            .values()
            .filter(|row| is_over(row))
            .map(|row| row.key.clone())
            .collect();
        let swept = &swept[..swept.len().min(limit)];
        for key in swept {
            let row = self.by_key.remove(key);
            if let Some(row) = row.filter(|_| fault == Fault::SweepForgetsRevocations) {
                self.revoked.remove(&row.authorization);
            }
        }
        match fault {
            Fault::SweepMiscounts => limit,
            _ => swept.len(),
        }
    }
}

fn place(key: &Key, fault: Fault) -> Key {
    if fault == Fault::MixesKinds {
        Key::from_parts("any", *key.digest())
    } else {
        key.clone()
    }
}

fn spoil(row: &mut Credential, fault: Fault) {
    match fault {
        Fault::CutsLongData => {
            let text: String = row.data.as_str().chars().take(60_000).collect();
            row.data = Json::from_stored(text);
        }
        Fault::KeepsOnlyAscii => {
            let ascii = |text: &str| text.replace(|c: char| !c.is_ascii(), "?");
            row.subject = row.subject.as_ref().map(|subject| ascii(subject.as_str()).into());
        }
        Fault::KeepsSeconds => row.expires_at = Timestamp::from_secs(row.expires_at.as_secs()),
        Fault::InsertsAlive => row.state = State::Live,
        Fault::ForgetsInsertedRevision => row.revision = 0,
        _ => {}
    }
}

#[async_trait]
impl CredentialStore for Faulty {
    async fn find(&self, key: &Key) -> Result<Option<Credential>, StoreError> {
        let _turn = match self.fault {
            Fault::StopsHalfWayWhenDropped => Some(self.turn.lock().await),
            _ => None,
        };
        Ok(self.rows().find(key, self.fault))
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), CommitError> {
        match self.fault {
            Fault::InsertIsNotAtomic
            | Fault::SpendIsNotAtomic
            | Fault::UpdateIsNotAtomic
            | Fault::InsertRacesRevocation => self.commit_after_a_look(changes).await,
            Fault::ShowsHalfACommit | Fault::StopsHalfWayWhenDropped => {
                let _turn = self.turn.lock().await;
                self.commit_in_steps(changes).await
            }
            fault => self.rows().commit(changes, fault),
        }
    }

    async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.rows().sweep(expired_before, limit, self.fault))
    }
}
