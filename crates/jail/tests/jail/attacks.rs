//! One test for each thing that a jailed process may try.

use jail::{Exit, Limits, Role};
use libc::c_long;

use crate::tests;
use crate::tree::{ZYGOTE, ask, end_of, isolate, template};

tests![
    everyday_calls_work,
    an_isolate_has_its_socket_and_nothing_else,
    the_environment_is_empty,
    the_host_user_is_left,
    templates_have_different_users,
    files_can_t_be_opened,
    file_names_can_t_be_probed,
    sockets_can_t_be_made,
    programs_can_t_be_started,
    other_processes_can_t_be_traced,
    nothing_can_be_signalled,
    an_isolate_can_t_fork,
    a_template_forks_within_its_limit,
    a_threaded_process_has_threads_and_no_children,
    what_is_forked_to_have_threads_has_no_more_than_that,
    memory_is_never_executable,
    memory_that_is_not_counted_can_t_be_mapped,
    memory_is_limited,
    the_stack_is_limited,
    descriptors_can_t_be_sent,
    urgent_data_can_t_be_sent,
    namespaces_and_mounts_are_out_of_reach,
    kernel_machinery_is_out_of_reach,
    process_controls_are_out_of_reach,
    limits_can_t_be_changed,
    a_template_has_no_more_than_it_needs_to_fork,
];

/// What a new process of this role does when asked this.
fn attempt(role: Role, line: &str) -> Result<String, Exit> {
    let mut child = ZYGOTE.fork(role, &Limits::default()).unwrap();
    ask(&mut child.socket, line).ok_or_else(|| end_of(&child.process))
}

/// Asserts that the kernel ends a process of any role when asked this.
fn forbidden(line: &str) {
    let roles = [
        Role::Isolate,
        Role::Template,
        Role::Threaded,
        Role::ThreadedTemplate,
    ];
    forbidden_for(&roles, line);
}

fn forbidden_for(roles: &[Role], line: &str) {
    for &role in roles {
        let outcome = attempt(role, line);
        assert_eq!(
            outcome,
            Err(Exit::Signal(libc::SIGSYS)),
            "{line} as {role:?}"
        );
    }
}

fn forbidden_call(number: c_long, arguments: &[i64]) {
    let words: String = arguments.iter().map(|word| format!(" {word}")).collect();
    forbidden(&format!("call {number}{words}"));
}

fn answer(line: &str) -> String {
    attempt(Role::Isolate, line).unwrap()
}

fn everyday_calls_work() {
    assert_eq!(answer("allowed"), "fine");
}

fn an_isolate_has_its_socket_and_nothing_else() {
    let expected = "0:device 1:device 2:device 3:socket";
    assert_eq!(answer("descriptors"), expected);
    let template = template(&Limits::default());
    let mut child = template.fork(Role::Isolate, &Limits::default()).unwrap();
    assert_eq!(ask(&mut child.socket, "descriptors").unwrap(), expected);
}

fn the_environment_is_empty() {
    assert_eq!(answer("environment"), "0");
}

fn the_host_user_is_left() {
    let protection = ZYGOTE.protection();
    assert_eq!(
        answer("user").contains("0 0"),
        !protection.unprivileged_user
    );
}

fn templates_have_different_users() {
    if ZYGOTE.protection().separate_users {
        assert_ne!(answer("user"), answer("user"));
    }
}

fn files_can_t_be_opened() {
    for call in ["unlink", "memfd", "pipe"] {
        forbidden(&format!("path {call}"));
    }
    forbidden_for(&[Role::Isolate, Role::Template], "path open");
    // What starts threads asks about the machine, and takes no for an answer.
    let absent = format!("errno {}", libc::ENOENT);
    assert_eq!(attempt(Role::Threaded, "path open"), Ok(absent));
    assert_eq!(answer("write-file-limit"), "0 0");
}

fn file_names_can_t_be_probed() {
    assert_eq!(answer("path stat"), "EPERM");
}

