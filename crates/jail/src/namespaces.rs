//! Namespaces, for which a process needs to be root or a kernel that gives them to all users.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;

use crate::system::{self, Forked, Namespace};

/// Leaves the host's network and System V objects, as far as the kernel lets this process. Returns
/// whether it left the network.
pub(crate) fn leave_network() -> bool {
    if !system::is_root() {
        let (user, group) = system::own_ids();
        if system::leave(Namespace::User).is_ok() {
            // Where these fail, the process goes on without a name for its user, and without the
            // power to leave anything else, so that what follows fails as well.
            let _ = fs::write("/proc/self/setgroups", "deny");
            let _ = fs::write("/proc/self/uid_map", format!("{user} {user} 1"));
            let _ = fs::write("/proc/self/gid_map", format!("{group} {group} 1"));
        }
    }
    // System V objects have no file name, so Landlock does not cover them.
    let _ = system::leave(Namespace::Ipc);
    system::leave(Namespace::Network).is_ok()
}

/// Gives each template a process table of its own, in which it is the first process: whatever it
/// forks, the kernel ends it with the template.
#[derive(Debug)]
pub(crate) struct ProcessTables {
    /// The table of the process that forks.
    own: File,
}

impl ProcessTables {
    /// `None` where the kernel refuses.
    pub(crate) fn try_new() -> Option<Self> {
        let own = File::open("/proc/self/ns/pid").ok()?;
        let tables = Self { own };
        system::leave(Namespace::ProcessesOfChildren).ok()?;
        tables.enter_own().ok()?;
        Some(tables)
    }

    /// Forks a child into a new table.
    pub(crate) fn fork(&self) -> io::Result<Forked> {
        system::leave(Namespace::ProcessesOfChildren)?;
        let forked = system::fork();
        // The child is in its table, for good.
        if !matches!(forked, Ok(Forked::Child)) {
            self.enter_own()?;
        }
        forked
    }

    fn enter_own(&self) -> io::Result<()> {
        system::enter_process_namespace(self.own.as_fd())
    }
}
