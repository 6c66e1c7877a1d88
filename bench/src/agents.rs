//! Agents of the SDK: the first answer of one that sleeps, a state that a hundred clients hear of, and what each keeps in
//! memory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use crate::load;
use crate::objects::{connect, median};
use crate::server::{Server, Setup};

/// Agents whose first answers and memory are measured.
const AGENTS: usize = 100;
/// Clients of one agent that hear of each new state.
const CLIENTS: usize = 100;
/// New states.
const STATES: usize = 100;
/// After this long all agents sleep: workerd, too, lets go of objects after ten seconds.
const UNTIL_ASLEEP: Duration = Duration::from_secs(15);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;

const SETUP: Setup = Setup {
    worker: "agents.js",
    wrangler: r#", "durable_objects": { "bindings": [{ "name": "Counter", "class_name": "Counter" }] },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }]"#,
    workerd: r#", durableObjectNamespaces = [(className = "Counter", uniqueKey = "counter", enableSql = true)],
        durableObjectStorage = (localDisk = "disk"),
        bindings = [(name = "Counter", durableObjectNamespace = "Counter")]"#,
    services: r#", (name = "disk", disk = (path = "objects", writable = true))"#,
};

/// What one server gave.
#[derive(Default)]
struct Figures {
    /// Milliseconds of the first answer of an agent that there was not before, the median.
    new_ms: Vec<f64>,
    /// Milliseconds of the first answer of an agent that slept, the median.
    asleep_ms: Vec<f64>,
    /// New states a second that all clients heard of.
    states_per_second: Vec<f64>,
    /// Kilobytes of each agent that is awake.
    awake_kb: Vec<f64>,
    /// Kilobytes of each agent that sleeps.
    asleep_kb: Vec<f64>,
}

/// Measures and prints.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..ROUNDS {
        ours.add(&Server::atoll(atoll, &SETUP).await.context("atoll")?)
            .await
            .context("atoll")?;
        if let Some(workerd) = workerd {
            let server = Server::workerd(workerd, &SETUP).await.context("workerd")?;
            theirs.add(&server).await.context("workerd")?;
        }
    }
    println!(
        "{:<44} {:>12} {:>12} {:>8}",
        "agents of the SDK, medians of 3", "atoll", "workerd", "ratio"
    );
    let line = |name: &str, ours: Vec<f64>, theirs: Vec<f64>, more_is_better: bool| {
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = match more_is_better {
            true => ours / theirs,
            false => theirs / ours,
        };
        println!("{name:<44} {ours:>12.2} {theirs:>12.2} {ratio:>7.2}x");
    };
    line(
        "first answer of a new agent (ms)",
        ours.new_ms,
        theirs.new_ms,
        false,
    );
    line(
        "first answer of a sleeping agent (ms)",
        ours.asleep_ms,
        theirs.asleep_ms,
        false,
    );
    line(
        "states heard by 100 clients (a second)",
        ours.states_per_second,
        theirs.states_per_second,
        true,
    );
    line(
        "an agent that is awake (KB)",
        ours.awake_kb,
        theirs.awake_kb,
        false,
    );
    line(
        "an agent that sleeps (KB)",
        ours.asleep_kb,
        theirs.asleep_kb,
        false,
    );
    Ok(())
}

impl Figures {
    async fn add(&mut self, server: &Server) -> anyhow::Result<()> {
        let port = server.port();
        // What the first agent of all costs is not each one's.
        first_answers(port, "warm").await?;
        tokio::time::sleep(UNTIL_ASLEEP).await;
        let before = server.memory();
        self.new_ms
            .push(median(first_answers(port, "agent").await?));
        let awake = server.memory();
        tokio::time::sleep(UNTIL_ASLEEP).await;
        let asleep = server.memory();
        if let (Some(before), Some(awake), Some(asleep)) = (before, awake, asleep) {
            let each = |after: f64| (after - before) * 1024.0 / AGENTS as f64;
            self.awake_kb.push(each(awake));
            self.asleep_kb.push(each(asleep));
        }
        self.asleep_ms
            .push(median(first_answers(port, "agent").await?));
        // One thread for all clients: the rest of the machine is the server's.
        let states = tokio::task::spawn_blocking(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(broadcast(port))
        });
        self.states_per_second.push(states.await??);
        Ok(())
    }
}

/// Milliseconds until each of the agents has answered once, one after the other.
async fn first_answers(port: u16, name: &str) -> anyhow::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut times) = (Vec::new(), Vec::new());
    for number in 0..AGENTS {
        let request =
            format!("GET /agents/counter/{name}{number} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        load::read_response(&mut stream, &mut buffer).await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// How many states a second come to all clients, when each is asked for after the last one was heard.
async fn broadcast(port: u16) -> anyhow::Result<f64> {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut writers = Vec::new();
    for number in 0..CLIENTS {
        let path = format!("/agents/counter/room?_pk=c{number}").leak();
        let (reader, writer) = connect(port, path).await?.into_split();
        tokio::spawn(listen(reader, sender.clone()));
        writers.push(writer);
    }
    // Each is told the state when it comes.
    for _ in 0..CLIENTS {
        heard.recv().await.context("a client was lost")?;
    }
    let start = Instant::now();
    for round in 0..STATES {
        writers[round % CLIENTS]
            .write_all(&[0x81, 0x81, 0, 0, 0, 0, b'x'])
            .await?;
        for _ in 0..CLIENTS {
            heard.recv().await.context("a client was lost")?;
        }
    }
    Ok(STATES as f64 / start.elapsed().as_secs_f64())
}

/// Tells of each state that comes.
async fn listen(mut reader: OwnedReadHalf, heard: mpsc::UnboundedSender<()>) -> anyhow::Result<()> {
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head).await?;
        ensure!(head[0] == 0x81, "an unexpected frame");
        let length = match head[1] {
            126 => usize::from(reader.read_u16().await?),
            127 => bail!("a frame that is too long"),
            length => usize::from(length),
        };
        let mut text = vec![0; length];
        reader.read_exact(&mut text).await?;
        let text = String::from_utf8(text)?;
        if text.contains("\"cf_agent_state\"") {
            heard.send(())?;
        }
    }
}
