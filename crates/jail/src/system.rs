//! The system calls of processes. Functions say what their callers have to make sure of, where the
//! types don't.
#![expect(
    unsafe_code,
    reason = "fork, credentials, limits and process descriptors have no safe interface in std"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_ulong, pid_t};

/// The end of a system call that tells its error through `errno`.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Calls again what a signal interrupted.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent { child: u32 },
    Child,
}

/// Forks.
///
/// The caller must be the only thread of its process, which [`crate::serve`] makes sure of;
/// otherwise locks that other threads hold (the allocator's, for one) would stay locked in the
/// child for ever.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: with a single thread, the child is a whole copy of a consistent program.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent {
            child: child.cast_unsigned(),
        }),
    }
}

/// Forks a child that is the first process of a process table of its own: whatever it forks in
/// turn, the kernel ends with it.
///
/// The same holds for the caller as for [`fork`].
pub(crate) fn fork_into_new_process_table() -> io::Result<Forked> {
    // The C library has no call for this, and keeps the number of the thread in memory, which
    // `fork` would set anew. The kernel does so if it is told where.
    let (flag, thread_id) = match thread_id_address() {
        Some(address) => (
            libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID,
            address,
        ),
        None => (0, std::ptr::null_mut()),
    };
    let flags = (libc::CLONE_NEWPID | libc::SIGCHLD | flag) as libc::c_long;
    let none = std::ptr::null_mut::<pid_t>();
    // SAFETY: without shared memory and with no stack of its own, the child is a copy as after
    // `fork`, on the same conditions. `thread_id` is null or the place that the C library itself
    // named to the kernel for this purpose.
    let pid = unsafe {
        #[cfg(target_arch = "aarch64")]
        let pid = libc::syscall(libc::SYS_clone, flags, none, none, none, thread_id);
        #[cfg(not(target_arch = "aarch64"))]
        let pid = libc::syscall(libc::SYS_clone, flags, none, none, thread_id, none);
        pid
    };
    match check(pid as c_int)? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent {
            child: child.cast_unsigned(),
        }),
    }
}

/// Where the C library keeps the number of the only thread, if it keeps it where it asked the kernel
/// to clear it at the thread's end.
fn thread_id_address() -> Option<*mut pid_t> {
    let mut address = std::ptr::null_mut::<pid_t>();
    // SAFETY: the kernel fills `address` with what was given to `set_tid_address`, which the C
    // library did with a place that lives as long as the thread.
    unsafe {
        let result = libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut address, 0, 0, 0);
        let known = result == 0 && !address.is_null() && *address == libc::gettid();
        known.then_some(address)
    }
}

/// The status of one child that has ended, which is thereby forgotten by the kernel.
pub(crate) fn reap() -> Option<(u32, i32)> {
    let mut status = 0;
    // SAFETY: the pointer is that of a live int.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    (pid > 0).then(|| (pid.cast_unsigned(), status))
}

/// Ends the process at once, without running anything that was registered for its exit.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// The process's parent, 0 for one in another process namespace.
pub(crate) fn parent_id() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::getppid() }.cast_unsigned()
}

/// Makes a new session, so that no terminal signals this process.
pub(crate) fn new_session() -> io::Result<()> {
    // SAFETY: no preconditions.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

/// Sets up the C library's time zone now, while it can still read its files.
pub(crate) fn load_time_zone() {
    unsafe extern "C" {
        fn tzset();
    }
    // SAFETY: `tzset` reads the environment, and the caller is the only thread.
    unsafe { tzset() }
}

/// Duplicates `from` to exactly `to`, closing what was there.
pub(crate) fn duplicate_to(from: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    if from.as_raw_fd() == to {
        return Ok(());
    }
    // SAFETY: the callers own `to`: it is a standard stream or the fixed number of the socket,
    // whose previous owner they have forgotten.
    check(unsafe { libc::dup3(from.as_raw_fd(), to, 0) })?;
    Ok(())
}

/// Takes ownership of a descriptor that the process was started or forked with.
///
/// The caller must have made sure that nothing else owns it.
pub(crate) fn adopt(raw: RawFd) -> OwnedFd {
    // SAFETY: as the caller promises. The numbers are fixed ones of a process that was just
    // started or forked, where no other owner exists.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// A standard stream, which this crate never closes.
pub(crate) fn standard_stream(raw: RawFd) -> BorrowedFd<'static> {
    assert!(
        (0..=2).contains(&raw),
        "only standard streams live for ever"
    );
    // SAFETY: 0, 1 and 2 stay open for the whole life of the process.
    unsafe { BorrowedFd::borrow_raw(raw) }
}

/// Closes every descriptor from `first` on. Owners of such descriptors must be forgotten first.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: callers have forgotten all owners, as said above.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first.cast_unsigned(), u32::MAX, 0) };
    if result == 0 {
        return Ok(());
    }
    // Before Linux 5.9.
    for raw in first..descriptor_limit()? {
        // SAFETY: as above; closing a number that is not open only fails.
        unsafe { libc::close(raw) };
    }
    Ok(())
}

