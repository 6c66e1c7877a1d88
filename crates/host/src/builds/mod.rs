//! Building programs for isolates: what stands behind `@cloudflare/worker-bundler`.
//!
//! The host reads of a request only which packages it wants. The rest goes, as it is, to a jailed process that is made
//! for this one build, and its reply goes back as it is. Results are kept by what they were made of.

mod kept;
mod pool;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use protocol::limits::{
    MAX_BUILD_BYTES, MAX_BUILD_DEPENDENCIES, MAX_BUILD_FILES, MAX_BUILD_MEMORY_BYTES, MAX_BUILD_MS,
    MAX_INSTALL_MS, MAX_INSTALLS, MAX_WAITING_BUILDS,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::body::Body;
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::figures::BuildCounts;
use kept::Kept;
use pool::Pool;

/// Packages that a program wants.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Names with ranges, tags or versions.
    pub dependencies: BTreeMap<String, String>,
    /// The registry that the program names. It is untrusted: whether to ask it is for the one who is asked to decide.
    pub registry: Option<String>,
}

/// The packages that there are for a program.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// `name@version` of each.
    pub packages: Vec<String>,
    /// Which they are, by their checksums: the same text means the same files.
    pub identity: String,
    /// All files, by paths like `node_modules/name/index.js`.
    pub files: Vec<(String, Bytes)>,
    /// What is missing, and why.
    pub warnings: Vec<String>,
}

/// Where packages come from. What asks has no network for it: this is the host's own.
pub trait Packages: Send + Sync + 'static {
    /// Finds packages and all that they depend on.
    fn install(
        &self,
        wanted: Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<Installed>, String>> + Send + '_>>;
}

/// How programs are built.
#[derive(Clone)]
pub struct Building {
    /// Where their packages come from. Without it there are none but those that they bring.
    pub packages: Option<Arc<dyn Packages>>,
    /// How long one build may take.
    pub time: Duration,
    /// Memory that one build may use.
    pub memory_bytes: u64,
}

impl Default for Building {
    fn default() -> Self {
        Self {
            packages: None,
            time: Duration::from_millis(u64::from(MAX_BUILD_MS)),
            memory_bytes: MAX_BUILD_MEMORY_BYTES,
        }
    }
}

/// What builds programs.
pub(crate) struct Builds {
    pool: Pool,
    kept: Kept,
    /// Builds at a time: there is nothing to gain from more than there are cores.
    turns: Semaphore,
    /// Sets of packages that are looked for at a time.
    installs: Semaphore,
    waiting: AtomicUsize,
    packages: Option<Arc<dyn Packages>>,
    counts: Arc<BuildCounts>,
}

/// One that waits, until it does not any more.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the host reads of a request.
#[derive(Default, Deserialize)]
struct Header {
    #[serde(default)]
    install: Option<Wanted>,
}

#[derive(Serialize)]
struct PackagesHeader<'a> {
    files: Vec<(&'a str, usize)>,
    installed: &'a [String],
    warnings: &'a [String],
}

impl Builds {
    pub(crate) fn new(zygote: jail::Forker, building: Building, counts: Arc<BuildCounts>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            packages: building.packages.clone(),
            pool: Pool::new(zygote, building),
            kept: Kept::default(),
            turns: Semaphore::new(cores),
            installs: Semaphore::new(MAX_INSTALLS),
            waiting: AtomicUsize::new(0),
            counts,
        }
    }

    async fn answer(&self, request: Request) -> Result<Bytes, String> {
        let installs_only = request.uri().path() == "/install";
        let body = Limited::new(request.into_body(), MAX_BUILD_BYTES);
        let body = body
            .collect()
            .await
            .map_err(|_| {
                format!("The files of a build may have {MAX_BUILD_BYTES} bytes together, no more.")
            })?
            .to_bytes();
        let header = header(&body)?;
        let installed = match header.install {
            Some(wanted) => self.install(wanted).await?,
            None => Arc::default(),
        };
        if installs_only {
            return Ok(encode_packages(&installed, |_| true));
        }
        let key = key(&body, &installed);
        if let Some(reply) = self.kept.get(&key) {
            return Ok(reply);
        }
        let _turn = self.turn(&self.turns).await?;
        let packages = match installed.files.is_empty() {
            true => Bytes::new(),
            false => encode_packages(&installed, is_needed),
        };
        let counted = self.counts.begin();
        let reply = self.pool.build(&body, &packages).await?;
        counted.done();
        let reply = with_warnings(reply, &installed.warnings);
        self.kept.put(key, reply.clone());
        Ok(reply)
    }

    /// Waits for a turn, unless too many do already.
    async fn turn<'a>(&self, turns: &'a Semaphore) -> Result<SemaphorePermit<'a>, String> {
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING_BUILDS {
            return Err("Too many builds are waiting for their turn.".to_owned());
        }
        turns.acquire().await.map_err(|error| error.to_string())
    }

    async fn install(&self, wanted: Wanted) -> Result<Arc<Installed>, String> {
        let count = wanted.dependencies.len();
        if count > MAX_BUILD_DEPENDENCIES {
            return Err(format!(
                "The program wants {count} packages, which is more than {MAX_BUILD_DEPENDENCIES}."
            ));
        }
        let Some(packages) = &self.packages else {
            let names: Vec<String> = wanted.dependencies.into_keys().collect();
            return Ok(Arc::new(Installed {
                warnings: names
                    .iter()
                    .map(|name| format!("Failed to install {name}: this host installs no packages"))
                    .collect(),
                ..Installed::default()
            }));
        };
        let _turn = self.turn(&self.installs).await?;
        let time = Duration::from_millis(u64::from(MAX_INSTALL_MS));
        let installed = tokio::time::timeout(time, packages.install(wanted)).await;
        let installed = installed
            .map_err(|_| format!("Finding the packages took more than {MAX_INSTALL_MS} ms."))??;
        let bytes: usize = installed.files.iter().map(|(_, bytes)| bytes.len()).sum();
        if bytes > MAX_BUILD_BYTES || installed.files.len() > MAX_BUILD_FILES {
            return Err(format!(
                "The packages have {} files of {bytes} bytes together, which is more than {MAX_BUILD_FILES} files or \
                 {MAX_BUILD_BYTES} bytes.",
                installed.files.len()
            ));
        }
        Ok(installed)
    }
}

