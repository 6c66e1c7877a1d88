//! Noisy neighbours: what the worker that made them, which nobody disturbed before, answers meanwhile.

use std::time::Duration;

use anyhow::Context;

use crate::bench::{Bench, within};
use crate::figure::{Figure, Sample};
use crate::load;
use crate::server::{Server, Setup};

/// How long the noise may take to begin.
const BEGIN: Duration = Duration::from_secs(1);
/// A server that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(15);
/// One round takes no longer.
const ROUND_PATIENCE: Duration = Duration::from_secs(90);

const SETUP: Setup = Setup {
    worker: "neighbours.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }],
        "services": [{ "binding": "TOOLS", "service": "bench", "entrypoint": "Tools" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ()),
        (name = "TOOLS", service = (name = "main", entrypoint = "Tools"))]"#,
    services: "",
    environment: Vec::new(),
};

/// What four dynamic workers each do.
const CASES: [(&str, &str); 4] = [
    ("4 neighbours that loop (times)", "loops"),
    ("4 neighbours that allocate (times)", "allocates"),
    ("4 neighbours that flood with calls (times)", "floods"),
    (
        "12 noisy neighbours: an answer takes longer (times)",
        "loops,allocates,floods",
    ),
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Noisy neighbours: how many times longer an answer takes meanwhile");
    let round = bench.effort.round;
    for (name, kinds) in CASES {
        let mut figure = Figure::less(name).most(2.0);
        if kinds.contains(',') {
            figure = figure.told();
        }
        let work = async |server: &Server| measure(server, kinds, round).await;
        bench
            .compare(
                figure,
                &SETUP,
                bench.effort.slow_rounds,
                ROUND_PATIENCE,
                work,
            )
            .await;
    }
}

/// The time of an answer at the median, meanwhile and before.
async fn measure(server: &Server, kinds: &str, round: Duration) -> anyhow::Result<Sample> {
    const QUIET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let noise = round + BEGIN * 2;
    let noise: &'static str = format!(
        "GET /noise?ms={}&kinds={kinds} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        noise.as_millis()
    )
    .leak();
    let port = server.port();
    let ask = |duration| within(PATIENCE, load::run(port, QUIET, 1, duration));
    ask(round / 8).await.context("before the noise")?;
    let before = ask(round).await.context("before the noise")?;
    let begun = load::run(port, noise, 1, Duration::from_millis(1));
    within(PATIENCE, begun)
        .await
        .context("when the noise begins")?;
    tokio::time::sleep(BEGIN).await;
    let meanwhile = ask(round).await.context("meanwhile")?;
    let show = |run: &load::Run| format!("{:.2}/{:.1}", run.p50_us / 1e3, run.p99_us / 1e3);
    Ok(Sample {
        note: Some(format!(
            "p50/p99 {} then {} ms",
            show(&before),
            show(&meanwhile)
        )),
        ..(meanwhile.p50_us / before.p50_us).into()
    })
}
