//! What registries say about packages: from the cache as long as that holds, else from the network.

use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use flate2::read::GzDecoder;
use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use tokio::sync::{OnceCell, Semaphore};

use crate::cache::{Cache, Head};
use crate::error::Error;
use crate::http::Http;
use crate::limits::{MAX_DOWNLOADS, MAX_PACKUMENT_BYTES, MAX_PACKUMENT_REQUESTS};
use crate::packument::Packument;
use crate::settings::{Network, Settings};

/// Why nothing was asked for.
pub(crate) const OFFLINE: &str = "the registry was not asked, since this is offline";
/// The short form of a packument, or the long one where there is no other.
const SHORT_FORM: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// All registries that the settings name, and the cache before them.
pub(crate) struct Registry {
    pub(crate) settings: Arc<Settings>,
    pub(crate) cache: Arc<Cache>,
    http: OnceLock<Http>,
    packuments: Mutex<HashMap<String, Arc<OnceCell<Arc<Packument>>>>>,
    asks: Semaphore,
    /// Bytes of what was told so far, and how many there may be.
    told: AtomicU64,
    pub(crate) most_told: u64,
    pub(crate) downloads: Semaphore,
    /// Why the network cannot be used, once that is known: nobody wants to hear it from each package.
    down: OnceLock<String>,
    /// What could not be had.
    missing: Mutex<BTreeSet<String>>,
    /// What one should know.
    warnings: Mutex<BTreeSet<String>>,
}

