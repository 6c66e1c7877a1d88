//! Objects that live in an isolate.

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use protocol::limits::{MAX_COMMIT_BYTES, MAX_OBJECTS_PER_ISOLATE};
use protocol::{
    CallError, CallId, Commit, EventId, Failure, FailureKind, ObjectNumber, Opening, Reply,
    StorageCall, ToIsolate,
};

use super::gate::Waiting;
use super::{Link, calls, lost};
use crate::fetcher::{FetchError, Life};
use crate::logs::LogRecord;
use crate::objects::{Objects, Slot, Start, hex, storage_error};
use crate::parcel::Props;

/// An object that is about to live in an isolate.
pub(crate) struct Moving<'a> {
    pub(crate) slot: Arc<Slot>,
    pub(crate) class: &'a str,
    /// What it is, when it is a facet.
    pub(crate) start: Option<&'a Start>,
    pub(crate) max_pages: u32,
    pub(crate) opened: storage::Opened,
}

/// An object that lives in an isolate.
#[derive(Debug)]
pub(super) struct Living {
    pub(super) slot: Arc<Slot>,
    stored: Arc<storage::Object>,
    /// `ctx.id` as its code sees it.
    pub(super) shown: Arc<str>,
}

impl Living {
    pub(super) fn life(&self) -> Life {
        let id = self.slot.id.iter().map(|byte| format!("{byte:02x}"));
        Life {
            object: id.collect(),
            number: self.stored.epoch(),
        }
    }

    fn leave(self, objects: &Arc<Objects>, sockets: Ends) {
        let epoch = self.stored.epoch();
        let broken = match sockets {
            Ends::None => Vec::new(),
            Ends::Own => vec![self.slot.sockets.break_all()],
            Ends::WithFacets => self.slot.break_sockets(),
        };
        // Who waits for it to be gone relies on the store knowing it, too.
        drop(self.stored);
        objects.gone(&self.slot, epoch);
        // Whoever sees that and comes anew is to meet no instance that is gone.
        drop(broken);
    }
}

/// Which sockets that the host keeps end with an instance.
#[derive(Clone, Copy, Debug)]
enum Ends {
    None,
    Own,
    /// Those of its facets as well.
    WithFacets,
}

/// What remains of an object's events when it is no more.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It was asked to go.
    Slept,
    /// It failed.
    Broken(Failure),
}

impl Link {
    /// How many objects have come to live here so far, those that have left included.
    pub(crate) fn objects_opened(&self) -> ObjectNumber {
        self.lock().last_object
    }

    /// Opens an object here.
    pub(crate) fn open_object(
        self: &Arc<Self>,
        moving: Moving<'_>,
    ) -> Result<ObjectNumber, FetchError> {
        let Moving {
            slot,
            class,
            start,
            max_pages,
            opened,
        } = moving;
        let objects = self.objects.as_ref().ok_or_else(lost)?;
        let epoch = opened.object.epoch();
        let stored = Arc::new(opened.object);
        let number = {
            let slot = Arc::clone(&slot);
            let mut state = self.lock();
            if state.closed || state.condemned {
                return Err(lost());
            }
            if state.objects.len() >= MAX_OBJECTS_PER_ISOLATE {
                return Err(FetchError::Overloaded(
                    "Durable Object is overloaded. Too many objects are awake.".to_owned(),
                ));
            }
            let number = state.next_object();
            objects.moved_in(epoch, self, number);
            let shown = match start {
                Some(start) => start.shown(),
                None => hex(&slot.id).into(),
            };
            state.objects.insert(
                number,
                Living {
                    slot,
                    stored,
                    shown,
                },
            );
            number
        };
        let (id, name, text_id) = match start {
            Some(start) => start.id(),
            None => (slot.id, opened.name.as_deref(), None),
        };
        let props = start.and_then(|start| start.class.props());
        let file = opened.file;
        let told = self.with_optional(props.map(Props::parcel), |props| {
            let opening = Opening {
                object: number,
                class,
                id,
                name,
                text_id,
                props,
                depth: slot.depth(),
                page_count: opened.page_count,
                max_pages,
                read_only: false,
                file: file.is_some(),
                alarm: opened.alarm,
            };
            self.send_with(&ToIsolate::Open(opening), file);
        });
        if let Err(error) = told {
            self.lock().objects.remove(&number);
            return Err(error);
        }
        slot.sockets.tell(number, |frame| self.send(frame));
        Ok(number)
    }

