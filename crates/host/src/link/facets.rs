//! Facets of objects that live in an isolate.

use std::sync::Arc;

use protocol::limits::{
    MAX_FACET_DEPTH, MAX_FACET_ID_BYTES, MAX_FACET_NAME_BYTES, MAX_OBJECT_NAME_BYTES,
};
use protocol::{
    CallId, Event, FacetChange, FacetId, FacetStart, Failure, FailureKind, OF_ISOLATE, ObjectCall,
    ObjectNumber, ToIsolate,
};
use tokio::sync::oneshot;

use super::calls::{MAX_DEPTH, TOO_DEEP, error, fetch_error};
use super::{EventEntry, Link, lost, now_ms};
use crate::capability::Capability;
use crate::fetcher::{FetchError, Gone};
use crate::held::Held;
use crate::objects::{Arrival, Asker, Barrier, Facet, Identity, Slot, Start};

/// A facet that waits for being told what it is.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) parent: ObjectNumber,
    slot: Arc<Slot>,
    answer: oneshot::Sender<Result<Start, FetchError>>,
}

impl Link {
    /// What an object that lives here calls one of its facets with.
    pub(super) fn derive_facet(
        &self,
        object: ObjectNumber,
        name: &str,
    ) -> Result<Capability, String> {
        if name.len() > MAX_FACET_NAME_BYTES {
            return Err("a facet's name that is too long".to_owned());
        }
        let (Some(parent), Some(objects)) = (self.slot_of(object)?, &self.objects) else {
            return Ok(Capability::Fetch(Arc::new(Gone)));
        };
        if parent.depth() + 1 >= MAX_FACET_DEPTH {
            return Err("a facet that is too deep inside".to_owned());
        }
        Ok(Capability::Facet(Facet {
            slot: objects.facet_of(&parent, name),
            parent: object,
        }))
    }

    /// A use of a facet by the object that it belongs to.
    pub(super) fn call_facet(
        self: &Arc<Self>,
        id: CallId,
        facet: &Facet,
        call: ObjectCall<'_>,
        depth: u32,
        held: Held,
    ) -> Result<(), String> {
        let Some(objects) = &self.objects else {
            return Err("a facet where there are no objects".to_owned());
        };
        if depth > MAX_DEPTH {
            self.fail(id, &error("Error", TOO_DEEP));
            return Ok(());
        }
        if !self.has_object(facet.parent) {
            // The object has ended while this was under way.
            self.fail(id, &fetch_error(&lost()));
            return Ok(());
        }
        let asker = Asker {
            link: Arc::downgrade(self),
            call: id,
            parent: facet.parent,
        };
        let (objects, slot) = (Arc::clone(objects), Arc::clone(&facet.slot));
        self.call_at(id, call, depth, held, move |work| {
            objects.deliver_to_facet(&slot, asker.clone(), work);
        })
    }

    /// Asks an object what the facet is that it calls.
    pub(crate) fn ask_for_start(
        &self,
        asker: &Asker,
        slot: &Arc<Slot>,
    ) -> oneshot::Receiver<Result<Start, FetchError>> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            parent: asker.parent,
            slot: Arc::clone(slot),
            answer,
        };
        {
            let mut state = self.lock();
            if state.closed || !state.objects.contains_key(&asker.parent) {
                return answered;
            }
            state.starts.insert(asker.call, asked);
        }
        self.send(&ToIsolate::StartFacet(asker.call));
        answered
    }

    /// An object has said what its facet is.
    pub(super) fn start_facet(
        &self,
        call: CallId,
        outcome: Result<FacetStart<'_>, Failure>,
    ) -> Result<(), String> {
        // The facet may have been aborted meanwhile.
        let asked = self.lock().starts.remove(&call);
        let Some(asked) = asked.filter(|asked| !asked.answer.is_closed()) else {
            return Ok(());
        };
        let start = match outcome {
            Ok(FacetStart { class, id }) => {
                let Capability::Class(class) = self.capability(class)? else {
                    return Err("a facet of what is no class".to_owned());
                };
                let identity = match id {
                    FacetId::Object { id, name } => {
                        if name.map_or(0, str::len) > MAX_OBJECT_NAME_BYTES {
                            return Err("an object's name that is too long".to_owned());
                        }
                        Identity::Object(id, name.map(Arc::from))
                    }
                    FacetId::Text(text) if text.len() > MAX_FACET_ID_BYTES => {
                        return Err("an id that is too long".to_owned());
                    }
                    FacetId::Text(text) => Identity::Text(text.into()),
                };
                Ok(Start { class, identity })
            }
            Err(failure) => {
                let error = FetchError::Worker(failure);
                if call & OF_ISOLATE == 0 {
                    // At once: what comes after this asks again.
                    asked.slot.fail_what_was_asked(&error);
                }
                Err(error)
            }
        };
        // Who waited may be gone.
        drop(asked.answer.send(start));
        Ok(())
    }

    /// An object does something to its facets.
    pub(super) fn change_facets(
        &self,
        object: ObjectNumber,
        change: &FacetChange<'_>,
    ) -> Result<Option<Barrier>, String> {
        let (names, reason) = match *change {
            FacetChange::Abort { name, reason } => ([name, ""], reason),
            FacetChange::Delete { name } => ([name, ""], ""),
            FacetChange::DeleteAll => (["", ""], ""),
            FacetChange::Clone { from, to } => ([from, to], ""),
        };
        if names.iter().any(|name| name.len() > MAX_FACET_NAME_BYTES) {
            return Err("a facet's name that is too long".to_owned());
        }
        if reason.len() > protocol::limits::MAX_LOG_BYTES {
            return Err("a reason that is too long".to_owned());
        }
        let (Some(parent), Some(objects)) = (self.slot_of(object)?, &self.objects) else {
            return Ok(None);
        };
        // An object that has ended here may live elsewhere, and its facets are that one's.
        if !self.has_object(object) {
            return Ok(None);
        }
        if parent.depth() + 1 >= MAX_FACET_DEPTH {
            return Ok(None);
        }
        Ok(objects.change_facets(&parent, change))
    }

    /// A change could not be made, and what the isolate says next would take it for made.
    pub(super) fn change_failed(&self, message: String) -> String {
        let mut state = self.lock();
        state.condemned = true;
        state.verdict = Some(Failure {
            kind: FailureKind::Reset,
            name: "Error".to_owned(),
            message: format!(
                "Durable Object reset because its facets cannot be changed: {message}"
            ),
            stack: String::new(),
        });
        message
    }
}

/// Asks an object what a facet of it is that nobody has called. An answer that does not come is dropped.
pub(crate) fn ask_what_it_is(
    arrival: Arrival,
    facet: Arc<Slot>,
    answer: oneshot::Sender<Result<Start, FetchError>>,
) {
    let Arrival {
        link,
        number,
        lease,
        limits,
    } = arrival;
    let entry = EventEntry {
        object: Some(number),
        lease: Some(lease),
        subrequest_limit: limits.subrequests,
        ..EventEntry::default()
    };
    let Ok(id) = link.begin(entry) else { return };
    // Calls are numbered by the isolate, and never come so far.
    let question = id | OF_ISOLATE;
    let asked = Asked {
        parent: number,
        slot: Arc::clone(&facet),
        answer,
    };
    link.lock().starts.insert(question, asked);
    link.send(&ToIsolate::Event {
        id,
        now_ms: now_ms(),
        object: Some(number),
        bounds: limits.bounds(),
        event: Event::Facet {
            name: facet.name(),
            question,
        },
    });
}
