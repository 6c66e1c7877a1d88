//! The bindings to what Atoll keeps for workers: what they do, and that it lasts.

mod key_values;

use std::path::Path;

use crate::support::Project;

const SUPPORT: (&str, &str) = ("support.js", include_str!("support.js"));

/// Runs the `test()` handler of a worker.
fn passes(project: &Project) {
    let (code, stdout, stderr) = project.run(&["test"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

/// How many files there are for values that are large.
fn blobs(project: &Project) -> usize {
    fn count(folder: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return 0;
        };
        let entries = entries.map(|entry| entry.unwrap().path());
        entries
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(&project.path().join(".atoll/state/blobs"))
}
