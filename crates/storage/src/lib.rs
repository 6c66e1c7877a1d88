//! What objects keep.
//!
//! Every object has one SQLite database. Its running instance sends the pages that each turn changed; they go to one
//! append-only *log* for all objects, with one sync for all that wait ([`Object::commit`]). The log is the truth. In
//! the background, pages are brought to each object's plain `.sqlite` file, after the log has got what it takes to undo
//! that. So a file and the log together hold every state that the object was in, as far back as the log is kept.
//!
//! A folder holds `log/` (segments, named by the position they start at), `objects/<namespace>/<id>.sqlite`, `catalog`
//! (a snapshot of which objects there are), `format` and `lock`.
//!
//! This crate never looks into a database: it runs no SQL and knows pages only by number. It has no async runtime; what
//! waits for the disk is done by its own threads, and told by callbacks in [`Options`].
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

mod bookmark;
mod catalog;
mod checkpoint;
pub mod disk;
mod error;
mod family;
mod figures;
mod flush;
mod history;
mod live;
mod log;
mod object;
mod options;
mod record;
mod recovery;
mod retention;
mod rewind;
mod segment;
mod shared;
mod snapshot;
mod snapshot_file;
mod sqlite_file;
mod store;
#[cfg(test)]
mod tests;
mod wal;

pub use bookmark::Bookmark;
pub use error::Error;
pub use figures::Figures;
pub use object::{Commit, MAX_TRANSACTION_BYTES, Object};
pub use options::{Checkpoint, Options};
pub use protocol::AlarmChange;
pub use snapshot_file::SnapshotFile;
pub use store::{Alarm, ObjectInfo, Objects, Opened, Store};

/// A place in the log. Once everything before it is on the disk, so is what was said to end there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// All objects of one class. Stays the same when the namespace gets another name.
#[derive(Clone)]
pub struct Namespace {
    pub(crate) number: u32,
    pub(crate) key: Arc<str>,
    pub(crate) folder: Arc<str>,
}

impl Namespace {
    /// Its name when this handle was made.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Something of its first name that no later name changes.
    #[must_use]
    pub fn origin(&self) -> &str {
        let name = self.folder.rsplit_once('.');
        name.map_or(&*self.folder, |(name, _number)| name)
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Namespace {}

impl std::hash::Hash for Namespace {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Namespace({} {:?})", self.number, self.key)
    }
}
