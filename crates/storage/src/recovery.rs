//! From what is on the disk to a store that works.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::bookmark::Moment;
use crate::catalog::Catalog;
use crate::disk::{Disk, File};
use crate::live::Part;
use crate::log::{Placed, Queue, Segment, Writer};
use crate::options::Options;
use crate::record::{HEADER_BYTES, Header, Key, Record, check, hex, numbered};
use crate::segment::{PREFIX_BYTES, Prefix, Reader, file_name, replace_file, start_of};
use crate::shared::{Core, Shared};
use crate::snapshot;

/// The format that this version writes.
const FORMAT: u32 = 1;
/// Kept so that a full disk still has room for starting.
const RESERVE_BYTES: u64 = 4 << 20;
/// Changes of this many bytes stay in the log until they are needed.
pub(crate) const LARGE_CHANGES: usize = 64 << 10;

/// What reading the log finds out.
struct Replay {
    catalog: Catalog,
    cataloged: u64,
    checkpointed: u64,
    /// Files that have to go, because their objects were deleted.
    wiped: BTreeSet<Key>,
    /// How far the checkpoints reach that each object had begun. Its file may have anything before that.
    reached: HashMap<Key, u64>,
    /// The greatest epoch of a commit. New instances have later ones: what a checkpoint of these commits tells is not
    /// for them.
    epoch: u64,
    /// Bytes of changes in memory.
    bytes: usize,
    end: Moment,
}

/// Makes a folder's state whole and ready for writing.
pub(crate) fn recover(folder: &Path, options: Options) -> Result<Shared, Error> {
    let disk = options.disk.clone();
    let log_folder = folder.join("log");
    for each in [folder, &log_folder, &folder.join("objects")] {
        disk.make_folder(each)
            .map_err(Error::io("make the folder", each))?;
    }
    let staged = folder.join("staged");
    match disk.remove_folder(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("remove the folder", &staged)(error));
        }
        _ => {}
    }
    let log = identity(&*disk, folder)?;
    let catalog = snapshot::read(&*disk, &folder.join("catalog"), log)?;
    let mut segments = list_segments(&*disk, &log_folder, log)?;
    let (catalog, cataloged) = catalog.unwrap_or_default();
    let checkpointed = segments.last().map_or(0, |last| last.checkpointed);
    let mut replay = Replay {
        catalog,
        cataloged,
        checkpointed,
        wiped: BTreeSet::new(),
        reached: HashMap::new(),
        epoch: 0,
        bytes: 0,
        end: Moment {
            time_ms: 0,
            position: 0,
        },
    };
    replay.read(&*disk, &segments, log, folder)?;

    let end = replay.end;
    if segments
        .last()
        .is_some_and(|last| last.start == end.position)
    {
        segments.pop();
    }
    let (writer, room) = begin_segment(&*disk, &log_folder, log, &options, &replay)?;
    segments.push(Segment {
        start: end.position,
        path: writer.path.clone(),
        time_ms: end.time_ms,
        checkpointed: replay.checkpointed,
    });
    let started = started(log, end).len() as u64;
    let queue = Queue::new(
        end.position + started,
        end.time_ms,
        room - started,
        options.segment_bytes,
    );
    keep_reserve(&*disk, folder);
    replay.prune();
    let mut core = Core::new(
        Catalog::default(),
        queue,
        replay.checkpointed,
        replay.cataloged,
    );
    replay.finish(&mut core, &*disk, folder)?;
    Ok(Shared::new(
        folder.to_owned(),
        options,
        log,
        writer,
        core,
        segments,
    ))
}

