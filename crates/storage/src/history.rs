//! Earlier states of objects, copies of them, and what comes from outside.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use protocol::pages::{Encoder, PAGE_BYTES};

use crate::bookmark::{Bookmark, Moment};
use crate::disk::File;
use crate::flush::{Holder, pages_of, read_page};
use crate::live::Part;
use crate::log::Urgency;
use crate::record::{self, Key, Record};
use crate::recovery::LARGE_CHANGES;
use crate::shared::{Core, Shared};
use crate::snapshot_file::SnapshotFile;
use crate::sqlite_file::check_sqlite;
use crate::store::{Store, id_text};
use crate::wal::Merged;
use crate::{AlarmChange, Error, Namespace};

/// Page changes that go to one record when the host writes an object.
const PART_BYTES: usize = 4 << 20;
/// What is copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// Where an object has to go back to.
#[derive(Clone, Copy)]
struct Back {
    target: Moment,
    /// Whether it has changed since.
    changed: bool,
    /// Where the log ends for it.
    upto: u64,
}

/// A copy of an object's file, and what has to be done to it.
type Copied = (Arc<dyn File>, Option<Back>);

/// What the host writes of an object.
#[derive(Clone, Copy)]
enum Written {
    /// An object that has not been there.
    New,
    /// An earlier state of one, with what becomes of its alarm.
    Back(Option<AlarmChange>),
}

/// An object that nobody else may open, delete or bring to its file.
struct Held<'a> {
    shared: &'a Shared,
    key: Key,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut core = self.shared.core();
        if let Some(live) = core.catalog.live_mut(&self.key) {
            live.held = false;
        }
        core.settle(&self.key);
        drop(core);
        self.shared.changed.notify_all();
        self.shared.checkpoint_wake.notify_one();
    }
}

impl Store {
    /// Takes an object back to a state that it had. When it is running, this happens when it is opened the next time.
    /// Its alarm goes back with it, as far as the log tells what it was. Gives the bookmark that takes it back in turn.
    ///
    /// # Errors
    /// When there is no such object, the bookmark is another object's, or the log does not reach back that far.
    pub fn restore(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
        bookmark: &Bookmark,
    ) -> Result<Bookmark, Error> {
        let key = key(namespace, id);
        let core = self.shared.core();
        if core.object(&key)?.live.as_ref().is_some_and(|l| l.open) {
            return self.shared.restore_at_open(core, &key, bookmark);
        }
        let before = Bookmark::new(core.object(&key)?.last, &key);
        drop(core);
        self.shared.restore_now(&key, bookmark)?;
        Ok(before)
    }

    /// Whether [`Store::restore`] could do it.
    ///
    /// # Errors
    /// As [`Store::restore`].
    pub fn check_restore(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
        bookmark: &Bookmark,
    ) -> Result<(), Error> {
        let (shared, key) = (&self.shared, key(namespace, id));
        if !bookmark.belongs_to(&key) {
            return Err(Error::OtherBookmark);
        }
        // What its file lacks has no undo in the log yet.
        let held = shared.hold(&key, true)?;
        shared.flush(&[key], Holder::Me)?;
        let back = shared.goes_back(&key, bookmark)?;
        drop(held);
        match back.changed {
            true => shared.check_reach(&key, back.target, back.upto),
            false => Ok(()),
        }
    }

    /// Writes an object as it is, or as it was, into a plain SQLite file, in place of what is there.
    ///
    /// # Errors
    /// As [`Store::restore`], and when the file cannot be written.
    pub fn export(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
        at: Option<&Bookmark>,
        to: &Path,
    ) -> Result<(), Error> {
        let key = key(namespace, id);
        let mut partial = to.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let disk = &self.shared.options.disk;
        let held = self.shared.hold(&key, true)?;
        let written = self.shared.copy_state(held, at, &partial).and_then(|file| {
            file.sync()
                .and_then(|()| disk.rename(&partial, to))
                .map_err(Error::io("write the file", to))
        });
        if written.is_err() {
            self.shared.discard(&partial);
        }
        written
    }

    /// A copy of an object's file for another program to read.
    ///
    /// # Errors
    /// As [`Store::export`].
    pub fn snapshot_file(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
    ) -> Result<SnapshotFile, Error> {
        let snapshot = SnapshotFile {
            path: self.shared.staged_path()?,
            disk: self.shared.options.disk.clone(),
        };
        let held = self.shared.hold(&key(namespace, id), true)?;
        self.shared.copy_state(held, None, &snapshot.path)?;
        Ok(snapshot)
    }

