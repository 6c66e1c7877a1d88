//! One object in the directory: whether it runs, and where.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use protocol::{CodeLimits, ObjectId, ObjectNumber};
use tokio::sync::{Notify, oneshot};

use super::Namespace;
use super::facets::{Asker, Facets, Place, Start};
use super::sockets::Sockets;
use crate::fetcher::FetchError;
use crate::link::Link;

/// What is to be done where an object lives.
pub(crate) type Work = Box<dyn FnOnce(Result<Arrival, FetchError>) + Send>;

/// Something that waits for an object to live somewhere.
pub(super) struct Waiting {
    pub(super) work: Work,
    /// Who can say what the object is: set when it is a facet, and this comes from its parent.
    pub(super) asker: Option<Asker>,
}

/// Where an object lives, for one event.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) link: Arc<Link>,
    pub(crate) number: ObjectNumber,
    pub(crate) lease: Lease,
    /// What the event may use, when that is less than usual.
    pub(crate) limits: CodeLimits,
}

/// Keeps an object awake until it is dropped, and what it is a facet of.
#[derive(Debug)]
pub(crate) struct Lease {
    slot: Arc<Slot>,
    #[expect(dead_code, reason = "it works by being dropped")]
    parent: Option<Box<Lease>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.slot.lock();
        state.active -= 1;
        state.unchanged_since = Instant::now();
        if state.active == 0 {
            drop(state);
            self.slot.quiet.notify_waiters();
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
    /// The deployed worker whose code it runs, if it is one.
    pub(super) worker: Option<Arc<str>>,
    /// What its events may use.
    pub(super) limits: CodeLimits,
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
    /// Where it belongs, when it is a facet.
    pub(super) place: Option<Place>,
    pub(super) facets: Facets,
    state: Mutex<State>,
    /// It must not start for now.
    pub(super) held: AtomicUsize,
    /// Nothing happens to it any more.
    pub(super) quiet: Notify,
    /// It began or ceased to live somewhere.
    pub(super) moved: Notify,
    /// Somebody waits for it who can say what it is.
    pub(super) asked: Notify,
    /// What the host keeps for it.
    pub(crate) sockets: Sockets,
}

pub(super) struct State {
    pub(super) namespace: Namespace,
    pub(super) name: Option<Arc<str>>,
    pub(super) phase: Phase,
    pub(super) waiting: VecDeque<Waiting>,
    /// Leases that are out.
    pub(super) active: usize,
    /// When one was given or taken back last.
    pub(super) unchanged_since: Instant,
    /// It has to go, whether it can or not.
    pub(super) must_go: bool,
    /// How a facet was started last.
    pub(super) start: Option<Start>,
    /// Dropping it ends the question to its parent what it is.
    pub(super) asking: Option<oneshot::Sender<()>>,
    /// It was to end before it had started, for this reason.
    pub(super) interrupted: Option<Box<str>>,
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

    /// Takes what its parent has asked of it.
    pub(super) fn take_asked(&mut self) -> Vec<Waiting> {
        let (asked, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|waiting| waiting.asker.is_some());
        self.waiting = others.into();
        asked
    }

    /// Whether somebody waits for it who can say what it is.
    pub(super) fn is_asked(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.asker.is_some())
    }

    /// Nobody needs to know about it.
    pub(super) fn is_forgettable(&self) -> bool {
        matches!(self.phase, Phase::Asleep) && self.waiting.is_empty() && self.active == 0
    }
}

impl Slot {
    pub(super) fn new(namespace: Namespace, id: ObjectId, place: Option<Place>) -> Self {
        Self {
            id,
            place,
            facets: Facets::default(),
            state: Mutex::new(State {
                namespace,
                name: None,
                phase: Phase::Asleep,
                waiting: VecDeque::new(),
                active: 0,
                unchanged_since: Instant::now(),
                must_go: false,
                start: None,
                asking: None,
                interrupted: None,
            }),
            held: AtomicUsize::new(0),
            quiet: Notify::new(),
            moved: Notify::new(),
            asked: Notify::new(),
            sockets: Sockets::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an instance of it lives somewhere.
    pub(super) fn is_awake(&self) -> bool {
        self.lock().home().is_some()
    }

    /// Keeps the object awake.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        self.lease_in(&mut self.lock())
    }

    /// A facet's lock may be held while its parent's is taken, never the other way round.
    fn lease_in(self: &Arc<Self>, state: &mut State) -> Lease {
        state.active += 1;
        state.unchanged_since = Instant::now();
        let place = self.place.as_ref();
        Lease {
            slot: Arc::clone(self),
            parent: place.map(|place| Box::new(place.parent.lease())),
        }
    }

    /// Something is about to happen to an object that lives at `home`.
    pub(super) fn arrival(self: &Arc<Self>, state: &mut State, home: &Home) -> Arrival {
        Arrival {
            link: Arc::clone(&home.link),
            number: home.number,
            lease: self.lease_in(state),
            limits: home.limits,
        }
    }

    /// Whether it may start.
    pub(super) fn may_start(&self) -> bool {
        let mut place = self.place.as_ref();
        while let Some(Place { parent, .. }) = place {
            if parent.facets.are_held() {
                return false;
            }
            place = parent.place.as_ref();
        }
        self.held.load(Ordering::SeqCst) == 0
    }
}