impl Registry {
    pub(crate) fn new(settings: Arc<Settings>, cache: Arc<Cache>) -> Self {
        Self {
            settings,
            cache,
            http: OnceLock::new(),
            packuments: Mutex::default(),
            asks: Semaphore::new(MAX_PACKUMENT_REQUESTS),
            told: AtomicU64::new(0),
            most_told: u64::MAX,
            downloads: Semaphore::new(MAX_DOWNLOADS),
            down: OnceLock::new(),
            missing: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// The client, which is made when it is first needed: trust takes time to load.
    pub(crate) fn http(&self) -> Result<&Http, Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Http::new(self.settings.clone())?;
        Ok(self.http.get_or_init(|| http))
    }

    /// Forgets what was said in this process, so that it is asked for again when its time is over.
    pub(crate) fn forget(&self) {
        self.packuments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(crate) fn take_warnings(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the registry says about a package.
    pub(crate) async fn packument(&self, package: &str) -> Result<Arc<Packument>, Error> {
        let cell = self
            .packuments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(package.to_owned())
            .or_default()
            .clone();
        cell.get_or_try_init(|| self.load(package)).await.cloned()
    }

    async fn load(&self, package: &str) -> Result<Arc<Packument>, Error> {
        let registry = self.settings.registry_of(package);
        let url = format!("{registry}{}", package.replace('/', "%2f"));
        let key = self.key(&url);
        let cached = {
            let (cache, key) = (self.cache.clone(), key.clone());
            blocking(move || cache.packument(&key)).await
        };
        let enough = match (&cached, self.settings.network) {
            (Some(_), Network::PreferOffline | Network::Offline) => true,
            (Some((head, _)), Network::Online) => head.is_fresh(),
            (None, Network::Offline) => return Err(self.missing(package, OFFLINE)),
            (None, _) => false,
        };
        let body = match cached {
            Some((_, body)) if enough => body,
            cached => {
                let permit = self.asks.acquire().await;
                let asked = match self.down.get() {
                    Some(cause) => Err(Error::Network {
                        url: url.clone(),
                        message: cause.clone(),
                    }),
                    None => self.ask(&url, &key, cached.as_ref()).await,
                };
                drop(permit);
                match (asked, cached) {
                    (Ok(Some(body)), _) | (Ok(None), Some((_, body))) => body,
                    (Ok(None), None) => {
                        return Err(self.missing(package, "the registry says that nothing changed"));
                    }
                    (
                        Err(Error::Status {
                            status: 404 | 410, ..
                        }),
                        _,
                    ) => {
                        return Err(Error::NoPackage {
                            name: package.to_owned(),
                            registry: registry.to_owned(),
                        });
                    }
                    (Err(error), cached) => {
                        let passing = matches!(
                            error,
                            Error::Network { .. }
                                | Error::Status {
                                    status: 429 | 500..,
                                    ..
                                }
                        );
                        match cached {
                            Some((_, body)) if passing => {
                                if let Error::Network { url, message } = &error {
                                    // Nobody waits for it a second time.
                                    self.down.get_or_init(|| unreached(url, message));
                                }
                                self.warn(format!(
                                    "{registry} cannot be asked; used what the cache knew"
                                ));
                                body
                            }
                            _ => return Err(self.unreachable(error, package)),
                        }
                    }
                }
            }
        };
        let told = self.told.fetch_add(body.len() as u64, Ordering::Relaxed) + body.len() as u64;
        if told > self.most_told {
            return Err(Error::limit(
                "what registries say about all packages",
                self.most_told,
                "bytes",
            ));
        }
        let name = package.to_owned();
        let packument = blocking(move || Packument::parse(&name, body)).await?;
        Ok(Arc::new(packument))
    }

    /// Where the cache keeps what an address said. What was said to somebody with credentials is for those with credentials.
    fn key(&self, url: &str) -> String {
        let uri = url.parse().ok();
        match uri.and_then(|uri| self.settings.authorization_for(&uri).map(drop)) {
            Some(()) => format!("{url} with credentials"),
            None => url.to_owned(),
        }
    }

    fn warn(&self, text: String) {
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(text);
    }

    /// What a failure means for somebody who wants a package.
    pub(crate) fn unreachable(&self, error: Error, wanted: &str) -> Error {
        match error {
            Error::Network { url, message } => {
                let cause = self.down.get_or_init(|| unreached(&url, &message));
                self.missing(wanted, cause)
            }
            Error::Status {
                url,
                status,
                message,
            } if status >= 500 || status == 429 => {
                let detail = if message.is_empty() {
                    String::new()
                } else {
                    format!(": {message}")
                };
                self.missing(wanted, &format!("{url} answers {status}{detail}"))
            }
            other => other,
        }
    }

    pub(crate) fn missing(&self, wanted: &str, cause: &str) -> Error {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.insert(wanted.to_owned());
        let mut looked = vec![format!("the cache in {}", self.cache.folder().display())];
        if cause != OFFLINE {
            looked.push(self.settings.registry_of(wanted).to_owned());
        }
        Error::Missing {
            missing: missing.iter().cloned().collect(),
            looked,
            cause: cause.to_owned(),
        }
    }

    /// Asks a registry; nothing when what the cache has is still so.
    async fn ask(
        &self,
        url: &str,
        key: &str,
        cached: Option<&(Head, Vec<u8>)>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut headers: Vec<(HeaderName, HeaderValue)> = vec![
            (ACCEPT, HeaderValue::from_static(SHORT_FORM)),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
        ];
        if let Some((head, _)) = cached {
            for (name, value) in [
                (IF_NONE_MATCH, &head.etag),
                (IF_MODIFIED_SINCE, &head.last_modified),
            ] {
                if let Some(value) = value
                    .as_ref()
                    .and_then(|value| HeaderValue::from_str(value).ok())
                {
                    headers.push((name, value));
                }
            }
        }
        let http = self.http()?;
        let response = http.get(url, &headers).await?;
        let unchanged = response.status() == StatusCode::NOT_MODIFIED;
        let text = |headers: &HeaderMap, name: HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let fields = response.headers();
        let (mut etag, mut modified) = (text(fields, ETAG), text(fields, LAST_MODIFIED));
        let max_age_s = max_age(&text(fields, CACHE_CONTROL).unwrap_or_default());
        let packed = text(fields, CONTENT_ENCODING)
            .is_some_and(|coding| coding == "gzip" || coding == "x-gzip");
        if unchanged && let Some((head, _)) = cached {
            etag = etag.or_else(|| head.etag.clone());
            modified = modified.or_else(|| head.last_modified.clone());
        }
        let head = Head::new(key, etag, modified, max_age_s);
        if unchanged {
            if let Some((_, body)) = cached {
                self.cache.keep_packument(head, body)?;
            }
            return Ok(None);
        }
        let most = MAX_PACKUMENT_BYTES.min(self.most_told);
        let bytes = http.read(response, most, url).await?;
        let (cache, url) = (self.cache.clone(), url.to_owned());
        blocking(move || {
            let body = if packed {
                unzip(&bytes, &url, most)?
            } else {
                bytes
            };
            cache.keep_packument(head, &body)?;
            Ok(Some(body))
        })
        .await
    }
}

fn unreached(url: &str, message: &str) -> String {
    format!("{url} cannot be reached: {message}")
}

/// How many seconds an answer holds.
fn max_age(cache_control: &str) -> u64 {
    let mut age = 0;
    for part in cache_control.split(',').map(str::trim) {
        if matches!(part, "no-cache" | "no-store") {
            return 0;
        }
        if let Some(seconds) = part.strip_prefix("max-age=") {
            age = seconds.trim_matches('"').parse().unwrap_or_default();
        }
    }
    age
}

fn unzip(bytes: &[u8], what: &str, most: u64) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    GzDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut body)
        .map_err(|error| Error::Network {
            url: what.to_owned(),
            message: error.to_string(),
        })?;
    if body.len() as u64 > most {
        return Err(Error::limit(what, most, "bytes"));
    }
    Ok(body)
}

/// Does on a thread of its own what takes long.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => gone_on_with(error).await,
    }
}

/// Panics go on where the work was awaited. What a runtime that ends has not begun gives nothing any more, and
/// whoever waits for it is about to be dropped.
pub(crate) async fn gone_on_with<T>(error: tokio::task::JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => std::future::pending().await,
    }
}
