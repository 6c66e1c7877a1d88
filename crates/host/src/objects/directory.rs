//! Which objects run, and where.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{CodeLimits, ObjectId, id_belongs};

use super::facets::{PARENT_GONE, Start};
use super::namespace::{Namespace, stored_name};
use super::record::FacetRecord;
use super::slot::{Home, Phase, Slot, State, Waiting, Work};
use super::{CODE_UPDATED, Objects, STORAGE_FAILED};
use crate::fetcher::FetchError;
use crate::link::{Link, Moving};
use crate::worker::Worker;

/// An object to which nothing happens for so long goes to sleep (Workers: 10 s).
const IDLE: Duration = Duration::from_secs(10);
/// An object to which nothing has come for so long gives up what its events have left behind (Workers: 70 to 140 s).
const LEFT: Duration = Duration::from_secs(70);
/// How often idle objects are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long objects of a version that was replaced may finish what they are doing.
const CODE_UPDATE_GRACE: Duration = Duration::from_secs(2);
/// How often it is tried to find an isolate that does not end meanwhile.
const TRIES: usize = 3;

pub(super) type Slots = HashMap<(storage::Namespace, ObjectId), Arc<Slot>>;

impl Objects {
    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace of a worker's class, made when there is none.
    pub(crate) fn namespace(
        self: &Arc<Self>,
        worker: &str,
        class: &str,
    ) -> Result<Namespace, storage::Error> {
        let stored = self.store.namespace(&stored_name(worker, class))?;
        self.alarms.notify_one();
        Ok(Namespace::new(self, stored))
    }

    /// Does `work` where the object lives, and wakes the object for it when it sleeps.
    pub(super) fn deliver(
        self: &Arc<Self>,
        namespace: &Namespace,
        id: ObjectId,
        name: Option<&str>,
        work: Work,
    ) {
        let Some(slot) = self.slot_for(namespace, id, name) else {
            work(Err(FetchError::Refused(
                "There is no such Durable Object facet.".to_owned(),
            )));
            return;
        };
        let mut state = slot.lock();
        if matches!(state.phase, Phase::Asleep) {
            state.namespace = namespace.clone();
        }
        if let (None, Some(name), None) = (&state.name, name, &slot.place) {
            state.name = Some(name.into());
        }
        self.dispatch(&slot, state, Waiting { work, asker: None });
    }

    /// The place of an object in the directory. Of what was a facet, the store knows whose.
    fn slot_for(
        self: &Arc<Self>,
        namespace: &Namespace,
        id: ObjectId,
        name: Option<&str>,
    ) -> Option<Arc<Slot>> {
        let mut slots = self.slots();
        let key = (namespace.stored().clone(), id);
        if let Some(slot) = slots.get(&key) {
            return Some(Arc::clone(slot));
        }
        if id_belongs(&namespace.key(), &id) {
            let slot = Arc::new(Slot::new(namespace.clone(), id, None));
            slots.insert(key, Arc::clone(&slot));
            return Some(slot);
        }
        drop(slots);
        self.stored_facet(namespace, id, &FacetRecord::parse(name?)?)
    }

    pub(super) fn dispatch(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        mut state: MutexGuard<'_, State>,
        waiting: Waiting,
    ) {
        if let Phase::Awake(home) = &state.phase {
            let home = home.clone();
            let arrival = slot.arrival(&mut state, &home);
            drop(state);
            (waiting.work)(Ok(arrival));
            return;
        }
        if waiting.asker.is_some() {
            slot.asked.notify_one();
        }
        state.waiting.push_back(waiting);
        self.wake_if_wanted(slot, &mut state);
    }

    /// Starts an object that something waits for, unless it must not start now.
    pub(super) fn wake_if_wanted(self: &Arc<Self>, slot: &Arc<Slot>, state: &mut State) {
        let is_wanted = matches!(state.phase, Phase::Asleep) && !state.waiting.is_empty();
        if is_wanted && slot.may_start() {
            state.phase = Phase::Waking;
            tokio::spawn(wake(Arc::clone(self), Arc::clone(slot)));
        }
    }

    /// An instance is gone. The next event starts another one.
    pub(crate) fn gone(self: &Arc<Self>, slot: &Arc<Slot>, epoch: u64) {
        self.homes().remove(&epoch);
        let mut state = slot.lock();
        let Some(home) = state.home().filter(|home| home.epoch == epoch).cloned() else {
            return;
        };
        let arriving = matches!(state.phase, Phase::Arriving(_));
        state.phase = Phase::Asleep;
        state.must_go = false;
        // Who does what waited goes on with it.
        if !arriving {
            self.wake_if_wanted(slot, &mut state);
        }
        drop(state);
        slot.moved.notify_waiters();
        for facet in slot.facets.all() {
            self.interrupt(&facet, PARENT_GONE);
        }
        if home.alone {
            home.link.kill();
        }
    }

