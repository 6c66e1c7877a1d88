//! Facets: objects in the care of another object. Each has its own place in the directory and in the store, beside the
//! object that it belongs to in the end.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use protocol::limits::MAX_FACETS_PER_OBJECT;
use protocol::{CallId, Failure, FailureKind, ObjectId, ObjectNumber, facet_id, root_id};
use tokio::sync::oneshot;

use super::record::FacetRecord;
use super::slot::{Home, Phase, Slot, State, Waiting, Work};
use super::{Namespace, Objects};
use crate::class::{Class, Housing};
use crate::fetcher::FetchError;
use crate::link::{Link, ask_what_it_is, lost};
use crate::worker::Worker;

/// What is left of a facet is told when the object that it belongs to has ended.
pub(super) const PARENT_GONE: &str =
    "Durable Object facet was reset because the object that it belongs to has ended.";
/// How often it is tried to find an isolate that does not end meanwhile.
const TRIES: usize = 3;

/// Where a facet belongs.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) parent: Arc<Slot>,
    /// Names from the outermost object on, its own the last.
    pub(super) path: Box<[Box<str>]>,
}

/// What the directory knows of an object's facets.
#[derive(Debug, Default)]
pub(super) struct Facets {
    /// Those that have a place in the directory.
    present: Mutex<Vec<Weak<Slot>>>,
    /// None of them may start for now.
    held: AtomicUsize,
    /// Of an outermost object: the ids of all facets that are stored, or have run since it was looked.
    known: Mutex<Option<HashSet<ObjectId>>>,
}

/// How a facet is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) class: Arc<Class>,
    pub(crate) identity: Identity,
}

/// `ctx.id` of a facet.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// An id, and the name that it was made from.
    Object(ObjectId, Option<Arc<str>>),
    Text(Arc<str>),
}

/// A facet, as the object has it that it belongs to. Nobody else can.
#[derive(Clone, Debug)]
pub struct Facet {
    pub(crate) slot: Arc<Slot>,
    pub(crate) parent: ObjectNumber,
}

/// A call that a facet's parent has made on it: until it is answered, the parent can say what the facet is.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) link: Weak<Link>,
    pub(crate) call: CallId,
    pub(crate) parent: ObjectNumber,
}

impl Facets {
    fn present(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that have a place in the directory.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        self.present().iter().filter_map(Weak::upgrade).collect()
    }

    fn add(&self, slot: &Arc<Slot>) {
        let mut present = self.present();
        if present.len().is_power_of_two() {
            present.retain(|other| other.strong_count() > 0);
        }
        present.push(Arc::downgrade(slot));
    }