fn descriptor_limit() -> io::Result<RawFd> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is that of a live `rlimit`.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(RawFd::try_from(limit.rlim_cur)
        .unwrap_or(RawFd::MAX)
        .min(1 << 20))
}

/// The resources whose limits a jail sets. The C library types them differently on each system.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource {
    AddressSpace,
    Core,
    CpuSeconds,
    Data,
    Descriptors,
    FileSize,
    LockedMemory,
    MessageQueues,
    Processes,
    RealtimePriority,
    Stack,
}

/// Sets both limits of one resource; neither is raised above the present hard limit.
pub(crate) fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let resource = number_of(resource);
    let mut present = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is that of a live `rlimit`.
    check(unsafe { libc::getrlimit(resource, &mut present) })?;
    let wanted = libc::rlimit {
        rlim_cur: soft.min(present.rlim_max),
        rlim_max: hard.min(present.rlim_max),
    };
    // SAFETY: the pointer is that of a live `rlimit`, which the kernel only reads.
    check(unsafe { libc::setrlimit(resource, &wanted) })?;
    Ok(())
}

/// The same for a process without privileges, which the kernel keeps from raising its hard limit: it need not look first.
pub(crate) fn limit_unprivileged(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let wanted = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the pointer is that of a live `rlimit`, which the kernel only reads.
    match check(unsafe { libc::setrlimit(number_of(resource), &wanted) }) {
        Ok(_) => Ok(()),
        Err(_) => limit(resource, soft, hard),
    }
}

#[cfg(target_env = "gnu")]
type ResourceNumber = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type ResourceNumber = c_int;

fn number_of(resource: Resource) -> ResourceNumber {
    match resource {
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::CpuSeconds => libc::RLIMIT_CPU,
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Descriptors => libc::RLIMIT_NOFILE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
        Resource::MessageQueues => libc::RLIMIT_MSGQUEUE,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::RealtimePriority => libc::RLIMIT_RTPRIO,
        Resource::Stack => libc::RLIMIT_STACK,
    }
}

/// Has the scheduler prefer others to this process by so many more steps. That never fails: nobody needs a privilege for it,
/// and the kernel stops at its last step.
pub(crate) fn stand_back(steps: u64) {
    let steps = c_int::try_from(steps.min(19)).unwrap_or(19);
    // SAFETY: it takes a number, no pointers.
    unsafe { libc::nice(steps) };
}

fn control_process(option: c_int, argument: c_ulong) -> io::Result<c_int> {
    let zero: c_ulong = 0;
    // SAFETY: the options used in this module take numbers, no pointers.
    check(unsafe { libc::prctl(option, argument, zero, zero, zero) })
}

/// Has the kernel send `SIGKILL` to this process when its parent ends. A change of user undoes it.
pub(crate) fn end_with_parent() -> io::Result<()> {
    control_process(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong)?;
    Ok(())
}

/// Keeps other processes of the same user from reading or tracing this one.
pub(crate) fn hide_memory() -> io::Result<()> {
    control_process(libc::PR_SET_DUMPABLE, 0)?;
    Ok(())
}

/// No later `execve` can gain a power, and filters may be installed without one.
pub(crate) fn forbid_new_privileges() -> io::Result<()> {
    control_process(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    Ok(())
}

/// Installs a filter of system calls for good. New privileges must be forbidden already.
pub(crate) fn install_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads as many instructions as there are, and checks them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    check(result as c_int)?;
    Ok(())
}

