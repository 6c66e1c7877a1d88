//! What a process does before it is forked from: one frame of the host's, and its answer.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::limits::MAX_FRAME_BYTES;
use protocol::{Exports, Failure, FromIsolate, Program, Settings, ToIsolate};

use crate::logs::{LogRecord, Logs};
use crate::runtime::DeployError;

/// How long a top level may take by the wall clock. It cannot wait for anything, so this is for a busy machine.
const EVALUATION_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a template's processor time is looked at while it evaluates.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Has a fresh template evaluate a program.
pub(crate) fn evaluate(
    child: jail::Child,
    program: Program,
    settings: Settings,
    name: &Arc<str>,
    logs: &Logs,
) -> Result<(jail::Forker, Exports), DeployError> {
    let size: usize = program
        .modules
        .iter()
        .map(|module| module.content.len() + module.name.len() + 64)
        .sum();
    if size > MAX_FRAME_BYTES - 1024 * 1024 {
        return Err(DeployError::Program(Failure {
            name: "Error".to_owned(),
            message: format!("Worker code size ({size} bytes) exceeds the maximum of 32 MiB."),
            ..Failure::default()
        }));
    }
    let frame = ToIsolate::Evaluate(Box::new(program), settings);
    ask(child, &frame, settings.startup_cpu_ms, name, logs)
}

/// Gives a fresh template its only frame, and waits until it can be forked from.
pub(crate) fn ask(
    child: jail::Child,
    message: &ToIsolate<'_>,
    startup_cpu_ms: u32,
    name: &Arc<str>,
    logs: &Logs,
) -> Result<(jail::Forker, Exports), DeployError> {
    let broken = |error: std::io::Error| DeployError::Template(error.to_string());
    let mut socket = &child.socket;
    let mut frame = Vec::new();
    protocol::encode_into(message, &mut frame);
    socket.write_all(&frame).map_err(broken)?;
    socket
        .set_read_timeout(Some(LOOK_INTERVAL))
        .map_err(broken)?;
    let began = Instant::now();
    let deadline = began + EVALUATION_TIMEOUT;
    let allowed = Duration::from_millis(u64::from(startup_cpu_ms) + 1_000);
    loop {
        let payload = read_frame(&mut socket, || {
            let used = child.process.cpu_time().unwrap_or_default();
            used <= allowed && Instant::now() < deadline
        });
        let payload = match payload {
            Ok(Some(payload)) => payload,
            Ok(None) => {
                let used = child.process.cpu_time().unwrap_or_default();
                child.process.kill();
                return Err(DeployError::Program(over_time(
                    startup_cpu_ms,
                    used,
                    began.elapsed(),
                )));
            }
            Err(error) => {
                let exit = child
                    .process
                    .wait(Some(Duration::from_secs(1)))
                    .ok()
                    .flatten();
                let reason = exit.map_or_else(|| error.to_string(), |exit| format!("{exit:?}"));
                return Err(DeployError::Template(reason));
            }
        };
        match protocol::decode::<FromIsolate<'_>>(&payload) {
            Ok(FromIsolate::Evaluated(Ok(exports))) => {
                socket.set_read_timeout(None).map_err(broken)?;
                return Ok((child.into_forker()?, exports));
            }
            Ok(FromIsolate::Evaluated(Err(failure))) => return Err(DeployError::Program(failure)),
            Ok(FromIsolate::Log { level, message, .. }) => {
                logs.send(LogRecord::console(name, level, message))
            }
            Ok(FromIsolate::Unhandled(_, failure)) => logs.send(LogRecord::uncaught(name, failure)),
            Ok(FromIsolate::Wake(_)) => {}
            Ok(_) => return Err(DeployError::Template("it used a capability".to_owned())),
            Err(error) => return Err(DeployError::Template(error.to_string())),
        }
    }
}

/// The failure of a top level that was stopped from outside.
fn over_time(startup_cpu_ms: u32, used: Duration, passed: Duration) -> Failure {
    let used_us = u64::try_from(used.as_micros()).unwrap_or(u64::MAX);
    if used_us <= u64::from(startup_cpu_ms) * 1000 {
        let limit_ms = u32::try_from(EVALUATION_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        return Failure::over_wall_time(limit_ms, passed);
    }
    Failure::over_cpu(startup_cpu_ms, used_us)
}

/// Reads exactly one frame. `None` when `go_on` said no while waiting.
fn read_frame(
    socket: &mut impl Read,
    go_on: impl Fn() -> bool,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if !read_exactly(socket, &mut length, &go_on)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(std::io::Error::other("a frame that is too long"));
    }
    let mut payload = vec![0; length];
    Ok(read_exactly(socket, &mut payload, &go_on)?.then_some(payload))
}

fn read_exactly(
    socket: &mut impl Read,
    buffer: &mut [u8],
    go_on: &impl Fn() -> bool,
) -> std::io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match socket.read(&mut buffer[filled..]) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                if !go_on() {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
