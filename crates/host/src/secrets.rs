//! Secrets on the disk: sealed one by one, with a key that is kept elsewhere.

mod key;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use key::Key;

/// The file in a folder of state.
const FILE: &str = "secrets.json";
/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Why a secret cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file with a key.
    #[error("there is no key at {}", .0.display())]
    NoKey(PathBuf),
    /// The file of the key cannot be read or made.
    #[error("the key at {} cannot be used", .0.display())]
    KeyFile(PathBuf, #[source] io::Error),
    /// Others may read the key.
    #[error("the key at {} can be read by others (mode {:o})", .0.display(), .1 & 0o777)]
    KeyIsOpen(PathBuf, u32),
    /// The file holds something else.
    #[error("{} holds no key: it has 64 hexadecimal digits", .0.display())]
    NotAKey(PathBuf),
    /// The secrets were sealed with another key.
    #[error("the key at {} is not the one that these secrets are sealed with", .0.display())]
    WrongKey(PathBuf),
    /// A secret does not open.
    #[error("the secret {0} is damaged")]
    Damaged(String),
    /// The file of secrets is none.
    #[error("{} is damaged", .0.display())]
    File(PathBuf, #[source] serde_json::Error),
    /// The file of secrets cannot be read or written.
    #[error("{} cannot be used", .0.display())]
    Disk(PathBuf, #[source] io::Error),
    /// The value is too long.
    #[error("a secret has at most {MAX_VALUE_BYTES} bytes")]
    TooLong,
}

/// The secrets of one folder of state. Nothing is read before it is asked for; what changes on the disk is noticed.
#[derive(Debug)]
pub struct SecretStore {
    path: PathBuf,
    key_path: PathBuf,
    read: Mutex<Option<(Version, Sealed)>>,
}

/// Tells one content of the file from another.
type Version = (u64, i64, i64, u64);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sealed {
    /// Tells which key they are sealed with, and nothing else about it.
    key: String,
    secrets: BTreeMap<String, Secret>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Secret {
    /// Seconds since 1970.
    changed: u64,
    /// Hexadecimal digits: the nonce, then the value, then its tag.
    sealed: String,
}

/// A secret as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When it was put there, in seconds since 1970.
    pub changed: u64,
}

impl SecretStore {
    /// Those of a folder of state, sealed with the key in this file.
    #[must_use]
    pub fn new(folder: &Path, key_path: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            key_path: key_path.to_owned(),
            read: Mutex::default(),
        }
    }

    /// The file with the key.
    #[must_use]
    pub fn key_path(&self) -> &Path {
        &self.key_path
    }

    /// The value of a secret, if there is one of this name.
    ///
    /// # Errors
    /// When the file or the key cannot be used, or it is not the key.
    pub fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.version()?;
        if read.as_ref().map(|(version, _)| *version) != version {
            *read = version
                .map(|version| Ok::<_, Error>((version, self.read()?)))
                .transpose()?;
        }
        let Some((_, sealed)) = &*read else {
            return Ok(None);
        };
        let Some(secret) = sealed.secrets.get(name) else {
            return Ok(None);
        };
        let key = self.key_of(sealed)?;
        open(&key, name, &secret.sealed)
            .map(Some)
            .ok_or_else(|| Error::Damaged(name.to_owned()))
    }

    /// Whether there is a secret of this name. That needs no key.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn has(&self, name: &str) -> Result<bool, Error> {
        Ok(self.read()?.secrets.contains_key(name))
    }

    /// All secrets by name. That needs no key.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let secrets = self.read()?.secrets.into_iter();
        Ok(secrets
            .map(|(name, secret)| Listed {
                name,
                changed: secret.changed,
            })
            .collect())
    }

    /// Keeps a secret, in place of the one that had its name. Makes a key if there is none and nothing is sealed yet;
    /// says whether it did.
    ///
    /// # Errors
    /// When the file or the key cannot be used, or it is not the key.
    pub fn put(&self, name: &str, value: &str) -> Result<bool, Error> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::TooLong);
        }
        let _locked = self.lock()?;
        let mut sealed = self.read()?;
        let (key, is_new) = if sealed.secrets.is_empty() {
            let (key, is_new) = Key::read_or_make(&self.key_path)?;
            sealed.key = key.fingerprint();
            (key, is_new)
        } else {
            (self.key_of(&sealed)?, false)
        };
        let secret = Secret {
            changed: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |time| time.as_secs()),
            sealed: seal(&key, name, value).map_err(|error| self.disk(error))?,
        };
        sealed.secrets.insert(name.to_owned(), secret);
        self.write(&sealed)?;
        Ok(is_new)
    }

    /// Forgets a secret. Says whether there was one.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn delete(&self, name: &str) -> Result<bool, Error> {
        let _locked = self.lock()?;
        let mut sealed = self.read()?;
        let was_there = sealed.secrets.remove(name).is_some();
        if was_there {
            self.write(&sealed)?;
        }
        Ok(was_there)
    }

    fn disk(&self, error: io::Error) -> Error {
        Error::Disk(self.path.clone(), error)
    }

    fn key_of(&self, sealed: &Sealed) -> Result<Key, Error> {
        let key = Key::read(&self.key_path)?;
        if key.fingerprint() == sealed.key {
            Ok(key)
        } else {
            Err(Error::WrongKey(self.key_path.clone()))
        }
    }

    fn version(&self) -> Result<Option<Version>, Error> {
        match std::fs::metadata(&self.path) {
            Ok(file) => Ok(Some((
                file.ino(),
                file.mtime(),
                file.mtime_nsec(),
                file.len(),
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.disk(error)),
        }
    }

    fn read(&self) -> Result<Sealed, Error> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => {
                serde_json::from_str(&text).map_err(|error| Error::File(self.path.clone(), error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Sealed::default()),
            Err(error) => Err(self.disk(error)),
        }
    }

    /// Replaces the file as a whole.
    fn write(&self, sealed: &Sealed) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(sealed)
            .map_err(|error| Error::File(self.path.clone(), error))?;
        let next = self.path.with_extension("next");
        let replace = || -> io::Result<()> {
            let mut file = private(&next)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&next, &self.path)?;
            self.path
                .parent()
                .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        replace().map_err(|error| self.disk(error))
    }

    /// Two that change secrets take turns.
    fn lock(&self) -> Result<File, Error> {
        let lock = || {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let file = private(&self.path.with_extension("lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.disk(error))
    }
}

/// A file that nobody else can read, empty.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

fn cipher(key: &Key) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key.bytes());
    Ok(LessSafeKey::new(key.map_err(|_| {
        io::Error::other("the cipher refuses its key")
    })?))
}

/// The name is authenticated, too: a value cannot be given another one's name.
fn seal(key: &Key, name: &str, value: &str) -> io::Result<String> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
    let mut bytes = value.as_bytes().to_vec();
    cipher(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name.as_bytes()),
            &mut bytes,
        )
        .map_err(|_| io::Error::other("the value cannot be sealed"))?;
    Ok(key::digits(&[&nonce[..], &bytes].concat()))
}

