//! How processes end, and what their ends do to others.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jail::{Error, Exit, Limits, Role};

use crate::tests;
use crate::tree::{PATIENCE, ZYGOTE, ask, end_of, isolate, read_line, template, zygote};

tests![
    the_end_of_an_isolate_is_told,
    a_crash_leaves_siblings_alone,
    running_out_of_cpu_time_is_told,
    a_dropped_process_is_killed_and_reaped,
    the_end_of_a_template_ends_its_isolates,
    forks_that_nobody_asked_for_end_with_their_template,
    isolates_go_before_the_host_when_memory_is_out,
    the_end_of_the_zygote_ends_everything,
    the_end_of_the_host_ends_everything,
    a_template_that_lost_its_zygote_can_t_be_forked,
    an_isolate_is_no_forker,
    a_template_that_does_not_speak_the_protocol_is_killed,
    many_forks_at_once_all_come_up,
    use_is_measured,
    no_zombie_stays,
];

fn the_end_of_an_isolate_is_told() {
    let template = template(&Limits::default());
    for forker in [&*ZYGOTE, &template] {
        for (line, expected) in [
            ("exit 7", Exit::Code(7)),
            ("crash", Exit::Signal(libc::SIGSEGV)),
            ("abort", Exit::Signal(libc::SIGSEGV)),
        ] {
            let mut child = forker.fork(Role::Isolate, &Limits::default()).unwrap();
            assert!(!child.process.has_ended().unwrap());
            assert_eq!(child.process.wait(Some(Duration::ZERO)).unwrap(), None);
            assert_eq!(ask(&mut child.socket, line), None);
            assert_eq!(end_of(&child.process), expected, "{line}");
            assert_eq!(end_of(&child.process), expected, "asked again");
        }
    }
    let child = isolate();
    child.process.kill();
    assert!(end_of(&child.process).is_killed());
    child.process.kill();
}

fn a_crash_leaves_siblings_alone() {
    let template = template(&Limits::default());
    let mut sibling = template.fork(Role::Isolate, &Limits::default()).unwrap();
    for line in ["crash", "path open", "overflow", "abort"] {
        let mut child = template.fork(Role::Isolate, &Limits::default()).unwrap();
        assert_eq!(ask(&mut child.socket, line), None);
        end_of(&child.process);
        assert_eq!(
            ask(&mut sibling.socket, "echo here").as_deref(),
            Some("here")
        );
    }
}

fn running_out_of_cpu_time_is_told() {
    let limits = Limits {
        cpu_time: Some(Duration::from_millis(1)),
        ..Limits::default()
    };
    for role in [Role::Isolate, Role::Template] {
        let mut child = ZYGOTE.fork(role, &limits).unwrap();
        assert_eq!(ask(&mut child.socket, "spin"), None);
        assert!(end_of(&child.process).is_out_of_cpu_time());
    }
}

fn watch(pid: u32) -> OwnedFd {
    #[expect(unsafe_code, reason = "std has no way to open a process by number")]
    // SAFETY: no pointers, and the new descriptor has no other owner.
    unsafe {
        let raw = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        assert!(raw >= 0, "process {pid} is gone");
        OwnedFd::from_raw_fd(raw as i32)
    }
}

fn ends(process: &OwnedFd) -> bool {
    let mut entry = libc::pollfd {
        fd: process.as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    #[expect(unsafe_code, reason = "std has no way to wait for a descriptor")]
    // SAFETY: one live entry.
    unsafe {
        libc::poll(&mut entry, 1, PATIENCE.as_millis() as i32) == 1
    }
}

fn a_dropped_process_is_killed_and_reaped() {
    let child = isolate();
    let watched = watch(child.process.id());
    drop(child.process);
    assert!(ends(&watched));
}

fn the_end_of_a_template_ends_its_isolates() {
    let template = template(&Limits::default());
    let mut waiting = template.fork(Role::Isolate, &Limits::default()).unwrap();
    let mut spinning = template.fork(Role::Isolate, &Limits::default()).unwrap();
    std::io::Write::write_all(&mut spinning.socket, b"spin\n").unwrap();
    template.process().kill();
    assert!(end_of(template.process()).is_killed());
    for child in [&waiting, &spinning] {
        assert_eq!(end_of(&child.process), Exit::Unknown);
    }
    assert_eq!(read_line(&mut waiting.socket), None);
    let refused = template.fork(Role::Isolate, &Limits::default());
    assert!(matches!(refused, Err(Error::Gone)), "{refused:?}");
}

fn forks_that_nobody_asked_for_end_with_their_template() {
    if !ZYGOTE.protection().process_namespace {
        return;
    }
    let mut child = ZYGOTE.fork(Role::Template, &Limits::default()).unwrap();
    assert_eq!(ask(&mut child.socket, "fork 3").as_deref(), Some("3"));
    let forked: Vec<OwnedFd> = children_of(child.process.id()).map(watch).collect();
    assert_eq!(forked.len(), 3);
    child.process.kill();
    assert!(end_of(&child.process).is_killed());
    assert!(forked.iter().all(ends));
}

fn isolates_go_before_the_host_when_memory_is_out() {
    let score = |process: &str| -> i32 {
        let score = fs::read_to_string(format!("/proc/{process}/oom_score_adj")).unwrap();
        score.trim().parse().unwrap()
    };
    let host = score("self");
    let of_zygote = isolate();
    let template = template(&Limits::default());
    let of_template = template.fork(Role::Isolate, &Limits::default()).unwrap();
    for isolate in [&of_zygote.process, &of_template.process] {
        assert_eq!(score(&isolate.id().to_string()), host.max(500));
    }
    // Its isolates would go with it. Only root can say so.
    let spared = score(&template.process().id().to_string());
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(spared, if is_root { host } else { host.max(500) });
    // With the zygote all would go. Where the host is not root, it counts for more while it forks.
    let zygote = ZYGOTE.process().id().to_string();
    let began = Instant::now();
    while score(&zygote) != host {
        assert!(began.elapsed() < Duration::from_secs(10));
        thread::yield_now();
    }
}

fn children_of(pid: u32) -> impl Iterator<Item = u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let numbers: Vec<u32> = children
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    numbers.into_iter()
}

