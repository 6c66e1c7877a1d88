//! When objects' files are written and synced, and what follows from that for the log.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;
use crate::flush::Holder;
use crate::log::Urgency;
use crate::record::{Key, Record};
use crate::shared::{Core, Shared, Unsynced};

/// Objects that are flushed together.
pub(crate) const FLUSH_TOGETHER: usize = 32;
/// Files are synced when this many wait for it.
const MAX_UNSYNCED_FILES: usize = 256;
/// Files are synced at the latest after this time, in milliseconds.
const SYNC_WITHIN_MS: u64 = 10_000;
/// How often to look for what is due while anything waits.
const TICK: Duration = Duration::from_millis(200);
/// How long after a full disk checkpoints try again.
const RETRY: Duration = Duration::from_secs(1);

impl Shared {
    /// Checkpoints objects until the store is closed.
    pub(crate) fn run_checkpoints(&self) {
        loop {
            let mut core = self.core();
            if core.closing || core.failure.is_some() {
                return;
            }
            let waits = !core.pins.is_empty() || core.unsynced.first.is_some();
            if core.due(self).is_empty() && !core.sync_is_due(self) {
                core = if waits {
                    let woken = self.checkpoint_wake.wait_timeout(core, TICK);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                } else {
                    let woken = self.checkpoint_wake.wait(core);
                    woken.unwrap_or_else(PoisonError::into_inner)
                };
            }
            drop(core);
            if let Err(error) = self.upkeep_step() {
                if !error.is_full() {
                    self.fail(error);
                    return;
                }
                tracing::warn!(%error, "a checkpoint has to wait");
                let core = self.core();
                if !core.closing {
                    drop(self.checkpoint_wake.wait_timeout(core, RETRY));
                }
            }
        }
    }

    /// One round of what a store without threads does when somebody waits. Says whether anything was done.
    pub(crate) fn checkpoint_step(&self) -> bool {
        let core = self.core();
        if core.pending_bytes < self.options.pending_bytes || core.failure.is_some() {
            return false;
        }
        drop(core);
        match self.upkeep_step() {
            Ok(()) => true,
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    /// Does what is due.
    pub(crate) fn upkeep_step(&self) -> Result<(), Error> {
        let due = self.core().due(self);
        for keys in due.chunks(FLUSH_TOGETHER) {
            self.flush(keys, Holder::Nobody)?;
        }
        if self.core().sync_is_due(self) {
            self.sync()?;
        }
        if self.snapshot_is_due() {
            self.sync()?;
            self.snapshot()?;
        }
        self.drop_history()
    }

    /// Brings everything to the objects' files, and syncs them.
    pub(crate) fn checkpoint_all(&self) -> Result<(), Error> {
        let keys: Vec<Key> = self.core().pins.iter().map(|(_, key)| *key).collect();
        for keys in keys.chunks(FLUSH_TOGETHER) {
            self.flush(keys, Holder::Nobody)?;
        }
        self.sync()
    }

    /// Waits while far too much waits for checkpoints.
    pub(crate) fn wait_for_memory<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core>,
    ) -> Result<MutexGuard<'a, Core>, Error> {
        while core.pending_bytes >= self.options.pending_bytes.saturating_mul(4) {
            core.check()?;
            self.checkpoint_wake.notify_one();
            core = self.wait(core);
        }
        Ok(core)
    }

    /// Makes last what was written to objects' files, and lets recovery begin after it.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let _upkeep = self.upkeep();
        let mut core = self.core();
        let next = core.queue.next();
        let unsynced = std::mem::take(&mut core.unsynced);
        drop(core);
        if let Err(error) = self.sync_files(&unsynced) {
            // What was not on the disk may be gone, and no second sync would tell.
            self.fail(error);
            return self.core().check();
        }
        let mut core = self.core();
        let pinned = core.pins.first().map(|(position, _)| *position);
        let position = [pinned, core.unsynced.first]
            .into_iter()
            .flatten()
            .fold(next, u64::min);
        if position <= core.checkpointed {
            return Ok(());
        }
        let record = Record::Checkpointed { position };
        let end;
        (core, end) = self.append_record(core, &record, Urgency::Upkeep)?;
        drop(core);
        self.wait_durable(end.end.position)?;
        let mut core = self.core();
        core.checkpointed = core.checkpointed.max(position);
        Ok(())
    }

    fn sync_files(&self, unsynced: &Unsynced) -> Result<(), Error> {
        for (path, file) in &unsynced.files {
            file.sync()
                .map_err(Error::io("sync the object's file", path))?;
        }
        for folder in &unsynced.folders {
            self.options
                .disk
                .sync_folder(folder)
                .map_err(Error::io("sync the folder", folder))?;
        }
        Ok(())
    }
}

impl Core {
    /// Objects that are to be checkpointed now.
    fn due(&self, shared: &Shared) -> Vec<Key> {
        let options = &shared.options;
        let now_ms = shared.now_ms();
        let passed = |since: u64, limit: Duration| {
            u128::from(now_ms.saturating_sub(since)) >= limit.as_millis()
        };
        let crowded = self.pending_bytes >= options.pending_bytes;
        let mut due = Vec::new();
        for (_, key) in &self.pins {
            let Some(live) = self.catalog.live(key) else {
                continue;
            };
            let Some(first) = live.pending.first() else {
                continue;
            };
            if !live.flushing
                && !live.held
                && (crowded
                    || live.pending_bytes >= options.object_pending_bytes
                    || passed(live.touched_ms, options.checkpoint_after_quiet)
                    || passed(first.first.time_ms, options.checkpoint_within))
            {
                due.push(*key);
            }
        }
        due
    }

    fn sync_is_due(&self, shared: &Shared) -> bool {
        let Some(first) = self.unsynced.first else {
            return false;
        };
        self.unsynced.files.len() >= MAX_UNSYNCED_FILES
            || self.queue.next().saturating_sub(first) >= shared.options.checkpoint_after_bytes
            || shared.now_ms().saturating_sub(self.unsynced.since_ms) >= SYNC_WITHIN_MS
    }
}
