//! From a request to the response that a file gives.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use host::{Body, BodyError, FetchError, Fetcher, Request, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::pattern::Place;
use super::redirects_file::Redirect;
use super::resolve::{Resolved, resolve};
use super::{Assets, NotFoundHandling, content_type};

/// Files up to this size are read at once, larger ones piece by piece.
const PIECE_BYTES: usize = 64 * 1024;

const CACHE_CONTROL: &str = "public, max-age=0, must-revalidate";

/// What there is for a request.
pub(crate) enum Answer {
    /// Nothing: a worker may answer.
    Nothing,
    /// This.
    Response(Response),
}

impl Assets {
    /// What the files have for a request. `not_found` says what to do when there is no file.
    pub(crate) async fn answer(
        &self,
        head: &http::request::Parts,
        not_found: NotFoundHandling,
    ) -> Answer {
        let host = head
            .uri
            .authority()
            .map_or("", |authority| authority.as_str());
        let place = Place::new(host, head.uri.path());
        match self.find(head, &place, not_found).await {
            Some(mut response) => {
                self.headers.apply(&place, response.headers_mut());
                Answer::Response(response)
            }
            None => Answer::Nothing,
        }
    }

    /// How the configuration wants missing files to be answered.
    pub(crate) fn not_found_handling(&self) -> NotFoundHandling {
        self.not_found_handling
    }

    /// The answer of last resort.
    pub(crate) fn nothing(&self, uri: &Uri) -> Response {
        let mut response = empty(StatusCode::NOT_FOUND);
        let host = uri.authority().map_or("", |authority| authority.as_str());
        self.headers
            .apply(&Place::new(host, uri.path()), response.headers_mut());
        response
    }

    async fn find(
        &self,
        head: &http::request::Parts,
        place: &Place,
        not_found: NotFoundHandling,
    ) -> Option<Response> {
        let query = head
            .uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let (path, rewritten) = match self.redirects.find(place, &query) {
            Some(Redirect::Location(status, to)) => return Some(redirect(status, &to)),
            Some(Redirect::Rewrite(to)) => (to, true),
            None => (head.uri.path().to_owned(), false),
        };
        let decoded = decode(&path);
        let resolved = match &decoded {
            Some(decoded) => self.resolve(decoded, not_found).await,
            None => Resolved::Nothing,
        };
        let readable = matches!(head.method, Method::GET | Method::HEAD);
        match resolved {
            Resolved::Nothing if rewritten => Some(empty(StatusCode::NOT_FOUND)),
            Resolved::Nothing => None,
            _ if !readable => Some(method_not_allowed()),
            Resolved::Redirect(to) => Some(redirect(
                StatusCode::TEMPORARY_REDIRECT,
                &format!("{}{query}", encode(&to)),
            )),
            Resolved::File {
                path: file,
                real,
                not_found,
            } => {
                let canonical = encode(&decoded.unwrap_or_default());
                if canonical != path {
                    let to = format!("{canonical}{query}");
                    return Some(redirect(StatusCode::TEMPORARY_REDIRECT, &to));
                }
                Some(serve(file, real, not_found, head).await)
            }
        }
    }

    async fn resolve(&self, path: &str, not_found: NotFoundHandling) -> Resolved {
        if !self.tree.is_fresh() {
            return resolve(&self.tree, path, self.html_handling, not_found);
        }
        let (tree, path, html) = (Arc::clone(&self.tree), path.to_owned(), self.html_handling);
        tokio::task::spawn_blocking(move || resolve(&tree, &path, html, not_found))
            .await
            .unwrap_or(Resolved::Nothing)
    }
}

