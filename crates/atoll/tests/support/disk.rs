//! The machine's disk with files that do something else than they should.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use host::disk::{Disk, File, Lock, SystemDisk};

/// What files become.
pub(crate) trait Wrap: Debug + Send + Sync {
    fn wrap(&self, path: &Path, file: Arc<dyn File>) -> io::Result<Arc<dyn File>>;
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Wrapped<W>(pub(crate) W);

impl<W: Wrap> Disk for Wrapped<W> {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        self.0.wrap(path, SystemDisk.open(path, create)?)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.wrap(path, SystemDisk.open_to_read(path)?)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.make_folder(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        SystemDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove_folder(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Result<Box<dyn Lock>, String>> {
        SystemDisk.lock(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(folder)
    }
}
