//! Brings archives into the cache: checked and unpacked as their bytes come, and kept only when they are what was promised.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

use crate::archive::{self, Fault};
use crate::cache::Cache;
use crate::error::Error;
use crate::integrity::{Algorithm, Hasher, Integrity};
use crate::limits::ArchiveLimits;
use crate::name;
use crate::pack::PackWriter;
use crate::progress::Fetching;
use crate::registry::{OFFLINE, Registry, blocking};
use crate::settings::Network;

/// Parts of an archive that wait to be unpacked.
const MAX_WAITING_PARTS: usize = 16;

/// An archive that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The package's name in the registry.
    pub(crate) package: String,
    pub(crate) version: String,
    /// Where it is; none for the place where registries have it.
    pub(crate) url: Option<String>,
    /// What it is; none when nobody tells.
    pub(crate) integrity: Option<Integrity>,
}

impl Archive {
    pub(crate) fn id(&self) -> String {
        format!("{}@{}", self.package, self.version)
    }
}

impl Registry {
    /// The checksum under which the cache has an archive, if it has it.
    pub(crate) fn cached(&self, archive: &Archive) -> Option<Integrity> {
        let integrity = match (&archive.integrity, &archive.url) {
            (Some(integrity), _) => integrity.clone(),
            (None, Some(url)) => self.cache.integrity_of_url(url)?,
            (None, None) => self.cache.integrity_of_url(&self.usual_url(archive))?,
        };
        self.cache.has_package(&integrity).then_some(integrity)
    }

    fn usual_url(&self, archive: &Archive) -> String {
        let (package, version) = (&archive.package, &archive.version);
        let registry = self.settings.registry_of(package);
        format!(
            "{registry}{package}/-/{}-{version}.tgz",
            name::unscoped(package)
        )
    }

    /// Downloads an archive into the cache.
    pub(crate) async fn download(
        &self,
        archive: &Archive,
        limits: &ArchiveLimits,
        fetching: &Fetching,
    ) -> Result<Integrity, Error> {
        if self.settings.network == Network::Offline {
            return Err(self.missing(&archive.id(), OFFLINE));
        }
        let permit = self.downloads.acquire().await;
        let url = archive
            .url
            .clone()
            .unwrap_or_else(|| self.usual_url(archive));
        let mut result = self.attempts(archive, &url, limits, fetching).await;
        if archive.url.is_none() && matches!(result, Err(Error::Status { status: 404, .. })) {
            // This registry has it in another place, which it tells.
            let manifest = self
                .packument(&archive.package)
                .await?
                .manifest(&archive.version)?;
            if let Some(url) = manifest.and_then(|manifest| manifest.tarball.clone()) {
                let url = self.settings.in_own_registry(&archive.package, &url);
                result = self.attempts(archive, &url, limits, fetching).await;
            }
        }
        drop(permit);
        let integrity = result.map_err(|error| self.unreachable(error, &archive.id()))?;
        if archive.integrity.is_none() {
            self.cache.keep_integrity_of_url(&url, &integrity)?;
        }
        fetching.came(0, 1);
        Ok(integrity)
    }

    /// Tries again when a connection breaks in the middle.
    async fn attempts(
        &self,
        archive: &Archive,
        url: &str,
        limits: &ArchiveLimits,
        fetching: &Fetching,
    ) -> Result<Integrity, Error> {
        let mut left = self.settings.retries;
        loop {
            match self.fetch(archive, url, limits, fetching).await {
                Err(Error::Network { message, .. }) if left > 0 => {
                    tracing::debug!(url, message, "downloading again");
                    left -= 1;
                }
                result => return result,
            }
        }
    }