/// The files alone, as the `ASSETS` binding gives them.
impl Fetcher for Assets {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let (head, _) = request.into_parts();
            Ok(match self.answer(&head, self.not_found_handling).await {
                Answer::Response(response) => response,
                Answer::Nothing => self.nothing(&head.uri),
            })
        })
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn method_not_allowed() -> Response {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn redirect(status: StatusCode, to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => {
            let mut response = empty(status);
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => empty(StatusCode::NOT_FOUND),
    }
}

async fn serve(
    path: String,
    real: PathBuf,
    not_found: bool,
    head: &http::request::Parts,
) -> Response {
    let Ok(Ok(opened)) = tokio::task::spawn_blocking(move || Opened::new(&real)).await else {
        // It went away between the look and the opening.
        return empty(StatusCode::NOT_FOUND);
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, opened.etag.clone());
    if let Some(content_type) = content_type(&path) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if !head.headers.contains_key(header::AUTHORIZATION)
        && !head.headers.contains_key(header::RANGE)
    {
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(CACHE_CONTROL),
        );
    }
    let (status, body) = if is_known(&head.headers, &opened.etag) {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        let status = if not_found {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        };
        (status, opened.into_body())
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Whether the client has this version. Any comparison of validators may be weak here (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        known
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == etag)
    })
}

/// A file, and its first piece.
struct Opened {
    file: File,
    length: u64,
    etag: HeaderValue,
    first: Bytes,
}

impl Opened {
    fn new(path: &PathBuf) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        let modified = metadata
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let etag = HeaderValue::from_str(&format!("\"{:x}-{length:x}\"", modified.as_nanos()))
            .expect("hexadecimal digits are visible ASCII");
        let first = read_piece(&mut file, length)?;
        Ok(Self {
            file,
            length,
            etag,
            first,
        })
    }

    fn into_body(self) -> Body {
        if self.first.len() as u64 == self.length {
            return Body::full(self.first);
        }
        Body::wrap(FileBody {
            left: self.length,
            state: State::Ready(self.file, self.first),
        })
    }
}

fn read_piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
    let mut piece = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match file.read(&mut piece[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    piece.truncate(filled);
    Ok(piece.into())
}

/// A large file, one piece in memory at a time.
struct FileBody {
    left: u64,
    state: State,
}

enum State {
    Ready(File, Bytes),
    Reading(JoinHandle<io::Result<(File, Bytes)>>),
    Done,
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (mut file, piece) = match std::mem::replace(&mut self.state, State::Done) {
            State::Done => return Poll::Ready(None),
            State::Ready(file, piece) => (file, piece),
            State::Reading(mut reading) => {
                let Poll::Ready(result) = Pin::new(&mut reading).poll(context) else {
                    self.state = State::Reading(reading);
                    return Poll::Pending;
                };
                match result.unwrap_or_else(|error| Err(io::Error::other(error))) {
                    Ok(read) => read,
                    Err(error) => return Poll::Ready(Some(Err(BodyError(error.to_string())))),
                }
            }
        };
        if piece.is_empty() {
            let error = BodyError("the file became shorter while it was sent".to_owned());
            return Poll::Ready(Some(Err(error)));
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        let left = self.left;
        if left > 0 {
            self.state = State::Reading(tokio::task::spawn_blocking(move || {
                read_piece(&mut file, left).map(|piece| (file, piece))
            }));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Decodes each segment and joins runs of slashes. `None` when a segment hides what would change the path's meaning.
fn decode(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if segment.is_empty() && decoded.ends_with('/') {
            continue;
        }
        if index > 0 && !decoded.ends_with('/') {
            decoded.push('/');
        }
        let plain = decode_segment(segment).unwrap_or_else(|| segment.to_owned());
        if plain.contains(['/', '\\', '\0']) || plain == "." || plain == ".." {
            return None;
        }
        decoded.push_str(&plain);
    }
    Some(decoded)
}

/// As `decodeURIComponent` does; `None` where that throws.
fn decode_segment(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        if *byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// As `encodeURIComponent` does with each segment.
fn encode(path: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                encoded.push(byte.into());
            }
            _ if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            _ => {
                encoded.push('%');
                encoded.push(HEX[usize::from(byte >> 4)].into());
                encoded.push(HEX[usize::from(byte & 15)].into());
            }
        }
    }
    encoded
}
