//! A package as the cache keeps it: one file with the contents of all its files, an index, and a checksum.
//!
//! Reading one is one read; what it holds is checked before anything of it is used, so nothing has to be synced when it is
//! written, and a write that never finished is no package. Nothing in `node_modules` is the same file as one of the cache:
//! who edits there changes nobody else's package.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

const MAGIC: &[u8; 8] = b"ATOLPK01";
/// Length of the index, checksum, magic.
const FOOTER_BYTES: usize = 4 + 32 + MAGIC.len();

/// A file of a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PackedFile {
    /// Its path inside the package: no root, no dots, no links.
    pub(crate) path: String,
    pub(crate) executable: bool,
    offset: u64,
    length: u64,
}

/// The files of a package, all in memory.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    bytes: Bytes,
    pub(crate) files: Vec<PackedFile>,
}

impl Pack {
    /// Reads a package; none when it is not there or not whole.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        Ok(Self::of(bytes.into()))
    }

    fn of(bytes: Bytes) -> Option<Self> {
        let end = bytes.len().checked_sub(FOOTER_BYTES)?;
        let (body, footer) = bytes.split_at(end);
        let (length, rest) = footer.split_at(4);
        let (checksum, magic) = rest.split_at(32);
        if magic != MAGIC || Sha256::digest(body).as_slice() != checksum {
            return None;
        }
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let index = end.checked_sub(usize::try_from(length).ok()?)?;
        let files: Vec<PackedFile> = postcard::from_bytes(&body[index..]).ok()?;
        let inside = |file: &PackedFile| {
            file.offset
                .checked_add(file.length)
                .is_some_and(|end| end <= index as u64)
        };
        files.iter().all(inside).then_some(())?;
        Some(Self { bytes, files })
    }

    /// What a file holds.
    pub(crate) fn content(&self, file: &PackedFile) -> Bytes {
        // Both are inside: that was checked when it was opened.
        let start = usize::try_from(file.offset).unwrap_or_default();
        let length = usize::try_from(file.length).unwrap_or_default();
        self.bytes.slice(start..start + length)
    }

    /// The file with this path.
    pub(crate) fn find(&self, path: &str) -> Option<&PackedFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }
}

/// Writes a package.
pub(crate) struct PackWriter {
    file: BufWriter<File>,
    hasher: Sha256,
    offset: u64,
    files: Vec<PackedFile>,
}

impl PackWriter {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file: BufWriter::with_capacity(256 << 10, file),
            hasher: Sha256::new(),
            offset: 0,
            files: Vec::new(),
        }
    }

    /// Begins a file. What is written from now on is in it.
    pub(crate) fn begin(&mut self, path: String, executable: bool) {
        self.files.push(PackedFile {
            path,
            executable,
            offset: self.offset,
            length: 0,
        });
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.put(bytes)?;
        if let Some(file) = self.files.last_mut() {
            file.length += bytes.len() as u64;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Writes index and checksum. Of files with the same path the last counts.
    pub(crate) fn finish(mut self) -> std::io::Result<()> {
        let mut files = std::mem::take(&mut self.files);
        // The sort is stable.
        files.sort_by(|left, right| left.path.cmp(&right.path));
        files.reverse();
        files.dedup_by(|left, right| left.path == right.path);
        files.reverse();
        let index = postcard::to_stdvec(&files).map_err(std::io::Error::other)?;
        let length = u32::try_from(index.len()).map_err(std::io::Error::other)?;
        self.put(&index)?;
        let checksum = self.hasher.finalize();
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&checksum)?;
        self.file.write_all(MAGIC)?;
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_is_no_package() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pack");
        let mut writer = PackWriter::new(File::create(&path).unwrap());
        writer.begin("b.js".to_owned(), true);
        writer.write(b"first").unwrap();
        writer.begin("a.js".to_owned(), false);
        writer.write(b"a").unwrap();
        writer.begin("b.js".to_owned(), false);
        writer.write(b"sec").unwrap();
        writer.write(b"ond").unwrap();
        writer.finish().unwrap();
        let pack = Pack::open(&path).unwrap().unwrap();
        let paths: Vec<_> = pack.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a.js", "b.js"]);
        assert_eq!(pack.content(pack.find("b.js").unwrap()), "second");
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            assert!(Pack::of(whole[..length].to_vec().into()).is_none());
            let mut changed = whole.clone();
            changed[length] ^= 1;
            assert!(Pack::of(changed.into()).is_none(), "byte {length}");
        }
    }
}
