//! The npm package `@cloudflare/worker-bundler` on npm `workerd`, and ours: what they build behaves alike, but for a committed
//! list.
//!
//! Runs where `npm ci --prefix tests/oracle` was run, or `WORKERD` names the program; says so where neither is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

mod packages;
#[path = "../../../npm/tests/install/registry.rs"]
#[allow(dead_code, reason = "its own tests use more of it")]
mod registry;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/workerd.rs"]
mod workerd;
#[path = "../workers/mod.rs"]
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use host::{Body, Building, Egress, Fetcher};
use protocol::{ModuleKind, Program};
use serde_json::{Value, json};

use workerd::Workerd;
use workers::*;

const MODULES: [(&str, &str); 2] = [("index.js", "index.js"), ("cases.js", "cases.js")];
/// A search that finds next to nothing is broken.
const FEWEST_CASES: usize = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/builds")
}

/// The `workerd` program and the npm packages, where both are.
fn oracle_parts() -> Option<(PathBuf, PathBuf)> {
    let packages = workerd::packages()?;
    let package = packages.join("@cloudflare/worker-bundler/dist/index.js");
    package.exists().then_some((workerd::program()?, packages))
}

/// The test's worker with the npm package in it, as plain modules.
async fn with_the_package(packages: &Path, modules: &[(&str, &str)]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in modules {
        std::fs::copy(self::folder().join(file), folder.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).unwrap();
    let configuration = r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
        "alias": { "@cloudflare/worker-bundler": "./node_modules/@cloudflare/worker-bundler/dist/index.js" } }"#;
    std::fs::write(folder.path().join("wrangler.json"), configuration).unwrap();
    let options = bundle::config::Options {
        folder: folder.path().to_owned(),
        ..Default::default()
    };
    let project = bundle::config::load(&options).unwrap().project;
    let mut builder = bundle::Builder::new(project, bundle::Mode::Production);
    builder.build().await.unwrap().program
}

/// Starts workerd on the program.
fn oracle(program: &Path, modules: &Program) -> Workerd {
    let home = tempfile::tempdir().unwrap();
    // Our bundler keeps the asynchronous context by calls that workerd does not need and does not have.
    let shim = "globalThis.__atoll_ctx_get = () => undefined; globalThis.__atoll_ctx_set = (context, value) => value; \
                globalThis.__atoll_ctx_wait = (value) => value;";
    let main = format!(
        "import './shim.js'; export {{ default }} from './{}';",
        modules.main
    );
    let mut embeds = String::new();
    let mut add = |name: &str, kind: &str, content: &[u8]| {
        let file = name.replace('/', "_");
        std::fs::write(home.path().join(&file), content).unwrap();
        embeds += &format!("(name = {name:?}, {kind} = embed {file:?}), ");
    };
    add("main.js", "esModule", main.as_bytes());
    add("shim.js", "esModule", shim.as_bytes());
    for module in &modules.modules {
        let kind = match module.kind {
            ModuleKind::Wasm => "wasm",
            _ => "esModule",
        };
        add(&module.name, kind, &module.content);
    }
    let template = std::fs::read_to_string(folder().join("config.capnp")).unwrap();
    let configuration = template.replace("MODULES", &embeds);
    std::fs::write(home.path().join("config.capnp"), configuration).unwrap();
    Workerd::start(program, home)
}

/// What each case gave.
async fn ask(fetcher: &dyn Fetcher, url: &str) -> BTreeMap<String, Value> {
    let request = http::Request::get(url).body(Body::empty()).unwrap();
    let answer = send(fetcher, request).await.unwrap();
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

/// The cases in which the answers differ, which are told, of no fewer than so many.
fn outcome_of(expected: &Value, got: &Value, fewest: usize) -> BTreeSet<String> {
    let expected = expected.as_object().unwrap();
    let mut different = BTreeSet::new();
    for (name, expected) in expected {
        let got = &got[name];
        if got != expected {
            println!("{name}\n  npm   {expected}\n  atoll {got}");
            different.insert(name.clone());
        }
    }
    assert!(expected.len() >= fewest, "{} cases", expected.len());
    different
}

#[test]
fn what_is_built_behaves_as_it_does_with_the_npm_package() {
    let Some((program, packages)) = oracle_parts() else {
        println!(
            "skipped: no workerd and no npm package; `npm ci --prefix tests/oracle` installs them"
        );
        return;
    };
    run(async {
        let theirs = with_the_package(&packages, &MODULES).await;
        let oracle = oracle(&program, &theirs);
        let origin = oracle.origin();
        let mut app = App::new("")
            .main("index.js")
            .without_modules()
            .loader("LOADER", runtime().await.loader())
            .bundler(runtime().await.bundler(Building::default()));
        for (name, _) in MODULES {
            let content = std::fs::read(folder().join(name)).unwrap();
            app = app.module(name, ModuleKind::EsModule, content);
        }
        let atoll = app.deploy().await;
        let egress = Egress::new();
        let expected = json!(ask(&egress, &format!("{origin}/")).await);
        let got = json!(ask(&atoll, "http://127.0.0.1/").await);
        let different = outcome_of(&expected, &got, FEWEST_CASES);
        workerd::assert_known(&folder().join("known.txt"), &different);
    });
}
