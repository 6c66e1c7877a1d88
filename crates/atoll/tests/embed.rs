//! The example that embeds the host does what it says. It is a program of its own, as isolates are forked from it.

#[path = "../examples/embed.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it is the example as people read it"
)]
mod example;

fn main() {
    example::main();
}
