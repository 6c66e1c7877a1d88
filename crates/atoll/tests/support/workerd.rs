//! npm `workerd`, to compare with: where it is, how it starts, and lists of what is known to differ.
//!
//! It is there where `npm ci --prefix tests/oracle` was run, or where `WORKERD` names the program.
#![allow(dead_code, reason = "each test uses its own part")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The npm packages to compare with, where they are installed.
pub(crate) fn packages() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/node_modules");
    folder.canonicalize().ok()
}

/// The program, where there is one.
pub(crate) fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WORKERD") {
        return Some(PathBuf::from(named));
    }
    let package = match std::env::consts::ARCH {
        "x86_64" => "workerd-linux-64",
        "aarch64" => "workerd-linux-arm64",
        _ => return None,
    };
    let program = packages()?
        .join("@cloudflare")
        .join(package)
        .join("bin/workerd");
    program.exists().then_some(program)
}

/// One that runs. It ends with this.
pub(crate) struct Workerd {
    child: Child,
    port: u64,
    _home: tempfile::TempDir,
}

impl Workerd {
    /// Starts it on the `config.capnp` of a folder, which goes away with it.
    pub(crate) fn start(program: &Path, home: tempfile::TempDir) -> Self {
        let child = Command::new(program)
            .args(["serve", "config.capnp", "--experimental", "--control-fd=1"])
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From here on it is ended whatever happens.
        let mut workerd = Self {
            child,
            port: 0,
            _home: home,
        };
        let mut line = String::new();
        BufReader::new(workerd.child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let listening: serde_json::Value =
            serde_json::from_str(&line).expect("workerd should listen");
        workerd.port = listening["port"].as_u64().unwrap();
        workerd
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address())
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Holds what differs against the list of what is known to, which fails both ways. A line of it is a case, and after a
/// bar why it differs.
pub(crate) fn assert_known(list: &Path, different: &BTreeSet<String>) {
    let known = std::fs::read_to_string(list).unwrap();
    let known: BTreeSet<String> = known
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(" | ")
                .map_or(line, |(case, _)| case)
                .to_owned()
        })
        .collect();
    let unlisted: Vec<_> = different.difference(&known).collect();
    let gone: Vec<_> = known.difference(different).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "differ and are not in {list}: {unlisted:#?}\nare there and no longer differ: {gone:#?}",
        list = list.display()
    );
}