    pub(super) fn hold(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn let_go(&self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn are_held(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Option<HashSet<ObjectId>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// How many objects it is a facet of, one inside the other.
    pub(crate) fn depth(&self) -> u8 {
        let depth = self.place.as_ref().map_or(0, |place| place.path.len());
        u8::try_from(depth).unwrap_or(u8::MAX)
    }

    /// Names from the outermost object on; none for that object itself.
    pub(super) fn path(&self) -> &[Box<str>] {
        self.place.as_ref().map_or(&[], |place| &place.path)
    }

    /// Its name among the facets of its parent.
    pub(crate) fn name(&self) -> &str {
        self.path().last().map_or("", |name| name)
    }

    /// Its parent cannot say what it is: what the parent has asked of it until now fails.
    pub(crate) fn fail_what_was_asked(&self, error: &FetchError) {
        let failed = {
            let mut state = self.lock();
            state.interrupted = Some(Box::default());
            state.take_asked()
        };
        for waiting in failed {
            (waiting.work)(Err(error.clone()));
        }
    }

    /// The object that it belongs to in the end.
    pub(super) fn root(self: &Arc<Self>) -> &Arc<Self> {
        let mut slot = self;
        while let Some(place) = &slot.place {
            slot = &place.parent;
        }
        slot
    }
}

/// What callers of a facet see that has ended.
pub(super) fn ended(reason: &str) -> FetchError {
    FetchError::Worker(Failure {
        kind: FailureKind::Reset,
        name: "Error".to_owned(),
        message: reason.to_owned(),
        stack: String::new(),
    })
}

fn refused(message: String) -> FetchError {
    FetchError::Worker(Failure {
        kind: FailureKind::Exception,
        name: "Error".to_owned(),
        message,
        stack: String::new(),
    })
}

impl Objects {
    /// The place of a facet in the directory.
    pub(crate) fn facet_of(self: &Arc<Self>, parent: &Arc<Slot>, name: &str) -> Arc<Slot> {
        let id = facet_id(&parent.id, name);
        let namespace = parent.lock().namespace.clone();
        let mut slots = self.slots();
        let key = (namespace.stored().clone(), id);
        if let Some(slot) = slots.get(&key) {
            return Arc::clone(slot);
        }
        let place = Place {
            parent: Arc::clone(parent),
            path: parent.path().iter().cloned().chain([name.into()]).collect(),
        };
        let slot = Arc::new(Slot::new(namespace, id, Some(place)));
        slots.insert(key, Arc::clone(&slot));
        parent.facets.add(&slot);
        slot
    }

    /// The place of a facet that the store knows.
    pub(super) fn stored_facet(
        self: &Arc<Self>,
        namespace: &Namespace,
        id: ObjectId,
        record: &FacetRecord,
    ) -> Option<Arc<Slot>> {
        let root = root_id(&namespace.key(), &id);
        let mut slot = {
            let mut slots = self.slots();
            let slot = slots
                .entry((namespace.stored().clone(), root))
                .or_insert_with(|| Arc::new(Slot::new(namespace.clone(), root, None)));
            Arc::clone(slot)
        };
        for name in &record.path {
            slot = self.facet_of(&slot, name);
        }
        (slot.id == id).then_some(slot)
    }

    /// Whether a facet could start now without its parent.
    pub(super) fn can_start_alone(&self, namespace: &Namespace, id: ObjectId) -> bool {
        let key = (namespace.stored().clone(), id);
        let slot = self.slots().get(&key).cloned();
        let is_known = slot.is_some_and(|slot| {
            let state = slot.lock();
            state.home().is_some() || state.start.is_some()
        });
        is_known
            || self
                .stored_start(namespace.stored(), id)
                .and_then(|start| start.class.lasting_worker().map(str::to_owned))
                .is_some_and(|worker| self.running(&worker).is_some())
    }

    /// Whether a facet has an alarm, and only this place in the directory says what class it is of.
    pub(super) fn starts_for_its_alarm(&self, id: ObjectId, state: &State) -> bool {
        let start = state.start.as_ref();
        start.is_some_and(|start| start.class.lasting_worker().is_none())
            && self
                .store
                .object(state.namespace.stored(), id)
                .is_ok_and(|object| object.alarm.is_some())
    }

    /// How the store says that a facet was started last.
    fn stored_start(&self, namespace: &storage::Namespace, id: ObjectId) -> Option<Start> {
        let name = self.store.object(namespace, id).ok()?.name?;
        FacetRecord::parse(&name)?.start(&self.runtime)
    }

    /// Does `work` where the facet lives. When it has to be started, `asker` is asked what it is.
    pub(crate) fn deliver_to_facet(self: &Arc<Self>, slot: &Arc<Slot>, asker: Asker, work: Work) {
        let waiting = Waiting {
            work,
            asker: Some(asker),
        };
        self.dispatch(slot, slot.lock(), waiting);
    }

    /// Finds an isolate for a facet and opens it there.
    pub(super) async fn start_facet(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
    ) -> Result<(Home, Option<Worker>), FetchError> {
        let start = self.ask_for_start(slot).await?;
        self.check_number(slot).await?;
        let namespace = slot.root().lock().namespace.clone();
        let owner = slot.root().lock().name.clone();
        let record = FacetRecord::new(owner.as_deref(), slot.path(), &start).to_text();
        slot.lock().start = Some(start.clone());
        for _ in 0..TRIES {
            let Housing {
                link,
                worker,
                alone,
            } = start.class.housing(&slot.id).await?;
            let home = self
                .move_in(slot, &namespace, Some(&record), link, Some(&start))
                .await;
            match home {
                Ok(home) => {
                    // Its alarm may have waited for this.
                    self.alarms.notify_one();
                    let home = Home {
                        alone,
                        worker: worker.as_ref().map(|worker| worker.name().into()),
                        limits: start.class.limits(),
                        ..home
                    };
                    return Ok((home, worker));
                }
                // The isolate has ended meanwhile.
                Err(FetchError::Lost { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(lost())
    }

    /// Asks who calls a facet what it is. When nobody of its parent does, it is what it was. If nobody knows that, its parent
    /// is woken and asked.
    async fn ask_for_start(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Start, FetchError> {
        let (sender, mut ended_early) = oneshot::channel();
        {
            let mut state = slot.lock();
            state.asking = Some(sender);
            if let Some(reason) = &state.interrupted {
                return Err(ended(reason));
            }
        }
        let mut was_asked = false;
        loop {
            let (asker, known, namespace) = {
                let state = slot.lock();
                let asker = state.waiting.iter().find_map(|one| one.asker.clone());
                (asker, state.start.clone(), state.namespace.clone())
            };
            if let Some(asker) = asker.filter(|_| !was_asked) {
                was_asked = true;
                let answer = match asker.link.upgrade() {
                    Some(link) => link.ask_for_start(&asker, slot),
                    None => oneshot::channel().1,
                };
                tokio::select! {
                    answer = answer => if let Ok(answer) = answer {
                        return answer;
                    },
                    // It has been aborted, or its parent has ended.
                    _ = &mut ended_early => return Err(lost()),
                }
            }
            let known = known.or_else(|| self.stored_start(namespace.stored(), slot.id));
            if let Some(start) = known {
                return Ok(start);
            }
            tokio::select! {
                answer = self.ask_parent(slot) => match answer {
                    // Who has called it meanwhile may know more.
                    Err(_) if !was_asked && slot.lock().is_asked() => {}
                    answer => return answer,
                },
                () = slot.asked.notified(), if !was_asked => {}
                _ = &mut ended_early => return Err(lost()),
            }
        }
    }

    /// Asks the object that a facet belongs to what it is. The object is woken for that.
    async fn ask_parent(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Start, FetchError> {
        let place = slot.place.as_ref().ok_or_else(lost)?;
        let (sender, answer) = oneshot::channel();
        let facet = Arc::clone(slot);
        let work: Work = Box::new(move |arrival| match arrival {
            Ok(arrival) => ask_what_it_is(arrival, facet, sender),
            // Who asked may be gone.
            Err(error) => drop(sender.send(Err(error))),
        });
        let waiting = Waiting { work, asker: None };
        self.dispatch(&place.parent, place.parent.lock(), waiting);
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Whether there may be one more facet of an object.
    async fn check_number(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<(), FetchError> {
        let (objects, slot) = (Arc::clone(self), Arc::clone(slot));
        let checked = tokio::task::spawn_blocking(move || {
            let root = slot.root();
            let mut known = root.facets.known();
            let known = known.get_or_insert_with(|| {
                let namespace = root.lock().namespace.stored().clone();
                let family = objects.store.family(&namespace, &root.id);
                let ids = family.into_iter().map(|object| object.id);
                ids.filter(|id| *id != root.id).collect()
            });
            if known.len() >= MAX_FACETS_PER_OBJECT && !known.contains(&slot.id) {
                return Err(refused("Maximum number of facets exceeded".to_owned()));
            }
            known.insert(slot.id);
            Ok(())
        });
        checked.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Ends what runs of a facet, and what its parent has asked of it.
    pub(super) fn interrupt(&self, slot: &Arc<Slot>, reason: &str) {
        let (home, dropped) = {
            let mut state = slot.lock();
            let dropped = state.take_asked();
            let home = state.home().cloned();
            match &home {
                Some(home) => {
                    state.must_go = true;
                    state.phase = Phase::Leaving(home.clone());
                }
                None if matches!(state.phase, Phase::Waking) => {
                    state.interrupted = Some(reason.into());
                    state.asking = None;
                }
                None => {}
            }
            (home, dropped)
        };
        if let Some(home) = home {
            home.link.reset_object(home.number, reason);
        }
        for waiting in dropped {
            (waiting.work)(Err(ended(reason)));
        }
    }
}

impl Start {
    /// `ctx.id` as its code sees it.
    pub(crate) fn shown(&self) -> Arc<str> {
        match &self.identity {
            Identity::Object(id, _) => super::hex(id).into(),
            Identity::Text(text) => Arc::clone(text),
        }
    }

    /// `ctx.id` as a frame tells it: the id, its name, and the string that stands for it.
    pub(crate) fn id(&self) -> (ObjectId, Option<&str>, Option<&str>) {
        match &self.identity {
            Identity::Object(id, name) => (*id, name.as_deref(), None),
            Identity::Text(text) => ([0; 32], None, Some(text)),
        }
    }
}
