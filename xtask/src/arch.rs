//! `cargo xtask arch`: who may depend on whom.
//!
//! Every package has a place, which its name tells, and every place says which places it may build
//! on. Development dependencies are free: a test may put together what the code must keep apart.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::workspace::{Depth, Edge, Package, Resolve, Workspace};

/// Where a package stands. The order is that of the picture in the architecture document, from
/// the bottom to the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Core,
    Testkit,
    Grant,
    Store,
    Adapter,
    /// Any other library of the kit: a token format, a password hash, an endpoint.
    Part,
    Facade,
    /// A program: the server, an example.
    Program,
    /// Project tooling, which builds on nothing that it checks.
    Tooling,
}

/// What must not reach a package of these places, not even through others: async runtimes, web
/// frameworks, databases.
const FOREIGN_TO_CORE: &[(&str, &[&str])] = &[
    (
        "an async runtime",
        &[
            "tokio",
            "async-std",
            "smol",
            "async-executor",
            "async-global-executor",
            "glommio",
            "monoio",
        ],
    ),
    (
        "a web framework",
        &[
            "axum",
            "axum-core",
            "actix-web",
            "hyper",
            "tower",
            "warp",
            "rocket",
            "poem",
            "salvo",
        ],
    ),
    (
        "a database",
        &[
            "rusqlite",
            "libsqlite3-sys",
            "sqlx",
            "sqlx-core",
            "tokio-postgres",
            "redis",
            "mongodb",
            "diesel",
        ],
    ),
];

/// Checks the workspace.
pub(crate) fn run() -> Result<(), String> {
    let workspace = Workspace::load(&Depth::Everything)?;
    let violations = violations(&workspace);
    if violations.is_empty() {
        println!(
            "arch: {} packages, each builds only on what it may",
            workspace.members().count()
        );
        return Ok(());
    }
    let list: Vec<String> = violations
        .iter()
        .map(|violation| format!("arch: {violation}"))
        .collect();
    Err(list.join("\n"))
}

impl Place {
    fn of(package: &Package) -> Option<Self> {
        let is_example = package
            .directory()
            .parent()
            .is_some_and(|parent| parent.ends_with("examples"));
        match package.name.as_str() {
            _ if is_example => Some(Self::Program),
            "oauth-core" => Some(Self::Core),
            "oauth-testkit" => Some(Self::Testkit),
            "oauth-axum" | "oauth-actix" | "oauth-tower" => Some(Self::Adapter),
            "oauth-server" => Some(Self::Facade),
            "oauthd" | "oauth-bench" => Some(Self::Program),
            "xtask" => Some(Self::Tooling),
            name if name.starts_with("grant-") => Some(Self::Grant),
            name if name.starts_with("store-") => Some(Self::Store),
            name if name.starts_with("oauth-") => Some(Self::Part),
            _ => None,
        }
    }

    /// The places that this one may build on.
    fn may_use(self) -> &'static [Self] {
        match self {
            Self::Core | Self::Tooling => &[],
            Self::Testkit | Self::Grant | Self::Store | Self::Adapter | Self::Part => &[Self::Core],
            Self::Facade => &[Self::Core, Self::Grant, Self::Store, Self::Adapter, Self::Part],
            // Everything else a program needs, it has through the facade.
            Self::Program => &[Self::Facade, Self::Part],
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Core => "the core depends on no package of the workspace",
            Self::Testkit => "the testkit builds on the core only, so that every other package can be tested with it",
            Self::Grant => "a grant builds on the core only: never on another grant, a store or an adapter",
            Self::Store => "a store builds on the core only",
            Self::Adapter => "an adapter builds on the core only: it knows no grant and no store",
            Self::Part => "a part builds on the core only",
            Self::Facade => "the facade builds on the core, grants, stores, adapters and parts",
            Self::Program => "a program builds on the facade, and on parts that the facade does not carry",
            Self::Tooling => "project tooling builds on no package of the workspace",
        }
    }
}

