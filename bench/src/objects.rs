//! Durable Objects: calls, durable writes, creation, rows, one message to many sockets, and sockets of objects that sleep.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::{Bench, Effort};
use crate::figure::{Figure, Sample, Side, Target};
use crate::server::{Server, Setup};
use crate::{fan_out, load, rows};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// One round of thousands of objects.
const LONG_PATIENCE: Duration = Duration::from_secs(120);
/// Rounds of what is held against a program in C: both wait for the disk, which takes its time as it likes.
const ROUNDS_BESIDE_C: usize = 7;
/// Objects that go to sleep, with a socket each or without.
const SLEEPERS: usize = 10_000;
/// The same where a server does not live through so many: workerd has four descriptors open for each object.
const FEWER_SLEEPERS: usize = 2000;
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
    environment: Vec::new(),
};

#[derive(Clone, Copy)]
enum Case {
    /// Requests a second of this path over this many connections.
    Load(&'static str, usize),
    /// Milliseconds of one request to this path.
    Once(&'static str),
    /// Milliseconds from sending a message until a socket has it, the 99th percentile.
    FanOut,
}

/// Measures and shows.
pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Durable Objects");
    let Effort {
        rounds,
        slow_rounds,
        round,
        ..
    } = bench.effort;
    let cases = [
        (
            Figure::more("method call, 32 clients (a second)")
                .times(4.0)
                .told(),
            Case::Load("/call", 32),
        ),
        (
            Figure::more("method call, 1 client (a second)"),
            Case::Load("/call", 1),
        ),
        (
            Figure::more("durable hit, 32 clients (a second)")
                .times(8.0)
                .told(),
            Case::Load("/hit", 32),
        ),
        (
            Figure::less("1,000 new objects, a table each (ms)")
                .times(10.0)
                .told(),
            Case::Once("/create?count=1000"),
        ),
        (
            Figure::less("one message to 100 sockets (ms, p99)")
                .most(2.0)
                .told(),
            Case::FanOut,
        ),
    ];
    for (figure, case) in cases {
        let work = async |server: &Server| Ok(measure(server, case, round).await?.into());
        bench.compare(figure, &SETUP, rounds, PATIENCE, work).await;
    }
    rows_in_and_out(bench).await;
    let figure = Figure::less("10,000 sleeping objects with a socket (KB each)")
        .most(10.0)
        .told();
    bench
        .compare(figure, &SETUP, slow_rounds, LONG_PATIENCE, async |server| {
            each_sleeper(server, true).await
        })
        .await;
    let figure = Figure::less("10,000 sleeping objects (KB each)");
    bench
        .compare(figure, &SETUP, slow_rounds, LONG_PATIENCE, async |server| {
            each_sleeper(server, false).await
        })
        .await;
}

/// Rows of one object, beside those of workerd, and of SQLite in a program in C: from JavaScript one by one, and by SQL alone.
async fn rows_in_and_out(bench: &mut Bench) {
    let ways = [
        ("100,000 rows in and out", "/rows", "one"),
        ("100,000 rows in and out in SQL", "/rows-in-sql", "sql"),
    ];
    let rounds = bench.effort.rounds;
    for (name, path, how) in ways {
        let work = async |server: &Server| Ok(once(server, path).await?.into());
        let figure = Figure::less(format!("{name} (ms)"));
        let in_c = Figure::less(format!("{name}, beside C (ms)"))
            .peer("C")
            .target(Target::Within(1.3))
            .told();
        bench.compare(figure, &SETUP, rounds, PATIENCE, work).await;
        if !bench.wants(&in_c) {
            continue;
        }
        let (mut ours, mut theirs) = (Side::default(), Side::default());
        match rows::Program::build(how) {
            Err(error) => theirs = Side::failed(&error),
            Ok(program) => {
                for _ in 0..ROUNDS_BESIDE_C {
                    let round =
                        async { once(&Server::atoll(&bench.atoll, &SETUP).await?, path).await };
                    ours.add(round.await.map(Sample::from));
                    theirs.add(program.run().map(Sample::from));
                }
            }
        }
        bench.add(in_c, ours, Some(theirs));
    }
}

async fn measure(server: &Server, case: Case, round: Duration) -> anyhow::Result<f64> {
    let port = server.port();
    match case {
        Case::Load(path, connections) => {
            let request = request(path);
            load::run(port, request, connections, round / 4).await?;
            let run = load::run(port, request, connections, round).await?;
            Ok(run.per_second)
        }
        Case::Once(path) => once(server, path).await,
        Case::FanOut => fan_out::measure(port).await,
    }
}

fn request(path: &str) -> &'static str {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak()
}

/// Milliseconds of one request.
async fn once(server: &Server, path: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    let mut buffer = Vec::new();
    // The worker itself is warm, its objects are not.
    stream.write_all(request("/call").as_bytes()).await?;
    load::read_response(&mut stream, &mut buffer).await?;
    let start = Instant::now();
    stream.write_all(request(path).as_bytes()).await?;
    load::read_response(&mut stream, &mut buffer).await?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

/// Kilobytes that all processes of the server keep more for each object that sleeps. What the system itself keeps of a
/// connection is not in it.
async fn each_sleeper(server: &Server, with_sockets: bool) -> anyhow::Result<Sample> {
    let count = match server.is_atoll() {
        true => SLEEPERS,
        false => FEWER_SLEEPERS,
    };
    let kilobytes = match with_sockets {
        true => asleep_with_sockets(server, count).await?,
        false => asleep(server, count).await?,
    };
    let note = (count < SLEEPERS).then(|| format!("of {count}: it has no room for more"));
    Ok(Sample {
        note,
        ..kilobytes.into()
    })
}

const UNKNOWN: &str = "this user may not look into the memory of processes";

async fn asleep(server: &Server, count: usize) -> anyhow::Result<f64> {
    once(server, "/create?count=1").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.memory().context(UNKNOWN)?;
    once(server, &format!("/create?count={count}")).await?;
    tokio::time::sleep(UNTIL_ASLEEP).await;
    let after = server.memory().context(UNKNOWN)?;
    Ok((after - before) * 1024.0 / count as f64)
}

async fn asleep_with_sockets(server: &Server, count: usize) -> anyhow::Result<f64> {
    let port = server.port();
    // One that has come and gone: what the first one costs is not each one's.
    drop(connect(port, "/room").await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.memory().context(UNKNOWN)?;
    let mut sockets = Vec::with_capacity(count);
    while sockets.len() < count {
        let first = sockets.len();
        let more = first..count.min(first + OPENED_AT_ONCE);
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
    let after = server.memory().context(UNKNOWN)?;
    // They are all there, and wake.
    for socket in sockets.iter_mut().step_by(count / 100) {
        socket.write_all(&message()).await?;
        let mut answer = [0; 34];
        socket.read_exact(&mut answer).await?;
    }
    Ok((after - before) * 1024.0 / count as f64)
}

/// A masked text frame of 32 bytes; the mask is zero.
pub(crate) fn message() -> Vec<u8> {
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
