//! The bundler behind one small interface: nothing outside this folder knows rolldown.

mod builder;
mod client;
pub(crate) mod diagnostics;
mod kept;
mod known;
mod parts;
mod passes;
mod plugin;
mod skills;
mod tsconfig;
mod verbatim;
mod vite;

pub use builder::{Builder, Built, Mode, Timing};
pub use client::{Client, ClientBuilder};
pub(crate) use plugin::{RUNTIME_ID, moved_map, outside, required_from_outside};
