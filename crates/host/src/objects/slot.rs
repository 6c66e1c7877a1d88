//! One object in the directory: whether it runs, and where.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use protocol::{ObjectId, ObjectNumber};
use tokio::sync::Notify;

use super::Namespace;
use super::sockets::Sockets;
use crate::fetcher::FetchError;
use crate::link::Link;

/// What is to be done where an object lives.
pub(super) type Work = Box<dyn FnOnce(Result<Arrival, FetchError>) + Send>;

/// Where an object lives, for one event.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) link: Arc<Link>,
    pub(crate) number: ObjectNumber,
    pub(crate) lease: Lease,
}

/// Keeps an object awake until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease(Arc<Slot>);

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.active -= 1;
        if state.active == 0 {
            state.idle_since = Instant::now();
            drop(state);
            self.0.quiet.notify_waiters();
        }
    }
}

/// Where an instance lives.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) link: Arc<Link>,
    pub(super) number: ObjectNumber,
    /// Which instance.
    pub(super) epoch: u64,
    /// The isolate is this object's alone.
    pub(super) alone: bool,
}

#[derive(Debug)]
pub(super) enum Phase {
    Asleep,
    /// An isolate is being found for it.
    Waking,
    /// It lives there, and what waited is being done.
    Arriving(Home),
    Awake(Home),
    /// It has been asked to go. What comes waits.
    Leaving(Home),
}

/// One object.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: ObjectId,
    state: Mutex<State>,
    /// Nothing happens to it any more.
    pub(super) quiet: Notify,
    /// It began or ceased to live somewhere.
    pub(super) moved: Notify,
    /// What the host keeps for it.
    pub(crate) sockets: Sockets,
}

pub(super) struct State {
    pub(super) namespace: Namespace,
    pub(super) name: Option<Arc<str>>,
    pub(super) phase: Phase,
    pub(super) waiting: VecDeque<Work>,
    /// Leases that are out.
    pub(super) active: usize,
    pub(super) idle_since: Instant,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("phase", &self.phase)
            .field("waiting", &self.waiting.len())
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn home(&self) -> Option<&Home> {
        match &self.phase {
            Phase::Asleep | Phase::Waking => None,
            Phase::Arriving(home) | Phase::Awake(home) | Phase::Leaving(home) => Some(home),
        }
    }

    /// Nobody needs to know about it.
    pub(super) fn is_forgettable(&self) -> bool {
        matches!(self.phase, Phase::Asleep) && self.waiting.is_empty() && self.active == 0
    }
}

impl Slot {
    pub(super) fn new(namespace: Namespace, id: ObjectId) -> Self {
        Self {
            id,
            state: Mutex::new(State {
                namespace,
                name: None,
                phase: Phase::Asleep,
                waiting: VecDeque::new(),
                active: 0,
                idle_since: Instant::now(),
            }),
            quiet: Notify::new(),
            moved: Notify::new(),
            sockets: Sockets::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the object awake.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        self.lock().active += 1;
        Lease(Arc::clone(self))
    }

    /// Something is about to happen to an object that lives at `home`.
    pub(super) fn arrival(self: &Arc<Self>, state: &mut State, home: &Home) -> Arrival {
        state.active += 1;
        Arrival {
            link: Arc::clone(&home.link),
            number: home.number,
            lease: Lease(Arc::clone(self)),
        }
    }
}
