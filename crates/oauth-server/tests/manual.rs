//! What the manual says of files, tests and code is so.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "all of this is tests, and helpers of tests"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The manual's pages, by their path from the root of the repository.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<String> = docs
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.push("README.md".to_owned());
    pages
}

/// What stands between backticks, outside of code blocks.
fn quoted(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

fn is_path(text: &str) -> bool {
    let in_repository = ["crates/", "docs/", "examples/", "xtask/"]
        .iter()
        .any(|at| text.starts_with(at));
    in_repository && !text.contains(['*', ' ', '{'])
}

#[test]
fn every_file_that_the_manual_names_is_there() {
    for page in pages() {
        for path in quoted(&read(&page)).into_iter().filter(|text| is_path(text)) {
            assert!(root().join(path).exists(), "{page} names {path}");
        }
    }
}

#[test]
fn every_link_of_the_manual_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = target.split('#').next().unwrap();
            let beside = root().join(&page).parent().unwrap().join(file);
            assert!(beside.exists(), "{page} links to {target}");
        }
    }
}

/// In a table, `path`: `name`, `name` means tests (or laws) in that file.
#[test]
fn every_test_that_an_invariant_names_is_there() {
    let mut found = 0;
    for line in read("docs/architecture.md")
        .lines()
        .filter(|line| line.starts_with("| "))
    {
        let guards = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut file = None;
        for text in guards.split('`').skip(1).step_by(2) {
            if is_path(text) {
                file = Some(text);
            } else if let Some(file) = file {
                assert!(read(file).contains(&format!("fn {text}(")), "{file} has no test {text}");
                found += 1;
            }
        }
    }
    assert!(found > 20, "only {found} tests are named");
}

#[test]
fn every_law_of_the_testkit_is_explained() {
    let page = read("docs/writing-a-store.md");
    for law in oauth_testkit::laws::credentials::LAWS {
        assert!(
            page.contains(&format!("`{}`", law.name())),
            "{} is not explained",
            law.name()
        );
    }
}

/// The first code block of a page in that language.
fn first_block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("```{language}\n"))
        .expect("a block in that language");
    rest.split_once("```").expect("its end").0
}

#[test]
fn the_first_token_of_the_readme_is_the_example() {
    let readme = read("README.md");
    let shown = first_block(&readme, "rust");
    assert_eq!(shown, read("crates/oauth-server/examples/minimal_axum.rs"));
    assert!(shown.lines().count() <= 30, "more than 30 lines");
}
