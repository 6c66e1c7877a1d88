//! Those who follow a worker: what they are told of each of its events, once it is over.

use std::sync::Arc;
use std::time::Duration;

use protocol::limits::{MAX_LOG_BYTES, MAX_TRACE_BYTES, MAX_TRACES_UNDER_WAY};
use protocol::{
    Bounds, Event, Failure, FailureKind, Headers, LogLevel, ObjectId, Outcome, ToIsolate, Trace,
    TraceEvent, TraceLog, TraceSocket,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::capability::Capability;
use crate::fetcher::{FetchError, Fetcher};
use crate::link::{EventEntry, Link, now_ms};
use crate::objects::{Arrival, Namespace};
use crate::parcel::Props;

/// How many workers may follow one another.
const MAX_DEPTH: u32 = 16;
/// What one of those costs that have nothing to say, in bytes.
const ENTRY_BYTES: usize = 64;

/// Who follows a worker.
pub(crate) struct Tails {
    script: Option<Arc<str>>,
    followers: Vec<Follower>,
    /// Room for events that they are just told of.
    room: Arc<Semaphore>,
}

enum Follower {
    Fetcher(Arc<dyn Fetcher>),
    Object(Namespace, ObjectId, Option<Arc<str>>),
}

/// An event that is over, for those who follow a worker.
pub struct TraceItem(Item);

#[derive(Debug)]
struct Item {
    script: Option<Arc<str>>,
    entrypoint: Option<Arc<str>>,
    object: Option<String>,
    event: Happening,
    at_ms: f64,
    outcome: Outcome,
    logs: Vec<(f64, LogLevel, Box<str>)>,
    exceptions: Vec<(f64, Failure)>,
    cpu_ms: u32,
    wall_ms: u32,
    truncated: bool,
    /// How many workers the request behind it has passed through.
    depth: u32,
}

/// What happens to a worker.
#[derive(Debug)]
pub(crate) enum Happening {
    Fetch {
        method: String,
        url: String,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        cf: Option<Box<str>>,
        status: Option<u16>,
    },
    Rpc(String),
    Alarm(f64),
    Scheduled(String, f64),
    /// Whose the envelope says it is, whom it is for, and its bytes.
    Email(String, String, u64),
    Socket(TraceSocket),
    Tail(Option<Arc<str>>),
}

impl Happening {
    fn size(&self) -> usize {
        match self {
            Self::Fetch {
                method,
                url,
                headers,
                cf,
                ..
            } => {
                let headers = headers.iter().map(|(name, value)| name.len() + value.len());
                method.len()
                    + url.len()
                    + headers.sum::<usize>()
                    + cf.as_ref().map_or(0, |cf| cf.len())
            }
            Self::Rpc(text) | Self::Scheduled(text, _) => text.len(),
            Self::Email(from, to, _) => from.len() + to.len(),
            Self::Alarm(_) | Self::Socket(_) | Self::Tail(_) => 0,
        }
    }
}

/// An event that goes on, as those will be told of it who follow the worker.
pub(crate) struct Following {
    tails: Arc<Tails>,
    item: Option<Box<Item>>,
    bytes: usize,
    has_answered: bool,
}

impl Tails {
    /// Those of these who can follow a worker. `None` when nobody does.
    pub(crate) fn new(script: Option<&str>, followers: Vec<Capability>) -> Option<Arc<Self>> {
        let follower = |capability| match capability {
            Capability::Fetch(fetcher) => Some(Follower::Fetcher(fetcher)),
            Capability::Object {
                namespace,
                id,
                name,
            } => Some(Follower::Object(namespace, id, name)),
            _ => None,
        };
        let followers: Vec<Follower> = followers.into_iter().filter_map(follower).collect();
        if followers.is_empty() {
            return None;
        }
        Some(Arc::new(Self {
            script: script.map(Arc::from),
            followers,
            room: Arc::new(Semaphore::new(MAX_TRACES_UNDER_WAY)),
        }))
    }

    /// Those who follow a deployed worker. `None` when nobody does.
    pub(crate) fn of_worker(script: &str, followers: Vec<Arc<dyn Fetcher>>) -> Option<Arc<Self>> {
        if followers.is_empty() {
            return None;
        }
        Some(Arc::new(Self {
            script: Some(script.into()),
            followers: followers.into_iter().map(Follower::Fetcher).collect(),
            room: Arc::new(Semaphore::new(MAX_TRACES_UNDER_WAY)),
        }))
    }

    /// An event begins.
    pub(crate) fn follow(
        self: &Arc<Self>,
        event: Happening,
        entrypoint: Option<Arc<str>>,
        object: Option<String>,
        depth: u32,
    ) -> Following {
        let mut bytes = event.size();
        let mut truncated = false;
        let event = match event {
            // The method and the address are worth more than many headers.
            Happening::Fetch {
                method,
                mut url,
                status,
                ..
            } if bytes > MAX_TRACE_BYTES / 2 => {
                truncated = true;
                url.truncate(url.floor_char_boundary(ENTRY_BYTES * 64));
                let headers = Vec::new();
                let cf = None;
                Happening::Fetch {
                    method,
                    url,
                    headers,
                    cf,
                    status,
                }
            }
            Happening::Rpc(mut name) if bytes > MAX_TRACE_BYTES / 2 => {
                truncated = true;
                name.truncate(name.floor_char_boundary(ENTRY_BYTES * 64));
                Happening::Rpc(name)
            }
            event => event,
        };
        if truncated {
            bytes = event.size();
        }
        Following {
            tails: Arc::clone(self),
            item: Some(Box::new(Item {
                script: self.script.clone(),
                entrypoint,
                object,
                event,
                at_ms: now_ms(),
                outcome: Outcome::Unknown,
                logs: Vec::new(),
                exceptions: Vec::new(),
                cpu_ms: 0,
                wall_ms: 0,
                truncated,
                depth,
            })),
            bytes,
            has_answered: false,
        }
    }

    fn tell(self: Arc<Self>, item: Item) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let item = Arc::new(TraceItem(item));
        for index in 0..self.followers.len() {
            let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
                tracing::debug!("those who follow a worker are too slow: they miss an event");
                return;
            };
            let (tails, item) = (Arc::clone(&self), Arc::clone(&item));
            runtime.spawn(async move {
                match &tails.followers[index] {
                    Follower::Fetcher(fetcher) => fetcher.tail(item, room),
                    Follower::Object(namespace, id, name) => {
                        namespace.deliver(*id, name.as_deref(), move |arrival| {
                            tell_object(arrival, &item, room);
                        });
                    }
                }
            });
        }
    }
}

