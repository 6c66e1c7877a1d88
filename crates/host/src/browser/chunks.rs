//! How older clients cut messages: binary chunks, the first of which begins with the length of the whole.

use bytes::{Bytes, BytesMut};
use protocol::limits::MAX_SOCKET_MESSAGE_BYTES;

/// The most bytes of a chunk.
const CHUNK_BYTES: usize = 1_048_575;
/// The length, as 32 bits with the lowest byte first.
const HEADER_BYTES: usize = 4;

/// A message as chunks.
pub(super) fn cut(text: &str) -> Option<Vec<Bytes>> {
    let length = u32::try_from(text.len()).ok()?;
    let mut all = BytesMut::with_capacity(HEADER_BYTES + text.len());
    all.extend_from_slice(&length.to_le_bytes());
    all.extend_from_slice(text.as_bytes());
    let mut rest = all.freeze();
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        chunks.push(rest.split_to(rest.len().min(CHUNK_BYTES)));
    }
    Some(chunks)
}

/// Puts chunks together again.
#[derive(Debug, Default)]
pub(super) struct Joined {
    bytes: Vec<u8>,
    length: Option<usize>,
}

impl Joined {
    /// Takes one more chunk, and gives a message that is whole. The error says what is wrong with what came.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<Option<String>, &'static str> {
        let length = match self.length {
            Some(length) => {
                self.bytes.extend_from_slice(chunk);
                length
            }
            None => {
                let (header, rest) = chunk
                    .split_first_chunk::<HEADER_BYTES>()
                    .ok_or("a message begins with its length")?;
                self.bytes.extend_from_slice(rest);
                *self.length.insert(u32::from_le_bytes(*header) as usize)
            }
        };
        if length > MAX_SOCKET_MESSAGE_BYTES {
            return Err("the message is too long");
        }
        match self.bytes.len().cmp(&length) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Equal => {
                self.length = None;
                let text = String::from_utf8(std::mem::take(&mut self.bytes));
                text.map(Some).map_err(|_| "the message is not UTF-8")
            }
            std::cmp::Ordering::Greater => Err("the message is longer than it says"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_same_when_it_was_cut_and_joined() {
        for length in [0, 1, CHUNK_BYTES - 4, CHUNK_BYTES - 3, 3 * CHUNK_BYTES] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let chunks = cut(&text).expect("it is short enough");
            assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
            let (last, first) = chunks.split_last().expect("a header at least");
            let mut joined = Joined::default();
            for chunk in first {
                assert_eq!(joined.push(chunk), Ok(None));
            }
            assert_eq!(joined.push(last), Ok(Some(text)));
        }
    }

    #[test]
    fn what_does_not_fit_its_header_is_refused() {
        let refused = |chunks: &[&[u8]]| {
            let mut joined = Joined::default();
            chunks.iter().find_map(|chunk| joined.push(chunk).err())
        };
        assert!(refused(&[&[1, 0]]).is_some());
        assert!(refused(&[&[1, 0, 0, 0, b'a', b'b']]).is_some());
        assert!(refused(&[&[3, 0, 0, 0, b'a'], b"bcd"]).is_some());
        assert!(refused(&[&[0xff, 0xff, 0xff, 0xff]]).is_some());
        assert!(refused(&[&[1, 0, 0, 0, 0xff]]).is_some());
    }
}
