//! `cargo run --release -p bench`: npm workerd and Atoll in turn, on the same Workers and the same machine;
//! with `start`, only what new isolates cost; with `objects`, only Durable Objects, and with a word behind it only the cases
//! that have it in their line; with `agents`, only agents of the SDK; with `loader`, only dynamic workers; with `builds`,
//! only programs from files and projects that are edited; with `neighbours`, only what noisy ones do to others; with
//! `processor`, the processor time of requests; with any other word, only the Workers whose line has that word.
//!
//! Figures depend on the machine; the ratios travel. It builds `atoll` and installs the peer and Hono with npm where they
//! are missing; `WORKERD` names another binary of the peer, `ATOLL` one of Atoll that is not built anew. Without npm only
//! Atoll is measured, and without Hono.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

mod agents;
mod builds;
mod folder;
mod load;
mod loader;
mod memory;
mod neighbours;
mod objects;
mod processor;
mod projects;
mod rows;
mod server;
mod start;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use server::{Server, Setup};

/// How long each server is loaded in one round.
const ROUND: Duration = Duration::from_secs(3);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;

struct Case {
    name: &'static str,
    worker: &'static str,
    request: &'static str,
    connections: usize,
}

const CASES: [Case; 6] = [
    Case {
        name: "hello, 32 connections",
        worker: "hello.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "hello, 1 connection",
        worker: "hello.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 1,
    },
    Case {
        name: "JSON of 20 items, 32 connections",
        worker: "json.js",
        request: "GET /items?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "POST JSON, 32 connections",
        worker: "json.js",
        request: "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"name\":\"sum\",\"numbers\":[1,2,3,4,5,6]}",
        connections: 32,
    },
    Case {
        name: "Hono, 32 connections",
        worker: "hono.js",
        request: "GET /users/ada/posts/7?page=2 HTTP/1.1\r\nHost: localhost\r\nCookie: theme=dark\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "stream of 1 MB, 8 connections",
        worker: "stream.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 8,
    },
];

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--zygote") {
        anyhow::bail!(isolate::zygote_main(|_, _| Ok(None), drop));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    let only = std::env::args().nth(1);
    if only.as_deref() == Some("start") {
        return start::report().await;
    }
    let atoll = folder::build_atoll()?;
    let workerd = folder::workerd();
    if workerd.is_none() {
        eprintln!("there is no workerd, and npm cannot install it: measuring Atoll alone");
    }
    match only.as_deref() {
        Some("agents") => agents::report(&atoll, workerd.as_deref()).await,
        Some("builds") => {
            builds::report(&atoll, workerd.as_deref()).await?;
            projects::report(&atoll).await
        }
        Some("loader") => loader::report(&atoll, workerd.as_deref()).await,
        Some("processor") => processor::report(&atoll, workerd.as_deref()).await,
        Some("objects") => {
            let word = std::env::args().nth(2).unwrap_or_default();
            objects::report(&atoll, workerd.as_deref(), &word).await
        }
        Some("neighbours") => neighbours::report(&atoll, workerd.as_deref()).await,
        Some(word) => report(&atoll, workerd.as_deref(), word).await,
        None => {
            report(&atoll, workerd.as_deref(), "").await?;
            println!();
            objects::report(&atoll, workerd.as_deref(), "").await?;
            println!();
            agents::report(&atoll, workerd.as_deref()).await?;
            println!();
            loader::report(&atoll, workerd.as_deref()).await?;
            println!();
            neighbours::report(&atoll, workerd.as_deref()).await?;
            println!();
            builds::report(&atoll, workerd.as_deref()).await?;
            projects::report(&atoll).await?;
            start::report().await
        }
    }
}

/// Measures and prints the cases whose name has `word` in it.
async fn report(atoll: &Path, workerd: Option<&Path>, word: &str) -> anyhow::Result<()> {
    println!(
        "{:<34} {:>9} {:>9} {:>7} {:>17} {:>17} {:>9} {:>9}",
        "requests a second, medians of 3",
        "atoll",
        "workerd",
        "ratio",
        "p50/p99 us",
        "workerd's",
        "MB",
        "workerd's"
    );
    for case in CASES.iter().filter(|case| case.name.contains(word)) {
        if case.worker == "hono.js"
            && let Err(error) = folder::install_hono()
        {
            println!("{:<34} {error:#}", case.name);
            continue;
        }
        let setup = Setup::of(case.worker);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(Server::atoll(atoll, &setup).await?, case).await?);
            if let Some(workerd) = workerd {
                theirs.push(measure(Server::workerd(workerd, &setup).await?, case).await?);
            }
        }
        show(
            case,
            &median(ours).context("no runs")?,
            median(theirs).as_ref(),
        );
    }
    Ok(())
}

fn show(case: &Case, ours: &Measured, theirs: Option<&Measured>) {
    let times = |run: &load::Run| format!("{:.0}/{:.0}", run.p50_us, run.p99_us);
    // Only root may look into processes that are held as Atoll's are.
    let memory = |measured: &Measured| {
        measured
            .memory_mb
            .map_or_else(|| "-".to_owned(), |mb| format!("{mb:.1}"))
    };
    let absent = || "-".to_owned();
    println!(
        "{:<34} {:>9.0} {:>9} {:>7} {:>17} {:>17} {:>9} {:>9}",
        case.name,
        ours.run.per_second,
        theirs.map_or_else(absent, |peer| format!("{:.0}", peer.run.per_second)),
        theirs.map_or_else(absent, |peer| format!(
            "{:.2}x",
            ours.run.per_second / peer.run.per_second
        )),
        times(&ours.run),
        theirs.map_or_else(absent, |peer| times(&peer.run)),
        memory(ours),
        theirs.map_or_else(absent, memory),
    );
}

/// One round of one server.
#[derive(Clone)]
struct Measured {
    run: load::Run,
    /// The most that was kept at one time under load.
    memory_mb: Option<f64>,
}

async fn measure(server: Server, case: &Case) -> anyhow::Result<Measured> {
    load::run(server.port(), case.request, case.connections, ROUND / 6)
        .await
        .context(case.name)?;
    let run = load::run(server.port(), case.request, case.connections, ROUND);
    tokio::pin!(run);
    let mut looks = tokio::time::interval(ROUND / 6);
    let mut memory_mb: Option<f64> = None;
    loop {
        tokio::select! {
            run = &mut run => return Ok(Measured { run: run?, memory_mb }),
            _ = looks.tick() => {
                let now = server.memory();
                memory_mb = now.into_iter().chain(memory_mb).reduce(f64::max);
            }
        }
    }
}

fn median(mut runs: Vec<Measured>) -> Option<Measured> {
    runs.sort_by(|a, b| a.run.per_second.total_cmp(&b.run.per_second));
    runs.get(runs.len() / 2).cloned()
}
