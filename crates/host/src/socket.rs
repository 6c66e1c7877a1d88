//! One end of a WebSocket, as messages.

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

impl SocketEnd {
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
