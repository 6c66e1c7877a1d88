//! Commands that are run to the end, servers that are asked something, and what they say.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::{Process, address_in};
use crate::support::{Project, get_from};

/// How long a server may take to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project whose configuration has this beside what every one has.
pub(crate) fn with(settings: &str, code: &str) -> Project {
    let project = Project::of(code);
    let comma = if settings.is_empty() { "" } else { ", " };
    project.write(
        "wrangler.json",
        &format!(
            r#"{{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11"{comma}{settings} }}"#
        ),
    );
    project
}

/// The command, what it said, and how it ended.
pub(crate) fn run(project: &Project, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = project.run(arguments);
    format!(
        "$ atoll {}\n{stdout}{stderr}exit code {code}\n",
        arguments.join(" ")
    )
}

/// Runs a project that is not expected to start.
pub(crate) fn serve(project: &Project) -> Option<String> {
    Some(run(project, &["serve"]))
}

/// A server that runs, with everything that it says in a file.
pub(crate) struct Running<'a> {
    project: &'a Project,
    process: Process,
    pub(crate) address: String,
}

impl<'a> Running<'a> {
    pub(crate) fn start(project: &'a Project, arguments: &[&str]) -> Self {
        Self::of(project, project.command(arguments))
    }

    /// Starts what runs `atoll serve`, perhaps by another program.
    pub(crate) fn of(project: &'a Project, mut command: Command) -> Self {
        let said = File::create(project.path().join(".said")).unwrap();
        let command = command
            .args(["--port", "0"])
            .stdout(said.try_clone().unwrap())
            .stderr(said);
        let mut running = Self {
            project,
            process: Process::start(command),
            address: String::new(),
        };
        let said = running.wait_for("isolates are held by");
        running.address = address_in(&said).unwrap_or_default();
        running
    }

    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        let path = self.project.path().join(".said");
        File::open(path).unwrap().read_to_string(&mut said).unwrap();
        said
    }

    /// Waits until it has said this, or has ended.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let has_ended = self.process.has_ended();
            let said = self.said();
            if said.contains(text) || has_ended {
                return said;
            }
            assert!(began.elapsed() < PATIENCE, "without {text}:\n{said}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What a client sees.
    pub(crate) fn get(&self, path: &str) -> String {
        let (status, body) = get_from(&self.address, path);
        // Answers of the gateway itself begin with their status.
        let body = body.strip_prefix(&format!("{status} ")).unwrap_or(&body);
        format!("> GET {path}\n{status} {}\n", body.trim_end())
    }

    /// What comes back for these bytes.
    pub(crate) fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // It may have answered, and closed, before it has read all of this.
        drop(stream.write_all(request));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.lines().next().unwrap_or_default();
        format!("{status}: {body}\n")
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Ends it, and gives what it said beside what servers always say.
    pub(crate) fn stop(mut self) -> String {
        self.signal("-TERM");
        self.process.wait();
        let said = self.said();
        let said = self.project.mask(&said);
        let own = said.lines().filter(|line| {
            let always = ["  atoll serve ", "  w  http://", "  isolates are held by"];
            !line.is_empty()
                && !always.iter().any(|start| line.starts_with(start))
                && !line.starts_with("    env.")
        });
        own.map(|line| format!("{line}\n")).collect()
    }

    /// Waits until it has ended by itself, and gives its exit code.
    pub(crate) fn end(mut self) -> i32 {
        self.process.wait().code().unwrap()
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}

/// Asks a project that runs for a page, and waits until it has told what is wrong.
pub(crate) fn ask(project: &Project, until: &str) -> Option<String> {
    let mut running = Running::start(project, &["serve"]);
    let answer = running.get("/");
    running.wait_for(until);
    Some(format!("$ atoll serve\n{answer}{}", running.stop()))
}
