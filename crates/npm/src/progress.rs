//! How far an installation is, for whoever shows it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It finds out which packages there have to be; so many are known.
    Resolving {
        /// Packages that are known.
        known: usize,
    },
    /// It downloads what the cache does not have.
    Fetching {
        /// Packages that came.
        done: usize,
        /// Packages that have to come.
        total: usize,
        /// Bytes that came.
        bytes: usize,
    },
    /// It writes `node_modules`.
    Writing {
        /// Packages that are written.
        done: usize,
        /// Packages to write.
        total: usize,
    },
}

/// Hears how far an installation is. It is called often, from any thread, and should be quick.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Step) + Send + Sync>);

impl Progress {
    /// Tells this function.
    pub fn new(hear: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    pub(crate) fn tell(&self, step: Step) {
        (self.0)(step);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Counts downloads.
pub(crate) struct Fetching {
    pub(crate) progress: Progress,
    pub(crate) total: usize,
    pub(crate) done: AtomicUsize,
    pub(crate) bytes: AtomicUsize,
}

impl Fetching {
    pub(crate) fn new(progress: Progress, total: usize) -> Self {
        Self {
            progress,
            total,
            done: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn came(&self, bytes: usize, packages: usize) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let done = self.done.fetch_add(packages, Ordering::Relaxed) + packages;
        self.progress.tell(Step::Fetching {
            done,
            total: self.total,
            bytes,
        });
    }
}
