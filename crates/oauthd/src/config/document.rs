//! A TOML document that knows where everything in it stands, and what of it was never asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Node, Table, json_of, table_of};
use super::problem::{Problem, Problems};
use super::units;

/// A parsed file. Problems are collected while it is read, so that a person sees all of them at once.
pub(crate) struct Document {
    name: Arc<str>,
    lines: BTreeMap<String, usize>,
    problems: RefCell<Vec<Problem>>,
}

/// A table that is being read. Whatever has not been asked for when it is [finished](Section::finish) is a problem.
pub(crate) struct Section<'d> {
    document: &'d Document,
    path: String,
    entries: Table,
    asked: Vec<&'static str>,
}

impl Document {
    /// Reads the text of a file of that name.
    ///
    /// # Errors
    /// What is not TOML. The text itself is never repeated: it can hold secrets.
    pub(crate) fn parse(name: &str, text: &str) -> Result<(Self, Table), Problems> {
        let name: Arc<str> = name.into();
        let line_starts = LineStarts::of(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        let problems = errors
            .iter()
            .map(|error| {
                let line = error.span().map(|span| line_starts.line(span.start));
                Problem::in_file(&name, line, "", without_values(error.message()))
            })
            .collect();
        Problems::none_of(problems)?;
        let mut lines = BTreeMap::new();
        note_lines(root.get_ref(), "", &line_starts, &mut lines);
        let document = Self {
            name,
            lines,
            problems: RefCell::default(),
        };
        Ok((document, table_of(root.get_ref())))
    }

    /// A document in which nothing stands, for a server that is configured by flags alone.
    pub(crate) fn absent() -> (Self, Table) {
        let document = Self {
            name: "configuration".into(),
            lines: BTreeMap::new(),
            problems: RefCell::default(),
        };
        (document, Table::new())
    }

    /// The outermost table.
    pub(crate) fn root(&self, table: Table) -> Section<'_> {
        self.section(String::new(), table)
    }

    /// The line of a key, or of the nearest key around it that stands in the file.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return Some(*line);
            }
            let shorter = key.rfind(['.', '[']).map(|at| &key[..at])?;
            key = shorter;
        }
    }

    /// Notes a problem at a key.
    pub(crate) fn problem(&self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let problem = Problem::in_file(&self.name, self.line(&key), key, message);
        self.problems.borrow_mut().push(problem);
    }

    /// Notes a problem that is not in the file.
    pub(crate) fn foreign_problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The lines of all keys, and the problems that were noted.
    pub(crate) fn close(self) -> (BTreeMap<String, usize>, Vec<Problem>) {
        (self.lines, self.problems.into_inner())
    }

    fn section(&self, path: String, table: Table) -> Section<'_> {
        Section {
            document: self,
            path,
            entries: table,
            asked: Vec::new(),
        }
    }
}

