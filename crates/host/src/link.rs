//! One isolate as the host sees it: a socket, and everything that is under way on it.
//!
//! Frames from the isolate are hostile input: whatever does not fit the state here ends the isolate.

mod calls;
mod clock;
mod code;
mod ending;
mod events;
mod facets;
mod gate;
mod incoming;
mod inside;
mod kept;
mod objects;
mod outbox;
mod outgoing;
mod rpc;
mod sockets;
mod state;
mod table;
mod traces;

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use protocol::limits::MAX_OPEN_PER_ISOLATE;
use protocol::{
    Body as WireBody, CapabilityId, Flow, FrameBuffer, FromIsolate, StreamId, ToIsolate,
};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::audit::{Audit, Uses};
use crate::body::{Body, BodyError};
use crate::capability::Capability;
pub(crate) use crate::clock::now_ms;
use crate::fetcher::FetchError;
use crate::logs::{LogRecord, Logs};
use crate::objects::{Durable, Objects};
use crate::routes::Routes;
use crate::tail::Tails;

pub(crate) use calls::{Made as MadeCall, call_method, fetch_object};
pub(crate) use facets::ask_what_it_is;
use gate::{Gate, Waiting};
pub(crate) use objects::Moving;
pub(crate) use rpc::Receiver;
pub(crate) use state::EventEntry;
use state::State;
pub use table::Remote;

/// Room for one read from the socket, in bytes, and for the first ones: most dynamic workers say little.
const READ_BYTES: usize = 64 * 1024;
const FIRST_READ_BYTES: usize = 2 * 1024;
/// Bytes waiting to be written beyond which senders of bulk data wait.
const OUTBOX_SOFT_BYTES: usize = 1024 * 1024;

/// What workers see when the isolate that worked for them is gone.
const LOST: &str = "Network connection lost.";

/// A live isolate process.
pub(crate) struct Link {
    this: Weak<Self>,
    socket: UnixStream,
    process: jail::Process,
    capabilities: Arc<[Capability]>,
    worker: Arc<str>,
    logs: Logs,
    subrequests: u32,
    global_fetch: Option<CapabilityId>,
    /// What it uses, if that is to be written down.
    uses: Option<Uses>,
    /// It evaluates its program by itself.
    evaluates: bool,
    objects: Option<Arc<Objects>>,
    drops_sockets: bool,
    /// Who follows the worker.
    tails: Option<Arc<Tails>>,
    routes: Option<Arc<Routes>>,
    /// Bytes that the isolate sent and that nobody has taken yet.
    held: crate::held::Account,
    state: Mutex<State>,
    /// What it has given away and others still have.
    given_away: AtomicUsize,
    /// There is something to write that could not be written at once.
    unwritten: Notify,
    /// Waiting bytes went below the soft bound.
    drained: Notify,
    /// The isolate is gone.
    closed: Notify,
    /// The host has ended it for what it said.
    to_blame: AtomicBool,
}

