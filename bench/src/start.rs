//! Starts: how long until a new isolate has answered its first request, and what it costs to keep.

use std::process::Command;
use std::time::Instant;

use host::{Body, Deployment, Limits, Options, Request, Runtime};
use http_body_util::BodyExt;
use protocol::{Module, ModuleKind, Program};

/// Isolates started one after another for each figure.
const STARTS: usize = 300;
/// Isolates alive at once for the memory figure.
const ALIVE: usize = 50;

/// Measures and prints.
pub(crate) async fn report() -> anyhow::Result<()> {
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
    let mut deploys = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        runtime.deploy(deployment()).await?;
        deploys.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let worker = runtime.deploy(deployment()).await?;
    let (mut with_fork, mut from_spare) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let start = Instant::now();
        let isolate = worker.isolate().await?;
        let forked = Instant::now();
        let response = isolate
            .fetch(hello()?)
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let _body = response.into_body().collect().await?;
        from_spare.push(forked.elapsed().as_secs_f64() * 1000.0);
        with_fork.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let mut alive = Vec::new();
    let mut private = Vec::new();
    for _ in 0..ALIVE {
        let isolate = worker.isolate().await?;
        let response = isolate
            .fetch(hello()?)
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let _body = response.into_body().collect().await?;
        alive.push(isolate);
    }
    for isolate in &alive {
        if let Some(bytes) = isolate.process().memory()?.private {
            private.push(bytes as f64 / 1024.0);
        }
    }
    println!();
    show(
        "deploy: template evaluated, isolate and spare forked",
        "ms",
        deploys,
    );
    show(
        "first answer of a new isolate, fork included",
        "ms",
        with_fork,
    );
    show(
        "first answer of a forked, waiting isolate",
        "ms",
        from_spare,
    );
    if private.is_empty() {
        println!("private memory of an idle isolate: only root may look");
    } else {
        show(
            "private memory of an isolate after its first answer",
            "KB",
            private,
        );
    }
    runtime.stop();
    Ok(())
}

fn hello() -> anyhow::Result<Request> {
    Ok(http::Request::builder()
        .uri("http://localhost/")
        .body(Body::empty())?)
}

fn show(what: &str, unit: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| {
        values
            .get((values.len() as f64 * part) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "{what:<54} median {:>8.2} {unit}   p99 {:>8.2} {unit}",
        at(0.5),
        at(0.99)
    );
}
