//! The files of one build. There are no others.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{FileMetadata, FileSystem, ResolveError};
use protocol::limits::{MAX_BUILD_DEPTH, MAX_BUILD_FILES, MAX_BUILD_PATH_BYTES};

use super::reply::Failure;

/// Bytes with the files that lie in them.
#[derive(Debug, Default)]
pub(super) struct Part {
    bytes: Vec<u8>,
    files: Vec<(String, Range<usize>)>,
}

impl Part {
    /// Files of these names and lengths, one after the other from `start` on.
    pub(super) fn new(
        bytes: Vec<u8>,
        mut start: usize,
        lengths: Vec<(String, usize)>,
    ) -> Result<Self, Failure> {
        let mut files = Vec::with_capacity(lengths.len());
        for (name, length) in lengths {
            let end = start.checked_add(length).filter(|end| *end <= bytes.len());
            let Some(end) = end else {
                return Err(Failure::new("The build request is not whole."));
            };
            files.push((name, start..end));
            start = end;
        }
        Ok(Self { bytes, files })
    }
}

/// All files by their absolute paths, `/src/index.ts`.
#[derive(Clone, Debug)]
pub(super) struct Files(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    parts: [Vec<u8>; 2],
    files: HashMap<String, (usize, Range<usize>)>,
    folders: HashSet<String>,
}

impl Files {
    /// Both parts together. Where both have a file it is the caller's own.
    pub(super) fn new(own: Part, packages: Part) -> Result<Self, Failure> {
        let count = own.files.len() + packages.files.len();
        if count > MAX_BUILD_FILES {
            return Err(Failure::new(format!(
                "The build has {count} files, which is more than {MAX_BUILD_FILES}."
            )));
        }
        let mut inner = Inner::default();
        inner.folders.insert("/".to_owned());
        for (number, part) in [packages, own].into_iter().enumerate() {
            for (name, range) in part.files {
                let path = absolute(&name)?;
                let mut folder = path.as_str();
                while let Some((parent, _)) = folder.rsplit_once('/') {
                    if parent.is_empty() || !inner.folders.insert(parent.to_owned()) {
                        break;
                    }
                    folder = parent;
                }
                inner.files.insert(path, (number, range));
            }
            inner.parts[number] = part.bytes;
        }
        Ok(Self(Arc::new(inner)))
    }

    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        let (part, range) = self.0.files.get(path)?;
        self.0.parts[*part].get(range.clone())
    }

    /// A file that is text, by its path below the root.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.get(&absolute(path).ok()?)?).ok()
    }

    /// All paths from the root on, with what is there.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.0.files.iter();
        files.map(|(path, (part, range))| (path.as_str(), &self.0.parts[*part][range.clone()]))
    }

    /// Paths below the root, sorted, without those of packages.
    pub(super) fn own(&self) -> Vec<&str> {
        let paths = self.0.files.keys().map(|path| &path[1..]);
        let mut paths: Vec<&str> = paths
            .filter(|path| !path.starts_with("node_modules/"))
            .collect();
        paths.sort_unstable();
        paths
    }
}

/// The path from the root on, without `.` and `..`.
pub(super) fn absolute(name: &str) -> Result<String, Failure> {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if name.len() > MAX_BUILD_PATH_BYTES || parts.len() > MAX_BUILD_DEPTH || name.contains('\0') {
        let start: String = name.chars().take(80).collect();
        return Err(Failure::new(format!(
            "A file's path is too long or not a path: {start:?}"
        )));
    }
    Ok(format!("/{}", parts.join("/")))
}

fn absent() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl FileSystem for Files {
    fn new(_: bool) -> Self {
        Self(Arc::default())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = path.to_str().ok_or_else(absent)?;
        self.get(path).map(<[u8]>::to_vec).ok_or_else(absent)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(io::Error::other)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let path = path.to_str().ok_or_else(absent)?;
        if self.0.files.contains_key(path) {
            return Ok(FileMetadata::new(true, false, false));
        }
        let is_folder = self.0.folders.contains(path);
        is_folder
            .then(|| FileMetadata::new(false, true, false))
            .ok_or_else(absent)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, _: &Path) -> Result<PathBuf, ResolveError> {
        Err(io::Error::from(io::ErrorKind::InvalidInput).into())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.metadata(path).map(|_| path.to_path_buf())
    }
}
