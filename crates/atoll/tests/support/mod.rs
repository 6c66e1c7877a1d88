//! Runs the command line in a folder of its own.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};

use process::{Process, address_in};

pub(crate) mod process;

/// A project in a folder that goes away with it.
pub(crate) struct Project(tempfile::TempDir);

impl Project {
    /// A folder with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for (path, content) in files {
            project.write(path, content);
        }
        project
    }

    /// A worker of one module.
    pub(crate) fn of(code: &str) -> Self {
        Self::new(&[
            (
                "wrangler.json",
                r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11" }"#,
            ),
            ("index.js", code),
        ])
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path: PathBuf = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("CLICOLOR_FORCE")
            .env("ATOLL_CACHE", self.path().join(".cache"))
            .env("npm_config_userconfig", self.path().join("none"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end: exit code, standard output, standard error. What differs from run to run is masked.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| self.mask(&String::from_utf8(bytes).unwrap());
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    pub(crate) fn mask(&self, text: &str) -> String {
        let real = self.path().canonicalize().unwrap();
        text.replace(real.to_str().unwrap(), "FOLDER")
            .replace(self.path().to_str().unwrap(), "FOLDER")
            .split_inclusive('\n')
            .map(|line| {
                if let Some((start, _)) = line.split_once("): it used ") {
                    return format!("{start}): it used SO MUCH\n");
                }
                match line.trim_end().strip_suffix(" ms") {
                    Some(start) => {
                        let (start, _) = start.rsplit_once(' ').unwrap_or((start, ""));
                        format!("{start} TIME\n")
                    }
                    None => line.to_owned(),
                }
            })
            .collect()
    }

    /// Starts a server on a free port and waits until it says that it is `ready`.
    pub(crate) fn start(&self, arguments: &[&str], ready: &str) -> Server {
        self.start_with(arguments, &[], ready)
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        ready: &str,
    ) -> Server {
        let mut command = self.command(arguments);
        command
            .envs(variables.iter().copied())
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Process::start(&mut command);
        let mut server = Server {
            errors: Mutex::new(lines(process.errors())),
            process,
            address: String::new(),
            banner: String::new(),
        };
        server.banner = server.wait_for(ready);
        server.address = address_in(&server.banner).expect(&server.banner);
        server
    }
}

/// All lines, with their ends, as they come. A server that nobody listens to would wait for somebody.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            // What nobody waits for has been read all the same.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// A server that runs.
pub(crate) struct Server {
    process: Process,
    /// Several threads may ask the server.
    errors: Mutex<Receiver<String>>,
    address: String,
    banner: String,
}

/// Status and body of what a server answers.
pub(crate) fn get_from(address: &str, path: &str) -> (u16, String) {
    ask(address, "GET", path, "")
}

fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let headers = format!("Host: test\r\nContent-Length: {length}\r\n");
    let (head, body) = exchange(address, method, path, &headers, body);
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (format!("{head}\r\n"), body.to_owned())
}

impl Server {
    /// What it said until it was ready.
    pub(crate) fn banner(&self) -> &str {
        &self.banner
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Reads standard error until a line holds this, and gives all that was read.
    pub(crate) fn wait_for(&mut self, wanted: &str) -> String {
        let mut seen = String::new();
        loop {
            let Ok(line) = self.errors.get_mut().unwrap().recv() else {
                panic!("it ended without `{wanted}`:\n{seen}");
            };
            seen.push_str(&line);
            if line.contains(wanted) {
                return seen;
            }
        }
    }

    /// Status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get_from(&self.address, path)
    }

    /// Head and body of what it answers to a GET with these headers, each with its line's end.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (String, String) {
        exchange(&self.address, "GET", path, headers, "")
    }

    /// Sends a GET and leaves its answer unread.
    pub(crate) fn begin(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Status and body.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        ask(&self.address, "POST", path, body)
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Asks it to end, and gives its exit code and what it wrote to standard output.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.process.signal("-TERM");
        let mut output = String::new();
        self.process.output().read_to_string(&mut output).unwrap();
        (self.process.wait().code(), output)
    }
}
