//! The Cache API: responses in memory, bounded, for as long as they say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{
    AGE, CACHE_CONTROL, ETAG, EXPIRES, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, RANGE, SET_COOKIE, VARY,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;

use crate::body::Body;
use crate::fetcher::{Request, Response};

/// The longest response that is kept, in bytes (Workers: 512 MB; this is memory).
pub(crate) const MAX_ENTRY_BYTES: usize = 32 * 1024 * 1024;
/// All that is kept, in bytes. Beyond it the least recently used goes.
pub(crate) const MAX_TOTAL_BYTES: usize = 256 * 1024 * 1024;
/// The most responses that are kept.
pub(crate) const MAX_ENTRIES: usize = 10_000;

/// Responses by cache name and URL.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Store>);

#[derive(Debug, Default)]
struct Store {
    entries: HashMap<(String, String), Entry>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    stored: Instant,
    expires: Instant,
    used: u64,
}

impl Store {
    fn remove(&mut self, key: &(String, String)) -> bool {
        match self.entries.remove(key) {
            Some(entry) => {
                self.bytes -= entry.body.len();
                true
            }
            None => false,
        }
    }

    fn make_room(&mut self, bytes: usize) {
        while !self.entries.is_empty()
            && (self.bytes + bytes > MAX_TOTAL_BYTES || self.entries.len() >= MAX_ENTRIES)
        {
            let Some(oldest) = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| key.clone())
            else {
                return;
            };
            self.remove(&oldest);
        }
    }
}

fn key(cache: Option<&str>, request: &Request) -> (String, String) {
    (cache.unwrap_or("").to_owned(), request.uri().to_string())
}

impl Cache {
    /// What is kept for a request, if it is fresh.
    pub(crate) fn find(
        &self,
        cache: Option<&str>,
        request: &Request,
        ignore_method: bool,
    ) -> Option<Response> {
        if request.method() != Method::GET && !ignore_method {
            return None;
        }
        let key = key(cache, request);
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.clock += 1;
        let clock = store.clock;
        let now = Instant::now();
        if store
            .entries
            .get(&key)
            .is_some_and(|entry| entry.expires <= now)
        {
            store.remove(&key);
        }
        let entry = store.entries.get_mut(&key)?;
        entry.used = clock;
        let mut headers = entry.headers.clone();
        headers.insert(
            AGE,
            HeaderValue::from(now.duration_since(entry.stored).as_secs()),
        );
        headers.insert("cf-cache-status", HeaderValue::from_static("HIT"));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = entry.status;
        if is_unchanged(request.headers(), &entry.headers) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if let Some(range) = request
            .headers()
            .get(RANGE)
            .and_then(|range| byte_range(range, entry.body.len()))
        {
            let total = entry.body.len();
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let text = format!("bytes {}-{}/{total}", range.start, range.end - 1);
            headers.insert(
                "content-range",
                HeaderValue::from_str(&text).expect("digits are a header value"),
            );
            headers.insert("content-length", HeaderValue::from(range.len()));
            *response.body_mut() = Body::full(entry.body.slice(range));
        } else {
            *response.body_mut() = Body::full(entry.body.clone());
        }
        *response.headers_mut() = headers;
        Some(response)
    }

    /// Keeps a response, if it may be kept.
    pub(crate) async fn put(
        &self,
        cache: Option<&str>,
        url: &str,
        response: Response,
    ) -> Result<(), String> {
        let key = (cache.unwrap_or("").to_owned(), url.to_owned());
        let (parts, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| error.0)?;
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > MAX_ENTRY_BYTES {
                    return Err(format!(
                        "Response is too long for the cache: more than {MAX_ENTRY_BYTES} bytes."
                    ));
                }
                bytes.extend_from_slice(data);
            }
        }
        let Some(fresh) = freshness(&parts.headers) else {
            return Ok(());
        };
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.remove(&key);
        store.make_room(bytes.len());
        store.clock += 1;
        store.bytes += bytes.len();
        let now = Instant::now();
        let entry = Entry {
            status: parts.status,
            headers: parts.headers,
            body: bytes.freeze(),
            stored: now,
            expires: now + fresh,
            used: store.clock,
        };
        store.entries.insert(key, entry);
        Ok(())
    }

    /// Forgets what is kept for a request. Says whether there was something.
    pub(crate) fn delete(
        &self,
        cache: Option<&str>,
        request: &Request,
        ignore_method: bool,
    ) -> bool {
        (request.method() == Method::GET || ignore_method)
            && self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key(cache, request))
    }
}

/// How long a response may be kept; `None` when it may not (RFC 9111, section 4.2.1, for a shared cache).
fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let directives: Vec<String> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    let has = |name: &str| directives.iter().any(|directive| directive == name);
    let seconds = |name: &str| {
        directives.iter().find_map(|directive| {
            directive
                .strip_prefix(name)?
                .strip_prefix('=')?
                .trim_matches('"')
                .parse::<u64>()
                .ok()
        })
    };
    if has("no-store") || has("no-cache") || has("private") {
        return None;
    }
    if headers.contains_key(SET_COOKIE)
        && !directives
            .iter()
            .any(|directive| directive.starts_with("private="))
    {
        return None;
    }
    if headers
        .get_all(VARY)
        .iter()
        .any(|value| value.as_bytes().contains(&b'*'))
    {
        return None;
    }
    let fresh = if let Some(seconds) = seconds("s-maxage").or_else(|| seconds("max-age")) {
        Duration::from_secs(seconds)
    } else if let Some(expires) = headers.get(EXPIRES) {
        let at = expires.to_str().ok().and_then(parse_http_date)?;
        at.duration_since(SystemTime::now()).ok()?
    } else {
        // Nothing said: as long as Workers keep a successful response by default.
        Duration::from_secs(2 * 60 * 60)
    };
    (!fresh.is_zero()).then_some(fresh.min(Duration::from_secs(365 * 24 * 60 * 60)))
}

fn is_unchanged(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if let Some(asked) = request
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
    {
        let Some(etag) = stored.get(ETAG).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        return asked
            .split(',')
            .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag));
    }
    let date = |headers: &HeaderMap, name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| parse_http_date(value.to_str().ok()?))
    };
    match (
        date(request, IF_MODIFIED_SINCE),
        date(stored, LAST_MODIFIED),
    ) {
        (Some(asked), Some(modified)) => modified <= asked,
        _ => false,
    }
}

/// A single range of `bytes=…`, within a body of `length` bytes.
fn byte_range(value: &HeaderValue, length: usize) -> Option<std::ops::Range<usize>> {
    let spec = value.to_str().ok()?.trim().strip_prefix("bytes=")?;
    let (first, last) = spec.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => length.saturating_sub(suffix.parse().ok()?)..length,
        (first, "") => first.parse().ok()?..length,
        (first, last) => {
            first.parse().ok()?..last.parse::<usize>().ok()?.saturating_add(1).min(length)
        }
    };
    (range.start < range.end).then_some(range)
}

/// The preferred form of dates in HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}
