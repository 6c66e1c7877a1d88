//! Appending to the log: everyone's records in one write, one sync for all.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use crate::bookmark::Moment;
use crate::disk::File;
use crate::record::{HEADER_BYTES, Header, MAX_BODY_BYTES, Record, check};
use crate::segment::{PREFIX_BYTES, Prefix, file_name};
use crate::shared::{Core, Shared};
use crate::{Error, Position};

/// How long after a full disk the log tries again, in milliseconds.
const RETRY_FULL_MS: u64 = 1000;

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    buffer: Vec<u8>,
    /// Position of the first byte in `buffer`.
    batch: u64,
    /// Time of the last record, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// Bytes that can still go to the current segment.
    room: u64,
    /// Bytes that can go to the segment after it.
    spare_room: u64,
    /// With less room than this the segment after it is made.
    low: u64,
    /// Somebody needs a segment with so much room.
    wanted: u64,
    /// The disk was full; not to be tried again before this time.
    full_until_ms: Option<u64>,
}

/// A record that was appended: where it starts and where it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
}

/// The body of a record with its checksum, which need no lock to be made.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    check: u32,
}

impl Body {
    fn record_bytes(&self) -> u64 {
        (HEADER_BYTES + self.bytes.len()) as u64
    }
}

/// Who appends. When the disk is full, the last room is for what frees room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    Commit,
    Upkeep,
}

/// The end of the log's files. Only one thread at a time writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) file: Arc<dyn File>,
    pub(crate) path: PathBuf,
    pub(crate) start: u64,
    pub(crate) spare: Option<Arc<dyn File>>,
}

/// A segment as the rest of the store knows it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) path: PathBuf,
    /// Time of the record before its first, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// All before this position was in the objects' files when it was begun. A start that finds it last reads from there.
    pub(crate) checkpointed: u64,
}

impl Queue {
    pub(crate) fn new(next: u64, time_ms: u64, room: u64, segment_bytes: u64) -> Self {
        Self {
            batch: next,
            time_ms,
            room,
            low: segment_bytes / 2,
            ..Self::default()
        }
    }

    /// Where the next record will start.
    pub(crate) fn next(&self) -> u64 {
        self.batch + self.buffer.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Room for another segment is to be made.
    pub(crate) fn wants_room(&self) -> bool {
        let is_low = self.spare_room == 0 && self.room < self.low;
        self.full_until_ms.is_none() && (is_low || self.spare_room < self.wanted)
    }

    fn fits(&self, bytes: u64, urgency: Urgency, reserve: u64) -> bool {
        let room = match urgency {
            Urgency::Commit if self.spare_room == 0 => self.room.saturating_sub(reserve),
            _ => self.room.max(self.spare_room),
        };
        self.buffer.len() as u64 + bytes <= room
    }

    fn push(&mut self, log: u64, body: &Body, now_ms: u64) -> Placed {
        self.time_ms = self.time_ms.max(now_ms);
        let start = self.next();
        let header = Header {
            position: start,
            batch: self.batch,
            time_ms: self.time_ms,
            body_bytes: u32::try_from(body.bytes.len())
                .expect("bodies are shorter than MAX_BODY_BYTES"),
            body_check: body.check,
        };
        self.buffer.extend_from_slice(&header.encode(log));
        self.buffer.extend_from_slice(&body.bytes);
        let at = |position| Moment {
            time_ms: self.time_ms,
            position,
        };
        Placed {
            start: at(start),
            end: at(header.end()),
        }
    }
}

impl Shared {
    pub(crate) fn body(&self, record: &Record<'_>) -> Body {
        let bytes = record.encode();
        debug_assert!(bytes.len() <= MAX_BODY_BYTES, "a record that is too long");
        let check = check(self.log, &bytes);
        Body { bytes, check }
    }

