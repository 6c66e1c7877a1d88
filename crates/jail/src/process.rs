//! A process as the host sees it: how it ends, and what it uses.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::Error;
use crate::forker::Link;
use crate::limits::Role;
use crate::system;

/// How a process ended.
///
/// For an isolate forked from a template this is what the template says, which was run by the same
/// untrusted program: good for a message, not for a decision about anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended itself with this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// Nobody is left who could tell: the process that it was forked from has ended too.
    Unknown,
}

impl Exit {
    /// It made a system call that its jail forbids.
    pub fn is_forbidden_call(self) -> bool {
        self == Self::Signal(libc::SIGSYS)
    }

    /// It used more CPU time than [`Limits::cpu_time`](crate::Limits::cpu_time).
    pub fn is_out_of_cpu_time(self) -> bool {
        matches!(
            self,
            Self::Signal(libc::SIGXCPU) | Self::Code(system::EXIT_OUT_OF_CPU_TIME)
        )
    }

    /// `SIGKILL`: from [`Process::kill`], because its parent ended, from the kernel for want of
    /// memory, or from an administrator.
    pub fn is_killed(self) -> bool {
        self == Self::Signal(libc::SIGKILL)
    }

    /// It has crashed or given up. One that ends because the host is gone gives no error, and one that is killed did
    /// nothing for it.
    pub fn is_own_doing(self) -> bool {
        !self.is_killed() && !matches!(self, Self::Code(0) | Self::Unknown)
    }

    pub(crate) fn from_wait_status(status: i32) -> Self {
        if libc::WIFEXITED(status) {
            Self::Code(libc::WEXITSTATUS(status))
        } else if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Unknown
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            exit if exit.is_out_of_cpu_time() => formatter.write_str("ended: out of CPU time"),
            Self::Code(code) => write!(formatter, "exited with status {code}"),
            Self::Signal(libc::SIGSYS) => {
                formatter.write_str("ended by SIGSYS (a system call that its jail forbids)")
            }
            Self::Signal(libc::SIGKILL) => formatter.write_str("killed"),
            Self::Signal(libc::SIGSEGV) => formatter.write_str("crashed (SIGSEGV)"),
            Self::Signal(libc::SIGABRT) => formatter.write_str("aborted (SIGABRT)"),
            Self::Signal(signal) => write!(formatter, "ended by signal {signal}"),
            Self::Unknown => formatter.write_str("ended together with its parent"),
        }
    }
}

/// Memory of one process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Pages that are in memory, shared or not.
    pub resident: u64,
    /// Pages that no other process has: what its end would free. `None` where the kernel keeps
    /// this from the host, which it does unless the host is root: a jailed process is not dumpable.
    pub private: Option<u64>,
    /// Private pages plus a fair part of each shared one. `None` as above.
    pub proportional: Option<u64>,
}

/// Who knows how a process ended.
#[derive(Debug)]
pub(crate) enum Witness {
    /// The forker that forked it for this request.
    Forker { link: Arc<Link>, request: u64 },
    /// The thread that started it.
    Thread(Arc<OnceLock<Exit>>),
}

