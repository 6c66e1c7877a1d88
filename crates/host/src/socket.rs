//! One end of a WebSocket, as messages.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

/// What travels on a WebSocket. Pings, pongs and fragments are the gateway's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A close frame; no code is 1005.
    Close(Option<u16>, String),
    /// The connection broke without a close frame (1006).
    Broken(String),
}

/// One end of a WebSocket: in the extensions of a 101 response, for whoever holds the connection.
#[derive(Debug)]
pub struct SocketEnd {
    /// What the other end sent.
    pub incoming: mpsc::Receiver<SocketMessage>,
    /// Where to put what goes to the other end.
    pub outgoing: mpsc::Sender<SocketMessage>,
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

    /// How many messages may wait in each direction.
    pub const QUEUE: usize = 256;

    /// Two ends that talk to each other.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let (to_a, from_b) = mpsc::channel(Self::QUEUE);
        let (to_b, from_a) = mpsc::channel(Self::QUEUE);
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
