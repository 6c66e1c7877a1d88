//! The loop inside a zygote or template that forks on request.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::Error;
use crate::confine::{self, Birth, Failure, Sealed, Step};
use crate::limits::Role;
use crate::message;
use crate::namespaces;
use crate::shortage::Precedence;
use crate::system::{self, Forked};
use crate::wire::{Ceilings, REQUEST_WORDS, Reply, Request};

/// Where a forked process finds its socket: the first number after the standard streams.
const SOCKET: RawFd = 3;

/// How many ended children are remembered for a host that may still ask how they ended.
const ENDED_CHILDREN: usize = 4096;

/// How long to wait for the next request, before it is looked whether children have ended. Where there is much to fork, they
/// are noted together.
const QUIET: Duration = Duration::from_millis(50);

/// Exit status of a process whose jail could not be put up.
const EXIT_NOT_CONFINED: i32 = 70;
/// Exit status of a forker that was sent something else than a request.
const EXIT_PROTOCOL: i32 = 76;

/// The right to answer fork requests that arrive on a socket.
#[derive(Debug)]
pub struct Control {
    socket: UnixStream,
    zygote: Option<ZygoteStart>,
}

/// What the first forker, which holds powers that it must give up before it forks, has done.
#[derive(Debug, Clone, Copy)]
struct ZygoteStart {
    left_network: bool,
}

impl From<UnixStream> for Control {
    /// Turns a template's socket into its control socket. The caller must have read exactly its own
    /// bytes from it: the next byte has to be the first of a request. In an isolate, serving this
    /// ends the process at the first fork.
    fn from(socket: UnixStream) -> Self {
        Self {
            socket,
            zygote: None,
        }
    }
}

/// What a newly forked and jailed process starts with.
#[derive(Debug)]
pub struct Started {
    /// What the host wants this process to be.
    pub role: Role,
    /// The host's [`Child::socket`](crate::Child::socket) is the other end. It blocks.
    pub socket: UnixStream,
}

/// Makes this process a zygote. To be called first thing in a `main` that
/// [`Zygote::spawn`](crate::Zygote::spawn) started, on its only thread: it closes all descriptors
/// but the standard streams.
///
/// # Errors
///
/// When this process was started in another way, so that it has no control socket.
pub fn zygote() -> Result<Control, Error> {
    let input = system::standard_stream(0);
    if !message::is_unix_stream(input) {
        let reason = io::Error::other("standard input is not a control socket");
        return Err(Error::Spawn(reason));
    }
    system::end_with_parent().map_err(Error::Spawn)?;
    system::new_session().map_err(Error::Spawn)?;
    system::close_from(SOCKET).map_err(Error::Spawn)?;
    // Standard output is `/dev/null`, and so becomes standard input, to which the zygote was given
    // its socket because that needs no code between fork and exec.
    system::duplicate_to(input, SOCKET).map_err(Error::Spawn)?;
    system::duplicate_to(system::standard_stream(1), 0).map_err(Error::Spawn)?;
    Ok(Control {
        socket: system::adopt(SOCKET).into(),
        zygote: Some(ZygoteStart {
            left_network: namespaces::leave_network(),
        }),
    })
}

/// Forks whenever the host asks for it. Returns only in the children, jailed as their role says;
/// the process that called it ends when the host closes the control socket.
///
/// `settle` is run once, when this process has all that its children will share, so that it can put its memory in order for
/// them.
///
/// The process must have a single thread. A zygote refuses to serve otherwise, and a template has
/// no system call to start one.
pub fn serve(control: Control, settle: impl FnOnce()) -> Started {
    let Control { socket, zygote } = control;
    let mut forker = match Server::new(socket) {
        Ok(forker) => forker,
        Err(_) => system::exit_now(EXIT_PROTOCOL),
    };
    match zygote {
        Some(start) => forker.seal(start, settle),
        None => settle(),
    }
    loop {
        let (id, request, descriptor) = forker.next_request();
        match (request, descriptor) {
            (Request::Fork { role, ceilings }, Some(descriptor)) => {
                if let Some(birth) = forker.fork(id, role) {
                    return forker.become_child(id, role, birth, &ceilings, descriptor);
                }
            }
            (Request::Fork { .. }, None) => system::exit_now(EXIT_PROTOCOL),
            // It has been sealed, or has nothing to give up.
            (Request::Seal { .. }, _) => system::exit_now(EXIT_PROTOCOL),
            (Request::Reap { id: child }, _) => forker.tell_end(id, child),
        }
    }
}

