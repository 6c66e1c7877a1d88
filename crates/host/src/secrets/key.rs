//! The key that secrets are sealed with: 64 hexadecimal digits in a file that nobody else can read.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use super::Error;

const KEY_BYTES: usize = 32;

/// A key.
pub struct Key(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    /// Reads one.
    ///
    /// # Errors
    /// When it is not there, others can read it, or it is none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::NoKey(path.to_owned()),
            _ => Error::KeyFile(path.to_owned(), error),
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode();
        if mode & 0o077 != 0 {
            return Err(Error::KeyIsOpen(path.to_owned(), mode));
        }
        let text = Zeroizing::new(io::read_to_string(file).map_err(failed)?);
        let bytes = from_digits(text.trim()).map(Zeroizing::new);
        match bytes.filter(|bytes| bytes.len() == KEY_BYTES) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(Error::NotAKey(path.to_owned())),
        }
    }

    /// Reads one, or makes it where there is none. Says whether it did.
    ///
    /// # Errors
    /// As [`Self::read`], and when it cannot be made.
    pub fn read_or_make(path: &Path) -> Result<(Self, bool), Error> {
        match Self::read(path) {
            Ok(key) => Ok((key, false)),
            Err(Error::NoKey(_)) => match make(path) {
                Ok(key) => Ok((key, true)),
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Ok((Self::read(path)?, false))
                }
                Err(error) => Err(Error::KeyFile(path.to_owned(), error)),
            },
            Err(error) => Err(error),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells keys apart, and says nothing else about them.
    pub(super) fn fingerprint(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"atoll key\0");
        context.update(&self.0);
        digits(&context.finish().as_ref()[..8])
    }
}

fn make(path: &Path) -> io::Result<Key> {
    let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    if let Some(folder) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(Zeroizing::new(format!("{}\n", digits(&bytes))).as_bytes())?;
    file.sync_all()?;
    Ok(Key(bytes))
}

pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_digits(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let text = std::str::from_utf8(pair)
                .ok()
                .filter(|text| text.len() == 2)?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect()
}
