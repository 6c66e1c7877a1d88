//! `cargo run --release -p bench`: Atoll beside npm workerd and others, in turn, on the same Workers and the same machine.
//! It prints one table, and writes it to `bench/RESULTS.md`, and the figures that README tells into README. It takes about
//! 25 minutes and wants the machine for itself; `--quick` does fewer and shorter rounds, in less than ten minutes.
//!
//! With words it measures only a part of it and writes nothing: see [`usage`].
//!
//! Figures depend on the machine; the ratios travel. It builds `atoll` and installs the peers with npm where they are
//! missing; `WORKERD` names another binary of workerd, `ATOLL` one of Atoll that is not built anew. Without npm only
//! Atoll is measured.
// The futures of its cases lie in each other, deeper than the compiler expects.
#![recursion_limit = "256"]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

mod agents;
mod bench;
mod builds;
mod compute;
mod fan_out;
mod figure;
mod folder;
mod install;
mod load;
mod loader;
mod memory;
mod neighbours;
mod objects;
mod processor;
mod projects;
mod registry;
mod requests;
mod results;
mod rows;
mod server;
mod start;
mod table;

use bench::{Bench, Effort};
use results::Before;

/// Parts of the table, in its order.
const PARTS: [&str; 10] = [
    "requests",
    "compute",
    "start",
    "objects",
    "loader",
    "neighbours",
    "builds",
    "install",
    "agents",
    "processor",
];

fn usage() -> String {
    let parts = PARTS.join(", ");
    format!(
        "\
Atoll beside npm workerd and others, in turn, on this machine.

  cargo run --release -p bench -- [--quick] [PART [WORD] | WORD]

Without a word: all figures, also written to bench/RESULTS.md and README.md, in about 25 minutes
PART      one of {parts}
WORD      only the figures that have it in their name
--quick   fewer and shorter rounds

ATOLL and WORKERD name binaries that are measured instead of those that are built and installed.
"
    )
}

fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--zygote") {
        anyhow::bail!(isolate::zygote_main(isolate::Bundler {
            prepare: |_, _| Ok(None),
            transform: |_| None,
            build: drop,
        }));
    }
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        print!("{}", usage());
        return Ok(());
    }
    let before = Before::look();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    arguments.retain(|argument| argument != "--quick");
    if let Some(unknown) = arguments.iter().find(|argument| argument.starts_with('-')) {
        anyhow::bail!("there is no option {unknown}\n\n{}", usage());
    }
    let mut words = arguments.into_iter();
    let (parts, word) = match words.next() {
        Some(part) if PARTS.contains(&part.as_str()) => (vec![part], words.next()),
        word => (PARTS.map(str::to_owned).to_vec(), word),
    };
    let all = parts.len() == PARTS.len() && word.is_none();
    let workerd = folder::workerd();
    if workerd.is_none() {
        eprintln!("there is no workerd, and npm cannot install it: measuring Atoll alone");
    }
    let mut bench = Bench {
        atoll: folder::build_atoll()?,
        workerd,
        effort: if quick { Effort::QUICK } else { Effort::FULL },
        word: word.unwrap_or_default(),
        parts: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for part in &parts {
            run(part, &mut bench).await;
        }
    });
    if all {
        results::write(&bench, &before)?;
        println!("\nwritten to bench/RESULTS.md and README.md");
    }
    // Who does not answer any more is not waited for.
    runtime.shutdown_background();
    Ok(())
}

async fn run(part: &str, bench: &mut Bench) {
    match part {
        "requests" => requests::report(bench).await,
        "compute" => compute::report(bench).await,
        "start" => start::report(bench).await,
        "objects" => objects::report(bench).await,
        "loader" => loader::report(bench).await,
        "neighbours" => neighbours::report(bench).await,
        "builds" => {
            builds::report(bench).await;
            projects::report(bench).await;
        }
        "install" => install::report(bench).await,
        "agents" => agents::report(bench).await,
        _ => processor::report(bench).await,
    }
}
