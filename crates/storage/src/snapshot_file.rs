//! Copies of objects' files for other programs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;

/// A copy of an object's file, which is removed when this is dropped.
#[derive(Debug)]
pub struct SnapshotFile {
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
}

impl SnapshotFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if let Err(error) = self.disk.remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove a copy");
        }
    }
}
