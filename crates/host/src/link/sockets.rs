//! WebSockets of an isolate: messages between frames and the other end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use protocol::limits::{MAX_OPEN_PER_ISOLATE, MAX_SOCKET_MESSAGE_BYTES};
use protocol::{SocketPart, SocketRef, ToIsolate};
use tokio::sync::mpsc;

use super::Link;
use crate::socket::{SocketEnd, SocketMessage};

/// Bytes that may wait for a slow reader of one socket.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The host's hold on a socket.
#[derive(Debug)]
pub(super) struct Socket {
    outgoing: mpsc::UnboundedSender<SocketMessage>,
    waiting: Arc<AtomicUsize>,
}

impl Socket {
    fn send(&self, message: SocketMessage) -> Result<(), String> {
        let size = size(&message);
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > MAX_WAITING_BYTES {
            return Err("too much waits to be sent on a WebSocket".to_owned());
        }
        // The other end may be gone already.
        drop(self.outgoing.send(message));
        Ok(())
    }

    pub(super) fn broken(self, reason: &str) {
        drop(self.outgoing.send(SocketMessage::Broken(reason.to_owned())));
    }
}

fn size(message: &SocketMessage) -> usize {
    match message {
        SocketMessage::Text(text) => text.len(),
        SocketMessage::Binary(bytes) => bytes.len(),
        SocketMessage::Close(..) | SocketMessage::Broken(_) => 0,
    }
}

impl Link {
    /// Makes a socket that the isolate or the host has numbered, and gives its other end.
    pub(super) fn open_socket(self: &Arc<Self>, socket: SocketRef) -> Result<SocketEnd, String> {
        let (near, far) = SocketEnd::pair();
        self.connect_socket(socket, near)?;
        Ok(far)
    }

    /// Connects `end` to a socket of the isolate.
    pub(super) fn connect_socket(
        self: &Arc<Self>,
        socket: SocketRef,
        end: SocketEnd,
    ) -> Result<(), String> {
        let (sender, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        {
            let mut state = self.lock();
            if state.sockets.len() >= MAX_OPEN_PER_ISOLATE {
                return Err("too many WebSockets".to_owned());
            }
            if state.sockets.contains_key(&socket) {
                return Err("a WebSocket number that is in use".to_owned());
            }
            state.sockets.insert(
                socket,
                Socket {
                    outgoing: sender,
                    waiting: Arc::clone(&waiting),
                },
            );
        }
        tokio::spawn(carry_out(queue, end.outgoing, waiting));
        tokio::spawn(carry_in(Arc::clone(self), socket, end.incoming));
        Ok(())
    }

    pub(super) fn socket_part(
        &self,
        socket: SocketRef,
        part: SocketPart<'_>,
    ) -> Result<(), String> {
        let message = match part {
            SocketPart::Text(text) => SocketMessage::Text(text.to_owned()),
            SocketPart::Binary(bytes) => SocketMessage::Binary(Bytes::copy_from_slice(bytes)),
            SocketPart::Close { code, reason } => SocketMessage::Close(code, reason.to_owned()),
            SocketPart::Broken(reason) => SocketMessage::Broken(reason.to_owned()),
        };
        if size(&message) > MAX_SOCKET_MESSAGE_BYTES {
            return Err("a WebSocket message that is too long".to_owned());
        }
        match self.lock().sockets.get(&socket) {
            Some(open) => open.send(message),
            // It may have broken while this was under way.
            None => Ok(()),
        }
    }
}

async fn carry_out(
    mut queue: mpsc::UnboundedReceiver<SocketMessage>,
    outgoing: mpsc::Sender<SocketMessage>,
    waiting: Arc<AtomicUsize>,
) {
    while let Some(message) = queue.recv().await {
        waiting.fetch_sub(size(&message), Ordering::Relaxed);
        if outgoing.send(message).await.is_err() {
            return;
        }
    }
}

async fn carry_in(link: Arc<Link>, socket: SocketRef, mut incoming: mpsc::Receiver<SocketMessage>) {
    let mut closed = false;
    while let Some(message) = incoming.recv().await {
        link.ready().await;
        let part = match &message {
            SocketMessage::Text(text) => SocketPart::Text(text),
            SocketMessage::Binary(bytes) => SocketPart::Binary(bytes),
            SocketMessage::Close(code, reason) => SocketPart::Close {
                code: *code,
                reason,
            },
            SocketMessage::Broken(reason) => SocketPart::Broken(reason),
        };
        closed |= matches!(part, SocketPart::Close { .. } | SocketPart::Broken(_));
        link.send(&ToIsolate::Socket(socket, part));
    }
    if !closed {
        link.send(&ToIsolate::Socket(
            socket,
            SocketPart::Broken("WebSocket disconnected without sending Close frame."),
        ));
    }
    link.lock().sockets.remove(&socket);
}
