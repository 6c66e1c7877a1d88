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
mod disk;
mod facets;
mod ledger;
#[path = "../support/process.rs"]
mod process;
mod reordered;
mod server;
mod shortage;
mod soak;
mod storm;
#[path = "../workers/mod.rs"]
mod workers;
#[path = "../support/disk.rs"]
mod wrapped;

use std::time::Duration;

use broken::How;
use server::Project;
use shortage::Who;
use storm::{Kill, Report, Storm};

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

/// What is lost was acknowledged: who asks later is told less than before.
const LOST: &[&str] = &[
    checker::SUM_AGAIN,
    checker::LESS_THAN_BEFORE,
    checker::MISSING,
];
/// What is there was never so: writes of one turn that differ, what nobody made, pages that do not fit together. Where they
/// happen to fit, the last commits look as if they had been lost.
const MIXED_UP: &[&str] = &[
    checker::SUM_AGAIN,
    checker::LESS_THAN_BEFORE,
    checker::MISSING,
    checker::HALF_A_TURN,
    checker::STRANGE,
    checker::DAMAGED,
    "malformed",
];

#[test]
fn the_checker_has_nothing_to_say_of_a_sound_server_on_a_slow_disk() {
    let report = kill(How::Sound);
    assert!(report.violations.is_empty(), "{report}");
}

#[test]
fn the_checker_notices_a_log_that_is_not_synced() {
    is_noticed(How::Unsynced, LOST);
}

#[test]
fn the_checker_notices_that_the_output_gate_is_gone() {
    is_noticed(How::Ungated, LOST);
}

#[test]
fn the_checker_notices_a_log_in_another_order() {
    is_noticed(How::Reordered, MIXED_UP);
}

/// The checker says that one of these rules does not hold.
fn is_noticed(how: How, rules: &[&str]) {
    let report = kill(how);
    let is_one = |violation: &String| rules.iter().any(|rule| violation.contains(rule));
    assert!(
        report.violations.iter().any(is_one),
        "{how:?} was not noticed: {report}"
    );
}

fn kill(how: How) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let report = Storm {
        start: &|| broken::serve(folder.path(), how),
        kills: 10,
        of: &[Kill::Host],
        seed: 1,
    }
    .run();
    println!("{how:?}: {report}");
    report
}
