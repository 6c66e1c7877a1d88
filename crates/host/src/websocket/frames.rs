//! Frames of WebSockets (RFC 6455), read and written as Workers do it: what is refused, and in which words.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Role;

const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

/// Codes of close frames.
const PROTOCOL: u16 = 1002;
const TOO_LARGE: u16 = 1009;

/// What is read at a time. It is on the stack: a socket that waits keeps no room for what may come.
const READ_BYTES: usize = 4 * 1024;
/// The first room for a message that has not come yet.
const FIRST_BYTES: usize = 16 * 1024;
/// Payloads from here on are written from where they are.
const OWN_WRITE_BYTES: usize = 16 * 1024;
/// The longest head of a frame.
const HEAD_BYTES: usize = 14;

/// The longest reason of a close frame in bytes (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// What comes on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary(Bytes),
    Close(Option<u16>, String),
    /// To be answered with the same bytes.
    Ping(Bytes),
}

/// Why nothing comes any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// What came must not be: the code and the reason of the close frame that says so.
    Refused(u16, String),
    /// The other side has ended its half of the connection.
    Ended,
    /// The connection is gone.
    Lost,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// The head of a frame.
struct Head {
    first: u8,
    length: u64,
    mask: Option<[u8; 4]>,
}

impl Head {
    /// Takes a head from `bytes`, if it is there in full.
    fn take(bytes: &mut BytesMut) -> Option<Self> {
        let [first, second, ..] = **bytes else {
            return None;
        };
        let extended = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & MASKED != 0;
        if bytes.len() < 2 + extended + if masked { 4 } else { 0 } {
            return None;
        }
        bytes.advance(2);
        let length = match extended {
            2 => u64::from(bytes.get_u16()),
            8 => bytes.get_u64(),
            _ => u64::from(second & !MASKED),
        };
        let mask = masked.then(|| bytes.get_u32().to_be_bytes());
        Some(Self {
            first,
            length,
            mask,
        })
    }
}

/// Reads frames, and makes messages of their fragments.
pub(super) struct Reader<R> {
    connection: R,
    /// What has come and was not looked at.
    buffer: BytesMut,
    /// The opcode and the content of a message whose end has not come.
    fragments: Option<(u8, BytesMut)>,
    /// The longest message in bytes.
    limit: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(connection: R, limit: usize) -> Self {
        Self {
            connection,
            buffer: BytesMut::new(),
            fragments: None,
            limit,
        }
    }

    /// The next frame that means something.
    pub(super) async fn next(&mut self) -> Result<Frame, Stop> {
        loop {
            let head = loop {
                if let Some(head) = Head::take(&mut self.buffer) {
                    break head;
                }
                self.fill().await?;
            };
            let (opcode, length) = self.check(&head)?;
            let payload = self.payload(length, head.mask).await?;
            let is_last = head.first & FIN != 0;
            let is_fragment = head.first & OPCODE == CONTINUATION;
            if !is_last {
                let (_, joined) = self
                    .fragments
                    .get_or_insert_with(|| (opcode, BytesMut::new()));
                joined.extend_from_slice(&payload);
                continue;
            }
            let payload = match self.fragments.take_if(|_| is_fragment) {
                Some((_, mut joined)) => {
                    joined.extend_from_slice(&payload);
                    joined.freeze()
                }
                None => payload,
            };
            match opcode {
                TEXT => return Ok(Frame::Text(text(payload))),
                BINARY => return Ok(Frame::Binary(payload)),
                CLOSE => return Ok(close(payload)),
                PING => return Ok(Frame::Ping(payload)),
                PONG => {}
                _ => return Err(refused(format!("Unknown opcode {opcode}"))),
            }
        }
    }

    /// Gives the opcode of the message that a frame belongs to, and the length of its payload.
    fn check(&self, head: &Head) -> Result<(u8, usize), Stop> {
        let refuse = |why: &str| Err(refused(why.to_owned()));
        if head.first & RESERVED != 0 {
            return refuse("Received frame had RSV bits 2 or 3 set");
        }
        let joined = self
            .fragments
            .as_ref()
            .map_or(0, |(_, joined)| joined.len());
        let room = self.limit.saturating_sub(joined);
        let Some(length) = usize::try_from(head.length).ok().filter(|&n| n <= room) else {
            let why = format!("Message is too large: {} > {room}", head.length);
            return Err(Stop::Refused(TOO_LARGE, why));
        };
        let opcode = head.first & OPCODE;
        let is_control = opcode >= CLOSE;
        let opcode = match (&self.fragments, opcode) {
            (None, CONTINUATION) => return refuse("Unexpected continuation frame"),
            (Some((opcode, _)), CONTINUATION) => *opcode,
            (Some(_), _) if !is_control => return refuse("Missing continuation frame"),
            _ => opcode,
        };
        if head.first & COMPRESSED != 0 {
            return refuse(
                "Received a WebSocket frame whose compression bit was set, but the compression extension was not \
                 negotiated for this connection.",
            );
        }
        if is_control && head.first & FIN == 0 {
            return refuse("Received fragmented control frame");
        }
        Ok((opcode, length))
    }