fn the_end_of_the_zygote_ends_everything() {
    let zygote = zygote();
    let child = zygote.fork(Role::Isolate, &Limits::default()).unwrap();
    zygote.process().kill();
    assert!(end_of(zygote.process()).is_killed());
    assert_eq!(end_of(&child.process), Exit::Unknown);
}

/// A host of its own, for a test that kills it: tells the numbers of its processes and waits.
pub(crate) fn host() -> ExitCode {
    let zygote = zygote();
    let mut child = zygote.fork(Role::Template, &Limits::default()).unwrap();
    ask(&mut child.socket, "serve").unwrap();
    let template = child.into_forker().unwrap();
    let mut isolate = template.fork(Role::Isolate, &Limits::default()).unwrap();
    std::io::Write::write_all(&mut isolate.socket, b"spin\n").unwrap();
    println!(
        "{} {} {}",
        zygote.process().id(),
        template.process().id(),
        isolate.process.id()
    );
    let _ = std::io::stdin().read_line(&mut String::new());
    ExitCode::SUCCESS
}

fn the_end_of_the_host_ends_everything() {
    let mut host = Command::new("/proc/self/exe")
        .arg("--host")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = host.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let watched: Vec<OwnedFd> = line
        .split_whitespace()
        .map(|number| watch(number.parse().unwrap()))
        .collect();
    assert_eq!(watched.len(), 3);
    host.kill().unwrap();
    host.wait().unwrap();
    for process in &watched {
        assert!(ends(process));
    }
}

fn a_template_that_lost_its_zygote_can_t_be_forked() {
    let zygote = zygote();
    let mut child = zygote.fork(Role::Template, &Limits::default()).unwrap();
    ask(&mut child.socket, "serve").unwrap();
    let template = child.into_forker().unwrap();
    zygote.process().kill();
    end_of(template.process());
    let refused = template.fork(Role::Isolate, &Limits::default());
    assert!(matches!(refused, Err(Error::Gone)), "{refused:?}");
}

fn an_isolate_is_no_forker() {
    let refused = isolate().into_forker();
    assert!(matches!(refused, Err(Error::NotTemplate)));
}

fn a_template_that_does_not_speak_the_protocol_is_killed() {
    // It never began to serve, and answers a request as if it were a line of its own.
    let child = ZYGOTE.fork(Role::Template, &Limits::default()).unwrap();
    let mut other_end = child.socket.try_clone().unwrap();
    std::io::Write::write_all(&mut other_end, b"echo 0123456789012345678901234567890123\n")
        .unwrap();
    let forker = child.into_forker().unwrap();
    let refused = forker.fork(Role::Isolate, &Limits::default());
    assert!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
    assert!(end_of(forker.process()).is_killed());
}

fn many_forks_at_once_all_come_up() {
    let template = template(&Limits::default());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let template = template.clone();
            scope.spawn(move || {
                let mut children: Vec<_> = (0..16)
                    .map(|_| template.fork(Role::Isolate, &Limits::default()).unwrap())
                    .collect();
                for (number, child) in children.iter_mut().enumerate() {
                    let word = format!("{thread}-{number}");
                    let answer = ask(&mut child.socket, &format!("echo {word}"));
                    assert_eq!(answer, Some(word));
                }
            });
        }
    });
}

fn use_is_measured() {
    let mut child = isolate();
    let before = child.process.cpu_time().unwrap();
    ask(&mut child.socket, "burn 20000000").unwrap();
    assert!(child.process.cpu_time().unwrap() > before);
    let before = child.process.memory().unwrap();
    ask(&mut child.socket, "allocate 33554432").unwrap();
    let after = child.process.memory().unwrap();
    assert!(after.resident >= before.resident + (32 << 20));
    if let (Some(before), Some(after)) = (before.private, after.private) {
        assert!(after >= before + (32 << 20));
    }
    child.process.kill();
    end_of(&child.process);
    assert!(matches!(child.process.cpu_time(), Err(Error::Ended)));
    assert!(matches!(child.process.memory(), Err(Error::Ended)));
}

fn no_zombie_stays() {
    let template = template(&Limits::default());
    for _ in 0..8 {
        let child = template.fork(Role::Isolate, &Limits::default()).unwrap();
        let watched = watch(child.process.id());
        drop(child);
        assert!(ends(&watched));
    }
    // The template looks after ended children before it answers.
    let child = template.fork(Role::Isolate, &Limits::default()).unwrap();
    let children: Vec<u32> = children_of(template.process().id()).collect();
    assert_eq!(children, [child.process.id()]);
}