impl std::fmt::Debug for Tails {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tails").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Following").finish_non_exhaustive()
    }
}

impl Following {
    /// Room for so much more, if there is.
    fn room(&mut self, bytes: usize) -> Option<&mut Item> {
        let item = self.item.as_mut()?;
        if self.bytes + bytes + ENTRY_BYTES > MAX_TRACE_BYTES {
            item.truncated = true;
            return None;
        }
        self.bytes += bytes + ENTRY_BYTES;
        Some(item)
    }

    /// The worker writes to the console.
    pub(crate) fn log(&mut self, level: LogLevel, arguments: &str) {
        let arguments = &arguments[..arguments.floor_char_boundary(MAX_LOG_BYTES)];
        if let Some(item) = self.room(arguments.len()) {
            item.logs.push((now_ms(), level, arguments.into()));
        }
    }

    /// Something was thrown.
    pub(crate) fn thrown(&mut self, failure: &Failure) {
        let size = failure.name.len() + failure.message.len() + failure.stack.len();
        if let Some(item) = self.room(size) {
            item.exceptions.push((now_ms(), failure.clone()));
        }
    }

    /// The request has its response.
    pub(crate) fn answered(&mut self, with: u16) {
        self.has_answered = true;
        if let Some(item) = &mut self.item
            && let Happening::Fetch { status, .. } = &mut item.event
        {
            *status = Some(with);
        }
    }

    /// Nobody waits for the response any more.
    pub(crate) fn canceled(&mut self) {
        if let Some(item) = &mut self.item
            && !self.has_answered
        {
            item.outcome = Outcome::Canceled;
        }
    }

    /// The event is over.
    pub(crate) fn over(mut self, outcome: &Result<(), Failure>, cpu_us: u64) {
        if let Err(failure) = outcome {
            self.thrown(failure);
        }
        if let Some(item) = &mut self.item {
            item.cpu_ms = u32::try_from(cpu_us / 1000).unwrap_or(u32::MAX);
            item.outcome = match outcome {
                Ok(()) if item.outcome == Outcome::Unknown => Outcome::Ok,
                Ok(()) => item.outcome,
                Err(failure) => outcome_of(failure),
            };
        }
    }

