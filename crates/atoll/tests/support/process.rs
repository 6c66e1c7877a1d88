//! Servers as processes of their own. They end with the test, however it ends, and so does what they started.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

/// A program that runs.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Starts a program that says on standard error where it listens, and gives that. Otherwise gives what it said.
    pub(crate) fn listening(command: &mut Command) -> Result<(Self, String), String> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Self::start(command.stderr(Stdio::piped()));
        let mut errors = BufReader::new(process.errors());
        let mut said = String::new();
        loop {
            let start = said.len();
            if errors.read_line(&mut said).unwrap() == 0 {
                process.wait();
                return Err(said);
            }
            if let Some(address) = address_in(&said[start..]) {
                // What it says later must not stop it.
                std::thread::spawn(move || errors.read_to_end(&mut Vec::new()));
                return Ok((process, address));
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its standard output, where that is piped. Once.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.0.stdout.take().unwrap()
    }

    /// Its standard error, where that is piped. Once.
    pub(crate) fn errors(&mut self) -> ChildStderr {
        self.0.stderr.take().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(signal(name, self.id()), "it has ended before");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ends it at once, as a crash does. What it started is on its own.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.wait();
    }

    /// Ends it and what it started. It may be a program that runs the server, as strace does.
    pub(crate) fn kill_all(&mut self) {
        for process in tree(self.id()) {
            signal("-KILL", process);
        }
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.kill_all();
        }
    }
}

/// Where a server says that it listens.
pub(crate) fn address_in(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("http://")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

/// Sends a signal to a process. Whether it was there.
pub(crate) fn signal(name: &str, process: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args([name, &process.to_string()])
        .stderr(Stdio::null());
    kill.status().unwrap().success()
}

/// A process and all below it.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut at = 0;
    while let Some(process) = all.get(at) {
        all.extend(children(*process));
        at += 1;
    }
    all
}

/// The processes that another one made and that have not ended.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let ids = list.split_whitespace().map(|id| id.parse().unwrap());
            ids.collect::<Vec<u32>>()
        })
        .collect()
}

/// Whether it is there and has not ended.
pub(crate) fn exists(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name before may hold anything.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