/// Reads the identity of the log, or gives it one.
fn identity(disk: &dyn Disk, folder: &Path) -> Result<u64, Error> {
    let path = folder.join("format");
    let file = match disk.open_to_read(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let logs = folder.join("log");
            let names = disk
                .list(&logs)
                .map_err(Error::io("list the folder", &logs))?;
            if names.iter().any(|name| start_of(name).is_some()) {
                return Err(Error::Damaged {
                    path,
                    offset: 0,
                    reason: "it is missing, though there is a log",
                });
            }
            let log = RandomState::new().build_hasher().finish();
            let text = format!("atoll storage {FORMAT}\nlog {log:016x}\n");
            replace_file(disk, &path, text.as_bytes())
                .map_err(Error::io("write the file", &path))?;
            return Ok(log);
        }
        Err(error) => return Err(Error::io("open the file", &path)(error)),
    };
    let mut bytes = [0; 256];
    let read = file
        .read_at(&mut bytes, 0)
        .map_err(Error::io("read the file", &path))?;
    let text = String::from_utf8_lossy(&bytes[..read]);
    let mut lines = text.lines();
    let format = lines
        .next()
        .and_then(|line| line.strip_prefix("atoll storage ")?.parse().ok());
    match format {
        Some(found) if found > FORMAT => Err(Error::Newer {
            folder: folder.to_owned(),
            found,
            known: FORMAT,
        }),
        Some(_) => {
            let log = lines
                .next()
                .and_then(|line| u64::from_str_radix(line.strip_prefix("log ")?, 16).ok());
            log.ok_or(Error::Damaged {
                path,
                offset: 0,
                reason: "it does not name the log",
            })
        }
        None => Err(Error::Damaged {
            path,
            offset: 0,
            reason: "it does not say what made the folder",
        }),
    }
}

fn list_segments(disk: &dyn Disk, folder: &Path, log: u64) -> Result<Vec<Segment>, Error> {
    let names = disk
        .list(folder)
        .map_err(Error::io("list the folder", folder))?;
    let mut starts: Vec<u64> = names.iter().filter_map(|name| start_of(name)).collect();
    starts.sort_unstable();
    let mut segments: Vec<Segment> = Vec::new();
    for start in starts {
        let path = folder.join(file_name(start));
        let prefix = Reader::open(disk, &path, log)?.prefix();
        if prefix.start != start {
            return Err(Error::Damaged {
                path,
                offset: 0,
                reason: "its name does not say where it starts",
            });
        }
        // A segment that should have been dropped before this one, and came back.
        if let Some(last) = segments.last() {
            let length = disk
                .open_to_read(&last.path)
                .and_then(|file| file.len())
                .map_err(Error::io("look at", &last.path))?;
            if length < PREFIX_BYTES + (start - last.start) {
                tracing::warn!(segment = %last.path.display(), "history before a gap in the log is left out");
                segments.clear();
            }
        }
        segments.push(Segment {
            start,
            path,
            time_ms: prefix.time_ms,
            checkpointed: prefix.checkpointed,
        });
    }
    Ok(segments)
}

impl Replay {
    /// Reads the log as far back as the catalog and the objects' files need.
    fn read(
        &mut self,
        disk: &dyn Disk,
        segments: &[Segment],
        log: u64,
        folder: &Path,
    ) -> Result<(), Error> {
        let from = self.cataloged.min(self.checkpointed);
        let behind = segments.partition_point(|segment| segment.start <= from);
        let Some(first) = behind.checked_sub(1) else {
            if segments.is_empty() && self.cataloged == 0 {
                return Ok(());
            }
            return Err(Error::Damaged {
                path: folder.join("log"),
                offset: 0,
                reason: "the part of the log is missing that the objects' files lack",
            });
        };
        for (index, segment) in segments.iter().enumerate().skip(first) {
            let mut reader = Reader::open(disk, &segment.path, log)?;
            self.end.time_ms = self.end.time_ms.max(segment.time_ms);
            self.end.position = segment.start;
            while let Some((header, body)) = reader.next()? {
                let Some(record) = Record::decode(body) else {
                    return Err(Error::Damaged {
                        path: segment.path.clone(),
                        offset: PREFIX_BYTES + (header.position - segment.start),
                        reason: "a record that this version does not know",
                    });
                };
                self.take(&header, &record);
            }
            match segments.get(index + 1) {
                Some(next) if next.start != reader.position() => {
                    return Err(Error::Damaged {
                        path: segment.path.clone(),
                        offset: PREFIX_BYTES + (reader.position() - segment.start),
                        reason: "a record in the middle of the log is broken",
                    });
                }
                Some(_) => {}
                None => reader.check_tail()?,
            }
        }
        if self.end.position < from {
            return Err(Error::Damaged {
                path: folder.join("log"),
                offset: 0,
                reason: "the log ends before what the objects' files have",
            });
        }
        Ok(())
    }

