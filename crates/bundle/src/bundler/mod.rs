//! The bundler behind one small interface: nothing outside this folder knows rolldown.

mod builder;
mod diagnostics;
mod passes;
mod plugin;
mod tsconfig;
mod verbatim;

pub use builder::{Builder, Built, Mode, Timing};
