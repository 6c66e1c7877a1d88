//! Dynamic workers: new code to its answer, calls back, and what a live one keeps in memory.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::load;
use crate::server::{Server, Setup};

/// How long each server is loaded in one round.
const ROUND: Duration = Duration::from_secs(2);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;
/// Workers that live at a time where their memory is looked at.
const LIVE: usize = 100;

pub(crate) const SETUP: Setup = Setup {
    worker: "loader.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }],
        "services": [{ "binding": "TOOLS", "service": "bench", "entrypoint": "Tools" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ()),
        (name = "TOOLS", service = (name = "main", entrypoint = "Tools"))]"#,
    services: "",
};

#[derive(Clone, Copy)]
enum Case {
    /// Requests a second of this path over this many connections.
    Rate(&'static str, usize),
    /// The median of requests to this path one after another, in milliseconds.
    Time(&'static str),
    /// Kilobytes of each of many live workers.
    Memory,
}

const CASES: [(&str, Case); 6] = [
    ("new code to its answer (ms)", Case::Time("/load")),
    ("new code, 8 clients (a second)", Case::Rate("/load", 8)),
    ("new code with 3 calls back (ms)", Case::Time("/calls")),
    (
        "new code with 3 calls back, 8 clients (a second)",
        Case::Rate("/calls", 8),
    ),
    (
        "a worker that is there, 8 clients (a second)",
        Case::Rate("/same", 8),
    ),
    ("memory of a live worker (KB)", Case::Memory),
];

/// Measures and prints.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<()> {
    println!(
        "{:<50} {:>12} {:>12} {:>8}",
        "dynamic workers", "atoll", "workerd", "ratio"
    );
    for (name, case) in CASES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let server = Server::atoll(atoll, &SETUP).await?;
            ours.push(measure(&server, case).await.context("atoll")?);
            if let Some(workerd) = workerd {
                let server = Server::workerd(workerd, &SETUP).await?;
                // It may not live through this.
                theirs.push(measure(&server, case).await.unwrap_or(f64::NAN));
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = match case {
            Case::Rate(..) => ours / theirs,
            Case::Time(_) | Case::Memory => theirs / ours,
        };
        println!("{name:<50} {ours:>12.2} {theirs:>12.2} {ratio:>7.2}x");
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(server: &Server, case: Case) -> anyhow::Result<f64> {
    let request = |path: &str| -> &'static str {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak()
    };
    let port = server.port();
    match case {
        Case::Rate(path, connections) => {
            load::run(port, request(path), connections, ROUND / 4).await?;
            let run = load::run(port, request(path), connections, ROUND).await?;
            Ok(run.per_second)
        }
        Case::Time(path) => {
            load::run(port, request(path), 1, ROUND / 4).await?;
            let run = load::run(port, request(path), 1, ROUND).await?;
            Ok(run.p50_us / 1000.0)
        }
        Case::Memory => {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let mut buffer = Vec::new();
            let mut ask = async |path: &str| {
                stream.write_all(request(path).as_bytes()).await?;
                load::read_response(&mut stream, &mut buffer).await?;
                server.memory().context("memory cannot be looked at")
            };
            let before = ask("/many?count=8").await?;
            let after = ask(&format!("/many?count={LIVE}")).await?;
            Ok((after - before) * 1024.0 / LIVE as f64)
        }
    }
}
