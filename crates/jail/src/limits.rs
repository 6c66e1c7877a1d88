use std::time::Duration;

use crate::system;

/// What a forked process is for, and so which system calls it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sets something up and is then forked from. It keeps what a plain fork and a further
    /// tightening of the jail need.
    Template,
    /// Runs to its end and can't fork.
    Isolate,
    /// As an isolate, but may have several threads. Names of files it may ask about, in vain: libraries do so when they
    /// start threads.
    Threaded,
    /// As a template, but what is forked from it is [`Role::Threaded`]. It must not start a thread itself: a fork would lack it.
    ThreadedTemplate,
}

impl Role {
    /// Whether it may be forked from.
    pub(crate) fn is_template(self) -> bool {
        matches!(self, Self::Template | Self::ThreadedTemplate)
    }

    /// Whether it, or what is forked from it, may have several threads.
    pub(crate) fn has_threads(self) -> bool {
        matches!(self, Self::Threaded | Self::ThreadedTemplate)
    }
}

/// What one process may use. The kernel enforces all of them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Private writable memory, in bytes, beyond what the process inherits from the one it is
    /// forked from. Passing it makes allocation fail, which usually ends the process.
    pub memory_bytes: u64,
    /// How far the main thread's stack may grow, in bytes.
    pub stack_bytes: u64,
    /// CPU time over the whole life of the process, rounded up to a second, after which it ends
    /// ([`Exit::is_out_of_cpu_time`](crate::Exit::is_out_of_cpu_time)). `None` leaves that to the
    /// caller. A second line only: a hostile template can lift its own.
    pub cpu_time: Option<Duration>,
    /// Open descriptors, the four a process starts with included.
    pub descriptors: u32,
    /// For a template: processes alive at once, itself included, if it has a user of its own
    /// ([`Protection::separate_users`](crate::Protection)). An isolate always has none but itself.
    pub processes: u32,
    /// How far the process stands back when others want the processor: 0 not at all, 19 wholly. It
    /// only ever grows.
    pub niceness: u8,
    /// For an isolate: how long a read of its socket waits for something to come before it fails with
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock), so that whoever has nothing to do learns it. `None`: as long as it takes.
    pub quiet: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            stack_bytes: 8 << 20,
            cpu_time: None,
            descriptors: 1024,
            processes: 4096,
            niceness: 0,
            quiet: None,
        }
    }
}

/// Lets this process itself, which is in no jail, have as many descriptors as the system lets it: a server needs one for
/// each connection.
///
/// # Errors
/// When the system refuses; the limit is what it was then.
pub fn allow_descriptors() -> std::io::Result<()> {
    system::limit(system::Resource::Descriptors, u64::MAX, u64::MAX)
}

/// How a zygote protects what is forked from it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// First user and group id of the range that the zygote's children get theirs from, in turn,
    /// when it is started as root. Nothing on the system should own files under these ids.
    pub first_user: u32,
    /// Size of that range. More children of the zygote than this share ids.
    pub users: u32,
}

impl Default for Settings {
    /// A range that no distribution hands out, above the one that systemd gives to containers.
    fn default() -> Self {
        Self {
            first_user: 0x7000_0000,
            users: 65_536,
        }
    }
}
