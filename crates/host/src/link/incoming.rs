//! Bodies whose bytes an isolate sends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use protocol::StreamId;
use protocol::limits::STREAM_WINDOW_BYTES;
use tokio::sync::mpsc;

use super::Link;
use super::state::Reader;
use crate::body::BodyError;

/// The reading end. Dropping it before the end cancels the stream.
pub(super) struct IsolateBody {
    link: Arc<Link>,
    id: StreamId,
    chunks: mpsc::UnboundedReceiver<Result<Bytes, BodyError>>,
    /// Bytes taken and not granted again yet.
    owed: u32,
    /// Bytes still to come, when that is known.
    remaining: Option<u64>,
    ended: bool,
}

pub(super) fn open(link: Arc<Link>, id: StreamId, length: Option<u64>) -> (Reader, IsolateBody) {
    let (sender, chunks) = mpsc::unbounded_channel();
    let body = IsolateBody {
        link,
        id,
        chunks,
        owed: 0,
        remaining: length,
        ended: false,
    };
    (Reader::new(sender), body)
}

impl http_body::Body for IsolateBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match std::task::ready!(self.chunks.poll_recv(context)) {
            Some(Ok(bytes)) => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                self.owed = self.owed.saturating_add(length);
                if let Some(remaining) = &mut self.remaining {
                    *remaining = remaining.saturating_sub(u64::from(length));
                }
                if self.owed >= STREAM_WINDOW_BYTES / 2 {
                    let owed = std::mem::take(&mut self.owed);
                    self.link.grant(self.id, owed);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for IsolateBody {
    fn drop(&mut self) {
        if !self.ended {
            self.link.cancel_stream(self.id);
        }
    }
}
