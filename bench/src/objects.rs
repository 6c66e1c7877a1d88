//! Durable Objects: calls, durable writes, creation, rows, one message to many sockets, and sockets of objects that sleep.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use crate::server::{Server, Setup};
use crate::{load, rows};

/// How long each server is loaded in one round.
const ROUND: Duration = Duration::from_secs(2);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;
/// Sockets that hear each message.
const SOCKETS: usize = 100;
/// Messages that each of them hears.
const MESSAGES: usize = 200;
/// Objects with a socket each that go to sleep.
const SLEEPERS: usize = 10_000;
/// Sockets that are being opened at a time.
const OPENED_AT_ONCE: usize = 32;
/// After this long all objects sleep.
const UNTIL_ASLEEP: Duration = Duration::from_secs(13);

pub(crate) const SETUP: Setup = Setup {
    worker: "objects.js",
    wrangler: r#", "durable_objects": { "bindings": [{ "name": "BENCH", "class_name": "Bench" }] },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Bench"] }]"#,
    workerd: r#", durableObjectNamespaces = [(className = "Bench", uniqueKey = "bench", enableSql = true)],
        durableObjectStorage = (localDisk = "disk"),
        bindings = [(name = "BENCH", durableObjectNamespace = "Bench")]"#,
    services: r#", (name = "disk", disk = (path = "objects", writable = true))"#,
};

#[derive(Clone, Copy)]
enum Case {
    /// Requests a second of this path over this many connections.
    Load(&'static str, usize),
    /// Milliseconds of one request to this path.
    Once(&'static str),
    /// Milliseconds from sending a message until a socket has it: the median and the 99th percentile.
    FanOut,
    /// Kilobytes of each of many sockets whose objects sleep.
    Asleep,
}

const CASES: [(&str, Case); 7] = [
    (
        "method call, 32 clients (a second)",
        Case::Load("/call", 32),
    ),
    ("method call, 1 client (a second)", Case::Load("/call", 1)),
    ("durable hit, 32 clients (a second)", Case::Load("/hit", 32)),
    (
        "1,000 new objects, a table each (ms)",
        Case::Once("/create?count=1000"),
    ),
    ("100,000 rows in and out (ms)", Case::Once("/rows")),
    ("one message to 100 sockets (ms, p99)", Case::FanOut),
    ("10,000 sleeping objects (KB a socket)", Case::Asleep),
];

/// Measures and prints the cases whose name has `word` in it.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>, word: &str) -> anyhow::Result<()> {
    println!(
        "{:<38} {:>12} {:>12} {:>8}",
        "objects", "atoll", "workerd", "ratio"
    );
    for (name, case) in CASES.into_iter().filter(|(name, _)| name.contains(word)) {
        let (ours, theirs) = match rounds(case, atoll, workerd).await {
            Ok(figures) => figures,
            // The other cases are still worth knowing.
            Err(error) => {
                println!("{name:<38} {error:#}");
                continue;
            }
        };
        // How many times better.
        let ratio = match case {
            Case::Load(..) => ours / theirs,
            Case::Once(_) | Case::FanOut | Case::Asleep => theirs / ours,
        };
        println!("{name:<38} {ours:>12.2} {theirs:>12.2} {ratio:>7.2}x");
        if matches!(case, Case::Once("/rows")) {
            match rows::from_c() {
                Ok(c) => println!(
                    "{:<38} {:>12.2} {c:>12.2} {:>7.2}x",
                    "  (SQLite called from C)",
                    ours,
                    c / ours
                ),
                Err(error) => println!("  SQLite cannot be called from C: {error:#}"),
            }
        }
    }
    Ok(())
}

/// The medians of both, in turn so that what else the machine does meets both.
async fn rounds(case: Case, atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<(f64, f64)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let server = Server::atoll(atoll, &SETUP).await?;
        ours.push(measure(&server, case).await.context("atoll")?);
        if let Some(workerd) = workerd {
            let server = Server::workerd(workerd, &SETUP).await?;
            let figure = measure(&server, case).await;
            theirs.push(match case {
                // It may not have room for so many.
                Case::Asleep => figure.unwrap_or(f64::NAN),
                _ => figure.context("workerd")?,
            });
        }
    }
    Ok((median(ours), median(theirs)))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(server: &Server, case: Case) -> anyhow::Result<f64> {
    let request = |path: &str| -> &'static str {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak()
    };
    let port = server.port();
    match case {
        Case::Load(path, connections) => {
            load::run(port, request(path), connections, ROUND / 4).await?;
            Ok(load::run(port, request(path), connections, ROUND)
                .await?
                .per_second)
        }
        Case::Once(path) => {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let mut buffer = Vec::new();
            // The worker itself is warm, its objects are not.
            stream.write_all(request("/call").as_bytes()).await?;
            load::read_response(&mut stream, &mut buffer).await?;
            let start = Instant::now();
            stream.write_all(request(path).as_bytes()).await?;
            load::read_response(&mut stream, &mut buffer).await?;
            Ok(start.elapsed().as_secs_f64() * 1000.0)
        }
        Case::FanOut => {
            // One thread for all clients: the rest of the machine is the server's.
            tokio::task::spawn_blocking(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(fan_out(port))
            })
            .await?
        }
        Case::Asleep => asleep(server).await,
    }
}