/// Capabilities as bits of a set.
pub(crate) const CAP_KILL: u64 = 1 << 5;
pub(crate) const CAP_SETGID: u64 = 1 << 6;
pub(crate) const CAP_SETUID: u64 = 1 << 7;
pub(crate) const CAP_SYS_ADMIN: u64 = 1 << 21;

/// Takes all capabilities out of the bounding and ambient sets, as far as the process may.
pub(crate) fn drop_bounding_set() {
    for capability in 0..64 {
        // A process without CAP_SETPCAP has nothing to lose here.
        let _ = control_process(libc::PR_CAPBSET_DROP, capability);
    }
    let _ = control_process(
        libc::PR_CAP_AMBIENT,
        libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong,
    );
}

/// Gives up, for good, all capabilities but these, which the process must have.
pub(crate) fn keep_capabilities(kept: u64) -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Set {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let set = |bits: u32| Set {
        effective: bits,
        permitted: bits,
        inheritable: 0,
    };
    let sets = [set(kept as u32), set((kept >> 32) as u32)];
    let header = Header {
        version: 0x2008_0522,
        pid: 0,
    };
    // SAFETY: this version of the interface takes one header and an array of two sets.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    check(result as c_int)?;
    Ok(())
}

/// Becomes this user and group and no other group.
pub(crate) fn become_user(user: u32) -> io::Result<()> {
    // SAFETY: no pointers but a null one of length 0.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(user, user, user))?;
        check(libc::setresuid(user, user, user))?;
    }
    Ok(())
}

/// What a process shares with others, and can have one of its own of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Namespace {
    User,
    Network,
    Ipc,
}

/// Leaves a namespace for a new one.
pub(crate) fn leave(namespace: Namespace) -> io::Result<()> {
    let flag = match namespace {
        Namespace::User => libc::CLONE_NEWUSER,
        Namespace::Network => libc::CLONE_NEWNET,
        Namespace::Ipc => libc::CLONE_NEWIPC,
    };
    // SAFETY: none of these changes what memory or descriptors mean.
    check(unsafe { libc::unshare(flag) })?;
    Ok(())
}

/// Has the end of a child interrupt [`wait_readable_or_child_end`] and no other call.
pub(crate) fn interrupt_on_child_end() -> io::Result<()> {
    extern "C" fn nothing(_: c_int) {}
    set_handler(libc::SIGCHLD, nothing as extern "C" fn(c_int) as usize)?;
    change_mask(libc::SIG_BLOCK)
}

/// Waits until a descriptor can be read or a child has ended since the last time; says whether it can be read.
pub(crate) fn wait_readable_or_child_end(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    let mut entry = readable(descriptor);
    // SAFETY: an empty set is all zeros, and the pointers are those of live values.
    let result = unsafe {
        let nothing_held: libc::sigset_t = MaybeUninit::zeroed().assume_init();
        libc::ppoll(&mut entry, 1, std::ptr::null(), &nothing_held)
    };
    match check(result) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        result => result.map(|_| true),
    }
}

/// Holds the signal of a child's end back, or no longer.
fn change_mask(how: c_int) -> io::Result<()> {
    // SAFETY: the set is filled before it is read, and the old one is not wanted.
    let error = unsafe {
        let mut set: libc::sigset_t = MaybeUninit::zeroed().assume_init();
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::pthread_sigmask(how, &set, std::ptr::null_mut())
    };
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Ends this process when it is out of CPU time. The kernel's own way to do so spares the first
/// process of a namespace.
pub(crate) fn exit_when_out_of_cpu_time() -> io::Result<()> {
    extern "C" fn exit(_: c_int) {
        exit_now(EXIT_OUT_OF_CPU_TIME);
    }
    set_handler(libc::SIGXCPU, exit as extern "C" fn(c_int) as usize)
}

/// Exit status of a process that ended as [`exit_when_out_of_cpu_time`] says: the one by which
/// shells tell an end by this signal.
pub(crate) const EXIT_OUT_OF_CPU_TIME: i32 = 128 + libc::SIGXCPU;

/// Undoes [`interrupt_on_child_end`] and [`exit_when_out_of_cpu_time`].
pub(crate) fn reset_handlers() -> io::Result<()> {
    set_handler(libc::SIGCHLD, libc::SIG_DFL)?;
    set_handler(libc::SIGXCPU, libc::SIG_DFL)?;
    change_mask(libc::SIG_UNBLOCK)
}

fn set_handler(signal: c_int, handler: usize) -> io::Result<()> {
    // SAFETY: all-zero is a valid `sigaction`: default handler, no flags, empty mask. The handler
    // is SIG_DFL or a function that does nothing but `_exit`, so it is safe at any point.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler;
        check(libc::sigaction(signal, &action, std::ptr::null_mut()))?;
    }
    Ok(())
}

