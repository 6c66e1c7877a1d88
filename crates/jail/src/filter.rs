//! The system calls that a jailed process keeps.
//!
//! Filters add up, and the strictest answer counts. The zygote installs two that everything inherits: one answers a few
//! harmless probes with `EPERM`, and one ends the process at any call that no role has. What the roles do not all have is
//! left to a short one for each, which a process installs when it becomes that: it ends the process at what is not its own
//! role's. A template's children carry those of both roles.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

use libc::{c_int, c_long, sock_filter};

use crate::limits::Role;
use crate::program::{ALLOW, Condition, Decision, KILL, Verdict, Way, assemble, fails_with};
use crate::system;

/// `FIONBIO`, whose type in the C library differs between systems.
const FIONBIO: c_int = 0x5421;

/// For each call, the ways in which it may be made. With none it may be made in any way.
type Rules = BTreeMap<c_long, Vec<Way>>;

/// The `prctl` options by which allocators name their memory (`PR_SET_VMA`) and threads themselves.
const NAMING: [c_int; 2] = [0x5356_4d41, libc::PR_SET_NAME];

fn allow(rules: &mut Rules, calls: &[c_long]) {
    for call in calls {
        rules.insert(*call, Vec::new());
    }
}

/// Allows a call whose arguments meet all of these conditions; several such rules add up.
fn allow_if(rules: &mut Rules, call: c_long, conditions: &[Condition]) {
    rules.entry(call).or_default().push(conditions.to_vec());
}

/// An int argument, whose upper half the kernel ignores.
fn int(argument: u32, value: c_int) -> Condition {
    Condition {
        argument,
        mask: u64::from(u32::MAX),
        value: u64::from(value.cast_unsigned()),
    }
}

/// A whole argument.
fn whole(argument: u32, value: u64) -> Condition {
    Condition {
        argument,
        mask: u64::MAX,
        value,
    }
}

/// An int argument that has none of these bits.
fn without(argument: u32, bits: c_int) -> Condition {
    Condition {
        argument,
        mask: u64::from(bits.cast_unsigned()),
        value: 0,
    }
}

/// What all roles need.
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
    let no_address = whole(4, 0);
    allow_if(
        &mut rules,
        libc::SYS_sendto,
        &[no_urgent_data(3), no_address],
    );

    let not_executable = without(2, !(libc::PROT_READ | libc::PROT_WRITE));
    // Only private memory counts against the memory limit, and `MAP_GROWSDOWN` escapes it.
    let kind = libc::MAP_TYPE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN | libc::MAP_HUGETLB;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let private_memory = Condition {
        argument: 3,
        mask: u64::from(kind.cast_unsigned()),
        value: u64::from(private.cast_unsigned()),
    };
    allow_if(
        &mut rules,
        libc::SYS_mmap,
        &[not_executable, private_memory],
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
    allow_if(&mut rules, libc::SYS_prlimit64, &[int(0, 0), whole(2, 0)]);
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
        allow_if(rules, libc::SYS_clone, &[whole(0, flags)]);
    }
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))]
    allow(rules, &[libc::SYS_fork]);
    allow_if(
        rules,
        libc::SYS_prctl,
        &[
            int(0, libc::PR_SET_PDEATHSIG),
            whole(1, libc::SIGKILL.cast_unsigned().into()),
        ],
    );
    // A filter only ever tightens.
    allow_if(
        rules,
        libc::SYS_seccomp,
        &[
            int(0, libc::SECCOMP_SET_MODE_FILTER.cast_signed()),
            int(1, 0),
        ],
    );
    // Without privileges, limits of the process itself only ever tighten.
    allow_if(rules, libc::SYS_prlimit64, &[int(0, 0)]);
}

/// What a zygote needs beside that to fork, and its children need to give up what it still has.
fn leaving_zygote(rules: &mut Rules) {
    allow(
        rules,
        &[
            libc::SYS_setgroups,
            libc::SYS_setresgid,
            libc::SYS_setresuid,
            libc::SYS_capset,
            libc::SYS_getpriority,
            libc::SYS_setpriority,
            // To tell the host of a child, with a descriptor of it.
            libc::SYS_pidfd_open,
            libc::SYS_sendmsg,
        ],
    );
    let tracked = libc::CLONE_CHILD_CLEARTID | libc::CLONE_CHILD_SETTID;
    for tracked in [tracked, 0] {
        let flags = libc::CLONE_NEWPID | libc::SIGCHLD | tracked;
        let flags = u64::from(flags.cast_unsigned());
        allow_if(rules, libc::SYS_clone, &[whole(0, flags)]);
    }
    allow_if(
        rules,
        libc::SYS_prctl,
        &[int(0, libc::PR_SET_DUMPABLE), whole(1, 0)],
    );
    allow_if(rules, libc::SYS_prctl, &[int(0, libc::PR_GET_TID_ADDRESS)]);
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
    let only_these = Condition {
        argument: 0,
        mask: !details,
        value: shared,
    };
    allow_if(rules, libc::SYS_clone, &[only_these]);
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
    let absent = |call: &c_long| (*call, Decision::Always(fails_with(libc::ENOENT)));
    let mut calls: BTreeMap<_, _> = NAMES.iter().map(absent).collect();
    let unknown = Decision::Always(fails_with(libc::ENOSYS));
    calls.insert(libc::SYS_clone3, unknown);
    install(&calls, ALLOW)
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
    let refuse = fails_with(libc::EPERM);
    let refused = |call: &c_long| (*call, Decision::Always(refuse));
    let mut calls: BTreeMap<_, _> = PROBES.iter().map(refused).collect();
    let nonblocking = vec![int(1, FIONBIO)];
    calls.insert(
        libc::SYS_ioctl,
        Decision::If(vec![nonblocking], ALLOW, refuse),
    );
    let naming = NAMING.map(|option| vec![int(0, option)]).to_vec();
    calls.insert(libc::SYS_prctl, Decision::If(naming, refuse, ALLOW));
    install(&calls, ALLOW)
}

