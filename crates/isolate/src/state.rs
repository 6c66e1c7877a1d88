//! What belongs to the isolate of this thread, for natives that have no other way to it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use protocol::limits::MAX_UNSENT_BYTES;
use protocol::{
    Bounds, CallId, CapabilityId, EventId, Failure, FrameBuffer, FromIsolate, ObjectNumber,
    SocketId, SocketPart,
};

use crate::cpu;
use crate::heap::Account;
use crate::modules::ProgramModules;
use crate::prepare::Transform;

/// Everything natives share with the event loop.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Frames on their way to the host.
    pub(crate) outbox: Vec<u8>,
    /// How long the outbox was when the turn began.
    pub(crate) turn_start: usize,
    /// Commits of the turn, as frames: they leave before everything else that the turn sends.
    pub(crate) commits: Vec<u8>,
    /// The turn has sent something that may tell of what it wrote.
    pub(crate) has_told: bool,
    /// The objects that events under way happen to, and those of events that have ended in this turn.
    pub(crate) object_events: HashMap<EventId, ObjectNumber>,
    ended_events: Vec<EventId>,
    /// What is being sent on sockets of an object, as long as it is the same on all of them.
    pub(crate) cast: Option<Cast>,
    /// Objects whose writes of this turn are lost, and why.
    pub(crate) lost: Vec<(ObjectNumber, String)>,
    /// Objects that have gone to sleep since memory was last given back.
    pub(crate) slept: usize,
    /// Milliseconds since 1970 in the last frame that told the time.
    pub(crate) now_ms: f64,
    /// The first event has not been seen: no I/O, timers or randomness.
    pub(crate) global_scope: bool,
    /// What `fetch()` uses.
    pub(crate) global_fetch: Option<CapabilityId>,
    /// The worker itself, for `ctx.exports`.
    pub(crate) loopback: Option<CapabilityId>,
    pub(crate) bundler: Option<CapabilityId>,
    /// Somebody follows the worker.
    pub(crate) is_followed: bool,
    /// What `caches` uses.
    pub(crate) cache: Option<CapabilityId>,
    /// The event that the turn is for, if one is known, and the processor time that it may use, in milliseconds.
    pub(crate) turn_event: Option<EventId>,
    pub(crate) turn_cpu_ms: u32,
    /// Processor time that events may use unless they are told otherwise, in milliseconds.
    pub(crate) cpu_ms: u32,
    /// When the engine is to stop, as processor time in microseconds.
    pub(crate) deadline_us: Rc<Cell<u64>>,
    /// Processor time of open events before the current turn, in microseconds.
    pub(crate) event_cpu_us: HashMap<EventId, u64>,
    /// What events may use that may use less than usual.
    pub(crate) event_bounds: HashMap<EventId, Bounds>,
    /// The events that calls under way are made for.
    pub(crate) calls: HashMap<CallId, EventId>,
    /// Descriptors that came with frames which have not been handled yet, in their order.
    pub(crate) descriptors: VecDeque<OwnedFd>,
    /// A limit was passed after which no code may run.
    pub(crate) condemned: bool,
    /// What takes types and JSX out of modules for programs.
    pub(crate) transform: Option<Transform>,
    /// The modules of the program.
    pub(crate) program: ProgramModules,
    /// The engine's memory.
    pub(crate) heap: Rc<Account>,
}

/// One message for sockets that the host keeps for an object.
#[derive(Debug)]
pub(crate) struct Cast {
    object: ObjectNumber,
    sockets: Vec<SocketId>,
    has: HashSet<SocketId>,
    is_text: bool,
    data: Vec<u8>,
}

impl State {
    /// The event that waited for a call. Code whose event is not known counts for the only one that is open.
    pub(crate) fn take_call(&mut self, call: CallId) -> Option<EventId> {
        let mut open = self.event_cpu_us.keys();
        let only = match (open.next(), open.next()) {
            (Some(event), None) => Some(*event),
            _ => None,
        };
        self.calls.remove(&call).or(only)
    }

    /// Nothing of this turn has been sent.
    pub(crate) fn begin_turn(&mut self) {
        self.turn_start = self.outbox.len();
        self.has_told = false;
        for event in self.ended_events.drain(..) {
            self.object_events.remove(&event);
        }
    }

