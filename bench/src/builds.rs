//! Programs from files: `createWorker()` of `@cloudflare/worker-bundler`, ours and the npm package's on workerd.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::load;
use crate::server::{Server, Setup};

/// How long each server is asked one thing in one round.
const ROUND: Duration = Duration::from_secs(3);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;

const SETUP: Setup = Setup {
    worker: "builds.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ())]"#,
    services: "",
};

const CASES: [(&str, &str); 6] = [
    ("three small files, new source", "/small"),
    ("the same source again", "/same"),
    ("new source to its worker's answer", "/run"),
    ("new source, not bundled", "/transform"),
    ("Hono's files among them, new source", "/hono"),
    ("the same with Hono again", "/hono-same"),
];

/// Measures and prints.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<()> {
    println!(
        "{:<42} {:>12} {:>12} {:>8}",
        "programs from files, medians (ms)", "atoll", "npm package", "ratio"
    );
    for (name, path) in CASES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(&Server::atoll(atoll, &SETUP).await?, path).await?);
            if let Some(workerd) = workerd {
                let server = Server::workerd(workerd, &SETUP).await?;
                theirs.push(measure(&server, path).await.unwrap_or(f64::NAN));
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{name:<42} {ours:>12.2} {theirs:>12.2} {:>7.1}x",
            theirs / ours
        );
    }
    Ok(())
}

async fn measure(server: &Server, path: &str) -> anyhow::Result<f64> {
    let request: &'static str = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak();
    load::run(server.port(), request, 1, ROUND / 3)
        .await
        .context("before measuring")?;
    let run = load::run(server.port(), request, 1, ROUND).await?;
    Ok(run.p50_us / 1000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