impl<'d> Section<'d> {
    /// The full name of a key of this table.
    pub(crate) fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Notes a problem with a key of this table.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) {
        self.document.problem(self.key(key), message);
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        self.entries.remove(key)
    }

    fn typed<T>(&mut self, key: &'static str, wanted: &str, read: impl FnOnce(Node) -> Option<T>) -> Option<T> {
        let value = self.take(key)?;
        let found = value.kind();
        let read = read(value);
        if read.is_none() {
            self.problem(key, format!("{wanted} is expected here, not {found}"));
        }
        read
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.typed(key, "a string", Node::into_text)
    }

    /// True or false.
    pub(crate) fn truth(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", |value| match value {
            Node::Truth(truth) => Some(truth),
            _ => None,
        })
    }

    /// A number that is not negative.
    pub(crate) fn count(&mut self, key: &'static str) -> Option<u32> {
        self.typed(key, "a whole number that is not negative", |value| match value {
            Node::Integer(number) => u32::try_from(number?).ok(),
            _ => None,
        })
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.typed(key, "a list of strings", |value| {
            value.into_list()?.into_iter().map(Node::into_text).collect()
        })
    }

    /// A time span in words: `"90s"`, `"1h 30m"`, `"14d"`.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.typed(
            key,
            "a time span in quotes, such as \"90s\", \"1h\" or \"14d\",",
            Node::into_text,
        )?;
        match units::duration(&text) {
            Ok(duration) => Some(duration),
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// A time span that is at least a second: what nothing can live for is never meant.
    pub(crate) fn lifetime(&mut self, key: &'static str) -> Option<Duration> {
        let lifetime = self.duration(key)?;
        if lifetime < Duration::from_secs(1) {
            self.problem(key, "less than a second is no lifetime");
            return None;
        }
        Some(lifetime)
    }

    /// A size: `"64KiB"`, or a number of bytes.
    pub(crate) fn size(&mut self, key: &'static str) -> Option<usize> {
        let value = self.take(key)?;
        let text = match value {
            Node::Text(text) => text,
            Node::Integer(Some(number)) => number.to_string(),
            _ => String::new(),
        };
        match units::size(&text) {
            Ok(size) => Some(size),
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// A table as JSON.
    pub(crate) fn object(&mut self, key: &'static str) -> Option<serde_json::Map<String, Value>> {
        self.typed(key, "a table", |value| value.into_table().map(json_of))
    }

    /// Anything, as JSON.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value> {
        self.take(key).map(Node::into_json)
    }

    /// A table, to be read in turn. An absent one is an empty one.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'d> {
        let table = self.typed(key, "a table", Node::into_table);
        self.document.section(self.key(key), table.unwrap_or_default())
    }

    /// The tables of a list (`[[clients]]`), to be read in turn.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'d>> {
        let tables: Option<Vec<Table>> = self.typed(key, "a list of tables", |value| {
            value.into_list()?.into_iter().map(Node::into_table).collect()
        });
        let path = self.key(key);
        let tables = tables.unwrap_or_default().into_iter().enumerate();
        tables
            .map(|(at, table)| self.document.section(format!("{path}[{at}]"), table))
            .collect()
    }

    /// The texts whose keys are free, such as descriptions by scope.
    pub(crate) fn texts_by_key(mut self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, value) in std::mem::take(&mut self.entries) {
            match value.into_text() {
                Some(text) => {
                    texts.insert(key, text);
                }
                None => self.problem(&key, "a string is expected here"),
            }
        }
        texts
    }

    /// The entries whose keys satisfy a condition, as JSON.
    pub(crate) fn values_where(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Value)> {
        let keys: Vec<String> = self.entries.keys().filter(|key| wanted(key)).cloned().collect();
        keys.into_iter()
            .filter_map(|key| self.entries.remove(&key).map(|value| (key, value.into_json())))
            .collect()
    }

    /// Ends the reading of this table: what is left is unknown.
    pub(crate) fn finish(self) {
        for key in self.entries.keys() {
            self.problem(key, unknown("unknown key", key, self.asked.iter().copied()));
        }
    }
}

/// Says that a name is unknown, with the known one that is nearest to it, if one is near.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min();
    match nearest {
        Some((_, known)) => format!("{what}; did you mean `{known}`?"),
        None => what.to_owned(),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The parser's message without what it quotes from the file, which can be a secret.
fn without_values(message: &str) -> String {
    message
        .split_inclusive('\n')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn note_lines(table: &DeTable<'_>, path: &str, starts: &LineStarts, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = join(path, key.get_ref());
        lines.insert(name.clone(), starts.line(key.span().start));
        note_lines_within(value, &name, starts, lines);
    }
}

fn note_lines_within(
    value: &Spanned<DeValue<'_>>,
    name: &str,
    starts: &LineStarts,
    lines: &mut BTreeMap<String, usize>,
) {
    match value.get_ref() {
        DeValue::Table(table) => note_lines(table, name, starts, lines),
        DeValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = format!("{name}[{at}]");
                lines.insert(name.clone(), starts.line(item.span().start));
                note_lines_within(item, &name, starts, lines);
            }
        }
        _ => {}
    }
}

/// Where each line of a text begins.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> Self {
        let after_breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// The number of the line that holds that byte; the first is 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}
