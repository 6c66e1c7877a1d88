//! What hostile JavaScript may try from inside its isolate, and what stops it. `docs/attacks.md` lists the attacks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod builds;
mod capabilities;
mod code;
mod egress;
mod egress_sockets;
mod floods;
mod neighbours;
#[path = "../outside/mod.rs"]
mod outside;
mod reach;
mod traps;
mod wasm;
#[path = "../workers/mod.rs"]
mod workers;
