//! Processes that were forked ahead of time and wait for code.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::limits::{DEFAULT_MEMORY_BYTES, MAX_DYNAMIC_WORKERS};

use crate::runtime::{DESCRIPTORS, Inner as Runtime, NATIVE_BYTES, QUIET};

/// Processes that wait for code.
const SPARES: usize = 4;
/// How far they stand back for the host and the workers that it deployed, when all want the processor.
const NICENESS: u8 = 10;

/// Processes that are forked and not used yet.
#[derive(Default)]
pub(crate) struct Spares {
    ready: Mutex<VecDeque<jail::Child>>,
    is_filling: AtomicBool,
    /// Dynamic workers that have a process.
    live: Arc<AtomicUsize>,
}

/// One of the processes that a host may have at a time.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Runtime {
    /// Sees to it that processes wait for code.
    pub(crate) fn refill_spares(self: &Arc<Self>) {
        if self.spares.is_filling.swap(true, Ordering::AcqRel) {
            return;
        }
        let runtime = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let spares = &runtime.spares;
            while spares.ready().len() < SPARES {
                match runtime.fork_plain(DEFAULT_MEMORY_BYTES) {
                    Ok(child) => spares.ready().push_back(child),
                    Err(error) => {
                        tracing::warn!(%error, "no process can be forked ahead of time");
                        break;
                    }
                }
            }
            spares.is_filling.store(false, Ordering::Release);
        });
    }

    pub(crate) fn fork_plain(&self, memory_bytes: u64) -> Result<jail::Child, jail::Error> {
        let limits = jail::Limits {
            memory_bytes: memory_bytes + NATIVE_BYTES,
            // Each facet that is awake has its file open.
            descriptors: DESCRIPTORS,
            niceness: NICENESS,
            quiet: Some(QUIET),
            ..jail::Limits::default()
        };
        self.zygote.fork(jail::Role::Isolate, &limits)
    }
}

impl Spares {
    fn ready(&self) -> MutexGuard<'_, VecDeque<jail::Child>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that has waited longest, if any does: it has got ready meanwhile.
    pub(crate) fn take(&self) -> Option<jail::Child> {
        self.ready().pop_front()
    }

    /// Room for one more dynamic worker.
    pub(crate) fn count(&self) -> Option<Counted> {
        let counted = Counted(Arc::clone(&self.live));
        let before = self.live.fetch_add(1, Ordering::Relaxed);
        (before < MAX_DYNAMIC_WORKERS).then_some(counted)
    }

    /// Dynamic workers that have a process, and processes that wait for one.
    pub(crate) fn figures(&self) -> (usize, usize) {
        (self.live.load(Ordering::Relaxed), self.ready().len())
    }

    pub(crate) fn clear(&self) {
        self.ready().clear();
    }
}