    async fn payload(&mut self, length: usize, mask: Option<[u8; 4]>) -> Result<Bytes, Stop> {
        let here = length.min(self.buffer.len());
        let mut payload = BytesMut::with_capacity(length.min(here + FIRST_BYTES));
        payload.extend_from_slice(&self.buffer[..here]);
        self.buffer.advance(here);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        while payload.len() < length {
            let missing = length - payload.len();
            // Room for what was announced is made as it comes.
            payload.reserve(missing.min(payload.len().max(FIRST_BYTES)));
            let mut space = (&mut payload).limit(missing);
            if self.connection.read_buf(&mut space).await? == 0 {
                return Err(Stop::Ended);
            }
        }
        if let Some(mask) = mask {
            apply(mask, &mut payload);
        }
        Ok(payload.freeze())
    }

    async fn fill(&mut self) -> Result<(), Stop> {
        let Self {
            connection, buffer, ..
        } = self;
        let come = poll_fn(|context| {
            read_some(connection, context, |bytes| buffer.extend_from_slice(bytes))
        });
        match come.await? {
            0 => Err(Stop::Ended),
            _ => Ok(()),
        }
    }

    /// Reads what still comes, and throws it away: so much at most, and until there is no more.
    pub(super) async fn discard(&mut self, mut bytes: usize) {
        let connection = &mut self.connection;
        while let Ok(come @ 1..) = poll_fn(|context| read_some(connection, context, |_| {})).await {
            bytes = bytes.saturating_sub(come);
            if bytes == 0 {
                return;
            }
        }
    }
}

/// Reads into the stack, and says how much came.
fn read_some<R: AsyncRead + Unpin>(
    connection: &mut R,
    context: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); READ_BYTES];
    let mut space = ReadBuf::uninit(&mut space);
    ready!(Pin::new(connection).poll_read(context, &mut space))?;
    take(space.filled());
    Poll::Ready(Ok(space.filled().len()))
}

fn refused(why: String) -> Stop {
    Stop::Refused(PROTOCOL, why)
}

/// What is not UTF-8 is replaced, as in Workers.
fn text(payload: Bytes) -> String {
    String::from_utf8(payload.into())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn close(mut payload: Bytes) -> Frame {
    if payload.len() < 2 {
        return Frame::Close(None, String::new());
    }
    let code = payload.get_u16();
    Frame::Close(Some(code), text(payload))
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let twice = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Writes frames. What is put in leaves with [`flush`](Self::flush).
pub(super) struct Writer<W> {
    connection: W,
    role: Role,
    waiting: BytesMut,
    /// A long payload is on its way: nothing may follow what was given up in the middle of it.
    is_within: bool,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(connection: W, role: Role) -> Self {
        Self {
            connection,
            role,
            waiting: BytesMut::new(),
            is_within: false,
        }
    }

    /// Puts a frame to those that wait; a long one leaves at once, after them.
    pub(super) async fn put(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        if self.is_within {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let is_long = payload.len() >= OWN_WRITE_BYTES && self.role == Role::Server;
        self.waiting
            .reserve(HEAD_BYTES + if is_long { 0 } else { payload.len() });
        let mask = self.head(opcode, payload.len())?;
        if is_long {
            self.connection.write_all_buf(&mut self.waiting).await?;
            self.is_within = true;
            self.connection.write_all(payload).await?;
            self.is_within = false;
            return Ok(());
        }
        let start = self.waiting.len();
        self.waiting.extend_from_slice(payload);
        if let Some(mask) = mask {
            apply(mask, &mut self.waiting[start..]);
        }
        if self.waiting.len() >= OWN_WRITE_BYTES {
            self.connection.write_all_buf(&mut self.waiting).await?;
        }
        Ok(())
    }

    fn head(&mut self, opcode: u8, length: usize) -> io::Result<Option<[u8; 4]>> {
        let mask = match self.role {
            Role::Server => None,
            // A frame of a client is masked with what nobody can foresee (RFC 6455, section 10.3).
            Role::Client => Some(
                getrandom::u32()
                    .map_err(|error| io::Error::other(error.to_string()))?
                    .to_ne_bytes(),
            ),
        };
        let masked = if mask.is_some() { MASKED } else { 0 };
        self.waiting.put_u8(FIN | opcode);
        if let Some(length) = u8::try_from(length).ok().filter(|&length| length < 126) {
            self.waiting.put_u8(masked | length);
        } else if let Ok(length) = u16::try_from(length) {
            self.waiting.put_u8(masked | 126);
            self.waiting.put_u16(length);
        } else {
            self.waiting.put_u8(masked | 127);
            self.waiting.put_u64(length as u64);
        }
        if let Some(mask) = mask {
            self.waiting.put_slice(&mask);
        }
        Ok(mask)
    }

    /// A close frame is the last.
    pub(super) async fn close(&mut self, code: Option<u16>, reason: &str) -> io::Result<()> {
        let mut payload = Vec::new();
        if let Some(code) = code {
            payload.extend(code.to_be_bytes());
            payload.extend(&reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON_BYTES)]);
        }
        self.put(CLOSE, &payload).await?;
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.connection.write_all_buf(&mut self.waiting).await?;
        // Most sockets are idle.
        self.waiting = BytesMut::new();
        self.connection.flush().await
    }

    /// Nothing follows.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.connection.shutdown().await
    }
}

#[cfg(test)]
mod tests;
