//! Values that are too large for a database, each in a file of its own.
//!
//! A file is written under a passing name, brought to the disk and only then given its own name: a name that is there has a
//! whole value behind it. Files never change. Who asks names a space (the id of an object) and a file in it; an object
//! writes down which files it wants before it has them made, so that none stays that nothing refers to.

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use host::{Body, BodyError, FetchError, Fetcher, Request, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::digests::Digests;

/// The folder in the folder of state.
pub(crate) const FOLDER: &str = "blobs";
/// How the name of a file ends that is being written.
const PART: &str = ".part";
/// The most bytes of one file (Workers: 5 TiB; here it is what a copy of it has to fit into at once).
const MAX_BLOB_BYTES: u64 = 1 << 42;
/// The most files that one is put together from (Workers: 10,000).
const MAX_PARTS: usize = 10_000;
/// The most bytes of a list of them.
const MAX_LIST_BYTES: usize = 1024 * 1024;
/// The most bytes that are written or read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the reader of a file.
const WAITING: usize = 2;

/// Space and file, as `SPACE/FILE`.
const BLOB: &str = "atoll-blob";
/// The most bytes to take.
const LIMIT: &str = "atoll-limit";
/// Checksums to be made, separated by commas.
const DIGESTS: &str = "atoll-digests";
/// Where to start, and how many bytes to read.
const RANGE: &str = "atoll-range";
/// Goes back as it came: the answer can be passed on, and say more than the file knows.
const ECHO: &str = "atoll-meta";

/// All files.
pub(crate) struct Blobs {
    folder: PathBuf,
}

/// Why a request is refused.
type Refusal = (StatusCode, String);

fn mistake(text: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, text.into())
}

fn disk(error: &io::Error) -> Refusal {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

impl Blobs {
    /// Opens the folder, and removes what was not written to its end.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let spaces = match fs::read_dir(&folder) {
            Ok(spaces) => spaces,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { folder }),
            Err(error) => return Err(error),
        };
        for space in spaces {
            let space = space?.path();
            for file in fs::read_dir(space)? {
                let file = file?.path();
                if file.to_string_lossy().ends_with(PART) {
                    fs::remove_file(file)?;
                }
            }
        }
        Ok(Self { folder })
    }

    /// The file that a request names.
    fn path(&self, request: &Request) -> Result<PathBuf, Refusal> {
        let named = header(request, BLOB).and_then(|name| name.split_once('/'));
        let (space, file) = named.ok_or_else(|| mistake("no file is named"))?;
        Ok(self.folder.join(segment(space)?).join(segment(file)?))
    }

    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let path = self.path(&request)?;
        match *request.method() {
            Method::PUT => write(path, request).await,
            Method::POST => join(path, request).await,
            Method::GET => {
                let echo = request.headers().get(ECHO).cloned();
                read(path, header(&request, RANGE).map(range), echo).await
            }
            Method::DELETE => spawn_blocking(move || match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(&error)),
                _ => Ok(Response::new(Body::empty())),
            })
            .await
            .unwrap_or_else(|error| Err(mistake(error.to_string()))),
            _ => Err(mistake("no such method")),
        }
    }
}

