//! From bytes to frames and back.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_FRAME_BYTES;

const LENGTH_BYTES: usize = 4;

/// Why bytes are not a frame. The connection they came over cannot be used further.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The announced length is above [`MAX_FRAME_BYTES`].
    #[error("frame of {0} bytes is longer than {MAX_FRAME_BYTES}")]
    TooLong(usize),
    /// The bytes are not a message of the expected kind.
    #[error("malformed frame: {0}")]
    Malformed(String),
    /// The message ended before the frame did.
    #[error("{0} bytes too many in a frame")]
    TrailingBytes(usize),
}

/// Reads one message out of the whole payload of a frame.
///
/// # Errors
/// When the payload is not exactly one message of type `T`.
pub fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(payload) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(DecodeError::TrailingBytes(rest.len())),
        Err(error) => Err(DecodeError::Malformed(error.to_string())),
    }
}

/// Appends `message` to `out` as one frame.
///
/// # Panics
/// When the message is longer than [`MAX_FRAME_BYTES`]: senders split or refuse such content before.
pub fn encode_into<T: Serialize>(message: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    let taken = std::mem::take(out);
    *out = postcard::to_extend(message, taken)
        .expect("serialising plain data into memory cannot fail");
    let length = out.len() - start - LENGTH_BYTES;
    assert!(
        length <= MAX_FRAME_BYTES,
        "a sender let a frame of {length} bytes through"
    );
    let prefix = u32::try_from(length)
        .expect("MAX_FRAME_BYTES fits in 32 bits")
        .to_le_bytes();
    out[start..start + LENGTH_BYTES].copy_from_slice(&prefix);
}

/// Bytes as they arrive, cut into frames.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    /// Longer than what it holds: room that was made once is not made again for each read.
    bytes: Vec<u8>,
    /// Where what it holds begins.
    start: usize,
    /// Where that ends.
    end: usize,
}

impl FrameBuffer {
    /// Adds bytes that arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        let room = self.room(bytes.len());
        room.copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Lets `read` put bytes straight behind those that are waiting; it says how many it wrote.
    ///
    /// # Errors
    /// Whatever `read` answers.
    pub fn fill<E>(
        &mut self,
        room: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let count = read(self.room(room))?;
        self.end += count.min(room);
        Ok(count)
    }

    /// Takes the payload of the next whole frame, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the announced length is above the limit.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        let Some((prefix, rest)) = self.held().split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(DecodeError::TooLong(length));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let from = self.start + LENGTH_BYTES;
        self.start = from + length;
        Ok(Some(&self.bytes[from..from + length]))
    }

    /// How many bytes of an unfinished frame are still missing, as far as its length is known.
    #[must_use]
    pub fn missing(&self) -> usize {
        match self.held().split_first_chunk::<LENGTH_BYTES>() {
            Some((prefix, rest)) => {
                (u32::from_le_bytes(*prefix) as usize).saturating_sub(rest.len())
            }
            None => LENGTH_BYTES,
        }
    }

    fn held(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room behind what it holds.
    fn room(&mut self, room: usize) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            // After one very long frame.
            if self.bytes.len() > MOST_KEPT {
                self.bytes = Vec::new();
            }
        } else if self.start > MOVE_AT {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < self.end + room {
            self.bytes.resize(self.end + room, 0);
        }
        &mut self.bytes[self.end..self.end + room]
    }
}

/// What was taken is moved over when there is this much of it, in bytes.
const MOVE_AT: usize = 64 * 1024;
/// The most room that is kept for what may come, in bytes.
const MOST_KEPT: usize = 1024 * 1024;
