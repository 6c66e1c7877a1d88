//! Packages from an npm registry: resolved, checked, cached and laid out as npm does it, without Node.
//!
//! [`Client::install`] makes a project's `node_modules` and lock file. [`Client::install_virtual`] has the same packages for
//! a project that is nowhere on the disk:
//!
//! ```no_run
//! # async fn example() -> Result<(), npm::Error> {
//! let settings = npm::Settings::load(std::path::Path::new("."))?;
//! let client = npm::Client::new(settings, npm::Cache::open(npm::Cache::default_folder())?);
//! let project = npm::VirtualProject::of([("hono", "^4")]);
//! let allow = npm::Allow::only(["hono"]);
//! let tree = client.install_virtual(&project, &npm::Limits::default(), &allow).await?;
//! assert!(tree.files.contains_key("node_modules/hono/package.json"));
//! # Ok(())
//! # }
//! ```
//!
//! What comes from outside is believed as far as it can be checked: names are names and no paths, archives hold plain files
//! within limits and have the checksum that was promised, a package is the one that it is said to be, and a lock file leads to
//! no other registry than the settings do. Nothing of a package is ever run: this crate starts no process. It prints nothing.
//!
//! Not supported, each with an error that says so: dependencies in git, at addresses of their own, and in files of archives.

mod allow;
mod archive;
mod cache;
mod client;
mod connect;
mod download;
mod error;
mod graph;
mod http;
mod integrity;
mod json;
mod layout;
mod limits;
mod lock;
mod manifest;
pub mod name;
mod overrides;
mod pack;
mod packument;
mod place;
mod platform;
mod pnpm;
mod prefetch;
mod progress;
mod project;
mod registry;
mod render;
mod resolve;
mod save;
mod settings;
mod spec;
mod status;
mod tree;
mod trust;
mod virtual_tree;
mod workspaces;
mod yaml;

pub use allow::Allow;
pub use cache::Cache;
pub use client::{Client, Options, Report};
pub use error::Error;
pub use integrity::Integrity;
pub use limits::{ArchiveLimits, Limits};
pub use manifest::{Dependencies, Manifest};
pub use progress::{Progress, Step};
pub use save::{Saved, Section};
pub use settings::{DEFAULT_REGISTRY, Network, Settings};
pub use status::{Status, package_of, project_of, status, status_for};
pub use virtual_tree::{VirtualProject, VirtualTree};
