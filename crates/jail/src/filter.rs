//! The system calls that a jailed process keeps.
//!
//! Three filters, of which the strictest answer counts: one that answers a few harmless probes with
//! `EPERM` (the zygote installs it, everything inherits it), and one for each role that ends the
//! process at any call not named in it. A template's children carry both role filters. One more,
//! which forbids nothing, makes installing them cheaper.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

use libc::{c_int, c_long};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::limits::Role;

/// `FIONBIO`, whose type in the C library differs between systems.
const FIONBIO: u64 = 0x5421;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// The `prctl` options by which allocators name their memory (`PR_SET_VMA`) and threads themselves.
const NAMING: [c_int; 2] = [0x5356_4d41, libc::PR_SET_NAME];

/// One argument of a system call and what it must be.
type Condition = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

fn allow(rules: &mut Rules, calls: &[c_long]) {
    for call in calls {
        rules.insert(*call, Vec::new());
    }
}

/// Allows a call whose arguments meet all of these conditions; several such rules add up.
fn allow_if(rules: &mut Rules, call: c_long, conditions: &[Condition]) {
    let conditions = conditions
        .iter()
        .map(|(index, width, operator, value)| {
            SeccompCondition::new(*index, width.clone(), operator.clone(), *value)
                .expect("argument numbers are below six")
        })
        .collect();
    let rule = SeccompRule::new(conditions).expect("every rule has a condition");
    rules.entry(call).or_default().push(rule);
}

/// An int argument, whose upper half the kernel ignores.
fn int(index: u8, value: c_int) -> Condition {
    (index, Dword, Eq, u64::from(value.cast_unsigned()))
}

/// An int argument that has none of these bits.
fn without(index: u8, bits: c_int) -> Condition {
    (index, Dword, MaskedEq(u64::from(bits.cast_unsigned())), 0)
}

/// What both roles need.
fn common() -> Rules {
    let mut rules = Rules::new();
    allow(
        &mut rules,
        &[
            // Descriptors the process already has. Files arrive from the host, read-only.
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_readv,
            libc::SYS_writev,
            libc::SYS_pread64,
            libc::SYS_preadv,
            libc::SYS_lseek,
            libc::SYS_fstat,
            libc::SYS_shutdown,
            libc::SYS_close,
            libc::SYS_ppoll,
            // Memory, without the calls that name a protection.
            libc::SYS_munmap,
            libc::SYS_mremap,
            libc::SYS_brk,
            libc::SYS_futex,
            // Its own signals, end and scheduling.
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
            libc::SYS_restart_syscall,
            libc::SYS_exit,
            libc::SYS_exit_group,
            libc::SYS_sched_yield,
            libc::SYS_rseq,
            libc::SYS_set_robust_list,
            // What it may know.
            libc::SYS_clock_gettime,
            libc::SYS_clock_getres,
            libc::SYS_clock_nanosleep,
            libc::SYS_nanosleep,
            libc::SYS_gettimeofday,
            libc::SYS_getrandom,
            libc::SYS_getpid,
            libc::SYS_getppid,
            libc::SYS_gettid,
            libc::SYS_getuid,
            libc::SYS_geteuid,
            libc::SYS_getgid,
            libc::SYS_getegid,
            libc::SYS_getrusage,
        ],
    );
    #[cfg(target_arch = "x86_64")]
    allow(&mut rules, &[libc::SYS_poll, libc::SYS_time]);
    // Calls that `refuse_probes` answers, and so must not be fatal here.
    allow(&mut rules, PROBES);

    // Out-of-band data on Unix sockets has been a way into the kernel, and nobody needs it.
    let no_urgent_data = |index| without(index, libc::MSG_OOB);
    allow_if(&mut rules, libc::SYS_recvmsg, &[no_urgent_data(2)]);
    allow_if(&mut rules, libc::SYS_recvfrom, &[no_urgent_data(3)]);
    // No `sendmsg`, which can send descriptors, and no address.
    let no_address = (4, Qword, Eq, 0);
    allow_if(
        &mut rules,
        libc::SYS_sendto,
        &[no_urgent_data(3), no_address],
    );

    let not_executable = without(2, !(libc::PROT_READ | libc::PROT_WRITE));
    // Only private memory counts against the memory limit, and `MAP_GROWSDOWN` escapes it.
    let kind = libc::MAP_TYPE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN | libc::MAP_HUGETLB;
    let private = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).cast_unsigned();
    let private_memory = (
        3,
        Dword,
        MaskedEq(u64::from(kind.cast_unsigned())),
        u64::from(private),
    );
    allow_if(
        &mut rules,
        libc::SYS_mmap,
        &[not_executable.clone(), private_memory],
    );
    allow_if(&mut rules, libc::SYS_mprotect, &[not_executable]);
    for advice in [
        libc::MADV_NORMAL,
        libc::MADV_WILLNEED,
        libc::MADV_DONTNEED,
        libc::MADV_FREE,
        libc::MADV_HUGEPAGE,
        libc::MADV_NOHUGEPAGE,
        libc::MADV_DONTDUMP,
    ] {
        allow_if(&mut rules, libc::SYS_madvise, &[int(2, advice)]);
    }

    for command in [
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_DUPFD_CLOEXEC,
    ] {
        allow_if(&mut rules, libc::SYS_fcntl, &[int(1, command)]);
    }
    for option in NAMING {
        allow_if(&mut rules, libc::SYS_prctl, &[int(0, option)]);
    }
    // Reading its own limits.
    allow_if(
        &mut rules,
        libc::SYS_prlimit64,
        &[int(0, 0), (2, Qword, Eq, 0)],
    );
    rules
}

