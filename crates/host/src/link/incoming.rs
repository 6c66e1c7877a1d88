//! Bodies whose bytes an isolate sends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use protocol::limits::{MAX_HELD_BYTES, STREAM_WINDOW_BYTES};
use protocol::{Flow, StreamId, StreamPart, ToIsolate};
use tokio::sync::mpsc;

use super::state::{Chunk, Reader};
use super::{Link, now_ms};
use crate::body::BodyError;

/// What readers see of a stream when its isolate has too much under way that nobody reads.
pub(super) const TOO_MUCH_HELD: &str = "Too many bytes of this Worker wait to be read.";

/// The reading end. Dropping it before the end cancels the stream.
pub(super) struct IsolateBody {
    link: Arc<Link>,
    id: StreamId,
    chunks: mpsc::UnboundedReceiver<Chunk>,
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
            Some(Ok((bytes, _held))) => {
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

impl Link {
    pub(super) fn stream_part(&self, id: StreamId, part: StreamPart<'_>) -> Result<(), String> {
        let mut state = self.lock();
        let Some(reader) = state.readers.get_mut(&id) else {
            // The reader may have cancelled while this was under way.
            return Ok(());
        };
        match part {
            StreamPart::Data(bytes) => {
                reader.spend(bytes.len())?;
                match self.held.hold(bytes.len(), MAX_HELD_BYTES) {
                    Some(held) => reader.data(bytes, held),
                    None => {
                        if let Some(reader) = state.readers.remove(&id) {
                            reader.abort(BodyError(TOO_MUCH_HELD.to_owned()));
                        }
                        drop(state);
                        self.send_flow(id, Flow::Cancel);
                    }
                }
                Ok(())
            }
            StreamPart::End => {
                state.readers.remove(&id);
                Ok(())
            }
            StreamPart::Abort(reason) => {
                if let Some(reader) = state.readers.remove(&id) {
                    reader.abort(BodyError(reason.to_owned()));
                }
                Ok(())
            }
        }
    }

    /// The reader of a stream took bytes.
    fn grant(&self, id: StreamId, bytes: u32) {
        let granted = self
            .lock()
            .readers
            .get_mut(&id)
            .map(|reader| reader.window += u64::from(bytes))
            .is_some();
        if granted {
            self.send_flow(id, Flow::Grant(bytes));
        }
    }

    fn send_flow(&self, stream: StreamId, flow: Flow) {
        self.send(&ToIsolate::Flow(stream, now_ms(), flow));
    }

    /// The reader of a stream wants no more.
    fn cancel_stream(&self, id: StreamId) {
        if self.lock().readers.remove(&id).is_some() {
            self.send_flow(id, Flow::Cancel);
        }
    }
}
