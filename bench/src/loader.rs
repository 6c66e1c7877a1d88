//! Dynamic workers: new code to its answer, calls back, and what a live one keeps in memory.

use std::time::Duration;

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bench::{Bench, Effort};
use crate::figure::{Figure, Sample};
use crate::load;
use crate::server::{Server, Setup};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// One round of many names.
const LONG_PATIENCE: Duration = Duration::from_secs(180);
/// Workers that live at a time where their memory is looked at.
const LIVE: usize = 100;
/// What is given back after work, on either side, is not kept.
const UNTIL_AT_REST: Duration = Duration::from_secs(1);
/// Named workers that are asked for in one request.
const NAMES_AT_ONCE: usize = 100;
/// After this long all that are idle are gone.
const UNTIL_GONE: Duration = Duration::from_secs(13);

pub(crate) const SETUP: Setup = Setup {
    worker: "loader.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }],
        "services": [{ "binding": "TOOLS", "service": "bench", "entrypoint": "Tools" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ()),
        (name = "TOOLS", service = (name = "main", entrypoint = "Tools"))]"#,
    services: "",
    environment: Vec::new(),
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

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Dynamic workers");
    let Effort {
        rounds,
        slow_rounds,
        round,
        names,
        ..
    } = bench.effort;
    let cases = [
        (
            Figure::less("new code to its answer (ms)")
                .times(15.0)
                .told(),
            Case::Time("/load"),
        ),
        (
            Figure::more("new code, 8 clients (a second)")
                .times(15.0)
                .told(),
            Case::Rate("/load", 8),
        ),
        (
            Figure::less("new code with 3 calls back (ms)")
                .times(10.0)
                .told(),
            Case::Time("/calls"),
        ),
        (
            Figure::more("new code with 3 calls back, 8 clients (a second)").times(10.0),
            Case::Rate("/calls", 8),
        ),
        (
            Figure::more("a worker that is there, 8 clients (a second)"),
            Case::Rate("/same", 8),
        ),
        (
            Figure::less("memory of a live worker at rest (KB)")
                .times(3.0)
                .told(),
            Case::Memory,
        ),
    ];
    for (figure, case) in cases {
        let work = async |server: &Server| Ok(measure(server, case, round).await?.into());
        bench.compare(figure, &SETUP, rounds, PATIENCE, work).await;
    }
    let figure = Figure::less(format!("left of {names} named workers, one by one (MB)"));
    let work = async |server: &Server| left_of_names(server, names).await;
    bench
        .compare(figure, &SETUP, slow_rounds.min(1), LONG_PATIENCE, work)
        .await;
}

/// Megabytes that the server keeps more when many named workers have come and gone than when the first of them had.
async fn left_of_names(server: &Server, names: usize) -> anyhow::Result<Sample> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    let mut buffer = Vec::new();
    let mut ask = async || {
        let request =
            format!("GET /many?count={NAMES_AT_ONCE} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        load::read_response(&mut stream, &mut buffer).await
    };
    let rested = async || {
        tokio::time::sleep(UNTIL_GONE).await;
        server.memory().context("memory cannot be looked at")
    };
    ask().await?;
    let before = rested().await?;
    for asked in (NAMES_AT_ONCE..names).step_by(NAMES_AT_ONCE) {
        ask()
            .await
            .with_context(|| format!("after {asked} workers"))?;
    }
    let most = server.memory().unwrap_or(f64::NAN);
    let after = rested().await?;
    Ok(Sample {
        note: Some(format!(
            "{before:.0} MB before, {most:.0} at once after the last"
        )),
        ..(after - before).into()
    })
}

async fn measure(server: &Server, case: Case, round: Duration) -> anyhow::Result<f64> {
    let request = |path: &str| -> &'static str {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak()
    };
    let port = server.port();
    match case {
        Case::Rate(path, connections) => {
            load::run(port, request(path), connections, round / 4).await?;
            let run = load::run(port, request(path), connections, round).await?;
            Ok(run.per_second)
        }
        Case::Time(path) => {
            load::run(port, request(path), 1, round / 4).await?;
            let run = load::run(port, request(path), 1, round).await?;
            Ok(run.p50_us / 1000.0)
        }
        Case::Memory => {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let mut buffer = Vec::new();
            let mut ask = async |path: &str| {
                stream.write_all(request(path).as_bytes()).await?;
                load::read_response(&mut stream, &mut buffer).await?;
                tokio::time::sleep(UNTIL_AT_REST).await;
                server.memory().context("memory cannot be looked at")
            };
            let before = ask("/many?count=8").await?;
            let after = ask(&format!("/many?count={LIVE}")).await?;
            Ok((after - before) * 1024.0 / LIVE as f64)
        }
    }
}
