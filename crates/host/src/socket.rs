//! One end of a WebSocket, as messages.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
pub use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What travels on a WebSocket. Pings, pongs and fragments are the gateway's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketMessage {
    /// A text message. All sockets that it is sent to share it.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A close frame; no code is 1005.
    Close(Option<u16>, String),
    /// The connection broke without a close frame (1006).
    Broken(String),
    /// What came must not be, and nothing else will come: the text of the error.
    Refused(String),
}

impl SocketMessage {
    /// Bytes of its content.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close(_, reason) | Self::Broken(reason) | Self::Refused(reason) => reason.len(),
        }
    }

    /// Whether nothing can follow it.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Close(..) | Self::Broken(_) | Self::Refused(_))
    }

    /// What it takes of a queue: a longer message than the queue has it to itself.
    fn permits(&self) -> u32 {
        let bytes = (self.size() + MESSAGE_BYTES).min(SocketEnd::QUEUE_BYTES);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// What an empty message counts for, in bytes.
const MESSAGE_BYTES: usize = 64;

/// One end of a WebSocket: in the extensions of a 101 response, for whoever holds the connection.
#[derive(Debug)]
pub struct SocketEnd {
    /// What the other end sent.
    pub incoming: SocketReceiver,
    /// Where to put what goes to the other end.
    pub outgoing: SocketSender,
}

/// Where messages go in. What is not received yet is bounded in bytes. A queue has room for some from the start, and most
/// sockets are idle: so it holds messages by reference.
#[derive(Clone, Debug)]
pub struct SocketSender {
    messages: mpsc::UnboundedSender<Box<SocketMessage>>,
    room: Arc<Semaphore>,
}

/// Nobody receives any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreceived;

impl SocketSender {
    /// Waits for room, and sends.
    ///
    /// # Errors
    /// When nobody receives any more.
    pub async fn send(&self, message: SocketMessage) -> Result<(), Unreceived> {
        let room = self.room.acquire_many(message.permits());
        // The receiver gives the room back.
        room.await.map_err(|_| Unreceived)?.forget();
        self.put(message)
    }

    /// Resolves when nobody receives any more.
    pub async fn closed(&self) {
        self.messages.closed().await;
    }

    /// Sends if there is room.
    ///
    /// # Errors
    /// When there is none, or nobody receives any more.
    pub fn try_send(&self, message: SocketMessage) -> Result<(), Unreceived> {
        let room = self.room.try_acquire_many(message.permits());
        room.map_err(|_| Unreceived)?.forget();
        self.put(message)
    }

    fn put(&self, message: SocketMessage) -> Result<(), Unreceived> {
        let message = Box::new(message);
        self.messages.send(message).map_err(|_| Unreceived)
    }
}

/// Where messages come out.
#[derive(Debug)]
pub struct SocketReceiver {
    messages: mpsc::UnboundedReceiver<Box<SocketMessage>>,
    room: Arc<Semaphore>,
}

impl SocketReceiver {
    /// The next message; `None` when the other end is gone.
    pub async fn recv(&mut self) -> Option<SocketMessage> {
        let message = self.messages.recv().await?;
        self.room.add_permits(message.permits() as usize);
        Some(*message)
    }

    /// Whether nothing waits to be received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

impl Drop for SocketReceiver {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// How a [`SocketEnd`] sits in extensions, which want values that can be cloned: the first taker gets it.
#[derive(Clone)]
struct Attached(Arc<Mutex<Option<SocketEnd>>>);

impl SocketEnd {
    /// Puts this end into the extensions of a 101 response.
    pub fn attach(self, extensions: &mut http::Extensions) {
        extensions.insert(Attached(Arc::new(Mutex::new(Some(self)))));
    }

    /// Takes the end that [`attach`](Self::attach) put there, if nobody took it before.
    pub fn detach(extensions: &mut http::Extensions) -> Option<Self> {
        let attached: Attached = extensions.remove()?;
        attached
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// How many bytes may wait in each direction; a message that is longer waits alone.
    pub const QUEUE_BYTES: usize = 1024 * 1024;

    /// Two ends that talk to each other.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let (to_a, from_b) = channel();
        let (to_b, from_a) = channel();
        (
            Self {
                incoming: from_b,
                outgoing: to_b,
            },
            Self {
                incoming: from_a,
                outgoing: to_a,
            },
        )
    }
}

fn channel() -> (SocketSender, SocketReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(SocketEnd::QUEUE_BYTES));
    (
        SocketSender {
            messages: sender,
            room: Arc::clone(&room),
        },
        SocketReceiver {
            messages: receiver,
            room,
        },
    )
}
