//! A disk to whose log a kill of the host is a power cut: what was not synced is gone. And the same disk, broken.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::disk::File;

use crate::reordered::reordered;
use crate::wrapped::Wrap;

/// How long a sync takes. What a host says too early, it says long before its write is safe.
const SYNC: Duration = Duration::from_millis(10);
/// How long a disk that does not sync keeps what is written to itself.
const LATE_BY: Duration = Duration::from_millis(40);

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Nothing: it does what it says.
    None,
    /// Syncs do nothing, and say that they have.
    NoSync,
    /// Syncs do what they say; what they make safe is in another order than it was written in.
    Reorders,
}

/// Writes to one file that are not safe yet.
type Waiting = (Arc<dyn File>, Vec<(u64, Vec<u8>)>);

/// The machine's disk, which keeps what is written to the log to itself until it is told to sync it.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    fault: Fault,
    waiting: Arc<Mutex<HashMap<u64, Waiting>>>,
}

impl Cached {
    pub(crate) fn new(fault: Fault) -> Self {
        let disk = Self {
            fault,
            waiting: Arc::default(),
        };
        if fault == Fault::NoSync {
            let late = disk.clone();
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(LATE_BY);
                    late.settle().unwrap();
                }
            });
        }
        disk
    }

    /// Writes everything that waits, in order.
    pub(crate) fn settle(&self) -> io::Result<()> {
        for (file, writes) in self.waiting.lock().unwrap().values_mut() {
            for (offset, bytes) in writes.drain(..) {
                file.write_at(&bytes, offset)?;
            }
        }
        Ok(())
    }
}

impl Wrap for Cached {
    fn wrap(&self, path: &Path, file: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
        if !path.parent().is_some_and(|folder| folder.ends_with("log")) {
            return Ok(file);
        }
        let inode = std::fs::metadata(path)?.ino();
        Ok(Arc::new(CachedFile {
            disk: self.clone(),
            inode,
            file,
        }))
    }
}

#[derive(Debug)]
struct CachedFile {
    disk: Cached,
    inode: u64,
    file: Arc<dyn File>,
}

impl File for CachedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.settle()?;
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset == 0 {
            // A log that cannot even be opened would be noticed too easily.
            return self.file.write_at(bytes, offset);
        }
        let bytes = match self.disk.fault {
            Fault::Reorders => reordered(&*self.file, bytes)?,
            Fault::None | Fault::NoSync => bytes.to_vec(),
        };
        let mut waiting = self.disk.waiting.lock().unwrap();
        let (_, writes) = waiting
            .entry(self.inode)
            .or_insert_with(|| (self.file.clone(), Vec::new()));
        writes.push((offset, bytes));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.settle()?;
        self.file.len()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.settle()?;
        self.file.set_len(length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.file.allocate(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.fault == Fault::NoSync {
            return Ok(());
        }
        std::thread::sleep(SYNC);
        self.disk.settle()
    }

    fn descriptor(&self) -> io::Result<OwnedFd> {
        self.file.descriptor()
    }
}
