//! The same Durable Objects on npm `workerd` and on Atoll: what they answer is the same, but for a committed list.
//!
//! Runs where `npm ci --prefix tests/oracle` was run, or `WORKERD` names the program; says so where neither is.
//! With `ANSWERS` set to a part of a case's name, what workerd answers to those cases is printed and nothing is compared.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    clippy::print_stdout,
    reason = "a test that did not run has to say so, and differences want to be read"
)]

#[path = "../support/process.rs"]
mod process;
mod wire;
#[path = "../support/workerd.rs"]
mod workerd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use process::Process;
use workerd::Workerd;

/// Cases asked at once.
const AT_ONCE: usize = 8;
/// A case that is not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// A search that finds next to nothing is broken.
const FEWEST_CASES: usize = 290;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// The worker's modules by name, the main one first.
fn modules() -> Vec<String> {
    let mut names = vec!["index.js".to_owned(), "support.js".to_owned()];
    for entry in std::fs::read_dir(folder().join("cases")).unwrap() {
        names.push(format!(
            "cases/{}",
            entry.unwrap().file_name().into_string().unwrap()
        ));
    }
    names[1..].sort();
    names
}

/// A server that runs, and its folder.
struct Server {
    _process: Process,
    address: String,
    _home: tempfile::TempDir,
}

/// A folder with the worker's files.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("cases")).unwrap();
    for name in modules() {
        std::fs::write(home.path().join(&name), read(&name)).unwrap();
    }
    home
}

/// workerd, on a configuration with the classes and bindings of `wrangler.json`.
fn oracle(program: &Path) -> Workerd {
    let home = home();
    std::fs::create_dir(home.path().join("objects")).unwrap();
    let wrangler: Value = serde_json::from_str(&read("wrangler.json")).unwrap();
    let list = |items: &Value, line: &dyn Fn(&Value) -> String| -> String {
        items.as_array().unwrap().iter().map(line).collect()
    };
    let embeds: String = modules()
        .iter()
        .map(|name| format!("(name = {name:?}, esModule = embed {name:?}), "))
        .collect();
    let namespaces = list(&wrangler["migrations"][0]["new_sqlite_classes"], &|class| {
        format!("(className = {class}, uniqueKey = {class}, enableSql = true), ")
    });
    let bindings = list(&wrangler["durable_objects"]["bindings"], &|binding| {
        format!(
            "(name = {}, durableObjectNamespace = {}), ",
            binding["name"], binding["class_name"]
        )
    });
    let configuration = read("config.capnp")
        .replace("[MODULES]", &format!("[{embeds}]"))
        .replace("[NAMESPACES]", &format!("[{namespaces}]"))
        .replace("[BINDINGS ", &format!("[{bindings}"));
    std::fs::write(home.path().join("config.capnp"), configuration).unwrap();
    Workerd::start(program, home)
}

fn atoll() -> Server {
    let home = home();
    std::fs::write(home.path().join("wrangler.json"), read("wrangler.json")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
    command
        .args(["serve", "--port", "0", "--log-level", "log"])
        .current_dir(home.path());
    let started = Process::listening(&mut command);
    let (process, address) = started.unwrap_or_else(|said| panic!("it ended:\n{said}"));
    Server {
        _process: process,
        address,
        _home: home,
    }
}

/// The body of an answer, or why there is none.
fn get(address: &str, path: &str) -> std::io::Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(serde_json::from_str(body).unwrap_or_else(|_| {
        let status = head.lines().next().unwrap_or_default();
        Value::String(format!("{status}: {body}"))
    }))
}

/// Answers by case. Cases that are not answered say so.
fn ask(address: &str, names: &[String]) -> BTreeMap<String, Value> {
    let left = Mutex::new(names.iter());
    let answers = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(name) = left.lock().unwrap().next() else {
                        return;
                    };
                    let path: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
                    let answer = get(address, &path)
                        .unwrap_or_else(|error| Value::String(format!("no answer: {error}")));
                    answers.lock().unwrap().insert(name.clone(), answer);
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// Prints where two answers part, and adds those places.
fn compare(at: &str, expected: &Value, got: &Value, different: &mut BTreeSet<String>) {
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, expected) in a {
                compare(&format!("{at} / {key}"), expected, &b[key], different);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (expected, got)) in a.iter().zip(b).enumerate() {
                compare(&format!("{at} / {index}"), expected, got, different);
            }
        }
        _ if expected == got => {}
        _ => {
            println!("{at}\n  workerd {expected}\n  atoll   {got}");
            different.insert(at.to_owned());
        }
    }
}

#[test]
fn objects_answer_as_they_do_on_workerd() {
    let Some(program) = workerd::program() else {
        println!("skipped: no workerd; `npm ci --prefix tests/oracle` installs it");
        return;
    };
    let oracle = oracle(&program);
    let theirs = oracle.address();
    let names = get(&theirs, "names").unwrap();
    let mut names: Vec<String> = serde_json::from_value(names).unwrap();
    if let Ok(part) = std::env::var("ANSWERS") {
        names.retain(|name| name.contains(&part));
        for (name, answer) in ask(&theirs, &names) {
            println!("{name}\n  {answer}");
        }
        return;
    }
    let ours = atoll();
    let expected = ask(&theirs, &names);
    let got = ask(&ours.address, &names);

    let mut different = BTreeSet::new();
    for (name, expected) in &expected {
        compare(name, expected, &got[name], &mut different);
    }
    assert!(expected.len() >= FEWEST_CASES, "{} cases", expected.len());
    workerd::assert_known(&folder().join("known.txt"), &different);
}
