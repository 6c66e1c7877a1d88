//! How a store is to be run.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::disk::{Disk, SystemDisk};
use crate::{Error, Namespace, Position};

/// How a store is to be run, and whom it tells.
///
/// The callbacks run on the store's own threads: they have to be quick, and must not call the store.
pub struct Options {
    /// How long states of objects can be gone back to. Zero keeps no history.
    pub retention: Duration,
    /// The most bytes of log to keep for that. Earlier history goes first.
    pub retention_bytes: Option<u64>,
    /// Size of the log's files, in bytes.
    pub segment_bytes: u64,
    /// The most bytes in one object's database.
    pub quota_bytes: u64,
    /// Files of objects are synced at the latest when this much of the log would have to be read to recover.
    pub checkpoint_after_bytes: u64,
    /// An object is checkpointed when it has been quiet for so long.
    pub checkpoint_after_quiet: Duration,
    /// An object is checkpointed at the latest so long after a commit.
    pub checkpoint_within: Duration,
    /// An object is checkpointed early when it holds so many bytes of changes.
    pub object_pending_bytes: usize,
    /// Bytes of changes that may wait in memory in total; at four times as many, commits wait for the disk.
    pub pending_bytes: usize,
    /// Everything before the position is on the disk; or the log is broken and nothing ever will be again.
    pub on_durable: Box<dyn Fn(Result<Position, Arc<Error>>) + Send + Sync>,
    /// Changes of an instance have reached its object's file.
    pub on_checkpoint: Box<dyn Fn(Checkpoint) + Send + Sync>,
    /// The alarm that goes off next is another one, or may be.
    pub on_alarm: Box<dyn Fn() + Send + Sync>,
    /// The time in milliseconds since 1970.
    pub clock: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Where everything is.
    pub disk: Arc<dyn Disk>,
    /// Work in the background on threads of the store's own. Otherwise nothing happens but in calls.
    pub(crate) threads: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("retention", &self.retention)
            .field("retention_bytes", &self.retention_bytes)
            .field("segment_bytes", &self.segment_bytes)
            .field("quota_bytes", &self.quota_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            retention_bytes: None,
            segment_bytes: 64 << 20,
            quota_bytes: 10 << 30,
            checkpoint_after_bytes: 32 << 20,
            checkpoint_after_quiet: Duration::from_secs(1),
            checkpoint_within: Duration::from_secs(5),
            object_pending_bytes: 4 << 20,
            pending_bytes: 64 << 20,
            on_durable: Box::new(|_| {}),
            on_checkpoint: Box::new(|_| {}),
            on_alarm: Box::new(|| {}),
            clock: Box::new(|| {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(0, |time| {
                    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
                })
            }),
            disk: Arc::new(SystemDisk),
            threads: true,
        }
    }
}

/// Changes of a running object that have reached its file: the isolate need not keep them any longer.
#[derive(Debug)]
pub struct Checkpoint {
    /// The object's namespace.
    pub namespace: Namespace,
    /// The object.
    pub id: [u8; 32],
    /// Which instance: what [`Object::epoch`](crate::Object::epoch) says.
    pub epoch: u64,
    /// All commits up to this one are in the file.
    pub number: u64,
    /// The file, to read from, when the instance has none yet.
    pub file: Option<OwnedFd>,
}
