//! What the messages say about what went wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a call failed. `message` is what a worker's code sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// The JavaScript error's name: `TypeError`, `Error`.
    pub name: String,
    /// The JavaScript error's message.
    pub message: String,
    /// The error's `stack` where it was thrown, when it crossed from another worker.
    pub stack: Option<String>,
    /// It came from another worker.
    pub remote: bool,
    /// Trying again can help.
    pub retryable: bool,
    /// The callee is overloaded: trying again makes it worse.
    pub overloaded: bool,
    /// The Durable Object that worked on the call was reset.
    pub durable_object_reset: bool,
}

/// An error that ended a handler or a program's top level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The error's name: `TypeError`.
    pub name: String,
    /// The error's message.
    pub message: String,
    /// The error's stack: lines of `    at function (module:line:column)`.
    pub stack: String,
}

/// What kind of failure ended a handler or a program's top level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The worker's code threw.
    #[default]
    Exception,
    /// A module could not be parsed or linked.
    Syntax,
    /// More CPU time than allowed.
    Cpu,
    /// More memory than allowed.
    Memory,
    /// No answer in the time that is allowed.
    WallTime,
    /// The event's export or handler does not exist.
    NoHandler,
    /// Nothing is left to wait for, and there is no answer.
    Hung,
    /// The Durable Object was reset while it worked on the event.
    Reset,
    /// It was reset because it kept everything else waiting for too long.
    Blocked,
}

impl Failure {
    /// An event, or a top level, has used more processor time than `limit_ms`.
    #[must_use]
    pub fn over_cpu(limit_ms: u32, used_us: u64) -> Self {
        let used = tenths(used_us);
        let message = format!("Worker exceeded CPU time limit ({limit_ms} ms): it used {used} ms.");
        Self::of_limit(FailureKind::Cpu, message)
    }

    /// An event has not been answered within `limit_ms`.
    #[must_use]
    pub fn over_wall_time(limit_ms: u32, passed: Duration) -> Self {
        let passed = tenths(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX));
        let message = format!(
            "Worker exceeded wall time limit ({limit_ms} ms): no answer after {passed} ms."
        );
        Self::of_limit(FailureKind::WallTime, message)
    }

    /// An isolate has more memory than it may, or asked for more: `excess` says how much.
    #[must_use]
    pub fn over_memory(limit_mb: usize, excess: &str) -> Self {
        let message = format!("Worker exceeded memory limit ({limit_mb} MB){excess}.");
        Self::of_limit(FailureKind::Memory, message)
    }

    fn of_limit(kind: FailureKind, message: String) -> Self {
        Self {
            kind,
            name: "Error".to_owned(),
            message,
            stack: String::new(),
        }
    }
}

impl FailureKind {
    /// Whether a limit on what a worker may use was passed.
    #[must_use]
    pub fn is_limit(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::WallTime)
    }
}

/// Microseconds in milliseconds, rounded up: what passes a limit is never shown as the limit.
fn tenths(us: u64) -> String {
    let tenths = us.div_ceil(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Why a module is no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// Line, counted from one.
    pub line: u32,
    /// Column, counted from one.
    pub column: u32,
}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    /// `console.debug`
    Debug,
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.name.as_str(), self.message.as_str()) {
            ("", message) => formatter.write_str(message),
            (name, "") => formatter.write_str(name),
            (name, message) => write!(formatter, "{name}: {message}"),
        }
    }
}