/// What a template needs to fork, and its children need until they are confined in turn.
fn forking(rules: &mut Rules) {
    allow(
        rules,
        &[libc::SYS_wait4, libc::SYS_dup3, libc::SYS_close_range],
    );
    // The two ways in which C libraries ask for a plain fork.
    let tracked = libc::CLONE_CHILD_CLEARTID | libc::CLONE_CHILD_SETTID | libc::SIGCHLD;
    for flags in [tracked, libc::SIGCHLD] {
        let flags = u64::from(flags.cast_unsigned());
        allow_if(rules, libc::SYS_clone, &[(0, Qword, Eq, flags)]);
    }
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))]
    allow(rules, &[libc::SYS_fork]);
    allow_if(
        rules,
        libc::SYS_prctl,
        &[
            int(0, libc::PR_SET_PDEATHSIG),
            (1, Qword, Eq, libc::SIGKILL.cast_unsigned().into()),
        ],
    );
    allow_if(
        rules,
        libc::SYS_prctl,
        &[int(0, libc::PR_SET_NO_NEW_PRIVS), (1, Qword, Eq, 1)],
    );
    // A filter only ever tightens.
    allow_if(
        rules,
        libc::SYS_seccomp,
        &[
            (0, Dword, Eq, libc::SECCOMP_SET_MODE_FILTER.into()),
            (1, Dword, Eq, 0),
        ],
    );
    // Without privileges, limits of the process itself only ever tighten.
    allow_if(rules, libc::SYS_prlimit64, &[int(0, 0)]);
}

/// What a process with threads needs. `refuse_names` answers what it asks about files.
fn threads(rules: &mut Rules) {
    // A thread shares everything with its process, so that no flag of a namespace can be among these.
    let shared = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    let details = libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID
        | libc::CLONE_DETACHED;
    let details = u64::from(details.cast_unsigned());
    let shared = u64::from(shared.cast_unsigned());
    allow_if(
        rules,
        libc::SYS_clone,
        &[(0, Qword, MaskedEq(!details), shared)],
    );
    allow(rules, &[libc::SYS_getcwd]);
    allow(rules, NAMES);
    allow(rules, &[libc::SYS_clone3]);
}

/// Calls that take a file's name.
const NAMES: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];

/// Answers the calls in [`NAMES`] as if there were no files, and `clone3`, whose flags no filter can see, as a kernel
/// that lacks it, so that the C library uses `clone`.
fn refuse_names() -> io::Result<()> {
    let mut names = Rules::new();
    allow(&mut names, NAMES);
    let absent = SeccompAction::Errno(libc::ENOENT.cast_unsigned());
    install(&compile(names, SeccompAction::Allow, absent)?)?;
    let mut newer = Rules::new();
    allow(&mut newer, &[libc::SYS_clone3]);
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    install(&compile(newer, SeccompAction::Allow, unknown)?)
}

