//! `cargo run --release -p bench`: npm workerd and Atoll in turn, on the same Workers and the same machine;
//! with `start`, only what new isolates cost; with `objects`, only Durable Objects.
//!
//! Figures depend on the machine; the ratios travel. `WORKERD` names the peer's binary (`node_modules/.bin/workerd` after
//! `npm i workerd`); without it only Atoll is measured.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

mod load;
mod objects;
mod server;
mod start;

use std::time::Duration;

use anyhow::Context;
use server::Server;

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

const CASES: [Case; 5] = [
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
        name: "stream of 1 MB, 8 connections",
        worker: "stream.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 8,
    },
];

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--zygote") {
        anyhow::bail!(isolate::zygote_main());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(compare())
}

async fn compare() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("start") {
        return start::report().await;
    }
    let workerd = server::find_workerd();
    if std::env::args().nth(1).as_deref() == Some("objects") {
        return objects::report(workerd.as_deref()).await;
    }
    if workerd.is_none() {
        eprintln!("WORKERD does not name a workerd binary: measuring Atoll alone");
    }
    println!(
        "{:<34} {:>12} {:>12} {:>8} {:>20} {:>20}",
        "requests a second", "atoll", "workerd", "ratio", "atoll p50/p99 us", "workerd p50/p99 us"
    );
    for case in &CASES {
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..ROUNDS {
            ours.push(measure(Server::atoll(case.worker).await?, case).await?);
            if let Some(workerd) = &workerd {
                theirs.push(measure(Server::workerd(workerd, case.worker).await?, case).await?);
            }
        }
        let atoll = median(ours).context("no runs")?;
        match median(theirs) {
            Some(peer) => println!(
                "{:<34} {:>12.0} {:>12.0} {:>7.2}x {:>20} {:>20}",
                case.name,
                atoll.per_second,
                peer.per_second,
                atoll.per_second / peer.per_second,
                format!("{:.0}/{:.0}", atoll.p50_us, atoll.p99_us),
                format!("{:.0}/{:.0}", peer.p50_us, peer.p99_us)
            ),
            None => println!("{:<34} {:>12.0}", case.name, atoll.per_second),
        }
    }
    println!();
    objects::report(workerd.as_deref()).await?;
    start::report().await
}

async fn measure(server: Server, case: &Case) -> anyhow::Result<load::Run> {
    load::run(server.port(), case.request, case.connections, ROUND / 6)
        .await
        .context(case.name)?;
    load::run(server.port(), case.request, case.connections, ROUND).await
}

fn median(mut runs: Vec<load::Run>) -> Option<load::Run> {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs.get(runs.len() / 2).cloned()
}
