//! The host's side of forking.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crate::Error;
use crate::confine::Step;
use crate::limits::{Limits, Role, Settings};
use crate::message;
use crate::process::{self, Exit, Process, Witness};
use crate::protection::Protection;
use crate::system;
use crate::wire::{Ceilings, REPLY_WORDS, Reply, Request};

/// How long a forker, or a new child, may take to answer. Far more than a busy machine needs; a
/// template that is hostile enough not to answer is killed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a zygote may take from its start until it serves.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Address space beyond memory proper: what is reserved and not used, by allocators and for memories that may grow.
const RESERVED_BYTES: u64 = 16 << 30;

/// The first process to fork from.
#[derive(Debug)]
pub struct Zygote;

/// Forks one process again and again. Clones ask the same process, one after the other.
///
/// The process ends when the last clone and the last [`Process`] forked from it are dropped.
#[derive(Debug, Clone)]
pub struct Forker {
    link: Arc<Link>,
}

/// A new process in its jail.
#[derive(Debug)]
pub struct Child {
    /// Its only connection, blocking; what the process reads and writes there is up to the caller.
    pub socket: UnixStream,
    /// The process itself. Dropping it kills the process.
    pub process: Process,
}

/// The connection to a process that forks, and the process.
#[derive(Debug)]
pub(crate) struct Link {
    /// One request is under way at a time. `None` once an answer was wrong or missing.
    control: Mutex<Option<UnixStream>>,
    process: Process,
    requests: AtomicU64,
    protection: Protection,
}

impl Zygote {
    /// Starts a zygote and waits until it serves.
    ///
    /// `command` names the program and its arguments, usually `/proc/self/exe` with one that
    /// leads to [`zygote`](crate::zygote). The environment is emptied, the working directory is `/`,
    /// standard input and output are the zygote's own business, and standard error stays the
    /// host's for the zygote (its panics are bugs of ours), not for its children.
    ///
    /// # Errors
    ///
    /// [`Error::Spawn`] when the program does not start, [`Error::Confine`] when the zygote can't
    /// give up its powers, [`Error::Timeout`], [`Error::Gone`] or [`Error::Protocol`] when the
    /// program does not become a zygote.
    pub fn spawn(mut command: Command, settings: &Settings) -> Result<Forker, Error> {
        let (ours, theirs) = UnixStream::pair().map_err(Error::Spawn)?;
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        let process = start_on_own_thread(command).map_err(Error::Spawn)?;
        let mut link = Link::new(ours, process, Protection::default());
        let request = Request::Seal {
            first_user: settings.first_user,
            users: settings.users,
        };
        let id = link.next_id();
        match link.ask(id, request, None, START_TIMEOUT)? {
            Reply::Sealed(protection) => link.protection = protection,
            Reply::Failed { step, errno } => return Err(confine_error(step, errno)),
            _ => return Err(link.broken("it answered another question")),
        }
        Ok(Forker {
            link: Arc::new(link),
        })
    }
}

