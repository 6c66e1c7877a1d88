//! Starting processes and talking with them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use jail::{Child, Exit, Forker, Limits, Process, Role, Settings, Zygote};

/// Longer than anything here takes, so that a hang is a failure and not a wait for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The zygote that most tests share.
pub(crate) static ZYGOTE: LazyLock<Forker> = LazyLock::new(zygote);

pub(crate) fn zygote() -> Forker {
    let mut command = Command::new("/proc/self/exe");
    command.arg("--zygote");
    Zygote::spawn(command, &Settings::default()).unwrap()
}

pub(crate) fn isolate() -> Child {
    ZYGOTE.fork(Role::Isolate, &Limits::default()).unwrap()
}

/// A template that has exchanged a word with us and now waits for requests to fork.
pub(crate) fn template(limits: &Limits) -> Forker {
    let mut child = ZYGOTE.fork(Role::Template, limits).unwrap();
    assert_eq!(ask(&mut child.socket, "serve"), Some("serving".to_owned()));
    child.into_forker().unwrap()
}

/// Sends one line and reads one; `None` if the process ended instead of answering.
pub(crate) fn ask(socket: &mut UnixStream, line: &str) -> Option<String> {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(format!("{line}\n").as_bytes()).ok()?;
    read_line(socket)
}

/// Reads up to a line's end and not a byte further.
pub(crate) fn read_line(socket: &mut UnixStream) -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match socket.read(&mut byte) {
            Ok(0) => return None,
            Ok(_) if byte[0] == b'\n' => return String::from_utf8(line).ok(),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

pub(crate) fn end_of(process: &Process) -> Exit {
    process
        .wait(Some(PATIENCE))
        .unwrap()
        .expect("it ends in time")
}
