//! Processes that can do nothing but answer: zygote, fork, seccomp, limits, killing and reaping.
//!
//! The host re-executes its own binary as a **zygote**, one thread with nothing inherited but a
//! control socket. The zygote loads what all isolates share and then only forks. A child is a
//! **template**, which runs some setup and may then be forked in turn, or an **isolate**, which may
//! not. Each child owns one fresh Unix stream socket to the host and is jailed before it gets
//! control:
//!
//! ```text
//! host      Zygote::spawn ──> Forker ──fork(Role, Limits)──> Child { socket, process }
//!                               ^                                      │
//!                               └──────── Child::into_forker ──────────┘   (templates only)
//! zygote    zygote() ──> Control ──> serve() ──> Started { role, socket }   (returns in children)
//! template  Started ──> frames of its own ──> Control::from(socket) ──> serve() ──> Started
//! ```
//!
//! # What holds a jailed process
//!
//! - A seccomp allow-list: reading, writing and waiting on descriptors it has, memory that is
//!   never executable, its own exit. Anything else ends the process with `SIGSYS`. A zygote has what is left of one, too.
//! - No descriptor but its socket (3) and `/dev/null` (0, 1, 2), an empty environment, no
//!   capability, `no_new_privs`, not dumpable, its own session.
//! - Resource limits on memory, stack, CPU time, descriptors, processes and file size.
//! - Landlock with an empty rule set, where the kernel has it. Started as root, each child of the
//!   zygote also gets a user id of its own that owns no file.
//! - Namespaces, where the kernel lets the zygote have them: a network without interfaces, and for
//!   each template a process table, with which all that it forked ends.
//! - `SIGKILL` when its parent ends. So host, zygote, templates and isolates end in that order.
//!
//! [`Forker::protection`] tells which of the optional layers are there.
//!
//! A [`Companion`] is none of that: a program that the host starts, and that is only to end with it.
//!
//! # What this crate does not do
//!
//! It does not know what runs inside: it has no frames and no runtime, links no tokio, and every
//! host-side call blocks. It does not stop a loop; the caller watches [`Process::cpu_time`] and
//! calls [`Process::kill`]. It does not hide time (`rdtsc` is readable) and does not defend against
//! kernel bugs reachable through the system calls it allows.

mod companion;
mod confine;
mod filter;
mod forker;
mod groups;
mod limits;
mod message;
mod namespaces;
mod process;
mod program;
mod protection;
mod serve;
mod shortage;
mod system;
mod users;
mod wire;

pub use companion::{Companion, companion_user, is_companion_user};
pub use forker::{Child, Forker, Zygote};
pub use limits::{Limits, Role, Settings, allow_descriptors};
pub use message::{receive_with_descriptor, send_with_descriptor};
pub use process::{Exit, MemoryUse, Process};
pub use protection::Protection;
pub use serve::{Control, Started, serve, zygote};

use std::io;

/// Why a process could not be started, forked or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The zygote could not be started, or is not what the control socket needs.
    #[error("cannot start the zygote")]
    Spawn(#[source] io::Error),
    /// The kernel refused the fork, for want of memory or because of a process limit.
    #[error("cannot fork")]
    Fork(#[source] io::Error),
    /// The child was forked, but one layer of its jail could not be put up, so it has ended.
    #[error("cannot jail the new process: {step}")]
    Confine {
        /// The layer that failed.
        step: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The process to fork from has ended, and with it everything forked from it.
    #[error("the process to fork from has ended")]
    Gone,
    /// The host has to read of its processes in `/proc`, and cannot see them there.
    #[error(
        "/proc hides the processes of this user: it is mounted with `hidepid`, or a unit has `ProtectProc=`"
    )]
    Hidden,
    /// The process to fork from did not answer in time and was killed, with everything forked
    /// from it.
    #[error("the process to fork from did not answer and was killed")]
    Timeout,
    /// The process to fork from answered with something else than an answer and was killed.
    #[error("the process to fork from broke the control protocol: {0}")]
    Protocol(&'static str),
    /// Only a [`Role::Template`] or [`Role::ThreadedTemplate`] can be forked from.
    #[error("this process may not fork")]
    NotTemplate,
    /// The process has ended, so it can no longer be measured.
    #[error("the process has ended")]
    Ended,
    /// A local system call failed.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
}