    /// Copies an object, as it is or as it was, under another id. Its alarm is not copied.
    ///
    /// # Errors
    /// As [`Store::restore`]; when there is an object with the other id.
    pub fn fork(
        &self,
        from: (&Namespace, [u8; 32]),
        at: Option<&Bookmark>,
        to: (&Namespace, [u8; 32]),
        name: Option<&str>,
    ) -> Result<(), Error> {
        let shared = &self.shared;
        let path = shared.staged_path()?;
        let held = shared.hold(&key(from.0, from.1), true)?;
        let result = shared
            .copy_state(held, at, &path)
            .and_then(|file| shared.create_from(&key(to.0, to.1), name, &*file));
        shared.discard(&path);
        result
    }

    /// Makes an object from a SQLite file.
    ///
    /// # Errors
    /// When there is an object with this id, the file is no SQLite database with pages of 4096 bytes, or a journal
    /// beside it says that it is not complete. A write-ahead log beside it counts as a part of it.
    pub fn import(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
        name: Option<&str>,
        from: &Path,
    ) -> Result<(), Error> {
        let disk = &self.shared.options.disk;
        let file = disk
            .open_to_read(from)
            .map_err(Error::io("open the file", from))?;
        let wrong = |reason: &str| Error::Import {
            path: from.to_owned(),
            reason: reason.to_owned(),
        };
        let beside = |suffix: &str| {
            let mut path = from.as_os_str().to_owned();
            path.push(suffix);
            disk.open_to_read(Path::new(&path)).ok()
        };
        // A journal takes changes back that are in the file.
        let mut header = [0; 8];
        let journal = beside("-journal").map_or(Ok(0), |file| file.read_at(&mut header, 0));
        if journal.map_err(Error::io("read the journal of", from))? > 0 && header != [0; 8] {
            return Err(wrong(
                "a journal beside it says that its last change is not complete; \
                 close what has it open, or run: sqlite3 FILE 'PRAGMA journal_mode=DELETE'",
            ));
        }
        let mut file = file;
        if let Some(log) = beside("-wal") {
            let merged = Merged::new(file.clone(), log)
                .map_err(Error::io("read the write-ahead log of", from))?
                .map_err(|reason| wrong(&reason))?;
            if let Some(merged) = merged {
                file = Arc::new(merged);
            }
        }
        check_sqlite(&*file)
            .map_err(Error::io("read the file", from))?
            .map_err(|reason| wrong(&reason))?;
        self.shared.create_from(&key(namespace, id), name, &*file)
    }

    /// Deletes an object for good. An instance that runs becomes stale.
    ///
    /// # Errors
    /// When there is no such object, or the disk refuses.
    pub fn delete(&self, namespace: &Namespace, id: [u8; 32]) -> Result<(), Error> {
        self.shared.delete(&key(namespace, id))
    }
}

fn key(namespace: &Namespace, id: [u8; 32]) -> Key {
    Key {
        namespace: namespace.number,
        id,
    }
}

