//! What this machine has of all registries: packages by their checksum, and what registries said about them.
//!
//! All projects share it, and any number of processes use it at once. An entry is written beside its place and then moved
//! there, so there is never half of one, and it is checked when it is read: an entry that is not whole is as good as absent.

use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::integrity::{Integrity, hex, key};
use crate::pack::Pack;

/// What was being written when a process was killed is removed after this time.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The cache of this machine.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    next: AtomicU64,
}

/// What a registry said about a package, and for how long.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The address, and whether it was told to somebody with credentials.
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// When it was said, or said to be still so; milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) max_age_s: u64,
    sha256: String,
}

impl Cache {
    /// The folder that all projects share: `ATOLL_CACHE`, else `atoll` in the user's folder of caches.
    #[must_use]
    pub fn default_folder() -> PathBuf {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        set("ATOLL_CACHE")
            .or_else(|| {
                Some(
                    set("XDG_CACHE_HOME")
                        .filter(|path| path.is_absolute())?
                        .join("atoll"),
                )
            })
            .or_else(|| Some(set("HOME")?.join(".cache/atoll")))
            .unwrap_or_else(|| std::env::temp_dir().join("atoll-cache"))
            .join("npm")
    }

    /// Opens the cache in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        for folder in ["packages", "packuments", "urls", "making"] {
            let folder = root.join(folder);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(Error::io("make", &folder))?;
        }
        let cache = Self {
            root,
            next: AtomicU64::new(0),
        };
        cache.sweep();
        Ok(cache)
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Removes what was never finished.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("making")) else {
            return;
        };
        for entry in entries.flatten() {
            let age = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|time| SystemTime::now().duration_since(time).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // Another process may have been quicker.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A new file that nobody else has.
    pub(crate) fn make(&self) -> Result<(Making, File), Error> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let path = self
                .root
                .join("making")
                .join(format!("{}-{number}", std::process::id()));
            match File::options().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Making { path, kept: false }, file)),
                // A process that had this number left it.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("make", &path)(error)),
            }
        }
    }

    fn package_path(&self, integrity: &Integrity) -> PathBuf {
        let hex = integrity.hex();
        self.root
            .join("packages")
            .join(integrity.algorithm.name())
            .join(&hex[..2])
            .join(&hex[2..])
    }

    /// Whether there is an entry, whole or not.
    pub(crate) fn has_package(&self, integrity: &Integrity) -> bool {
        self.package_path(integrity).exists()
    }

    /// Bytes of an entry, its index included.
    pub(crate) fn size_of_package(&self, integrity: &Integrity) -> u64 {
        fs::metadata(self.package_path(integrity)).map_or(0, |metadata| metadata.len())
    }

    /// A package, checked.
    pub(crate) fn package(&self, integrity: &Integrity) -> Result<Option<Pack>, Error> {
        let path = self.package_path(integrity);
        let pack = Pack::open(&path)?;
        if pack.is_none() {
            // Not whole, or not there; either way the next who looks shall see nothing.
            let _ = fs::remove_file(&path);
        }
        Ok(pack)
    }

    /// Puts a package in its place.
    pub(crate) fn keep_package(&self, making: Making, integrity: &Integrity) -> Result<(), Error> {
        making.keep(&self.package_path(integrity))
    }

    fn packument_path(&self, url: &str) -> PathBuf {
        let key = key(url);
        self.root.join("packuments").join(&key[..2]).join(&key[2..])
    }

    /// What a registry said at an address, checked.
    pub(crate) fn packument(&self, url: &str) -> Option<(Head, Vec<u8>)> {
        let bytes = fs::read(self.packument_path(url)).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let body = bytes[end + 1..].to_vec();
        (head.url == url && head.sha256 == sha256(&body)).then_some((head, body))
    }

    /// Keeps what a registry said at an address.
    pub(crate) fn keep_packument(&self, mut head: Head, body: &[u8]) -> Result<(), Error> {
        head.sha256 = sha256(body);
        let (making, mut file) = self.make()?;
        let mut bytes = serde_json::to_vec(&head)
            .map_err(|error| Error::io("write", &making.path)(error.into()))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        file.write_all(&bytes)
            .map_err(Error::io("write", &making.path))?;
        making.keep(&self.packument_path(&head.url))
    }

    /// The checksum of what an address gave, for those whose checksum nobody tells.
    pub(crate) fn integrity_of_url(&self, url: &str) -> Option<Integrity> {
        let text = fs::read_to_string(self.root.join("urls").join(key(url))).ok()?;
        Integrity::parse(&text)
    }

    pub(crate) fn keep_integrity_of_url(
        &self,
        url: &str,
        integrity: &Integrity,
    ) -> Result<(), Error> {
        let (making, mut file) = self.make()?;
        file.write_all(integrity.to_string().as_bytes())
            .map_err(Error::io("write", &making.path))?;
        making.keep(&self.root.join("urls").join(key(url)))
    }
}

impl Head {
    pub(crate) fn new(
        url: &str,
        etag: Option<String>,
        last_modified: Option<String>,
        max_age_s: u64,
    ) -> Self {
        Self {
            url: url.to_owned(),
            etag,
            last_modified,
            at_ms: now_ms(),
            max_age_s,
            sha256: String::new(),
        }
    }

    /// Whether the registry need not be asked.
    pub(crate) fn is_fresh(&self) -> bool {
        let age = now_ms().saturating_sub(self.at_ms);
        self.at_ms <= now_ms() && age < self.max_age_s.saturating_mul(1000)
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        })
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

/// A file of the cache that has no place yet. It goes away unless it is kept.
#[derive(Debug)]
pub(crate) struct Making {
    pub(crate) path: PathBuf,
    kept: bool,
}

impl Making {
    fn keep(mut self, place: &Path) -> Result<(), Error> {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        }
        fs::rename(&self.path, place).map_err(Error::io("write", place))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.kept {
            // Swept up later if it stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