    /// Takes an object away from its isolate, and resolves when no instance of it runs that ran before. Its callers are
    /// told `reason`.
    pub(crate) async fn evict(
        self: &Arc<Self>,
        namespace: &storage::Namespace,
        id: ObjectId,
        reason: &str,
    ) {
        let slot = self.slots().get(&(namespace.clone(), id)).cloned();
        let Some(slot) = slot else { return };
        if slot.place.is_some() {
            // It may wait for its parent, and that for what never comes.
            self.interrupt(&slot, reason);
        }
        let mut evicted = None;
        loop {
            let changed = slot.moved.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let home = {
                let mut state = slot.lock();
                let home = state.home().cloned();
                match &home {
                    Some(home) if evicted.is_none_or(|epoch| epoch == home.epoch) => {
                        state.phase = Phase::Leaving(home.clone());
                    }
                    None if evicted.is_none() && matches!(state.phase, Phase::Waking) => {}
                    _ => return,
                }
                home
            };
            if let (Some(home), None) = (home, evicted) {
                evicted = Some(home.epoch);
                home.link.reset_object(home.number, reason);
            }
            changed.await;
        }
    }

    /// An object does not go to sleep, though it was asked to.
    pub(crate) fn stays(self: &Arc<Self>, slot: &Arc<Slot>, epoch: u64) {
        {
            let mut state = slot.lock();
            match state.home().filter(|home| home.epoch == epoch).cloned() {
                Some(home) if matches!(state.phase, Phase::Leaving(_)) && !state.must_go => {
                    state.phase = Phase::Arriving(home);
                    state.unchanged_since = Instant::now();
                }
                _ => return,
            }
        }
        arrive(self, slot);
    }

    /// A new version of a worker runs: takes its objects away from the old one, as soon as they have nothing to do, and
    /// all of them after a while. What comes for them from now on is for the new version.
    pub(crate) fn retire(self: &Arc<Self>, successor: &Worker) {
        let links = successor.links();
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        let mut retired = Vec::new();
        for slot in slots {
            let mut state = slot.lock();
            let (Phase::Awake(home) | Phase::Arriving(home)) = &state.phase else {
                continue;
            };
            let is_its = home.worker.as_deref() == Some(successor.name());
            if is_its && !links.iter().any(|link| Arc::ptr_eq(link, &home.link)) {
                state.phase = Phase::Leaving(home.clone());
                drop(state);
                retired.push(slot);
            }
        }
        tokio::spawn(async move {
            let end = tokio::time::Instant::now() + CODE_UPDATE_GRACE;
            for slot in retired {
                loop {
                    let quiet = slot.quiet.notified();
                    if slot.lock().active == 0 {
                        break;
                    }
                    if tokio::time::timeout_at(end, quiet).await.is_err() {
                        break;
                    }
                }
                let home = slot.lock().home().cloned();
                if let Some(home) = home {
                    home.link.reset_object(home.number, CODE_UPDATED);
                }
            }
        });
    }

