//! What those learn who follow the worker of an isolate.

use protocol::{EventId, Failure, LogLevel, ObjectNumber};

use super::Link;
use crate::tail::{Following, Happening};

impl Link {
    /// An event begins. `None` when nobody follows the worker.
    pub(crate) fn follow(
        &self,
        event: impl FnOnce() -> Happening,
        entrypoint: Option<&str>,
        object: Option<ObjectNumber>,
        depth: u32,
    ) -> Option<Box<Following>> {
        let tails = self.tails.as_ref()?;
        let object = object.and_then(|object| {
            let state = self.lock();
            state
                .objects
                .get(&object)
                .map(|living| living.shown.to_string())
        });
        let entrypoint = entrypoint.map(Into::into);
        Some(Box::new(tails.follow(event(), entrypoint, object, depth)))
    }

    fn with_following(&self, event: EventId, work: impl FnOnce(&mut Following)) {
        if self.tails.is_none() {
            return;
        }
        let mut state = self.lock();
        let entry = state.events.get_mut(&event);
        if let Some(following) = entry.and_then(|entry| entry.following.as_mut()) {
            work(following);
        }
    }

    pub(super) fn trace_log(
        &self,
        event: Option<EventId>,
        level: LogLevel,
        arguments: Option<&str>,
    ) {
        if let (Some(event), Some(arguments)) = (event, arguments) {
            self.with_following(event, |following| following.log(level, arguments));
        }
    }

    pub(super) fn trace_thrown(&self, event: Option<EventId>, failure: &Failure) {
        if let Some(event) = event {
            self.with_following(event, |following| following.thrown(failure));
        }
    }
}
