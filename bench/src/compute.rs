//! What the engine costs where a worker computes.

use std::time::Duration;

use crate::bench::{Bench, Effort};
use crate::figure::{Figure, Sample};
use crate::load;
use crate::server::{Server, Setup};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const CASES: [(&str, &str); 4] = [
    ("computing: calls of small functions (ms)", "/calls"),
    ("computing: loops over typed arrays (ms)", "/loops"),
    ("computing: objects, maps and sorting (ms)", "/objects"),
    ("computing: text, expressions and JSON (ms)", "/text"),
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("JavaScript that computes");
    let Effort { rounds, round, .. } = bench.effort;
    for (name, path) in CASES {
        let request: &'static str =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").leak();
        let work = async |server: &Server| {
            load::run(server.port(), request, 1, round / 3).await?;
            let run = load::run(server.port(), request, 1, round / 2).await?;
            Ok(Sample::from(run.p50_us / 1000.0))
        };
        let figure = Figure::less(name).told();
        bench
            .compare(figure, &Setup::of("compute.js"), rounds, PATIENCE, work)
            .await;
    }
}
