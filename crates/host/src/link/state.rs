//! What is under way on a link.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::limits::STREAM_WINDOW_BYTES;
use protocol::{
    CallId, CapabilityId, DERIVED, EventId, Failure, OF_ISOLATE, ObjectNumber, SocketId, SocketRef,
    StreamId,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::facets::Asked;
use super::objects::Living;
use super::outbox::Outbox;
use super::outgoing::Writer;
use super::sockets::Socket;
use super::table::Remote;
use crate::body::BodyError;
use crate::capability::Capability;
use crate::fetcher::{FetchError, Response};
use crate::held::Held;
use crate::objects::{Lease, Slot};
use crate::parcel::Returns;
use crate::routes::Route;
use crate::socket::SocketEnd;
use crate::tail::Following;

/// The other end of an answer.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, FetchError>>;

/// An event that the isolate works on.
#[derive(Debug, Default)]
pub(crate) struct EventEntry {
    /// Who waits for the response.
    pub(crate) respond: Option<Answer<Response>>,
    /// Who waits for the end.
    pub(crate) done: Option<Answer<()>>,
    /// Who waits for a method's result.
    pub(crate) returns: Option<Returns>,
    /// The object that it happens to.
    pub(crate) object: Option<ObjectNumber>,
    /// Keeps that object awake.
    pub(crate) lease: Option<Lease>,
    /// What those learn who follow the worker.
    pub(crate) following: Option<Box<Following>>,
    /// What is called, when an isolate gave that away.
    pub(crate) callee: Option<Arc<Remote>>,
    /// What is remembered of requests like this one.
    pub(crate) route: Option<Route>,
    /// Its share of what may be under way where it came from.
    pub(crate) room: Option<OwnedSemaphorePermit>,
    pub(crate) responded: bool,
    /// The most calls, when that is less than usual.
    pub(crate) subrequest_limit: Option<u32>,
    /// Calls made so far.
    pub(crate) subrequests: u32,
    /// Objects in the same isolate that it has called without the host.
    pub(crate) calls_inside: u32,
    /// Processor time of the process when it began, if somebody wants to know.
    pub(crate) cpu_before: Option<Duration>,
    /// How many workers a request has passed through.
    pub(crate) depth: u32,
}

impl EventEntry {
    /// An event of which nobody waits for anything but its end.
    pub(crate) fn ending(room: OwnedSemaphorePermit) -> Self {
        Self {
            room: Some(room),
            ..Self::default()
        }
    }

    /// It has come to nothing.
    pub(crate) fn fail(mut self, error: &FetchError) {
        if let Some(following) = self.following.take() {
            following.lost(error);
        }
        if let Some(respond) = self.respond.take() {
            drop(respond.send(Err(error.clone())));
        }
        if let Some(returns) = self.returns.take() {
            returns.call(Err(error.clone()));
        }
        if let Some(done) = self.done.take() {
            drop(done.send(Err(error.clone())));
        }
    }
}

/// What an isolate sends on a stream, and its share of what the host holds.
pub(super) type Chunk = Result<(Bytes, Held), BodyError>;

/// A stream that the isolate sends.
#[derive(Debug)]
pub(super) struct Reader {
    chunks: mpsc::UnboundedSender<Chunk>,
    /// Bytes that the isolate may still send.
    pub(super) window: u64,
}

impl Reader {
    pub(super) fn new(chunks: mpsc::UnboundedSender<Chunk>) -> Self {
        Self {
            chunks,
            window: u64::from(STREAM_WINDOW_BYTES),
        }
    }

    /// Takes the size of data from what was granted.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.window = self
            .window
            .checked_sub(bytes as u64)
            .ok_or("more bytes than were granted")?;
        Ok(())
    }

    pub(super) fn data(&self, bytes: &[u8], held: Held) {
        // A reader that is gone has a cancel under way.
        drop(self.chunks.send(Ok((Bytes::copy_from_slice(bytes), held))));
    }

    pub(super) fn abort(self, error: BodyError) {
        drop(self.chunks.send(Err(error)));
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The isolate is gone.
    pub(super) closed: bool,
    /// It has passed a limit and is about to end: it gets no more events.
    pub(super) condemned: bool,
    /// Why it was killed, when that is for its callers to know.
    pub(super) verdict: Option<Failure>,
    /// Processor time of the process when it was ended, if somebody wants to know.
    pub(super) cpu_at_end: Option<Duration>,
    /// Bytes that wait for the socket.
    pub(super) outbox: Outbox,
    /// Frames received so far.
    pub(super) frames: u64,
    pub(super) events: HashMap<EventId, EventEntry>,
    /// How many of them have begun inside the isolate.
    pub(super) events_inside: usize,
    /// What an event takes of processor time, the latest counting most.
    pub(super) usual_cpu_us: u64,
    pub(super) readers: HashMap<StreamId, Reader>,
    pub(super) writers: HashMap<StreamId, Writer>,
    /// Each with the task that works on it, if one does.
    pub(super) calls: HashMap<CallId, Option<AbortHandle>>,
    /// What the isolate may do beside what it was made for.
    pub(super) capabilities: HashMap<CapabilityId, Capability>,
    pub(super) objects: HashMap<ObjectNumber, Living>,
    /// Facets that wait for being told what they are, by the calls that their parents make on them.
    pub(super) starts: HashMap<CallId, Asked>,
    /// Databases that are here to be looked at.
    pub(super) copies: HashSet<ObjectNumber>,
    /// Why objects were taken away, for their callers.
    pub(super) endings: HashMap<ObjectNumber, Box<str>>,
    /// Objects that live here no longer, for what they said before and nobody has heard yet.
    pub(super) left: HashMap<ObjectNumber, Arc<Slot>>,
    pub(super) sockets: HashMap<SocketRef, Socket>,
    /// Sockets that the host numbered and the isolate does not listen to yet.
    pub(super) unheard: HashMap<SocketId, SocketEnd>,
    /// Ends that the isolate numbered, of sockets that are kept for objects, until a response has them.
    pub(super) offered: HashMap<SocketId, SocketEnd>,
    pub(super) wake: Option<AbortHandle>,
    last_event: EventId,
    last_stream: StreamId,
    last_capability: CapabilityId,
    last_socket: u32,
    /// Objects are numbered from 1, and no number is used twice.
    pub(super) last_object: ObjectNumber,
}

impl State {
    /// Forgets an event.
    pub(super) fn take_event(&mut self, id: EventId) -> Option<EventEntry> {
        let entry = self.events.remove(&id)?;
        if id & OF_ISOLATE == 0 {
            // It was asked what a facet is, perhaps, and has not said so.
            if !self.starts.is_empty() {
                self.starts.remove(&(id | OF_ISOLATE));
            }
        } else {
            self.events_inside -= 1;
        }
        Some(entry)
    }

    /// The objects to which something happens.
    pub(super) fn at_work(&self) -> HashSet<ObjectNumber> {
        let events = self.events.values();
        events.filter_map(|entry| entry.object).collect()
    }

    pub(super) fn next_event(&mut self) -> EventId {
        loop {
            self.last_event = self.last_event.wrapping_add(1) % OF_ISOLATE;
            if !self.events.contains_key(&self.last_event) {
                return self.last_event;
            }
        }
    }

    pub(super) fn next_stream(&mut self) -> StreamId {
        loop {
            self.last_stream = self.last_stream.wrapping_add(1);
            if !self.writers.contains_key(&self.last_stream) {
                return self.last_stream;
            }
        }
    }

    /// A number from `first` on that the isolate would not use for its own.
    pub(super) fn next_capability(&mut self, first: CapabilityId) -> CapabilityId {
        loop {
            self.last_capability = (self.last_capability + 1) % DERIVED;
            let id = self.last_capability;
            if id >= first && !self.capabilities.contains_key(&id) {
                return id;
            }
        }
    }

    pub(super) fn next_object(&mut self) -> ObjectNumber {
        self.last_object += 1;
        self.last_object
    }

    pub(super) fn next_socket(&mut self) -> u32 {
        loop {
            self.last_socket = self.last_socket.wrapping_add(1);
            let number = SocketRef::Host(self.last_socket);
            if !self.sockets.contains_key(&number) && !self.unheard.contains_key(&self.last_socket)
            {
                return self.last_socket;
            }
        }
    }
}