    /// Finds an isolate for an object and opens it there.
    async fn start(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
    ) -> Result<(Home, Option<Worker>), FetchError> {
        if slot.place.is_some() {
            return self.start_facet(slot).await;
        }
        let (namespace, name) = {
            let state = slot.lock();
            (state.namespace.clone(), state.name.clone())
        };
        for _ in 0..TRIES {
            let worker = self.worker_of(&namespace)?;
            let alone = worker.has_an_isolate_for_each_object();
            let home = match worker.home_of(&slot.id).await {
                Ok(link) => {
                    self.move_in(slot, &namespace, name.as_deref(), link, None)
                        .await
                }
                Err(error) => Err(error),
            };
            match home {
                Ok(home) => {
                    let home = Home {
                        alone,
                        worker: Some(worker.name().into()),
                        ..home
                    };
                    return Ok((home, Some(worker)));
                }
                // The isolate has ended meanwhile.
                Err(FetchError::Lost { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(crate::link::lost())
    }

    /// The version of a namespace's worker that runs now.
    pub(super) fn worker_of(&self, namespace: &Namespace) -> Result<Worker, FetchError> {
        self.running(namespace.worker()).ok_or_else(|| {
            FetchError::Refused(format!(
                "The worker \"{}\" of the Durable Object is not running.",
                namespace.worker()
            ))
        })
    }

    /// The version of a worker that runs now.
    pub(super) fn running(&self, worker: &str) -> Option<Worker> {
        self.runtime.upgrade()?.worker(worker)
    }

    /// Opens an object in an isolate. What a facet is, `start` says.
    pub(super) async fn move_in(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        namespace: &Namespace,
        name: Option<&str>,
        link: Arc<Link>,
        start: Option<&Start>,
    ) -> Result<Home, FetchError> {
        let opened = {
            let (store, id) = (Arc::clone(&self.store), slot.id);
            let (stored, name) = (namespace.stored().clone(), name.map(str::to_owned));
            tokio::task::spawn_blocking(move || store.open_object(&stored, id, name.as_deref()))
                .await
                .map_err(|_| crate::link::lost())?
                .map_err(|error| storage_error(&error))?
        };
        let epoch = opened.object.epoch();
        let number = link.open_object(Moving {
            slot: Arc::clone(slot),
            class: start.map_or(namespace.class(), |start| start.class.name()),
            start,
            max_pages: max_pages(self.quota_bytes),
            opened,
        })?;
        Ok(Home {
            link,
            number,
            epoch,
            alone: false,
            worker: None,
            limits: CodeLimits::default(),
        })
    }
}

fn max_pages(quota_bytes: u64) -> u32 {
    u32::try_from(quota_bytes / protocol::pages::PAGE_BYTES as u64).unwrap_or(u32::MAX - 1)
}

/// What callers see of a storage that does not work.
pub(crate) fn storage_error(error: &storage::Error) -> FetchError {
    FetchError::Worker(protocol::Failure {
        kind: protocol::FailureKind::Reset,
        name: "Error".to_owned(),
        message: format!("{STORAGE_FAILED}: {error}"),
        stack: String::new(),
    })
}

/// Starts an object that something waits for.
async fn wake(objects: Arc<Objects>, slot: Arc<Slot>) {
    let started = objects.start(&slot).await.and_then(|(home, worker)| {
        let mut state = slot.lock();
        state.phase = Phase::Arriving(home.clone());
        let interrupted = state.interrupted.take();
        drop(state);
        // It may have ended before anybody knew that the object lives there.
        if !home.link.has_object(home.number) {
            return Err(crate::link::lost());
        }
        let is_outdated = worker.is_some_and(|worker| {
            let current = objects.running(worker.name());
            current.is_some_and(|current| !current.is(&worker))
        });
        // A new version came meanwhile and did not find it, or its parent did not.
        let reason = interrupted.or_else(|| is_outdated.then(|| CODE_UPDATED.into()));
        if let Some(reason) = reason {
            let mut state = slot.lock();
            if matches!(&state.phase, Phase::Arriving(_)) {
                state.phase = Phase::Leaving(home.clone());
                state.must_go = true;
            }
            drop(state);
            home.link.reset_object(home.number, &reason);
        }
        Ok(())
    });
    match started {
        Ok(()) => {
            arrive(&objects, &slot);
            slot.moved.notify_waiters();
        }
        Err(error) => {
            let waiting = {
                let mut state = slot.lock();
                state.phase = Phase::Asleep;
                if state.interrupted.take().is_some() {
                    // What waits has come after that.
                    objects.wake_if_wanted(&slot, &mut state);
                    VecDeque::new()
                } else {
                    std::mem::take(&mut state.waiting)
                }
            };
            slot.moved.notify_waiters();
            for waiting in waiting {
                (waiting.work)(Err(error.clone()));
            }
        }
    }
}

/// Does what waits for an object that has just come to live somewhere.
fn arrive(objects: &Arc<Objects>, slot: &Arc<Slot>) {
    loop {
        let mut state = slot.lock();
        let home = match &state.phase {
            Phase::Arriving(home) => home.clone(),
            // It is gone again.
            Phase::Asleep => {
                objects.wake_if_wanted(slot, &mut state);
                return;
            }
            Phase::Waking | Phase::Awake(_) | Phase::Leaving(_) => return,
        };
        let Some(waiting) = state.waiting.pop_front() else {
            state.phase = Phase::Awake(home);
            return;
        };
        let arrival = slot.arrival(&mut state, &home);
        drop(state);
        (waiting.work)(Ok(arrival));
    }
}

/// Sends objects to sleep that have nothing to do, and forgets those that sleep.
pub(super) async fn let_sleep(objects: Weak<Objects>) {
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let Some(objects) = objects.upgrade() else {
            return;
        };
        let mut leaving = Vec::new();
        let mut busy = Vec::new();
        objects.slots().retain(|_, slot| {
            let mut state = slot.lock();
            let unchanged = state.unchanged_since.elapsed();
            if let Phase::Awake(home) = &state.phase {
                let home = home.clone();
                if state.active == 0 && unchanged >= IDLE {
                    leaving.push((Arc::clone(&home.link), home.number));
                    state.phase = Phase::Leaving(home);
                } else if state.active > 0 && unchanged >= LEFT {
                    busy.push((Arc::clone(slot), home, state.active));
                }
            }
            // Facets of it, or who can name them, rely on this place.
            let is_held = Arc::strong_count(slot) > 1;
            let is_forgotten = state.is_forgettable() && slot.sockets.is_empty() && !is_held;
            !is_forgotten || objects.starts_for_its_alarm(slot.id, &state)
        });
        for (slot, home, active) in busy {
            // Facets, and who was given something of it, need it whatever its own events do.
            if home.link.events_of(home.number) != active {
                continue;
            }
            let mut state = slot.lock();
            let is_same = state.active == active && state.unchanged_since.elapsed() >= LEFT;
            if is_same && matches!(state.phase, Phase::Awake(_)) {
                leaving.push((Arc::clone(&home.link), home.number));
                state.phase = Phase::Leaving(home);
            }
        }
        for (link, number) in leaving {
            link.send(&protocol::ToIsolate::Sleep(number));
        }
    }
}
