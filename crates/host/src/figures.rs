//! What a host says about itself in numbers, for those who operate it.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::runtime::Runtime;

/// What there is at the moment, and what was done since the start.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Each deployed worker, by name.
    pub workers: Vec<WorkerFigures>,
    /// Dynamic workers that have a process.
    pub dynamic_workers: usize,
    /// Processes that wait for code from strings.
    pub dynamic_spares: usize,
    /// Durable Objects, where there is storage.
    pub objects: Option<ObjectFigures>,
    /// Programs that were built for workers.
    pub builds: BuildFigures,
}

/// One deployed worker.
#[derive(Clone, Debug, Default)]
pub struct WorkerFigures {
    /// Its name.
    pub name: String,
    /// Its isolates.
    pub isolates: usize,
    /// Isolates that wait for another to end.
    pub spares: usize,
    /// Events that are under way.
    pub events: usize,
    /// Isolates of all its versions that ended before their version did: crashed, or ended by a limit.
    pub isolates_ended: u64,
}

/// All Durable Objects.
#[derive(Clone, Debug, Default)]
pub struct ObjectFigures {
    /// Those that live in an isolate.
    pub awake: usize,
    /// WebSockets that are kept for objects, asleep or not.
    pub sockets: usize,
    /// What keeps them.
    pub storage: storage::Figures,
}

/// Programs that were built for workers from files.
#[derive(Clone, Debug, Default)]
pub struct BuildFigures {
    /// Builds that ran to their end.
    pub done: u64,
    /// Builds that broke: a limit ended them, or their process crashed.
    pub failed: u64,
    /// Builds that run.
    pub running: usize,
}

/// Builds, counted while they happen.
#[derive(Debug, Default)]
pub(crate) struct BuildCounts {
    done: AtomicU64,
    failed: AtomicU64,
    running: AtomicUsize,
}

/// A build that runs. Dropping it counts it as failed.
pub(crate) struct CountedBuild<'a> {
    counts: &'a BuildCounts,
    is_done: bool,
}

impl BuildCounts {
    pub(crate) fn begin(&self) -> CountedBuild<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        CountedBuild {
            counts: self,
            is_done: false,
        }
    }

    fn figures(&self) -> BuildFigures {
        BuildFigures {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            running: self.running.load(Ordering::Relaxed),
        }
    }
}

impl CountedBuild<'_> {
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for CountedBuild<'_> {
    fn drop(&mut self) {
        let counts = self.counts;
        counts.running.fetch_sub(1, Ordering::Relaxed);
        let ended = if self.is_done {
            &counts.done
        } else {
            &counts.failed
        };
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Runtime {
    /// What there is to say about it in numbers.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let inner = &self.0;
        let mut workers: Vec<WorkerFigures> = inner
            .workers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(crate::Worker::figures)
            .collect();
        workers.sort_by(|one, other| one.name.cmp(&other.name));
        let (dynamic_workers, dynamic_spares) = inner.spares.figures();
        Figures {
            workers,
            dynamic_workers,
            dynamic_spares,
            objects: inner.objects().map(|objects| objects.figures()),
            builds: inner.builds.figures(),
        }
    }
}
