//! Noisy neighbours: what the worker that made them, which nobody disturbed before, answers meanwhile.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::load;
use crate::server::{Server, Setup};

/// How long each server is asked, before and while there is noise.
const ROUND: Duration = Duration::from_secs(4);
/// How long the noise may take to begin.
const BEGIN: Duration = Duration::from_secs(1);
/// A server that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(15);

const SETUP: Setup = Setup {
    worker: "neighbours.js",
    wrangler: r#", "worker_loaders": [{ "binding": "LOADER" }],
        "services": [{ "binding": "TOOLS", "service": "bench", "entrypoint": "Tools" }]"#,
    workerd: r#", bindings = [(name = "LOADER", workerLoader = ()),
        (name = "TOOLS", service = (name = "main", entrypoint = "Tools"))]"#,
    services: "",
};

/// What four dynamic workers each do.
const CASES: [(&str, &str); 4] = [
    ("4 that loop", "loops"),
    ("4 that allocate", "allocates"),
    ("4 that flood with calls", "floods"),
    ("all 12", "loops,allocates,floods"),
];

/// Measures and prints.
pub(crate) async fn report(atoll: &Path, workerd: Option<&Path>) -> anyhow::Result<()> {
    println!(
        "{:<28} {:>34} {:>34}",
        "noisy neighbours, p50/p99 ms", "atoll", "workerd"
    );
    for (name, kinds) in CASES {
        let ours = measure(Server::atoll(atoll, &SETUP).await?, kinds).await;
        let theirs = match workerd {
            Some(workerd) => measure(Server::workerd(workerd, &SETUP).await?, kinds).await,
            None => "-".to_owned(),
        };
        println!("{name:<28} {ours:>34} {theirs:>34}");
    }
    Ok(())
}

/// Times before and meanwhile.
async fn measure(server: Server, kinds: &str) -> String {
    const QUIET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let noise = ROUND + BEGIN * 2;
    let noise: &'static str = format!(
        "GET /noise?ms={}&kinds={kinds} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        noise.as_millis()
    )
    .leak();
    let port = server.port();
    let ask = async |duration| {
        let run = tokio::time::timeout(PATIENCE, load::run(port, QUIET, 1, duration)).await;
        run.context("it hangs")?
    };
    let times = async {
        ask(ROUND / 8).await?;
        let before: load::Run = ask(ROUND).await?;
        let begun = load::run(port, noise, 1, Duration::from_millis(1));
        tokio::time::timeout(PATIENCE, begun)
            .await
            .context("it hangs")??;
        tokio::time::sleep(BEGIN).await;
        let meanwhile: load::Run = ask(ROUND).await?;
        anyhow::Ok((before, meanwhile))
    };
    let show = |run: &load::Run| format!("{:.2}/{:.1}", run.p50_us / 1e3, run.p99_us / 1e3);
    match times.await {
        Ok((before, meanwhile)) => {
            let ratio = meanwhile.p50_us / before.p50_us;
            format!("{} -> {} ({ratio:.1}x)", show(&before), show(&meanwhile))
        }
        Err(error) => format!("{error}"),
    }
}