    async fn fetch(
        &self,
        archive: &Archive,
        url: &str,
        limits: &ArchiveLimits,
        fetching: &Fetching,
    ) -> Result<Integrity, Error> {
        let http = self.http()?;
        let mut body = http.get(url, &[]).await?.into_body();
        let (sender, receiver) = mpsc::channel(MAX_WAITING_PARTS);
        let unpacking = {
            let (cache, archive, limits) = (self.cache.clone(), archive.clone(), limits.clone());
            blocking(move || unpack(&cache, &archive, receiver, &limits))
        };
        let feeding = async {
            loop {
                match http.chunk(&mut body).await {
                    Ok(Some(part)) => {
                        fetching.came(part.len(), 0);
                        if sender.send(Part::Bytes(part)).await.is_err() {
                            // It is refused; the other side says why.
                            return Ok(());
                        }
                    }
                    Ok(None) => {
                        // The other side may be gone for the same reason.
                        let _ = sender.send(Part::End).await;
                        return Ok(());
                    }
                    Err(error) => {
                        let _ = sender.send(Part::Broken).await;
                        return Err(error);
                    }
                }
            }
        };
        let (fed, unpacked) = tokio::join!(feeding, unpacking);
        fed?;
        unpacked
    }
}

enum Part {
    Bytes(Bytes),
    End,
    /// The connection broke.
    Broken,
}

/// The bytes of an archive as they come, with their checksum.
struct Feed {
    parts: mpsc::Receiver<Part>,
    part: Bytes,
    ended: bool,
    broken: bool,
    hasher: Hasher,
    count: Arc<AtomicU64>,
    most: u64,
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() && !self.ended {
            // Whoever fills the queue keeps it until this side is done: nothing more comes, and nobody says so.
            if self.broken {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            match self.parts.blocking_recv() {
                Some(Part::Bytes(part)) => {
                    self.hasher.update(&part);
                    let count = self.count.fetch_add(part.len() as u64, Ordering::Relaxed)
                        + part.len() as u64;
                    if count > self.most {
                        return Err(io::Error::other(format!(
                            "has more than {} bytes",
                            self.most
                        )));
                    }
                    self.part = part;
                }
                Some(Part::End) => self.ended = true,
                Some(Part::Broken) | None => {
                    self.broken = true;
                    return Err(io::Error::new(
                        io::ErrorKind::ConnectionReset,
                        "the connection broke",
                    ));
                }
            }
        }
        let length = buffer.len().min(self.part.len());
        buffer[..length].copy_from_slice(&self.part[..length]);
        self.part.advance(length);
        Ok(length)
    }
}

fn unpack(
    cache: &Cache,
    archive: &Archive,
    parts: mpsc::Receiver<Part>,
    limits: &ArchiveLimits,
) -> Result<Integrity, Error> {
    let (making, file) = cache.make()?;
    let count = Arc::new(AtomicU64::new(0));
    let algorithm = archive
        .integrity
        .as_ref()
        .map_or(Algorithm::Sha512, |integrity| integrity.algorithm);
    let mut feed = Feed {
        parts,
        part: Bytes::new(),
        ended: false,
        broken: false,
        hasher: Hasher::new(algorithm),
        count: count.clone(),
        most: limits.packed_bytes,
    };
    let mut pack = PackWriter::new(file);
    let packed = || count.load(Ordering::Relaxed);
    let unpacked = archive::unpack(&mut feed, &packed, limits, &mut pack);
    let unreadable = |message: String| Error::Archive {
        package: archive.id(),
        message,
    };
    // What follows the last file belongs to the checksum, and an archive that is not the right one is told as that.
    let drained = io::copy(&mut feed, &mut io::sink());
    if let Err(error) = drained {
        return Err(unreadable(error.to_string()));
    }
    let found = feed.hasher.finish();
    if let Some(expected) = archive
        .integrity
        .as_ref()
        .filter(|expected| **expected != found)
    {
        return Err(Error::Integrity {
            package: archive.id(),
            expected: Box::new(expected.clone()),
            found: Box::new(found),
        });
    }
    match unpacked {
        Ok(()) => {}
        Err(Fault::Archive(message)) => return Err(unreadable(message)),
        Err(Fault::Disk(error)) => return Err(Error::io("write", &making.path)(error)),
    }
    pack.finish().map_err(Error::io("write", &making.path))?;
    cache.keep_package(making, &found)?;
    Ok(found)
}
