//! The same worker on npm `workerd` and on Atoll: what it answers is the same, but for a committed list.
//!
//! Runs where `npm ci --prefix tests/oracle` was run, or `WORKERD` names the program; says so where neither is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

#[path = "../workers/mod.rs"]
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use host::{Body, Egress, Fetcher};
use protocol::ModuleKind;
use serde_json::Value;

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

/// The `workerd` program, where there is one.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WORKERD") {
        return Some(PathBuf::from(named));
    }
    let package = match std::env::consts::ARCH {
        "x86_64" => "workerd-linux-64",
        "aarch64" => "workerd-linux-arm64",
        _ => return None,
    };
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/oracle/node_modules/@cloudflare")
        .join(package)
        .join("bin/workerd");
    program.canonicalize().ok()
}

struct Oracle(Child);

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts workerd on a configuration that names the worker's modules, and gives its origin.
fn oracle(program: &Path, modules: &[(String, Vec<u8>)]) -> (Oracle, tempfile::TempDir, String) {
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
    let mut child = Command::new(program)
        .args(["serve", "config.capnp", "--experimental", "--control-fd=1"])
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let guard = Oracle(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).expect("workerd should listen");
    let origin = format!("http://127.0.0.1:{}", listening["port"]);
    (guard, home, origin)
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
    let Some(program) = program() else {
        println!("skipped: no workerd; `npm ci --prefix tests/oracle` installs it");
        return;
    };
    run(async {
        let modules = modules();
        let (_oracle, _home, origin) = oracle(&program, &modules);
        let mut app = App::new("")
            .main("index.js")
            .name("differential")
            .without_modules()
            .service("SELF", runtime().await.service("differential", None));
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
                different.insert(name.as_str());
            }
        }
        let known = std::fs::read_to_string(folder().join("known.txt")).unwrap();
        let known: BTreeSet<&str> = known
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                line.split_once(" | ")
                    .expect("a case, a bar, and why it differs")
                    .0
            })
            .collect();
        let unlisted: Vec<_> = different.difference(&known).collect();
        let gone: Vec<_> = known.difference(&different).collect();
        assert!(expected.len() >= FEWEST_CASES, "{} cases", expected.len());
        assert!(
            unlisted.is_empty() && gone.is_empty(),
            "differ and are not in tests/differential/known.txt: {unlisted:#?}\nare there and no longer differ: {gone:#?}"
        );
    });
}
