//! The bindings to what Atoll keeps for workers: what they do, and that it lasts.

mod buckets;
mod key_values;
mod mail;
mod reach;
mod workflows;

use std::path::Path;

use crate::support::Project;

const SUPPORT: (&str, &str) = ("support.js", include_str!("support.js"));

/// Runs the `test()` handler of a worker.
fn passes(project: &Project) {
    passes_with(project, &[]);
}

/// The same, with further arguments.
fn passes_with(project: &Project, arguments: &[&str]) {
    let (code, stdout, stderr) = project.run(&[&["test"], arguments].concat());
    assert_eq!(code, 0, "{stdout}{stderr}");
}

/// Waits until something is as it should be.
fn settles<T, W>(read: impl Fn() -> T, wanted: &W)
where
    T: PartialEq<W> + std::fmt::Debug,
    W: std::fmt::Debug + ?Sized,
{
    let start = std::time::Instant::now();
    loop {
        let found = read();
        if found == *wanted {
            return;
        }
        assert!(
            start.elapsed() < std::time::Duration::from_secs(60),
            "it stays {found:?} and does not become {wanted:?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
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
