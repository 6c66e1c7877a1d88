//! The files of a folder, by the path that they are asked for.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ignore::Ignore;
use super::{Error, MAX_FILES};

/// Which files there are. Paths start with `/` and are decoded.
pub(super) struct Tree {
    root: PathBuf,
    ignore: Ignore,
    /// The files by path, unless the folder is looked at for every request.
    listed: Option<HashMap<String, PathBuf>>,
}

impl Tree {
    pub(super) fn open(directory: &Path, fresh: bool) -> Result<Self, Error> {
        let unreadable = |path: &Path, source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let root = directory
            .canonicalize()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Error::Missing(directory.to_owned()),
                _ => unreadable(directory, error),
            })?;
        if !root.is_dir() {
            return Err(unreadable(directory, io::ErrorKind::NotADirectory.into()));
        }
        let ignore_path = root.join(".assetsignore");
        let ignore = match fs::read_to_string(&ignore_path) {
            Ok(text) => Ignore::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::parse(""),
            Err(error) => return Err(unreadable(&ignore_path, error)),
        };
        let mut tree = Self {
            root,
            ignore,
            listed: None,
        };
        if !fresh {
            tree.listed = Some(tree.list()?);
        }
        Ok(tree)
    }

    /// Whether a look into this tree needs the disk.
    pub(super) fn is_fresh(&self) -> bool {
        self.listed.is_none()
    }

    /// The file at this path, if there is one that may be served.
    pub(super) fn find(&self, path: &str) -> Option<PathBuf> {
        if let Some(listed) = &self.listed {
            return listed.get(path).cloned();
        }
        let relative = path.strip_prefix('/')?;
        if !is_plain(relative) || self.ignore.excludes(relative) {
            return None;
        }
        self.inside(&self.root.join(relative))
    }

    /// The true place of a file, if that lies in the folder: links that lead out do not count.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        (real.starts_with(&self.root) && real.is_file()).then_some(real)
    }

    fn list(&self) -> Result<HashMap<String, PathBuf>, Error> {
        let mut files = HashMap::new();
        let mut folders = vec![(self.root.clone(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            let unreadable = |source| Error::Unreadable {
                path: folder.clone(),
                source,
            };
            for entry in fs::read_dir(&folder).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                // A name that is not UTF-8 cannot be asked for.
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let relative = format!("{prefix}{name}");
                if self.ignore.excludes(&relative) {
                    continue;
                }
                if entry.file_type().map_err(unreadable)?.is_dir() {
                    folders.push((entry.path(), format!("{relative}/")));
                } else if let Some(real) = self.inside(&entry.path()) {
                    files.insert(format!("/{relative}"), real);
                    if files.len() > MAX_FILES {
                        return Err(Error::TooMany(self.root.clone()));
                    }
                }
            }
        }
        Ok(files)
    }
}

/// A relative path of plain names: nothing that the system would read as another place.
fn is_plain(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}
