//! What the two ends of a stream of bytes say to each other.

use serde::{Deserialize, Serialize};

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StreamPart<'a> {
    /// At most [`MAX_CHUNK_BYTES`](crate::limits::MAX_CHUNK_BYTES), and no more than was granted.
    Data(#[serde(with = "serde_bytes")] &'a [u8]),
    /// All bytes have been sent.
    End,
    /// There will be no more, and what came is not whole.
    Abort(&'a str),
}

/// What the reader of a stream says to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flow {
    /// That many more bytes may be sent. A stream starts with
    /// [`STREAM_WINDOW_BYTES`](crate::limits::STREAM_WINDOW_BYTES).
    Grant(u32),
    /// Send nothing more.
    Cancel,
}
