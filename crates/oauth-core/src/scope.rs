//! Scopes: sets of scope tokens.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// A set of scope tokens (RFC 6749 §3.3).
///
/// Kept sorted and without duplicates, because order and repetition mean nothing there;
/// so two scopes are equal exactly when they allow the same.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Arc<str>);

/// A text is not a scope: `scope-token *( SP scope-token )` of RFC 6749 §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is a list of tokens from printable ASCII without '\"' and '\\', each separated by one space")]
pub struct NotAScope;

impl Scope {
    /// The scope that allows nothing.
    pub fn none() -> Self {
        Self(Arc::from(""))
    }

    /// Reads a scope by the grammar of RFC 6749 §3.3.
    ///
    /// # Errors
    /// [`NotAScope`] for any character outside the grammar, or an empty token.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let in_grammar = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if !text.bytes().all(in_grammar) || text.split(' ').any(str::is_empty) {
            return Err(NotAScope);
        }
        if text.split(' ').is_sorted_by(|a, b| a < b) {
            return Ok(Self(Arc::from(text)));
        }
        let mut tokens: Vec<&str> = text.split(' ').collect();
        tokens.sort_unstable();
        tokens.dedup();
        Ok(Self(Arc::from(tokens.join(" "))))
    }

    /// Reads a scope that is likely to be this one, sharing its memory if it is.
    pub(crate) fn parse_likely(text: &str, likely: &Self) -> Result<Self, NotAScope> {
        if !text.is_empty() && *text == *likely.0 {
            Ok(likely.clone())
        } else {
            Self::parse(text)
        }
    }

    /// The union of tokens; those outside the grammar are an error.
    ///
    /// # Errors
    /// [`NotAScope`] if a token is empty or outside the grammar.
    pub fn of<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAScope> {
        let joined = tokens.into_iter().collect::<Vec<_>>().join(" ");
        joined.parse()
    }

    /// The tokens, in order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether `token` is one of the set.
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|own| own == token)
    }

    /// Whether this allows nothing.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything this allows, `ceiling` allows too.
    pub fn within(&self, ceiling: &Scope) -> bool {
        if self.0 == ceiling.0 {
            return true;
        }
        // Both are sorted, so one walk over the two is enough, however long they are.
        let mut allowed = ceiling.tokens();
        self.tokens()
            .all(|token| allowed.by_ref().find(|other| *other >= token) == Some(token))
    }

    /// What both allow.
    #[must_use]
    pub fn intersection(&self, other: &Scope) -> Scope {
        if self.within(other) {
            return self.clone();
        }
        let mut theirs = other.tokens().peekable();
        let common: Vec<&str> = self
            .tokens()
            .filter(|token| {
                while theirs.next_if(|other| other < token).is_some() {}
                theirs.peek() == Some(token)
            })
            .collect();
        Self(Arc::from(common.join(" ")))
    }

    /// What either allows.
    #[must_use]
    pub fn union(&self, other: &Scope) -> Scope {
        let mut tokens: Vec<&str> = self.tokens().chain(other.tokens()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        Self(Arc::from(tokens.join(" ")))
    }

    /// The tokens, separated by spaces: the form on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::none()
    }
}

impl FromStr for Scope {
    type Err = NotAScope;

    /// Reads a scope; the empty text is the scope that allows nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            Ok(Self::none())
        } else {
            Self::parse(text)
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:?})", &*self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn order_and_repetition_mean_nothing() {
        assert_eq!(scope("write read"), scope("read write read"));
        assert_eq!(scope("write read").as_str(), "read write");
    }

    #[test]
    fn the_grammar_is_kept() {
        for bad in ["a  b", " a", "a ", "a\nb", "a\"b", "a\\b", "é", "a\tb", " "] {
            assert_eq!(bad.parse::<Scope>(), Err(NotAScope), "{bad:?}");
        }
        assert!(scope("").is_none());
        assert_eq!(Scope::parse(""), Err(NotAScope));
    }

    #[test]
    fn within_is_the_subset_relation() {
        assert!(scope("a").within(&scope("a b")));
        assert!(scope("b").within(&scope("a b")));
        assert!(scope("").within(&scope("")));
        assert!(scope("a c").within(&scope("a b c")));
        assert!(!scope("a c").within(&scope("a b")));
        assert!(!scope("ab").within(&scope("a b")));
        assert!(!scope("a").within(&scope("")));
    }

    #[test]
    fn intersection_and_union_are_those_of_sets() {
        assert_eq!(scope("a b d").intersection(&scope("b c d")), scope("b d"));
        assert_eq!(scope("a").intersection(&scope("b")), Scope::none());
        assert_eq!(scope("a c").union(&scope("b c")), scope("a b c"));
        assert_eq!(Scope::none().union(&scope("b")), scope("b"));
    }
}