    /// Opens a copy of an object's database here, for the isolate to look at. Nothing that it does with it is kept.
    pub(crate) fn open_copy(
        &self,
        class: &str,
        file: OwnedFd,
        page_count: u32,
    ) -> Result<ObjectNumber, FetchError> {
        let number = {
            let mut state = self.lock();
            if state.closed {
                return Err(lost());
            }
            let number = state.next_object();
            state.copies.insert(number);
            number
        };
        let opening = Opening {
            object: number,
            class,
            id: [0; 32],
            name: None,
            text_id: None,
            props: None,
            depth: 0,
            page_count,
            max_pages: page_count.max(1),
            read_only: true,
            file: page_count > 0,
            alarm: None,
        };
        self.send_with(&ToIsolate::Open(opening), (page_count > 0).then_some(file));
        Ok(number)
    }

    pub(crate) fn has_object(&self, object: ObjectNumber) -> bool {
        self.lock().objects.contains_key(&object)
    }

    /// The object's file has what it had committed.
    pub(crate) fn checkpointed(&self, object: ObjectNumber, commit: u64, file: Option<OwnedFd>) {
        if !self.has_object(object) {
            return;
        }
        let frame = ToIsolate::Checkpointed {
            object,
            commit,
            file: file.is_some(),
        };
        self.send_with(&frame, file);
    }

    /// Takes an object away from its isolate.
    pub(crate) fn reset_object(&self, object: ObjectNumber, reason: &str) {
        if self.has_object(object) {
            self.lock().endings.insert(object, reason.into());
            self.send(&ToIsolate::Reset { object, reason });
        }
    }

    /// Puts what an object did into the log. Everything that the isolate says from now on waits for that.
    pub(super) fn commit(&self, commit: &Commit<'_>) -> Result<u64, String> {
        if commit.changes.len() > MAX_COMMIT_BYTES {
            return Err("a commit that is too large".to_owned());
        }
        let stored = match self.lock().objects.get(&commit.object) {
            Some(living) => Arc::clone(&living.stored),
            None => return Err("a commit of no object".to_owned()),
        };
        let position = stored.commit(storage::Commit {
            number: commit.number,
            page_count: commit.page_count,
            changes: commit.changes,
            alarm: commit.alarm,
            more: commit.more,
        });
        match position {
            Ok(position) => Ok(position.0),
            Err(error) => {
                // What the isolate says next takes this commit for granted, whichever object it speaks for.
                let mut state = self.lock();
                state.condemned = true;
                if let FetchError::Worker(failure) = storage_error(&error) {
                    state.verdict = Some(failure);
                }
                Err(format!("a commit that cannot be kept: {error}"))
            }
        }
    }

