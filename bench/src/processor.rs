//! Processor time of a request, of all processes of a server together. What else the machine does changes it far less than
//! it changes requests a second.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::server::{Server, Setup};
use crate::{load, loader, memory, objects};

/// How long each server is loaded in one round.
const ROUND: Duration = Duration::from_secs(3);
/// Rounds of each case; the median counts.
const ROUNDS: usize = 3;
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

/// Measures and prints.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<()> {
    println!(
        "{:<38} {:>12} {:>12} {:>8}",
        "processor time of a request (us)", "atoll", "workerd", "ratio"
    );
    for case in &CASES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let server = Server::atoll(atoll, &case.setup).await?;
            ours.push(measure(&server, case).await.context("atoll")?);
            if let Some(workerd) = workerd {
                let server = Server::workerd(workerd, &case.setup).await?;
                // It may not live through this.
                theirs.push(measure(&server, case).await.unwrap_or(f64::NAN));
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{:<38} {ours:>12.1} {theirs:>12.1} {:>7.2}x",
            case.name,
            theirs / ours
        );
    }
    Ok(())
}

async fn measure(server: &Server, case: &Case) -> anyhow::Result<f64> {
    let request: &'static str =
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", case.path).leak();
    load::run(server.port(), request, case.connections, ROUND / 3).await?;
    let look = || of_tree(server.process()).context("processor time cannot be looked at");
    let before = look()?;
    let run = load::run(server.port(), request, case.connections, ROUND).await?;
    Ok((look()? - before) / run.requests as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
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
