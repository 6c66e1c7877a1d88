//! Servers and isolates are killed at random moments under load, and a checker looks for what is missing.
//!
//! A longer run, by hand:
//!
//! ```sh
//! ATOLL_KILLS=2000 cargo test --release -p atoll --test crashes -- --nocapture
//! ```
//!
//! `ATOLL_SEED` picks the moments, as far as a machine can repeat them. `ATOLL_SOAK_SECONDS` says for how long a server is
//! watched at work: 3600 with `-- soak` is an hour of deploys, kills, floods, hostile code, objects and sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what was seen is worth a line, and a server says where it is"
)]

mod broken;
mod checker;
mod facets;
mod ledger;
#[path = "../support/process.rs"]
mod process;
mod server;
mod shortage;
mod soak;
mod storm;
#[path = "../workers/mod.rs"]
mod workers;

use std::time::Duration;

use server::Project;
use shortage::Who;
use storm::{Kill, Storm};

/// How long a server is watched whose sockets stay.
const LEAKING: Duration = Duration::from_secs(10);
/// Kills of the normal run.
const KILLS: usize = 200;

fn from_environment(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

#[test]
fn nothing_acknowledged_is_lost_when_anything_is_killed_at_any_moment() {
    let kills = from_environment("ATOLL_KILLS");
    let seed = from_environment("ATOLL_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        u64::from(now.subsec_nanos())
    });
    let project = Project::new();
    let report = Storm {
        start: &|| project.serve(),
        kills: kills.map_or(KILLS, |kills| usize::try_from(kills).unwrap()),
        of: &[Kill::Host, Kill::Isolate, Kill::Isolates, Kill::Everything],
        seed,
    }
    .run();
    println!("seed {seed}: {report}");
    assert!(report.violations.is_empty(), "seed {seed}: {report}");
}

#[test]
fn soak_levels_off() {
    let seconds = from_environment("ATOLL_SOAK_SECONDS").unwrap_or(20);
    let grown = soak::soak(Duration::from_secs(seconds), false);
    assert!(grown.is_empty(), "{grown:#?}");
}

#[test]
fn the_soak_notices_what_stays() {
    let grown = soak::soak(LEAKING, true);
    assert!(
        grown.iter().any(|line| line.starts_with("descriptors")),
        "{grown:?}"
    );
}

#[test]
fn a_server_outlives_a_shortage_of_memory() {
    shortage::a_server_outlives_it(Who::Tester);
}

#[test]
fn a_server_of_nobody_s_outlives_a_shortage_of_memory() {
    shortage::a_server_outlives_it(Who::Nobody);
}

#[test]
fn the_checker_notices_acknowledging_too_early() {
    is_noticed("late");
}

#[test]
fn the_checker_notices_a_log_that_reaches_the_disk_in_another_order() {
    is_noticed("reordered");
}

fn is_noticed(how: &str) {
    let folder = tempfile::tempdir().unwrap();
    let report = Storm {
        start: &|| broken::serve(folder.path(), how),
        kills: 10,
        of: &[Kill::Host],
        seed: 1,
    }
    .run();
    println!("{how}: {report}");
    assert!(!report.violations.is_empty(), "{how} was not noticed");
}
