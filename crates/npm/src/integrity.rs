//! Checksums as package registries write them (W3C Subresource Integrity).

use std::fmt;

use base64ct::{Base64, Encoding as _};
use sha1::Digest as _;

/// Which function a checksum was made with, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The checksum of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Integrity {
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Vec<u8>,
}

impl Integrity {
    /// The strongest checksum in a text such as `sha512-… sha1-…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split_ascii_whitespace()
            .filter_map(|part| {
                let (name, rest) = part.split_once('-')?;
                let algorithm = match name {
                    "sha1" => Algorithm::Sha1,
                    "sha256" => Algorithm::Sha256,
                    "sha384" => Algorithm::Sha384,
                    "sha512" => Algorithm::Sha512,
                    _ => return None,
                };
                let digest = Base64::decode_vec(rest.split('?').next()?).ok()?;
                (digest.len() == algorithm.bytes()).then_some(Self { algorithm, digest })
            })
            .max_by_key(|integrity| integrity.algorithm)
    }

    /// The checksum of an old packument's `shasum`.
    pub(crate) fn of_shasum(hexadecimal: &str) -> Option<Self> {
        let digest: Option<Vec<u8>> = hexadecimal
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let digest = digest.filter(|digest| digest.len() == 20)?;
        Some(Self {
            algorithm: Algorithm::Sha1,
            digest,
        })
    }

    /// The digest in hexadecimal.
    pub(crate) fn hex(&self) -> String {
        hex(&self.digest)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            self.algorithm.name(),
            Base64::encode_string(&self.digest)
        )
    }
}

/// Makes a checksum of bytes as they come.
pub(crate) enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Integrity {
        let (algorithm, digest) = match self {
            Self::Sha1(hasher) => (Algorithm::Sha1, hasher.finalize().to_vec()),
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Self::Sha384(hasher) => (Algorithm::Sha384, hasher.finalize().to_vec()),
            Self::Sha512(hasher) => (Algorithm::Sha512, hasher.finalize().to_vec()),
        };
        Integrity { algorithm, digest }
    }
}

/// The SHA-256 of a text, which names entries of the cache.
pub(crate) fn key(text: &str) -> String {
    hex(&sha2::Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_checksum_counts() {
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update(b"abc");
        let strong = hasher.finish();
        let text = format!("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= {strong}");
        assert_eq!(Integrity::parse(&text).unwrap(), strong);
        assert_eq!(
            Integrity::of_shasum("a9993e364706816aba3e25717850c26c9cd0d89d")
                .unwrap()
                .to_string(),
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
        );
        for nothing in ["", "sha512-", "sha512-AAAA", "md5-AAAA", "sha1-%%%"] {
            assert_eq!(Integrity::parse(nothing), None, "{nothing}");
        }
    }
}
