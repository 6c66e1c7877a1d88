//! The store: what there is in a folder.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::bookmark::Bookmark;
use crate::flush::Holder;
use crate::log::Urgency;
use crate::object::{Object, at_time};
use crate::options::Options;
use crate::record::{Key, Record, folder_name, hex};
use crate::recovery::recover;
use crate::shared::{Core, Shared};
use crate::{Error, Namespace, Position};

/// Objects that an iterator takes from the catalog at a time.
const OBJECTS_AT_ONCE: usize = 256;

/// All objects in one folder. Dropping it closes it as [`Store::close`] does.
#[derive(Debug)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Threads>,
    /// Held until it is closed.
    lock: Mutex<Option<Box<dyn crate::disk::Lock>>>,
}

/// What runs in the background.
#[derive(Debug, Default)]
struct Threads {
    log: Option<JoinHandle<()>>,
    files: Option<JoinHandle<()>>,
}

/// An object that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The new instance's way to commit.
    pub object: Object,
    /// The database's file, to read from. `None` while there is nothing in it; a [`crate::Checkpoint`] brings it later.
    pub file: Option<OwnedFd>,
    /// Pages of the database.
    pub page_count: u32,
    /// The alarm, in milliseconds since 1970.
    pub alarm: Option<f64>,
    /// The object's name, if it is known.
    pub name: Option<String>,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectInfo {
    /// Its id.
    pub id: [u8; 32],
    /// The name that its id was made from, if it is known.
    pub name: Option<String>,
    /// Size of its database.
    pub bytes: u64,
    /// Its alarm, in milliseconds since 1970.
    pub alarm: Option<f64>,
    /// When it last changed, in milliseconds since 1970.
    pub modified_ms: u64,
    /// An instance is running.
    pub open: bool,
}

/// An alarm that is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// When it goes off, in milliseconds since 1970.
    pub time_ms: f64,
    /// The object's namespace.
    pub namespace: Namespace,
    /// The object.
    pub id: [u8; 32],
    /// The object's name, if it is known.
    pub name: Option<String>,
    /// Tells it from an alarm of the same time that is set later.
    version: u64,
}

impl Alarm {
    fn key(&self) -> Key {
        Key {
            namespace: self.namespace.number,
            id: self.id,
        }
    }
}