/// A running or ended process of ours. Dropping it kills the process.
///
/// Its descriptor ([`AsFd`]) becomes readable when the process has ended.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    descriptor: OwnedFd,
    role: Role,
    witness: Witness,
    exit: OnceLock<Exit>,
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    pub(crate) fn new(pid: u32, descriptor: OwnedFd, role: Role, witness: Witness) -> Self {
        Self {
            pid,
            descriptor,
            role,
            witness,
            exit: OnceLock::new(),
        }
    }

    pub(crate) fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Its number, for messages. Signals go through the descriptor, since numbers are used again.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// What it was forked for. A zygote counts as a template.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Ends it at once, and with it everything forked from it. No effect on an ended one.
    pub fn kill(&self) {
        // The process was started by this one with the same or less privilege, so that the kernel
        // refuses only when it is gone.
        let _ = system::kill(self.descriptor.as_fd());
    }

    /// Whether it has ended.
    ///
    /// # Errors
    ///
    /// When the host is out of memory.
    pub fn has_ended(&self) -> Result<bool, Error> {
        system::wait_readable(self.descriptor.as_fd(), Some(Duration::ZERO))
            .map_err(|error| Error::System("cannot wait for a process", error))
    }

    /// Waits until it has ended, and says how; `None` when the time is over. Blocks: an event loop
    /// waits for the descriptor first and then calls this, which takes one exchange of messages.
    ///
    /// # Errors
    ///
    /// When the host is out of memory.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Exit>, Error> {
        let ended = system::wait_readable(self.descriptor.as_fd(), timeout)
            .map_err(|error| Error::System("cannot wait for a process", error))?;
        if !ended {
            return Ok(None);
        }
        if let Some(exit) = self.exit.get() {
            return Ok(Some(*exit));
        }
        let exit = match &self.witness {
            Witness::Forker { link, request } => link.ask_end(*request),
            Witness::Thread(exit) => *exit.wait(),
        };
        Ok(Some(*self.exit.get_or_init(|| exit)))
    }

    /// What waits until it has ended, blocks meanwhile, and does not keep the process.
    ///
    /// # Errors
    ///
    /// When the host has too many descriptors.
    pub fn end(&self) -> Result<impl FnOnce() + Send + use<>, Error> {
        let descriptor = self.descriptor.try_clone();
        let descriptor =
            descriptor.map_err(|error| Error::System("cannot watch a process", error))?;
        Ok(move || {
            // It waits for as long as it takes, and can't fail with one live descriptor but for want of memory.
            let _ = system::wait_readable(descriptor.as_fd(), None);
        })
    }

    /// CPU time it has used so far.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when it has ended.
    pub fn cpu_time(&self) -> Result<Duration, Error> {
        let time = system::cpu_time(self.pid);
        self.while_alive(time, "cannot read a process's CPU time")
    }

    /// Memory that it uses.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when it has ended.
    pub fn memory(&self) -> Result<MemoryUse, Error> {
        let memory = match fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)) {
            Ok(text) => Ok(parse_rollup(&text)),
            Err(_) => mapped(self.pid).map(|mapped| MemoryUse {
                resident: mapped.resident_bytes,
                private: None,
                proportional: None,
            }),
        };
        self.while_alive(memory, "cannot read a process's memory use")
    }

    /// A measurement by process number holds only if the process was still there after it, since
    /// the number may have been another one's otherwise.
    fn while_alive<T>(&self, result: io::Result<T>, what: &'static str) -> Result<T, Error> {
        if self.has_ended()? {
            return Err(Error::Ended);
        }
        result.map_err(|error| Error::System(what, error))
    }
}

fn parse_rollup(text: &str) -> MemoryUse {
    let sum = |names: &[&str]| {
        text.lines()
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                let kilobytes = value
                    .trim()
                    .strip_suffix("kB")?
                    .trim()
                    .parse::<u64>()
                    .ok()?;
                names.contains(&name).then_some(kilobytes * 1024)
            })
            .sum()
    };
    MemoryUse {
        resident: sum(&["Rss"]),
        private: Some(sum(&["Private_Clean", "Private_Dirty", "Private_Hugetlb"])),
        proportional: Some(sum(&["Pss"])),
    }
}

/// What `/proc/PID/statm`, which everyone may read, says of a process's address space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapped {
    pub(crate) address_space_bytes: u64,
    pub(crate) resident_bytes: u64,
    pub(crate) data_bytes: u64,
}

pub(crate) fn mapped(pid: u32) -> io::Result<Mapped> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let page = system::page_size();
    let mut pages = text.split_whitespace().map(str::parse::<u64>);
    let mut field = |index| match pages.nth(index) {
        Some(Ok(count)) => Ok(count.saturating_mul(page)),
        _ => Err(io::Error::other("unexpected form of /proc/PID/statm")),
    };
    Ok(Mapped {
        address_space_bytes: field(0)?,
        resident_bytes: field(0)?,
        data_bytes: field(3)?,
    })
}

/// The parent of a process, by number.
pub(crate) fn parent_of(pid: u32) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in the second field may hold anything, parentheses too.
    text.rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok())
        .ok_or_else(|| io::Error::other("unexpected form of /proc/PID/stat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rollup_is_added_up() {
        let text = "55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:  100 kB\nPss:  40 kB\n\
                    Pss_Dirty:  7 kB\nPrivate_Clean:  3 kB\nPrivate_Dirty:  4 kB\n";
        let memory = parse_rollup(text);
        assert_eq!(memory.resident, 100 * 1024);
        assert_eq!(memory.private, Some(7 * 1024));
        assert_eq!(memory.proportional, Some(40 * 1024));
    }

    #[test]
    fn this_process_has_a_parent_and_memory() -> io::Result<()> {
        let pid = std::process::id();
        assert_eq!(parent_of(pid)?, std::os::unix::process::parent_id());
        let mapped = mapped(pid)?;
        assert!(mapped.address_space_bytes > mapped.resident_bytes);
        assert!(mapped.data_bytes > 0);
        Ok(())
    }
}
