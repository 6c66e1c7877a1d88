//! The Agents SDK as published, on Atoll: `tests/sdk` drives it with the SDK's own clients and with browsers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

use std::path::{Path, PathBuf};
use std::process::Command;

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
    let node = Command::new("node")
        .args(["--test", "--test-reporter", "spec", file])
        .current_dir(&folder)
        .env("ATOLL", env!("CARGO_BIN_EXE_atoll"))
        .output();
    let Ok(output) = node else {
        println!("skipped: there is no node to run {file} with");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}\n{errors}");
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
fn every_example_does_what_its_page_says() {
    run("examples.test.mjs");
}
