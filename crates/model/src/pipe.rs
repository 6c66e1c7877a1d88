//! A body that somebody writes while somebody else reads it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use host::{Body, BodyError};
use http_body::Frame;
use tokio::sync::mpsc;

/// How many pieces wait for a reader.
const WAITING: usize = 16;

/// The writing end. Sending fails once nobody reads any more.
pub(crate) type Writer = mpsc::Sender<Result<Bytes, BodyError>>;

struct Reader(mpsc::Receiver<Result<Bytes, BodyError>>);

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Both ends.
pub(crate) fn pipe() -> (Writer, Body) {
    let (writer, reader) = mpsc::channel(WAITING);
    (writer, Body::wrap(Reader(reader)))
}
