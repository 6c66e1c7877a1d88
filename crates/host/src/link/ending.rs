//! How isolates are ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::Failure;

use super::Link;

impl Link {
    /// Kills the isolate: it is broken or hostile.
    pub(crate) fn condemn(&self, reason: &str) {
        tracing::warn!(worker = &*self.worker, reason, "isolate killed");
        self.to_blame.store(true, Ordering::Relaxed);
        self.kill();
    }

    /// Whether what ran there has ended it: by a crash, or by breaking the protocol. Blocks for a moment.
    pub(crate) fn has_ended_itself(&self) -> bool {
        if self.to_blame.load(Ordering::Relaxed) {
            return true;
        }
        let exit = self.process.wait(Some(std::time::Duration::from_secs(1)));
        exit.ok().flatten().is_some_and(jail::Exit::is_own_doing)
    }

    /// Kills the isolate; its callers are told why.
    pub(crate) fn kill_for(&self, failure: Failure) {
        {
            let mut state = self.lock();
            state.condemned = true;
            state.verdict = Some(failure);
        }
        if let Some(used) = self.cpu_if_watched() {
            self.lock().cpu_at_end = Some(used);
        }
        self.kill();
    }

    /// Processor time of the process so far, if somebody follows the worker or what it uses is written down.
    pub(super) fn cpu_if_watched(&self) -> Option<Duration> {
        let is_watched = self.uses.is_some() || self.tails.is_some();
        is_watched.then(|| self.process.cpu_time().ok()).flatten()
    }

    /// Ends the process; whatever is under way fails.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }
}
