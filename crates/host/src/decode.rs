//! Content codings that are taken off responses where what they unpack to is counted.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::write::{GzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::{Body as _, Frame};

use crate::body::{Body, BodyError};
use crate::fetcher::Response;

/// The response without the coding of its body, if it has one that can be taken off.
pub(crate) fn decoded(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let coding = parts
        .headers
        .get(CONTENT_ENCODING)
        .and_then(|value| Coding::from_header(value.as_bytes()));
    let Some(coding) = coding.filter(|_| !body.is_end_stream()) else {
        return Response::from_parts(parts, body);
    };
    parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::wrap(Decoded::new(body, coding)))
}

/// A coding that can be taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    fn from_header(value: &[u8]) -> Option<Self> {
        match value.trim_ascii().to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

enum Decoder {
    Gzip(GzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

/// How many bytes of input are decoded at once: output of one step is bounded by about a thousand times as much.
const STEP_BYTES: usize = 4 * 1024;

/// A body without its coding.
struct Decoded {
    body: Body,
    decoder: Decoder,
    pending: Bytes,
    ended: bool,
}

impl Decoded {
    fn new(body: Body, coding: Coding) -> Self {
        let decoder = match coding {
            Coding::Gzip => Decoder::Gzip(GzDecoder::new(Vec::new())),
            Coding::Deflate => Decoder::Deflate(ZlibDecoder::new(Vec::new())),
        };
        Self {
            body,
            decoder,
            pending: Bytes::new(),
            ended: false,
        }
    }

    /// Decodes one step and gives what came out.
    fn step(&mut self, input: &[u8]) -> std::io::Result<Vec<u8>> {
        Ok(match &mut self.decoder {
            Decoder::Gzip(decoder) => {
                decoder.write_all(input)?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
            Decoder::Deflate(decoder) => {
                decoder.write_all(input)?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
        })
    }

    fn finish(&mut self) -> std::io::Result<Vec<u8>> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Decoder::Deflate(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }
}

impl http_body::Body for Decoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let output = if self.pending.is_empty() {
                match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
                    Some(Ok(frame)) => {
                        self.pending = frame.into_data().unwrap_or_default();
                        continue;
                    }
                    Some(Err(error)) => {
                        self.ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        self.ended = true;
                        self.finish()
                    }
                }
            } else {
                let size = self.pending.len().min(STEP_BYTES);
                let input = self.pending.split_to(size);
                self.step(&input)
            };
            match output {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(BodyError(format!(
                        "Decompression failed: {error}"
                    )))));
                }
            }
        }
    }
}
