//! Servers as processes, to be killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ledger;
use crate::process::{Process, children};

/// A project that keeps its state.
pub(crate) struct Project(tempfile::TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        Self::of(ledger::CODE, "Ledger")
    }

    /// A worker with a class of objects, which are bound under the name of the class in capitals.
    pub(crate) fn of(code: &str, class: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.js"), code).unwrap();
        let binding = class.to_uppercase();
        let configuration = format!(
            r#"{{
                "name": "ledger", "main": "index.js", "compatibility_date": "2026-06-11",
                "durable_objects": {{ "bindings": [{{ "name": "{binding}", "class_name": "{class}" }}] }},
                "migrations": [{{ "tag": "v1", "new_sqlite_classes": ["{class}"] }}],
                "worker_loaders": [{{ "binding": "LOADER" }}]
            }}"#
        );
        fs::write(folder.path().join("wrangler.json"), configuration).unwrap();
        Self(folder)
    }

    /// A project whose writes stay bounded, with a loader for strangers' code.
    pub(crate) fn for_soak() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        let configuration = r#"{
            "name": "soak", "main": "index.js", "compatibility_date": "2026-06-11",
            "durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
            "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }],
            "worker_loaders": [{ "binding": "LOADER" }]
        }"#;
        fs::write(project.0.path().join("wrangler.json"), configuration).unwrap();
        // What is kept for going back would grow with every write.
        fs::write(
            project.0.path().join("atoll.jsonc"),
            r#"{ "retentionDays": 0 }"#,
        )
        .unwrap();
        project.deploy(0);
        project
    }

    /// Writes another version of the worker for a soak.
    pub(crate) fn deploy(&self, version: u64) {
        let code = include_str!("soak.js").replace("VERSION = 0", &format!("VERSION = {version}"));
        fs::write(self.0.path().join("index.js"), code).unwrap();
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where objects are kept.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.path().join(".atoll")
    }

    /// Runs `atoll dev`.
    pub(crate) fn dev(&self) -> Result<Server, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
        command
            .args(["dev", "--port", "0"])
            .current_dir(self.0.path());
        Server::start(command)
    }

    /// Runs `atoll serve`.
    pub(crate) fn serve(&self) -> Result<Server, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
        command
            .args(["serve", "--port", "0"])
            .current_dir(self.0.path());
        Server::start(command)
    }
}

/// A server that runs. It is killed when it is dropped.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: String,
}

impl Server {
    /// Starts a program that says on standard error where it listens. Otherwise gives what it said.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let (process, address) = Process::listening(&mut command)?;
        Ok(Self { process, address })
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends the server at once. Its isolates end by themselves.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.process.signal("-TERM");
        assert!(self.process.wait().success());
    }

    /// The processes that run workers: forked from templates, which are forked from the zygote.
    pub(crate) fn isolates(&self) -> Vec<u32> {
        children(self.id())
            .into_iter()
            .flat_map(children)
            .flat_map(children)
            .collect()
    }
}
