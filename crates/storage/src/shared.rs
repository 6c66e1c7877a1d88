//! What the store, its handles and its threads share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::catalog::{Catalog, Entry};
use crate::disk::File;
use crate::figures::Counts;
use crate::live::Live;
use crate::log::{Queue, Segment, Writer};
use crate::options::Options;
use crate::record::{Key, hex};
use crate::{Error, Namespace};

/// Everything of a store. Locks are taken in the order of their fields.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    /// Identity of the log.
    pub(crate) log: u64,
    /// Held by who syncs files, snapshots the catalog or drops history.
    upkeep: Mutex<()>,
    writer: Mutex<Writer>,
    core: Mutex<Core>,
    segments: Mutex<Vec<Segment>>,
    /// Something that somebody may wait for is different: what is durable, room, the state of an object.
    pub(crate) changed: Condvar,
    pub(crate) log_wake: Condvar,
    pub(crate) checkpoint_wake: Condvar,
    pub(crate) counts: Counts,
}

/// What changes all the time.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) catalog: Catalog,
    pub(crate) queue: Queue,
    /// Everything before this position is on the disk.
    pub(crate) durable: u64,
    /// Everything before this position is in the objects' files, and they are on the disk.
    pub(crate) checkpointed: u64,
    /// Where the last snapshot of the catalog begins to be of use.
    pub(crate) cataloged: u64,
    /// Time of the last record that a batch was made of, in milliseconds since 1970.
    pub(crate) batch_time_ms: u64,
    /// Objects whose files lag behind the log, with where.
    pub(crate) pins: BTreeSet<(u64, Key)>,
    /// Files that were written since the last sync.
    pub(crate) unsynced: Unsynced,
    /// Bytes of changes in memory.
    pub(crate) pending_bytes: usize,
    /// Of the instance that was opened last. Greater than that of every commit that no file has yet.
    pub(crate) epoch: u64,
    pub(crate) failure: Option<Arc<Error>>,
    /// Nothing more is brought to the objects' files.
    pub(crate) closing: bool,
    /// Nobody needs the log any more once it is written.
    pub(crate) log_ends: bool,
}

/// Files that were written since the last sync.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    pub(crate) files: BTreeMap<PathBuf, Arc<dyn File>>,
    /// Folders with new names.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Recovery has to begin here for the sake of these files.
    pub(crate) first: Option<u64>,
    /// When the first of them was written, in milliseconds since 1970.
    pub(crate) since_ms: u64,
}

impl Core {
    pub(crate) fn new(catalog: Catalog, queue: Queue, checkpointed: u64, cataloged: u64) -> Self {
        Self {
            catalog,
            durable: queue.next(),
            batch_time_ms: queue.time_ms,
            queue,
            checkpointed,
            cataloged,
            pins: BTreeSet::new(),
            unsynced: Unsynced::default(),
            pending_bytes: 0,
            epoch: 0,
            failure: None,
            closing: false,
            log_ends: false,
        }
    }

    /// # Errors
    /// When the store no longer works.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.failure {
            Some(error) if matches!(**error, Error::Closed) => Err(Error::Closed),
            Some(error) => Err(Error::Stopped(error.clone())),
            None => Ok(()),
        }
    }

    /// Lets recovery begin no later than this object needs.
    pub(crate) fn pin(&mut self, key: &Key) {
        let Some(live) = self.catalog.live_mut(key) else {
            return;
        };
        let first = live.first();
        // A checkpoint under way holds on to what it took.
        if live.flushing || live.pin == first {
            return;
        }
        let before = std::mem::replace(&mut live.pin, first);
        if let Some(position) = before {
            self.pins.remove(&(position, *key));
        }
        if let Some(position) = first {
            self.pins.insert((position, *key));
        }
    }

    /// Forgets what only a running object needs, when it is one no longer.
    pub(crate) fn settle(&mut self, key: &Key) {
        self.pin(key);
        let Some(entry) = self.catalog.entry_mut(key) else {
            return;
        };
        if entry.live.as_ref().is_some_and(|live| live.is_idle()) {
            entry.live = None;
            if !entry.made {
                self.catalog.remove(key);
            }
        }
    }

    /// Drops what an instance began to commit and did not end.
    pub(crate) fn drop_unfinished(&mut self, key: &Key) {
        if let Some(live) = self.catalog.live_mut(key) {
            live.unfinished = None;
        }
        self.pin(key);
    }

    pub(crate) fn object(&self, key: &Key) -> Result<&Entry, Error> {
        self.catalog
            .entry(key)
            .filter(|entry| entry.made)
            .ok_or_else(|| Error::NoObject(hex(&key.id)))
    }

    /// The live part of an object's entry, made when there is none.
    pub(crate) fn live_or_new(&mut self, key: &Key) -> Option<&mut Live> {
        let entry = self.catalog.entry_or_new(key)?;
        Some(entry.live.get_or_insert_default())
    }
}

impl Shared {
    pub(crate) fn new(
        folder: PathBuf,
        options: Options,
        log: u64,
        writer: Writer,
        core: Core,
        segments: Vec<Segment>,
    ) -> Self {
        Self {
            folder,
            options,
            log,
            upkeep: Mutex::new(()),
            writer: Mutex::new(writer),
            core: Mutex::new(core),
            segments: Mutex::new(segments),
            changed: Condvar::new(),
            log_wake: Condvar::new(),
            checkpoint_wake: Condvar::new(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn segments(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.options.clock)()
    }

    /// Waits for a change of any kind.
    pub(crate) fn wait<'a>(&'a self, core: MutexGuard<'a, Core>) -> MutexGuard<'a, Core> {
        if self.options.threads {
            return self
                .changed
                .wait(core)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(core);
        if !self.log_step() && !self.checkpoint_step() {
            let core = self.core();
            assert!(
                core.failure.is_some(),
                "nothing can change, so waiting would never end"
            );
            return core;
        }
        self.core()
    }

    /// The folder with the files of a namespace.
    pub(crate) fn objects_folder(&self, folder: &str) -> PathBuf {
        self.folder.join("objects").join(folder)
    }

    /// An object's file.
    pub(crate) fn object_path(&self, core: &Core, key: &Key) -> PathBuf {
        let folder = core
            .catalog
            .namespaces
            .get(&key.namespace)
            .map_or("", |namespace| &namespace.folder);
        self.objects_folder(folder)
            .join(format!("{}.sqlite", hex(&key.id)))
    }

    pub(crate) fn namespace(core: &Core, number: u32) -> Option<Namespace> {
        let namespace = core.catalog.namespaces.get(&number)?;
        Some(Namespace {
            number,
            key: namespace.key.clone(),
            folder: namespace.folder.clone(),
        })
    }
}
