//! `cargo xtask tidy`: nothing in the repository belongs to one machine only.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::workspace::root;

/// Beginnings of paths that name a person's or a machine's directories. Put together here, so that
/// this file does not find itself.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Use", "rs/"),
    concat!("/tmp/", "wt/"),
];

/// Checks every tracked file.
pub(crate) fn run() -> Result<(), String> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    let output = output.map_err(|error| format!("git ls-files: {error}"))?;
    if !output.status.success() {
        return Err("git ls-files failed".to_owned());
    }
    let names = String::from_utf8_lossy(&output.stdout);
    let names: Vec<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
    let mut findings = Vec::new();
    for name in &names {
        // What is deleted but not committed yet, and what is no text, has nothing to say.
        let Ok(text) = fs::read_to_string(root().join(name)) else {
            continue;
        };
        findings.extend(machine_paths(name, &text));
        findings.extend(lockfile_addresses(name, &text));
    }
    if findings.is_empty() {
        println!("tidy: {} files, none of one machine only", names.len());
        return Ok(());
    }
    Err(findings.join("\n"))
}

fn machine_paths(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(path) = MACHINE_PATHS.iter().find(|path| begins_in(line, path)) {
            findings.push(format!(
                "tidy: {name}:{}: `{path}` names a directory of one machine",
                number + 1
            ));
        }
    }
    findings
}

/// Whether an absolute path begins so in a line: `/etc` does, the same letters within `net/etc` do not.
fn begins_in(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !(before.is_alphanumeric() || "._-~}/<>".contains(before)))
    })
}

/// A lock file of npm says where each package was downloaded from, which may be a mirror that
/// nobody else can reach. `omit-lockfile-registry-resolved=true` in `.npmrc` leaves that out.
fn lockfile_addresses(name: &str, text: &str) -> Option<String> {
    if Path::new(name)
        .file_name()
        .is_none_or(|file| file != "package-lock.json")
    {
        return None;
    }
    let Ok(lock) = serde_json::from_str::<Value>(text) else {
        return Some(format!("tidy: {name}: not JSON"));
    };
    let packages = lock.get("packages").and_then(Value::as_object)?;
    let (package, _) = packages.iter().find(|(_, package)| package.get("resolved").is_some())?;
    Some(format!(
        "tidy: {name}: `{package}` says where it was downloaded from; omit-lockfile-registry-resolved=true"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found_with_its_line() {
        let text = format!("fine\nsee {}alice/notes\n", MACHINE_PATHS[0]);
        let found = machine_paths("README.md", &text);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("tidy: README.md:2: "), "{found:?}");
    }

    #[test]
    fn paths_that_merely_contain_the_letters_are_fine() {
        for line in [
            "https://example.com/home/page",
            "src/work/mod.rs",
            "</root/>",
            "a network/root/x",
        ] {
            assert_eq!(machine_paths("x", line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_lock_file_names_packages_and_no_places() {
        let with =
            r#"{ "packages": { "": {}, "node_modules/jose": { "version": "6.0.0", "resolved": "https://x" } } }"#;
        let found = lockfile_addresses("a/package-lock.json", with);
        assert!(found.is_some_and(|found| found.contains("node_modules/jose")));
        let without = r#"{ "packages": { "node_modules/jose": { "version": "6.0.0", "integrity": "sha512-x" } } }"#;
        assert_eq!(lockfile_addresses("package-lock.json", without), None);
        assert_eq!(lockfile_addresses("other.json", with), None);
        assert!(lockfile_addresses("package-lock.json", "not json").is_some());
    }
}
