//! Values of a TOML document, without the text they came from.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

/// A table: what stands in it, by key.
pub(crate) type Table = BTreeMap<String, Node>;

/// One value.
pub(crate) enum Node {
    Text(String),
    /// `None` if it does not fit into 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Truth(bool),
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

impl Node {
    /// What the parser read.
    pub(crate) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => Self::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(number) => Self::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(truth) => Self::Truth(*truth),
            DeValue::Datetime(datetime) => Self::Datetime(datetime.to_string()),
            DeValue::Array(items) => Self::List(items.iter().map(|item| Self::of(item.get_ref())).collect()),
            DeValue::Table(table) => Self::Table(table_of(table)),
        }
    }

    /// What it is, as a person calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Truth(_) => "a boolean",
            Self::Datetime(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn into_list(self) -> Option<Vec<Node>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn into_table(self) -> Option<Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The same as JSON.
    pub(crate) fn into_json(self) -> Value {
        match self {
            Self::Text(text) | Self::Datetime(text) => text.into(),
            Self::Integer(number) => number.map_or(Value::Null, Value::from),
            Self::Float(number) => number.into(),
            Self::Truth(truth) => truth.into(),
            Self::List(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Table(table) => json_of(table).into(),
        }
    }
}

/// What the parser read of a table.
pub(crate) fn table_of(table: &DeTable<'_>) -> Table {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), Node::of(value.get_ref())))
        .collect()
}

/// A table as a JSON object.
pub(crate) fn json_of(table: Table) -> serde_json::Map<String, Value> {
    table.into_iter().map(|(key, value)| (key, value.into_json())).collect()
}
