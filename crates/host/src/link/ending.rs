//! How isolates are ended.

use std::sync::atomic::Ordering;

use protocol::{Failure, FailureKind};

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

    /// Kills the isolate for using too much processor time; its callers are told so.
    pub(crate) fn kill_for_cpu(&self, cpu_ms: u32) {
        self.kill_for(Failure {
            kind: FailureKind::Cpu,
            name: "Error".to_owned(),
            message: format!("Worker exceeded CPU time limit ({cpu_ms} ms)."),
            stack: String::new(),
        });
    }

    /// Kills the isolate; its callers are told why.
    pub(crate) fn kill_for(&self, failure: Failure) {
        {
            let mut state = self.lock();
            state.condemned = true;
            state.verdict = Some(failure);
        }
        self.kill();
    }

    /// Ends the process; whatever is under way fails.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }
}
