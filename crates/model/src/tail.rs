//! The body of an answer that is being read: from some place in it to its end, as it comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use host::{Body, BodyError};
use http_body::Frame;
use tokio::sync::watch;

use crate::run::{End, Run};

type Waiting = Pin<Box<dyn Future<Output = watch::Receiver<()>> + Send>>;

struct Tail {
    run: Arc<Run>,
    reader: u64,
    /// What comes before the place.
    first: Option<Bytes>,
    at: usize,
    waiting: Waiting,
    done: bool,
}

fn next_change(mut changes: watch::Receiver<()>) -> Waiting {
    Box::pin(async move {
        // The sender lives as long as the run, which this body holds.
        let _ = changes.changed().await;
        changes
    })
}

/// The answer from the byte `at`, after `first`.
pub(crate) fn tail(run: &Arc<Run>, reader: u64, first: Option<Vec<u8>>, at: usize) -> Body {
    {
        let mut kept = run.lock();
        kept.reader = Some(reader);
        kept.abandoned_at = None;
    }
    Body::wrap(Tail {
        waiting: next_change(run.watch()),
        run: Arc::clone(run),
        reader,
        first: first.map(Bytes::from),
        at,
        done: false,
    })
}

impl http_body::Body for Tail {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            if self.done {
                return Poll::Ready(None);
            }
            let run = Arc::clone(&self.run);
            let kept = run.lock();
            if kept.bytes.len() > self.at {
                let bytes = Bytes::copy_from_slice(&kept.bytes[self.at..]);
                self.at = kept.bytes.len();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(end) = kept.end.clone() {
                drop(kept);
                self.done = true;
                return match end {
                    End::Whole => {
                        run.lock().delivered = true;
                        Poll::Ready(None)
                    }
                    End::Broken(reason) => Poll::Ready(Some(Err(BodyError(reason)))),
                    End::Canceled => {
                        Poll::Ready(Some(Err(BodyError("The answer was canceled.".to_owned()))))
                    }
                };
            }
            drop(kept);
            match self.waiting.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(changes) => self.waiting = next_change(changes),
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut kept = self.run.lock();
        if kept.reader == Some(self.reader) {
            kept.reader = None;
            kept.abandoned_at = Some(Instant::now());
        }
    }
}
