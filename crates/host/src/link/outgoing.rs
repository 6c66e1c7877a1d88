//! Bodies whose bytes the host sends to an isolate.
//!
//! The host keeps what it has sent until the isolate says that it was read. So a stream that the isolate passes on
//! untouched can be joined to its new reader from its first byte.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use protocol::limits::{MAX_CHUNK_BYTES, MAX_INLINE_BODY_BYTES, STREAM_WINDOW_BYTES};
use protocol::{StreamId, StreamPart, ToIsolate};
use tokio::sync::{Notify, oneshot};

use super::{Link, now_ms};
use crate::body::{Body, BodyError};

impl Link {
    fn send_part(&self, stream: StreamId, part: StreamPart<'_>) {
        self.send(&ToIsolate::Stream(stream, now_ms(), part));
    }
}

/// What can be said of a body without waiting for it.
pub(super) enum Look {
    /// It has no bytes.
    Empty,
    /// All of it is here.
    Whole(Bytes),
    /// It goes as a stream, of this length when it is known.
    Stream(Body, Option<u64>),
}

/// Looks at a body. Never waits for bytes that are not there yet.
pub(super) fn look(mut body: Body) -> Look {
    if body.is_end_stream() {
        return Look::Empty;
    }
    let Some(length) = body.size_hint().exact() else {
        return Look::Stream(body, None);
    };
    if length > MAX_INLINE_BODY_BYTES as u64 {
        return Look::Stream(body, Some(length));
    }
    match body.frame().now_or_never() {
        Some(Some(Ok(frame))) => match frame.into_data() {
            Ok(bytes) if bytes.len() as u64 == length => Look::Whole(bytes),
            Ok(bytes) => Look::Stream(
                Body::wrap(Prefixed {
                    first: VecDeque::from([bytes]),
                    rest: body,
                }),
                Some(length),
            ),
            Err(_) => Look::Stream(body, Some(length)),
        },
        Some(Some(Err(error))) => Look::Stream(Body::wrap(Failed(Some(error))), None),
        Some(None) => Look::Empty,
        None => Look::Stream(body, Some(length)),
    }
}

type HandOver = oneshot::Sender<(VecDeque<Bytes>, Body)>;

#[derive(Debug, Default)]
struct Shared {
    /// Bytes granted and not sent.
    credit: u64,
    /// Bytes that the isolate has read since the pump last looked.
    read: u64,
    hand_over: Option<HandOver>,
}

/// The host's hold on a stream. Dropping it ends the pump.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<(Mutex<Shared>, Notify)>,
}

impl Writer {
    pub(super) fn grant(&self, bytes: u32) {
        let (shared, changed) = &*self.shared;
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.credit += u64::from(bytes);
        shared.read += u64::from(bytes);
        changed.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.1.notify_one();
    }
}

/// Makes a stream of `body` and the task that feeds it.
pub(super) fn open(
    link: Arc<Link>,
    id: StreamId,
    body: Body,
) -> (Writer, impl Future<Output = ()> + Send + 'static) {
    let shared = Shared {
        credit: u64::from(STREAM_WINDOW_BYTES),
        ..Shared::default()
    };
    let shared = Arc::new((Mutex::new(shared), Notify::new()));
    let writer = Writer {
        shared: Arc::clone(&shared),
    };
    (writer, pump(link, id, body, shared))
}

/// Takes a stream's bytes for another reader.
pub(super) fn take_over(writer: &Writer) -> TakenOver {
    let (sender, receiver) = oneshot::channel();
    let (shared, changed) = &*writer.shared;
    shared
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .hand_over = Some(sender);
    changed.notify_one();
    TakenOver::Waiting(receiver)
}

async fn pump(link: Arc<Link>, id: StreamId, mut body: Body, shared: Arc<(Mutex<Shared>, Notify)>) {
    let mut pending = Bytes::new();
    let mut unread: VecDeque<Bytes> = VecDeque::new();
    let mut ended = false;
    // A stream whose end came before any byte can still be passed on: then only the isolate can let it go.
    let mut has_bytes = false;
    loop {
        let credit = {
            let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            forget(&mut unread, std::mem::take(&mut state.read));
            if let Some(hand_over) = state.hand_over.take() {
                if !pending.is_empty() {
                    unread.push_back(std::mem::take(&mut pending));
                }
                // A new reader that is gone already wants nothing.
                drop(hand_over.send((unread, body)));
                return;
            }
            state.credit
        };
        // The link's table holds the other reference: without it nobody reads.
        if Arc::strong_count(&shared) == 1 {
            return;
        }
        if !pending.is_empty() && credit > 0 {
            let size = usize::try_from(credit)
                .unwrap_or(usize::MAX)
                .min(pending.len())
                .min(MAX_CHUNK_BYTES);
            let chunk = pending.split_to(size);
            shared
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .credit -= size as u64;
            link.ready().await;
            link.send_part(id, StreamPart::Data(&chunk));
            unread.push_back(chunk);
            has_bytes = true;
            continue;
        }
        if ended {
            // What was sent is kept until it is read, in case the stream is passed on.
            if unread.is_empty() && has_bytes {
                link.writer_ended(id);
                return;
            }
            shared.1.notified().await;
            continue;
        }
        if !pending.is_empty() {
            shared.1.notified().await;
            continue;
        }
        let frame = tokio::select! {
            biased;
            () = shared.1.notified() => continue,
            frame = body.frame() => frame,
        };
        match frame {
            Some(Ok(frame)) => pending = frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                ended = true;
                link.send_part(id, StreamPart::Abort(&error.0));
                body = Body::wrap(Failed(Some(error)));
            }
            None => {
                ended = true;
                link.send_part(id, StreamPart::End);
            }
        }
    }
}

/// Drops as many bytes as the isolate has read.
fn forget(unread: &mut VecDeque<Bytes>, mut read: u64) {
    while read > 0 {
        let Some(first) = unread.front_mut() else {
            return;
        };
        let length = first.len() as u64;
        if length > read {
            let _read = first.split_to(usize::try_from(read).unwrap_or(0));
            return;
        }
        read -= length;
        unread.pop_front();
    }
}

/// A body that was meant for an isolate and goes elsewhere.
pub(super) enum TakenOver {
    Waiting(oneshot::Receiver<(VecDeque<Bytes>, Body)>),
    Running(Prefixed),
}

impl http_body::Body for TakenOver {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        loop {
            match &mut *self {
                Self::Waiting(receiver) => {
                    match std::task::ready!(Pin::new(receiver).poll(context)) {
                        Ok((first, rest)) => *self = Self::Running(Prefixed { first, rest }),
                        Err(_) => return Poll::Ready(None),
                    }
                }
                Self::Running(body) => return Pin::new(body).poll_frame(context),
            }
        }
    }
}

/// Bytes in front of a body.
pub(super) struct Prefixed {
    first: VecDeque<Bytes>,
    rest: Body,
}

impl http_body::Body for Prefixed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.first.pop_front() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}

/// A body that fails at once.
struct Failed(Option<BodyError>);

impl http_body::Body for Failed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}
