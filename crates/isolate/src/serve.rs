//! The processes that isolates live in: zygote, templates, and isolates themselves.
#![expect(
    unsafe_code,
    reason = "a process that becomes a zygote sets its own time zone"
)]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use jail::{Control, Role, Started};
use protocol::limits::MAX_FRAME_BYTES;
use protocol::{Failure, FrameBuffer, FromIsolate, Program, Settings, ToIsolate};

use crate::heap::{fill_blocks, join_free_blocks, keep_free_blocks};
use crate::isolate::{Isolate, Turn};
use crate::native;
use crate::original::{Original, wait_readable};
use crate::prepare::{Build, BuildStep, Bundler, Prepare};
use crate::rehearsal::Touched;
use crate::sources::Sources;

/// Room for one read from the socket, in bytes, and for the first ones. An isolate that is not told much does not need more.
const READ_BYTES: usize = 16 * 1024;
const FIRST_READ_BYTES: usize = 2 * 1024;
/// Waiting frames are written when there are this many bytes of them, even while more input waits.
const BATCH_BYTES: usize = 256 * 1024;

/// Exit status after the host broke the protocol.
const EXIT_PROTOCOL: i32 = 76;
/// Exit status after a limit was passed.
const EXIT_CONDEMNED: i32 = 77;

/// Makes this process a zygote: loads the Workers API and forks when the host asks. To be called first thing in the
/// `main` of a program that the host has started for this, while it has a single thread. Returns only with the reason
/// why this process cannot be a zygote.
pub fn zygote_main(bundler: Bundler) -> String {
    let control = match jail::zygote() {
        Ok(control) => control,
        Err(error) => return error.to_string(),
    };
    join_free_blocks();
    // Workers live in UTC, whatever this machine thinks. The C library reads the zone once, in the zygote: no isolate
    // could open the file.
    // SAFETY: this process has a single thread.
    unsafe { std::env::set_var("TZ", "UTC0") };
    let mut original = Original::begin();
    let isolate = match Isolate::new(Sources::Embedded) {
        Ok(isolate) => isolate,
        Err(failure) => {
            return format!(
                "the Workers API does not load: {failure}\n{}",
                failure.stack
            );
        }
    };
    isolate.set_bundler(&bundler);
    native::warm_up();
    isolate.settle_down();
    let touched = Touched::by_loading(original.range(), &isolate);
    let Started { role, socket } = jail::serve(control, || {
        fill_blocks();
        // Without, isolates work as well: they take more memory.
        let _ = original.keep();
    });
    match role {
        Role::Isolate => {
            touched.touch(original.range());
            run(&isolate, socket, original)
        }
        Role::Template => serve_template(&isolate, socket, original),
        // What has threads is no isolate: the host needs a jail for something else.
        Role::ThreadedTemplate => serve_builds(&isolate, bundler.build, socket),
        Role::Threaded => std::process::exit(EXIT_PROTOCOL),
    }
}

/// The first thing in `main` of a program that embeds the host: if it was started a second time, for isolates to be forked
/// from it, as `host::Options` does by default, it serves as that and does not come back.
///
/// # Panics
/// When isolates cannot be forked from this process. The host then does not start, and the reason is on standard error.
pub fn zygote_if_asked(prepare: Prepare) {
    let asked = std::env::args_os().nth(1);
    if asked.is_some_and(|first| first == protocol::ZYGOTE_ARGUMENT) {
        // Nothing that embeds the host builds programs of files.
        let reason = zygote_main(Bundler {
            prepare,
            transform: |_| None,
            build: drop,
        });
        panic!("the isolate process cannot start: {reason}");
    }
}

/// Gets ready to build, says so with one byte, and is forked from for each build.
fn serve_builds(isolate: &Isolate, build: Build, mut socket: UnixStream) -> ! {
    build(BuildStep::GetReady);
    isolate.settle_down();
    keep_free_blocks();
    if socket.write_all(&[0]).is_err() {
        std::process::exit(0);
    }
    let Started { role, socket } = jail::serve(Control::from(socket), || ());
    if role == Role::Threaded {
        build(BuildStep::Build(socket));
        std::process::exit(0);
    }
    std::process::exit(EXIT_PROTOCOL);
}

