//! The jailed side: does what a line asks for, and tells if it lived to tell.
#![expect(
    unsafe_code,
    reason = "attacks are raw system calls; whatever they do to this process is what is tested"
)]

use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::ptr;

use jail::{Control, Started};
use libc::c_long;

use crate::tree::read_line;

pub(crate) fn zygote() -> ! {
    let control = jail::zygote().unwrap();
    answer(jail::serve(control, || ()))
}

fn answer(started: Started) -> ! {
    let Started {
        role: _,
        mut socket,
    } = started;
    while let Some(line) = read_line(&mut socket) {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words.as_slice() {
            ["serve"] => {
                socket.write_all(b"serving\n").unwrap();
                answer(jail::serve(Control::from(socket), || ()))
            }
            ["echo", word] => (*word).to_owned(),
            ["call", number, arguments @ ..] => {
                let mut raw: [c_long; 6] = [0; 6];
                for (slot, word) in raw.iter_mut().zip(arguments) {
                    *slot = word.parse().unwrap();
                }
                let number = number.parse().unwrap();
                // SAFETY: the process is here to be broken; the numbers are the test's.
                let result = unsafe {
                    libc::syscall(number, raw[0], raw[1], raw[2], raw[3], raw[4], raw[5])
                };
                say(result)
            }
            ["descriptors"] => descriptors(),
            ["environment"] => format!("{}", std::env::vars_os().count()),
            ["user"] => format!("{} {}", own_user(), own_group()),
            ["allocate", bytes] => allocate(bytes.parse().unwrap()),
            ["threads", count] => threads(count.parse().unwrap()),
            ["fork", count] => fork_many(count.parse().unwrap()),
            ["spin"] => loop {
                black_box(0);
            },
            ["burn", rounds] => burn(rounds.parse().unwrap()),
            ["crash"] => crash(),
            ["abort"] => std::process::abort(),
            ["exit", code] => std::process::exit(code.parse().unwrap()),
            ["path", call] => with_path(call),
            ["send-descriptor"] => send_descriptor(&socket),
            ["urgent-data"] => urgent_data(&socket),
            ["overflow"] => overflow(0).to_string(),
            ["write-file-limit"] => own_limit(libc::RLIMIT_FSIZE),
            ["processes-limit"] => own_limit(libc::RLIMIT_NPROC),
            ["allowed"] => everyday(),
            other => panic!("no such attack: {other:?}"),
        };
        if writeln!(socket, "{answer}").is_err() {
            break;
        }
    }
    std::process::exit(0)
}

fn say(result: c_long) -> String {
    if result >= 0 {
        format!("returned {result}")
    } else {
        let errno = io::Error::last_os_error().raw_os_error().unwrap();
        match errno {
            libc::EPERM => "EPERM".to_owned(),
            libc::EAGAIN => "EAGAIN".to_owned(),
            libc::ENOMEM => "ENOMEM".to_owned(),
            errno => format!("errno {errno}"),
        }
    }
}

/// The numbers of all open descriptors, each with the kind of its file.
fn descriptors() -> String {
    let mut found = Vec::new();
    for number in 0..1024 {
        // SAFETY: `fstat` fills the live buffer or fails.
        let mode = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            // The C library's `fstat` is `newfstatat` on some systems, which a jail refuses.
            if libc::syscall(libc::SYS_fstat, number, &raw mut stat) < 0 {
                continue;
            }
            stat.st_mode & libc::S_IFMT
        };
        let kind = match mode {
            libc::S_IFSOCK => "socket",
            libc::S_IFCHR => "device",
            _ => "other",
        };
        found.push(format!("{number}:{kind}"));
    }
    found.join(" ")
}

fn own_user() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::getuid() }
}

fn own_group() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::getgid() }
}

/// Touches this much memory in steps of 1 MiB; says how many MiB the kernel gave.
fn allocate(bytes: usize) -> String {
    const STEP: usize = 1 << 20;
    let mut given = 0;
    while given < bytes {
        // SAFETY: a fresh mapping, written within its bounds and kept to the end.
        let block = unsafe {
            libc::mmap(
                ptr::null_mut(),
                STEP,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if block == libc::MAP_FAILED {
            break;
        }
        // SAFETY: as above.
        unsafe { ptr::write_bytes(block.cast::<u8>(), 1, STEP) };
        given += STEP;
    }
    (given >> 20).to_string()
}

/// Forks children that wait for ever; says how many forks the kernel allowed.
/// How many of so many threads there can be at once.
fn threads(count: u32) -> String {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let mut threads = Vec::new();
    for _ in 0..count {
        let held = std::sync::Arc::clone(&held);
        // Its error is that nobody holds the other end any more.
        let wait = move || assert!(held.lock().unwrap().recv().is_err());
        match std::thread::Builder::new().spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(_) => break,
        }
    }
    drop(hold);
    let started = threads.len();
    for thread in threads {
        thread.join().unwrap();
    }
    started.to_string()
}

fn fork_many(count: u32) -> String {
    let mut forked = 0;
    for _ in 0..count {
        // SAFETY: this process has one thread.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: no descriptors, so it only waits.
                unsafe { libc::poll(ptr::null_mut(), 0, -1) };
            },
            1.. => forked += 1,
            _ => break,
        }
    }
    forked.to_string()
}

