//! Calls that stay inside an isolate: from what runs there, to an object that lives there as well.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use protocol::limits::MAX_OPEN_PER_ISOLATE;
use protocol::{CallId, EventId, OF_ISOLATE, ObjectNumber, Parcel, Passed, Reply};

use super::calls::fetch_error;
use super::{EventEntry, Link};

impl Link {
    /// An object was called without the host. It is not idle until that is over, and what it asks for counts.
    pub(super) fn arrived(
        &self,
        id: EventId,
        object: ObjectNumber,
        caller: Option<EventId>,
    ) -> Result<(), String> {
        let (slot, depth) = {
            let mut state = self.lock();
            if id & OF_ISOLATE == 0 {
                return Err("a number that is not for it to give".to_owned());
            }
            if object == 0 || object > state.last_object {
                return Err("an event of no object".to_owned());
            }
            if state.events.len() >= MAX_OPEN_PER_ISOLATE {
                return Err("too many events".to_owned());
            }
            let deepest = state.events.values().map(|entry| entry.depth).max();
            let caller = caller.and_then(|caller| state.events.get_mut(&caller));
            let depth = caller.map(|caller| {
                caller.subrequests += 1;
                caller.depth
            });
            // An object that has left since is told of in what comes next, and then its events end.
            let living = state.objects.get(&object);
            let slot = living.map(|living| Arc::clone(&living.slot));
            (slot, depth.or(deepest).unwrap_or(0))
        };
        let entry = EventEntry {
            object: Some(object),
            lease: slot.map(|slot| slot.lease()),
            depth: depth + 1,
            ..EventEntry::default()
        };
        match self.lock().events.entry(id) {
            Entry::Occupied(_) => Err("an event number that is in use".to_owned()),
            Entry::Vacant(vacant) => {
                vacant.insert(entry);
                Ok(())
            }
        }
    }

    /// Gives a value back to the isolate that it comes from, with what it refers to in the isolate's table.
    pub(super) fn pass_on(
        self: &Arc<Self>,
        call: CallId,
        value: &Parcel<'_, Passed>,
    ) -> Result<(), String> {
        if self.lock().calls.contains_key(&call) {
            return Err("a call number that is in use".to_owned());
        }
        let parcel = self.read_parcel(value)?;
        let given = self.with_parcel(parcel, |parcel| {
            self.reply(call, Reply::Returned(parcel));
        });
        if let Err(failed) = given {
            self.fail(call, &fetch_error(&failed));
        }
        Ok(())
    }
}