    /// Answers a question about an object's storage, as things are now.
    pub(super) fn storage_call(
        &self,
        object: ObjectNumber,
        call: &StorageCall<'_>,
    ) -> Result<String, CallError> {
        let stored = self
            .lock()
            .objects
            .get(&object)
            .map(|living| Arc::clone(&living.stored));
        let failed = |error: storage::Error| calls::error("Error", &error.to_string());
        let stored = stored.ok_or_else(|| failed(storage::Error::Stale))?;
        match *call {
            StorageCall::Bookmark => stored.bookmark(),
            StorageCall::BookmarkForTime(time_ms) => {
                if !time_ms.is_finite() || time_ms < 0.0 {
                    let text = "getBookmarkForTime() requires a time in milliseconds since 1970.";
                    return Err(calls::error("TypeError", text));
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is finite and not negative, and `as` takes the nearest"
                )]
                Ok(stored.bookmark_for_time(time_ms as u64))
            }
            StorageCall::RestoreOnNextSession(bookmark) => bookmark
                .parse()
                .and_then(|bookmark| stored.restore_at_next_open(&bookmark)),
        }
        .map(|bookmark| bookmark.to_string())
        .map_err(failed)
    }

    pub(super) fn storage_answer(&self, call: CallId, answer: Result<String, CallError>) {
        match answer {
            Ok(text) => self.reply(call, Reply::Text(&text)),
            Err(error) => self.fail(call, &error),
        }
    }

    /// An object lives here no longer: the next event is for another instance. It may have `slept`, if nobody has taken
    /// it away.
    pub(super) fn object_left(&self, object: ObjectNumber, slept: bool) -> Result<(), String> {
        let (living, sleeps, interrupted) = {
            let mut state = self.lock();
            if object == 0 || object > state.last_object {
                return Err("the end of no object".to_owned());
            }
            state.starts.retain(|_, asked| asked.parent != object);
            let living = state.objects.remove(&object);
            if let Some(living) = &living {
                state.left.insert(object, Arc::clone(&living.slot));
            }
            let taken_away = slept && state.endings.contains_key(&object);
            let mut events = state.events.values();
            let is_busy = taken_away && events.any(|entry| entry.object == Some(object));
            (living, slept && !taken_away, is_busy)
        };
        if let (Some(living), Some(objects)) = (living, &self.objects) {
            let sockets = match slept {
                // What its clients have asked is answered no more, and only a new connection tells them so.
                false => Ends::WithFacets,
                true if (self.drops_sockets && !sleeps) || interrupted => Ends::Own,
                true => Ends::None,
            };
            living.leave(objects, sockets);
        }
        Ok(())
    }

    /// What an object that is gone had under way ends.
    pub(super) fn end_object(&self, object: ObjectNumber, end: End) {
        let taken_away = matches!(end, End::Slept);
        let ending = self.lock().endings.remove(&object);
        let failure = match end {
            End::Slept => Failure {
                kind: FailureKind::Reset,
                name: "Error".to_owned(),
                message: ending
                    .as_deref()
                    .unwrap_or(crate::objects::CODE_UPDATED)
                    .to_owned(),
                stack: String::new(),
            },
            End::Broken(failure) => {
                self.log(LogRecord::uncaught(&self.worker, failure.clone()));
                failure
            }
        };
        let events: Vec<_> = {
            let mut state = self.lock();
            state.left.remove(&object);
            let ended: Vec<EventId> = state
                .events
                .iter()
                .filter(|(_, entry)| entry.object == Some(object))
                .map(|(event, _)| *event)
                .collect();
            ended
                .iter()
                .filter_map(|event| state.take_event(*event))
                .collect()
        };
        for mut entry in events {
            // The rest of the host is to know that this was no fault of the object's code.
            if let Some(done) = entry.done.take_if(|_| taken_away) {
                drop(done.send(Err(lost())));
            }
            entry.fail(&FetchError::Worker(failure.clone()));
        }
    }

    /// How many events of an object are under way that keep it awake.
    pub(crate) fn events_of(&self, object: ObjectNumber) -> usize {
        let state = self.lock();
        let events = state.events.values();
        events
            .filter(|entry| entry.object == Some(object) && entry.lease.is_some())
            .count()
    }

    pub(super) fn object_stays(&self, object: ObjectNumber) {
        let living = self
            .lock()
            .objects
            .get(&object)
            .map(|living| (Arc::clone(&living.slot), living.stored.epoch()));
        if let (Some((slot, epoch)), Some(objects)) = (living, &self.objects) {
            objects.stays(&slot, epoch);
        }
    }

    /// All objects that lived here are gone with the isolate. Those that were at work have lost what they were telling in
    /// part, and their next instances do not know where: who listened has to come anew, as with Workers.
    pub(super) fn all_left(
        &self,
        living: HashMap<ObjectNumber, Living>,
        at_work: &HashSet<ObjectNumber>,
    ) {
        let Some(objects) = &self.objects else { return };
        let mut living: Vec<_> = living.into_iter().collect();
        // Who learns that a socket broke finds the others gone from here.
        living.sort_by_key(|(number, _)| at_work.contains(number));
        for (number, living) in living {
            let sockets = match self.drops_sockets || at_work.contains(&number) {
                true => Ends::Own,
                false => Ends::None,
            };
            living.leave(objects, sockets);
        }
    }

    /// Takes a frame that has to wait, and does at once what of it must not.
    pub(super) fn hold(
        &self,
        gate: &mut super::gate::Gate,
        frame: &protocol::FromIsolate<'_>,
        payload: &[u8],
    ) -> Result<(), String> {
        use protocol::FromIsolate::{Broken, Slept, StorageCall};
        match frame {
            Slept(object) => self.object_left(*object, true)?,
            Broken { object, .. } => self.object_left(*object, false)?,
            StorageCall {
                id, object, call, ..
            } => {
                gate.hold(Waiting::Answer(*id, self.storage_call(*object, call)));
                return Ok(());
            }
            _ => {}
        }
        gate.hold(Waiting::Frame(payload.to_vec()));
        Ok(())
    }
}
