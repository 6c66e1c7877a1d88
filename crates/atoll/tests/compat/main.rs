//! What COMPAT.md says is so, tried in a real worker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::Project;

/// A search that finds next to nothing is broken.
const FEWEST_NAMES: usize = 200;

const CONFIGURATION: &str = r#"{
  "name": "compat", "main": "index.js",
  "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
  "services": [{ "binding": "SELF", "service": "compat" }],
  "worker_loaders": [{ "binding": "LOADER" }],
  "ai": { "binding": "AI" },
  "kv_namespaces": [{ "binding": "KV", "id": "compat" }],
  "r2_buckets": [{ "binding": "R2", "bucket_name": "compat" }],
  "workflows": [{ "binding": "FLOW", "name": "flow", "class_name": "Flow" }],
  "send_email": [{ "name": "MAIL" }],
  "durable_objects": { "bindings": [{ "name": "OBJECT", "class_name": "Inside" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Inside"] }]
}"#;

/// The names in a cell, those that start with a dot completed by the one before.
fn names(cell: &str) -> Vec<String> {
    let mut base = String::new();
    let mut found = Vec::new();
    for name in cell.split('`').skip(1).step_by(2) {
        match name.strip_prefix('.') {
            Some(member) => found.push(format!("{base}.{member}")),
            None => {
                found.push(name.to_owned());
                let is_module = name.contains(':');
                base = match name.rsplit_once('.').filter(|_| !is_module) {
                    Some((start, _)) => start.to_owned(),
                    None => name.to_owned(),
                };
            }
        }
    }
    found
}

/// The rows of the first table: the area, what is there, what is missing, and the differences.
fn rows() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../COMPAT.md");
    let page = std::fs::read_to_string(path).unwrap();
    page.lines()
        .skip_while(|line| !line.starts_with("| area |"))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, area, there, missing, differences, _] = cells[..] else {
                panic!("a row of COMPAT.md has other than four cells: {line}");
            };
            let differences: Vec<&str> = differences
                .split("; ")
                .filter(|clause| !clause.is_empty())
                .collect();
            json!({ "area": area, "there": names(there), "missing": names(missing), "differences": differences })
        })
        .collect()
}

#[test]
fn the_page_says_what_is_so() {
    let rows = rows();
    let count: usize = rows
        .iter()
        .map(|row| row["there"].as_array().unwrap().len())
        .sum();
    assert!(count >= FEWEST_NAMES, "only {count} names were found");
    let project = Project::new(&[
        ("wrangler.json", CONFIGURATION),
        (
            "atoll.jsonc",
            r#"{ "model": { "scripted": { "rate": 0 } } }"#,
        ),
        ("index.js", include_str!("index.js")),
        ("differences.js", include_str!("differences.js")),
        ("purposes.js", include_str!("purposes.js")),
        ("page.json", &Value::from(rows).to_string()),
    ]);
    let (code, stdout, stderr) = project.run(&["test"]);
    assert_eq!(code, 0, "COMPAT.md is not so:\n{stdout}{stderr}");
}
