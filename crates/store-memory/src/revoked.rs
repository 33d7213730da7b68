//! Authorizations that were revoked: what `find` and `commit` look at beside the rows.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use oauth_core::{AuthorizationId, Credential, State, Timestamp};

use crate::locks::{read, write};

/// How many parts there are: one for each bit of a [`Parts`].
const PARTS: usize = 64;

/// How long a request may be on its way between what it read and what it commits. Until then an authorization
/// is remembered as revoked even if nothing is left of it.
const ON_ITS_WAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The revoked authorizations.
pub(crate) struct Revoked([RwLock<Part>; PARTS]);

#[derive(Default)]
struct Part {
    /// Until when each is remembered: not before everything that descends from it has expired.
    until: HashMap<AuthorizationId, Timestamp, BuildHasherDefault<Fold>>,
    /// Those of them for which that is not known yet.
    fresh: Vec<AuthorizationId>,
}

impl Default for Revoked {
    fn default() -> Self {
        Self(std::array::from_fn(|_| RwLock::default()))
    }
}

const fn number(id: &AuthorizationId) -> usize {
    id.as_bytes()[0] as usize % PARTS
}

impl Revoked {
    /// The credential in the state that its authorization leaves it.
    pub(crate) fn joined(&self, mut credential: Credential) -> Credential {
        if credential.state != State::Revoked && self.contains(&credential.authorization) {
            credential.state = State::Revoked;
        }
        credential
    }

    fn contains(&self, id: &AuthorizationId) -> bool {
        read(&self.0[number(id)]).until.contains_key(id)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|part| read(part).until.len()).sum()
    }

    /// Holds these parts as they are, in the order of their numbers.
    pub(crate) fn hold(&self, parts: Parts) -> Held<'_> {
        let needed = parts.read | parts.written;
        let guards = (0..PARTS)
            .filter(|number| needed >> number & 1 == 1)
            .map(|number| {
                if parts.written >> number & 1 == 1 {
                    Guard::Write(write(&self.0[number]))
                } else {
                    Guard::Read(read(&self.0[number]))
                }
            })
            .collect();
        Held { needed, guards }
    }

    /// Those for which it is not known yet until when they must be remembered, with the least that can be said:
    /// a while after `now`.
    pub(crate) fn fresh(&self, now: Timestamp) -> Bounds {
        let until = now.plus(ON_ITS_WAY);
        let mut bounds = HashMap::default();
        for part in &self.0 {
            bounds.extend(read(part).fresh.iter().map(|id| (*id, until)));
        }
        Bounds(bounds)
    }

    /// Remembers these until then and no longer.
    pub(crate) fn settle(&self, bounds: &Bounds) {
        if bounds.is_empty() {
            return;
        }
        for part in &self.0 {
            let mut part = write(part);
            let Part { until, fresh } = &mut *part;
            fresh.retain(|id| {
                let bound = bounds.0.get(id);
                if let (Some(bound), Some(until)) = (bound, until.get_mut(id)) {
                    *until = *bound;
                }
                bound.is_none()
            });
            fresh.shrink_to(fresh.len() * 2);
        }
    }

    /// Forgets those that need not be remembered any more. Everything that expired before must be gone.
    pub(crate) fn forget(&self, expired_before: Timestamp) {
        for part in &self.0 {
            let is_over = |until: &Timestamp| *until < expired_before;
            if !read(part).until.values().any(is_over) {
                continue;
            }
            let mut part = write(part);
            part.until.retain(|_, until| !is_over(until));
            let len = part.until.len();
            part.until.shrink_to(len * 2);
        }
    }
}

/// Until when authorizations must be remembered, as far as the rows were looked at.
pub(crate) struct Bounds(HashMap<AuthorizationId, Timestamp, BuildHasherDefault<Fold>>);

impl Bounds {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes notice of a row of that authorization.
    pub(crate) fn see(&mut self, id: &AuthorizationId, expires_at: Timestamp) {
        if let Some(until) = self.0.get_mut(id) {
            *until = (*until).max(expires_at);
        }
    }
}

/// Which parts a commit looks at and which it changes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts {
    read: u64,
    written: u64,
}

impl Parts {
    pub(crate) const fn look_at(&mut self, id: &AuthorizationId) {
        self.read |= 1 << number(id);
    }

    pub(crate) const fn change(&mut self, id: &AuthorizationId) {
        self.written |= 1 << number(id);
    }
}

enum Guard<'a> {
    Read(RwLockReadGuard<'a, Part>),
    Write(RwLockWriteGuard<'a, Part>),
}

/// Parts that stand still while a commit is made.
pub(crate) struct Held<'a> {
    needed: u64,
    guards: Vec<Guard<'a>>,
}

impl Held<'_> {
    /// Where the guard of a part is: as many as are held before it.
    const fn place(&self, id: &AuthorizationId) -> usize {
        (self.needed & ((1 << number(id)) - 1)).count_ones() as usize
    }

    pub(crate) fn contains(&self, id: &AuthorizationId) -> bool {
        let until = match &self.guards[self.place(id)] {
            Guard::Read(part) => &part.until,
            Guard::Write(part) => &part.until,
        };
        until.contains_key(id)
    }

    /// Revokes it; whether it was not revoked before. It must be among the parts to be changed.
    pub(crate) fn revoke(&mut self, id: AuthorizationId) -> bool {
        let place = self.place(&id);
        let Guard::Write(part) = &mut self.guards[place] else {
            return false;
        };
        // Until a sweep has looked at the rows it is remembered for ever.
        let is_new = part.until.insert(id, Timestamp::MAX).is_none();
        if is_new {
            part.fresh.push(id);
        }
        is_new
    }

    /// Undoes that it was revoked in this commit.
    pub(crate) fn restore(&mut self, id: AuthorizationId) {
        let place = self.place(&id);
        if let Guard::Write(part) = &mut self.guards[place] {
            part.until.remove(&id);
            part.fresh.pop_if(|last| *last == id);
        }
    }
}

/// Folds an identifier into a hash. Identifiers are random and made by the server, so nobody can
/// choose them to collide.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}
