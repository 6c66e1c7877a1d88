//! Calls that stay inside an isolate: from what runs there, to an object that lives there as well.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use protocol::limits::{MAX_CALLS_INSIDE, MAX_OPEN_INSIDE};
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
            // An isolate counts these itself, and makes the calls through the host that would be too many.
            if state.events_inside >= MAX_OPEN_INSIDE {
                return Err("too many events inside".to_owned());
            }
            let deepest = state.events.values().map(|entry| entry.depth).max();
            let caller = caller.and_then(|caller| state.events.get_mut(&caller));
            let depth = match caller {
                Some(caller) if caller.calls_inside >= MAX_CALLS_INSIDE => {
                    return Err("more calls inside than an event may make".to_owned());
                }
                Some(caller) => {
                    caller.calls_inside += 1;
                    caller.subrequests += 1;
                    Some(caller.depth)
                }
                None => None,
            };
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
        let mut state = self.lock();
        match state.events.entry(id) {
            Entry::Occupied(_) => return Err("an event number that is in use".to_owned()),
            Entry::Vacant(vacant) => vacant.insert(entry),
        };
        state.events_inside += 1;
        Ok(())
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
