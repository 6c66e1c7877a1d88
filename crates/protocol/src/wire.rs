//! Sequences of borrowed byte pairs, which serde does not borrow by itself.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Header names and values as bytes on the wire, borrowed from the frame.
///
/// Values are Latin-1 (HTTP's own bytes), which is what a `ByteString` in the Fetch standard holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(pub Vec<(&'a [u8], &'a [u8])>);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(name, value)| {
            (
                serde_bytes::Bytes::new(name),
                serde_bytes::Bytes::new(value),
            )
        }))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "at most {} headers", crate::limits::MAX_HEADERS)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(32));
                let mut total = 0usize;
                while let Some((name, value)) = seq.next_element::<(&'de [u8], &'de [u8])>()? {
                    total = total.saturating_add(name.len()).saturating_add(value.len());
                    if pairs.len() == crate::limits::MAX_HEADERS
                        || total > crate::limits::MAX_HEADER_BYTES
                    {
                        return Err(serde::de::Error::custom("too many headers"));
                    }
                    pairs.push((name, value));
                }
                Ok(Headers(pairs))
            }
        }
        deserializer.deserialize_seq(HeadersVisitor)
    }
}
