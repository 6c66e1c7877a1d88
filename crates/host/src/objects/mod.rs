//! Durable Objects: which of them run, where, and how what happens to them gets there.
//!
//! At most one instance of an object runs at a time. It lives in one isolate, and the directory knows which; an event
//! for an object that sleeps wakes it first.

mod alarms;
mod changes;
mod directory;
mod facets;
mod named;
mod namespace;
mod record;
mod slot;
mod sockets;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use protocol::ObjectNumber;
use storage::disk::{Disk, SystemDisk};
use storage::{Checkpoint, Store};
use tokio::sync::{Notify, mpsc, watch};

pub(crate) use changes::Barrier;
pub(crate) use directory::storage_error;
pub use facets::Facet;
pub(crate) use facets::{Asker, Identity, Start};
pub use namespace::Namespace;
pub use record::FacetRecord;
pub(crate) use record::hex;
pub(crate) use slot::{Arrival, Lease, Slot, Work};

use crate::figures::ObjectFigures;
use crate::link::Link;
use crate::runtime;
use directory::Slots;

/// What a worker's code is told when a new version takes its objects over.
pub(crate) const CODE_UPDATED: &str = "Durable Object reset because its code was updated.";
/// What callers see of a storage that does not work, before the reason.
const STORAGE_FAILED: &str = "Internal error in Durable Object storage caused object to be reset";

/// Where objects keep their state, and for how long.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// The folder; it is made when it is not there.
    pub folder: PathBuf,
    /// How far back objects can go.
    pub retention: Duration,
    /// The most bytes of one object.
    pub quota_bytes: u64,
    /// How long the handler of an alarm may take.
    pub alarm_limit: Duration,
    /// Where the folder is: the machine's own disk, unless a program that uses this crate has another.
    pub disk: Arc<dyn Disk>,
    /// What isolates say waits for what they wrote before.
    output_gate: bool,
}

impl StorageOptions {
    /// A folder, and otherwise what Workers have: 30 days, 10 GB and 15 minutes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            quota_bytes: protocol::limits::DEFAULT_OBJECT_BYTES,
            alarm_limit: Duration::from_secs(15 * 60),
            disk: Arc::new(SystemDisk),
            output_gate: true,
        }
    }

    /// Lets isolates be heard before what they wrote is on the disk, so that answers tell of what a crash takes back. It is
    /// there for a checker that has to notice; no option and no setting leads here.
    #[doc(hidden)]
    pub fn remove_output_gate(&mut self) {
        self.output_gate = false;
    }
}

/// How far the log is on the disk; `None` when it is broken and nothing ever will be again.
pub(crate) type Durable = watch::Receiver<Option<u64>>;

/// All Durable Objects of a host.
pub(crate) struct Objects {
    store: Arc<Store>,
    quota_bytes: u64,
    alarm_limit: Duration,
    output_gate: bool,
    durable: Durable,
    runtime: Weak<runtime::Inner>,
    slots: Mutex<Slots>,
    /// Where each running instance lives, by its epoch.
    homes: Mutex<HashMap<u64, (Weak<Link>, ObjectNumber)>>,
    alarms: Arc<Notify>,
}

impl Objects {
    /// Opens the folder and begins to look after what is in it.
    pub(crate) async fn open(
        options: &StorageOptions,
        runtime: Weak<runtime::Inner>,
    ) -> Result<Arc<Self>, storage::Error> {
        let (durable, on_durable) = watch::channel(Some(0));
        let (checkpoints, told) = mpsc::unbounded_channel();
        let alarms = Arc::new(Notify::new());
        let on_alarm = Arc::clone(&alarms);
        let mut settings = storage::Options::default();
        settings.retention = options.retention;
        settings.quota_bytes = options.quota_bytes;
        settings.disk = Arc::clone(&options.disk);
        settings.on_durable = Box::new(move |position| {
            durable.send_replace(position.ok().map(|position| position.0));
        });
        settings.on_checkpoint = Box::new(move |checkpoint| drop(checkpoints.send(checkpoint)));
        settings.on_alarm = Box::new(move || on_alarm.notify_one());
        let folder = options.folder.clone();
        let store = tokio::task::spawn_blocking(move || Store::open(&folder, settings))
            .await
            .unwrap_or(Err(storage::Error::Closed))?;
        let objects = Arc::new(Self {
            store: Arc::new(store),
            quota_bytes: options.quota_bytes,
            alarm_limit: options.alarm_limit,
            output_gate: options.output_gate,
            durable: on_durable,
            runtime,
            slots: Mutex::default(),
            homes: Mutex::default(),
            alarms,
        });
        tokio::spawn(tell_checkpoints(Arc::downgrade(&objects), told));
        tokio::spawn(directory::let_sleep(Arc::downgrade(&objects)));
        tokio::spawn(alarms::ring(Arc::downgrade(&objects)));
        Ok(objects)
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Where the log is on its way to the disk.
    pub(crate) fn durable(&self) -> Durable {
        self.durable.clone()
    }

    /// Whether what isolates say waits for the disk.
    pub(crate) fn has_output_gate(&self) -> bool {
        self.output_gate
    }

    /// What there is to say about them in numbers.
    pub(crate) fn figures(&self) -> ObjectFigures {
        let slots: Vec<_> = self.slots().values().cloned().collect();
        ObjectFigures {
            awake: slots.iter().filter(|slot| slot.is_awake()).count(),
            sockets: slots.iter().map(|slot| slot.sockets.count()).sum(),
            storage: self.store.figures(),
        }
    }

    fn homes(&self) -> MutexGuard<'_, HashMap<u64, (Weak<Link>, ObjectNumber)>> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker runs: alarms of its objects may have waited for that.
    pub(crate) fn deployed(&self) {
        self.alarms.notify_one();
    }

    /// What time it is has changed.
    pub(crate) fn look_at_alarms(&self) {
        self.alarms.notify_one();
    }

    /// An instance lives at `link` from now on.
    pub(crate) fn moved_in(&self, epoch: u64, link: &Arc<Link>, number: ObjectNumber) {
        self.homes().insert(epoch, (Arc::downgrade(link), number));
    }

    /// Brings everything to the objects' files.
    pub(crate) async fn close(&self) -> Result<(), storage::Error> {
        let store = Arc::clone(&self.store);
        let closed = tokio::task::spawn_blocking(move || store.close());
        closed.await.unwrap_or(Ok(()))
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Objects").finish_non_exhaustive()
    }
}

/// Tells isolates what they need not keep any longer.
async fn tell_checkpoints(objects: Weak<Objects>, mut told: mpsc::UnboundedReceiver<Checkpoint>) {
    while let Some(checkpoint) = told.recv().await {
        let Some(objects) = objects.upgrade() else {
            return;
        };
        let home = objects.homes().get(&checkpoint.epoch).cloned();
        if let Some((link, number)) = home
            && let Some(link) = link.upgrade()
        {
            link.checkpointed(number, checkpoint.number, checkpoint.file);
        }
    }
}
