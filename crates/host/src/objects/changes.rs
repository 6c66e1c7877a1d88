//! What an object does to its facets: ends, deletes and copies them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::limits::MAX_FACETS_PER_OBJECT;
use protocol::{FacetChange, Failure, FailureKind, ObjectId, facet_id, id_belongs, namespace_key};
use tokio::sync::oneshot;

use super::Objects;
use super::record::FacetRecord;
use super::slot::{Phase, Slot};

const DELETED: &str = "Facet was deleted.";
const CLONED_OVER: &str = "Facet was cloned-over.";
/// How long a facet in a process of its own may take to end before the process is ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// Resolves once a change is done and durable, or says why it cannot be.
pub(crate) type Barrier = oneshot::Receiver<Result<(), String>>;

/// What to do once some facets are deleted.
enum Then {
    Nothing,
    /// Those that have no place in the directory are deleted as well.
    DeleteOthers,
    /// One becomes a copy of another one.
    Copy(String, String),
}

/// A facet in the store.
struct Stored {
    id: ObjectId,
    record: FacetRecord,
}

impl Objects {
    /// Does something to the facets of an object. What the object says next has to wait for the barrier, if there is one.
    pub(crate) fn change_facets(
        self: &Arc<Self>,
        parent: &Arc<Slot>,
        change: &FacetChange<'_>,
    ) -> Option<Barrier> {
        match *change {
            FacetChange::Abort { name, reason } => {
                let facet = self.facet_of(parent, name);
                let broken = facet.break_sockets();
                self.interrupt(&facet, reason);
                drop(broken);
                None
            }
            FacetChange::Clone { from, to } if from == to => {
                let facet = self.facet_of(parent, to);
                let broken = facet.break_sockets();
                self.interrupt(&facet, CLONED_OVER);
                drop(broken);
                None
            }
            FacetChange::Delete { name } => {
                let facet = self.facet_of(parent, name);
                self.begin_to_empty(&facet, DELETED);
                Some(self.change(parent, vec![facet], DELETED, Then::Nothing))
            }
            FacetChange::DeleteAll => {
                parent.facets.hold();
                let facets = parent.facets.all();
                for facet in &facets {
                    self.begin_to_empty(facet, DELETED);
                }
                Some(self.change(parent, facets, DELETED, Then::DeleteOthers))
            }
            FacetChange::Clone { from, to } => {
                let facet = self.facet_of(parent, to);
                self.begin_to_empty(&facet, CLONED_OVER);
                let then = Then::Copy(from.to_owned(), to.to_owned());
                Some(self.change(parent, vec![facet], CLONED_OVER, then))
            }
        }
    }

    /// From now on nothing of a facet starts.
    fn begin_to_empty(&self, facet: &Arc<Slot>, reason: &str) {
        facet.held.fetch_add(1, Ordering::SeqCst);
        facet.facets.hold();
        self.interrupt(facet, reason);
    }

