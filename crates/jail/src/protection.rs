use std::fmt;

/// Which layers beyond seccomp, limits and `no_new_privs` (which are always there) hold the
/// processes of one zygote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Protection {
    /// Version of Landlock in force, 0 for none. From 4 on it covers TCP, from 6 on signals and
    /// abstract Unix sockets.
    pub landlock: u32,
    /// Each child of the zygote has a user id that nothing else has.
    pub separate_users: bool,
    /// The processes left the user that started the host (root) for an unprivileged one.
    pub unprivileged_user: bool,
    /// Each template has a process table of its own: whatever is forked from it, by request or not,
    /// ends with it, and has no number for any other process.
    pub process_namespace: bool,
    /// The processes share a network of their own, without any interface that is up.
    pub network_namespace: bool,
}

impl fmt::Display for Protection {
    /// A line for people: `seccomp, limits, landlock 7, a user for each template`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("seccomp, limits")?;
        if self.landlock > 0 {
            write!(formatter, ", landlock {}", self.landlock)?;
        }
        if self.separate_users {
            formatter.write_str(", a user for each template")?;
        } else if self.unprivileged_user {
            formatter.write_str(", an unprivileged user")?;
        }
        if self.process_namespace {
            formatter.write_str(", process namespace")?;
        }
        if self.network_namespace {
            formatter.write_str(", network namespace")?;
        }
        Ok(())
    }
}