/// Ends the calling process, a zygote that has given up all else, at any call that neither it nor any role has.
pub(crate) fn allow_what_some_role_has() -> io::Result<()> {
    let allowed = |(call, ways): (c_long, Vec<Way>)| (call, decision(ways));
    install(&of_some_role().into_iter().map(allowed).collect(), KILL)
}

/// Ends the calling process at any call that its role does not have. What a zygote's children of threads were told
/// about names, theirs have inherited.
pub(crate) fn allow_only(role: Role, is_of_zygote: bool) -> io::Result<()> {
    if role.has_threads() && is_of_zygote {
        refuse_names()?;
    }
    system::install_filter(program(role)?)
}

/// Assembles what [`allow_only`] will need, so that children inherit it.
pub(crate) fn prepare() -> io::Result<()> {
    for role in ROLES {
        program(role)?;
    }
    Ok(())
}

const ROLES: [Role; 4] = [
    Role::Template,
    Role::Isolate,
    Role::Threaded,
    Role::ThreadedTemplate,
];

fn program(role: Role) -> io::Result<&'static [sock_filter]> {
    static PROGRAMS: [OnceLock<Vec<sock_filter>>; ROLES.len()] =
        [const { OnceLock::new() }; ROLES.len()];
    let place = ROLES.iter().position(|known| *known == role);
    let place = &PROGRAMS[place.expect("all roles are in the list")];
    if place.get().is_none() {
        // Another thread would have assembled the same.
        let _ = place.set(assemble(&beside_the_common(role), ALLOW)?);
    }
    Ok(place.get().expect("it was just set"))
}

fn of_role(role: Role) -> Rules {
    let mut rules = common();
    if role.is_template() {
        forking(&mut rules);
    }
    if role.has_threads() {
        threads(&mut rules);
    }
    rules
}

fn of_some_role() -> Rules {
    let mut rules = common();
    forking(&mut rules);
    threads(&mut rules);
    leaving_zygote(&mut rules);
    rules
}

/// What a role's own filter says of the calls that [`allow_what_some_role_has`] leaves to some role and not to all.
fn beside_the_common(role: Role) -> BTreeMap<c_long, Decision> {
    let mut own = of_role(role);
    let mut calls = BTreeMap::new();
    for (call, ways) in of_some_role() {
        match own.remove(&call) {
            None => calls.insert(call, Decision::Always(KILL)),
            Some(same) if same == ways => None,
            Some(fewer) => calls.insert(call, decision(fewer)),
        };
    }
    assert!(own.is_empty(), "{role:?} has {own:?} of no role");
    calls
}

fn decision(ways: Vec<Way>) -> Decision {
    match ways.is_empty() {
        true => Decision::Always(ALLOW),
        false => Decision::If(ways, ALLOW, KILL),
    }
}

fn install(calls: &BTreeMap<c_long, Decision>, otherwise: Verdict) -> io::Result<()> {
    system::install_filter(&assemble(calls, otherwise)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::tests::{Call, verdict};

    fn may(rules: &Rules, call: &Call) -> bool {
        rules.get(&c_long::from(call.number)).is_some_and(|ways| {
            let holds = |condition: &Condition| {
                let argument = call.arguments[condition.argument as usize];
                argument & condition.mask == condition.value
            };
            ways.is_empty() || ways.iter().any(|way| way.iter().all(holds))
        })
    }

    /// Arguments that meet what is asked of a call in some way, and such that just do not.
    fn arguments(ways: &[Way]) -> Vec<[u64; 6]> {
        let mut all = vec![[0; 6], [u64::MAX; 6]];
        for way in ways {
            let mut met = [0; 6];
            for condition in way {
                met[condition.argument as usize] = condition.value;
            }
            all.push(met);
            for condition in way {
                for bit in (0..64).filter(|bit| condition.mask & 1 << bit != 0) {
                    let mut missed = met;
                    missed[condition.argument as usize] ^= 1 << bit;
                    all.push(missed);
                }
                let mut beside = met;
                beside[condition.argument as usize] |= !condition.mask;
                all.push(beside);
            }
        }
        all
    }

    #[test]
    fn together_the_filters_allow_what_a_role_has_and_nothing_else() {
        let everyone = of_some_role();
        let allowed = |(call, ways): (&c_long, &Vec<Way>)| (*call, decision(ways.clone()));
        let of_all = assemble(&everyone.iter().map(allowed).collect(), KILL).unwrap();
        for role in ROLES {
            let own = of_role(role);
            let of_one = program(role).unwrap();
            let mut counts = [0, 0];
            // Those of 32-bit programs on 64-bit systems have a bit that no other call has.
            for number in (0..1024).chain((0..1024).map(|number| number | 0x4000_0000)) {
                let ways = everyone.get(&c_long::from(number));
                for arguments in arguments(ways.map_or(&[], Vec::as_slice)) {
                    let call = Call::new(number, arguments);
                    let answers = [&*of_all, of_one].map(|program| verdict(program, &call));
                    let is_allowed = answers == [ALLOW; 2];
                    assert!(is_allowed || answers.contains(&KILL), "{role:?}: {call:?}");
                    assert_eq!(is_allowed, may(&own, &call), "{role:?}: {call:?}");
                    counts[usize::from(is_allowed)] += 1;
                }
            }
            assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
        }
    }

    #[test]
    fn what_each_process_installs_is_short() {
        let program = program(Role::Isolate).unwrap();
        assert!(program.len() < 80, "{} instructions", program.len());
    }
}
