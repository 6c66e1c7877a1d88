//! Requests to Workers that keep nothing.

use std::time::Duration;

use anyhow::Context;

use crate::bench::{Bench, Effort};
use crate::figure::{Figure, Sample, Side};
use crate::folder;
use crate::load;
use crate::server::{Server, Setup};

/// One round takes no longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Case {
    name: &'static str,
    worker: &'static str,
    request: &'static str,
    connections: usize,
}

const CASES: [Case; 6] = [
    Case {
        name: "hello, 32 connections (a second)",
        worker: "hello.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "hello, 1 connection (a second)",
        worker: "hello.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 1,
    },
    Case {
        name: "JSON of 20 items, 32 connections (a second)",
        worker: "json.js",
        request: "GET /items?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "POST JSON, 32 connections (a second)",
        worker: "json.js",
        request: "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"name\":\"sum\",\"numbers\":[1,2,3,4,5,6]}",
        connections: 32,
    },
    Case {
        name: "Hono, 32 connections (a second)",
        worker: "hono.js",
        request: "GET /users/ada/posts/7?page=2 HTTP/1.1\r\nHost: localhost\r\nCookie: theme=dark\r\n\r\n",
        connections: 32,
    },
    Case {
        name: "stream of 1 MB, 8 connections (a second)",
        worker: "stream.js",
        request: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        connections: 8,
    },
];

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("Requests a second");
    let Effort { rounds, round, .. } = bench.effort;
    for case in CASES {
        let mut figure = Figure::more(case.name);
        if case.name.starts_with("hello, 32 ") {
            figure = figure.times(3.0);
        }
        if case.worker == "hello.js" || case.worker == "hono.js" {
            figure = figure.told();
        }
        if case.worker == "hono.js"
            && bench.wants(&figure)
            && let Err(error) = folder::install_hono()
        {
            bench.add(figure, Side::failed(&error), None);
            continue;
        }
        let setup = Setup::of(case.worker);
        let measure = async |server: &Server| {
            let load =
                |duration| load::run(server.port(), case.request, case.connections, duration);
            load(round / 6).await.context("before measuring")?;
            let run = load(round).await?;
            Ok(Sample {
                note: Some(format!("p50/p99 {:.0}/{:.0} µs", run.p50_us, run.p99_us)),
                ..run.per_second.into()
            })
        };
        bench
            .compare(figure, &setup, rounds, PATIENCE, measure)
            .await;
    }
}