impl Store {
    /// Opens a folder, and makes it when it is not there. After a crash, reads what the log has beyond the objects'
    /// files.
    ///
    /// # Errors
    /// When another process has it open, a newer version made it, its content is damaged, or the disk refuses.
    pub fn open(folder: &Path, options: Options) -> Result<Self, Error> {
        let disk = options.disk.clone();
        disk.make_folder(folder)
            .map_err(Error::io("make the folder", folder))?;
        let lock_path = folder.join("lock");
        let lock = disk
            .lock(&lock_path)
            .map_err(Error::io("lock the folder with", &lock_path))?
            .map_err(|holder| Error::InUse {
                folder: folder.to_owned(),
                holder,
            })?;
        let threaded = options.threads;
        let shared = Arc::new(recover(folder, options)?);
        let store = Self {
            shared,
            threads: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        };
        if threaded {
            let log = store.spawn("storage-log", Shared::run_log)?;
            store.threads().log = Some(log);
            let files = store.spawn("storage-files", Shared::run_checkpoints)?;
            store.threads().files = Some(files);
        }
        Ok(store)
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, name: &str, run: fn(&Shared)) -> Result<JoinHandle<()>, Error> {
        let shared = self.shared.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared))
            .map_err(Error::io("start a thread for", &self.shared.folder))
    }

    /// Brings everything to the objects' files and stops. Commits after this are refused.
    ///
    /// # Errors
    /// When the disk refuses; what was acknowledged is in the log nevertheless.
    pub fn close(&self) -> Result<(), Error> {
        let shared = &self.shared;
        let failed = shared.core().failure.is_some();
        let result = if failed {
            shared.core().check()
        } else {
            let result = shared.checkpoint_all().and_then(|()| shared.snapshot());
            // What came meanwhile is in the log, or was never acknowledged.
            shared.core().closing = true;
            result
        };
        let mut threads = self.threads();
        let wait_for = |thread: Option<JoinHandle<()>>| {
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a thread of the store panicked");
            }
        };
        // A checkpoint under way waits for the log, so that one ends last.
        shared.checkpoint_wake.notify_all();
        wait_for(threads.files.take());
        shared.core().log_ends = true;
        shared.log_wake.notify_all();
        wait_for(threads.log.take());
        drop(threads);
        let mut core = shared.core();
        let failure = core.failure.get_or_insert_with(|| Arc::new(Error::Closed));
        let is_whole = !failed && matches!(**failure, Error::Closed);
        drop(core);
        shared.changed.notify_all();
        // The next start cuts the log as well, but a folder may wait long for that.
        if is_whole && let Err(error) = shared.give_back_room() {
            tracing::warn!(%error, "room that was set aside for the log stays taken");
        }
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        result
    }

    /// Everything before this position is on the disk.
    #[must_use]
    pub fn durable(&self) -> Position {
        Position(self.shared.core().durable)
    }

    /// Waits until everything before `position` is on the disk.
    ///
    /// # Errors
    /// When that will never be.
    pub fn wait_durable(&self, position: Position) -> Result<(), Error> {
        self.shared.wait_durable(position.0)
    }

    /// The namespace with this name, made when there is none.
    ///
    /// # Errors
    /// When there is no room, or the store stopped.
    pub fn namespace(&self, key: &str) -> Result<Namespace, Error> {
        let core = self.shared.core();
        if let Some(number) = core.catalog.number(key) {
            return Shared::namespace(&core, number)
                .ok_or_else(|| Error::NoNamespace(key.to_owned()));
        }
        let number = core.catalog.next_number();
        let record = Record::NamespaceMade {
            number,
            key,
            folder: &folder_name(key, number),
        };
        let (core, _) = self.shared.append_record(core, &record, Urgency::Commit)?;
        Shared::namespace(&core, number).ok_or_else(|| Error::NoNamespace(key.to_owned()))
    }

    /// The namespace with this name, if there is one.
    #[must_use]
    pub fn find_namespace(&self, key: &str) -> Option<Namespace> {
        let core = self.shared.core();
        Shared::namespace(&core, core.catalog.number(key)?)
    }

    /// All namespaces.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        let core = self.shared.core();
        let numbers = core.catalog.namespaces.keys();
        numbers
            .filter_map(|number| Shared::namespace(&core, *number))
            .collect()
    }

    /// Gives a namespace another name; its objects stay as they are, running or not. A namespace that has that name and
    /// no objects gives way.
    ///
    /// # Errors
    /// When there is no namespace `from`, or there is one that is called `to` and has objects.
    pub fn rename_namespace(&self, from: &str, to: &str) -> Result<(), Error> {
        let mut core = self.shared.core();
        let number = core
            .catalog
            .number(from)
            .ok_or_else(|| Error::NoNamespace(from.to_owned()))?;
        if from == to {
            return Ok(());
        }
        if core.catalog.number(to).is_some() {
            drop(core);
            self.remove_namespace(to, true)?;
            core = self.shared.core();
            if core.catalog.number(to).is_some() {
                return Err(Error::NamespaceExists(to.to_owned()));
            }
        }
        let record = Record::NamespaceRenamed { number, key: to };
        let (core, placed) = self.shared.append_record(core, &record, Urgency::Upkeep)?;
        drop(core);
        self.shared.wait_durable(placed.end.position)
    }

    /// Deletes a namespace with all objects in it, for good. Instances of them that run become stale.
    ///
    /// # Errors
    /// When there is none of this name, or the disk refuses.
    pub fn delete_namespace(&self, key: &str) -> Result<(), Error> {
        self.remove_namespace(key, false)
    }

    /// Deletes a namespace, or only one that has no objects.
    fn remove_namespace(&self, key: &str, only_empty: bool) -> Result<(), Error> {
        let shared = &self.shared;
        let mut core = shared.core();
        let number = core
            .catalog
            .number(key)
            .ok_or_else(|| Error::NoNamespace(key.to_owned()))?;
        let (folder, pending) = loop {
            let Some(namespace) = core.catalog.namespaces.get(&number) else {
                return Err(Error::NoNamespace(key.to_owned()));
            };
            if only_empty && namespace.objects.values().any(|entry| entry.made) {
                return Err(Error::NamespaceExists(key.to_owned()));
            }
            let live = || {
                let entries = namespace.objects.values();
                entries.filter_map(|entry| entry.live.as_ref())
            };
            if !live().any(|live| live.flushing || live.held) {
                let pending: usize = live().map(|live| live.pending_bytes).sum();
                break (shared.objects_folder(&namespace.folder), pending);
            }
            core.check()?;
            core = shared.wait(core);
        };
        let record = Record::NamespaceDeleted { number };
        let (mut core, placed) = shared.append_record(core, &record, Urgency::Upkeep)?;
        core.pending_bytes -= pending;
        core.pins.retain(|(_, key)| key.namespace != number);
        drop(core);
        shared.changed.notify_all();
        shared.wait_durable(placed.end.position)?;
        match shared.options.disk.remove_folder(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove the folder", &folder)(error))
            }
            _ => Ok(()),
        }
    }

    /// All objects of a namespace, in the order of their ids.
    #[must_use]
    pub fn objects(&self, namespace: &Namespace) -> Objects {
        Objects {
            shared: self.shared.clone(),
            namespace: namespace.number,
            after: None,
            ready: Vec::new().into_iter(),
        }
    }

    /// One object.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn object(&self, namespace: &Namespace, id: [u8; 32]) -> Result<ObjectInfo, Error> {
        let core = self.shared.core();
        let key = Key {
            namespace: namespace.number,
            id,
        };
        core.object(&key).map(|entry| info(id, entry))
    }

    /// Begins a new instance of an object. Instances that were opened earlier can no longer commit. What they committed
    /// is in the file that comes with it.
    ///
    /// # Errors
    /// When the namespace is gone, or the disk refuses.
    pub fn open_object(
        &self,
        namespace: &Namespace,
        id: [u8; 32],
        name: Option<&str>,
    ) -> Result<Opened, Error> {
        let shared = &self.shared;
        let key = Key {
            namespace: namespace.number,
            id,
        };
        let mut core = shared.wait_for_object(shared.core(), &key)?;
        core.check()?;
        core.epoch += 1;
        let epoch = core.epoch;
        let entry = core
            .catalog
            .entry_or_new(&key)
            .ok_or_else(|| Error::NoNamespace(namespace.key.to_string()))?;
        if let Some(name) = name
            && entry.name.as_deref() != Some(name)
        {
            entry.name = Some(name.into());
            // The log is told with the next commit.
            entry.untold = true;
        }
        let live = entry.live.get_or_insert_default();
        live.epoch = epoch;
        live.number = 0;
        live.open = true;
        live.has_descriptor = false;
        core.drop_unfinished(&key);
        let restore = core.catalog.restores.get(&key).copied();
        drop(core);
        // From here on dropping it closes it again.
        let object = Object {
            shared: shared.clone(),
            key,
            epoch,
        };
        if let Some(bookmark) = restore {
            shared.restore_as_asked(&key, &bookmark)?;
        }
        let mut core = shared.core();
        while core
            .catalog
            .live(&key)
            .is_some_and(|live| live.flushing || !live.pending.is_empty())
        {
            core.check()?;
            if core.catalog.live(&key).is_some_and(|live| live.held) {
                core = shared.wait(core);
                continue;
            }
            drop(core);
            shared.flush(&[key], Holder::Nobody)?;
            core = shared.core();
        }
        let path = shared.object_path(&core, &key);
        let entry = core.catalog.entry_mut(&key).ok_or(Error::Stale)?;
        let (page_count, alarm) = (entry.page_count, entry.alarm());
        let name = entry.name.as_deref().map(str::to_owned);
        let live = entry.live.as_mut().ok_or(Error::Stale)?;
        if live.epoch != epoch {
            return Err(Error::Stale);
        }
        let file = match page_count {
            0 => None,
            _ => Some(shared.descriptor(&path)?),
        };
        live.has_descriptor = file.is_some();
        drop(core);
        Ok(Opened {
            object,
            file,
            page_count,
            alarm,
            name,
        })
    }

    /// The alarm that goes off next.
    #[must_use]
    pub fn next_alarm(&self) -> Option<Alarm> {
        self.alarms(None, 1).pop()
    }

    /// Up to `limit` alarms in the order of their time, those after `after`.
    #[must_use]
    pub fn alarms(&self, after: Option<&Alarm>, limit: usize) -> Vec<Alarm> {
        let core = self.shared.core();
        let after = after.map(|alarm| (alarm.time_ms, alarm.key()));
        let alarms = core.catalog.alarms(after);
        alarms
            .filter_map(|(time_ms, key, version)| {
                Some(Alarm {
                    time_ms,
                    namespace: Shared::namespace(&core, key.namespace)?,
                    id: key.id,
                    name: core.catalog.entry(&key)?.name.as_deref().map(str::to_owned),
                    version,
                })
            })
            .take(limit)
            .collect()
    }

    /// Removes an alarm that has been dealt with. Does nothing when the object set or removed its alarm meanwhile, even
    /// to the same time; says which it was.
    ///
    /// # Errors
    /// When the store stopped.
    pub fn clear_alarm(&self, alarm: &Alarm) -> Result<Option<Position>, Error> {
        self.change_alarm(alarm, None)
    }

    /// Moves an alarm to another time, for another try. Does nothing when the object set or removed it meanwhile.
    ///
    /// # Errors
    /// When the store stopped.
    pub fn move_alarm(&self, alarm: &Alarm, time_ms: f64) -> Result<Option<Position>, Error> {
        self.change_alarm(alarm, Some(time_ms))
    }

    fn change_alarm(&self, alarm: &Alarm, time: Option<f64>) -> Result<Option<Position>, Error> {
        let key = alarm.key();
        let record = Record::Alarm {
            object: key,
            alarm: time,
        };
        let body = self.shared.body(&record);
        let core = self.shared.core();
        let mut core = self.shared.wait_for_room(core, &body, Urgency::Upkeep)?;
        if core.catalog.alarm_version(&key) != Some(alarm.version) {
            return Ok(None);
        }
        let placed = self.shared.append(&mut core, &body);
        core.catalog.apply(&record, placed.end);
        drop(core);
        (self.shared.options.on_alarm)();
        Ok(Some(Position(placed.end.position)))
    }

    /// The present state of an object.
    ///
    /// # Errors
    /// When there is no such object.
    pub fn bookmark(&self, namespace: &Namespace, id: [u8; 32]) -> Result<Bookmark, Error> {
        let key = Key {
            namespace: namespace.number,
            id,
        };
        let core = self.shared.core();
        Ok(Bookmark::new(core.object(&key)?.last, &key))
    }

    /// The state of an object at a time, in milliseconds since 1970.
    #[must_use]
    pub fn bookmark_for_time(&self, namespace: &Namespace, id: [u8; 32], time_ms: u64) -> Bookmark {
        let key = Key {
            namespace: namespace.number,
            id,
        };
        at_time(time_ms, &key)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let running = self.threads().log.is_some() || !self.shared.options.threads;
        if running && let Err(error) = self.close() {
            tracing::warn!(%error, "the store was closed with something left to do");
        }
    }
}

