//! The manual's tables of tests (`docs/rfc.md`, `docs/attacks.md`) and the tests themselves say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Cited = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Rows in a text: `R038`, and the ranges `I080–I083`.
fn rows(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for word in text.split([' ', ',', ';', ':', '.', '(', ')']) {
        let (first, last) = word.split_once(['–', '-']).unwrap_or((word, word));
        if let (Some((kind, first)), Some((_, last))) = (row(first), row(last)) {
            rows.extend((first..=last).map(|number| format!("{kind}{number}")));
        }
    }
    rows
}

fn row(word: &str) -> Option<(char, u32)> {
    let kind = word.chars().next().filter(|kind| "RIVC".contains(*kind))?;
    let number = &word[1..];
    let is_number = (2..=3).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
    Some((kind, is_number.then(|| number.parse().ok())??))
}

/// What the comments of each test cite, and the names of all tests.
fn cited_by_tests() -> (Cited, BTreeSet<String>) {
    let (mut cited, mut names) = (Cited::new(), BTreeSet::new());
    for file in fs::read_dir(root().join("crates/oauth-server/tests/laws")).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (mut expected, mut test) = (false, None);
        for line in fs::read_to_string(&path).unwrap().lines().map(str::trim) {
            if line == "#[test]" {
                expected = true;
            } else if let Some(rest) = line.strip_prefix("fn ") {
                let name = format!("{module}::{}", rest.split('(').next().unwrap_or_default());
                test = expected.then_some(name);
                names.extend(test.clone());
                expected = false;
            } else if let (Some(comment), Some(test)) = (line.strip_prefix("// "), &test) {
                for row in rows(comment) {
                    cited.entry(row).or_default().insert(test.clone());
                }
            }
        }
    }
    (cited, names)
}

/// What the tables of the manual say: the row in the first cell, its tests in the last.
fn cited_by_manual() -> Cited {
    let mut cited = Cited::new();
    for page in ["rfc.md", "attacks.md"] {
        let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let Some((kind, number)) = row(cells[1]) else { continue };
            let tests = cells[cells.len() - 2]
                .split("<br>")
                .map(|test| test.trim_matches('`').to_owned());
            let before = cited.insert(format!("{kind}{number}"), tests.collect());
            assert_eq!(before, None, "{} stands twice in the manual", cells[1]);
        }
    }
    cited
}

#[test]
fn every_test_that_the_manual_names_exists_and_every_row_that_a_test_cites_is_in_the_manual() {
    let (by_tests, names) = cited_by_tests();
    let by_manual = cited_by_manual();
    assert!(by_manual.len() > 250, "the tables were found");
    let unknown: Vec<_> = by_manual
        .values()
        .flatten()
        .filter(|test| !names.contains(*test))
        .collect();
    assert!(
        unknown.is_empty(),
        "the manual names tests that do not exist: {unknown:?}"
    );
    for row in by_tests.keys().chain(by_manual.keys()) {
        assert_eq!(
            by_manual.get(row),
            by_tests.get(row),
            "{row}: the manual (left) and the tests (right)"
        );
    }
}
