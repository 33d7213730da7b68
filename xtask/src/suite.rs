//! Tests that need programs cargo cannot build.
//!
//! A suite is an ordinary integration test whose `required-features` keep it out of a plain
//! `cargo test`, so that it never shows as passed where it did not run. It is declared in one place,
//! the manifest of its package:
//!
//! ```toml
//! [features]
//! browser-tests = []
//!
//! [[test]]
//! name = "browser"
//! required-features = ["browser-tests"]
//!
//! [package.metadata.suites.browser]
//! needs = ["chromium"]
//! ```
//!
//! The other words for `needs` are those of [`Need::parse`]; real OAuth clients from npm, say, need
//! `["node", "npm:tests/node-clients"]`.

use serde_json::Value;

use crate::need::Need;
use crate::workspace::{Package, Workspace};

/// One test program and what it needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    /// Its features as cargo's `--features` wants them: `package/feature`.
    pub(crate) features: Vec<String>,
    pub(crate) needs: Vec<Need>,
}

/// Every suite of the workspace.
///
/// A declaration without a test is an error, and so is a test that only a feature turns on but
/// that no declaration names: otherwise it would never be run, and nobody would miss it.
pub(crate) fn all(workspace: &Workspace) -> Result<Vec<Suite>, String> {
    let mut suites = Vec::new();
    for package in workspace.members() {
        let declared = declarations(package)?;
        for (name, needs) in &declared {
            let target = package
                .targets
                .iter()
                .find(|target| target.name == *name && is_suite(target));
            let Some(target) = target else {
                return Err(format!(
                    "{}: the suite `{name}` has no [[test]] with required-features",
                    package.name
                ));
            };
            let features = target
                .required_features
                .iter()
                .map(|feature| format!("{}/{feature}", package.name));
            suites.push(Suite {
                name: name.clone(),
                features: features.collect(),
                needs: needs.clone(),
            });
        }
        for target in package.targets.iter().filter(|target| is_suite(target)) {
            if !declared.iter().any(|(name, _)| *name == target.name) {
                let name = &target.name;
                return Err(format!(
                    "{}: the test `{name}` has required-features but no [package.metadata.suites.{name}], so nothing runs it",
                    package.name
                ));
            }
        }
    }
    Ok(suites)
}

fn is_suite(target: &crate::workspace::Target) -> bool {
    target.kind.iter().any(|kind| kind == "test") && !target.required_features.is_empty()
}

fn declarations(package: &Package) -> Result<Vec<(String, Vec<Need>)>, String> {
    let Some(suites) = package.metadata.get("suites").and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    let mut declared = Vec::new();
    for (name, suite) in suites {
        let wrong = |what: &str| format!("{}: [package.metadata.suites.{name}]: {what}", package.name);
        let texts = suite
            .get("needs")
            .and_then(Value::as_array)
            .ok_or_else(|| wrong("`needs` is not a list"))?;
        let mut needs = Vec::new();
        for text in texts {
            let text = text.as_str().ok_or_else(|| wrong("`needs` is not a list of strings"))?;
            needs.push(Need::parse(text, package.directory()).map_err(|error| wrong(&error))?);
        }
        declared.push((name.clone(), needs));
    }
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(targets: &Value, metadata: &Value) -> Workspace {
        let package = json!({
            "id": "1", "name": "oauthd", "manifest_path": "crates/oauthd/Cargo.toml",
            "targets": targets, "metadata": metadata,
        });
        serde_json::from_value(json!({ "packages": [package], "workspace_members": ["1"] })).unwrap()
    }

    fn browser() -> Value {
        json!([{ "name": "browser", "kind": ["test"], "required-features": ["browser-tests"] }])
    }

    #[test]
    fn a_suite_is_a_test_and_its_declaration() {
        let workspace = workspace(
            &browser(),
            &json!({ "suites": { "browser": { "needs": ["chromium"] } } }),
        );
        let suite = Suite {
            name: "browser".to_owned(),
            features: vec!["oauthd/browser-tests".to_owned()],
            needs: vec![Need::Chromium],
        };
        assert_eq!(all(&workspace), Ok(vec![suite]));
    }

    #[test]
    fn ordinary_tests_are_no_suites() {
        let targets = json!([{ "name": "serve", "kind": ["test"] }, { "name": "oauthd", "kind": ["bin"] }]);
        assert_eq!(all(&workspace(&targets, &Value::Null)), Ok(Vec::new()));
    }

    #[test]
    fn a_test_that_nothing_runs_is_an_error() {
        let error = all(&workspace(&browser(), &Value::Null)).unwrap_err();
        assert!(
            error.contains("`browser`") && error.contains("nothing runs it"),
            "{error}"
        );
    }

    #[test]
    fn a_declaration_without_a_test_is_an_error() {
        let declared = json!({ "suites": { "browser": { "needs": [] } } });
        let error = all(&workspace(&json!([]), &declared)).unwrap_err();
        assert!(error.contains("`browser` has no [[test]]"), "{error}");
        let plain = json!([{ "name": "browser", "kind": ["test"] }]);
        let error = all(&workspace(&plain, &declared)).unwrap_err();
        assert!(error.contains("`browser` has no [[test]]"), "{error}");
    }

    #[test]
    fn an_unknown_need_is_an_error_that_names_it() {
        for needs in [json!(["netscape"]), json!("chromium"), json!([1]), Value::Null] {
            let declared = json!({ "suites": { "browser": { "needs": needs } } });
            let error = all(&workspace(&browser(), &declared)).unwrap_err();
            assert!(error.contains("suites.browser"), "{error}");
        }
    }
}
