//! Programs from files: `createWorker()` of `@cloudflare/worker-bundler`, ours and the npm package's on workerd.

use std::time::Duration;

use anyhow::Context;

use crate::bench::{Bench, Effort};
use crate::figure::Figure;
use crate::load;
use crate::server::{Server, Setup};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many times faster than the npm package a build has to be.
const TIMES_FASTER: f64 = 10.0;

const SETUP: Setup = Setup {
    worker: "builds.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ())]"#,
    services: "",
};

const CASES: [(&str, &str); 6] = [
    ("build of three small files, new source (ms)", "/small"),
    ("build of the same source again (ms)", "/same"),
    ("build of new source, to its worker's answer (ms)", "/run"),
    ("build of new source, not bundled (ms)", "/transform"),
    ("build with Hono's files, new source (ms)", "/hono"),
    ("build of the same with Hono again (ms)", "/hono-same"),
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Programs from files");
    let Effort { rounds, round, .. } = bench.effort;
    for (name, path) in CASES {
        let mut figure = Figure::less(name).peer("npm package").times(TIMES_FASTER);
        if path == "/small" || path == "/hono" {
            figure = figure.told();
        }
        let work = async |server: &Server| Ok(measure(server, path, round).await?.into());
        bench.compare(figure, &SETUP, rounds, PATIENCE, work).await;
    }
}

async fn measure(server: &Server, path: &str, round: Duration) -> anyhow::Result<f64> {
    let request: &'static str = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak();
    load::run(server.port(), request, 1, round / 3)
        .await
        .context("before measuring")?;
    let run = load::run(server.port(), request, 1, round).await?;
    Ok(run.p50_us / 1000.0)
}
