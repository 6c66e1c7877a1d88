//! What a jailed process can't do, and how processes of a tree end.
//!
//! This program is its own zygote, so it has its own `main` and a small runner in place of the usual
//! test harness: `cargo test -p jail --test jail -- NAME` runs the tests whose name has NAME in it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test runner that tests by panicking and reports to people"
)]

mod attacker;
mod attacks;
mod lifetimes;
mod measurements;
mod tree;

use std::panic;
use std::process::ExitCode;

/// Name and body of a test.
type Test = (&'static str, fn());

/// Makes a list of tests from their functions, so that a name is written once.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use tests;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--zygote") => attacker::zygote(),
        Some("--host") => lifetimes::host(),
        _ => run(&arguments),
    }
}

fn run(arguments: &[String]) -> ExitCode {
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let tests = [attacks::TESTS, lifetimes::TESTS, measurements::TESTS].concat();
    let mut failed = 0;
    for (name, test) in tests {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(*part)) {
            continue;
        }
        let passed = panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    if failed > 0 {
        println!("{failed} failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