fn sockets_can_t_be_made() {
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_NETLINK, libc::AF_ALG] {
        forbidden_call(libc::SYS_socket, &[family.into(), 1, 0]);
    }
    forbidden_call(libc::SYS_socketpair, &[1, 1, 0, 0]);
    forbidden_call(libc::SYS_setsockopt, &[3, 1, 7, 0, 0]);
    forbidden("path connect");
    // A datagram's address is the only other way to name a peer.
    forbidden_call(libc::SYS_sendto, &[3, 0, 0, 0, 1, 16]);
}

fn programs_can_t_be_started() {
    forbidden("path execve");
    forbidden_call(libc::SYS_execveat, &[3, 0, 0, 0, 0]);
}

fn other_processes_can_t_be_traced() {
    forbidden_call(libc::SYS_ptrace, &[libc::PTRACE_ATTACH.into(), 1, 0, 0]);
    forbidden_call(libc::SYS_ptrace, &[libc::PTRACE_TRACEME.into(), 0, 0, 0]);
    forbidden("path vm-write");
    forbidden_call(libc::SYS_pidfd_open, &[1, 0]);
    forbidden_call(libc::SYS_pidfd_getfd, &[3, 0, 0]);
    forbidden_call(libc::SYS_kcmp, &[1, 1, 0, 0, 0]);
}

fn nothing_can_be_signalled() {
    let parent = i64::from(ZYGOTE.process().id());
    for target in [parent, 1, 0, -1, i64::from(std::process::id())] {
        forbidden_call(libc::SYS_kill, &[target, libc::SIGKILL.into()]);
    }
    forbidden_call(libc::SYS_tkill, &[parent, libc::SIGKILL.into()]);
    forbidden_call(
        libc::SYS_rt_sigqueueinfo,
        &[parent, libc::SIGKILL.into(), 0],
    );
    forbidden_call(
        libc::SYS_pidfd_send_signal,
        &[3, libc::SIGKILL.into(), 0, 0],
    );
    let tgkill = format!(
        "call {} {parent} {parent} {}",
        libc::SYS_tgkill,
        libc::SIGABRT
    );
    assert_eq!(answer(&tgkill), "EPERM");
}

fn an_isolate_can_t_fork() {
    let stopped = Err(Exit::Signal(libc::SIGSYS));
    assert_eq!(attempt(Role::Isolate, "fork 1"), stopped);
    let newer = format!("call {} 0 0", libc::SYS_clone3);
    forbidden_for(&[Role::Isolate, Role::Template], &newer);
    assert_eq!(answer("processes-limit"), "0 0");
    // A second layer counts too: an isolate forked from a template had the right before.
    let template = template(&Limits::default());
    let mut child = template.fork(Role::Isolate, &Limits::default()).unwrap();
    assert_eq!(ask(&mut child.socket, "fork 1"), None);
    assert!(end_of(&child.process).is_forbidden_call());
}

fn a_template_forks_within_its_limit() {
    if !ZYGOTE.protection().separate_users {
        return;
    }
    let limits = Limits {
        processes: 8,
        ..Limits::default()
    };
    let mut child = ZYGOTE.fork(Role::Template, &limits).unwrap();
    assert_eq!(ask(&mut child.socket, "fork 100").as_deref(), Some("7"));
    // Threads, and children that share memory, are another matter: never.
    let shared = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let line = format!("call {} {shared}", libc::SYS_clone);
    assert_eq!(
        attempt(Role::Template, &line),
        Err(Exit::Signal(libc::SIGSYS))
    );
    let user = format!(
        "call {} {}",
        libc::SYS_clone,
        libc::CLONE_NEWUSER | libc::SIGCHLD
    );
    assert_eq!(
        attempt(Role::Template, &user),
        Err(Exit::Signal(libc::SIGSYS))
    );
}

