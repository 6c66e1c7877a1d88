//! What waits to be written to an isolate.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use protocol::ToIsolate;
use protocol::limits::MAX_OUTBOX_BYTES;
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::{Link, OUTBOX_SOFT_BYTES};

/// Bytes, and the descriptors that go along with some of them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// Each goes with the byte at its place.
    descriptors: VecDeque<(usize, OwnedFd)>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.descriptors.clear();
    }

    fn push(&mut self, frame: &ToIsolate<'_>, descriptor: Option<OwnedFd>) {
        if let Some(descriptor) = descriptor {
            self.descriptors.push_back((self.bytes.len(), descriptor));
        }
        protocol::encode_into(frame, &mut self.bytes);
    }

    /// Takes a frame that is encoded already.
    pub(super) fn push_encoded(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
    }

    /// Writes as much as the socket takes.
    fn write(&mut self, socket: &UnixStream) -> std::io::Result<()> {
        while !self.bytes.is_empty() {
            let written = match self.descriptors.front() {
                Some((0, descriptor)) => socket.try_io(Interest::WRITABLE, || {
                    let end = self
                        .descriptors
                        .get(1)
                        .map_or(self.bytes.len(), |next| next.0);
                    jail::send_with_descriptor(
                        socket.as_fd(),
                        &self.bytes[..end],
                        descriptor.as_fd(),
                    )
                }),
                Some((place, _)) => socket.try_write(&self.bytes[..*place]),
                None => socket.try_write(&self.bytes),
            };
            let count = match written {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if count > 0 {
                self.descriptors.pop_front_if(|(place, _)| *place == 0);
            }
            for (place, _) in &mut self.descriptors {
                *place -= count;
            }
            self.bytes.drain(..count);
        }
        Ok(())
    }
}

thread_local! {
    /// Links to which this thread has something to write once it has done what it is doing.
    static TOGETHER: RefCell<Option<Vec<Arc<Link>>>> = const { RefCell::new(None) };
}

/// Does `work`, and writes what it sends when it is over: one write for each isolate that it sends to.
pub(super) fn together<R>(work: impl FnOnce() -> R) -> R {
    let is_outermost = TOGETHER.with_borrow_mut(|links| {
        let is_outermost = links.is_none();
        links.get_or_insert_default();
        is_outermost
    });
    let result = work();
    if is_outermost {
        let links = TOGETHER.with_borrow_mut(Option::take);
        for link in links.into_iter().flatten() {
            link.write_now();
        }
    }
    result
}

impl Link {
    /// Writes what waits, as far as the socket takes it.
    fn write_now(&self) {
        let mut state = self.lock();
        // The reading side finds out as well when it fails, and cleans up.
        if !state.closed && state.outbox.write(&self.socket).is_err() {
            state.outbox.clear();
        }
        if !state.outbox.is_empty() {
            self.unwritten.notify_one();
        }
    }

    /// Puts a frame on its way: it leaves when the tasks that can run now have run, together with what they send.
    pub(crate) fn send(&self, frame: &ToIsolate<'_>) {
        self.send_with(frame, None);
    }

    /// The same, with a descriptor that the frame speaks of.
    pub(crate) fn send_with(&self, frame: &ToIsolate<'_>, descriptor: Option<OwnedFd>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let idle = state.outbox.is_empty();
        state.outbox.push(frame, descriptor);
        if idle {
            drop(state);
            let later = TOGETHER.with_borrow_mut(|links| {
                let (Some(links), Some(this)) = (links, self.this.upgrade()) else {
                    return false;
                };
                links.push(this);
                true
            });
            if !later {
                self.unwritten.notify_one();
            }
        } else if state.outbox.len() > MAX_OUTBOX_BYTES {
            drop(state);
            self.condemn("it does not read what it is sent");
        }
    }

    /// Resolves when bulk data may be sent.
    pub(crate) async fn ready(&self) {
        loop {
            let notified = self.drained.notified();
            {
                let state = self.lock();
                if state.closed || state.outbox.len() < OUTBOX_SOFT_BYTES {
                    return;
                }
            }
            notified.await;
        }
    }

    pub(super) async fn write(self: Arc<Self>) {
        loop {
            self.unwritten.notified().await;
            // Each write wakes the isolate, so the fewer the better.
            tokio::task::yield_now().await;
            loop {
                {
                    let mut state = self.lock();
                    if state.closed || state.outbox.write(&self.socket).is_err() {
                        return;
                    }
                    if state.outbox.len() < OUTBOX_SOFT_BYTES {
                        self.drained.notify_waiters();
                    }
                    if state.outbox.is_empty() {
                        break;
                    }
                }
                if self.socket.writable().await.is_err() {
                    return;
                }
            }
        }
    }
}
