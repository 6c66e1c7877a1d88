//! The jailed side: a JavaScript engine with the Workers API, driven by frames.
//!
//! An [`Isolate`] is a deterministic function of its inbox: it opens no file and no socket, has no clock but the time in
//! the last frame and no randomness but the seed in its first. Everything it wants leaves through its outbox.

mod allocator;
mod api;
mod async_context;
mod bindings;
mod clone;
mod cpu;
mod deliver;
mod engine_text;
mod failure;
mod heap;
mod isolate;
mod jobs;
mod json;
mod modules;
mod native;
mod objects;
mod original;
mod prepare;
mod rehearsal;
mod rpc;
mod serve;
mod sockets;
mod sources;
mod state;
mod stopped;
mod traces;
mod values;

pub use allocator::Allocator;
pub use heap::trim;
pub use isolate::{Isolate, Turn};
pub use prepare::{Build, BuildStep, Bundler, Prepare, Transform};
pub use serve::{zygote_if_asked, zygote_main};
pub use sources::Sources;
