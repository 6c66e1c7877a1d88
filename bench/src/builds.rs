//! Programs from files: `createWorker()` of `@cloudflare/worker-bundler`, ours and the npm package's on workerd.

use std::time::Duration;

use anyhow::Context;

use crate::bench::{Bench, Effort};
use crate::figure::{Figure, Sample, Side};
use crate::folder::{Scratch, install_hono, root};
use crate::load;
use crate::registry::Registry;
use crate::server::{Server, Setup};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many times faster than the npm package a build has to be.
const TIMES_FASTER: f64 = 10.0;

const SETUP: Setup = Setup {
    worker: "builds.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ())]"#,
    // The registry is on this machine.
    services: r#", (name = "internet", network = (allow = ["private"]))"#,
    environment: Vec::new(),
};

const CASES: [(&str, &str); 6] = [
    ("build of three small files, new source (ms)", "/small"),
    ("build of the same source again (ms)", "/same"),
    ("build of new source, to its worker's answer (ms)", "/run"),
    ("build of new source, not bundled (ms)", "/transform"),
    ("build with Hono's files, new source (ms)", "/hono"),
    ("build of the same with Hono again (ms)", "/hono-same"),
];

/// With packages that a registry on this machine has, and that the caches have after the first time. Atoll finds what was
/// asked for lately in its memory, and else on its disk. The npm package has no cache: it asks the registry each time, and
/// who keeps the files for it is where `build with Hono's files` is.
const FROM_REGISTRY: [(&str, &str); 2] = [
    (
        "build with Hono of a registry, new source (ms)",
        "/registry",
    ),
    (
        "build with Hono of a registry, new source and range (ms)",
        "/registry-asked",
    ),
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Programs from files");
    let Effort { rounds, round, .. } = bench.effort;
    for (name, path) in CASES {
        let mut figure = Figure::less(name).peer("npm package").times(TIMES_FASTER);
        if path == "/small" || path == "/hono" {
            figure = figure.told();
        }
        let work = async |server: &Server| measure(server, path, round, None).await;
        bench.compare(figure, &SETUP, rounds, PATIENCE, work).await;
    }
    with_registry(bench).await;
}

async fn with_registry(bench: &mut Bench) {
    let figures = FROM_REGISTRY.map(|(name, path)| {
        let figure = Figure::less(name).peer("npm package").times(TIMES_FASTER);
        (figure, path)
    });
    if !figures.iter().any(|(figure, _)| bench.wants(figure)) {
        return;
    }
    let package = root().join("examples/hono/node_modules/hono");
    let registry = install_hono().and_then(|()| Registry::of(&package));
    let cache = Scratch::new("cache");
    let (registry, cache) = match (registry, cache) {
        (Ok(registry), Ok(cache)) => (registry, cache),
        (Err(error), _) | (_, Err(error)) => {
            for (figure, _) in figures {
                bench.add(figure, Side::failed(&error), None);
            }
            return;
        }
    };
    let setup = Setup {
        environment: vec![
            ("npm_config_registry", registry.url()),
            ("ATOLL_CACHE", cache.path().display().to_string()),
        ],
        ..SETUP
    };
    let Effort { rounds, round, .. } = bench.effort;
    for (figure, path) in figures {
        let figure = figure.told();
        let path = format!("{path}?{}", registry.url());
        let work = async |server: &Server| measure(server, &path, round, Some(&registry)).await;
        bench.compare(figure, &setup, rounds, PATIENCE, work).await;
    }
}

/// Milliseconds of one build, and how often it asked the registry.
async fn measure(
    server: &Server,
    path: &str,
    round: Duration,
    registry: Option<&Registry>,
) -> anyhow::Result<Sample> {
    let request: &'static str = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak();
    load::run(server.port(), request, 1, round / 3)
        .await
        .context("before measuring")?;
    let before = registry.map_or(0, Registry::asked);
    let run = load::run(server.port(), request, 1, round).await?;
    let note = registry.map(|registry| {
        let asked = (registry.asked() - before) as f64 / run.requests as f64;
        format!("{asked:.1} requests to the registry for a build")
    });
    Ok(Sample {
        note,
        ..(run.p50_us / 1000.0).into()
    })
}
