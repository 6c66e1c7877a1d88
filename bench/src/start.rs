//! Starts: how long until a new isolate has answered its first request, and what it costs to keep.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use host::{Body, Deployment, Limits, Options, Request, Runtime};
use http_body_util::BodyExt;
use protocol::{Module, ModuleKind, Program};

use crate::bench::{Bench, median, within};
use crate::figure::{Figure, Side};

/// Isolates started one after another in a round.
const STARTS: usize = 100;
/// Isolates alive at once for the memory figure.
const ALIVE: usize = 50;
/// Versions of a worker that are deployed in a round.
const DEPLOYS: usize = 10;
/// All of it takes no longer, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What each round gave, in milliseconds and kilobytes.
#[derive(Default)]
struct Starts {
    deploy_ms: Side,
    forked_ms: Side,
    spare_ms: Side,
    private_kb: Side,
}

/// Measures and shows.
pub(crate) async fn report(bench: &mut Bench) {
    bench.part("New isolates, and the binary");
    size(bench);
    let deploy = Figure::less("deploy: template evaluated, isolate and spare forked (ms)");
    let forked = Figure::less("first answer of a new isolate, fork included (ms)")
        .most(2.0)
        .told();
    let spare = Figure::less("first answer of a forked, waiting isolate (ms)")
        .most(1.0)
        .told();
    let private = Figure::less("private memory of an idle isolate (KB)")
        .most(512.0)
        .told();
    if ![&deploy, &forked, &spare, &private]
        .into_iter()
        .any(|figure| bench.wants(figure))
    {
        return;
    }
    let starts = match within(PATIENCE, measure(bench.effort.rounds)).await {
        Ok(starts) => starts,
        Err(error) => return bench.add(forked, Side::failed(&error), None),
    };
    bench.add(deploy, starts.deploy_ms, None);
    bench.add(forked, starts.forked_ms, None);
    bench.add(spare, starts.spare_ms, None);
    bench.add(private, starts.private_kb, None);
}

/// What the binary takes on the disk, as it is built and without line tables.
fn size(bench: &mut Bench) {
    let built = Figure::less("the binary, with line tables (MB)");
    let stripped = Figure::less("the binary, stripped (MB)");
    let bytes = std::fs::metadata(&bench.atoll).map(|file| file.len());
    let to = std::env::temp_dir().join(format!("atoll-bench-{}-stripped", std::process::id()));
    let strip = || -> anyhow::Result<u64> {
        let done = Command::new("strip")
            .arg(&bench.atoll)
            .arg("-o")
            .arg(&to)
            .status()
            .context("starting strip")?;
        ensure!(done.success(), "it cannot be stripped");
        Ok(std::fs::metadata(&to)?.len())
    };
    let side = |bytes: anyhow::Result<u64>| {
        let mut side = Side::default();
        side.add(bytes.map(|bytes| (bytes as f64 / 1e6).into()));
        side
    };
    let (whole, rest) = (side(bytes.map_err(Into::into)), side(strip()));
    // What is left in the temporary folder harms nobody.
    let _ = std::fs::remove_file(&to);
    bench.add(built, whole, None);
    bench.add(stripped, rest, None);
}

async fn measure(rounds: usize) -> anyhow::Result<Starts> {
    let mut zygote = Command::new("/proc/self/exe");
    zygote.arg("--zygote");
    let runtime = Runtime::start(Options {
        zygote,
        processes: 1,
    })
    .await?;
    let source = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/workers/hello.js"))?;
    let deployment = || Deployment {
        program: Program {
            name: "start".to_owned(),
            main: "index.js".to_owned(),
            modules: vec![Module {
                name: "index.js".to_owned(),
                kind: ModuleKind::EsModule,
                content: source.clone(),
            }],
            compatibility_date: "2026-06-11".to_owned(),
            ..Program::default()
        },
        capabilities: Vec::new(),
        global_fetch: None,
        cache: None,
        bundler: None,
        limits: Limits::default(),
        classes: Vec::new(),
        object_isolates: false,
        drops_sockets: false,
        tails: Vec::new(),
    };
    let mut starts = Starts::default();
    for _ in 0..rounds {
        let mut times = Vec::new();
        for _ in 0..DEPLOYS {
            let start = Instant::now();
            runtime.deploy(deployment()).await?;
            times.push(ms(start));
        }
        starts.deploy_ms.add(Ok(median(times).into()));
        let worker = runtime.deploy(deployment()).await?;
        let (mut with_fork, mut from_spare) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let start = Instant::now();
            let isolate = worker.isolate().await?;
            let forked = Instant::now();
            answer(&isolate).await?;
            from_spare.push(ms(forked));
            with_fork.push(ms(start));
        }
        starts.forked_ms.add(Ok(median(with_fork).into()));
        starts.spare_ms.add(Ok(median(from_spare).into()));
        let (mut alive, mut private) = (Vec::new(), Vec::new());
        for _ in 0..ALIVE {
            let isolate = worker.isolate().await?;
            answer(&isolate).await?;
            alive.push(isolate);
        }
        for isolate in &alive {
            let bytes = isolate.process().memory()?.private;
            private.push(
                bytes.context("only root may look into an isolate's memory")? as f64 / 1024.0,
            );
        }
        starts.private_kb.add(Ok(median(private).into()));
    }
    runtime.stop();
    Ok(starts)
}

/// Has an isolate answer a request.
async fn answer(isolate: &host::SingleUse) -> anyhow::Result<()> {
    let response = isolate.fetch(hello()?).await;
    let response = response.map_err(|error| anyhow::anyhow!("{error}"))?;
    response.into_body().collect().await?;
    Ok(())
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

fn hello() -> anyhow::Result<Request> {
    Ok(http::Request::builder()
        .uri("http://localhost/")
        .body(Body::empty())?)
}