struct Server {
    socket: UnixStream,
    /// What a zygote has left. A template has never had any of it.
    sealed: Option<Sealed>,
    /// How many were forked.
    turn: u64,
    /// Children by their numbers, and the requests that they were forked for.
    living: HashMap<u32, u64>,
    /// The requests for which those were forked that ended last, and their `wait` statuses.
    ended: VecDeque<(u64, i32)>,
}

impl Server {
    fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        system::interrupt_on_child_end()?;
        Ok(Self {
            socket,
            sealed: None,
            turn: 0,
            living: HashMap::new(),
            ended: VecDeque::new(),
        })
    }

    /// Reads one whole request, noting children that end meanwhile. Ends the process when the host
    /// is gone or does not speak the protocol.
    fn next_request(&mut self) -> (u64, Request, Option<OwnedFd>) {
        let mut bytes = [0; REQUEST_WORDS * 8];
        let mut received = 0;
        let mut descriptor = None;
        if self.wait_for_request().is_err() {
            system::exit_now(EXIT_PROTOCOL);
        }
        while received < bytes.len() {
            let rest = &mut bytes[received..];
            match message::receive_with_descriptor(self.socket.as_fd(), rest) {
                Ok((0, _)) => system::exit_now(0),
                Ok((count, found)) => {
                    received += count;
                    descriptor = descriptor.or(found);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => system::exit_now(EXIT_PROTOCOL),
            }
        }
        match Request::decode(&bytes) {
            Some((id, request)) => (id, request, descriptor),
            None => system::exit_now(EXIT_PROTOCOL),
        }
    }

    /// Waits until there is something to read, and notes children that have ended: all of them at once when another request
    /// comes soon, each at its end otherwise.
    fn wait_for_request(&mut self) -> io::Result<()> {
        self.note_ended();
        if system::wait_readable(self.socket.as_fd(), Some(QUIET))? {
            return Ok(());
        }
        loop {
            self.note_ended();
            if system::wait_readable_or_child_end(self.socket.as_fd())? {
                return Ok(());
            }
        }
    }

    fn reply(&self, id: u64, reply: Reply) {
        if send_reply(self.socket.as_fd(), id, reply).is_err() {
            system::exit_now(EXIT_PROTOCOL);
        }
    }

    /// Gives up the powers of a zygote when the host asks for it, which it does first.
    fn seal(&mut self, start: ZygoteStart, settle: impl FnOnce()) {
        let request = self.next_request();
        let (
            id,
            Request::Seal {
                first_user,
                users,
                ranks,
            },
            _,
        ) = request
        else {
            system::exit_now(EXIT_PROTOCOL);
        };
        let sealed = confine::seal(first_user, users, ranks).and_then(|sealed| {
            settle();
            if sealed.precedence.is_some() {
                // While it forks it counts for as much as its children, and should be smaller than any of them.
                system::give_back_program();
            }
            confine::close()?;
            Ok(sealed)
        });
        match sealed {
            Ok(mut sealed) => {
                sealed.protection.network_namespace = start.left_network;
                self.reply(id, Reply::Sealed(sealed.protection));
                self.sealed = Some(sealed);
            }
            Err(failure) => {
                self.reply(id, failure.into());
                system::exit_now(EXIT_NOT_CONFINED);
            }
        }
    }

    /// Forks. `Some` in the child.
    fn fork(&mut self, id: u64, role: Role) -> Option<Birth> {
        let mut birth = Birth {
            parent: Some(std::process::id()),
            zygote: false,
            user: None,
        };
        let mut own_table = false;
        if let Some(sealed) = &self.sealed {
            birth.zygote = true;
            birth.user = sealed.users.nth(self.turn);
            own_table = sealed.protection.process_namespace && role.is_template();
        }
        self.turn += 1;
        let precedence = self
            .sealed
            .as_ref()
            .and_then(|sealed| sealed.precedence.as_ref());
        let raised = precedence.map_or(Ok(()), Precedence::raise);
        let forked = if own_table {
            birth.parent = None;
            raised.and_then(|()| system::fork_into_new_process_table())
        } else {
            raised.and_then(|()| system::fork())
        };
        if let (Some(precedence), Ok(Forked::Parent { .. }) | Err(_)) = (precedence, &forked) {
            // It did so at the start. If it cannot any more, it goes like its children.
            let _ = precedence.lower();
        }
        match forked {
            Ok(Forked::Child) => Some(birth),
            Ok(Forked::Parent { child: pid }) => {
                self.living.insert(pid, id);
                self.tell_fork(id, pid);
                None
            }
            Err(error) => {
                self.reply(id, failed_fork(&error).into());
                None
            }
        }
    }

    /// Tells the host of a new child. It believes a zygote which process that is, and has nothing to look up then.
    fn tell_fork(&self, id: u64, pid: u32) {
        let reply = Reply::Forked { pid };
        if self.sealed.is_none() {
            return self.reply(id, reply);
        }
        // Nobody but this process forgets the child, so that the number is still the child's.
        let process = match system::open_process(pid) {
            Ok(process) => process,
            Err(error) => return self.reply(id, failed_fork(&error).into()),
        };
        let bytes = reply.encode(id);
        if message::send(self.socket.as_fd(), &bytes, Some(process.as_fd())).is_err() {
            system::exit_now(EXIT_PROTOCOL);
        }
    }

    /// Jails this new process and tells the host so, over the socket that it keeps.
    fn become_child(
        self,
        id: u64,
        role: Role,
        birth: Birth,
        ceilings: &Ceilings,
        descriptor: OwnedFd,
    ) -> Started {
        // The kernel closes the forker's socket below, so its owner must not do so later.
        let _ = self.socket.into_raw_fd();
        let socket = match keep_only(descriptor) {
            Ok(socket) => UnixStream::from(socket),
            // Without a socket there is nobody to tell; the host sees it closed.
            Err(_) => system::exit_now(EXIT_NOT_CONFINED),
        };
        let jailed = confine::confine(role, birth, ceilings);
        let reply = match &jailed {
            Ok(()) => Reply::Ready,
            Err(failure) => failure.into(),
        };
        let told = send_reply(socket.as_fd(), id, reply);
        if jailed.is_err() || told.is_err() {
            system::exit_now(EXIT_NOT_CONFINED);
        }
        Started { role, socket }
    }

    fn note_ended(&mut self) {
        while let Some((pid, status)) = system::reap() {
            let Some(id) = self.living.remove(&pid) else {
                continue;
            };
            if self.ended.len() == ENDED_CHILDREN {
                self.ended.pop_front();
            }
            self.ended.push_back((id, status));
        }
    }

    fn tell_end(&mut self, id: u64, child: u64) {
        self.note_ended();
        let ended = self.ended.iter().position(|(known, _)| *known == child);
        let reply = match ended.and_then(|place| self.ended.remove(place)) {
            Some((_, status)) => Reply::Exited { status },
            None if self.living.values().any(|known| *known == child) => Reply::Running,
            None => Reply::NoSuchChild,
        };
        self.reply(id, reply);
    }
}

/// Moves the new process's socket to its place, and closes all descriptors that the forker had.
fn keep_only(socket: OwnedFd) -> io::Result<OwnedFd> {
    // A zygote may still have the host's standard error.
    system::duplicate_to(system::standard_stream(0), 2)?;
    system::duplicate_to(socket.as_fd(), SOCKET)?;
    let _ = socket.into_raw_fd();
    system::close_from(SOCKET + 1)?;
    Ok(system::adopt(SOCKET))
}

fn failed_fork(error: &io::Error) -> Failure {
    Failure {
        step: Step::Fork,
        errno: error.raw_os_error().unwrap_or(libc::EAGAIN),
    }
}

fn send_reply(socket: BorrowedFd<'_>, id: u64, reply: Reply) -> io::Result<()> {
    message::send(socket, &reply.encode(id), None)
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Self {
        Self::Failed {
            step: failure.step as u32,
            errno: failure.errno,
        }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        (&failure).into()
    }
}