/// Arguments of `mmap` for one page.
fn a_threaded_process_has_threads_and_no_children() {
    assert_eq!(attempt(Role::Threaded, "threads 3"), Ok("3".to_owned()));
    let stopped = Err(Exit::Signal(libc::SIGSYS));
    assert_eq!(attempt(Role::Threaded, "fork 1"), stopped);
    let newer = format!("call {} 0 0", libc::SYS_clone3);
    let unknown = format!("errno {}", libc::ENOSYS);
    assert_eq!(attempt(Role::Threaded, &newer), Ok(unknown));
    // A thread's flags with one of a namespace, or without one that makes it a thread.
    let thread = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    for flags in [
        thread | libc::CLONE_NEWUSER,
        thread | libc::CLONE_NEWNET,
        thread | libc::CLONE_PTRACE,
        thread & !libc::CLONE_THREAD,
        libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
    ] {
        let line = format!("call {} {flags} 0 0 0 0", libc::SYS_clone);
        assert_eq!(attempt(Role::Threaded, &line), stopped, "{flags:x}");
    }
    if ZYGOTE.protection().separate_users {
        let limits = Limits {
            processes: 8,
            ..Limits::default()
        };
        let mut child = ZYGOTE.fork(Role::Threaded, &limits).unwrap();
        assert_eq!(ask(&mut child.socket, "threads 100").as_deref(), Some("7"));
    }
}

fn what_is_forked_to_have_threads_has_no_more_than_that() {
    let mut child = ZYGOTE
        .fork(Role::ThreadedTemplate, &Limits::default())
        .unwrap();
    assert_eq!(ask(&mut child.socket, "serve"), Some("serving".to_owned()));
    let forker = child.into_forker().unwrap();
    let outcome = |line: &str| {
        let mut child = forker.fork(Role::Threaded, &Limits::default()).unwrap();
        ask(&mut child.socket, line).ok_or_else(|| end_of(&child.process))
    };
    assert_eq!(outcome("threads 3"), Ok("3".to_owned()));
    let stopped = Err(Exit::Signal(libc::SIGSYS));
    assert_eq!(outcome("fork 1"), stopped);
    let unknown = format!("errno {}", libc::ENOSYS);
    assert_eq!(
        outcome(&format!("call {} 0 0", libc::SYS_clone3)),
        Ok(unknown)
    );
    let absent = format!("errno {}", libc::ENOENT);
    assert_eq!(outcome("path open"), Ok(absent));
    // An isolate of such a template has what isolates have.
    let mut child = forker.fork(Role::Isolate, &Limits::default()).unwrap();
    assert_eq!(ask(&mut child.socket, "threads 1"), None);
    assert!(end_of(&child.process).is_forbidden_call());
}

fn mapping(protection: i32, flags: i32, descriptor: i64) -> [i64; 6] {
    [0, 4096, protection.into(), flags.into(), descriptor, 0]
}

fn memory_is_never_executable() {
    let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    forbidden_call(libc::SYS_mmap, &mapping(all, private, -1));
    forbidden_call(libc::SYS_mmap, &mapping(libc::PROT_EXEC, private, -1));
    let text = (forbidden_call as *const () as i64) & !0xfff;
    forbidden_call(libc::SYS_mprotect, &[text, 4096, all.into()]);
    forbidden_call(libc::SYS_mprotect, &[text, 4096, libc::PROT_EXEC.into()]);
    forbidden_call(libc::SYS_pkey_mprotect, &[text, 4096, all.into(), 0]);
    forbidden_call(libc::SYS_personality, &[0x0040_0000]);
}

fn memory_that_is_not_counted_can_t_be_mapped() {
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    forbidden_call(libc::SYS_mmap, &mapping(writable, shared, -1));
    forbidden_call(libc::SYS_mmap, &mapping(writable, libc::MAP_SHARED, 3));
    forbidden_call(libc::SYS_mmap, &mapping(writable, libc::MAP_PRIVATE, 3));
    let growing = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN;
    forbidden_call(libc::SYS_mmap, &mapping(writable, growing, -1));
    forbidden_call(libc::SYS_shmget, &[0, 4096, 0o1600]);
}

fn memory_is_limited() {
    let limits = Limits {
        memory_bytes: 64 << 20,
        ..Limits::default()
    };
    let template = template(&limits);
    for forker in [&*ZYGOTE, &template] {
        let mut child = forker.fork(Role::Isolate, &limits).unwrap();
        let given = ask(&mut child.socket, "allocate 1000000000").unwrap();
        let given: u32 = given.parse().unwrap();
        assert!((56..=65).contains(&given), "got {given} MiB");
    }
}

