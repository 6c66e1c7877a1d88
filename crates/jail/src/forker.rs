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
use crate::process::{self, Exit, Mapped, Process, Witness};
use crate::protection::Protection;
use crate::shortage;
use crate::system;
use crate::wire::{Ceilings, REPLY_WORDS, Reply, Request};

/// How long a forker, or a new child, may take to answer. Far more than a busy machine needs; a
/// template that is hostile enough not to answer is killed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a zygote may take from its start until it serves.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Address space beyond memory proper: what is reserved and not used, by allocators and for memories that may grow.
const RESERVED_BYTES: u64 = 16 << 30;

/// Bytes that an isolate may have written and the host not read, at most. With less, both wake up again and again over what is
/// much. The system counts what it keeps beside them, too.
const WAITING_BYTES: i32 = 512 * 1024;

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
    /// It is not ended for want of memory before those that come of it, which the host sees to.
    is_spared: bool,
    /// What [`Link::mapped`] has found out.
    inherited: OnceLock<Mapped>,
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
        let mut link = Link::new(ours, process, Protection::default())?;
        link.is_spared = shortage::spare(link.process.id());
        let request = Request::Seal {
            first_user: settings.first_user,
            users: settings.users,
            ranks: link.is_spared,
        };
        let id = link.next_id();
        // It loads what isolates share before it answers.
        let wait = |control: &UnixStream| {
            let _ = system::wait_readable(control.as_fd(), Some(START_TIMEOUT));
        };
        match link.ask(id, request, None, wait)?.0 {
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
    /// of the jail can't be put up, [`Error::Gone`] when the process to fork from has ended,
    /// [`Error::Hidden`] when nothing can be learned of it, and
    /// [`Error::Timeout`] or [`Error::Protocol`] when it misbehaves, for which it is killed.
    pub fn fork(&self, role: Role, limits: &Limits) -> Result<Child, Error> {
        let link = &self.link;
        let (ours, theirs) = UnixStream::pair().map_err(Error::Fork)?;
        if role == Role::Isolate {
            message::let_wait(&theirs, WAITING_BYTES).map_err(Error::Fork)?;
        }
        if role == Role::Isolate && limits.quiet.is_some() {
            // It could not do so itself.
            theirs.set_read_timeout(limits.quiet).map_err(Error::Fork)?;
        }
        if !link.is_zygote() {
            message::tell_sender(&ours, true).map_err(Error::Fork)?;
        }
        let request = Request::Fork {
            role,
            ceilings: link.ceilings(limits)?,
        };
        let id = link.next_id();
        let wait = |_: &UnixStream| {
            // What a zygote answers need not be looked at before its child is there, which spares this thread to wake up
            // twice.
            if link.is_zygote() {
                let _ = system::wait_readable(ours.as_fd(), Some(ANSWER_TIMEOUT));
            }
        };
        let (reply, named) = link.ask(id, request, Some(theirs), wait)?;
        let forked = match reply {
            Reply::Forked { pid } => pid,
            Reply::Failed { step, errno } if step == Step::Fork as u32 => {
                return Err(Error::Fork(io::Error::from_raw_os_error(errno)));
            }
            _ => return Err(link.broken("it answered another question")),
        };
        let sender = link.meet(id, &ours)?;
        let witness = Witness::Forker {
            link: Arc::clone(link),
            request: id,
        };
        let process = match named {
            Some(descriptor) => Process::new(forked, descriptor, role, witness),
            None => link.identify(sender, role, witness)?,
        };
        if link.is_spared {
            shortage::goes_first(process.id());
        }
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
        let mut link = Link::new(socket, process, protection)?;
        link.is_spared = shortage::spare(link.process.id());
        Ok(Self {
            link: Arc::new(link),
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
    fn new(control: UnixStream, process: Process, protection: Protection) -> Result<Self, Error> {
        control
            .set_nonblocking(false)
            .and_then(|()| control.set_read_timeout(Some(ANSWER_TIMEOUT)))
            .and_then(|()| control.set_write_timeout(Some(ANSWER_TIMEOUT)))
            .map_err(|error| Error::System("cannot set a control socket up", error))?;
        Ok(Self {
            control: Mutex::new(Some(control)),
            process,
            requests: AtomicU64::new(1),
            protection,
            is_spared: false,
            inherited: OnceLock::new(),
        })
    }

    /// Whether what forks is a zygote, which runs no program of anybody's.
    fn is_zygote(&self) -> bool {
        matches!(self.process.witness(), Witness::Thread(_))
    }

    /// What a child will inherit of the process's address space.
    fn mapped(&self) -> Result<Mapped, Error> {
        let measure = || {
            process::mapped(self.process.id()).map_err(|_| match self.process.has_ended() {
                Ok(false) => Error::Hidden,
                _ => Error::Gone,
            })
        };
        match self.is_zygote() {
            // It stays as it is.
            true => match self.inherited.get() {
                Some(mapped) => Ok(*mapped),
                None => measure().map(|mapped| *self.inherited.get_or_init(|| mapped)),
            },
            false => measure(),
        }
    }

    fn next_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Limits on top of what the child will inherit from the process as it is now.
    fn ceilings(&self, limits: &Limits) -> Result<Ceilings, Error> {
        let inherited = self.mapped()?;
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

    /// One request and its answer, which is looked for after `wait`. A zygote may attach a descriptor.
    fn ask(
        &self,
        id: u64,
        request: Request,
        attached: Option<UnixStream>,
        wait: impl FnOnce(&UnixStream),
    ) -> Result<(Reply, Option<OwnedFd>), Error> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = control.as_ref().ok_or(Error::Gone)?;
        let descriptor = attached.as_ref().map(AsFd::as_fd);
        let sent = message::send(socket.as_fd(), &request.encode(id), descriptor);
        // If it does not reach a child, its other end is to be closed.
        drop(attached);
        let result = sent.and_then(|()| {
            wait(socket);
            let mut bytes = [0; REPLY_WORDS * 8];
            let descriptor = match self.is_zygote() {
                true => message::read_exact_with_descriptor(socket, &mut bytes)?,
                false => message::read_exact(socket, &mut bytes).map(|()| None)?,
            };
            Ok((bytes, descriptor))
        });
        let error = match result {
            Ok((bytes, descriptor)) => match Reply::decode(&bytes) {
                Some((answered, reply)) if answered == id => return Ok((reply, descriptor)),
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

    /// Waits for a new child to say that its jail is up, and returns its process number if the kernel has been asked to vouch
    /// for it.
    fn meet(&self, id: u64, socket: &UnixStream) -> Result<Option<u32>, Error> {
        let mut bytes = [0; REPLY_WORDS * 8];
        let mut received = 0;
        let mut sender = None;
        while received < bytes.len() {
            let is_there = system::wait_readable(socket.as_fd(), Some(ANSWER_TIMEOUT));
            if !is_there.map_err(Error::Fork)? {
                // The child may have no name yet by which it could be killed.
                self.process.kill();
                return Err(Error::Timeout);
            }
            match message::receive_with_sender(socket.as_fd(), &mut bytes[received..]) {
                Ok((0, _)) => return Err(Error::Ended),
                Ok((count, pid)) => {
                    received += count;
                    sender = pid.or(sender);
                }
                Err(error) => return Err(Error::Fork(error)),
            }
        }
        match Reply::decode(&bytes) {
            Some((answered, Reply::Ready)) if answered == id => {}
            Some((answered, Reply::Failed { step, errno })) if answered == id => {
                return Err(confine_error(step, errno));
            }
            _ => return Err(self.broken("its child's first words have another form")),
        }
        if self.is_zygote() {
            return Ok(None);
        }
        message::tell_sender(socket, false).map_err(Error::Fork)?;
        Ok(sender.and_then(|pid| u32::try_from(pid).ok()))
    }

    /// Makes sure that a number is that of a child of this link's process. Otherwise a hostile
    /// template could have the host kill a process that is none of its own.
    fn identify(&self, pid: Option<u32>, role: Role, witness: Witness) -> Result<Process, Error> {
        let pid = pid
            .filter(|pid| *pid != 0)
            .ok_or_else(|| self.broken("its child has no process number"))?;
        let descriptor = system::open_process(pid).map_err(|_| Error::Gone)?;
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
        match self.ask(id, Request::Reap { id: request }, None, |_| ()) {
            Ok((Reply::Exited { status }, _)) => Exit::from_wait_status(status),
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
