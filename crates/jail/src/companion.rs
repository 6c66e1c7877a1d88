//! A program beside the host that is no jailed process, such as a browser: it ends with the host, and all of it at once.

use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::{fs, thread};

use crate::groups;
use crate::limits::Settings;
use crate::process::Exit;
use crate::system;
use crate::users::{self, Users};

/// User ids of companions, above those of isolates.
const USERS: u32 = 4096;

/// A running program in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Companion {
    group: Arc<Mutex<Option<u32>>>,
}

/// A user and group id for one companion that owns nothing on the system, where the host is root and may give such away.
/// `None` leaves a companion the host's own user.
#[must_use]
pub fn companion_user() -> Option<u32> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let Settings { first_user, users } = Settings::default();
    let choice = Users::choose(
        first_user + users,
        USERS,
        users::capabilities(&read("/proc/self/status")),
        system::own_ids().0,
        [&read("/proc/self/uid_map"), &read("/proc/self/gid_map")],
    );
    choice.nth(TURN.fetch_add(1, Ordering::Relaxed))
}

/// Whether an id is one that [`companion_user`] gives.
#[must_use]
pub fn is_companion_user(id: u32) -> bool {
    let Settings { first_user, users } = Settings::default();
    (first_user + users..first_user + users + USERS).contains(&id)
}

impl Companion {
    /// Starts a program as this user, without input and output. Its standard error is given; `ended` is called once, when
    /// the program has ended and what is left of its group was killed.
    ///
    /// # Errors
    /// What the system says when the program does not start.
    pub fn start(
        mut command: Command,
        user: Option<u32>,
        ended: impl FnOnce(Exit) + Send + 'static,
    ) -> io::Result<(Self, ChildStderr)> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(id) = user {
            // Groups beside this one are given up with the user.
            command.gid(id).uid(id);
        }
        groups::end_with_this_thread(&mut command);
        let group = Arc::new(Mutex::new(None));
        let (sender, receiver) = mpsc::channel();
        let known = Arc::clone(&group);
        // What ends with its parent ends with the thread that started it, so that waits for it.
        thread::Builder::new()
            .name("companion".to_owned())
            .spawn(move || {
                let mut child = match command.spawn() {
                    Ok(child) => child,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                let id = child.id();
                *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
                let errors = child.stderr.take().expect("standard error is piped");
                drop(sender.send(Ok(errors)));
                let waited = groups::wait_for_end(id);
                // As long as it is not reaped, its number is the group's and nobody else's.
                let mut group = known.lock().unwrap_or_else(PoisonError::into_inner);
                if waited.is_ok() {
                    groups::kill_group(id);
                }
                *group = None;
                drop(group);
                let status = child.wait().map(|status| status.into_raw());
                ended(status.map_or(Exit::Unknown, Exit::from_wait_status));
            })?;
        let failed = || io::Error::other("the thread that starts a program panicked");
        let errors = receiver.recv().unwrap_or_else(|_| Err(failed()))?;
        Ok((Self { group }, errors))
    }

    /// Ends all of its group at once.
    pub fn kill(&self) {
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = *group {
            groups::kill_group(id);
        }
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    #[test]
    fn a_companion_ends_with_all_of_its_group() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000 & echo $! >&2; wait"]);
        let (sender, receiver) = mpsc::channel();
        let (companion, errors) = Companion::start(command, companion_user(), move |exit| {
            sender.send(exit).expect("the test waits");
        })
        .expect("a shell");
        let mut child = String::new();
        BufReader::new(errors)
            .read_line(&mut child)
            .expect("a number");
        let status = format!("/proc/{}/stat", child.trim());
        assert!(fs::read_to_string(&status).is_ok());
        companion.kill();
        assert_eq!(
            receiver.recv().expect("its end"),
            Exit::Signal(libc::SIGKILL)
        );
        // Who reaps it is another process, but it runs no more.
        loop {
            match fs::read_to_string(&status) {
                Ok(stat) if !stat.contains(") Z ") => thread::yield_now(),
                _ => break,
            }
        }
    }

    #[test]
    fn what_is_not_there_does_not_start() {
        let started = Companion::start(Command::new("/no/such/program"), None, |_| {});
        assert_eq!(
            started.expect_err("it is not there").kind(),
            io::ErrorKind::NotFound
        );
    }
}