fn the_stack_is_limited() {
    let mut child = isolate();
    assert_eq!(ask(&mut child.socket, "overflow"), None);
    // Rust tells a stack overflow by `abort`, which a jailed process does by a fault.
    assert_eq!(end_of(&child.process), Exit::Signal(libc::SIGSEGV));
}

fn descriptors_can_t_be_sent() {
    forbidden("send-descriptor");
    forbidden_call(libc::SYS_sendmmsg, &[3, 0, 1, 0]);
}

fn urgent_data_can_t_be_sent() {
    forbidden("urgent-data");
    forbidden_call(libc::SYS_recvfrom, &[3, 0, 0, libc::MSG_OOB.into(), 0, 0]);
}

fn namespaces_and_mounts_are_out_of_reach() {
    for namespace in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWPID] {
        forbidden_call(libc::SYS_unshare, &[namespace.into()]);
    }
    forbidden_call(libc::SYS_setns, &[3, 0]);
    forbidden("path mount");
    for call in [libc::SYS_chroot, libc::SYS_pivot_root, libc::SYS_umount2] {
        forbidden_call(call, &[0, 0]);
    }
    forbidden_call(libc::SYS_fsopen, &[0, 0]);
    forbidden_call(libc::SYS_open_by_handle_at, &[3, 0, 0]);
}

fn kernel_machinery_is_out_of_reach() {
    for call in ["bpf", "io_uring", "perf", "keyctl"] {
        forbidden(&format!("path {call}"));
    }
    for call in [
        libc::SYS_keyctl,
        libc::SYS_userfaultfd,
        libc::SYS_init_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_fanotify_init,
        libc::SYS_landlock_create_ruleset,
        libc::SYS_membarrier,
        libc::SYS_timer_create,
        libc::SYS_epoll_create1,
        libc::SYS_eventfd2,
        libc::SYS_vmsplice,
    ] {
        forbidden_call(call, &[0, 0, 0]);
    }
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_modify_ldt, libc::SYS_iopl, libc::SYS_arch_prctl] {
        forbidden_call(call, &[0, 0, 0]);
    }
}

fn process_controls_are_out_of_reach() {
    for option in [
        libc::PR_SET_DUMPABLE,
        libc::PR_SET_SECCOMP,
        libc::PR_SET_MM,
        libc::PR_SET_PTRACER,
        libc::PR_SET_CHILD_SUBREAPER,
        libc::PR_SET_KEEPCAPS,
        libc::PR_CAP_AMBIENT,
    ] {
        forbidden_call(libc::SYS_prctl, &[option.into(), 1, 0, 0, 0]);
    }
    // Outliving the parent.
    forbidden_call(
        libc::SYS_prctl,
        &[libc::PR_SET_PDEATHSIG.into(), 0, 0, 0, 0],
    );
    for call in [
        libc::SYS_setuid,
        libc::SYS_setresuid,
        libc::SYS_setgroups,
        libc::SYS_capset,
        libc::SYS_setsid,
        libc::SYS_setpriority,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setscheduler,
    ] {
        forbidden_call(call, &[0, 0, 0]);
    }
}

fn limits_can_t_be_changed() {
    forbidden_call(libc::SYS_prlimit64, &[1, 0, 0, 0]);
    let own = format!("call {} 0 0 1 0", libc::SYS_prlimit64);
    assert_eq!(
        attempt(Role::Isolate, &own),
        Err(Exit::Signal(libc::SIGSYS))
    );
}

fn a_template_has_no_more_than_it_needs_to_fork() {
    // Filters that report to somebody, or that apply to other threads.
    let listener = 8;
    forbidden_call(libc::SYS_seccomp, &[1, listener, 0]);
    forbidden_call(libc::SYS_seccomp, &[1, 1, 0]);
    forbidden_call(libc::SYS_waitid, &[0, 0, 0, 4]);
}
