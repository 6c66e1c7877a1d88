//! Namespaces, for which a process needs to be root or a kernel that gives them to all users.

use std::fs;

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

/// Whether this process may give its children process tables of their own.
pub(crate) fn can_make_process_tables() -> bool {
    match system::fork_into_new_process_table() {
        Ok(Forked::Child) => system::exit_now(0),
        Ok(Forked::Parent { .. }) => true,
        Err(_) => false,
    }
}
