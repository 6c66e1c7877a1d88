//! Bodies whose bytes are counted on their way, and that end when they are too many.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::audit::Entry;
use crate::body::{Body, BodyError};

/// How many bytes have passed, and how many may. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    passed: Arc<AtomicU64>,
    most: u64,
}

impl Meter {
    pub(crate) fn new(most: Option<u64>) -> Self {
        Self {
            passed: Arc::default(),
            most: most.unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_exceeded(&self) -> bool {
        self.passed() > self.most
    }

    /// Counts bytes. Whether they may pass.
    pub(crate) fn count(&self, bytes: usize) -> bool {
        let before = self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        before.saturating_add(bytes as u64) <= self.most
    }
}

/// A body that a meter counts. Passing its bound is this error. The entry is written when the body is over.
pub(crate) fn metered(body: Body, meter: Meter, too_long: String, entry: Option<Entry>) -> Body {
    Body::wrap(Metered {
        body,
        meter,
        too_long,
        entry,
        is_over: false,
    })
}

struct Metered {
    body: Body,
    meter: Meter,
    too_long: String,
    entry: Option<Entry>,
    is_over: bool,
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(error)) => {
                let reason = error.0.clone();
                if let Some(entry) = &mut self.entry {
                    entry.broke_off(&reason);
                }
                0
            }
            None => 0,
        };
        if !self.meter.count(length) {
            self.is_over = true;
            // The other side need not send what nobody takes.
            self.body = Body::empty();
            let reason = self.too_long.clone();
            if let Some(entry) = &mut self.entry {
                entry.broke_off(&reason);
            }
            self.entry = None;
            return Poll::Ready(Some(Err(BodyError(reason))));
        }
        if !matches!(frame, Some(Ok(_))) {
            self.is_over = true;
            self.entry = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
