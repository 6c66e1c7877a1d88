//! What workers log, and what goes wrong in them.

use std::sync::Arc;

use protocol::{Failure, LogLevel};
use tokio::sync::broadcast;

/// Records kept for a slow reader; older ones are dropped.
const QUEUE: usize = 4096;

/// Where a record comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// `console`.
    Console(LogLevel),
    /// An error that no code handled.
    Uncaught(Failure),
}

/// One line of a worker's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The worker's name.
    pub worker: Arc<str>,
    /// Where it comes from.
    pub kind: LogKind,
    /// The text; positions in it are those of the bundle.
    pub message: String,
}

impl LogRecord {
    pub(crate) fn console(worker: &Arc<str>, level: LogLevel, message: &str) -> Self {
        Self {
            worker: Arc::clone(worker),
            kind: LogKind::Console(level),
            message: message.to_owned(),
        }
    }

    pub(crate) fn uncaught(worker: &Arc<str>, failure: Failure) -> Self {
        let message = format!("Uncaught {failure}");
        Self {
            worker: Arc::clone(worker),
            kind: LogKind::Uncaught(failure),
            message,
        }
    }
}

/// The log of all workers.
#[derive(Clone, Debug)]
pub(crate) struct Logs(broadcast::Sender<LogRecord>);

impl Logs {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(QUEUE))
    }

    /// Adds a record, if someone listens.
    pub(crate) fn send(&self, record: LogRecord) {
        drop(self.0.send(record));
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<LogRecord> {
        self.0.subscribe()
    }
}
