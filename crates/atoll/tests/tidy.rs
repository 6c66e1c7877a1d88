//! Keeps the house tidy: what no compiler checks and every reader relies on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Longer files hide a second subject. A file on this list may stay long, and has to leave it when it no longer is.
const LONG_FILES: &[&str] = &[];
const MAX_LINES: usize = 600;

/// Words that stand for work that is not done.
const LEFTOVERS: [&str; 5] = [
    "TO\u{44}O",
    "FIX\u{4d}E",
    "XX\u{58}X",
    "to\u{64}o!(",
    "unimplemen\u{74}ed!(",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Source files of the project, relative to its root.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in ["crates", "bench", "examples", "fuzz"] {
        collect(&root.join(folder), &root, &mut found);
    }
    assert!(found.len() > 20, "the search for sources is broken");
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(
                name.as_str(),
                "node_modules" | "target" | ".atoll" | "corpus" | "artifacts"
            ) {
                collect(&path, root, found);
            }
        } else if [".rs", ".js", ".ts", ".tsx"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root).unwrap().display().to_string(), text));
        }
    }
}

#[test]
fn no_file_hides_a_second_subject() {
    let long: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(name, _)| name)
        .collect();
    let listed: BTreeSet<String> = LONG_FILES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        long, listed,
        "files above {MAX_LINES} lines, and the list of those that may be"
    );
}

#[test]
fn nothing_is_left_for_later() {
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in LEFTOVERS {
                assert!(!line.contains(word), "{name}:{}: {word}", number + 1);
            }
        }
    }
}

#[test]
fn only_isolate_and_jail_hold_unsafe_code() {
    for (name, text) in sources() {
        let allowed = ["crates/isolate/", "crates/jail/", "crates/sqlite/"]
            .iter()
            .any(|start| name.starts_with(start));
        let uses = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            name.ends_with(".rs")
                && ["{", "fn", "impl"]
                    .iter()
                    .any(|word| code.contains(&format!("unsaf\u{65} {word}")))
        });
        assert!(allowed || !uses, "{name} has unsafe code");
    }
}

#[test]
fn dependencies_point_one_way() {
    let allowed: &[(&str, &[&str])] = &[
        ("protocol", &[]),
        ("jail", &["protocol"]),
        ("pictures", &[]),
        ("isolate", &["protocol", "jail", "pictures"]),
        ("bundle", &["protocol"]),
        ("npm", &[]),
        ("storage", &["protocol"]),
        ("host", &["protocol", "jail", "storage"]),
        ("gateway", &["protocol", "host"]),
        ("model", &["host", "pictures"]),
        ("services", &["protocol", "host"]),
    ];
    let names: Vec<&str> = allowed
        .iter()
        .map(|(name, _)| *name)
        .chain(["atoll"])
        .collect();
    for (name, may) in allowed {
        let manifest =
            std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for other in &names {
            let uses = dependencies.lines().any(|line| {
                line.strip_prefix(other)
                    .is_some_and(|rest| rest.starts_with('.') || rest.starts_with(' '))
            });
            assert!(!uses || may.contains(other), "{name} depends on {other}");
        }
        // The jailed side has no async runtime and no network.
        if *name == "isolate" {
            assert!(
                !dependencies.contains("tokio") && !dependencies.contains("hyper"),
                "isolate links an async runtime"
            );
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    for (name, text) in sources() {
        let library = name.starts_with("crates/")
            && name.contains("/src/")
            && !name.starts_with("crates/atoll/");
        if !library || !name.ends_with(".rs") || name.contains("/src/bin/") {
            continue;
        }
        let tests_start = text.find("#[cfg(test)]").unwrap_or(text.len());
        for word in ["println!(", "eprintln!(", "dbg!("] {
            assert!(!text[..tests_start].contains(word), "{name} prints");
        }
    }
}

#[test]
fn only_a_test_removes_the_output_gate() {
    let users: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains("remove_output_ga\u{74}e"))
        .map(|(name, _)| name)
        .collect();
    let there = [
        "crates/atoll/tests/crashes/broken.rs",
        "crates/host/src/link/gate.rs",
        "crates/host/src/objects/mod.rs",
    ];
    assert_eq!(users, BTreeSet::from(there.map(str::to_owned)));
}

#[test]
fn every_attack_that_is_listed_has_its_test() {
    let listed = std::fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let tests: String = sources()
        .into_iter()
        .filter(|(path, text)| path.contains("/tests/") || text.contains("#[cfg(test)]"))
        .map(|(_, text)| text)
        .collect();
    let mut rows = 0;
    for row in listed.lines().filter(|line| line.starts_with("| ")) {
        let column = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in column.split('`').skip(1).step_by(2) {
            rows += 1;
            assert!(
                tests.contains(&format!("fn {name}(")) || tests.contains(&format!("\"{name}\"")),
                "docs/attacks.md names a test that there is not: {name}"
            );
        }
    }
    assert!(rows > 40, "the search for tests is broken");
}

/// What stands between the marks around the figures.
fn figures(file: &str) -> String {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let (_, rest) = text.split_once("<!-- figures -->\n").unwrap();
    rest.split_once("<!-- /figures -->").unwrap().0.to_owned()
}

#[test]
fn readme_tells_the_figures_that_the_bench_wrote() {
    let told = figures("README.md");
    assert!(told.lines().count() > 10, "README tells hardly any figures");
    assert_eq!(told, figures("bench/RESULTS.md"));
}
