//! A running object's way to the log.

use std::sync::Arc;

use protocol::pages::{PAGE_BYTES, changes};

use crate::bookmark::{Bookmark, Moment};
use crate::live::{Part, Transaction};
use crate::log::Urgency;
use crate::record::{self, Key, Record};
use crate::shared::{Core, Shared};
use crate::{AlarmChange, Error, Position};

/// The most bytes of page changes in one transaction.
pub const MAX_TRANSACTION_BYTES: usize = 1 << 30;

/// One instance of an object, which may commit until the object is opened again.
///
/// Dropping it says that the instance is gone.
#[derive(Debug)]
pub struct Object {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Key,
    pub(crate) epoch: u64,
}

/// The changes of one turn, or a part of them.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Counts from 1 since the object was opened; parts of one commit share it.
    pub number: u64,
    /// Pages of the database from now on.
    pub page_count: u32,
    /// As [`protocol::pages`] has them.
    pub changes: &'a [u8],
    /// What becomes of the alarm, when that changes.
    pub alarm: Option<AlarmChange>,
    /// The same commit goes on in the next call.
    pub more: bool,
}

impl Object {
    /// Which instance this is: no other one of this store, whatever its object, has the same number, and none from before
    /// a restart whose commits may still have to be brought to a file.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The object's id.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        self.key.id
    }

    /// Appends a commit to the log, and says where: once `on_durable` has said that position or a later one, the commit
    /// is on the disk. Returns without waiting for the disk, unless far more is waiting for it than should be.
    ///
    /// The parts of a commit with `more` count together, when the last one is in the log. Only the last one's alarm
    /// counts.
    ///
    /// # Errors
    /// When the object was opened again ([`Error::Stale`]), the changes are not what a commit holds, the object would
    /// become too large, or there is no room. Nothing of the commit counts then, and the instance has to be given up.
    pub fn commit(&self, commit: Commit<'_>) -> Result<Position, Error> {
        let shared = &self.shared;
        let pages = changes(commit.changes)?;
        if pages.highest_page() > commit.page_count && !commit.more {
            return Err(Error::Commit("a page beyond the end"));
        }
        let bytes = u64::from(commit.page_count) * PAGE_BYTES as u64;
        let limit = shared.options.quota_bytes;
        // One that was allowed more before may be changed, but not grow.
        let grows = || {
            let core = shared.core();
            let entry = core.catalog.entry(&self.key);
            entry.is_none_or(|entry| commit.page_count > entry.page_count)
        };
        if bytes > limit && grows() {
            return Err(Error::Quota { bytes, limit });
        }
        if let Some(AlarmChange::Set(time)) = commit.alarm
            && !time.is_finite()
        {
            return Err(Error::Commit("an alarm at no time"));
        }
        let record = Record::Commit(record::Commit {
            object: self.key,
            epoch: self.epoch,
            number: commit.number,
            page_count: commit.page_count,
            alarm: commit.alarm,
            more: commit.more,
            restores: false,
            changes: commit.changes,
        });
        let body = shared.body(&record);
        self.check(&shared.core(), commit.number)?;
        let mut core = shared.wait_for_room(shared.core(), &body, Urgency::Commit)?;
        core = shared.wait_for_memory(core)?;
        core = shared.make(core, &self.key)?;
        core = shared.wait_for_room(core, &body, Urgency::Commit)?;
        self.check(&core, commit.number)?;

        let first_alarm = core.catalog.alarms(None).next();
        let placed = shared.append(&mut core, &body);
        shared.counts.committed();
        core.catalog.apply(&record, placed.end);
        let part = Part::Memory(commit.changes.to_vec());
        let due = shared.add(&mut core, &self.key, &record, part, placed)?;
        let alarm_changed =
            commit.alarm.is_some() && core.catalog.alarms(None).next() != first_alarm;
        drop(core);
        if due {
            shared.checkpoint_wake.notify_one();
        }
        if alarm_changed {
            (shared.options.on_alarm)();
        }
        Ok(Position(placed.end.position))
    }

    /// This instance may commit, and this number is the next.
    fn check(&self, core: &Core, number: u64) -> Result<(), Error> {
        let live = core
            .catalog
            .live(&self.key)
            .filter(|live| live.open && live.epoch == self.epoch)
            .ok_or(Error::Stale)?;
        if number != live.number + 1 {
            return Err(Error::Commit("its number is not the next one"));
        }
        match &live.unfinished {
            Some(unfinished) if unfinished.bytes > MAX_TRANSACTION_BYTES => {
                Err(Error::Transaction {
                    limit: MAX_TRANSACTION_BYTES as u64,
                })
            }
            _ => Ok(()),
        }
    }

    /// The state that the last commit left.
    ///
    /// # Errors
    /// When the object was opened again.
    pub fn bookmark(&self) -> Result<Bookmark, Error> {
        let core = self.shared.core();
        let entry = core
            .catalog
            .entry(&self.key)
            .filter(|entry| {
                entry
                    .live
                    .as_ref()
                    .is_some_and(|live| live.epoch == self.epoch)
            })
            .ok_or(Error::Stale)?;
        Ok(Bookmark::new(entry.last, &self.key))
    }

    /// The state at a time, in milliseconds since 1970.
    #[must_use]
    pub fn bookmark_for_time(&self, time_ms: u64) -> Bookmark {
        at_time(time_ms, &self.key)
    }

    /// Lets the object go back to a state when it is opened the next time. Gives the bookmark that takes this back
    /// once it has happened.
    ///
    /// # Errors
    /// When the bookmark is another object's or out of retention, or the log has no room.
    pub fn restore_at_next_open(&self, bookmark: &Bookmark) -> Result<Bookmark, Error> {
        let core = self.shared.core();
        if core
            .catalog
            .live(&self.key)
            .is_none_or(|live| live.epoch != self.epoch)
        {
            return Err(Error::Stale);
        }
        self.shared.restore_at_open(core, &self.key, bookmark)
    }
}

