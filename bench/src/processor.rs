//! Processor time of a request, of all processes of a server together. What else the machine does changes it far less than
//! it changes requests a second.

use std::fs;
use std::time::Duration;

use anyhow::Context;

use crate::bench::{Bench, Effort};
use crate::figure::Figure;
use crate::server::{Server, Setup};
use crate::{load, loader, memory, objects};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Linux counts processor time for user space in hundredths of a second.
const TICK_US: f64 = 10_000.0;

struct Case {
    name: &'static str,
    setup: Setup,
    path: &'static str,
    connections: usize,
}

const fn case(name: &'static str, setup: Setup, path: &'static str, connections: usize) -> Case {
    Case {
        name,
        setup,
        path,
        connections,
    }
}

const CASES: [Case; 7] = [
    case("hello", Setup::of("hello.js"), "/", 32),
    case("JSON of 20 items", Setup::of("json.js"), "/items?q=1", 32),
    case("method call", objects::SETUP, "/call", 32),
    case("durable hit", objects::SETUP, "/hit", 32),
    case("new code to its answer", loader::SETUP, "/load", 4),
    case("new code with 3 calls back", loader::SETUP, "/calls", 4),
    case("a worker that is there", loader::SETUP, "/same", 8),
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Processor time of a request, in µs");
    let Effort { rounds, round, .. } = bench.effort;
    for case in &CASES {
        let figure = Figure::less(case.name);
        let work = async |server: &Server| Ok(measure(server, case, round).await?.into());
        bench
            .compare(figure, &case.setup, rounds, PATIENCE, work)
            .await;
    }
}

async fn measure(server: &Server, case: &Case, round: Duration) -> anyhow::Result<f64> {
    let request: &'static str =
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", case.path).leak();
    load::run(server.port(), request, case.connections, round / 3).await?;
    let look = || of_tree(server.process()).context("processor time cannot be looked at");
    let before = look()?;
    let run = load::run(server.port(), request, case.connections, round).await?;
    Ok((look()? - before) / run.requests as f64)
}

/// Microseconds that the process and all below it have used, with those that have ended.
fn of_tree(root: u32) -> Option<f64> {
    let mut ticks = 0;
    for process in memory::tree(root)? {
        // One that has just ended is counted with its parent.
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
            continue;
        };
        let (_, rest) = stat.rsplit_once(") ")?;
        let mine = rest.split(' ').skip(11).take(4);
        ticks += mine
            .map(|field| field.parse::<u64>().ok())
            .sum::<Option<u64>>()?;
    }
    Some(ticks as f64 * TICK_US)
}
