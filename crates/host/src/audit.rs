//! What was used: a line for each use of a capability, each decision of an egress policy, each event of a dynamic worker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use http::StatusCode;
use protocol::{Call, CallId, EventId, Failure, Invocation, ObjectCall, Passed, Program, Reply};
use serde::Serialize;

use crate::capability::Capability;
use crate::fetcher::{Caller, FetchError};
use crate::journal::Journal;
use crate::link::MadeCall;
use crate::metered::Meter;

/// How much of a URL or a text one line holds, in bytes.
const MAX_TEXT_BYTES: usize = 2048;

/// Writes down what is used. Clones write to the same journal.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Journal>);

impl Audit {
    /// One that writes here.
    #[must_use]
    pub fn new(journal: Arc<Journal>) -> Self {
        Self(journal)
    }
}

/// One line. It is written when it is dropped, and tells what is known by then.
#[derive(Debug)]
pub(crate) struct Entry {
    audit: Audit,
    started: Instant,
    line: Line,
    meters: Option<(Meter, Meter)>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    time: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    /// A hash of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    capability: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Bytes that the worker sent.
    sent: u64,
    /// Bytes that it got.
    received: u64,
    /// From the start to the last byte of the answer.
    ms: f64,
    /// Processor time of the event, up to this use if it is one, as the isolate counts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ms: Option<f64>,
    /// Processor time of the worker's whole process by then, as the kernel counts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    process_cpu_ms: Option<f64>,
}

impl Entry {
    pub(crate) fn new(audit: &Audit, kind: &'static str, caller: Option<&Caller>) -> Self {
        Self {
            audit: audit.clone(),
            started: Instant::now(),
            line: Line {
                time: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                kind,
                worker: caller.map(|caller| caller.worker.to_string()),
                code: caller.and_then(|caller| Some(caller.code.as_ref()?.to_string())),
                capability: String::new(),
                target: String::new(),
                outcome: "lost",
                status: None,
                reason: None,
                sent: 0,
                received: 0,
                ms: 0.0,
                cpu_ms: None,
                process_cpu_ms: None,
            },
            meters: None,
        }
    }

    pub(crate) fn capability(&mut self, capability: String) {
        self.line.capability = capability;
    }

    pub(crate) fn target(&mut self, target: String) {
        self.line.target = cut(target);
    }

    /// There is a response.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.line.outcome = "ok";
        self.line.status = Some(status.as_u16());
    }

    pub(crate) fn failed(&mut self, error: &FetchError) {
        self.line.outcome = match error {
            FetchError::Refused(_) => "refused",
            FetchError::Worker(_)
            | FetchError::Lost { .. }
            | FetchError::Overloaded(_)
            | FetchError::Network(_) => "failed",
        };
        self.line.reason = Some(cut(error.to_string()));
    }

    /// A response ended before its end.
    pub(crate) fn broke_off(&mut self, reason: &str) {
        self.line.outcome = "broken";
        self.line.reason = Some(cut(reason.to_owned()));
    }

    /// What counts bytes that the worker sends and gets.
    pub(crate) fn meters(&mut self, sent: Meter, received: Meter) {
        self.meters = Some((sent, received));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some((sent, received)) = &self.meters {
            self.line.sent += sent.passed();
            self.line.received += received.passed();
        }
        self.line.ms = milliseconds(self.started.elapsed());
        if let Ok(text) = serde_json::to_string(&self.line) {
            self.audit.0.write(text);
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    text
}

/// A name for code that other code does not have: the start of a SHA-256 over all its modules.
pub(crate) fn hash(program: &Program) -> Arc<str> {
    const SHOWN_BYTES: usize = 16;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_le_bytes());
        context.update(bytes);
    };
    part(program.main.as_bytes());
    for module in &program.modules {
        part(module.name.as_bytes());
        part(&[module.kind as u8]);
        part(&module.content);
    }
    let digest = context.finish();
    let digits = digest.as_ref().iter().take(SHOWN_BYTES);
    digits
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

/// What one isolate uses, as long as it is under way.
#[derive(Debug)]
pub(crate) struct Uses {
    audit: Audit,
    caller: Caller,
    calls: Mutex<HashMap<CallId, Entry>>,
    /// Each with the processor time of the process when it began.
    events: Mutex<HashMap<EventId, (Entry, Option<Duration>)>>,
}

impl Uses {
    pub(crate) fn new((audit, code): (Audit, Arc<str>), worker: &Arc<str>) -> Self {
        Self {
            audit,
            caller: Caller {
                worker: Arc::clone(worker),
                code: Some(code),
                is_dynamic: true,
            },
            calls: Mutex::default(),
            events: Mutex::default(),
        }
    }

    pub(crate) fn code(&self) -> Option<Arc<str>> {
        self.caller.code.clone()
    }

    fn entry(&self, kind: &'static str) -> Entry {
        Entry::new(&self.audit, kind, Some(&self.caller))
    }

