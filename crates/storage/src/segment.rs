//! Files of the log, and reading them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::disk::{Disk, File};
use crate::record::{HEADER_BYTES, Header, check};

/// Bytes before the first record of a segment.
pub(crate) const PREFIX_BYTES: u64 = 64;
const MAGIC: &[u8; 8] = b"atoll\0lg";
const READ_BYTES: usize = 1 << 20;

/// What a segment says about itself before its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// Position of its first record.
    pub(crate) start: u64,
    /// All before this position was in the objects' files when the segment was begun.
    pub(crate) checkpointed: u64,
    /// Time of the record before it, in milliseconds since 1970.
    pub(crate) time_ms: u64,
}

impl Prefix {
    pub(crate) fn encode(&self, log: u64) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [log, self.start, self.checkpointed, self.time_ms] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.resize(PREFIX_BYTES as usize - 4, 0);
        bytes.extend_from_slice(&check(log, &bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8], log: u64) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        if !content.starts_with(MAGIC) || u32::from_le_bytes(*sum) != check(log, content) {
            return None;
        }
        let number = |at: usize| {
            let bytes = content[8 + 8 * at..].first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        (number(0)? == log).then_some(Self {
            start: number(1)?,
            checkpointed: number(2)?,
            time_ms: number(3)?,
        })
    }
}

/// Name of the segment that starts at a position.
pub(crate) fn file_name(start: u64) -> String {
    format!("{start:016x}.seg")
}

/// Where the segment with this name starts.
pub(crate) fn start_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let start = u64::from_str_radix(digits, 16).ok()?;
    (file_name(start) == name).then_some(start)
}

/// Reads records from one segment, from a record on.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Arc<dyn File>,
    path: PathBuf,
    log: u64,
    prefix: Prefix,
    /// Position of the next record.
    next: u64,
    /// Bytes of the file from `next` on, behind `used`.
    buffer: Vec<u8>,
    used: usize,
}

impl Reader {
    /// # Errors
    /// When the file cannot be read, or is not what a segment begins with.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, log: u64) -> Result<Self, Error> {
        let file = disk
            .open_to_read(path)
            .map_err(Error::io("open the log's segment", path))?;
        let mut bytes = [0; PREFIX_BYTES as usize];
        file.read_at(&mut bytes, 0)
            .map_err(Error::io("read the log's segment", path))?;
        let prefix = Prefix::decode(&bytes, log).ok_or_else(|| Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason: "this is not how a segment of this log begins",
        })?;
        Ok(Self {
            file,
            path: path.to_owned(),
            log,
            prefix,
            next: prefix.start,
            buffer: Vec::new(),
            used: 0,
        })
    }

    pub(crate) fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Position right after the last record that was read.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    fn offset(&self) -> u64 {
        PREFIX_BYTES + (self.next - self.prefix.start)
    }

    /// Makes `count` bytes from the next record on available, or fewer at the file's end.
    fn fill(&mut self, count: usize) -> Result<&[u8], Error> {
        if self.buffer.len() - self.used < count {
            self.buffer.drain(..self.used);
            self.used = 0;
            let have = self.buffer.len();
            let offset = self.offset() + have as u64;
            self.buffer.resize(count.max(READ_BYTES), 0);
            let read = self
                .file
                .read_at(&mut self.buffer[have..], offset)
                .map_err(Error::io("read the log's segment", &self.path))?;
            self.buffer.truncate(have + read);
        }
        let bytes = &self.buffer[self.used..];
        Ok(&bytes[..bytes.len().min(count)])
    }

    /// The next record's header and body. `None` when what follows is not a record of this place.
    pub(crate) fn next(&mut self) -> Result<Option<(Header, &[u8])>, Error> {
        let (log, position) = (self.log, self.next);
        let Some(header) = Header::decode(self.fill(HEADER_BYTES)?, log) else {
            return Ok(None);
        };
        let bytes = HEADER_BYTES + header.body_bytes as usize;
        if header.position != position {
            return Ok(None);
        }
        let record = self.fill(bytes)?;
        if record.len() < bytes || check(log, &record[HEADER_BYTES..]) != header.body_check {
            return Ok(None);
        }
        let start = self.used;
        self.used += bytes;
        self.next = header.end();
        Ok(Some((
            header,
            &self.buffer[start + HEADER_BYTES..start + bytes],
        )))
    }

    /// Checks that nothing which was safe on the disk comes after the last record.
    ///
    /// A batch is only written once the one before is on the disk. So a record of a later batch proves that what
    /// stands here is no torn tail: it was whole once.
    pub(crate) fn check_tail(&mut self) -> Result<(), Error> {
        let (log, end) = (self.log, self.next);
        let mut offset = self.offset();
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let have = bytes.len();
            bytes.resize(have + READ_BYTES, 0);
            let read = self
                .file
                .read_at(&mut bytes[have..], offset + have as u64)
                .map_err(Error::io("read the log's segment", &self.path))?;
            bytes.truncate(have + read);
            for (at, window) in bytes.windows(HEADER_BYTES).enumerate() {
                let place = self.prefix.start + (offset - PREFIX_BYTES) + at as u64;
                if window[8..16] == place.to_le_bytes()
                    && Header::decode(window, log).is_some_and(|header| header.batch > end)
                {
                    return Err(Error::Damaged {
                        path: self.path.clone(),
                        offset: self.offset(),
                        reason: "a record is broken, though later ones show that it was whole once",
                    });
                }
            }
            if read == 0 {
                return Ok(());
            }
            let done = bytes.len().saturating_sub(HEADER_BYTES - 1);
            bytes.drain(..done);
            offset += done as u64;
        }
    }
}

/// Writes all of a small file so that either all of it is there afterwards or what was there before.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    if let Err(error) = disk.remove(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let file = disk.open(&temporary, true)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    disk.sync_folder(path.parent().unwrap_or(path))
}