/// Starts the zygote from a thread that lives as long as it: a process that ends with its parent
/// ends with the *thread* that started it.
fn start_on_own_thread(mut command: Command) -> io::Result<Process> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("zygote".to_owned())
        .spawn(move || {
            let started = command.spawn().and_then(|child| {
                // The number can't be another process's: this thread has not reaped the child.
                let descriptor = system::open_process(child.id())?;
                Ok((child, descriptor))
            });
            // The host's end of the zygote's socket must be the only other one.
            drop(command);
            let exit = Arc::new(OnceLock::new());
            let mut child = match started {
                Ok((child, descriptor)) => {
                    let witness = Witness::Thread(Arc::clone(&exit));
                    let process = Process::new(child.id(), descriptor, Role::Template, witness);
                    // A caller that is gone drops the process, which kills it.
                    let _ = sender.send(Ok(process));
                    child
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            let status = child
                .wait()
                .map(std::os::unix::process::ExitStatusExt::into_raw);
            let _ = exit.set(status.map_or(Exit::Unknown, Exit::from_wait_status));
        })?;
    receiver.recv().unwrap_or_else(|_| {
        Err(io::Error::other(
            "the thread that starts the zygote panicked",
        ))
    })
}

impl Forker {
    /// Forks a jailed child and waits until its jail is up. Takes well under a millisecond, but
    /// blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Fork`] when the kernel has no room for a process, [`Error::Confine`] when a layer
    /// of the jail can't be put up, [`Error::Gone`] when the process to fork from has ended, and
    /// [`Error::Timeout`] or [`Error::Protocol`] when it misbehaves, for which it is killed.
    pub fn fork(&self, role: Role, limits: &Limits) -> Result<Child, Error> {
        let link = &self.link;
        let (ours, theirs) = UnixStream::pair().map_err(Error::Fork)?;
        message::tell_sender(&ours, true).map_err(Error::Fork)?;
        let request = Request::Fork {
            role,
            ceilings: link.ceilings(limits)?,
        };
        let id = link.next_id();
        match link.ask(id, request, Some(theirs), ANSWER_TIMEOUT)? {
            Reply::Forked => {}
            Reply::Failed { step, errno } if step == Step::Fork as u32 => {
                return Err(Error::Fork(io::Error::from_raw_os_error(errno)));
            }
            _ => return Err(link.broken("it answered another question")),
        }
        let pid = link.meet(id, &ours)?;
        let descriptor = system::open_process(pid).map_err(|_| Error::Gone)?;
        let witness = Witness::Forker {
            link: Arc::clone(link),
            request: id,
        };
        let process = link.identify(pid, descriptor, role, witness)?;
        Ok(Child {
            socket: ours,
            process,
        })
    }

    /// Uses a template's socket, over which the host and the template have exchanged all that they
    /// had to, to fork from it. Both ends must have read exactly what the other one wrote.
    ///
    /// # Errors
    ///
    /// [`Error::NotTemplate`] for an isolate.
    pub fn new(socket: UnixStream, process: Process) -> Result<Self, Error> {
        if !process.role().is_template() {
            return Err(Error::NotTemplate);
        }
        let protection = match process.witness() {
            Witness::Forker { link, .. } => link.protection,
            Witness::Thread(_) => Protection::default(),
        };
        Ok(Self {
            link: Arc::new(Link::new(socket, process, protection)),
        })
    }

    /// The process that is forked from.
    pub fn process(&self) -> &Process {
        &self.link.process
    }

    /// What holds the processes of this forker's zygote, beside what always does.
    pub fn protection(&self) -> Protection {
        self.link.protection
    }
}

impl Child {
    /// [`Forker::new`] for a child whose socket and process are still together.
    ///
    /// # Errors
    ///
    /// [`Error::NotTemplate`] for an isolate.
    pub fn into_forker(self) -> Result<Forker, Error> {
        Forker::new(self.socket, self.process)
    }
}

impl Link {
    fn new(control: UnixStream, process: Process, protection: Protection) -> Self {
        Self {
            control: Mutex::new(Some(control)),
            process,
            requests: AtomicU64::new(1),
            protection,
        }
    }

    fn next_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Limits on top of what the child will inherit from the process as it is now.
    fn ceilings(&self, limits: &Limits) -> Result<Ceilings, Error> {
        let inherited = process::mapped(self.process.id()).map_err(|_| Error::Gone)?;
        let memory = limits.memory_bytes;
        Ok(Ceilings {
            data_bytes: inherited.data_bytes.saturating_add(memory),
            address_space_bytes: inherited
                .address_space_bytes
                .saturating_add(memory)
                .saturating_add(RESERVED_BYTES),
            stack_bytes: limits.stack_bytes,
            cpu_seconds: limits.cpu_time.map_or(u64::MAX, |time| {
                let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
                whole.max(1)
            }),
            descriptors: u64::from(limits.descriptors),
            // The kernel counts processes by user, and a shared user has others.
            processes: if self.protection.separate_users {
                u64::from(limits.processes)
            } else {
                u64::MAX
            },
            niceness: u64::from(limits.niceness),
        })
    }

    /// One request and its answer.
    fn ask(
        &self,
        id: u64,
        request: Request,
        descriptor: Option<UnixStream>,
        timeout: Duration,
    ) -> Result<Reply, Error> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = control.as_ref().ok_or(Error::Gone)?;
        let attached = descriptor.as_ref().map(AsFd::as_fd);
        let mut bytes = [0; REPLY_WORDS * 8];
        let result = socket
            .set_nonblocking(false)
            .and_then(|()| socket.set_read_timeout(Some(timeout)))
            .and_then(|()| socket.set_write_timeout(Some(timeout)))
            .and_then(|()| message::send(socket.as_fd(), &request.encode(id), attached))
            .and_then(|()| message::read_exact(socket, &mut bytes));
        let error = match result {
            Ok(()) => match Reply::decode(&bytes) {
                Some((answered, reply)) if answered == id => return Ok(reply),
                _ => Error::Protocol("its answer has another form"),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Error::Timeout,
            Err(_) => Error::Gone,
        };
        // What comes next from this process could not be matched to a request.
        *control = None;
        self.process.kill();
        Err(error)
    }

    /// Waits for a new child to say that its jail is up, and returns its process number, for which
    /// the kernel vouches.
    fn meet(&self, id: u64, socket: &UnixStream) -> Result<u32, Error> {
        let mut bytes = [0; REPLY_WORDS * 8];
        let mut received = 0;
        let mut sender = None;
        socket
            .set_read_timeout(Some(ANSWER_TIMEOUT))
            .map_err(Error::Fork)?;
        while received < bytes.len() {
            match message::receive_with_sender(socket.as_fd(), &mut bytes[received..]) {
                Ok((0, _)) => return Err(Error::Ended),
                Ok((count, pid)) => {
                    received += count;
                    sender = pid.or(sender);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The child has no name yet by which it could be killed.
                    self.process.kill();
                    return Err(Error::Timeout);
                }
                Err(error) => return Err(Error::Fork(error)),
            }
        }
        message::tell_sender(socket, false).map_err(Error::Fork)?;
        socket.set_read_timeout(None).map_err(Error::Fork)?;
        match Reply::decode(&bytes) {
            Some((answered, Reply::Ready)) if answered == id => {}
            Some((answered, Reply::Failed { step, errno })) if answered == id => {
                return Err(confine_error(step, errno));
            }
            _ => return Err(self.broken("its child's first words have another form")),
        }
        sender
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid != 0)
            .ok_or_else(|| self.broken("its child has no process number"))
    }

    /// Makes sure that a number is that of a child of this link's process. Otherwise a hostile
    /// template could have the host kill a process that is none of its own.
    fn identify(
        &self,
        pid: u32,
        descriptor: OwnedFd,
        role: Role,
        witness: Witness,
    ) -> Result<Process, Error> {
        let parent = process::parent_of(pid);
        // The process was still there after its parent was read, so that it is the same process.
        let ended =
            system::wait_readable(descriptor.as_fd(), Some(Duration::ZERO)).map_err(Error::Fork)?;
        if ended {
            return Err(Error::Ended);
        }
        let parent = parent.map_err(|error| Error::System("cannot read /proc", error))?;
        if parent != self.process.id() {
            return Err(self.broken("its child is not its own"));
        }
        Ok(Process::new(pid, descriptor, role, witness))
    }

    pub(crate) fn ask_end(&self, request: u64) -> Exit {
        let id = self.next_id();
        match self.ask(id, Request::Reap { id: request }, None, ANSWER_TIMEOUT) {
            Ok(Reply::Exited { status }) => Exit::from_wait_status(status),
            _ => Exit::Unknown,
        }
    }

    fn broken(&self, how: &'static str) -> Error {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.process.kill();
        Error::Protocol(how)
    }
}

fn confine_error(step: u32, errno: i32) -> Error {
    Error::Confine {
        step: Step::describe(step),
        source: io::Error::from_raw_os_error(errno),
    }
}
