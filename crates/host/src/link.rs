//! One isolate as the host sees it: a socket, and everything that is under way on it.
//!
//! Frames from the isolate are hostile input: whatever does not fit the state here ends the isolate.

mod calls;
mod held;
mod incoming;
mod outgoing;
mod sockets;
mod state;

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use protocol::limits::{MAX_OPEN_PER_ISOLATE, MAX_OUTBOX_BYTES};
use protocol::{
    Body as WireBody, EventId, Failure, FailureKind, Flow, FrameBuffer, FromIsolate,
    Response as WireResponse, SocketRef, StreamId, ToIsolate,
};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::body::{Body, BodyError};
use crate::capability::Capability;
use crate::fetcher::{FetchError, Response};
use crate::logs::{LogRecord, Logs};
use crate::wire;

pub(crate) use state::EventEntry;
use state::State;

/// Room for one read from the socket, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// Bytes waiting to be written beyond which senders of bulk data wait.
const OUTBOX_SOFT_BYTES: usize = 1024 * 1024;

/// What workers see when the isolate that worked for them is gone.
const LOST: &str = "Network connection lost.";

/// A live isolate process.
pub(crate) struct Link {
    socket: UnixStream,
    process: jail::Process,
    capabilities: Arc<[Capability]>,
    worker: Arc<str>,
    logs: Logs,
    subrequests: u32,
    /// Bytes that the isolate sent and that nobody has taken yet.
    held: held::Account,
    state: Mutex<State>,
    /// There is something to write that could not be written at once.
    unwritten: Notify,
    /// Waiting bytes went below the soft bound.
    drained: Notify,
    /// The isolate is gone.
    closed: Notify,
}

/// What a link is made of.
pub(crate) struct LinkOptions {
    pub(crate) capabilities: Arc<[Capability]>,
    pub(crate) worker: Arc<str>,
    pub(crate) logs: Logs,
    pub(crate) subrequests: u32,
}