    /// So much processor time went by while it was under way.
    pub(crate) fn used(&mut self, cpu: Duration) {
        if let Some(item) = &mut self.item {
            item.cpu_ms = u32::try_from(cpu.as_millis()).unwrap_or(u32::MAX);
        }
    }

    /// The event has come to nothing.
    pub(crate) fn lost(mut self, error: &FetchError) {
        if let FetchError::Worker(failure) = error {
            self.thrown(failure);
            if let Some(item) = &mut self.item {
                item.outcome = outcome_of(failure);
            }
        }
    }
}

fn outcome_of(failure: &Failure) -> Outcome {
    match failure.kind {
        FailureKind::Cpu => Outcome::ExceededCpu,
        FailureKind::Memory => Outcome::ExceededMemory,
        FailureKind::WallTime => Outcome::ExceededWallTime,
        _ => Outcome::Exception,
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(mut item) = self.item.take() {
            let wall_ms = (now_ms() - item.at_ms).clamp(0.0, f64::from(u32::MAX));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it was clamped"
            )]
            let wall_ms = wall_ms as u32;
            item.wall_ms = wall_ms;
            Arc::clone(&self.tails).tell(*item);
        }
    }
}

impl TraceItem {
    fn trace(&self) -> Trace<'_> {
        let item = &self.0;
        Trace {
            script: item.script.as_deref(),
            entrypoint: item.entrypoint.as_deref(),
            object: item.object.clone(),
            event: match &item.event {
                Happening::Fetch {
                    method,
                    url,
                    headers,
                    cf,
                    status,
                } => TraceEvent::Fetch {
                    method,
                    url,
                    headers: Headers(
                        headers
                            .iter()
                            .map(|(name, value)| (name.as_slice(), value.as_slice()))
                            .collect(),
                    ),
                    cf: cf.as_deref(),
                    status: *status,
                },
                Happening::Rpc(method) => TraceEvent::Rpc { method },
                Happening::Alarm(scheduled_ms) => TraceEvent::Alarm {
                    scheduled_ms: *scheduled_ms,
                },
                Happening::Scheduled(cron, scheduled_ms) => TraceEvent::Scheduled {
                    cron,
                    scheduled_ms: *scheduled_ms,
                },
                Happening::Email(from, to, size) => TraceEvent::Email {
                    from,
                    to,
                    size: *size,
                },
                Happening::Socket(what) => TraceEvent::Socket(*what),
                Happening::Tail(script) => TraceEvent::Tail {
                    script: script.as_deref(),
                },
            },
            at_ms: item.at_ms,
            outcome: item.outcome,
            logs: item
                .logs
                .iter()
                .map(|(at_ms, level, message)| TraceLog {
                    at_ms: *at_ms,
                    level: *level,
                    message,
                })
                .collect(),
            exceptions: item.exceptions.clone(),
            cpu_ms: item.cpu_ms,
            wall_ms: item.wall_ms,
            truncated: item.truncated,
        }
    }
}

impl Link {
    /// Tells a worker that follows another one of an event.
    pub(crate) fn begin_tail(
        self: &Arc<Self>,
        entrypoint: Option<&str>,
        props: Option<&Props>,
        item: &TraceItem,
        mut entry: EventEntry,
    ) {
        entry.depth = item.0.depth + 1;
        // What follows itself would never end.
        if entry.depth > MAX_DEPTH {
            return;
        }
        let happening = || Happening::Tail(item.0.script.clone());
        entry.following = self.follow(happening, entrypoint, entry.object, entry.depth);
        let object = entry.object;
        let Ok(id) = self.begin(entry) else { return };
        let sent = self.with_optional(props.map(Props::parcel), |props| {
            self.send(&ToIsolate::Event {
                id,
                now_ms: now_ms(),
                object,
                bounds: Bounds::default(),
                event: Event::Tail {
                    entrypoint,
                    props,
                    traces: vec![item.trace()],
                },
            });
        });
        if let Err(failed) = sent {
            self.fail_event(id, &failed);
        }
    }
}

fn tell_object(arrival: Result<Arrival, FetchError>, item: &TraceItem, room: OwnedSemaphorePermit) {
    let Ok(Arrival {
        link,
        number,
        lease,
        limits,
    }) = arrival
    else {
        return;
    };
    let entry = EventEntry {
        object: Some(number),
        lease: Some(lease),
        room: Some(room),
        subrequest_limit: limits.subrequests,
        ..EventEntry::default()
    };
    link.begin_tail(None, None, item, entry);
}
