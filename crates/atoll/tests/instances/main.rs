//! Promises about Durable Objects, kept by the real host and its isolates, and by the command line.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod alarms;
mod answers;
mod dynamic_facets;
mod facets;
mod failures;
mod inside;
mod lives;
mod model;
mod singles;
mod sockets;
mod stage;
mod storage;
mod streams;
#[path = "../workers/mod.rs"]
mod workers;
#[path = "../support/disk.rs"]
mod wrapped;