fn burn(rounds: u64) -> String {
    let mut sum = 0_u64;
    for round in 0..rounds {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(round));
    }
    sum.to_string()
}

fn crash() -> ! {
    // SAFETY: not sound at all; the process is meant to crash on the first page.
    unsafe { ptr::null_mut::<u8>().write_volatile(1) };
    unreachable!("the first page can't be written")
}

#[expect(unconditional_recursion, reason = "it is meant to run out of stack")]
fn overflow(depth: u64) -> u64 {
    let room = black_box([depth; 128]);
    overflow(depth + 1) + room[0]
}

/// Calls that take a path or another pointer.
fn with_path(call: &str) -> String {
    let path = c"/proc/self/environ".as_ptr();
    let mut buffer = [0_u64; 64];
    let buffer = buffer.as_mut_ptr();
    let null = ptr::null::<u8>();
    // SAFETY: the pointers are those of live values; what the kernel would do with them is the test.
    let result = unsafe {
        match call {
            "open" => libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, 0, 0),
            "execve" => libc::syscall(libc::SYS_execve, c"/bin/sh".as_ptr(), null, null),
            "connect" => libc::syscall(libc::SYS_connect, 3, buffer, 16),
            "stat" => libc::syscall(libc::SYS_newfstatat, libc::AT_FDCWD, path, buffer, 0),
            "mount" => libc::syscall(libc::SYS_mount, path, path, path, 0, null),
            "pipe" => libc::syscall(libc::SYS_pipe2, buffer, 0),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, buffer, 128),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 8, buffer),
            "perf" => libc::syscall(libc::SYS_perf_event_open, buffer, 0, -1, -1, 0),
            "keyctl" => libc::syscall(libc::SYS_add_key, path, path, buffer, 8, -2),
            "memfd" => libc::syscall(libc::SYS_memfd_create, path, 0),
            "unlink" => libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0),
            "vm-write" => libc::syscall(libc::SYS_process_vm_writev, 1, buffer, 1, buffer, 1, 0),
            other => panic!("no such call: {other}"),
        }
    };
    say(result)
}

fn send_descriptor(socket: &UnixStream) -> String {
    use std::os::fd::AsRawFd;
    // SAFETY: an empty message over a live socket; it is not let through.
    let result = unsafe {
        let message: libc::msghdr = std::mem::zeroed();
        libc::sendmsg(socket.as_raw_fd(), &message, 0)
    };
    say(result as c_long)
}

fn urgent_data(socket: &UnixStream) -> String {
    use std::os::fd::AsRawFd;
    // SAFETY: one byte of a live buffer; it is not let through.
    let result =
        unsafe { libc::send(socket.as_raw_fd(), [0_u8].as_ptr().cast(), 1, libc::MSG_OOB) };
    say(result as c_long)
}

fn own_limit(resource: libc::__rlimit_resource_t) -> String {
    // SAFETY: the buffer is live.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(resource, &mut limit);
        format!("{} {}", limit.rlim_cur, limit.rlim_max)
    }
}

/// What any program does that does not reach out: all of it has to work.
fn everyday() -> String {
    let mut numbers: Vec<u64> = (0..3_000_000).collect();
    numbers.reverse();
    numbers.shrink_to(10);
    drop(numbers);
    let started = std::time::Instant::now();
    std::thread::sleep(std::time::Duration::from_micros(1));
    assert!(started.elapsed() > std::time::Duration::ZERO);
    let map: std::collections::HashMap<u8, u8> = [(1, 2)].into();
    assert_eq!(map[&1], 2);
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
    assert!(caught.is_err());
    // SAFETY: plain library calls with live buffers.
    unsafe {
        let now = libc::time(ptr::null_mut());
        let mut broken_down: libc::tm = std::mem::zeroed();
        libc::localtime_r(&now, &mut broken_down);
        libc::isatty(1);
    }
    "fine".to_owned()
}
