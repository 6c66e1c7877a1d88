//! Files that were made and never written: the code of a client, before whatever else answers.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use host::{Body, FetchError, Fetcher, Request, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{Method, StatusCode};

use crate::assets::content_type;

struct File {
    content: Bytes,
    kind: HeaderValue,
    etag: HeaderValue,
}

/// Files in memory, each at a path of its own.
pub struct BuiltFiles {
    files: HashMap<String, File>,
    inner: Arc<dyn Fetcher>,
}

impl BuiltFiles {
    /// These files at the top of the site, and `inner` for everything else.
    pub fn new(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        inner: Arc<dyn Fetcher>,
    ) -> Self {
        let files = files.into_iter().map(|(name, content)| {
            let mut hash = DefaultHasher::new();
            hash.write(&content);
            let kind = content_type(&name).unwrap_or("application/octet-stream");
            let file = File {
                content: content.into(),
                kind: HeaderValue::from_static(kind),
                etag: HeaderValue::from_str(&format!("\"{:016x}\"", hash.finish()))
                    .expect("hexadecimal digits are visible ASCII"),
            };
            (format!("/{name}"), file)
        });
        Self {
            files: files.collect(),
            inner,
        }
    }
}

impl Fetcher for BuiltFiles {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(file) = self.files.get(request.uri().path()).filter(|_| reads) else {
            return self.inner.fetch(request);
        };
        let is_known = request.headers().get(IF_NONE_MATCH) == Some(&file.etag);
        let body = match is_known || *request.method() == Method::HEAD {
            true => Body::empty(),
            false => Body::full(file.content.clone()),
        };
        let mut response = Response::new(body);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, file.kind.clone());
        headers.insert(ETAG, file.etag.clone());
        let revalidate = HeaderValue::from_static("public, max-age=0, must-revalidate");
        headers.insert(CACHE_CONTROL, revalidate);
        Box::pin(std::future::ready(Ok(response)))
    }

    fn call(&self, call: host::MethodCall) {
        self.inner.call(call);
    }
}