fn open(key: &Key, name: &str, sealed: &str) -> Option<Zeroizing<String>> {
    let bytes = key::from_digits(sealed)?;
    let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
    let mut rest = Zeroizing::new(rest.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let value = cipher(key)
        .ok()?
        .open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest)
        .ok()?;
    std::str::from_utf8(value)
        .ok()
        .map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> (PathBuf, SecretStore) {
        let folder =
            std::env::temp_dir().join(format!("atoll-secrets-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = SecretStore::new(&folder.join("state"), &folder.join("config/key"));
        (folder, store)
    }

    #[test]
    fn secrets_come_back_and_are_not_on_the_disk() {
        let (folder, store) = store("back");
        assert_eq!(store.get("TOKEN").expect("no secrets yet"), None);
        assert!(store.put("TOKEN", "s3cr3t value").expect("a key is made"));
        assert!(!store.put("OTHER", "x\ny").expect("the key is there"));
        assert_eq!(
            store
                .get("TOKEN")
                .expect("it opens")
                .as_deref()
                .map(String::as_str),
            Some("s3cr3t value")
        );
        let text = std::fs::read_to_string(folder.join("state/secrets.json")).expect("a file");
        assert!(!text.contains("s3cr3t") && text.contains("TOKEN"));
        let mode = |path: &str| std::fs::metadata(folder.join(path)).expect(path).mode() & 0o777;
        assert_eq!(
            (
                mode("state/secrets.json"),
                mode("config/key"),
                mode("config")
            ),
            (0o600, 0o600, 0o700)
        );
        store.put("TOKEN", "new").expect("it is replaced");
        assert_eq!(
            store
                .get("TOKEN")
                .expect("it opens")
                .as_deref()
                .map(String::as_str),
            Some("new")
        );
        assert!(
            store.delete("TOKEN").expect("it goes") && !store.delete("TOKEN").expect("it is gone")
        );
        let names: Vec<String> = store
            .list()
            .expect("a list")
            .into_iter()
            .map(|secret| secret.name)
            .collect();
        assert_eq!(names, ["OTHER"]);
        std::fs::remove_dir_all(folder).expect("to clean up");
    }

    #[test]
    fn what_is_wrong_with_a_key_or_a_file_is_said() {
        let (folder, store) = store("wrong");
        store.put("A", "1").expect("a key is made");
        store.put("B", "2").expect("the key is there");
        let (key, file) = (folder.join("config/key"), folder.join("state/secrets.json"));
        // One value under the name of another.
        let text = std::fs::read_to_string(&file).expect("a file");
        let mut sealed: Sealed = serde_json::from_str(&text).expect("JSON");
        let other = sealed.secrets["B"].clone();
        sealed.secrets.insert("A".to_owned(), other);
        std::fs::write(&file, serde_json::to_string(&sealed).expect("JSON")).expect("to write");
        assert!(matches!(store.get("A"), Err(Error::Damaged(name)) if name == "A"));
        assert!(store.get("B").is_ok());
        let good = std::fs::read_to_string(&key).expect("the key");
        std::fs::write(&key, "00".repeat(32)).expect("to write");
        assert!(matches!(store.get("B"), Err(Error::WrongKey(_))));
        assert!(matches!(store.put("C", "3"), Err(Error::WrongKey(_))));
        std::fs::write(&key, "no key").expect("to write");
        assert!(matches!(store.get("B"), Err(Error::NotAKey(_))));
        std::fs::write(&key, good).expect("to write");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&key, mode).expect("to open it");
        assert!(matches!(store.get("B"), Err(Error::KeyIsOpen(_, _))));
        std::fs::remove_file(&key).expect("to lose it");
        assert!(matches!(store.get("B"), Err(Error::NoKey(_))));
        assert!(matches!(store.put("C", "3"), Err(Error::NoKey(_))));
        std::fs::write(&file, "{").expect("to write");
        assert!(matches!(store.list(), Err(Error::File(_, _))));
        std::fs::remove_dir_all(folder).expect("to clean up");
    }
}