/// A descriptor for a process that becomes readable when the process has ended.
pub(crate) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; a successful call returns a new descriptor that nothing else owns.
    unsafe {
        let raw = check(libc::syscall(libc::SYS_pidfd_open, pid, 0) as c_int)?;
        Ok(OwnedFd::from_raw_fd(raw))
    }
}

/// Sends `SIGKILL`. Killing a process that has ended is no error.
pub(crate) fn kill(process: BorrowedFd<'_>) -> io::Result<()> {
    let no_details = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo` stands for that of plain `kill`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            libc::SIGKILL,
            no_details,
            0,
        )
    };
    match check(result as c_int) {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// Waits until a descriptor can be read or the time is over; says whether it can be read.
pub(crate) fn wait_readable(
    descriptor: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let timeout_ms = match timeout {
        None => -1,
        Some(timeout) => c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX),
    };
    let mut entry = readable(descriptor);
    // SAFETY: the pointer and the count are those of one live entry.
    let ready = retry(|| check(unsafe { libc::poll(&mut entry, 1, timeout_ms) }))?;
    Ok(ready > 0)
}

/// What asks whether a descriptor can be read.
fn readable(descriptor: BorrowedFd<'_>) -> libc::pollfd {
    libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    }
}

/// CPU time that a process has used, all threads together.
pub(crate) fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut clock = 0;
    // SAFETY: the pointers are those of live values, which the calls fill.
    unsafe {
        let error = libc::clock_getcpuclockid(pid.cast_signed(), &mut clock);
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        let mut time: libc::timespec = MaybeUninit::zeroed().assume_init();
        check(libc::clock_gettime(clock, &mut time))?;
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Ok(Duration::new(
            seconds,
            u32::try_from(time.tv_nsec).unwrap_or(0),
        ))
    }
}

pub(crate) fn page_size() -> u64 {
    // SAFETY: no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Whether this process was started as, or has become, root of its user namespace.
pub(crate) fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// The process's user and group.
pub(crate) fn own_ids() -> (u32, u32) {
    // SAFETY: no preconditions.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// The version of Landlock that the kernel has, 0 for none.
pub(crate) fn landlock_version() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes and returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// Gives back what this process has in memory of its program and libraries, which are read again from there where they are
/// needed, and which no child has before it needs them.
pub(crate) fn give_back_program() {
    unsafe extern "C" fn give_back(
        object: *mut libc::dl_phdr_info,
        _: libc::size_t,
        _: *mut libc::c_void,
    ) -> c_int {
        // SAFETY: the linker hands out what it has of a loaded object, and its headers are as many as it says.
        let (base, headers) = unsafe {
            let object = &*object;
            let count = usize::from(object.dlpi_phnum);
            (
                object.dlpi_addr,
                std::slice::from_raw_parts(object.dlpi_phdr, count),
            )
        };
        let unchanged = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
        for header in unchanged {
            let page = page_size();
            let begin = (base + header.p_vaddr).next_multiple_of(page);
            let end = (base + header.p_vaddr + header.p_memsz) / page * page;
            let bytes = end.saturating_sub(begin) as usize;
            // SAFETY: nobody can have written there, so that what is read afterwards is the same. Nothing depends on whether
            // it works.
            unsafe { libc::madvise(begin as *mut libc::c_void, bytes, libc::MADV_DONTNEED) };
        }
        0
    }
    // SAFETY: what is called uses nothing but its first argument.
    unsafe { libc::dl_iterate_phdr(Some(give_back), std::ptr::null_mut()) };
}