    fn take(&mut self, header: &Header, record: &Record<'_>) {
        let at = |position| Moment {
            time_ms: header.time_ms,
            position,
        };
        let placed = Placed {
            start: at(header.position),
            end: at(header.end()),
        };
        self.end = placed.end;
        if header.position >= self.checkpointed {
            match record {
                Record::ObjectDeleted { object } => {
                    self.wiped.insert(*object);
                }
                Record::Undo(undo) => {
                    let reached = self.reached.entry(undo.object).or_default();
                    *reached = undo.through.position.max(*reached);
                }
                _ => {}
            }
        }
        // What the snapshot of the catalog has is the state after these records.
        if header.position >= self.cataloged {
            self.catalog.apply(record, placed.end);
        } else if let Record::ObjectDeleted { object } = record
            && let Some(entry) = self.catalog.entry_mut(object)
        {
            entry.live = None;
        }
        match record {
            Record::Commit(commit) if header.position >= self.checkpointed => {
                self.epoch = self.epoch.max(commit.epoch);
                let part = if commit.changes.len() < LARGE_CHANGES {
                    self.bytes += commit.changes.len();
                    Part::Memory(commit.changes.to_vec())
                } else {
                    Part::Log(header.position)
                };
                if let Some(entry) = self.catalog.entry_mut(&commit.object) {
                    entry.live.get_or_insert_default().add(commit, part, placed);
                }
            }
            Record::Started => self.drop_unfinished(),
            Record::Checkpointed { position } => {
                self.checkpointed = self.checkpointed.max(*position);
                if self.bytes >= 16 << 20 {
                    self.prune();
                }
            }
            _ => {}
        }
    }

    fn live_keys(&self) -> Vec<Key> {
        let namespaces = self.catalog.namespaces.iter();
        namespaces
            .flat_map(|(number, namespace)| {
                let live = namespace.objects.iter().filter(|(_, e)| e.live.is_some());
                live.map(|(id, _)| Key {
                    namespace: *number,
                    id: *id,
                })
            })
            .collect()
    }

    fn drop_unfinished(&mut self) {
        for key in self.live_keys() {
            if let Some(live) = self.catalog.live_mut(&key) {
                live.unfinished = None;
            }
        }
    }

    /// Forgets transactions that the objects' files have.
    fn prune(&mut self) {
        self.bytes = 0;
        for key in self.live_keys() {
            let Some(entry) = self.catalog.entry_mut(&key) else {
                continue;
            };
            let Some(live) = entry.live.as_mut() else {
                continue;
            };
            live.pending
                .retain(|each| each.first.position >= self.checkpointed);
            live.pending_bytes = live.pending.iter().map(|each| each.bytes).sum();
            self.bytes += live.pending_bytes;
            if live.pending.is_empty() && live.unfinished.is_none() {
                entry.live = None;
            }
        }
    }

    /// Hands over what is left to do.
    fn finish(mut self, core: &mut Core, disk: &dyn Disk, folder: &Path) -> Result<(), Error> {
        self.drop_unfinished();
        self.prune();
        let objects = folder.join("objects");
        let mut folders = BTreeSet::new();
        for key in &self.wiped {
            let Some(namespace) = self.catalog.namespaces.get(&key.namespace) else {
                continue;
            };
            let folder = objects.join(&*namespace.folder);
            let path = folder.join(format!("{}.sqlite", hex(&key.id)));
            remove_if_there(disk, &path)?;
            folders.insert(folder);
        }
        let known: BTreeSet<&str> = self
            .catalog
            .namespaces
            .values()
            .map(|namespace| &*namespace.folder)
            .collect();
        let names = disk
            .list(&objects)
            .map_err(Error::io("list the folder", &objects))?;
        // What nobody here has made stays.
        let left = names.iter().filter(|name| numbered(name).is_some());
        for name in left.filter(|name| !known.contains(name.as_str())) {
            let path = objects.join(name);
            disk.remove_folder(&path)
                .map_err(Error::io("remove the folder", &path))?;
        }
        let keys = self.live_keys();
        for key in &keys {
            let reached = self.reached.get(key).copied().unwrap_or_default();
            if let Some(live) = self.catalog.live_mut(key) {
                live.mixed = reached > self.checkpointed;
                core.pending_bytes += live.pending_bytes;
            }
        }
        core.catalog = self.catalog;
        core.epoch = self.epoch;
        for key in &keys {
            core.pin(key);
        }
        for folder in folders {
            // A folder of a namespace without files need not be there.
            if disk.list(&folder).is_ok() {
                core.unsynced.folders.insert(folder);
                core.unsynced.first.get_or_insert(core.checkpointed);
            }
        }
        Ok(())
    }
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove the file", path)(error))
        }
        _ => Ok(()),
    }
}

