//! From folders to programs, and what those do when they run.

mod bundling;
mod config;
mod context;
mod decorators;
mod editing;
mod objects;
mod skills;
mod support;
mod vite;
