//! From a project's folder to the module graph that an isolate evaluates: wrangler configuration,
//! npm packages, TypeScript, JSX, decorators, and the way back from bundled to written positions.
//!
//! Nothing here runs the code, prints, or listens.

mod bundler;
pub mod config;
mod context;
mod decorators;
mod edits;
mod error;
mod exports;
mod glob;
mod prepare;
mod rules;
pub mod service;
mod source_map;
mod specifier;
mod text;

pub use bundler::{Builder, Built, Client, ClientBuilder, Mode, Timing};
pub use config::Project;
pub use error::{Diagnostic, Error, Excerpt, Severity};
pub use prepare::prepare;
pub use source_map::{Position, SourceMap};
pub use specifier::nearest_builtin;
pub use text::nearest;
