//! What the boundary between host and isolate promises: real workers, the real host, real processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod audit;
mod bodies;
mod bundler;
mod cache;
mod context;
mod egress;
mod events;
mod limits;
mod lives;
mod loader;
mod network;
#[path = "../outside/mod.rs"]
mod outside;
mod programs;
mod rpc;
mod services;
mod sockets;
mod tails;
mod wasm;
#[path = "../workers/mod.rs"]
mod workers;
