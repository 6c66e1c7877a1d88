//! What a store says about itself in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Store;

/// What was done since the store was opened, and what there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Commits that were taken into the log.
    pub commits: u64,
    /// Batches of records that were written to the log and synced.
    pub syncs: u64,
    /// How long these syncs took together.
    pub sync_time: Duration,
    /// Bytes of the log that are kept, history included.
    pub log_bytes: u64,
    /// Bytes of the log that a start after a crash would read: they are not yet safe in the objects' files.
    pub behind_bytes: u64,
    /// Why nothing is stored any more, if that is so.
    pub failure: Option<String>,
}

/// What is counted while it happens.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    commits: AtomicU64,
    syncs: AtomicU64,
    sync_ns: AtomicU64,
}

impl Counts {
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

impl Store {
    /// What there is to say about it in numbers.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let counts = &self.shared.counts;
        let first = self.shared.segments().first().map(|first| first.start);
        let core = self.shared.core();
        Figures {
            commits: counts.commits.load(Ordering::Relaxed),
            syncs: counts.syncs.load(Ordering::Relaxed),
            sync_time: Duration::from_nanos(counts.sync_ns.load(Ordering::Relaxed)),
            log_bytes: core.durable.saturating_sub(first.unwrap_or(core.durable)),
            behind_bytes: core.durable.saturating_sub(core.checkpointed),
            failure: core.failure.as_ref().map(ToString::to_string),
        }
    }
}
