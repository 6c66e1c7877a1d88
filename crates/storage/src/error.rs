//! Why something did not work.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::pages::PagesError;

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said. The text has it already.
        cause: io::Error,
    },
    /// Another process has the folder open.
    #[error("the folder {} is in use by process {holder}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process's id, as it wrote it down.
        holder: String,
    },
    /// The folder was made by a version that this one does not understand.
    #[error(
        "the folder {} was made by a newer version (its format is {found}, this version reads up to {known})",
        folder.display()
    )]
    Newer {
        /// The folder.
        folder: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// Bytes that were safe on the disk are no longer what they were.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// Writing the log failed earlier, and nothing has been accepted since.
    #[error("storage stopped after an earlier error: {0}")]
    Stopped(Arc<Error>),
    /// The disk is full. What was stored stays, and writing works again when there is room.
    #[error("no room is left on the disk that holds {}", folder.display())]
    Full {
        /// The folder.
        folder: PathBuf,
    },
    /// The object would become larger than objects may be.
    #[error("an object may hold {limit} bytes, and this one would hold {bytes}")]
    Quota {
        /// What it would hold.
        bytes: u64,
        /// What it may hold.
        limit: u64,
    },
    /// One transaction is larger than transactions may be.
    #[error("a transaction of more than {limit} bytes")]
    Transaction {
        /// The most bytes of page changes in one transaction.
        limit: u64,
    },
    /// The object has been opened again, deleted or closed since.
    #[error("the object was opened elsewhere or deleted since this instance started")]
    Stale,
    /// The object is open, and this needs that it is not.
    #[error("the object is running")]
    Open,
    /// A commit's pages make no sense.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// A commit does not follow the one before.
    #[error("a commit that does not fit: {0}")]
    Commit(&'static str),
    /// There is no such namespace.
    #[error("there is no namespace {0:?}")]
    NoNamespace(String),
    /// There is a namespace of that name.
    #[error("there is a namespace {0:?} already")]
    NamespaceExists(String),
    /// There is no such object.
    #[error("there is no object {0}")]
    NoObject(String),
    /// There is an object there.
    #[error("the object {0} exists already")]
    ObjectExists(String),
    /// Text that is no bookmark.
    #[error("{0:?} is not a bookmark")]
    Bookmark(String),
    /// A bookmark of another object.
    #[error("the bookmark belongs to another object")]
    OtherBookmark,
    /// A moment that is no longer kept.
    #[error("the history of the object does not reach back that far")]
    OutOfRetention,
    /// A file that cannot become an object.
    #[error("cannot import {}: {reason}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why not, and what helps.
        reason: String,
    },
    /// The store is being closed.
    #[error("storage is closed")]
    Closed,
}

impl Error {
    /// For `map_err` on an I/O operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io {
            action,
            path,
            cause,
        }
    }

    /// Waiting for room may help.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { cause, .. } => matches!(
                cause.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }
}
