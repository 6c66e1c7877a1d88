//! Where requests come in: HTTP/1.1, HTTP/2 and WebSocket listeners, and the static assets of a worker.
//!
//! A [`Gateway`] parses what arrives, bounds it ([`Limits`]) and hands it to one [`host::Fetcher`], which can be swapped
//! while requests are in flight. Nothing here knows JavaScript, nothing here holds state that must last, and nothing
//! here prints: what happened is told as [`AccessRecord`]s.

mod access;
pub mod assets;
mod built;
mod connection;
mod error_page;
mod listener;
mod options;
mod request;
mod response;
mod site;
mod socket;
mod wire;

pub use access::{AccessLog, AccessRecord};
pub use built::BuiltFiles;
pub use error_page::{Diagnosed, Excerpt, Report};
pub use listener::{Error, Gateway, Handle, Target};
pub use options::{Limits, Options};
pub use site::{Pattern, PatternError, RunWorkerFirst, Site};