/// What a link is made of.
pub(crate) struct LinkOptions {
    pub(crate) capabilities: Arc<[Capability]>,
    pub(crate) worker: Arc<str>,
    pub(crate) logs: Logs,
    pub(crate) subrequests: u32,
    /// Which capability its global `fetch()` uses.
    pub(crate) global_fetch: Option<CapabilityId>,
    /// Writes down what it uses, with a hash of its code.
    pub(crate) audit: Option<(Audit, Arc<str>)>,
    /// The frame that makes a plain process the worker that it is to be.
    pub(crate) evaluate: Option<Arc<[u8]>>,
    pub(crate) objects: Option<Arc<Objects>>,
    /// WebSockets that are kept for its objects go when an object does not leave to sleep.
    pub(crate) drops_sockets: bool,
    /// Who follows the worker.
    pub(crate) tails: Option<Arc<Tails>>,
    /// Where it is remembered which objects the requests of its worker call.
    pub(crate) routes: Option<Arc<Routes>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("Link");
        fields.field("worker", &self.worker);
        fields
            .field("process", &self.process.id())
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Takes over a freshly forked isolate and starts it.
    pub(crate) fn start(child: jail::Child, options: LinkOptions) -> std::io::Result<Arc<Self>> {
        child.socket.set_nonblocking(true)?;
        let socket = UnixStream::from_std(child.socket)?;
        let link = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            socket,
            process: child.process,
            capabilities: options.capabilities,
            uses: options.audit.map(|audit| Uses::new(audit, &options.worker)),
            worker: options.worker,
            logs: options.logs,
            subrequests: options.subrequests,
            global_fetch: options.global_fetch,
            evaluates: options.evaluate.is_some(),
            objects: options.objects,
            drops_sockets: options.drops_sockets,
            tails: options.tails,
            routes: options.routes,
            held: crate::held::Account::default(),
            state: Mutex::default(),
            given_away: AtomicUsize::new(0),
            unwritten: Notify::new(),
            drained: Notify::new(),
            closed: Notify::new(),
            to_blame: AtomicBool::new(false),
        });
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
        if let Some(frame) = options.evaluate {
            link.lock().outbox.push_encoded(&frame);
        }
        link.send(&ToIsolate::Start {
            seed,
            now_ms: now_ms(),
        });
        // There may be something to write that nobody was told of.
        link.unwritten.notify_one();
        tokio::spawn(Arc::clone(&link).read());
        tokio::spawn(Arc::clone(&link).write());
        Ok(link)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the isolate is gone.
    pub(crate) async fn wait_closed(&self) {
        loop {
            let notified = self.closed.notified();
            if self.lock().closed {
                return;
            }
            notified.await;
        }
    }

    /// The process, for measuring and killing.
    pub(crate) fn process(&self) -> &jail::Process {
        &self.process
    }

    async fn read(self: Arc<Self>) {
        let mut frames = FrameBuffer::default();
        let mut usual = FIRST_READ_BYTES;
        let mut gate = match &self.objects {
            Some(objects) if !objects.has_output_gate() => Gate::removed(),
            _ => Gate::default(),
        };
        let mut durable = self.objects.as_ref().map(|objects| objects.durable());
        let reason = 'connection: loop {
            let (is_full, is_barred, is_empty) =
                (gate.is_full(), gate.is_barred(), gate.is_empty());
            tokio::select! {
                readable = self.socket.readable(), if !is_full => {
                    if readable.is_err() {
                        break String::new();
                    }
                }
                opened = became_durable(&mut durable), if !is_empty => {
                    if let Err(reason) = opened.and_then(|position| {
                        gate.opened(position);
                        outbox::together(|| self.release(&mut gate))
                    }) {
                        break reason;
                    }
                    continue;
                }
                changed = gate.unbarred(), if is_barred => {
                    let changed = changed.map_err(|error| self.change_failed(error));
                    if let Err(reason) =
                        changed.and_then(|()| outbox::together(|| self.release(&mut gate)))
                    {
                        break reason;
                    }
                    continue;
                }
            }
            loop {
                let room = frames.missing().clamp(usual, 4 * 1024 * 1024);
                match frames.fill(room, |buffer| self.socket.try_read(buffer)) {
                    Ok(0) => break 'connection String::new(),
                    Ok(count) => {
                        if count == room {
                            usual = READ_BYTES;
                        }
                        let handled = outbox::together(|| {
                            self.handle_all(&mut frames, &mut gate, &mut durable)
                        });
                        if let Err(reason) = handled {
                            break 'connection reason;
                        }
                        if count < room || gate.is_full() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(_) => break 'connection String::new(),
                }
            }
        };
        if !reason.is_empty() {
            self.to_blame.store(true, Ordering::Relaxed);
            // A verdict is what its callers are told; then it was not its own doing.
            let ended = match self.lock().verdict.is_some() {
                true => "isolate ended",
                false => "isolate ended for breaking the protocol",
            };
            tracing::warn!(worker = &*self.worker, reason, "{ended}");
        } else {
            // What it said before it ended still counts.
            while !gate.is_empty() {
                let opened = match gate.is_barred() {
                    true => gate.unbarred().await,
                    false => became_durable(&mut durable)
                        .await
                        .map(|position| gate.opened(position)),
                };
                if opened.and_then(|()| self.release(&mut gate)).is_err() {
                    break;
                }
            }
        }
        self.close();
    }

    fn handle_all(
        self: &Arc<Self>,
        frames: &mut FrameBuffer,
        gate: &mut Gate,
        durable: &mut Option<Durable>,
    ) -> Result<(), String> {
        while let Some(payload) = frames.next_frame().map_err(|error| error.to_string())? {
            let frame = protocol::decode(payload).map_err(|error| error.to_string())?;
            self.lock().frames += 1;
            if let FromIsolate::Commit(commit) = &frame {
                gate.shut(self.commit(commit)?);
                continue;
            }
            if !gate.is_open() && !gate::is_private(&frame) {
                if let Some(position) = durable.as_mut().and_then(|durable| *durable.borrow()) {
                    gate.opened(position);
                    self.release(gate)?;
                }
                if !gate.is_open() {
                    self.hold(gate, &frame, payload)?;
                    continue;
                }
            }
            self.handle_next(gate, frame, payload.len())?;
        }
        Ok(())
    }

    /// Does what a frame says. What comes after it may have to wait.
    fn handle_next(
        self: &Arc<Self>,
        gate: &mut Gate,
        frame: FromIsolate<'_>,
        size: usize,
    ) -> Result<(), String> {
        if let FromIsolate::ChangeFacet { object, change } = &frame {
            if let Some(barrier) = self.change_facets(*object, change)? {
                gate.bar(barrier);
            }
            return Ok(());
        }
        self.handle(frame, size)
    }

    /// Does what need not wait for the disk any longer.
    fn release(self: &Arc<Self>, gate: &mut Gate) -> Result<(), String> {
        while let Some(waiting) = gate.next() {
            match waiting {
                Waiting::Frame(payload) => {
                    let frame = protocol::decode(&payload).map_err(|error| error.to_string())?;
                    self.handle_next(gate, frame, payload.len())?;
                }
                Waiting::Answer(call, answer) => self.storage_answer(call, answer),
            }
        }
        Ok(())
    }

    /// Does what a frame says, or says why it cannot be true.
    fn handle(self: &Arc<Self>, frame: FromIsolate<'_>, size: usize) -> Result<(), String> {
        match frame {
            FromIsolate::Evaluated(outcome) => self.evaluated(outcome),
            FromIsolate::Respond(id, response) => self.respond(id, &response),
            FromIsolate::Done {
                id,
                outcome,
                cpu_us,
            } => self.done(id, outcome, cpu_us),
            FromIsolate::Handled(id) => self.handled(id),
            FromIsolate::Call {
                id,
                capability,
                event,
                cpu_us,
                call,
            } => {
                let made = calls::Made {
                    id,
                    event,
                    cpu_us,
                    size,
                };
                self.call(&made, capability, call)
            }
            FromIsolate::Return(id, returned) => self.returned(id, &returned),
            FromIsolate::Release(id) => self.release_capability(id),
            FromIsolate::Derive(id, derive) => self.derive(id, derive),
            FromIsolate::Commit(_) | FromIsolate::ChangeFacet { .. } => {
                Err("a frame out of order".to_owned())
            }
            FromIsolate::StartFacet(call, outcome) => self.start_facet(call, outcome),
            FromIsolate::StorageCall {
                id, object, call, ..
            } => {
                let answer = self.storage_call(object, &call);
                self.storage_answer(id, answer);
                Ok(())
            }
            FromIsolate::Listen(socket) => self.listen(socket),
            FromIsolate::Accept {
                object,
                end,
                socket,
                tags,
                attachment,
            } => self.accept_socket(object, end, socket, &tags, attachment),
            FromIsolate::Cast {
                object,
                sockets,
                part,
            } => self.cast(object, &sockets, part),
            FromIsolate::Attach {
                object,
                socket,
                attachment,
            } => match self.slot_of(object)? {
                Some(slot) => slot.sockets.attach(socket, attachment),
                None => Ok(()),
            },
            FromIsolate::AutoResponse { object, pair } => match self.slot_of(object)? {
                Some(slot) => slot.sockets.answer_alone(pair),
                None => Ok(()),
            },
            FromIsolate::Slept(object) => {
                self.object_left(object, true)?;
                self.end_object(object, objects::End::Slept);
                Ok(())
            }
            FromIsolate::Busy(object) => {
                self.object_stays(object);
                Ok(())
            }
            FromIsolate::Broken { object, failure } => {
                self.object_left(object, false)?;
                self.end_object(object, objects::End::Broken(failure));
                Ok(())
            }
            FromIsolate::CancelCall(id) => {
                self.cancel_call(id);
                Ok(())
            }
            FromIsolate::Stream(id, part) => self.stream_part(id, part),
            FromIsolate::Flow(id, flow) => {
                self.flow(id, flow);
                Ok(())
            }
            FromIsolate::Socket(socket, part) => self.socket_part(socket, part),
            FromIsolate::Log {
                event,
                level,
                message,
                arguments,
            } => {
                self.trace_log(event, level, arguments);
                self.log(LogRecord::console(&self.worker, level, message));
                Ok(())
            }
            FromIsolate::Wake(at_ms) => {
                self.wake(at_ms);
                Ok(())
            }
            FromIsolate::Arrived { id, object, caller } => self.arrived(id, object, caller),
            FromIsolate::PassOn { call, value, .. } => self.pass_on(call, &value),
            FromIsolate::Unhandled(event, failure) => {
                self.trace_thrown(event, &failure);
                if failure.kind.is_limit() {
                    // It is about to end, and everyone who waits for it learns why.
                    let cpu_at_end = self.cpu_if_watched();
                    let mut state = self.lock();
                    state.cpu_at_end = cpu_at_end;
                    state.condemned = true;
                    state.verdict = Some(failure.clone());
                }
                self.log(LogRecord::uncaught(&self.worker, failure));
                Ok(())
            }
        }
    }

    fn log(&self, record: LogRecord) {
        self.logs.send(record);
    }

    // --- Streams from the isolate ---------------------------------------------------------------------------------

    fn read_body(self: &Arc<Self>, body: &WireBody<'_>) -> Result<Body, String> {
        match *body {
            WireBody::None => Ok(Body::empty()),
            WireBody::Inline(bytes) => Ok(Body::full(Bytes::copy_from_slice(bytes))),
            WireBody::Stream { id, length } => {
                let (reader, body) = incoming::open(Arc::clone(self), id, length);
                let mut state = self.lock();
                if state.readers.len() >= MAX_OPEN_PER_ISOLATE {
                    return Err("too many streams".to_owned());
                }
                match state.readers.entry(id) {
                    Entry::Occupied(_) => Err("a stream number that is in use".to_owned()),
                    Entry::Vacant(vacant) => {
                        vacant.insert(reader);
                        Ok(Body::wrap(body))
                    }
                }
            }
            WireBody::Forward(id) => {
                let writer = self
                    .lock()
                    .writers
                    .remove(&id)
                    .ok_or("a forward of no stream")?;
                Ok(Body::wrap(outgoing::take_over(&writer)))
            }
        }
    }

    // --- Streams to the isolate -----------------------------------------------------------------------------------

    /// Describes a body for a frame. `work` gets the description, and the stream starts after it.
    pub(crate) fn with_body<R>(
        self: &Arc<Self>,
        body: Body,
        work: impl FnOnce(WireBody<'_>) -> R,
    ) -> R {
        match outgoing::look(body) {
            outgoing::Look::Empty => work(WireBody::None),
            outgoing::Look::Whole(bytes) => work(WireBody::Inline(&bytes)),
            outgoing::Look::Stream(body, length) => {
                let (id, pump) = {
                    let mut state = self.lock();
                    let id = state.next_stream();
                    let (writer, pump) = outgoing::open(Arc::clone(self), id, body);
                    state.writers.insert(id, writer);
                    (id, pump)
                };
                let result = work(WireBody::Stream { id, length });
                tokio::spawn(pump);
                result
            }
        }
    }

    fn flow(&self, id: StreamId, flow: Flow) {
        let mut state = self.lock();
        match flow {
            Flow::Grant(bytes) => {
                if let Some(writer) = state.writers.get(&id) {
                    writer.grant(bytes);
                }
            }
            Flow::Cancel => {
                state.writers.remove(&id);
            }
        }
    }

    fn writer_ended(&self, id: StreamId) {
        self.lock().writers.remove(&id);
    }

    // --- The end --------------------------------------------------------------------------------------------------

    fn close(&self) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let at_work = state.at_work();
        let gone = std::mem::take(&mut *state);
        state.closed = true;
        state.verdict.clone_from(&gone.verdict);
        drop(state);
        if let Some(uses) = &self.uses {
            uses.ended(gone.verdict.as_ref(), gone.cpu_at_end);
        }
        let error = || gone.verdict.clone().map_or_else(lost, FetchError::Worker);
        // Before anybody learns of it, so that who tries again does not find them here.
        self.all_left(gone.objects, &at_work);
        for (_, mut entry) in gone.events {
            if let (Some(following), Some(before), Some(end)) =
                (&mut entry.following, entry.cpu_before, gone.cpu_at_end)
            {
                following.used(end.saturating_sub(before));
            }
            entry.fail(&error());
        }
        for (_, reader) in gone.readers {
            reader.abort(BodyError(LOST.to_owned()));
        }
        for abort in gone.calls.into_values().flatten() {
            abort.abort();
        }
        for (_, socket) in gone.sockets {
            socket.lost(LOST);
        }
        if let Some(wake) = gone.wake {
            wake.abort();
        }
        self.kill();
        self.closed.notify_waiters();
        self.drained.notify_waiters();
        self.unwritten.notify_one();
    }
}

/// Waits until more is on the disk than before, and says up to where.
async fn became_durable(durable: &mut Option<Durable>) -> Result<u64, String> {
    let stopped = || "storage has stopped".to_owned();
    let durable = durable.as_mut().ok_or_else(stopped)?;
    durable.changed().await.map_err(|_| stopped())?;
    let position = *durable.borrow_and_update();
    position.ok_or_else(stopped)
}

pub(crate) fn lost() -> FetchError {
    FetchError::Lost {
        message: LOST.to_owned(),
        retryable: true,
    }
}