impl Shared {
    /// Waits while an object is held.
    pub(crate) fn wait_for_object<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core>,
        key: &Key,
    ) -> Result<MutexGuard<'a, Core>, Error> {
        while core.catalog.live(key).is_some_and(|live| live.held) {
            core.check()?;
            core = self.wait(core);
        }
        Ok(core)
    }
}

pub(crate) fn info(id: [u8; 32], entry: &crate::catalog::Entry) -> ObjectInfo {
    ObjectInfo {
        id,
        name: entry.name.as_deref().map(str::to_owned),
        bytes: u64::from(entry.page_count) * protocol::pages::PAGE_BYTES as u64,
        alarm: entry.alarm(),
        modified_ms: entry.last.time_ms,
        open: entry.live.as_ref().is_some_and(|live| live.open),
    }
}

/// Objects of a namespace. Objects that come or go meanwhile may or may not be among them.
#[derive(Debug)]
pub struct Objects {
    shared: Arc<Shared>,
    namespace: u32,
    after: Option<[u8; 32]>,
    ready: std::vec::IntoIter<ObjectInfo>,
}

impl Iterator for Objects {
    type Item = ObjectInfo;

    fn next(&mut self) -> Option<ObjectInfo> {
        use std::ops::Bound::{Excluded, Unbounded};
        if let Some(object) = self.ready.next() {
            return Some(object);
        }
        let core = self.shared.core();
        let namespace = core.catalog.namespaces.get(&self.namespace)?;
        let from = self.after.map_or(Unbounded, Excluded);
        let ready: Vec<ObjectInfo> = namespace
            .objects
            .range((from, Unbounded))
            .filter(|(_, entry)| entry.made)
            .take(OBJECTS_AT_ONCE)
            .map(|(id, entry)| info(*id, entry))
            .collect();
        drop(core);
        self.after = ready.last().map(|object| object.id);
        self.ready = ready.into_iter();
        self.ready.next()
    }
}

/// The text form of an id.
pub(crate) fn id_text(id: &[u8; 32]) -> String {
    hex(id)
}