    /// Waits until the log takes so many more bytes, which it does at once unless the disk falls behind.
    pub(crate) fn wait_for_room<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core>,
        body: &Body,
        urgency: Urgency,
    ) -> Result<MutexGuard<'a, Core>, Error> {
        let bytes = body.record_bytes();
        // An eighth is for undoing, checkpoints and deletions.
        let reserve = self.options.segment_bytes / 8;
        loop {
            core.check()?;
            if core.queue.fits(bytes, urgency, reserve) {
                return Ok(core);
            }
            let need = bytes + reserve;
            core.queue.wanted = core.queue.wanted.max(need);
            if let Some(until) = core.queue.full_until_ms
                && core.queue.is_empty()
            {
                if self.now_ms() < until {
                    return Err(self.full());
                }
                core.queue.full_until_ms = None;
            }
            self.log_wake.notify_one();
            core = self.wait(core);
        }
    }

    pub(crate) fn full(&self) -> Error {
        Error::Full {
            folder: self.folder.clone(),
        }
    }

    /// Appends a record for which there is room.
    pub(crate) fn append(&self, core: &mut Core, body: &Body) -> Placed {
        let was_empty = core.queue.is_empty();
        let placed = core.queue.push(self.log, body, self.now_ms());
        if was_empty {
            self.log_wake.notify_one();
        }
        placed
    }

    /// Appends a record and does what it says to the catalog.
    pub(crate) fn append_record<'a>(
        &'a self,
        core: MutexGuard<'a, Core>,
        record: &Record<'_>,
        urgency: Urgency,
    ) -> Result<(MutexGuard<'a, Core>, Placed), Error> {
        let body = self.body(record);
        let mut core = self.wait_for_room(core, &body, urgency)?;
        let placed = self.append(&mut core, &body);
        core.catalog.apply(record, placed.end);
        Ok((core, placed))
    }

    /// Waits until everything before a position is on the disk.
    pub(crate) fn wait_durable(&self, position: u64) -> Result<(), Error> {
        let mut core = self.core();
        while core.durable < position {
            core.check()?;
            core = self.wait(core);
        }
        Ok(())
    }

    /// Runs the log until the store is closed.
    pub(crate) fn run_log(&self) {
        loop {
            if self.log_step() {
                continue;
            }
            let mut core = self.core();
            while core.queue.is_empty()
                && !core.queue.wants_room()
                && !core.log_ends
                && core.failure.is_none()
            {
                core = self
                    .log_wake
                    .wait(core)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            if core.log_ends && core.queue.is_empty() || core.failure.is_some() {
                return;
            }
        }
    }

    /// Writes what waits, if anything does. Says whether anything was done.
    pub(crate) fn log_step(&self) -> bool {
        let mut writer = self.writer();
        let wrote = match self.write_batch(&mut writer) {
            Ok(wrote) => wrote,
            Err(error) => {
                drop(writer);
                self.fail(error);
                return false;
            }
        };
        if let Some(position) = wrote {
            self.changed.notify_all();
            (self.options.on_durable)(Ok(Position(position)));
        }
        let prepared = self.prepare_spare(&mut writer);
        if prepared {
            self.changed.notify_all();
        }
        wrote.is_some() || prepared
    }

    /// Nothing is acknowledged from here on.
    pub(crate) fn fail(&self, error: Error) {
        tracing::error!(%error, "storage stops");
        let error = Arc::new(error);
        let mut core = self.core();
        if core.failure.is_some() {
            return;
        }
        core.failure = Some(error.clone());
        drop(core);
        self.changed.notify_all();
        self.checkpoint_wake.notify_all();
        self.log_wake.notify_all();
        (self.options.on_durable)(Err(error));
    }

    fn write_batch(&self, writer: &mut Writer) -> Result<Option<u64>, Error> {
        let mut core = self.core();
        if core.queue.is_empty() || core.failure.is_some() {
            return Ok(None);
        }
        let bytes = std::mem::take(&mut core.queue.buffer);
        let start = core.queue.batch;
        let end = start + bytes.len() as u64;
        core.queue.batch = end;
        let rotate = bytes.len() as u64 > core.queue.room;
        if rotate {
            core.queue.room = std::mem::take(&mut core.queue.spare_room);
        }
        core.queue.room -= bytes.len() as u64;
        let prefix = Prefix {
            start,
            checkpointed: core.checkpointed,
            time_ms: core.batch_time_ms,
        };
        core.batch_time_ms = core.queue.time_ms;
        drop(core);

        let began = Instant::now();
        if rotate {
            self.rotate(writer, prefix, &bytes)?;
        } else {
            let offset = PREFIX_BYTES + (start - writer.start);
            writer
                .file
                .write_at(&bytes, offset)
                .map_err(Error::io("write the log's segment", &writer.path))?;
            writer
                .file
                .sync()
                .map_err(Error::io("sync the log's segment", &writer.path))?;
        }
        self.counts.synced(began.elapsed());

        let mut core = self.core();
        core.durable = end;
        if core.queue.buffer.capacity() == 0 {
            core.queue.buffer = bytes;
            core.queue.buffer.clear();
        }
        Ok(Some(end))
    }

    /// Begins the next segment with a batch. It gets its name once the batch is in it: a segment that has a name is
    /// whole, and so are all before it.
    fn rotate(&self, writer: &mut Writer, prefix: Prefix, bytes: &[u8]) -> Result<(), Error> {
        let folder = self.folder.join("log");
        let path = folder.join(file_name(prefix.start));
        let next = folder.join("next");
        let file = writer
            .spare
            .take()
            .expect("batches are only as long as the room that was made");
        let mut content = prefix.encode(self.log);
        content.extend_from_slice(bytes);
        file.write_at(&content, 0)
            .map_err(Error::io("write the log's segment", &next))?;
        file.sync()
            .map_err(Error::io("sync the log's segment", &next))?;
        let disk = &self.options.disk;
        disk.rename(&next, &path)
            .map_err(Error::io("name the log's segment", &path))?;
        disk.sync_folder(&folder)
            .map_err(Error::io("sync the log's folder", &folder))?;
        // Gives back what was reserved and not used.
        let used = PREFIX_BYTES + (prefix.start - writer.start);
        writer
            .file
            .set_len(used)
            .map_err(Error::io("cut the log's segment", &writer.path))?;
        self.segments().push(Segment {
            start: prefix.start,
            path: path.clone(),
            time_ms: prefix.time_ms,
            checkpointed: prefix.checkpointed,
        });
        *writer = Writer {
            file,
            path,
            start: prefix.start,
            spare: None,
        };
        self.checkpoint_wake.notify_one();
        Ok(())
    }

    /// Reserves room for the segment after this one, so that a full disk shows before anything depends on it.
    fn prepare_spare(&self, writer: &mut Writer) -> bool {
        let mut core = self.core();
        let wanted = core.queue.wanted;
        if !core.queue.wants_room() || core.failure.is_some() {
            return false;
        }
        let room = self.options.segment_bytes.max(wanted);
        drop(core);
        let made = self.make_spare(writer.spare.as_ref(), room);
        core = self.core();
        match made {
            Ok(file) => {
                writer.spare = Some(file);
                core.queue.spare_room = room;
                core.queue.wanted = 0;
            }
            Err(error) => {
                tracing::warn!(%error, "no room for the log's next segment");
                core.queue.full_until_ms = Some(self.now_ms() + RETRY_FULL_MS);
            }
        }
        true
    }

    /// Gives back what was reserved ahead, once nothing is appended any more.
    pub(crate) fn give_back_room(&self) -> io::Result<()> {
        let mut writer = self.writer();
        let end = {
            let core = self.core();
            if !core.queue.is_empty() {
                return Ok(());
            }
            core.durable
        };
        writer.file.set_len(PREFIX_BYTES + (end - writer.start))?;
        if writer.spare.take().is_some() {
            let next = self.folder.join("log").join("next");
            self.options.disk.remove(&next)?;
        }
        Ok(())
    }

    fn make_spare(&self, spare: Option<&Arc<dyn File>>, room: u64) -> io::Result<Arc<dyn File>> {
        let path = self.folder.join("log").join("next");
        let file = match spare {
            Some(file) => file.clone(),
            None => self.options.disk.open(&path, true)?,
        };
        file.allocate(PREFIX_BYTES + room)?;
        Ok(file)
    }
}