    /// A call has been made.
    pub(crate) fn begin(
        &self,
        made: &MadeCall,
        capability: &Capability,
        call: &Call<'_>,
        process: Option<Duration>,
    ) {
        let mut entry = self.entry("use");
        entry.capability(describe(capability));
        entry.target(target(call));
        entry.line.sent = made.size as u64;
        entry.line.process_cpu_ms = process.map(milliseconds);
        if made.event.is_some() {
            // No isolate has used more than the kernel says.
            let counted = Duration::from_micros(made.cpu_us);
            entry.line.cpu_ms = Some(milliseconds(process.map_or(counted, |p| counted.min(p))));
        }
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose number is in use ends the isolate, and the one that had it keeps it.
        calls.entry(made.id).or_insert(entry);
    }

    /// Something that needs no answer.
    pub(crate) fn note(&self, capability: &str, target: String) {
        let mut entry = self.entry("use");
        entry.capability(capability.to_owned());
        entry.target(target);
        entry.line.outcome = "ok";
    }

    /// The entry of a call, for one who knows how it goes on.
    pub(crate) fn take(&self, id: CallId) -> Option<Entry> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.remove(&id)
    }

    pub(crate) fn replied(&self, id: CallId, reply: &Reply<'_>) {
        let Some(mut entry) = self.take(id) else {
            return;
        };
        entry.line.outcome = "ok";
        match reply {
            Reply::Response(response) => entry.line.status = Some(response.status),
            Reply::Returned(parcel) => entry.line.received = parcel.value.len() as u64,
            Reply::Thrown(bytes) => {
                entry.line.outcome = "threw";
                entry.line.received = bytes.len() as u64;
            }
            _ => {}
        }
    }

    pub(crate) fn failed(&self, id: CallId, name: &str, message: &str) {
        let Some(mut entry) = self.take(id) else {
            return;
        };
        // What the host itself forbids is a TypeError, or says that there is too much.
        entry.line.outcome = if name == "TypeError" {
            "refused"
        } else {
            "failed"
        };
        entry.line.reason = Some(cut(message.to_owned()));
    }

    pub(crate) fn cancelled(&self, id: CallId) {
        if let Some(mut entry) = self.take(id) {
            entry.line.outcome = "cancelled";
        }
    }

    pub(crate) fn event_began(&self, id: EventId, cpu: Option<Duration>) {
        let entry = self.entry("event");
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.insert(id, (entry, cpu));
    }

    pub(crate) fn event_ended(&self, id: EventId, outcome: &Result<(), Failure>, cpu_us: u64) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mut entry, _)) = events.remove(&id) else {
            return;
        };
        drop(events);
        entry.line.cpu_ms = Some(cpu_us as f64 / 1e3);
        entry.line.outcome = "ok";
        if let Err(failure) = outcome {
            entry.line.outcome = "failed";
            entry.line.reason = Some(cut(failure.to_string()));
        }
    }

    /// The isolate is gone, and with it what was under way. `cpu` is what its process had used by then.
    pub(crate) fn ended(&self, verdict: Option<&Failure>, cpu: Option<Duration>) {
        let take = |entries: Vec<Entry>| {
            for mut entry in entries {
                entry.line.reason = verdict.map(|failure| cut(failure.message.clone()));
                drop(entry);
            }
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = calls.drain().map(|(_, entry)| entry).collect();
        drop(calls);
        take(gone);
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = events.drain().map(|(_, event)| event).collect();
        drop(events);
        let ended = gone.into_iter().map(|(mut entry, before)| {
            // Nobody but the kernel has counted.
            let used = before
                .zip(cpu)
                .map(|(before, end)| end.saturating_sub(before));
            entry.line.cpu_ms = used.map(milliseconds);
            entry.line.process_cpu_ms = cpu.map(milliseconds);
            entry
        });
        take(ended.collect());
    }
}

/// What a capability is, for those who read what was used.
fn describe(capability: &Capability) -> String {
    match capability {
        Capability::Fetch(fetcher) => fetcher.describe(),
        Capability::Stub(remote) => remote.describe(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn target(call: &Call<'_>) -> String {
    match call {
        Call::Fetch(request) => format!("{} {}", request.method, request.url),
        Call::Rpc(invocation)
        | Call::Object {
            call: ObjectCall::Rpc(invocation),
            ..
        } => path(invocation),
        Call::Object {
            call: ObjectCall::Fetch(request),
            ..
        } => {
            format!("{} {}", request.method, request.url)
        }
        Call::CacheMatch { request, .. } => format!("match {}", request.url),
        Call::CachePut { request, .. } => format!("put {}", request.url),
        Call::CacheDelete { request, .. } => format!("delete {}", request.url),
        Call::FindWorker(name) => format!("get {name}"),
    }
}

/// The names of a call one after the other; a property that is read has no parentheses.
fn path(invocation: &Invocation<'_, Passed>) -> String {
    let mut text = invocation.path.join(".");
    if invocation.arguments.is_some() {
        text.push_str("()");
    }
    text
}