/// The JSON at the start of a request.
fn header(body: &[u8]) -> Result<Header, String> {
    let wrong = || "The build request is not whole.".to_owned();
    let (length, rest) = body.split_first_chunk().ok_or_else(wrong)?;
    let header = rest.get(..u32::from_le_bytes(*length) as usize);
    serde_json::from_slice(header.ok_or_else(wrong)?)
        .map_err(|error| format!("The build request cannot be read: {error}"))
}

/// What the result of a build depends on: the request, and which packages there are.
fn key(body: &[u8], installed: &Installed) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((body.len() as u64).to_le_bytes());
    hash.update(body);
    for text in installed.warnings.iter().chain([&installed.identity]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// Whether a file can be part of a program.
fn is_needed(path: &str) -> bool {
    let ends = [
        ".d.ts",
        ".d.mts",
        ".d.cts",
        ".map",
        ".md",
        ".markdown",
        ".flow",
        ".node",
    ];
    !ends.iter().any(|end| path.ends_with(end))
}

fn encode_packages(installed: &Installed, wanted: impl Fn(&str) -> bool) -> Bytes {
    let files = || {
        let files = installed.files.iter();
        files.filter(|(path, _)| wanted(path))
    };
    let header = PackagesHeader {
        files: files()
            .map(|(path, content)| (path.as_str(), content.len()))
            .collect(),
        installed: &installed.packages,
        warnings: &installed.warnings,
    };
    let header = serde_json::to_vec(&header).expect("names and numbers always have a JSON form");
    framed(&header, files().map(|(_, content)| content.as_ref()))
}

/// A length, that many bytes of JSON, and contents.
fn framed<'a>(header: &[u8], contents: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    for content in contents {
        bytes.extend_from_slice(content);
    }
    bytes.into()
}

/// The reply with what installing had to say, in front of the builder's own header: a reader adds both up.
fn with_warnings(reply: Bytes, warnings: &[String]) -> Bytes {
    let header = serde_json::to_vec(warnings).expect("texts always have a JSON form");
    framed(&header, std::iter::once(reply.as_ref()))
}

impl Fetcher for Builds {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let (status, body) = match self.answer(request).await {
                Ok(reply) => (StatusCode::OK, reply),
                Err(text) => (StatusCode::UNPROCESSABLE_ENTITY, text.into()),
            };
            let mut response = Response::new(Body::full(body));
            *response.status_mut() = status;
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &[u8]) -> Result<Vec<String>, String> {
        let wanted = header(body)?.install.unwrap_or_default();
        Ok(wanted.dependencies.into_keys().collect())
    }

    #[test]
    fn requests_that_lie_are_refused() {
        let whole = framed(
            br#"{"install":{"dependencies":{"a":"1"}},"files":7}"#,
            std::iter::empty(),
        );
        assert_eq!(names(&whole).unwrap(), ["a"]);
        assert!(
            names(&framed(b"{}", std::iter::empty()))
                .unwrap()
                .is_empty()
        );
        for end in 0..whole.len() {
            assert_eq!(
                names(&whole[..end]).unwrap_err(),
                "The build request is not whole."
            );
        }
        let mut longer = whole.to_vec();
        longer[3] = 0xff;
        assert_eq!(
            names(&longer).unwrap_err(),
            "The build request is not whole."
        );
        for text in [
            "7",
            r#"{"install":{"dependencies":["a"]}}"#,
            r#"{"install":{"dependencies":{"a":1}}}"#,
            r#"{"install":{"registry":{}}}"#,
        ] {
            let body = framed(text.as_bytes(), std::iter::empty());
            let error = names(&body).unwrap_err();
            assert!(
                error.starts_with("The build request cannot be read: "),
                "{text}: {error}"
            );
        }
        let deep = "[".repeat(1 << 20);
        assert!(names(&framed(deep.as_bytes(), std::iter::empty())).is_err());
    }
}