/// Everything that is wrong, as sentences.
fn violations(workspace: &Workspace) -> Vec<String> {
    let members: HashMap<&str, &Package> = workspace
        .members()
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut violations = Vec::new();
    for package in workspace.members() {
        let Some(place) = Place::of(package) else {
            violations.push(format!(
                "{} has no place: no rule says what it may build on",
                package.name
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        {
            let Some(used) = members.get(dependency.name.as_str()).and_then(|used| Place::of(used)) else {
                continue;
            };
            if used == Place::Testkit {
                violations.push(format!(
                    "{} depends on {}, which is for [dev-dependencies] only",
                    package.name, dependency.name
                ));
            } else if !place.may_use().contains(&used) {
                violations.push(format!(
                    "{} depends on {}: {}",
                    package.name,
                    dependency.name,
                    place.rule()
                ));
            }
        }
        if matches!(place, Place::Core | Place::Grant) {
            violations.extend(foreign(workspace, package));
        }
    }
    violations
}

/// What a package of the core must not reach, with the way by which it does.
fn foreign(workspace: &Workspace, package: &Package) -> Vec<String> {
    let Some(resolve) = &workspace.resolve else {
        return vec![format!("{}: cargo did not say what it was resolved to", package.name)];
    };
    let names: HashMap<&str, &str> = workspace
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let mut violations = Vec::new();
    for way in ways(resolve, &package.id) {
        let name = |id: &&str| names.get(id).copied().unwrap_or_default();
        let Some(last) = way.last().map(name) else { continue };
        for (what, foreign) in FOREIGN_TO_CORE {
            if foreign.contains(&last) {
                let way: Vec<&str> = way.iter().map(name).collect();
                violations.push(format!(
                    "{} must run without {what}, but: {}",
                    package.name,
                    way.join(" → ")
                ));
            }
        }
    }
    violations
}

/// The shortest way to everything that is built into a package.
fn ways<'a>(resolve: &'a Resolve, from: &'a str) -> Vec<Vec<&'a str>> {
    let edges_of: HashMap<&str, &[Edge]> = resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node.deps.as_slice()))
        .collect();
    let mut seen = HashSet::from([from]);
    let mut open = VecDeque::from([vec![from]]);
    let mut ways = Vec::new();
    while let Some(way) = open.pop_front() {
        let edges = way.last().and_then(|id| edges_of.get(id)).copied().unwrap_or_default();
        for edge in edges {
            // Build scripts and tests of others are not part of the package.
            let is_built_in = edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
            if is_built_in && seen.insert(&edge.pkg) {
                let mut further = way.clone();
                further.push(&edge.pkg);
                open.push_back(further);
            }
        }
        ways.push(way);
    }
    ways
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A workspace of packages and what each depends on; `dev:` marks a development dependency.
    /// What is only depended on comes from elsewhere.
    fn workspace(packages: &[(&str, &[&str])]) -> Workspace {
        let members: Vec<&str> = packages.iter().map(|(name, _)| *name).collect();
        let kind = |text: &str| {
            if text.starts_with("dev:") {
                json!("dev")
            } else {
                Value::Null
            }
        };
        let name = |text: &str| text.trim_start_matches("dev:").to_owned();
        let described = packages.iter().map(|(package, uses)| {
            let uses: Vec<Value> = uses.iter().map(|text| json!({ "name": name(text), "kind": kind(text) })).collect();
            json!({ "id": package, "name": package, "manifest_path": format!("/r/crates/{package}/Cargo.toml"), "dependencies": uses })
        });
        let foreign = packages.iter().flat_map(|(_, uses)| uses.iter()).map(|text| name(text));
        let foreign = foreign.filter(|name| !members.contains(&name.as_str()));
        let foreign = foreign.map(|name| json!({ "id": name, "name": name, "manifest_path": "/elsewhere/Cargo.toml" }));
        let nodes = packages.iter().map(|(package, uses)| {
            let edges: Vec<Value> = uses
                .iter()
                .map(|text| json!({ "pkg": name(text), "dep_kinds": [{ "kind": kind(text) }] }))
                .collect();
            json!({ "id": package, "deps": edges })
        });
        serde_json::from_value(json!({
            "packages": described.chain(foreign).collect::<Vec<_>>(),
            "workspace_members": members,
            "resolve": { "nodes": nodes.collect::<Vec<_>>() },
        }))
        .unwrap()
    }

    fn only_violation(packages: &[(&str, &[&str])]) -> String {
        let mut violations = violations(&workspace(packages));
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations.remove(0)
    }

    const CORE: (&str, &[&str]) = ("oauth-core", &["serde", "http"]);

    #[test]
    fn the_house_as_designed_has_no_violations() {
        let house: &[(&str, &[&str])] = &[
            ("oauth-core", &["serde", "http", "dev:tokio", "dev:oauth-testkit"]),
            ("oauth-testkit", &["oauth-core", "tokio"]),
            (
                "grant-authcode",
                &["oauth-core", "dev:store-memory", "dev:grant-refresh", "dev:oauth-axum"],
            ),
            ("grant-refresh", &["oauth-core", "dev:oauth-testkit"]),
            ("store-memory", &["oauth-core"]),
            ("store-sqlite", &["oauth-core", "rusqlite", "tokio"]),
            ("oauth-axum", &["oauth-core", "axum"]),
            ("oauth-actix", &["oauth-core", "actix-web"]),
            ("oauth-tower", &["oauth-core", "tower-service"]),
            ("oauth-argon2", &["oauth-core", "tokio"]),
            (
                "oauth-server",
                &[
                    "oauth-core",
                    "grant-authcode",
                    "store-memory",
                    "store-sqlite",
                    "oauth-axum",
                    "oauth-actix",
                    "oauth-tower",
                    "oauth-argon2",
                ],
            ),
            (
                "oauthd",
                &["oauth-server", "oauth-argon2", "axum", "tokio", "dev:oauth-testkit"],
            ),
            ("xtask", &["serde_json"]),
        ];
        assert_eq!(violations(&workspace(house)), Vec::<String>::new());
    }

    #[test]
    fn the_core_builds_on_nothing_of_ours() {
        let found = only_violation(&[("oauth-core", &["store-memory"]), ("store-memory", &[])]);
        assert_eq!(
            found,
            "oauth-core depends on store-memory: the core depends on no package of the workspace"
        );
    }

    #[test]
    fn neither_runtime_nor_framework_nor_database_reaches_the_core() {
        for (foreign, what) in [
            ("tokio", "an async runtime"),
            ("axum", "a web framework"),
            ("sqlx", "a database"),
        ] {
            let found = only_violation(&[("oauth-core", &[foreign])]);
            assert_eq!(
                found,
                format!("oauth-core must run without {what}, but: oauth-core → {foreign}")
            );
        }
    }

    #[test]
    fn the_core_is_not_reached_through_others_either() {
        let mut workspace = workspace(&[("oauth-core", &["http-body"]), ("http-body", &["hyper"])]);
        workspace.member_ids.retain(|id| id == "oauth-core");
        let found = violations(&workspace);
        assert_eq!(
            found,
            ["oauth-core must run without a web framework, but: oauth-core → http-body → hyper"]
        );
    }

    #[test]
    fn a_grant_brings_no_runtime() {
        let found = only_violation(&[CORE, ("grant-refresh", &["oauth-core", "tokio"])]);
        assert_eq!(
            found,
            "grant-refresh must run without an async runtime, but: grant-refresh → tokio"
        );
    }

    #[test]
    fn grants_know_neither_each_other_nor_stores_nor_adapters() {
        for used in [
            "grant-authcode",
            "store-memory",
            "oauth-axum",
            "oauth-argon2",
            "oauth-server",
        ] {
            let found = only_violation(&[CORE, (used, &["oauth-core"]), ("grant-refresh", &["oauth-core", used])]);
            assert!(
                found.starts_with(&format!("grant-refresh depends on {used}: a grant builds on")),
                "{found}"
            );
        }
    }

    #[test]
    fn stores_adapters_and_parts_know_the_core_only() {
        for package in [
            "store-sqlite",
            "oauth-axum",
            "oauth-actix",
            "oauth-tower",
            "oauth-argon2",
            "oauth-testkit",
        ] {
            for used in ["grant-authcode", "store-memory", "oauth-server"] {
                let found = only_violation(&[CORE, (used, &["oauth-core"]), (package, &["oauth-core", used])]);
                assert!(found.starts_with(&format!("{package} depends on {used}: ")), "{found}");
            }
        }
    }

    #[test]
    fn the_testkit_is_for_tests() {
        for package in ["store-memory", "oauth-server", "oauthd", "oauth-axum", "grant-refresh"] {
            let found = only_violation(&[CORE, ("oauth-testkit", &["oauth-core"]), (package, &["oauth-testkit"])]);
            assert_eq!(
                found,
                format!("{package} depends on oauth-testkit, which is for [dev-dependencies] only")
            );
        }
    }

    #[test]
    fn programs_go_through_the_facade() {
        for used in ["oauth-core", "grant-authcode", "store-sqlite", "oauth-axum"] {
            let found = only_violation(&[(used, &[]), ("oauthd", &[used])]);
            assert!(
                found.starts_with(&format!("oauthd depends on {used}: a program builds on the facade")),
                "{found}"
            );
        }
    }

    #[test]
    fn nothing_builds_on_a_program() {
        let found = only_violation(&[("oauthd", &[]), ("oauth-server", &["oauthd"])]);
        assert!(found.starts_with("oauth-server depends on oauthd: "), "{found}");
    }

    #[test]
    fn tooling_stands_alone() {
        let found = only_violation(&[CORE, ("xtask", &["oauth-core"])]);
        assert!(
            found.starts_with("xtask depends on oauth-core: project tooling"),
            "{found}"
        );
    }

    #[test]
    fn an_example_is_a_program_whatever_its_name() {
        let mut workspace = workspace(&[CORE, ("first-token", &["oauth-core"])]);
        workspace.packages[1].manifest_path = "/r/examples/first-token/Cargo.toml".into();
        let found = violations(&workspace);
        assert!(
            found[0].starts_with("first-token depends on oauth-core: a program"),
            "{found:?}"
        );
    }

    #[test]
    fn a_package_without_a_place_is_named() {
        assert_eq!(
            only_violation(&[CORE, ("misc", &[])]),
            "misc has no place: no rule says what it may build on"
        );
    }

    #[test]
    fn a_build_dependency_counts() {
        let mut workspace = workspace(&[
            CORE,
            ("store-memory", &["oauth-core"]),
            ("grant-refresh", &["store-memory"]),
        ]);
        workspace.packages[2].dependencies[0].kind = Some("build".to_owned());
        assert_eq!(violations(&workspace).len(), 1);
    }
}
