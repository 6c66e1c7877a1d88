//! What the messages say about what went wrong.

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
    /// The event's export or handler does not exist.
    NoHandler,
    /// Nothing is left to wait for, and there is no answer.
    Hung,
    /// The Durable Object was reset while it worked on the event.
    Reset,
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
