//! What the log is made of.
//!
//! A record is a header and a body. The header says where in the log the record belongs, so that bytes which were left
//! over or copied elsewhere are not taken for records, and where the batch it was written with began: all before that
//! was on the disk when it was written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::AlarmChange;
use crate::bookmark::{Bookmark, Moment};

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 40;

/// The longest body of a record: the largest commit that fits a frame, or a group of pages, and room to spare.
pub(crate) const MAX_BODY_BYTES: usize = 40 * 1024 * 1024;

/// Longest part of a namespace's name in its folder's.
const FOLDER_NAME_BYTES: usize = 80;

/// Which object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) namespace: u32,
    pub(crate) id: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.namespace, hex(&self.id))
    }
}

/// Lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A name for a namespace's folder that a person recognises and every file system takes.
pub(crate) fn folder_name(key: &str, number: u32) -> String {
    let mut name: String = key
        .chars()
        .map(|letter| if is_plain(letter) { letter } else { '-' })
        .take(FOLDER_NAME_BYTES)
        .collect();
    name.push_str(&format!(".{number}"));
    name
}

/// Whether a folder's name was made by `folder_name`: then it is inside the folder of all objects, and no other namespace's.
pub(crate) fn is_folder_name(name: &str, number: u32) -> bool {
    numbered(name) == Some(number)
}

/// The number of the namespace whose folder may have this name.
pub(crate) fn numbered(name: &str) -> Option<u32> {
    let (text, digits) = name.rsplit_once('.')?;
    let number: u32 = digits.parse().ok()?;
    (text.chars().all(is_plain) && digits == number.to_string()).then_some(number)
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record<'a> {
    /// The store was opened; transactions that were not complete by then never will be.
    Started,
    NamespaceMade {
        number: u32,
        key: &'a str,
        folder: &'a str,
    },
    NamespaceRenamed {
        number: u32,
        key: &'a str,
    },
    NamespaceDeleted {
        number: u32,
    },
    /// An object is there, or has a name now.
    ObjectMade {
        object: Key,
        name: Option<&'a str>,
    },
    ObjectDeleted {
        object: Key,
    },
    Commit(#[serde(borrow)] Commit<'a>),
    /// The host changed an alarm.
    Alarm {
        object: Key,
        alarm: Option<f64>,
    },
    /// The next time the object is opened, it goes back.
    RestoreAtOpen {
        object: Key,
        /// `None` takes an earlier one back.
        bookmark: Option<Bookmark>,
    },
    Undo(#[serde(borrow)] Undo<'a>),
    /// All before this position is in the objects' files, and these are on the disk.
    Checkpointed {
        position: u64,
    },
}

/// One transaction of one object, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Commit<'a> {
    pub(crate) object: Key,
    /// Parts of one transaction share the instance and the number.
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) page_count: u32,
    pub(crate) alarm: Option<AlarmChange>,
    /// More parts follow.
    pub(crate) more: bool,
    /// This is the restore that `RestoreAtOpen` asked for.
    pub(crate) restores: bool,
    #[serde(with = "serde_bytes")]
    pub(crate) changes: &'a [u8],
}

/// How to take back what a checkpoint is about to do to an object's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo<'a> {
    pub(crate) object: Key,
    /// The first transaction that the checkpoint brings: where its first record starts.
    pub(crate) first: Moment,
    /// The last one: where its last record ends.
    pub(crate) through: Moment,
    /// The file was between two states, so an earlier undo has to follow.
    pub(crate) mixed: bool,
    /// Pages of the file before.
    pub(crate) page_count: u32,
    #[serde(with = "serde_bytes")]
    pub(crate) changes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The body of this record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let guess = match self {
            Self::Commit(commit) => commit.changes.len() + 80,
            Self::Undo(undo) => undo.changes.len() + 80,
            _ => 64,
        };
        postcard::to_extend(self, Vec::with_capacity(guess))
            .expect("records are plain data, which encodes")
    }

    /// The record in a body. `None` when it is none.
    pub(crate) fn decode(body: &'a [u8]) -> Option<Self> {
        let (record, rest) = postcard::take_from_bytes(body).ok()?;
        let is_sound = match &record {
            Self::NamespaceMade { number, folder, .. } => is_folder_name(folder, *number),
            _ => true,
        };
        (rest.is_empty() && is_sound).then_some(record)
    }
}

/// What stands before a record's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where in the log the record starts.
    pub(crate) position: u64,
    /// Where the batch starts that it was written with.
    pub(crate) batch: u64,
    /// When it was made, in milliseconds since 1970; never less than in the record before.
    pub(crate) time_ms: u64,
    pub(crate) body_bytes: u32,
    pub(crate) body_check: u32,
}

/// A checksum that only fits the log with this identity.
pub(crate) fn check(log: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&log.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

impl Header {
    pub(crate) fn encode(&self, log: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[4..8].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.batch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.body_check.to_le_bytes());
        let check = check(log, &bytes[4..]);
        bytes[..4].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// The header in these bytes, if they are one of the log with this identity.
    pub(crate) fn decode(bytes: &[u8], log: u64) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let four = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let eight = |at: usize| u64::from(four(at)) | u64::from(four(at + 4)) << 32;
        let header = Self {
            body_bytes: four(4),
            position: eight(8),
            batch: eight(16),
            time_ms: eight(24),
            body_check: four(32),
        };
        (four(0) == check(log, &bytes[4..]) && header.body_bytes as usize <= MAX_BODY_BYTES)
            .then_some(header)
    }

    /// Where in the log the record ends.
    pub(crate) fn end(&self) -> u64 {
        self.position + (HEADER_BYTES as u64) + u64::from(self.body_bytes)
    }
}
