//! A TCP connection as hyper sees it, with an eye on what hyper itself does not tell.
//!
//! hyper answers a head that it cannot parse by itself and without a text, and it drops a connection whose head takes
//! too long without any answer. Both are noticed here, where the bytes pass.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::response::raw_answer;

/// How much is read and thrown away after an early answer.
const MAX_DRAINED_BYTES: usize = 4 * 1024 * 1024;

/// What is going on on a connection.
#[derive(Debug)]
pub(crate) struct Activity {
    since: Instant,
    /// Requests whose response has not been handed to hyper completely.
    open: AtomicUsize,
    /// A response of ours may still wait in hyper's buffer.
    unflushed: AtomicBool,
    /// When the unfinished head began to arrive, in milliseconds after `since`, plus one; 0 when there is none.
    head_began_ms: AtomicU64,
    /// When the last request ended, in milliseconds after `since`.
    idle_since_ms: AtomicU64,
    timed_out: AtomicBool,
    /// The client may still be sending what nobody wants any more.
    lingers: AtomicBool,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            open: AtomicUsize::new(0),
            unflushed: AtomicBool::new(false),
            head_began_ms: AtomicU64::new(0),
            idle_since_ms: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A request's head is complete.
    pub(crate) fn request_began(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.unflushed.store(true, Ordering::Relaxed);
        self.head_began_ms.store(0, Ordering::Relaxed);
    }

    /// The last byte of a response was handed to hyper, or the request was given up.
    pub(crate) fn request_ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.idle_since_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// How long the connection may go on if nothing happens on it; `None` when its time is over.
    pub(crate) fn time_left(&self, head: Duration, idle: Duration) -> Option<Duration> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return Some(head.min(idle));
        }
        let began = self.head_began_ms.load(Ordering::Relaxed);
        let (start_ms, allowed) = match began.checked_sub(1) {
            Some(start_ms) => (start_ms, head),
            None => (self.idle_since_ms.load(Ordering::Relaxed), idle),
        };
        let spent = Duration::from_millis(self.now_ms().saturating_sub(start_ms));
        allowed
            .checked_sub(spent)
            .filter(|left| !left.is_zero())
            .map(|left| left.min(head))
    }

    /// Ends the connection the next time that hyper reads.
    pub(crate) fn time_out(&self) {
        self.timed_out.store(true, Ordering::Relaxed);
    }

    /// A request was answered before all of it had arrived.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    fn bytes_arrived(&self) {
        if self.open.load(Ordering::Relaxed) == 0 && self.head_began_ms.load(Ordering::Relaxed) == 0
        {
            self.head_began_ms
                .store(self.now_ms() + 1, Ordering::Relaxed);
        }
    }

    fn flushed(&self) {
        if self.open.load(Ordering::Relaxed) == 0 {
            self.unflushed.store(false, Ordering::Relaxed);
        }
    }
}

/// The connection itself.
pub(crate) struct Wire {
    stream: TcpStream,
    activity: Arc<Activity>,
    drained: usize,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            drained: 0,
        }
    }

    /// A text in place of an answer that hyper made up itself: its parser's errors come when no response is due.
    fn text_instead_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !bytes.starts_with(b"HTTP/1.1 4") || self.activity.unflushed.load(Ordering::Relaxed) {
            return None;
        }
        match &bytes[9..12] {
            b"431" => Some(raw_answer(
                431,
                "the request's headers are too many or too long",
            )),
            b"414" => Some(raw_answer(414, "the request's URL is too long")),
            _ => Some(raw_answer(400, "this is not well-formed HTTP")),
        }
    }

    /// Writes an answer in one go: one this short fits in the empty buffer of an idle connection.
    fn write_whole(&mut self, context: &mut Context<'_>, answer: &[u8]) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_write(context, answer))?;
        self.activity.linger();
        Poll::Ready(Ok(()))
    }

    /// Reads what a client still sends after an early answer. To close before would make the system throw the answer
    /// away on the client's side.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8 * 1024];
        while self.drained < MAX_DRAINED_BYTES && !self.activity.timed_out.load(Ordering::Relaxed) {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                count => self.drained += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.activity.timed_out.load(Ordering::Relaxed) {
            if self.activity.head_began_ms.load(Ordering::Relaxed) != 0 {
                let answer = raw_answer(408, "the request's headers took too long to arrive");
                ready!(self.write_whole(context, &answer))?;
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_arrived();
        }
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(text) = self.text_instead_of(bytes) {
            ready!(self.write_whole(context, &text))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(text) = slices.first().and_then(|slice| self.text_instead_of(slice)) {
            ready!(self.write_whole(context, &text))?;
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.activity.flushed();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if self.activity.lingers.load(Ordering::Relaxed) {
            return self.drain(context);
        }
        Poll::Ready(Ok(()))
    }
}