impl Shared {
    fn staged_path(&self) -> Result<PathBuf, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = self.folder.join("staged");
        self.options
            .disk
            .make_folder(&folder)
            .map_err(Error::io("make the folder", &folder))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(folder.join(format!("{number}.sqlite")))
    }

    fn discard(&self, path: &Path) {
        if let Err(error) = self.options.disk.remove(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove a copy");
        }
    }

    /// Keeps an object as it is in its file, as soon as nobody else does.
    fn hold(&self, key: &Key, may_be_open: bool) -> Result<Held<'_>, Error> {
        let mut core = self.core();
        loop {
            core.check()?;
            core.object(key)?;
            let live = core
                .live_or_new(key)
                .ok_or_else(|| Error::NoObject(id_text(&key.id)))?;
            if live.open && !may_be_open {
                return Err(Error::Open);
            }
            if !live.held && !live.flushing {
                live.held = true;
                return Ok(Held {
                    shared: self,
                    key: *key,
                });
            }
            core = self.wait(core);
        }
    }

    /// Copies an object's state into a new file. Lets go of the object once the copy does not need it any more.
    fn copy_state(
        &self,
        held: Held<'_>,
        at: Option<&Bookmark>,
        to: &Path,
    ) -> Result<Arc<dyn File>, Error> {
        let key = held.key;
        let (file, back) = self.copy_held(&held, at, to)?;
        drop(held);
        self.take_back_to(&key, &*file, back)?;
        Ok(file)
    }

    /// Takes a copy back to the moment that it should be of.
    fn take_back_to(&self, key: &Key, file: &dyn File, back: Option<Back>) -> Result<(), Error> {
        match back {
            Some(back) if back.changed => self.rewind(key, file, back.target, back.upto),
            _ => Ok(()),
        }
    }

    /// Copies a held object's file.
    fn copy_held(
        &self,
        held: &Held<'_>,
        at: Option<&Bookmark>,
        to: &Path,
    ) -> Result<Copied, Error> {
        let key = held.key;
        self.flush(&[key], Holder::Me)?;
        let from = self.object_path(&self.core(), &key);
        let back = match at {
            Some(bookmark) => Some(self.goes_back(&key, bookmark)?),
            None => None,
        };
        Ok((self.copy(&from, to)?, back))
    }

    /// What a bookmark means for an object whose file has everything.
    fn goes_back(&self, key: &Key, bookmark: &Bookmark) -> Result<Back, Error> {
        let core = self.core();
        let upto = core.queue.next();
        let last = core.object(key)?.last;
        drop(core);
        let target = self.target(key, bookmark, upto)?;
        Ok(Back {
            target,
            changed: target < last,
            upto,
        })
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<Arc<dyn File>, Error> {
        let disk = &self.options.disk;
        let target = disk
            .open(to, true)
            .map_err(Error::io("make the file", to))?;
        target.set_len(0).map_err(Error::io("write the file", to))?;
        let source = match disk.open_to_read(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target),
            other => other.map_err(Error::io("open the object's file", from))?,
        };
        let mut bytes = vec![0; COPY_BYTES];
        let mut offset = 0;
        loop {
            let read = source
                .read_at(&mut bytes, offset)
                .map_err(Error::io("read the object's file", from))?;
            if read == 0 {
                return Ok(target);
            }
            target
                .write_at(&bytes[..read], offset)
                .map_err(Error::io("write the file", to))?;
            offset += read as u64;
        }
    }

    /// Marks an object to go back when it is opened next.
    pub(crate) fn restore_at_open(
        &self,
        core: MutexGuard<'_, Core>,
        key: &Key,
        bookmark: &Bookmark,
    ) -> Result<Bookmark, Error> {
        if !bookmark.belongs_to(key) {
            return Err(Error::OtherBookmark);
        }
        let oldest = self.segments().first().cloned();
        if oldest.is_some_and(|oldest| {
            oldest.start > 0
                && (bookmark.moment.time_ms, bookmark.moment.position)
                    < (oldest.time_ms, oldest.start)
        }) {
            return Err(Error::OutOfRetention);
        }
        let core = self.make(core, key)?;
        let record = Record::RestoreAtOpen {
            object: *key,
            bookmark: Some(*bookmark),
        };
        let (core, placed) = self.append_record(core, &record, Urgency::Upkeep)?;
        drop(core);
        Ok(Bookmark::before_restore(placed.end, key))
    }

    /// Does what was asked for while the object ran. When that is no longer possible, it stays as it is.
    pub(crate) fn restore_as_asked(&self, key: &Key, bookmark: &Bookmark) -> Result<(), Error> {
        match self.restore_now(key, bookmark) {
            Err(error @ (Error::OutOfRetention | Error::OtherBookmark)) => {
                tracing::warn!(%error, object = ?key, "an object is not taken back");
                let record = Record::RestoreAtOpen {
                    object: *key,
                    bookmark: None,
                };
                drop(self.append_record(self.core(), &record, Urgency::Upkeep)?);
                Ok(())
            }
            other => other,
        }
    }

    /// Takes an object back that no instance writes to.
    pub(crate) fn restore_now(&self, key: &Key, bookmark: &Bookmark) -> Result<(), Error> {
        let path = self.staged_path()?;
        let restore = || {
            // Kept until the end: what is written is the difference to what is there now.
            let held = self.hold(key, true)?;
            let (file, back) = self.copy_held(&held, Some(bookmark), &path)?;
            self.take_back_to(key, &*file, back)?;
            let alarm = match back {
                Some(back) => self.alarm_back(key, back.target, back.upto)?,
                None => None,
            };
            self.write_state(key, &*file, Written::Back(alarm))?;
            if alarm.is_some() {
                (self.options.on_alarm)();
            }
            Ok(())
        };
        let result = restore();
        self.discard(&path);
        result
    }

    /// Makes an object with the pages of a file.
    fn create_from(&self, key: &Key, name: Option<&str>, file: &dyn File) -> Result<(), Error> {
        let mut core = self.wait_for_object(self.core(), key)?;
        core.check()?;
        let entry = core
            .catalog
            .entry_or_new(key)
            .ok_or_else(|| Error::NoNamespace(key.namespace.to_string()))?;
        if entry.made || entry.live.is_some() {
            return Err(Error::ObjectExists(id_text(&key.id)));
        }
        entry.name = name.map(Into::into);
        entry.live.get_or_insert_default().held = true;
        let held = Held {
            shared: self,
            key: *key,
        };
        drop(self.make(core, key)?);
        let written = self.write_state(key, file, Written::New);
        drop(held);
        if written.is_err()
            && let Err(error) = self.delete(key)
        {
            tracing::warn!(%error, "an object that could not be made whole is left");
        }
        written
    }

    /// Makes a held object's pages those of a file, in one transaction, and waits until that is on the disk.
    fn write_state(&self, key: &Key, file: &dyn File, what: Written) -> Result<(), Error> {
        self.flush(&[*key], Holder::Me)?;
        let read = |error| Error::io("read", Path::new("the state to write"))(error);
        let page_count = pages_of(file).map_err(read)?;
        let bytes = u64::from(page_count) * PAGE_BYTES as u64;
        // What it was before is allowed, whatever was allowed then.
        if matches!(what, Written::New) && bytes > self.options.quota_bytes {
            return Err(Error::Quota {
                bytes,
                limit: self.options.quota_bytes,
            });
        }
        let mut core = self.core();
        let path = self.object_path(&core, key);
        let present_pages = core.object(key)?.page_count;
        core.epoch += 1;
        let epoch = core.epoch;
        drop(core);
        let present = match present_pages {
            0 => None,
            _ => Some(
                self.options
                    .disk
                    .open_to_read(&path)
                    .map_err(Error::io("open the object's file", &path))?,
            ),
        };
        let mut encoder = Encoder::default();
        let commit = record::Commit {
            object: *key,
            epoch,
            number: 1,
            page_count,
            alarm: None,
            more: true,
            restores: matches!(what, Written::Back(_)),
            changes: &[],
        };
        for number in 1..=page_count {
            let mut new = read_page(file, number).map_err(read)?;
            if number == 1 && new.starts_with(b"SQLite format 3\0") {
                // There is no write-ahead log here; 1 stands for a file without.
                new[18..20].fill(1);
            }
            match present.as_ref().filter(|_| number <= present_pages) {
                Some(present) => {
                    let old = read_page(&**present, number).map_err(read)?;
                    if old != new {
                        encoder.page(number, Some(&old), &new);
                    }
                }
                None => encoder.page(number, None, &new),
            }
            if encoder.len() >= PART_BYTES {
                let changes = std::mem::take(&mut encoder).finish();
                self.append_part(&record::Commit {
                    changes: &changes,
                    ..commit.clone()
                })?;
            }
        }
        let changes = encoder.finish();
        let last = record::Commit {
            alarm: match what {
                Written::Back(alarm) => alarm,
                Written::New => None,
            },
            more: false,
            changes: &changes,
            ..commit
        };
        let end = self.append_part(&last)?;
        self.flush(&[*key], Holder::Me)?;
        self.wait_durable(end)
    }

    fn append_part(&self, commit: &record::Commit<'_>) -> Result<u64, Error> {
        let record = Record::Commit(commit.clone());
        let (mut core, placed) = self.append_record(self.core(), &record, Urgency::Commit)?;
        let part = match commit.changes.len() {
            ..LARGE_CHANGES => Part::Memory(commit.changes.to_vec()),
            _ => Part::Log(placed.start.position),
        };
        self.add(&mut core, &commit.object, &record, part, placed)?;
        Ok(placed.end.position)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let held = self.hold(key, true)?;
        let core = self.core();
        let path = self.object_path(&core, key);
        let record = Record::ObjectDeleted { object: *key };
        let body = self.body(&record);
        let mut core = self.wait_for_room(core, &body, Urgency::Upkeep)?;
        let pending = core.catalog.live(key).map_or(0, |live| live.pending_bytes);
        let placed = self.append(&mut core, &body);
        core.pending_bytes -= pending;
        // Recovery removes the file again, until that is sure to last.
        core.pins.retain(|(_, pinned)| pinned != key);
        core.pins.insert((placed.start.position, *key));
        core.catalog.remove(key);
        // Nobody makes another one in its place while the file is there.
        if let Some(live) = core.live_or_new(key) {
            live.held = true;
            live.pin = Some(placed.start.position);
        }
        drop(core);
        self.wait_durable(placed.end.position)?;
        let removed = self.options.disk.remove(&path);
        let mut core = self.core();
        if let Some(folder) = path.parent()
            && removed.is_ok()
        {
            core.unsynced.files.remove(&path);
            core.unsynced.folders.insert(folder.to_owned());
            let first = core.unsynced.first.get_or_insert(placed.start.position);
            *first = placed.start.position.min(*first);
        }
        drop(core);
        drop(held);
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove the object's file", &path)(error))
            }
            _ => Ok(()),
        }
    }
}
