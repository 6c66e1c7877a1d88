//! Unpacks what a registry calls a package: a compressed archive made by nobody knows whom.
//!
//! Entries are read in their raw form, so that nothing is taken into memory because a header says so. Only plain files come
//! out; links are left out as npm leaves them out, and whatever else there can be in an archive is an error.

use std::collections::HashMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::limits::ArchiveLimits;
use crate::pack::PackWriter;

/// A long name, or records about an entry, are no longer than this.
const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Why an archive cannot be used, as the end of a sentence about it.
#[derive(Debug)]
pub(crate) enum Fault {
    Archive(String),
    /// It could not be written down.
    Disk(io::Error),
}

fn fault<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Archive(text.into()))
}

/// Counts what comes out, and stops when it is too much.
struct Counted<R> {
    inner: R,
    count: u64,
    most: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        if self.count > self.most {
            return Err(io::Error::other("unpacks to more than a package may have"));
        }
        Ok(count)
    }
}

/// Unpacks all files. `packed` says how many bytes have been read of the archive so far.
pub(crate) fn unpack(
    reader: impl Read,
    packed: &dyn Fn() -> u64,
    limits: &ArchiveLimits,
    pack: &mut PackWriter,
) -> Result<(), Fault> {
    // Headers count as well; there is one for each file, and padding.
    let most = limits
        .unpacked_bytes
        .saturating_add(2048 * limits.files as u64);
    let mut archive = Archive::new(Counted {
        inner: MultiGzDecoder::new(reader),
        count: 0,
        most,
    });
    let entries = archive
        .entries()
        .map_err(|error| Fault::Archive(reason(&error)))?
        .raw(true);
    let mut names = Names::default();
    let (mut count, mut unpacked) = (0_usize, 0_u64);
    let mut next = Records::default();
    let mut buffer = vec![0; 64 << 10];
    for entry in entries {
        let mut entry = entry.map_err(|error| Fault::Archive(reason(&error)))?;
        count += 1;
        if count > 4 * limits.files {
            return fault(format!("has more than {} files", limits.files));
        }
        let kind = entry.header().entry_type();
        let size = entry.size();
        match kind {
            EntryType::XHeader | EntryType::GNULongName => {
                if size > MAX_RECORD_BYTES {
                    return fault("has a name without end");
                }
                let mut record = Vec::new();
                entry
                    .by_ref()
                    .take(MAX_RECORD_BYTES)
                    .read_to_end(&mut record)
                    .map_err(|error| Fault::Archive(reason(&error)))?;
                if kind == EntryType::GNULongName {
                    let end = record
                        .iter()
                        .position(|byte| *byte == 0)
                        .unwrap_or(record.len());
                    next.path = Some(text(&record[..end])?);
                } else {
                    next.read(&record)?;
                }
                continue;
            }
            EntryType::XGlobalHeader | EntryType::GNULongLink => continue,
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            EntryType::Link | EntryType::Symlink => {
                next = Records::default();
                continue;
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                return fault("has a device in it");
            }
            _ => return fault("has an entry of an unknown kind"),
        }
        let told = std::mem::take(&mut next);
        // Whoever goes by the other one finds other files.
        if told.size.is_some_and(|told| told != size) {
            return fault("has a file whose size is told in two ways");
        }
        let written = match told.path {
            Some(name) => name,
            None => text(&entry.header().path_bytes())?,
        };
        let Some(path) = inside(&written, limits)? else {
            continue;
        };
        // An old archive says with a slash that something is a folder.
        let folder = kind == EntryType::Directory || written.ends_with('/');
        if !names.add(&path, folder, limits.files) {
            return fault(format!(
                "has {path:?} both as a file and as a folder, or has more than {} files",
                limits.files
            ));
        }
        if folder {
            continue;
        }
        let executable = entry.header().mode().unwrap_or_default() & 0o111 != 0;
        pack.begin(path, executable);
        loop {
            let length = entry
                .read(&mut buffer)
                .map_err(|error| Fault::Archive(reason(&error)))?;
            if length == 0 {
                break;
            }
            unpacked += length as u64;
            if unpacked > limits.unpacked_bytes {
                return fault(format!(
                    "unpacks to more than {} bytes",
                    limits.unpacked_bytes
                ));
            }
            if unpacked > ArchiveLimits::FREE_BYTES && unpacked / limits.ratio > packed() {
                return fault(format!(
                    "unpacks to more than {} times its size",
                    limits.ratio
                ));
            }
            pack.write(&buffer[..length]).map_err(Fault::Disk)?;
        }
    }
    if names.files == 0 {
        return fault("has no files");
    }
    Ok(())
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        io::ErrorKind::UnexpectedEof => "ends in the middle".to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("cannot be unpacked: {error}")
        }
        _ => format!("cannot be read: {error}"),
    }
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => fault("has a name that is not Unicode"),
    }
}

