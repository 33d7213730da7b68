//! Whether one scope token allows what another asks for.

use std::sync::Arc;

use crate::scope::Scope;

/// How scope tokens are compared: whether one that is held covers one that is asked for.
///
/// It is asked wherever a scope meets a ceiling: what a client is registered for, what a person granted, what a resource
/// requires. Without one, tokens are compared character by character (RFC 6749 §3.3), which is the default.
pub trait ScopeMatcher: Send + Sync + 'static {
    /// Whether whoever holds `held` may have `asked`. Every token covers itself, whatever this says.
    fn covers(&self, held: &str, asked: &str) -> bool;
}

/// A token covers all below it: `files` covers `files.read` and `files.read.own`, not `filesystem`.
///
/// ```
/// use oauth_core::{HierarchicScopes, ScopeMatcher};
///
/// let scopes = HierarchicScopes::separated_by('.');
/// assert!(scopes.covers("files", "files.read.own"));
/// assert!(!scopes.covers("files.read", "files"));
/// assert!(!scopes.covers("files", "filesystem"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HierarchicScopes {
    separator: char,
}

impl HierarchicScopes {
    /// Levels separated by that character: usually `.`, `:` or `/`.
    pub const fn separated_by(separator: char) -> Self {
        Self { separator }
    }
}

impl ScopeMatcher for HierarchicScopes {
    fn covers(&self, held: &str, asked: &str) -> bool {
        // A level is not empty, so neither is what is above one.
        !held.is_empty()
            && asked
                .strip_prefix(held)
                .and_then(|below| below.strip_prefix(self.separator))
                .is_some_and(|below| !below.is_empty())
    }
}

/// `*` stands for one level, and at the end for one or more: `files.*` covers `files.read` and `files.read.own`, not `files`;
/// `*.read` covers `files.read`.
///
/// A level that is `*` as a whole is a wildcard, and only in what is held: whoever asks for `files.*` needs to hold
/// `files.*` or more.
///
/// ```
/// use oauth_core::{ScopeMatcher, WildcardScopes};
///
/// let scopes = WildcardScopes::separated_by('.');
/// assert!(scopes.covers("files.*", "files.read"));
/// assert!(scopes.covers("*.read", "files.read"));
/// assert!(!scopes.covers("files.read", "files.*"));
/// assert!(!scopes.covers("files.*", "files"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WildcardScopes {
    separator: char,
}

impl WildcardScopes {
    /// Levels separated by that character: usually `.`, `:` or `/`.
    pub const fn separated_by(separator: char) -> Self {
        Self { separator }
    }
}

impl ScopeMatcher for WildcardScopes {
    fn covers(&self, held: &str, asked: &str) -> bool {
        let mut asked = asked.split(self.separator);
        let mut held = held.split(self.separator).peekable();
        while let Some(own) = held.next() {
            let Some(level) = asked.next() else {
                return false;
            };
            if own != level && (own != "*" || level.is_empty()) {
                return false;
            }
            if own == "*" && held.peek().is_none() {
                return asked.all(|level| !level.is_empty());
            }
        }
        asked.next().is_none()
    }
}

/// The matcher of a server; `None` compares character by character.
pub(crate) type Matcher = Option<Arc<dyn ScopeMatcher>>;

impl Scope {
    /// Whether everything this allows, `ceiling` allows too.
    pub(crate) fn within_by(&self, ceiling: &Self, matcher: &Matcher) -> bool {
        match matcher {
            None => self.within(ceiling),
            Some(matcher) => self.tokens().all(|asked| covered(ceiling, asked, &**matcher)),
        }
    }

    /// What both allow: of two tokens of which one covers the other, the narrower. It is said in the words of `self` as far as
    /// they go, so that a scope does not change when it meets a longer list of what it allows anyway.
    pub(crate) fn common_by(&self, other: &Self, matcher: &Matcher) -> Self {
        let Some(matcher) = matcher else {
            return self.intersection(other);
        };
        // Tokens of a scope are a scope again, whichever are left out.
        let within = |narrow: &Self, wide: &Self| {
            let tokens = narrow.tokens().filter(|token| covered(wide, token, &**matcher));
            Self::of(tokens).unwrap_or_default()
        };
        let own = within(self, other);
        let theirs = within(other, self);
        let more = theirs.tokens().filter(|token| !covered(&own, token, &**matcher));
        own.union(&Self::of(more).unwrap_or_default())
    }
}

fn covered(ceiling: &Scope, asked: &str, matcher: &dyn ScopeMatcher) -> bool {
    ceiling
        .tokens()
        .any(|held| held == asked || matcher.covers(held, asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_hierarchy_goes_down_and_never_up_or_sideways() {
        let scopes = HierarchicScopes::separated_by(':');
        for (held, asked, covers) in [
            ("repo", "repo:status", true),
            ("repo", "repo:status:read", true),
            ("repo:status", "repo", false),
            ("repo", "repository", false),
            ("repo", "repo:", false),
            ("", ":x", false),
            ("repo", "Repo:status", false),
            ("repo", "repo.status", false),
        ] {
            assert_eq!(scopes.covers(held, asked), covers, "{held} {asked}");
        }
    }

    #[test]
    fn a_wildcard_is_a_level_of_its_own_and_only_in_what_is_held() {
        let scopes = WildcardScopes::separated_by('.');
        for (held, asked, covers) in [
            ("*", "anything", true),
            ("*", "any.thing", true),
            ("*", "", false),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", true),
            ("a.*", "a", false),
            ("a.*", "a.", false),
            ("a.*", "a..b", false),
            ("a.*", "ab.c", false),
            ("a.*.c", "a.b.c", true),
            ("a.*.c", "a.b.d", false),
            ("a.*.c", "a.b.c.d", false),
            ("a.*.c", "a.*.*", false),
            ("a.b*", "a.bc", false),
            ("a.b", "a.*", false),
            ("a.*", "a.*", true),
        ] {
            assert_eq!(scopes.covers(held, asked), covers, "{held} {asked}");
        }
    }

    #[test]
    fn what_two_scopes_have_in_common_is_the_narrower_of_each_pair() {
        let hierarchic: Matcher = Some(Arc::new(HierarchicScopes::separated_by('.')));
        let common = |a: &str, b: &str| scope(a).common_by(&scope(b), &hierarchic);
        assert_eq!(common("files", "files.read mail"), scope("files.read"));
        assert_eq!(common("files.read mail", "files"), scope("files.read"));
        assert_eq!(common("files mail", "mail files"), scope("files mail"));
        assert_eq!(common("files", "mail"), Scope::none());
        assert_eq!(common("files", "files files.read files.write"), scope("files"));
        assert_eq!(common("files files.read", "files"), scope("files files.read"));
        assert!(scope("files.read").within_by(&scope("files"), &hierarchic));
        assert!(!scope("files").within_by(&scope("files.read"), &hierarchic));
        assert!(!scope("files.read").within_by(&scope("files"), &None));
    }
}
