//! The same worker on npm `workerd` and on Atoll: what it answers is the same, but for a committed list.
//!
//! Runs where `npm ci --prefix tests/oracle` was run, or `WORKERD` names the program; says so where neither is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

#[path = "../support/workerd.rs"]
mod workerd;
#[path = "../workers/mod.rs"]
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use host::{Body, Egress, Fetcher};
use protocol::ModuleKind;
use serde_json::Value;

use workerd::Workerd;
use workers::*;

/// Headers that say something about the connection or the moment.
const NOT_COMPARED: [&str; 4] = ["date", "connection", "transfer-encoding", "content-length"];

/// A search that finds next to nothing is broken.
const FEWEST_CASES: usize = 80;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

/// The worker's modules: every JavaScript file of the folder.
fn modules() -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "js"))
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Starts workerd on a configuration that names the worker's modules, so that both sides run the same.
fn oracle(program: &Path, modules: &[(String, Vec<u8>)]) -> Workerd {
    let home = tempfile::tempdir().unwrap();
    let mut embeds = String::new();
    // The first module is the main one.
    let main_first = |(name, _): &&(String, Vec<u8>)| name != "index.js";
    let mut ordered: Vec<_> = modules.iter().collect();
    ordered.sort_by_key(main_first);
    for (name, content) in ordered {
        std::fs::write(home.path().join(name), content).unwrap();
        embeds += &format!("(name = {name:?}, esModule = embed {name:?}), ");
    }
    let template = std::fs::read_to_string(folder().join("config.capnp")).unwrap();
    let configuration = template.replace("MODULES", &embeds);
    std::fs::write(home.path().join("config.capnp"), configuration).unwrap();
    Workerd::start(program, home)
}

/// Asks one side everything it can be asked: results by name.
async fn ask(fetcher: &dyn Fetcher, origin: &str) -> BTreeMap<String, Value> {
    let to = |path: &str| {
        http::Request::get(format!("{origin}{path}"))
            .extension(host::Redirects(protocol::Redirect::Manual))
            .body(Body::empty())
            .unwrap()
    };
    let all = send(fetcher, to("/all")).await.unwrap();
    let mut results: BTreeMap<String, Value> = serde_json::from_slice(&all.body).unwrap();
    let names = send(fetcher, to("/names")).await.unwrap();
    let names: Vec<String> = serde_json::from_slice(&names.body).unwrap();
    for name in names {
        // What a client sees of an exception is the gateway's business.
        if name == "throw" {
            continue;
        }
        let answer = send(fetcher, to(&format!("/raw/{name}?q=%20")))
            .await
            .unwrap();
        let mut headers: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
            .collect();
        headers.sort();
        let body = answer.body.escape_ascii().to_string();
        results.insert(
            format!("raw: {name}"),
            serde_json::json!([answer.status, headers, body]),
        );
    }
    results
}

#[test]
fn workers_answer_as_they_do_on_workerd() {
    let Some(program) = workerd::program() else {
        println!("skipped: no workerd; `npm ci --prefix tests/oracle` installs it");
        return;
    };
    run(async {
        let modules = modules();
        let oracle = oracle(&program, &modules);
        let origin = oracle.origin();
        let mut app = App::new("")
            .main("index.js")
            .name("differential")
            .without_modules()
            .service("SELF", runtime().await.service("differential", None))
            .loader("LOADER", runtime().await.loader());
        for (name, content) in &modules {
            app = app.module(name, ModuleKind::EsModule, content);
        }
        let atoll = app.deploy().await;
        let egress = Egress::new();
        let (expected, got) = tokio::join!(ask(&egress, &origin), ask(&atoll, "http://127.0.0.1"));

        let mut different = BTreeSet::new();
        for (name, expected) in &expected {
            let got = &got[name];
            if got != expected {
                println!("{name}\n  workerd {expected}\n  atoll   {got}");
                different.insert(name.clone());
            }
        }
        assert!(expected.len() >= FEWEST_CASES, "{} cases", expected.len());
        workerd::assert_known(&folder().join("known.txt"), &different);
    });
}
