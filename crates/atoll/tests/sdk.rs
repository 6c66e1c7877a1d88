//! The Agents SDK as published, on Atoll: `tests/sdk` drives it with the SDK's own clients and with browsers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

#[path = "support/process.rs"]
mod process;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use process::Process;

/// How long a file of tests may take. Each of its tests has a bound of its own; this is for what hangs all the same.
const PATIENCE: Duration = Duration::from_mins(15);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk")
}

/// Runs one file of tests, or says why not.
fn run(file: &str) {
    let folder = folder();
    if !folder.join("node_modules/agents/package.json").is_file() {
        println!(
            "skipped: `npm ci --prefix tests/sdk --ignore-scripts` installs what {file} needs"
        );
        return;
    }
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: there is no node to run {file} with");
        return;
    }
    // A test that failed may have left connections that would keep its process for ever.
    let mut node = Command::new("node");
    node.args(["--test", "--test-force-exit", "--test-reporter", "spec"])
        .arg(file)
        .current_dir(&folder)
        .env("ATOLL", env!("CARGO_BIN_EXE_atoll"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut node = Process::start(&mut node);
    let (heard, all) = channel();
    for mut stream in [
        Box::new(node.output()) as Box<dyn Read + Send>,
        Box::new(node.errors()),
    ] {
        let heard = heard.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                let _ = heard.send(chunk[..length].to_vec());
            }
        });
    }
    drop(heard);
    let end = Instant::now() + PATIENCE;
    let mut told = Vec::new();
    let in_time = loop {
        match all.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(chunk) => told.extend(chunk),
            Err(why) => break why == RecvTimeoutError::Disconnected,
        }
    };
    if !in_time {
        node.kill_all();
    }
    let told = String::from_utf8_lossy(&told);
    println!("{told}");
    assert!(in_time, "{file} did not end:\n{told}");
    assert!(node.wait().success(), "{told}");
}

#[test]
fn agents_keep_state_answer_calls_and_do_work_later() {
    run("agents.test.mjs");
}

#[test]
fn the_parts_of_agents_work_on_plain_objects() {
    run("capabilities.test.mjs");
}

#[test]
fn agents_of_an_older_sdk_do_the_same() {
    run("old.test.mjs");
}

#[test]
fn think_runs_its_own_loop() {
    run("think.test.mjs");
}

#[test]
fn models_answer_through_every_provider() {
    run("models.test.mjs");
}

#[test]
fn agents_serve_and_use_mcp() {
    run("mcp.test.mjs");
}

#[test]
fn workflows_and_email_of_agents_work() {
    run("workflows.test.mjs");
}

#[test]
fn a_chat_in_browsers_survives_what_breaks() {
    run("campfire.test.mjs");
}

#[test]
fn agents_drive_a_browser() {
    run("browser.test.mjs");
}

#[test]
fn puppeteer_and_playwright_drive_a_browser() {
    run("drivers.test.mjs");
}

#[test]
fn every_example_does_what_its_page_says() {
    run("examples.test.mjs");
}
