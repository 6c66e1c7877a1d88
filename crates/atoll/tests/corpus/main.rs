//! Packages that Workers use: each is bundled and does a little in an isolate, but for a committed list.
//!
//! Runs where `npm ci --prefix tests/corpus` was run; says so where it was not. `CORPUS=name` tries only those packages whose
//! name has that in it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

#[path = "../workers/mod.rs"]
mod workers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host::DeployError;
use workers::*;

/// A search that finds next to nothing is broken.
const FEWEST_PACKAGES: usize = 60;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus")
        .canonicalize()
        .unwrap()
}

/// The checks by the names of their packages.
fn checks() -> BTreeMap<String, PathBuf> {
    let named = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let name = match name.split_once("__") {
            Some((scope, name)) => format!("@{scope}/{name}"),
            None => name,
        };
        Some((name, path))
    };
    std::fs::read_dir(home().join("checks"))
        .unwrap()
        .filter_map(|entry| named(entry.unwrap().path()))
        .collect()
}

/// What becomes of one package: `ok`, or what went wrong.
async fn outcome(check: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: String| std::fs::write(folder.path().join(name), content).unwrap();
    write(
        "wrangler.json",
        r#"{ "name": "corpus", "main": "index.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"] }"#.to_owned(),
    );
    write(
        "index.js",
        format!(
            "import check from {check:?}; export default {{ async fetch() {{ \
             try {{ await check(); return new Response('ok'); }} \
             catch (error) {{ return new Response(`${{error?.name}}: ${{error?.message}}\\n${{error?.stack}}`); }} }} }};"
        ),
    );
    let options = bundle::config::Options {
        folder: folder.path().to_owned(),
        ..Default::default()
    };
    let project = bundle::config::load(&options).unwrap().project;
    let built = match bundle::Builder::new(project, bundle::Mode::Production)
        .build()
        .await
    {
        Ok(built) => built,
        Err(error) => return format!("does not bundle: {error}"),
    };
    let worker = match App::of(built.program).try_deploy().await {
        Ok(worker) => worker,
        Err(DeployError::Program(failure)) => {
            return format!("does not start: {failure}\n{}", failure.stack);
        }
        Err(error) => return format!("does not start: {error}"),
    };
    text(&worker, "/").await
}

#[test]
fn packages_work() {
    if !home().join("node_modules").exists() {
        println!(
            "skipped: the packages are not there; `npm ci --prefix tests/corpus` installs them"
        );
        return;
    }
    let only = std::env::var("CORPUS").ok();
    let checks = checks();
    assert!(checks.len() >= FEWEST_PACKAGES, "{} packages", checks.len());
    let known = std::fs::read_to_string(home().join("known.txt")).unwrap();
    let known: BTreeMap<&str, &str> = known
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(" | ").expect("a package, a bar, and why"))
        .collect();
    let mut wrong = Vec::new();
    for (name, check) in &checks {
        if only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let outcome = run(outcome(check));
        match (outcome.as_str(), known.get(name.as_str())) {
            ("ok", None) => {}
            ("ok", Some(_)) => wrong.push(format!(
                "{name} works, and has to leave tests/corpus/known.txt"
            )),
            (_, Some(_)) => {}
            (_, None) => wrong.push(format!("{name}: {outcome}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
