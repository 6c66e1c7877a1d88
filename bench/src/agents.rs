//! Agents of the SDK: the first answer of one that sleeps, a state that a hundred clients hear of, and what each keeps in
//! memory.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use crate::bench::{Bench, median, within};
use crate::figure::{Figure, Sample, Side};
use crate::load;
use crate::objects::connect;
use crate::server::{Server, Setup};

/// Agents whose first answers and memory are measured.
const AGENTS: usize = 100;
/// Clients of one agent that hear of each new state.
const CLIENTS: usize = 100;
/// New states.
const STATES: usize = 100;
/// After this long all agents sleep: workerd, too, lets go of objects after ten seconds.
const UNTIL_ASLEEP: Duration = Duration::from_secs(15);
/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(150);

const SETUP: Setup = Setup {
    worker: "agents.js",
    wrangler: r#", "durable_objects": { "bindings": [{ "name": "Counter", "class_name": "Counter" }] },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }]"#,
    workerd: r#", durableObjectNamespaces = [(className = "Counter", uniqueKey = "counter", enableSql = true)],
        durableObjectStorage = (localDisk = "disk"),
        bindings = [(name = "Counter", durableObjectNamespace = "Counter")]"#,
    services: r#", (name = "disk", disk = (path = "objects", writable = true))"#,
    environment: Vec::new(),
};

/// What one server gave.
struct Figures {
    /// Milliseconds of the first answer of an agent that there was not before, the median.
    new_ms: f64,
    /// Milliseconds of the first answer of an agent that slept, the median.
    asleep_ms: f64,
    /// New states a second that all clients heard of.
    states_per_second: f64,
    /// Kilobytes of each agent that is awake, and of each that sleeps.
    memory_kb: Option<(f64, f64)>,
}

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Agents of the SDK");
    let figures = [
        Figure::less("first answer of a new agent (ms)"),
        Figure::less("first answer of a sleeping agent (ms)")
            .times(5.0)
            .told(),
        Figure::more("states heard by 100 clients (a second)").told(),
        Figure::less("an agent that is awake (KB)").told(),
        Figure::less("an agent that sleeps (KB)").told(),
    ];
    if !figures.iter().any(|figure| bench.wants(figure)) {
        return;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..bench.effort.slow_rounds {
        let round = async { measure(Server::atoll(&bench.atoll, &SETUP).await?).await };
        ours.push(within(PATIENCE, round).await);
        if let Some(workerd) = &bench.workerd {
            let round = async { measure(Server::workerd(workerd, &SETUP).await?).await };
            theirs.push(within(PATIENCE, round).await);
        }
    }
    let parts: [fn(&Figures) -> Option<f64>; 5] = [
        |figures| Some(figures.new_ms),
        |figures| Some(figures.asleep_ms),
        |figures| Some(figures.states_per_second),
        |figures| Some(figures.memory_kb?.0),
        |figures| Some(figures.memory_kb?.1),
    ];
    let side = |rounds: &[anyhow::Result<Figures>], part: fn(&Figures) -> Option<f64>| {
        let mut side = Side::default();
        for round in rounds {
            side.add(match round {
                Ok(figures) => part(figures)
                    .map(Sample::from)
                    .context("this user may not look into the memory of processes"),
                Err(error) => Err(anyhow::anyhow!("{error:#}")),
            });
        }
        side
    };
    for (figure, part) in figures.into_iter().zip(parts) {
        let theirs = bench.workerd.is_some().then(|| side(&theirs, part));
        bench.add(figure, side(&ours, part), theirs);
    }
}

async fn measure(server: Server) -> anyhow::Result<Figures> {
    let port = server.port();
    // What the first agent of all costs is not each one's.
    first_answers(port, "warm").await?;
    tokio::time::sleep(UNTIL_ASLEEP).await;
    let before = server.memory();
    let new_ms = median(first_answers(port, "agent").await?);
    let awake = server.memory();
    tokio::time::sleep(UNTIL_ASLEEP).await;
    let asleep = server.memory();
    let asleep_ms = median(first_answers(port, "agent").await?);
    // One thread for all clients: the rest of the machine is the server's.
    let states = tokio::task::spawn_blocking(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(broadcast(port))
    });
    let each = |before: f64, after: f64| (after - before) * 1024.0 / AGENTS as f64;
    Ok(Figures {
        new_ms,
        asleep_ms,
        states_per_second: states.await??,
        memory_kb: before
            .zip(awake.zip(asleep))
            .map(|(before, (awake, asleep))| (each(before, awake), each(before, asleep))),
    })
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