/// What records before a file say of it, besides its header.
#[derive(Default)]
struct Records {
    path: Option<String>,
    size: Option<u64>,
}

impl Records {
    /// Reads records of the form `LENGTH KEY=VALUE`.
    fn read(&mut self, records: &[u8]) -> Result<(), Fault> {
        let unreadable = || fault("has records that cannot be read");
        let mut rest = records;
        while !rest.is_empty() && rest[0] != 0 {
            let blank = rest.iter().position(|byte| *byte == b' ');
            let length = blank
                .and_then(|blank| std::str::from_utf8(&rest[..blank]).ok())
                .and_then(|digits| digits.parse::<usize>().ok());
            let (Some(blank), Some(length)) = (blank, length) else {
                return unreadable();
            };
            if length <= blank + 1 || length > rest.len() {
                return unreadable();
            }
            let record = &rest[blank + 1..length];
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(value) = record.strip_prefix(b"path=") {
                self.path = Some(text(value)?);
            }
            if let Some(value) = record.strip_prefix(b"size=") {
                match text(value)?.parse() {
                    Ok(size) => self.size = Some(size),
                    Err(_) => return unreadable(),
                }
            }
            rest = &rest[length..];
        }
        Ok(())
    }
}

/// The path without the folder that the archive has around everything; none for that folder itself.
fn inside(written: &str, limits: &ArchiveLimits) -> Result<Option<String>, Fault> {
    let shown = || written.chars().take(80).collect::<String>();
    if written.len() > limits.path_bytes {
        return fault(format!("has a path that is too long: {:?}…", shown()));
    }
    if written.starts_with('/') || written.contains('\0') {
        return fault(format!("has a path that leads out of it: {:?}", shown()));
    }
    let mut parts = Vec::new();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => return fault(format!("has a path that leads out of it: {:?}", shown())),
            part if part.len() > 255 => {
                return fault(format!("has a path that is too long: {:?}…", shown()));
            }
            part => parts.push(part),
        }
    }
    if parts.len() > limits.path_depth {
        return fault(format!("has a path that is too deep: {:?}…", shown()));
    }
    match parts.split_first() {
        Some((_, [])) | None => Ok(None),
        Some((_, rest)) => Ok(Some(rest.join("/"))),
    }
}

/// What there is so far: a file cannot be a folder too.
#[derive(Default)]
struct Names {
    known: HashMap<String, bool>,
    files: usize,
}

impl Names {
    fn add(&mut self, path: &str, folder: bool, most: usize) -> bool {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        for parent in parents {
            match self.known.get(parent) {
                Some(true) => {}
                Some(false) => return false,
                None => {
                    self.known.insert(parent.to_owned(), true);
                }
            }
        }
        match self.known.insert(path.to_owned(), folder) {
            Some(before) if before != folder => return false,
            _ => self.files += usize::from(!folder),
        }
        self.known.len() <= most
    }
}