    /// Begins to count the processor time of a turn, for an event if one is known. What that used before counts as well.
    pub(crate) fn allow(&mut self, event: Option<EventId>, cpu_ms: u32) {
        let used_us = event.and_then(|event| self.event_cpu_us.get(&event));
        let end_us = cpu::begin_turn() + u64::from(cpu_ms) * 1_000;
        let left_us = end_us.saturating_sub(used_us.copied().unwrap_or(0));
        self.deadline_us.set(left_us);
        let bounds = event.and_then(|event| self.event_bounds.get(&event));
        self.heap
            .bound(bounds.and_then(|bounds| bounds.memory_bytes));
        self.turn_event = event;
        self.turn_cpu_ms = cpu_ms;
    }

    /// Counts what the turn has used so far. An event that is over has done that already.
    pub(crate) fn charge(&mut self) {
        let Some(event) = self.turn_event else {
            cpu::turn_us();
            return;
        };
        if let Some(used) = self.event_cpu_us.get_mut(&event) {
            *used += cpu::turn_us();
        }
    }

    /// Processor time of the event that the turn is for, in microseconds; of the turn if that is not known.
    pub(crate) fn turn_used_us(&self) -> u64 {
        let event = self.turn_event;
        let used = event.and_then(|event| self.event_cpu_us.get(&event));
        used.copied().unwrap_or_else(cpu::turn_us)
    }

    /// Processor time of an event up to now, in microseconds.
    pub(crate) fn used_us(&self, event: EventId) -> Option<u64> {
        let before = self.event_cpu_us.get(&event)?;
        let is_now = self.turn_event == Some(event);
        Some(before + if is_now { cpu::turn_us() } else { 0 })
    }

    /// An event is over of which the host does not know.
    pub(crate) fn forget_event(&mut self, event: EventId) {
        self.event_cpu_us.remove(&event);
        self.ended_events.push(event);
    }

    /// No more sockets get the message that is being sent.
    pub(crate) fn end_cast(&mut self) {
        let Some(cast) = self.cast.take() else { return };
        let part = match std::str::from_utf8(&cast.data) {
            Ok(text) if cast.is_text => SocketPart::Text(text),
            _ => SocketPart::Binary(&cast.data),
        };
        let frame = FromIsolate::Cast {
            object: cast.object,
            sockets: cast.sockets,
            part,
        };
        protocol::encode_into(&frame, &mut self.outbox);
        if self.outbox.len() > MAX_UNSENT_BYTES {
            self.heap.exhaust(self.outbox.len());
        }
    }

    /// Takes back what this turn has sent, except for what it wrote to the log.
    pub(crate) fn take_back(&mut self) {
        self.keep_frames(|frame| Some(matches!(frame, FromIsolate::Log { .. })));
    }

    /// Takes back what this turn has sent on behalf of some objects. False when it cannot be told what that is: then
    /// everything is taken back but the log.
    pub(crate) fn take_back_from(&mut self, objects: &[ObjectNumber]) -> bool {
        let of_objects = std::mem::take(&mut self.object_events);
        let stays = |event: EventId| {
            let object = of_objects.get(&event);
            Some(object.is_none_or(|object| !objects.contains(object)))
        };
        let known = self.keep_frames(|frame| match frame {
            FromIsolate::Respond(id, _)
            | FromIsolate::Return(id, _)
            | FromIsolate::Done { id, .. }
            | FromIsolate::Call {
                event: Some(id), ..
            } => stays(*id),
            FromIsolate::StorageCall { object, .. }
            | FromIsolate::Accept { object, .. }
            | FromIsolate::Cast { object, .. }
            | FromIsolate::Attach { object, .. }
            | FromIsolate::ChangeFacet { object, .. }
            | FromIsolate::Arrived { object, .. }
            | FromIsolate::PassOn { object, .. }
            | FromIsolate::AutoResponse { object, .. } => Some(!objects.contains(object)),
            FromIsolate::Log { .. }
            | FromIsolate::Wake(_)
            | FromIsolate::CancelCall(_)
            | FromIsolate::Release(_)
            | FromIsolate::Derive(..)
            | FromIsolate::StartFacet(..)
            | FromIsolate::Flow(..)
            | FromIsolate::Unhandled(..)
            | FromIsolate::Broken { .. }
            | FromIsolate::Slept(_)
            | FromIsolate::Busy(_) => Some(true),
            _ => None,
        });
        self.object_events = of_objects;
        if !known {
            self.take_back();
        }
        known
    }

