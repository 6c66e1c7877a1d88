//! What lies outside for tests: servers on this machine that keep what they were asked, names that lead where a test
//! says, policies.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by test programs that each use a part of it; a test that cannot go on should stop"
)]

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use host::secrets::SecretStore;
use host::{Addresses, Network, Piece, Policy, PolicyOptions, Resolve, Rule};
use http::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers with what it was asked, and keeps it.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a server sends back for a path; everything else is answered with the request itself.
pub(crate) type Answers = HashMap<&'static str, Vec<u8>>;

impl Outside {
    pub(crate) async fn start() -> Self {
        Self::with(Answers::new()).await
    }

    pub(crate) async fn with(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (own, answers) = (server.clone(), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, answers) = (own.clone(), Arc::clone(&answers));
                tokio::spawn(async move { own.answer(BufReader::new(stream), &answers).await });
            }
        });
        server
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of all requests so far, in lower case.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    async fn answer(self, mut stream: BufReader<TcpStream>, answers: &Answers) -> Option<()> {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            head.push_str(&lower);
        }
        self.seen.lock().unwrap().push(head.clone());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let path = head
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .split('?')
            .next()?;
        let answer = answers
            .get(path)
            .cloned()
            .unwrap_or_else(|| plain("200 OK", "", head.as_bytes()));
        stream.write_all(&answer).await.ok()?;
        stream.shutdown().await.ok()
    }
}

/// A response in bytes.
pub(crate) fn plain(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut out = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    )
    .into_bytes();
    out.extend_from_slice(body);
    out
}

pub(crate) fn redirect(status: &str, location: &str) -> Vec<u8> {
    plain(status, &format!("location: {location}\r\n"), b"")
}

/// Names that lead to a list of addresses, each time to the next one of a list of lists.
pub(crate) struct Names(HashMap<&'static str, Mutex<Vec<Vec<IpAddr>>>>);

impl Names {
    /// `("name", ["1.2.3.4 10.0.0.1", "127.0.0.1"])`: what the first question gets, and then all later ones.
    pub(crate) fn new(names: &[(&'static str, &[&str])]) -> Arc<Self> {
        let addresses = |text: &&str| text.split(' ').map(|text| text.parse().unwrap()).collect();
        let lists = names.iter().map(|(name, turns)| {
            let turns: Vec<Vec<IpAddr>> = turns.iter().rev().map(addresses).collect();
            (*name, Mutex::new(turns))
        });
        Arc::new(Self(lists.collect()))
    }
}

impl Resolve for Names {
    fn resolve(&self, host: &str) -> Addresses {
        let found = self.0.get(host).map(|turns| {
            let mut turns = turns.lock().unwrap();
            if turns.len() > 1 {
                turns.pop().unwrap()
            } else {
                turns[0].clone()
            }
        });
        Box::pin(async move { found.ok_or_else(|| std::io::ErrorKind::NotFound.into()) })
    }
}

/// A rule for GET and HEAD: `http://HOST:PORT/PATH`.
pub(crate) fn rule(url: &str) -> Rule {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    Rule {
        methods: vec![Method::GET, Method::HEAD],
        text: url.to_owned(),
        secure: scheme == "https",
        sockets_only: false,
        host: host.to_owned(),
        port: (port != "*").then(|| port.parse().unwrap()),
        path: format!("/{path}"),
        headers: Vec::new(),
    }
}

/// Has a rule send a secret along.
pub(crate) fn with_secret(mut rule: Rule, header: &str, before: &str, secret: &str) -> Rule {
    let pieces = vec![
        Piece::Text(before.to_owned()),
        Piece::Secret(secret.to_owned()),
    ];
    rule.headers.push((header.parse().unwrap(), pieces));
    rule
}

/// Any method goes.
pub(crate) fn any_method(mut rule: Rule) -> Rule {
    rule.methods.clear();
    rule
}

pub(crate) fn options(name: &str, rules: Vec<Rule>) -> PolicyOptions {
    PolicyOptions {
        name: name.to_owned(),
        rules,
        ..PolicyOptions::default()
    }
}

pub(crate) fn policy(name: &str, rules: Vec<Rule>) -> Arc<Policy> {
    Arc::new(Policy::new(options(name, rules)))
}

pub(crate) fn loopback() -> Vec<Network> {
    vec![Network::parse("127.0.0.0/8").unwrap()]
}

/// A store of one secret, in a folder that goes away with the first part.
pub(crate) fn secret(name: &str, value: &str) -> (tempfile::TempDir, Arc<SecretStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SecretStore::new(&folder.path().join("state"), &folder.path().join("key"));
    store.put(name, value).unwrap();
    (folder, Arc::new(store))
}