/// A name that leads nowhere else.
fn segment(name: &str) -> Result<&str, Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        Ok(name)
    } else {
        Err(mistake("a name of a file that is none"))
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A file on its way. What is dropped before it is kept is gone.
struct Draft {
    file: File,
    part: PathBuf,
    path: PathBuf,
    size: u64,
    digests: Digests,
    kept: bool,
}

impl Draft {
    fn start(path: PathBuf, digests: Digests) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            // The names of the space and of its folder have to last as well.
            for made in folder.ancestors().skip(1).take(2) {
                File::open(made)?.sync_all()?;
            }
        }
        let mut part = path.clone().into_os_string();
        part.push(PART);
        let part = PathBuf::from(part);
        Ok(Self {
            file: File::create_new(&part)?,
            part,
            path,
            size: 0,
            digests,
            kept: false,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.digests.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Makes it last. Gives its size and checksums.
    fn keep(mut self) -> io::Result<Value> {
        self.file.sync_all()?;
        fs::rename(&self.part, &self.path)?;
        self.kept = true;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let mut told = Map::new();
        told.insert("size".to_owned(), self.size.into());
        let digests = std::mem::replace(&mut self.digests, Digests::named(""));
        told.extend(
            digests
                .finish()
                .map(|(name, hex)| (name.to_owned(), hex.into())),
        );
        Ok(Value::Object(told))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // It would be removed at the next start.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Does something with the disk where nobody waits for it.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| disk(&error)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

fn told(value: &Value) -> Response {
    Response::new(Body::full(value.to_string()))
}

async fn write(path: PathBuf, request: Request) -> Result<Response, Refusal> {
    let limit = header(&request, LIMIT).and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(MAX_BLOB_BYTES).min(MAX_BLOB_BYTES);
    let digests = Digests::named(header(&request, DIGESTS).unwrap_or_default());
    let mut body = request.into_body();
    let mut draft = away(move || Draft::start(path, digests)).await?;
    let mut pieces: Vec<Bytes> = Vec::new();
    let (mut waiting, mut size) = (0, 0u64);
    loop {
        let frame = body.frame().await.transpose();
        let piece = frame.map_err(|BodyError(reason)| mistake(reason))?;
        let ended = piece.is_none();
        if let Some(piece) = piece.and_then(|piece| piece.into_data().ok()) {
            waiting += piece.len();
            size += piece.len() as u64;
            if size <= limit {
                pieces.push(piece);
            } else {
                // The rest is counted, so that the answer can say how much it was.
                pieces.clear();
                waiting = 0;
            }
        }
        if waiting >= PIECE_BYTES || (ended && waiting > 0) {
            let ready = std::mem::take(&mut pieces);
            waiting = 0;
            draft = away(move || {
                for piece in ready {
                    draft.write(&piece)?;
                }
                Ok(draft)
            })
            .await?;
        }
        if ended {
            break;
        }
    }
    if size > limit {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, size.to_string()));
    }
    Ok(told(&away(move || draft.keep()).await?))
}

/// Puts a file together from others of its space, which stay.
async fn join(path: PathBuf, request: Request) -> Result<Response, Refusal> {
    let body = http_body_util::Limited::new(request.into_body(), MAX_LIST_BYTES);
    let list = body
        .collect()
        .await
        .map_err(|error| mistake(error.to_string()))?
        .to_bytes();
    let names: Vec<String> =
        serde_json::from_slice(&list).map_err(|error| mistake(error.to_string()))?;
    if names.len() > MAX_PARTS {
        return Err(mistake("too many files to put together"));
    }
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let parts: Vec<PathBuf> = names
        .iter()
        .map(|name| Ok(folder.join(segment(name)?)))
        .collect::<Result<_, Refusal>>()?;
    let joined = away(move || {
        let mut draft = Draft::start(path, Digests::named(""))?;
        for part in parts {
            // The kernel copies, or shares the bytes where the file system can.
            draft.size += io::copy(&mut File::open(part)?, &mut draft.file)?;
        }
        draft.keep()
    });
    Ok(told(&joined.await?))
}

/// Start and length, as `START LENGTH`.
fn range(text: &str) -> Option<(u64, u64)> {
    let (start, length) = text.split_once(' ')?;
    Some((start.parse().ok()?, length.parse().ok()?))
}

async fn read(
    path: PathBuf,
    range: Option<Option<(u64, u64)>>,
    echo: Option<HeaderValue>,
) -> Result<Response, Refusal> {
    let opened = spawn_blocking(move || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (start, length) = match range {
            Some(Some((start, length))) => (start.min(size), length),
            Some(None) => return Err(io::Error::other("a range that is none")),
            None => (0, size),
        };
        file.seek(SeekFrom::Start(start))?;
        Ok((file, length.min(size - start)))
    });
    let (file, length) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err((StatusCode::NOT_FOUND, "there is no such file".to_owned()));
        }
        Ok(Err(error)) => return Err(disk(&error)),
        Err(error) => return Err(mistake(error.to_string())),
    };
    let (pieces, receiver) = mpsc::channel(WAITING);
    tokio::spawn(send(file, length, pieces));
    let mut response = Response::new(Body::wrap(Reading {
        receiver,
        left: length,
    }));
    if let Some(echo) = echo {
        let name = HeaderName::from_static(ECHO);
        response.headers_mut().insert(name, echo);
    }
    let length = HeaderValue::from(length);
    response
        .headers_mut()
        .insert(http::header::CONTENT_LENGTH, length);
    Ok(response)
}

type Piece = Result<Bytes, BodyError>;

/// Reads as fast as somebody takes it.
async fn send(mut file: File, mut left: u64, pieces: mpsc::Sender<Piece>) {
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let reading = spawn_blocking(move || {
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        let piece = match reading.await {
            Ok(Ok((back, piece))) => {
                file = back;
                left -= piece.len() as u64;
                Ok(Bytes::from(piece))
            }
            Ok(Err(error)) => {
                let _ = pieces.send(Err(BodyError(error.to_string()))).await;
                return;
            }
            Err(_) => return,
        };
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

struct Reading {
    receiver: mpsc::Receiver<Piece>,
    left: u64,
}

impl http_body::Body for Reading {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.receiver.poll_recv(context).map(|piece| match piece {
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(Frame::data(piece)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if self.left > 0 => {
                self.left = 0;
                Some(Err(BodyError("the file cannot be read".to_owned())))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}

impl Fetcher for Blobs {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            Ok(self.answer(request).await.unwrap_or_else(|(status, text)| {
                let mut response = Response::new(Body::full(text));
                *response.status_mut() = status;
                response
            }))
        })
    }
}