/// The record that a segment begins with when a store is opened.
fn started(log: u64, end: Moment) -> Vec<u8> {
    let body = Record::Started.encode();
    let header = Header {
        position: end.position,
        batch: end.position,
        time_ms: end.time_ms,
        body_bytes: u32::try_from(body.len()).expect("a byte or two"),
        body_check: check(log, &body),
    };
    let mut bytes = header.encode(log).to_vec();
    debug_assert_eq!(bytes.len(), HEADER_BYTES, "headers have one size");
    bytes.extend_from_slice(&body);
    bytes
}

/// Cuts what follows the last record and begins a segment behind it, so that nothing left over is ever read.
fn begin_segment(
    disk: &dyn Disk,
    folder: &Path,
    log: u64,
    options: &Options,
    replay: &Replay,
) -> Result<(Writer, u64), Error> {
    let names = disk
        .list(folder)
        .map_err(Error::io("list the folder", folder))?;
    let last = names.iter().filter_map(|name| start_of(name)).max();
    let end = replay.end;
    if let Some(last) = last.filter(|last| *last < end.position) {
        let path = folder.join(file_name(last));
        let cut = || -> io::Result<()> {
            let file = disk.open(&path, false)?;
            file.set_len(PREFIX_BYTES + (end.position - last))?;
            file.sync()
        };
        cut().map_err(Error::io("cut the log's segment", &path))?;
    }
    let next = folder.join("next");
    remove_if_there(disk, &next)?;
    let file = disk
        .open(&next, true)
        .map_err(Error::io("make the log's segment", &next))?;
    let room = reserve_room(disk, folder, &file, options)?;
    let mut content = Prefix {
        start: end.position,
        checkpointed: replay.checkpointed,
        time_ms: end.time_ms,
    }
    .encode(log);
    content.extend_from_slice(&started(log, end));
    let path = folder.join(file_name(end.position));
    file.write_at(&content, 0)
        .and_then(|()| file.sync())
        .map_err(Error::io("write the log's segment", &next))?;
    disk.rename(&next, &path)
        .and_then(|()| disk.sync_folder(folder))
        .map_err(Error::io("name the log's segment", &path))?;
    let writer = Writer {
        file,
        path,
        start: end.position,
        spare: None,
    };
    Ok((writer, room))
}

/// Reserves as much of a segment as the disk has room for.
fn reserve_room(
    disk: &dyn Disk,
    folder: &Path,
    file: &Arc<dyn File>,
    options: &Options,
) -> Result<u64, Error> {
    let mut room = options.segment_bytes;
    let reserve = folder.join("reserve");
    let mut gave_up_reserve = false;
    loop {
        match file.allocate(PREFIX_BYTES + room) {
            Ok(()) => return Ok(room),
            Err(error) if error.kind() != io::ErrorKind::StorageFull => {
                return Err(Error::io("make the log's segment", folder)(error));
            }
            Err(_) if room > RESERVE_BYTES / 2 => room = (room / 4).max(RESERVE_BYTES / 2),
            Err(_) if !gave_up_reserve => {
                gave_up_reserve = true;
                remove_if_there(disk, &reserve)?;
            }
            Err(_) => {
                return Err(Error::Full {
                    folder: folder.to_owned(),
                });
            }
        }
    }
}

/// Sets room aside for the next start.
fn keep_reserve(disk: &dyn Disk, folder: &Path) {
    let path: PathBuf = folder.join("log").join("reserve");
    let made = disk
        .open(&path, true)
        .and_then(|file| file.allocate(RESERVE_BYTES));
    if let Err(error) = made {
        tracing::warn!(%error, "no room is set aside for starting on a full disk");
        if let Err(error) = disk.remove(&path) {
            tracing::warn!(%error, "cannot remove the file that sets room aside");
        }
    }
}
