//! A registry of npm packages on this machine, so that nobody is measured by the network.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::folder::Scratch;

/// It answers as long as this program runs.
pub(crate) struct Registry {
    port: u16,
    asked: Arc<AtomicUsize>,
}

/// What there is, by the path that asks for it.
type Answers = HashMap<String, Vec<u8>>;

impl Registry {
    /// One with a package that is installed in this folder, packed as `npm` packs it.
    pub(crate) fn of(package: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let answers = Arc::new(answers(package, port)?);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, count) = (Arc::clone(&answers), Arc::clone(&count));
                // Who goes away in the middle of an answer harms nobody.
                std::thread::spawn(move || drop(serve(stream, &answers, &count)));
            }
        });
        Ok(Self { port, asked })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests there were until now.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answers(package: &Path, port: u16) -> anyhow::Result<Answers> {
    let folder = Scratch::new("registry")?;
    let packed = Command::new("npm")
        .args(["pack", "--json", "--ignore-scripts", "--pack-destination"])
        .arg(folder.path())
        .arg(package)
        .stderr(Stdio::null())
        .output()
        .context("starting npm")?;
    ensure!(packed.status.success(), "npm pack failed");
    let packed: Value = serde_json::from_slice(&packed.stdout)?;
    let packed = &packed[0];
    let file = packed["filename"].as_str().context("npm names no file")?;
    let archive = std::fs::read(folder.path().join(file))?;
    let mut manifest: Value =
        serde_json::from_slice(&std::fs::read(package.join("package.json"))?)?;
    let name = manifest["name"].as_str().unwrap_or_default().to_owned();
    let version = manifest["version"].as_str().unwrap_or_default().to_owned();
    let path = format!("/{name}/-/{file}");
    manifest["dist"] = json!({
        "tarball": format!("http://127.0.0.1:{port}{path}"),
        "integrity": packed["integrity"],
    });
    let told = json!({
        "name": name,
        "dist-tags": { "latest": version },
        "versions": { version.clone(): manifest },
    });
    let told = told.to_string().into_bytes();
    Ok(Answers::from([(format!("/{name}"), told), (path, archive)]))
}

fn serve(stream: TcpStream, answers: &Answers, asked: &AtomicUsize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while reader.read_line(&mut line)? > 2 {}
        line.clear();
        asked.fetch_add(1, Ordering::Relaxed);
        let (status, body): (_, &[u8]) = match answers.get(&path) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", b"{}"),
        };
        let length = body.len();
        // As long as the registry that everybody uses says it.
        let fresh = "cache-control: public, max-age=300";
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{fresh}\r\n\r\n");
        writer.write_all(&[head.as_bytes(), body].concat())?;
    }
    Ok(())
}