/// A template does what its only frame says and is forked from. Where that frame was no program yet, so are templates.
fn serve_template(isolate: &Isolate, mut socket: UnixStream, original: Original) -> ! {
    loop {
        if !evaluate(isolate, &socket) {
            std::process::exit(0);
        }
        let Started { role, socket: next } = jail::serve(Control::from(socket), || ());
        match role {
            Role::Isolate => run(isolate, next, original),
            Role::Template => socket = next,
            Role::Threaded | Role::ThreadedTemplate => std::process::exit(EXIT_PROTOCOL),
        }
    }
}

/// Handles a template's only frame. Says whether the program runs, or its modules could be read.
fn evaluate(isolate: &Isolate, mut socket: &UnixStream) -> bool {
    let Some(payload) = read_frame(socket) else {
        std::process::exit(EXIT_PROTOCOL);
    };
    let (is_program, outcome): (bool, Result<_, Failure>) = match protocol::decode(&payload) {
        Ok(ToIsolate::Evaluate(program, settings)) => (true, isolate.evaluate(*program, settings)),
        Ok(ToIsolate::Read(modules)) => (false, isolate.read(modules)),
        _ => std::process::exit(EXIT_PROTOCOL),
    };
    let evaluated = outcome.is_ok();
    let mut out = isolate.take_outbox();
    protocol::encode_into(&FromIsolate::Evaluated(outcome), &mut out);
    if socket.write_all(&out).is_err() {
        std::process::exit(0);
    }
    if evaluated && is_program {
        isolate.settle_down();
    }
    evaluated
}

/// A plain isolate becomes a worker that nobody has evaluated before.
fn become_worker(isolate: &Isolate, program: Program, settings: Settings, socket: &mut UnixStream) {
    let outcome = isolate.evaluate(program, settings);
    let evaluated = outcome.is_ok();
    isolate.tell_evaluated(outcome);
    if !evaluated {
        flush(isolate, socket);
        std::process::exit(0);
    }
}

/// Reads exactly one frame and not a byte more: what follows on a template's socket is not for us.
fn read_frame(mut socket: &UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).ok()?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return None;
    }
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// Reads frames, delivers them, writes what comes of it, until the host is gone.
fn run(isolate: &Isolate, mut socket: UnixStream, original: Original) -> ! {
    let mut frames = FrameBuffer::default();
    let mut usual = FIRST_READ_BYTES;
    let mut is_new = true;
    loop {
        let room = frames.missing().clamp(usual, 4 * 1024 * 1024);
        match frames.fill(room, |buffer| receive(isolate, &socket, buffer)) {
            Ok(0) => std::process::exit(0),
            Ok(count) if count == room => usual = READ_BYTES,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // The host has this socket say so after a while, which costs those that are busy nothing.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // What a new one has at hand is for the code that is to come.
                if !is_new {
                    original.give_back();
                }
                wait_readable(socket.as_fd());
                continue;
            }
            Err(_) => std::process::exit(0),
        }
        is_new = false;
        loop {
            let payload = match frames.next_frame() {
                Ok(Some(payload)) => payload,
                Ok(None) => break,
                Err(_) => std::process::exit(EXIT_PROTOCOL),
            };
            let Ok(message) = protocol::decode(payload) else {
                std::process::exit(EXIT_PROTOCOL);
            };
            if let ToIsolate::Evaluate(program, settings) = message {
                become_worker(isolate, *program, settings, &mut socket);
                continue;
            }
            let turn = isolate.receive(message);
            if turn == Turn::Condemned {
                // The host learns why; if it is gone, nobody has to.
                let _ = socket.write_all(&isolate.take_outbox());
                std::process::exit(EXIT_CONDEMNED);
            }
            if isolate.outbox_len() > BATCH_BYTES {
                flush(isolate, &mut socket);
            }
        }
        isolate.give_back();
        flush(isolate, &mut socket);
    }
}

/// Reads what there is. A descriptor that comes along waits for the frame that tells of it.
fn receive(isolate: &Isolate, socket: &UnixStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    let (count, descriptor) = jail::receive_with_descriptor(socket.as_fd(), buffer)?;
    if let Some(descriptor) = descriptor {
        isolate.hold_descriptor(descriptor);
    }
    Ok(count)
}

fn flush(isolate: &Isolate, socket: &mut UnixStream) {
    let out = isolate.take_outbox();
    if !out.is_empty() && socket.write_all(&out).is_err() {
        std::process::exit(0);
    }
}