pub(crate) fn at_time(time_ms: u64, key: &Key) -> Bookmark {
    let moment = Moment {
        time_ms,
        position: u64::MAX,
    };
    Bookmark::new(moment, key)
}

impl Drop for Object {
    fn drop(&mut self) {
        let mut core = self.shared.core();
        let Some(live) = core.catalog.live_mut(&self.key) else {
            return;
        };
        if live.epoch == self.epoch {
            live.open = false;
            core.drop_unfinished(&self.key);
            core.settle(&self.key);
            drop(core);
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    /// Lets the log know of an object when it does not yet.
    pub(crate) fn make<'a>(
        &'a self,
        core: std::sync::MutexGuard<'a, Core>,
        key: &Key,
    ) -> Result<std::sync::MutexGuard<'a, Core>, Error> {
        let entry = core.catalog.entry(key).ok_or(Error::Stale)?;
        if !entry.untold {
            return Ok(core);
        }
        let name = entry.name.clone();
        let record = Record::ObjectMade {
            object: *key,
            name: name.as_deref(),
        };
        Ok(self.append_record(core, &record, Urgency::Commit)?.0)
    }

    /// Keeps a commit that was appended until the object's file has it. Says whether the checkpoints are to know.
    pub(crate) fn add(
        &self,
        core: &mut Core,
        key: &Key,
        record: &Record<'_>,
        part: Part,
        placed: crate::log::Placed,
    ) -> Result<bool, Error> {
        let Record::Commit(commit) = record else {
            return Ok(false);
        };
        let now_ms = self.now_ms();
        let live = core.catalog.live_mut(key).ok_or(Error::Stale)?;
        let had_pending = !live.pending.is_empty();
        let added = live.add(commit, part, placed);
        live.touched_ms = now_ms;
        let large = live.pending_bytes >= self.options.object_pending_bytes;
        core.pending_bytes += added;
        core.pin(key);
        Ok(!had_pending || large || core.pending_bytes >= self.options.pending_bytes)
    }
}

impl crate::live::Live {
    /// Adds a commit or a part of one. Gives the bytes by which complete transactions grew.
    pub(crate) fn add(
        &mut self,
        commit: &record::Commit<'_>,
        part: Part,
        placed: crate::log::Placed,
    ) -> usize {
        // What an instance began and did not end does not become part of the next one's transaction.
        let same = self.unfinished.take_if(|unfinished| {
            unfinished.epoch == commit.epoch && unfinished.number == commit.number
        });
        self.unfinished = None;
        let mut transaction = same.unwrap_or_else(|| Transaction {
            epoch: commit.epoch,
            number: commit.number,
            first: placed.start,
            last: placed.end,
            page_count: commit.page_count,
            parts: Vec::new(),
            bytes: 0,
        });
        transaction.last = placed.end;
        transaction.page_count = commit.page_count;
        transaction.bytes += match &part {
            Part::Memory(bytes) => bytes.len(),
            Part::Log(_) => 0,
        };
        transaction.parts.push(part);
        if commit.more {
            self.unfinished = Some(transaction);
            return 0;
        }
        let bytes = transaction.bytes;
        // What the host writes itself is not counted by the instance.
        if commit.epoch == self.epoch {
            self.number = commit.number;
        }
        self.pending_bytes += bytes;
        self.pending.push(transaction);
        bytes
    }
}
