//! What a listener may be told, and the bounds it keeps.

use std::net::SocketAddr;
use std::time::Duration;

use crate::access::AccessLog;

/// How a [`Gateway`](crate::Gateway) listens.
#[derive(Clone)]
pub struct Options {
    /// Where to listen. Port 0 takes any free port.
    pub address: SocketAddr,
    /// What it accepts.
    pub limits: Limits,
    /// How long requests in flight may take to finish once shutdown has begun.
    pub shutdown_grace: Duration,
    /// Is told of every answered request.
    pub access_log: Option<AccessLog>,
}

impl Options {
    /// Listening on `address` with the default limits.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            limits: Limits::default(),
            shutdown_grace: Duration::from_secs(10),
            access_log: None,
        }
    }
}

/// Bounds on what clients send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most bytes of all header names and values of a request. Passing it is a 431.
    pub header_bytes: usize,
    /// The most headers of a request. Passing it is a 431.
    pub header_count: usize,
    /// The longest path and query of a request in bytes. Passing it is a 414.
    pub url_bytes: usize,
    /// The most bytes of a request's body. Passing it is a 413.
    pub body_bytes: u64,
    /// How long the head of a request may take from its first byte to its last. Passing it is a 408.
    pub header_read_timeout: Duration,
    /// How long a connection may be open with nothing under way.
    pub idle_timeout: Duration,
    /// The most open connections, WebSockets included. One more is answered with a 503.
    pub connections: usize,
    /// The most requests at a time on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// The longest WebSocket message in bytes. Passing it closes the socket with 1009.
    pub socket_message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 128 * 1024,
            header_count: Self::HEADERS_WITHOUT_ALLOCATION,
            url_bytes: 16 * 1024,
            body_bytes: 100 * 1000 * 1000,
            header_read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            connections: 65_536,
            streams_per_connection: 200,
            socket_message_bytes: protocol::limits::MAX_SOCKET_MESSAGE_BYTES,
        }
    }
}

impl Limits {
    /// Up to so many headers hyper parses on its stack.
    pub(crate) const HEADERS_WITHOUT_ALLOCATION: usize = 100;

    /// The most bytes of a request's head that are buffered. Header names and values alone are counted again, exactly,
    /// once the head is parsed; the slack is for the separators between them.
    pub(crate) fn head_bytes(&self) -> usize {
        let separators = self.header_count * 4;
        (self.header_bytes + self.url_bytes + separators).max(8 * 1024)
    }
}
