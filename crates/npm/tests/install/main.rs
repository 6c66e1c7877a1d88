//! What an installation promises, against a registry on this machine whose packages the tests make.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod archives;
mod cache;
mod differential;
mod locks;
mod network;
mod project;
mod projects;
mod registry;
mod trees;
mod virtual_projects;