/// Kilobytes that all processes of the server keep more for each socket of an object that sleeps. What the system itself
/// keeps of a connection is not in it.
async fn asleep(server: &Server) -> anyhow::Result<f64> {
    let port = server.port();
    let unknown = "this user may not look into the memory of processes";
    // One that has come and gone: what the first one costs is not each one's.
    drop(connect(port, "/room").await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.memory().context(unknown)?;
    let mut sockets = Vec::with_capacity(SLEEPERS);
    while sockets.len() < SLEEPERS {
        let first = sockets.len();
        let more = first..SLEEPERS.min(first + OPENED_AT_ONCE);
        let opening: Vec<_> = more
            .map(|number| tokio::spawn(connect(port, format!("/rooms/{number}").leak())))
            .collect();
        for socket in opening {
            sockets.push(
                socket
                    .await?
                    .with_context(|| format!("after {first} sockets"))?,
            );
        }
    }
    tokio::time::sleep(UNTIL_ASLEEP).await;
    let after = server.memory().context(unknown)?;
    // They are all there, and wake.
    for socket in sockets.iter_mut().step_by(SLEEPERS / 100) {
        socket.write_all(&message()).await?;
        let mut answer = [0; 34];
        socket.read_exact(&mut answer).await?;
    }
    Ok((after - before) * 1024.0 / SLEEPERS as f64)
}

/// The 99th percentile, in milliseconds, of the time from sending a message until a socket has it.
async fn fan_out(port: u16) -> anyhow::Result<f64> {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut writers = Vec::new();
    for _ in 0..SOCKETS {
        let (reader, writer) = connect(port, "/room").await?.into_split();
        tokio::spawn(listen(reader, sender.clone()));
        writers.push(writer);
    }
    let mut times = Vec::new();
    for round in 0..MESSAGES {
        let start = Instant::now();
        writers[round % SOCKETS].write_all(&message()).await?;
        for _ in 0..SOCKETS {
            let at = heard.recv().await.context("a socket closed")?;
            times.push(at.duration_since(start).as_secs_f64() * 1000.0);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() * 99 / 100])
}

/// A masked text frame of 32 bytes; the mask is zero.
fn message() -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 32, 0, 0, 0, 0];
    frame.extend([b'x'; 32]);
    frame
}

/// A WebSocket, once the server has agreed.
pub(crate) async fn connect(port: u16, path: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    Ok(stream)
}

/// Tells when each message came.
async fn listen(
    mut reader: OwnedReadHalf,
    heard: mpsc::UnboundedSender<Instant>,
) -> anyhow::Result<()> {
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head).await?;
        if head[0] != 0x81 || head[1] != 32 {
            bail!("an unexpected frame");
        }
        reader.read_exact(&mut [0; 32]).await?;
        heard.send(Instant::now())?;
    }
}
