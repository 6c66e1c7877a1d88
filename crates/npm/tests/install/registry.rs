//! A registry on this machine, with packages that a test makes.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64ct::{Base64, Encoding as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The target, as it was written.
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    /// Versions of each package.
    packages: BTreeMap<String, BTreeMap<String, Value>>,
    tags: HashMap<String, Map<String, Value>>,
    files: HashMap<String, Vec<u8>>,
    /// Answers that come instead, each so often.
    instead: HashMap<String, (usize, String)>,
    asked: Vec<Asked>,
    closed: bool,
}

/// A registry that goes away with its test.
pub(crate) struct Registry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.lock().unwrap().closed {
                    return;
                }
                let shared = shared.clone();
                thread::spawn(move || drop(serve(stream, &shared, address)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Publishes a version with a package.json of these fields and one module that says which it is.
    pub(crate) fn publish(&self, name: &str, version: &str, fields: Value) {
        let code = format!("module.exports = {:?};\n", format!("{name}@{version}"));
        self.publish_files(
            name,
            version,
            fields,
            &[("index.js", code.as_bytes(), 0o644)],
        );
    }

    /// Publishes a version with these files.
    pub(crate) fn publish_files(
        &self,
        name: &str,
        version: &str,
        fields: Value,
        files: &[(&str, &[u8], u32)],
    ) {
        let mut manifest = json!({ "name": name, "version": version });
        manifest
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let text = serde_json::to_vec_pretty(&manifest).unwrap();
        let mut entries = vec![Entry::file("package/package.json", &text, 0o644)];
        entries.extend(
            files.iter().map(|(path, content, mode)| {
                Entry::file(&format!("package/{path}"), content, *mode)
            }),
        );
        self.publish_archive(name, version, fields, archive(&entries));
    }

    /// Publishes a version whose archive is whatever.
    pub(crate) fn publish_archive(&self, name: &str, version: &str, fields: Value, bytes: Vec<u8>) {
        let file = format!(
            "/{name}/-/{}-{version}.tgz",
            name.rsplit('/').next().unwrap()
        );
        let mut manifest = json!({ "name": name, "version": version });
        let object = manifest.as_object_mut().unwrap();
        object.extend(fields.as_object().unwrap().clone());
        object.insert(
            "dist".to_owned(),
            json!({ "tarball": format!("http://{}{file}", self.address), "integrity": integrity(&bytes) }),
        );
        if let Some(scripts) = object.remove("scripts") {
            let has = ["preinstall", "install", "postinstall"]
                .iter()
                .any(|name| scripts[*name].is_string());
            if has {
                object.insert("hasInstallScript".to_owned(), true.into());
            }
        }
        let mut state = self.state.lock().unwrap();
        state.files.insert(file, bytes);
        state
            .packages
            .entry(name.to_owned())
            .or_default()
            .insert(version.to_owned(), manifest);
        state
            .tags
            .entry(name.to_owned())
            .or_default()
            .insert("latest".to_owned(), version.into());
    }

    /// Gives a version a name.
    pub(crate) fn tag(&self, name: &str, tag: &str, version: &str) {
        let mut state = self.state.lock().unwrap();
        state
            .tags
            .get_mut(name)
            .unwrap()
            .insert(tag.to_owned(), version.into());
    }

    /// Changes what is said about a version.
    pub(crate) fn change(&self, name: &str, version: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state.lock().unwrap();
        change(
            state
                .packages
                .get_mut(name)
                .unwrap()
                .get_mut(version)
                .unwrap(),
        );
    }

    /// The integrity of a published version.
    pub(crate) fn integrity(&self, name: &str, version: &str) -> String {
        let state = self.state.lock().unwrap();
        state.packages[name][version]["dist"]["integrity"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Answers a path so many times with a whole answer of HTTP.
    pub(crate) fn answer(&self, path: &str, times: usize, answer: &str) {
        let answer = (times, answer.to_owned());
        self.state
            .lock()
            .unwrap()
            .instead
            .insert(path.to_owned(), answer);
    }

    /// What was asked since somebody looked.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Answers nobody any more.
    pub(crate) fn stop(&self) {
        self.state.lock().unwrap().closed = true;
        // Wakes who waits for connections.
        drop(TcpStream::connect(self.address));
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, address: SocketAddr) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => {
                    headers.insert(name.to_ascii_lowercase(), value.trim().to_owned())
                }
                None => break,
            };
        }
        let answer = {
            let mut state = state.lock().unwrap();
            if state.closed {
                return Ok(());
            }
            state.asked.push(Asked {
                path: path.clone(),
                headers: headers.clone(),
            });
            state.answer(&path, &headers, address)
        };
        writer.write_all(&answer)?;
        if answer.starts_with(b"HTTP/1.1 200 OK\r\nConnection: close") {
            return Ok(());
        }
    }
}

impl State {
    fn answer(
        &mut self,
        path: &str,
        headers: &HashMap<String, String>,
        address: SocketAddr,
    ) -> Vec<u8> {
        // A proxy is told whole addresses.
        let path = path.strip_prefix("http://registry.test").unwrap_or(path);
        if let Some((times, answer)) = self.instead.get_mut(path)
            && *times > 0
        {
            *times -= 1;
            return answer.clone().into_bytes();
        }
        if let Some(bytes) = self.files.get(path) {
            return response("200 OK", "", bytes);
        }
        let name = path
            .trim_start_matches('/')
            .replace("%2f", "/")
            .replace("%2F", "/");
        let Some(versions) = self.packages.get(&name) else {
            return response("404 Not Found", "", b"{\"error\":\"Not found\"}");
        };
        let body = json!({ "name": name, "dist-tags": self.tags[&name], "versions": versions })
            .to_string();
        let etag = format!("\"{}\"", &integrity(body.as_bytes())[7..20]);
        let more =
            format!("ETag: {etag}\r\nCache-Control: public, max-age=0\r\nX-At: {address}\r\n");
        if headers.get("if-none-match") == Some(&etag) {
            return response("304 Not Modified", &more, b"");
        }
        if headers
            .get("accept-encoding")
            .is_some_and(|coding| coding.contains("gzip"))
        {
            let more = format!("{more}Content-Encoding: gzip\r\n");
            return response("200 OK", &more, &zip(body.as_bytes()));
        }
        response("200 OK", &more, body.as_bytes())
    }
}

pub(crate) fn response(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

pub(crate) fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", Base64::encode_string(&Sha512::digest(bytes)))
}

pub(crate) fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of an archive, honest or not.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) kind: u8,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) target: String,
}

impl Entry {
    pub(crate) fn file(path: &str, content: &[u8], mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            kind: b'0',
            mode,
            content: content.to_vec(),
            target: String::new(),
        }
    }

    pub(crate) fn special(path: &str, kind: u8, target: &str) -> Self {
        Self {
            kind,
            target: target.to_owned(),
            ..Self::file(path, b"", 0o644)
        }
    }
}

/// A compressed archive. Headers are written by hand: the usual ways refuse to lie.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    zip(&tar(entries))
}

pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        assert!(entry.path.len() <= 100);
        put(0, entry.path.as_bytes());
        put(100, format!("{:07o}\0", entry.mode).as_bytes());
        put(124, format!("{:011o}\0", entry.content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[entry.kind]);
        put(157, entry.target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// Reads a whole file, or nothing.
pub(crate) fn read(path: impl AsRef<std::path::Path>) -> String {
    let mut text = String::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        file.read_to_string(&mut text).unwrap();
    }
    text
}
