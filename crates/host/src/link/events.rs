//! Events under way: how they begin, and how their answers find who waits.

use std::sync::Arc;

use protocol::limits::MAX_OPEN_PER_ISOLATE;
use protocol::{
    Bounds, Event, EventId, Failure, FailureKind, ObjectNumber, Request as WireRequest,
    Response as WireResponse, ToIsolate,
};

use super::{EventEntry, Link, lost, now_ms};
use crate::fetcher::{Depth, FetchError, Request, Response};
use crate::logs::LogRecord;
use crate::parcel::Props;
use crate::tail::Happening;
use crate::wire;

/// More processor time than this says nothing about the next event, in microseconds.
const MAX_USUAL_CPU_US: u64 = 1_000_000;

impl Link {
    /// Events under way; `None` when the isolate is gone.
    pub(crate) fn load(&self) -> Option<usize> {
        let state = self.lock();
        (!state.closed && !state.condemned).then_some(state.events.len())
    }

    /// Frames received so far, and whether something is expected: for the watchdog.
    pub(crate) fn progress(&self) -> (u64, bool) {
        let state = self.lock();
        (state.frames, !state.closed && !state.events.is_empty())
    }

    /// How long an event would have to wait for those before it, in microseconds of processor time, if they are as events
    /// have been lately.
    pub(crate) fn wait_us(&self) -> u64 {
        let state = self.lock();
        state.events.len() as u64 * state.usual_cpu_us
    }

    /// Starts an event. The answers come through `respond`, `returned` and `done`.
    ///
    /// # Errors
    /// When it cannot begin. Who waits for it has been told.
    pub(crate) fn begin(&self, mut entry: EventEntry) -> Result<EventId, FetchError> {
        entry.cpu_before = self.cpu_if_watched();
        let cpu_before = entry.cpu_before;
        let mut state = self.lock();
        let known = |object| state.objects.contains_key(&object) || state.copies.contains(&object);
        let refusal = if state.closed && self.evaluates && entry.object.is_none() {
            // Code that does not start may be quicker than its first event.
            let verdict = state.verdict.clone();
            Some(verdict.map_or_else(lost, FetchError::Worker))
        } else if state.closed || !entry.object.is_none_or(known) {
            Some(lost())
        } else if state.events.len() - state.events_inside >= MAX_OPEN_PER_ISOLATE {
            let text = "Worker is overloaded. Too many requests are under way.";
            Some(FetchError::Overloaded(text.to_owned()))
        } else {
            None
        };
        if let Some(error) = refusal {
            drop(state);
            entry.fail(&error);
            return Err(error);
        }
        let id = state.next_event();
        state.events.insert(id, entry);
        if let Some(uses) = &self.uses {
            uses.event_began(id, cpu_before);
        }
        Ok(id)
    }

    /// Nobody waits for the event's response any more.
    pub(crate) fn cancel(&self, id: EventId) {
        let open = self
            .lock()
            .events
            .get_mut(&id)
            .map(|entry| {
                entry.respond = None;
                if let Some(following) = &mut entry.following {
                    following.canceled();
                }
            })
            .is_some();
        if open {
            self.send(&ToIsolate::CancelEvent(id, now_ms()));
        }
    }

    pub(super) fn respond(
        self: &Arc<Self>,
        id: EventId,
        response: &WireResponse<'_>,
    ) -> Result<(), String> {
        let respond = {
            let mut state = self.lock();
            let entry = state.events.get_mut(&id).ok_or("a response to no event")?;
            if entry.responded {
                return Err("a second response to an event".to_owned());
            }
            entry.responded = true;
            if let Some(following) = &mut entry.following {
                following.answered(response.status);
            }
            entry.respond.take()
        };
        let response = self.read_response(response)?;
        if let Some(respond) = respond {
            // A caller that is gone drops the response, and with it the body.
            drop(respond.send(Ok(response)));
        }
        Ok(())
    }

    /// A response as the isolate describes it, its body and socket connected.
    pub(super) fn read_response(
        self: &Arc<Self>,
        response: &WireResponse<'_>,
    ) -> Result<Response, String> {
        let body = self.read_body(&response.body)?;
        let mut answer = wire::response(response, body)?;
        if let Some(socket) = response.socket {
            let end = self.given_away(socket)?;
            end.attach(answer.extensions_mut());
        }
        Ok(answer)
    }