impl Link {
    /// Takes over a freshly forked isolate and starts it.
    pub(crate) fn start(child: jail::Child, options: LinkOptions) -> std::io::Result<Arc<Self>> {
        child.socket.set_nonblocking(true)?;
        let link = Arc::new(Self {
            socket: UnixStream::from_std(child.socket)?,
            process: child.process,
            capabilities: options.capabilities,
            worker: options.worker,
            logs: options.logs,
            subrequests: options.subrequests,
            held: held::Account::default(),
            state: Mutex::default(),
            unwritten: Notify::new(),
            drained: Notify::new(),
            closed: Notify::new(),
        });
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
        link.send(&ToIsolate::Start {
            seed,
            now_ms: now_ms(),
        });
        tokio::spawn(Arc::clone(&link).read());
        tokio::spawn(Arc::clone(&link).write());
        Ok(link)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events under way; `None` when the isolate is gone.
    pub(crate) fn load(&self) -> Option<usize> {
        let state = self.lock();
        (!state.closed && !state.condemned).then_some(state.events.len())
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

    /// Frames received so far, and whether something is expected: for the watchdog.
    pub(crate) fn progress(&self) -> (u64, bool) {
        let state = self.lock();
        (state.frames, !state.closed && !state.events.is_empty())
    }

    /// Puts a frame on its way, at once when the socket takes it.
    pub(crate) fn send(&self, frame: &ToIsolate<'_>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let idle = state.outbox.is_empty();
        protocol::encode_into(frame, &mut state.outbox);
        if idle {
            match self.socket.try_write(&state.outbox) {
                Ok(count) => {
                    state.outbox.drain(..count);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // The reading side finds out as well, and cleans up.
                Err(_) => state.outbox.clear(),
            }
            if !state.outbox.is_empty() {
                self.unwritten.notify_one();
            }
        } else if state.outbox.len() > MAX_OUTBOX_BYTES {
            drop(state);
            self.condemn("it does not read what it is sent");
        }
    }

    /// Resolves when bulk data may be sent.
    pub(crate) async fn ready(&self) {
        loop {
            let notified = self.drained.notified();
            {
                let state = self.lock();
                if state.closed || state.outbox.len() < OUTBOX_SOFT_BYTES {
                    return;
                }
            }
            notified.await;
        }
    }

    async fn write(self: Arc<Self>) {
        loop {
            self.unwritten.notified().await;
            loop {
                {
                    let mut state = self.lock();
                    if state.closed {
                        return;
                    }
                    if !state.outbox.is_empty() {
                        match self.socket.try_write(&state.outbox) {
                            Ok(count) => {
                                state.outbox.drain(..count);
                            }
                            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                            Err(_) => return,
                        }
                    }
                    if state.outbox.len() < OUTBOX_SOFT_BYTES {
                        self.drained.notify_waiters();
                    }
                    if state.outbox.is_empty() {
                        break;
                    }
                }
                if self.socket.writable().await.is_err() {
                    return;
                }
            }
        }
    }

    async fn read(self: Arc<Self>) {
        let mut frames = FrameBuffer::default();
        let reason = 'connection: loop {
            if self.socket.readable().await.is_err() {
                break String::new();
            }
            loop {
                let room = frames.missing().clamp(READ_BYTES, 4 * 1024 * 1024);
                match frames.fill(room, |buffer| self.socket.try_read(buffer)) {
                    Ok(0) => break 'connection String::new(),
                    Ok(count) => {
                        if let Err(reason) = self.handle_all(&mut frames) {
                            break 'connection reason;
                        }
                        if count < room {
                            break;
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(_) => break 'connection String::new(),
                }
            }
        };
        if !reason.is_empty() {
            tracing::warn!(
                worker = &*self.worker,
                reason,
                "isolate ended for breaking the protocol"
            );
        }
        self.close();
    }

    fn handle_all(self: &Arc<Self>, frames: &mut FrameBuffer) -> Result<(), String> {
        while let Some(payload) = frames.next_frame().map_err(|error| error.to_string())? {
            let frame = protocol::decode(payload).map_err(|error| error.to_string())?;
            self.handle(frame, payload.len())?;
        }
        Ok(())
    }

    /// Does what a frame says, or says why it cannot be true.
    fn handle(self: &Arc<Self>, frame: FromIsolate<'_>, size: usize) -> Result<(), String> {
        self.lock().frames += 1;
        match frame {
            FromIsolate::Evaluated(_) => Err("an isolate is not a template".to_owned()),
            FromIsolate::Respond(id, response) => self.respond(id, &response),
            FromIsolate::Done {
                id,
                outcome,
                cpu_us,
            } => self.done(id, outcome, cpu_us),
            FromIsolate::Call {
                id,
                capability,
                event,
                call,
            } => self.call(id, capability, event, call, size),
            FromIsolate::Return(..)
            | FromIsolate::Commit(_)
            | FromIsolate::StorageCall { .. }
            | FromIsolate::Slept(_)
            | FromIsolate::Busy(_)
            | FromIsolate::Broken { .. } => Err("a frame of an object that it has not".to_owned()),
            FromIsolate::CancelCall(id) => {
                if let Some(abort) = self.lock().calls.remove(&id) {
                    abort.abort();
                }
                Ok(())
            }
            FromIsolate::Stream(id, part) => self.stream_part(id, part),
            FromIsolate::Flow(id, flow) => {
                self.flow(id, flow);
                Ok(())
            }
            FromIsolate::Socket(socket, part) => self.socket_part(socket, part),
            FromIsolate::Log {
                event: _,
                level,
                message,
            } => {
                self.log(LogRecord::console(&self.worker, level, message));
                Ok(())
            }
            FromIsolate::Wake(at_ms) => {
                self.wake(at_ms);
                Ok(())
            }
            FromIsolate::Unhandled(_, failure) => {
                if matches!(failure.kind, FailureKind::Cpu | FailureKind::Memory) {
                    // It is about to end, and everyone who waits for it learns why.
                    let mut state = self.lock();
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

    // --- Events ---------------------------------------------------------------------------------------------------

    /// Starts an event. The answers come through `respond` and `done`.
    pub(crate) fn begin(&self, entry: EventEntry) -> Result<EventId, FetchError> {
        let mut state = self.lock();
        if state.closed {
            return Err(lost());
        }
        if state.events.len() >= MAX_OPEN_PER_ISOLATE {
            return Err(FetchError::Overloaded(
                "Worker is overloaded. Too many requests are under way.".to_owned(),
            ));
        }
        let id = state.next_event();
        state.events.insert(id, entry);
        Ok(id)
    }

    /// Nobody waits for the event's response any more.
    pub(crate) fn cancel(&self, id: EventId) {
        let open = self
            .lock()
            .events
            .get_mut(&id)
            .map(|entry| entry.respond = None)
            .is_some();
        if open {
            self.send(&ToIsolate::CancelEvent(id));
        }
    }

    fn respond(self: &Arc<Self>, id: EventId, response: &WireResponse<'_>) -> Result<(), String> {
        let respond = {
            let mut state = self.lock();
            let entry = state.events.get_mut(&id).ok_or("a response to no event")?;
            if entry.responded {
                return Err("a second response to an event".to_owned());
            }
            entry.responded = true;
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
    fn read_response(self: &Arc<Self>, response: &WireResponse<'_>) -> Result<Response, String> {
        let body = self.read_body(&response.body)?;
        let mut answer = wire::response(response, body)?;
        if let Some(id) = response.socket {
            let end = self.open_socket(SocketRef::Isolate(id))?;
            end.attach(answer.extensions_mut());
        }
        Ok(answer)
    }

    fn done(&self, id: EventId, outcome: Result<(), Failure>, cpu_us: u64) -> Result<(), String> {
        let mut entry = {
            let mut state = self.lock();
            if let Err(failure) = &outcome {
                state.condemned |= matches!(failure.kind, FailureKind::Cpu | FailureKind::Memory);
            }
            state.events.remove(&id).ok_or("the end of no event")?
        };
        if let Some(respond) = entry.respond.take() {
            let failure = outcome.clone().err().unwrap_or_else(|| Failure {
                kind: FailureKind::Hung,
                name: "Error".to_owned(),
                message: "The event ended without a response.".to_owned(),
                stack: String::new(),
            });
            drop(respond.send(Err(FetchError::Worker(failure))));
        } else if let (Err(failure), None) = (&outcome, &entry.done) {
            self.log(LogRecord::uncaught(&self.worker, failure.clone()));
        }
        if let Some(done) = entry.done.take() {
            drop(done.send(outcome.map_err(FetchError::Worker)));
        }
        tracing::trace!(worker = &*self.worker, event = id, cpu_us, "event over");
        Ok(())
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
    pub(crate) async fn with_body<R>(
        self: &Arc<Self>,
        body: Body,
        work: impl FnOnce(WireBody<'_>) -> R,
    ) -> R {
        match outgoing::look(body).await {
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

    // --- Time -----------------------------------------------------------------------------------------------------

    fn wake(self: &Arc<Self>, at_ms: Option<f64>) {
        let mut state = self.lock();
        if let Some(old) = state.wake.take() {
            old.abort();
        }
        let Some(at_ms) = at_ms else { return };
        let link = Arc::clone(self);
        let timer = tokio::spawn(async move {
            // At least until the next millisecond: the isolate's clock has that grain.
            let wait_ms = (at_ms - now_ms()).clamp(0.0, 365.0 * 86_400_000.0);
            tokio::time::sleep(std::time::Duration::from_secs_f64(wait_ms / 1000.0)).await;
            link.send(&ToIsolate::Tick {
                now_ms: now_ms().max(at_ms),
            });
        });
        state.wake = Some(timer.abort_handle());
    }

    // --- The end --------------------------------------------------------------------------------------------------

    /// Kills the isolate: it is broken or hostile.
    pub(crate) fn condemn(&self, reason: &str) {
        tracing::warn!(worker = &*self.worker, reason, "isolate killed");
        self.kill();
    }

    /// Kills the isolate for using too much processor time; its callers are told so.
    pub(crate) fn kill_for_cpu(&self, cpu_ms: u32) {
        let failure = Failure {
            kind: FailureKind::Cpu,
            name: "Error".to_owned(),
            message: format!("Worker exceeded CPU time limit ({cpu_ms} ms)."),
            stack: String::new(),
        };
        {
            let mut state = self.lock();
            state.condemned = true;
            state.verdict = Some(failure);
        }
        self.kill();
    }

    /// Ends the process; whatever is under way fails.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    fn close(&self) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let gone = std::mem::take(&mut *state);
        state.closed = true;
        drop(state);
        let error = || gone.verdict.clone().map_or_else(lost, FetchError::Worker);
        for (_, mut entry) in gone.events {
            if let Some(respond) = entry.respond.take() {
                drop(respond.send(Err(error())));
            }
            if let Some(done) = entry.done.take() {
                drop(done.send(Err(error())));
            }
        }
        for (_, reader) in gone.readers {
            reader.abort(BodyError(LOST.to_owned()));
        }
        for (_, abort) in gone.calls {
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

pub(crate) fn lost() -> FetchError {
    FetchError::Lost {
        message: LOST.to_owned(),
        retryable: true,
    }
}

/// Milliseconds since 1970, in whole milliseconds.
pub(crate) fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_millis() as f64)
}
