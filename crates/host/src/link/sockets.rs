//! WebSockets of an isolate: messages between frames and the other end.

use std::sync::Arc;

use bytes::Bytes;
use protocol::limits::{
    MAX_HELD_BYTES, MAX_OPEN_PER_ISOLATE, MAX_SOCKET_MESSAGE_BYTES, MAX_SOCKET_WAITING_BYTES,
};
use protocol::{SocketPart, SocketRef, ToIsolate};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Link, now_ms};
use crate::held::{Account, Held};
use crate::socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender};
use crate::websocket::DISCONNECTED;

/// What an empty message counts for among those that wait, in bytes.
const MESSAGE_BYTES: usize = 64;

/// What a worker sees of a WebSocket whose other side does not read.
const TOO_SLOW: &str = "WebSocket closed: too much waits for the other side to read it.";

/// A message on its way out, and its shares of what may wait.
type Waiting = (SocketMessage, Option<(Held, Held)>);

/// The host's hold on a socket.
#[derive(Debug)]
pub(super) struct Socket {
    outgoing: mpsc::UnboundedSender<Waiting>,
    waiting: Account,
    carriers: [AbortHandle; 2],
}

impl Socket {
    /// Says whether there was room for the message.
    fn send(&self, message: SocketMessage, held: &Account) -> bool {
        let size = message.size() + MESSAGE_BYTES;
        let waiting = self.waiting.hold(size, MAX_SOCKET_WAITING_BYTES);
        let (Some(waiting), Some(held)) = (waiting, held.hold(size, MAX_HELD_BYTES)) else {
            return false;
        };
        // The other end may be gone already.
        drop(self.outgoing.send((message, Some((waiting, held)))));
        true
    }

    /// The isolate is gone: tells the other side, after what it has sent.
    pub(super) fn lost(self, reason: &str) {
        drop(
            self.outgoing
                .send((SocketMessage::Broken(reason.to_owned()), None)),
        );
    }

    /// Ends it with all that waits, in both directions.
    fn cut(self) {
        for carrier in self.carriers {
            carrier.abort();
        }
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
        let mut state = self.lock();
        if state.sockets.len() >= MAX_OPEN_PER_ISOLATE {
            return Err("too many WebSockets".to_owned());
        }
        if state.sockets.contains_key(&socket) {
            return Err("a WebSocket number that is in use".to_owned());
        }
        let carriers = [
            tokio::spawn(carry_out(queue, end.outgoing)).abort_handle(),
            tokio::spawn(carry_in(Arc::clone(self), socket, end.incoming)).abort_handle(),
        ];
        state.sockets.insert(
            socket,
            Socket {
                outgoing: sender,
                waiting: Account::default(),
                carriers,
            },
        );
        Ok(())
    }

    pub(super) fn socket_part(
        &self,
        socket: SocketRef,
        part: SocketPart<'_>,
    ) -> Result<(), String> {
        let message = message(part)?;
        let slow = {
            let mut state = self.lock();
            match state.sockets.get(&socket) {
                Some(open) if !open.send(message, &self.held) => state.sockets.remove(&socket),
                // It may have broken while this was under way.
                _ => None,
            }
        };
        if let Some(slow) = slow {
            slow.cut();
            self.send_socket_part(socket, SocketPart::Broken(TOO_SLOW));
        }
        Ok(())
    }

    fn send_socket_part(&self, socket: SocketRef, part: SocketPart<'_>) {
        self.send(&ToIsolate::Socket(socket, now_ms(), part));
    }
}

/// A message as an isolate describes it.
pub(super) fn message(part: SocketPart<'_>) -> Result<SocketMessage, String> {
    let message = match part {
        SocketPart::Text(text) => SocketMessage::Text(text.into()),
        SocketPart::Binary(bytes) => SocketMessage::Binary(Bytes::copy_from_slice(bytes)),
        SocketPart::Close { code, reason } => SocketMessage::Close(code, reason.to_owned()),
        SocketPart::Broken(reason) => SocketMessage::Broken(reason.to_owned()),
        SocketPart::Refused(_) => return Err("a WebSocket error of its own".to_owned()),
    };
    if message.size() > MAX_SOCKET_MESSAGE_BYTES {
        return Err("a WebSocket message that is too long".to_owned());
    }
    Ok(message)
}

async fn carry_out(mut queue: mpsc::UnboundedReceiver<Waiting>, outgoing: SocketSender) {
    // A message counts as waiting until the other side has room for it.
    while let Some((message, _waiting)) = queue.recv().await {
        let is_last = message.is_last();
        // The other end learns that nothing follows.
        if outgoing.send(message).await.is_err() || is_last {
            return;
        }
    }
}

async fn carry_in(link: Arc<Link>, socket: SocketRef, mut incoming: SocketReceiver) {
    let mut closed = false;
    while let Some(message) = incoming.recv().await {
        link.ready().await;
        link.send_socket_part(socket, message.part());
        closed |= message.is_last();
        // A worker that has only heard a close frame may send on.
        if matches!(
            message,
            SocketMessage::Broken(_) | SocketMessage::Refused(_)
        ) {
            break;
        }
    }
    if !closed {
        link.send_socket_part(socket, SocketPart::Broken(DISCONNECTED));
    }
    link.lock().sockets.remove(&socket);
}