    /// Keeps the frames of this turn that `stays` says. Keeps all, and returns false, when it cannot say so of one.
    fn keep_frames(&mut self, stays: impl Fn(&FromIsolate<'_>) -> Option<bool>) -> bool {
        let sent = self.outbox.split_off(self.turn_start);
        let mut frames = FrameBuffer::default();
        frames.extend(&sent);
        while let Ok(Some(payload)) = frames.next_frame() {
            let frame = protocol::decode(payload).expect("an isolate can read its own frames");
            match stays(&frame) {
                Some(true) => protocol::encode_into(&frame, &mut self.outbox),
                Some(false) => {}
                None => {
                    self.outbox.truncate(self.turn_start);
                    self.outbox.extend_from_slice(&sent);
                    return false;
                }
            }
        }
        true
    }

    /// Puts the turn's commits before what the turn has sent.
    pub(crate) fn place_commits(&mut self) {
        let (start, end, length) = (self.turn_start, self.outbox.len(), self.commits.len());
        if length == 0 {
            return;
        }
        let commits = std::mem::take(&mut self.commits);
        if start == 0 && end < length {
            // What is much stays where it is.
            let turn = std::mem::replace(&mut self.outbox, commits);
            self.outbox.extend_from_slice(&turn);
            return;
        }
        self.outbox.resize(end + length, 0);
        self.outbox.copy_within(start..end, start + length);
        self.outbox[start..start + length].copy_from_slice(&commits);
    }
}

/// The failure of a worker that used up its memory. Nothing may run after it: there is no saying what is missing.
pub(crate) fn out_of_memory() -> Failure {
    let (limit_mb, excess) = with(|state| {
        state.condemned = true;
        (state.heap.bound_mb(), state.heap.excess())
    });
    Failure::over_memory(limit_mb, &excess)
}

/// Whether an error is the engine's own word for that.
pub(crate) fn is_out_of_memory(name: &str, message: &str) -> bool {
    name == "InternalError" && message == "out of memory"
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State { global_scope: true, ..State::default() });
}

/// Runs `work` on this thread's state. Must not be nested.
pub(crate) fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(work)
}

/// Sends a message on a socket that the host keeps for an object. What goes to many sockets goes to the host once.
pub(crate) fn cast(object: ObjectNumber, socket: SocketId, is_text: bool, data: &[u8]) {
    with(|state| {
        state.has_told = true;
        if let Some(cast) = &mut state.cast
            && (cast.object, cast.is_text) == (object, is_text)
            && cast.data == data
            && cast.has.insert(socket)
        {
            cast.sockets.push(socket);
            return;
        }
        state.end_cast();
        state.cast = Some(Cast {
            object,
            sockets: vec![socket],
            has: HashSet::from([socket]),
            is_text,
            data: data.to_vec(),
        });
    });
}

/// Sends on one more socket what was sent last, if that was a text on one of the object's.
pub(crate) fn cast_again(object: ObjectNumber, socket: SocketId) -> bool {
    with(|state| {
        let Some(cast) = &mut state.cast else {
            return false;
        };
        let is_new = (cast.object, cast.is_text) == (object, true) && cast.has.insert(socket);
        if is_new {
            cast.sockets.push(socket);
            state.has_told = true;
        }
        is_new
    })
}

/// Puts one frame in the outbox. What is sent leaves when the turn ends, so a turn that sends too much is over.
pub(crate) fn send(frame: &FromIsolate<'_>) {
    with(|state| {
        if !matches!(frame, FromIsolate::Log { .. }) {
            state.end_cast();
        }
        protocol::encode_into(frame, &mut state.outbox);
        state.has_told |= !matches!(frame, FromIsolate::Log { .. });
        if let FromIsolate::Done { id, .. } = frame {
            state.ended_events.push(*id);
        }
        if state.outbox.len() > MAX_UNSENT_BYTES {
            state.heap.exhaust(state.outbox.len());
        }
    });
}
