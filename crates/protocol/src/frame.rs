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
    bytes: Vec<u8>,
    start: usize,
}

impl FrameBuffer {
    /// Adds bytes that arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
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
        self.compact();
        let end = self.bytes.len();
        self.bytes.resize(end + room, 0);
        match read(&mut self.bytes[end..]) {
            Ok(count) => {
                self.bytes.truncate(end + count.min(room));
                Ok(count)
            }
            Err(error) => {
                self.bytes.truncate(end);
                Err(error)
            }
        }
    }

    /// Takes the payload of the next whole frame, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the announced length is above the limit.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        let Some((prefix, rest)) = self.bytes[self.start..].split_first_chunk::<LENGTH_BYTES>()
        else {
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
        match self.bytes[self.start..].split_first_chunk::<LENGTH_BYTES>() {
            Some((prefix, rest)) => {
                (u32::from_le_bytes(*prefix) as usize).saturating_sub(rest.len())
            }
            None => LENGTH_BYTES,
        }
    }

    fn compact(&mut self) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > 64 * 1024 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}