    /// Who waits for the handler alone goes on; the event does, too.
    pub(super) fn handled(&self, id: EventId) -> Result<(), String> {
        let (done, room) = {
            let mut state = self.lock();
            let entry = state.events.get_mut(&id).ok_or("the answer to no event")?;
            (entry.done.take(), entry.room.take())
        };
        if let Some(done) = done {
            drop(done.send(Ok(())));
        }
        drop(room);
        Ok(())
    }

    pub(super) fn done(
        &self,
        id: EventId,
        outcome: Result<(), Failure>,
        cpu_us: u64,
    ) -> Result<(), String> {
        let ends = matches!(&outcome, Err(failure) if failure.kind.is_limit());
        let (mut entry, leaving) = {
            let mut state = self.lock();
            state.condemned |= ends;
            // What an isolate says of itself decides about nobody else.
            state.usual_cpu_us = (state.usual_cpu_us * 7 + cpu_us.min(MAX_USUAL_CPU_US)) / 8;
            let leaving = ends.then(|| (state.at_work(), std::mem::take(&mut state.objects)));
            let entry = state.take_event(id).ok_or("the end of no event")?;
            (entry, leaving)
        };
        // The isolate ends. Who tries again as soon as it knows does not find its objects here.
        if let Some((at_work, living)) = leaving {
            self.all_left(living, &at_work);
        }
        if let Some(uses) = &self.uses {
            uses.event_ended(id, &outcome, cpu_us);
        }
        if let Some(following) = entry.following.take() {
            following.over(&outcome, cpu_us);
        }
        let failed = || {
            let failure = outcome.clone().err().unwrap_or_else(|| Failure {
                kind: FailureKind::Hung,
                name: "Error".to_owned(),
                message: "The event ended without a response.".to_owned(),
                stack: String::new(),
            });
            FetchError::Worker(failure)
        };
        if let Some(respond) = entry.respond.take() {
            drop(respond.send(Err(failed())));
        } else if let Some(returns) = entry.returns.take() {
            returns.call(Err(failed()));
        } else if let (Err(failure), None) = (&outcome, &entry.done) {
            self.log(LogRecord::uncaught(&self.worker, failure.clone()));
        }
        if let Some(done) = entry.done.take() {
            drop(done.send(outcome.map_err(FetchError::Worker)));
        }
        tracing::trace!(worker = &*self.worker, event = id, cpu_us, "event over");
        Ok(())
    }

    /// Has the isolate answer a request: an export of the worker, or an object that lives there.
    pub(crate) fn begin_fetch(
        self: &Arc<Self>,
        entrypoint: Option<&str>,
        props: Option<&Props>,
        bounds: Bounds,
        mut entry: EventEntry,
        request: Request,
    ) -> Result<EventId, FetchError> {
        let (parts, body) = request.into_parts();
        entry.depth = parts
            .extensions
            .get::<Depth>()
            .copied()
            .unwrap_or_default()
            .0;
        let object: Option<ObjectNumber> = entry.object;
        let happening = || Happening::Fetch {
            method: parts.method.to_string(),
            url: parts.uri.to_string(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().into(), value.as_bytes().to_vec()))
                .collect(),
            cf: parts.extensions.get::<wire::Cf>().map(|cf| (*cf.0).into()),
            status: None,
        };
        entry.following = self.follow(happening, entrypoint, object, entry.depth);
        let id = self.begin(entry)?;
        let url = wire::url(&parts.uri);
        let props = props.map(Props::parcel);
        let sent = self.with_optional(props, |props| {
            self.with_body(body, |body| {
                self.send(&ToIsolate::Event {
                    id,
                    now_ms: now_ms(),
                    object,
                    bounds,
                    event: Event::Fetch {
                        entrypoint,
                        props,
                        request: WireRequest {
                            method: parts.method.as_str(),
                            url: &url,
                            headers: wire::response_headers(&parts.headers),
                            body,
                            cf: parts.extensions.get::<wire::Cf>().map(|cf| &*cf.0),
                            redirect: protocol::Redirect::Manual,
                            websocket: parts.extensions.get::<wire::WantsSocket>().is_some(),
                        },
                    },
                });
            })
        });
        if let Err(failed) = sent {
            self.fail_event(id, &failed);
        }
        Ok(id)
    }
}