    /// Deletes facets, and perhaps puts copies in their place.
    fn change(
        self: &Arc<Self>,
        parent: &Arc<Slot>,
        facets: Vec<Arc<Slot>>,
        reason: &'static str,
        then: Then,
    ) -> Barrier {
        let (done, barrier) = oneshot::channel();
        let (objects, parent) = (Arc::clone(self), Arc::clone(parent));
        tokio::spawn(async move {
            for facet in &facets {
                objects.empty(facet, reason).await;
            }
            let all = matches!(then, Then::DeleteOthers);
            let work = {
                let (objects, parent) = (Arc::clone(&objects), Arc::clone(&parent));
                let ids: Vec<ObjectId> = facets.iter().map(|facet| facet.id).collect();
                tokio::task::spawn_blocking(move || {
                    objects.delete_stored(&parent, (!all).then_some(&ids))?;
                    match then {
                        Then::Copy(from, to) => objects.copy_stored(&parent, &from, &to),
                        Then::Nothing | Then::DeleteOthers => Ok(()),
                    }
                })
            };
            let outcome = match work.await {
                Ok(outcome) => outcome.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if all {
                parent.facets.let_go();
            }
            for facet in &facets {
                facet.held.fetch_sub(1, Ordering::SeqCst);
                facet.facets.let_go();
            }
            for facet in &facets {
                objects.wake_what_waits(facet);
            }
            if all {
                for facet in parent.facets.all() {
                    objects.wake_what_waits(&facet);
                }
            }
            // An isolate that has ended does not wait for it.
            let _ = done.send(outcome);
        });
        barrier
    }

    /// Waits until nothing of a facet runs, and lets go of what the host keeps for it.
    async fn empty(self: &Arc<Self>, facet: &Arc<Slot>, reason: &'static str) {
        let mut left = vec![Arc::clone(facet)];
        while let Some(slot) = left.pop() {
            self.wait_until_asleep(&slot, reason).await;
            slot.sockets.close_all(reason);
            slot.lock().start = None;
            // It cannot get new ones any more.
            for inner in slot.facets.all() {
                self.interrupt(&inner, reason);
                left.push(inner);
            }
        }
    }

    async fn wait_until_asleep(&self, slot: &Arc<Slot>, reason: &str) {
        let mut patience = Some(tokio::time::Instant::now() + PATIENCE);
        loop {
            let moved = slot.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let home = {
                let state = slot.lock();
                if matches!(state.phase, Phase::Asleep) {
                    return;
                }
                state.home().cloned()
            };
            let Some(end) = patience else {
                moved.await;
                continue;
            };
            if tokio::time::timeout_at(end, moved).await.is_err() {
                patience = None;
                // Others may live in the isolate of a deployed worker; its watchdog sees to it.
                if let Some(home) = home.filter(|home| home.worker.is_none()) {
                    home.link.kill_for(Failure {
                        kind: FailureKind::Reset,
                        name: "Error".to_owned(),
                        message: reason.to_owned(),
                        stack: String::new(),
                    });
                }
            }
        }
    }

    fn wake_what_waits(self: &Arc<Self>, facet: &Arc<Slot>) {
        let mut left = vec![Arc::clone(facet)];
        while let Some(slot) = left.pop() {
            self.wake_if_wanted(&slot, &mut slot.lock());
            left.extend(slot.facets.all());
        }
    }

    /// The facets in the store that belong to an object, one inside the other, the innermost first.
    fn stored_facets(&self, parent: &Arc<Slot>) -> Vec<Stored> {
        let namespace = parent.root().lock().namespace.stored().clone();
        let mut stored = stored_facets(&self.store, &namespace, &parent.id);
        let path = parent.path();
        stored.retain(|facet| {
            let names = facet.record.path.iter().map(String::as_str);
            facet.record.path.len() > path.len()
                && names.zip(path).all(|(name, own)| *name == **own)
        });
        stored
    }

    /// Deletes facets of an object from the store, with all that is in them: those with these ids, or all.
    fn delete_stored(
        &self,
        parent: &Arc<Slot>,
        only: Option<&[ObjectId]>,
    ) -> Result<(), storage::Error> {
        let namespace = parent.root().lock().namespace.stored().clone();
        let depth = parent.path().len();
        for facet in self.stored_facets(parent) {
            let top = facet_id(&parent.id, &facet.record.path[depth]);
            if only.is_some_and(|only| !only.contains(&top)) {
                continue;
            }
            match self.store.delete(&namespace, facet.id) {
                Ok(()) | Err(storage::Error::NoObject(_)) => {}
                Err(error) => return Err(error),
            }
            if let Some(known) = parent.root().facets.known().as_mut() {
                known.remove(&facet.id);
            }
        }
        Ok(())
    }

    /// Copies a facet of an object, with all that is in it, under another name that nothing is stored under.
    fn copy_stored(&self, parent: &Arc<Slot>, from: &str, to: &str) -> Result<(), storage::Error> {
        let root = parent.root();
        let namespace = root.lock().namespace.stored().clone();
        let depth = parent.path().len();
        let mut copied = self.stored_facets(parent);
        copied.retain(|facet| facet.record.path[depth] == from);
        let mut known = self.store.family(&namespace, &root.id).len();
        for facet in copied {
            known += 1;
            if known > MAX_FACETS_PER_OBJECT {
                return Err(storage::Error::ObjectExists(
                    "that would be one facet too many".to_owned(),
                ));
            }
            let mut record = facet.record;
            to.clone_into(&mut record.path[depth]);
            let names = &record.path[depth..];
            let id = names.iter().fold(parent.id, |id, name| facet_id(&id, name));
            let place = (&namespace, id);
            let text = record.to_text();
            self.store
                .fork((&namespace, facet.id), None, place, Some(&text))?;
            if let Some(known) = root.facets.known().as_mut() {
                known.insert(id);
            }
        }
        Ok(())
    }

    /// The facets of an object in the store, which may be a facet itself, the innermost first.
    pub(crate) fn stored_facets_of(
        &self,
        namespace: &storage::Namespace,
        id: &ObjectId,
    ) -> Vec<ObjectId> {
        let stored = stored_facets(&self.store, namespace, id);
        let own = stored.iter().find(|facet| facet.id == *id);
        let own: &[String] = own.map_or(&[], |facet| &facet.record.path);
        stored
            .iter()
            .filter(|facet| {
                facet.record.path.len() > own.len() && facet.record.path.starts_with(own)
            })
            .map(|facet| facet.id)
            .collect()
    }

    /// Deletes an object for good, with all its facets. Callers are told `reason`.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        namespace: &storage::Namespace,
        id: ObjectId,
        reason: &str,
    ) -> Result<(), storage::Error> {
        self.evict(namespace, id, reason).await;
        let facets = {
            let (objects, namespace) = (Arc::clone(self), namespace.clone());
            let listed = move || objects.stored_facets_of(&namespace, &id);
            tokio::task::spawn_blocking(listed)
                .await
                .unwrap_or_default()
        };
        for id in facets.into_iter().chain([id]) {
            self.evict(namespace, id, reason).await;
            let (store, deleting) = (Arc::clone(&self.store), namespace.clone());
            let deleted = tokio::task::spawn_blocking(move || store.delete(&deleting, id)).await;
            deleted.unwrap_or(Err(storage::Error::Closed))?;
            // One that came in between has nothing to stand on.
            self.evict(namespace, id, reason).await;
        }
        Ok(())
    }
}

/// All facets in the store of the outermost object of `id`, the innermost first.
fn stored_facets(
    store: &storage::Store,
    namespace: &storage::Namespace,
    id: &ObjectId,
) -> Vec<Stored> {
    let mut stored: Vec<Stored> = store
        .family(namespace, id)
        .into_iter()
        .filter(|object| !id_belongs(&namespace_key(namespace.origin()), &object.id))
        .filter_map(|object| {
            Some(Stored {
                id: object.id,
                record: FacetRecord::parse(object.name.as_deref()?)?,
            })
        })
        .filter(|facet| !facet.record.path.is_empty())
        .collect();
    stored.sort_by_key(|facet| std::cmp::Reverse(facet.record.path.len()));
    stored
}