/// Harmless calls that libraries make to find out about their surroundings and can do without.
const PROBES: &[c_long] = &[
    // The size of an open file, for which `fstat` stays.
    libc::SYS_newfstatat,
    libc::SYS_statx,
    // How large is this machine?
    libc::SYS_sched_getaffinity,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // Is this a socket? Is this a terminal? (`ioctl` keeps `FIONBIO`.)
    libc::SYS_getsockopt,
    libc::SYS_ioctl,
    // How `abort` signals itself. Failing that, it ends with `SIGSEGV`, so that a crash is told
    // apart from the `SIGSYS` of an attack.
    libc::SYS_tgkill,
];

/// Answers the calls in [`PROBES`] with `EPERM`, and so naming a thread or memory.
pub(crate) fn refuse_probes() -> io::Result<()> {
    let mut rules = Rules::new();
    for call in PROBES {
        if *call == libc::SYS_ioctl {
            let not_nonblocking = (1, Dword, Ne, FIONBIO);
            allow_if(&mut rules, *call, &[not_nonblocking]);
        } else {
            allow(&mut rules, &[*call]);
        }
    }
    for option in NAMING {
        allow_if(&mut rules, libc::SYS_prctl, &[int(0, option)]);
    }
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    install(&compile(rules, SeccompAction::Allow, refuse)?)
}

/// Spares the kernel work with each filter that is installed after this one. It finds out then for every system call that all
/// filters before allow whether the new one always does. So this one allows everything, but for calls that no role has it
/// first loads an argument, which the kernel takes for a reason to ask each time.
pub(crate) fn pass_over_unused() -> io::Result<()> {
    let instruction = |code: u32, jt, k| sock_filter {
        code: u16::try_from(code).expect("codes of instructions are small"),
        jt,
        jf: 0,
        k,
    };
    let load = |offset| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, offset);
    let allow = instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW);
    let mut rules = common();
    forking(&mut rules);
    threads(&mut rules);
    // Where `seccomp_data` has the number and the first argument.
    let (number, argument) = (0, 16);
    let mut program = vec![load(number)];
    let calls: Vec<_> = rules.into_keys().collect();
    for (index, call) in calls.iter().enumerate() {
        let to_end = u8::try_from(calls.len() - index).map_err(io::Error::other)?;
        let call = u32::try_from(*call).map_err(io::Error::other)?;
        program.push(instruction(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            to_end,
            call,
        ));
    }
    program.extend([load(argument), allow]);
    install(&program)
}

/// Ends the calling process at any system call that its role does not have. What a zygote's children of threads were told
/// about names, theirs have inherited.
pub(crate) fn allow_only(role: Role, is_of_zygote: bool) -> io::Result<()> {
    if role.has_threads() && is_of_zygote {
        refuse_names()?;
    }
    install(program(role)?)
}

/// Compiles what [`allow_only`] will need, so that children inherit it.
pub(crate) fn prepare() -> io::Result<()> {
    for role in [
        Role::Template,
        Role::Isolate,
        Role::Threaded,
        Role::ThreadedTemplate,
    ] {
        program(role)?;
    }
    Ok(())
}

fn program(role: Role) -> io::Result<&'static BpfProgram> {
    static TEMPLATE: OnceLock<BpfProgram> = OnceLock::new();
    static ISOLATE: OnceLock<BpfProgram> = OnceLock::new();
    static THREADED: OnceLock<BpfProgram> = OnceLock::new();
    static THREADED_TEMPLATE: OnceLock<BpfProgram> = OnceLock::new();
    let program = match role {
        Role::Template => &TEMPLATE,
        Role::Isolate => &ISOLATE,
        Role::Threaded => &THREADED,
        Role::ThreadedTemplate => &THREADED_TEMPLATE,
    };
    if let Some(program) = program.get() {
        return Ok(program);
    }
    let mut rules = common();
    if role.is_template() {
        forking(&mut rules);
    }
    if role.has_threads() {
        threads(&mut rules);
    }
    let compiled = compile(rules, SeccompAction::KillProcess, SeccompAction::Allow)?;
    Ok(program.get_or_init(|| compiled))
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<BpfProgram> {
    let target = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, target).map_err(io::Error::other)?;
    BpfProgram::try_from(filter).map_err(io::Error::other)
}

fn install(program: &BpfProgram) -> io::Result<()> {
    seccompiler::apply_filter(program).map_err(io::Error::other)
}
