//! What those learn who follow a worker: its events, one by one, once they are over.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, LogLevel};
use crate::wire::Headers;

/// One event of a worker that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace<'a> {
    /// The worker's name, if it has one.
    pub script: Option<&'a str>,
    /// The export that it happened to.
    pub entrypoint: Option<&'a str>,
    /// `ctx.id` of the object that it happened to.
    pub object: Option<String>,
    /// What happened.
    #[serde(borrow)]
    pub event: TraceEvent<'a>,
    /// When it began, in milliseconds since 1970.
    pub at_ms: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// What it wrote to the console.
    #[serde(borrow)]
    pub logs: Vec<TraceLog<'a>>,
    /// What it threw, with the times.
    pub exceptions: Vec<(f64, Failure)>,
    /// Processor time, in milliseconds.
    pub cpu_ms: u32,
    /// Time from its beginning to its end, in milliseconds.
    pub wall_ms: u32,
    /// There was more than is kept.
    pub truncated: bool,
}

/// What happened to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TraceEvent<'a> {
    /// A request.
    Fetch {
        /// Its method.
        method: &'a str,
        /// Its URL.
        url: &'a str,
        /// Its headers.
        #[serde(borrow)]
        headers: Headers<'a>,
        /// JSON for `request.cf`.
        cf: Option<&'a str>,
        /// The status of the response, if there was one.
        status: Option<u16>,
    },
    /// A method was called.
    Rpc {
        /// Its name.
        method: &'a str,
    },
    /// An object's alarm went off.
    Alarm {
        /// When it was due, in milliseconds since 1970.
        scheduled_ms: f64,
    },
    /// A cron trigger.
    Scheduled {
        /// The expression, as configured.
        cron: &'a str,
        /// When it was due, in milliseconds since 1970.
        scheduled_ms: f64,
    },
    /// A message came.
    Email {
        /// Whose the envelope says it is.
        from: &'a str,
        /// Whom the envelope says it is for.
        to: &'a str,
        /// Its bytes.
        size: u64,
    },
    /// Something arrived on a WebSocket that the host keeps for an object.
    Socket(TraceSocket),
    /// It followed another worker.
    Tail {
        /// That worker's name.
        script: Option<&'a str>,
    },
}

/// What arrived on a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceSocket {
    /// A message.
    Message,
    /// A close frame, with its code.
    Close(u16),
    /// It broke.
    Error,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// As it should.
    Ok,
    /// Its code threw.
    Exception,
    /// It used more processor time than it may.
    ExceededCpu,
    /// It used more memory than it may.
    ExceededMemory,
    /// It did not answer in the time that it may take.
    ExceededWallTime,
    /// Nobody waited for it any more.
    Canceled,
    /// Nobody knows.
    Unknown,
}

/// Something that a worker wrote to the console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceLog<'a> {
    /// When, in milliseconds since 1970.
    pub at_ms: f64,
    /// How loud.
    pub level: LogLevel,
    /// The arguments as a JSON array.
    pub message: &'a str,
}
