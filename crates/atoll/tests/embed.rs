//! The example that embeds the host does what it says. It is a program of its own, as isolates are forked from it.

#[path = "../examples/embed.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it is the example as people read it"
)]
mod example;

fn main() {
    // It is said to have thirty.
    let lines = include_str!("../examples/embed.rs").lines().count();
    assert!(lines <= 30, "{lines} lines");
    example::main().expect("the example runs to its end");
}
