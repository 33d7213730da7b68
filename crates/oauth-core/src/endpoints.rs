//! The endpoints that every server has.

mod introspection;
mod metadata;
mod revocation;
mod token;

pub(crate) use introspection::Introspection;
pub(crate) use metadata::{Metadata, Statements};
pub(crate) use revocation::Revocation;
pub(crate) use token::Token;

use serde_json::{Map, Value};

/// Adds the members of an extension to an answer without replacing any that is there.
pub(crate) fn extended<'a>(answer: Value, more: impl Iterator<Item = (&'a String, &'a Value)>) -> Map<String, Value> {
    let mut members = match answer {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in more {
        members.entry(name.as_str()).or_insert_with(|| value.clone());
    }
    members
}
