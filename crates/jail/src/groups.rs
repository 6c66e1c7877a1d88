//! The system calls about programs that the host starts and does not fork itself.
#![expect(
    unsafe_code,
    reason = "what happens between fork and exec, and process groups, have no safe interface in std"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::system::{check, end_with_parent, retry};

/// Has the kernel end what this command starts when the thread ends that starts it.
pub(crate) fn end_with_this_thread(command: &mut Command) {
    let host = std::process::id();
    let confine = move || {
        end_with_parent()?;
        // SAFETY: it takes and gives numbers, and never fails.
        let parent = unsafe { libc::getppid() };
        // It may have ended before the kernel knew.
        match u32::try_from(parent) == Ok(host) {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    };
    // SAFETY: between fork and exec, the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(confine) };
}

/// Waits until a child has ended, and leaves it to be reaped.
pub(crate) fn wait_for_end(child: u32) -> io::Result<()> {
    retry(|| {
        // SAFETY: the kernel fills a structure that is there, and all-zero is a value of it.
        let result = unsafe {
            let mut information: libc::siginfo_t = std::mem::zeroed();
            let how = libc::WEXITED | libc::WNOWAIT;
            libc::waitid(libc::P_PID, child, &raw mut information, how)
        };
        check(result).map(drop)
    })
}

/// Sends `SIGKILL` to a process group. One that is gone needs none.
pub(crate) fn kill_group(group: u32) {
    let Ok(group) = libc::pid_t::try_from(group) else {
        return;
    };
    // SAFETY: it takes numbers, no pointers.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}
