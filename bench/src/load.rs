//! A small HTTP/1.1 load generator: kept connections, one request at a time on each.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tokio::io::AsyncReadExt;

/// Room for one read, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// What one run gave.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Requests answered.
    pub(crate) requests: usize,
    /// Requests answered in a second.
    pub(crate) per_second: f64,
    /// Time of one request at the median, in microseconds.
    pub(crate) p50_us: f64,
    /// Time of one request at the 99th percentile, in microseconds.
    pub(crate) p99_us: f64,
}

/// Sends `request` over `connections` for `duration`, and checks that each answer is a 200.
pub(crate) async fn run(
    port: u16,
    request: &'static str,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Run> {
    // One thread for all connections, and little work for each request: the load has to leave the cores to the servers.
    let driving = move || Driver::connect(port, request, connections)?.drive(duration);
    let (mut times, elapsed) = tokio::task::spawn_blocking(driving).await??;
    times.sort_unstable();
    let at = |part: f64| {
        times
            .get((times.len() as f64 * part) as usize)
            .map_or(0.0, |time| f64::from(*time) / 1000.0)
    };
    Ok(Run {
        requests: times.len(),
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50_us: at(0.5),
        p99_us: at(0.99),
    })
}

struct Driver {
    poll: Poll,
    connections: Vec<Connection>,
    request: &'static str,
}

struct Connection {
    stream: TcpStream,
    /// When its request was sent.
    sent: Instant,
    /// What has come of a response that did not come at once.
    begun: Vec<u8>,
}

impl Driver {
    fn connect(port: u16, request: &'static str, count: usize) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for index in 0..count {
            let stream = std::net::TcpStream::connect(("127.0.0.1", port)).context("connecting")?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)?;
            connections.push(Connection {
                stream,
                sent: Instant::now(),
                begun: Vec::new(),
            });
        }
        Ok(Self {
            poll,
            connections,
            request,
        })
    }

    /// Nanoseconds of each request, and how long all took.
    fn drive(mut self, duration: Duration) -> anyhow::Result<(Vec<u32>, Duration)> {
        let start = Instant::now();
        let (mut times, mut buffer) = (Vec::new(), vec![0; READ_BYTES]);
        let mut events = Events::with_capacity(self.connections.len());
        for connection in &mut self.connections {
            connection.send(self.request)?;
        }
        let mut busy = self.connections.len();
        while busy > 0 {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if !connection.receive(&mut buffer)? {
                    continue;
                }
                let now = Instant::now();
                let took = now.duration_since(connection.sent).as_nanos();
                times.push(u32::try_from(took).unwrap_or(u32::MAX));
                if now.duration_since(start) < duration {
                    connection.send(self.request)?;
                } else {
                    busy -= 1;
                }
            }
        }
        Ok((times, start.elapsed()))
    }
}

impl Connection {
    fn send(&mut self, request: &str) -> anyhow::Result<()> {
        self.sent = Instant::now();
        // It is small, and nothing is under way.
        let count = self.stream.write(request.as_bytes())?;
        ensure!(count == request.len(), "a request was not taken whole");
        Ok(())
    }

    /// Reads what there is, and says whether the response has come whole.
    fn receive(&mut self, buffer: &mut [u8]) -> anyhow::Result<bool> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the connection closed"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let read = &buffer[..count];
            if self.begun.is_empty() && is_whole(read)? {
                return Ok(true);
            }
            self.begun.extend_from_slice(read);
            if is_whole(&self.begun)? {
                self.begun.clear();
                return Ok(true);
            }
        }
    }
}

/// Reads one response, whose body is discarded.
pub(crate) async fn read_response(
    stream: &mut tokio::net::TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<()> {
    buffer.clear();
    while !is_whole(buffer)? {
        buffer.reserve(READ_BYTES);
        if stream.read_buf(buffer).await? == 0 {
            bail!("the connection closed");
        }
    }
    Ok(())
}

/// Whether this is a whole response, which has to be a 200.
fn is_whole(response: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = find(response, b"\r\n\r\n") else {
        return Ok(false);
    };
    let (head, body) = response.split_at(head + 4);
    if !head.starts_with(b"HTTP/1.1 200") {
        bail!(
            "answered {}",
            String::from_utf8_lossy(head)
                .lines()
                .next()
                .unwrap_or_default()
        );
    }
    if let Some(length) = content_length(head) {
        return Ok(body.len() >= length);
    }
    // Chunked: follow the sizes.
    let mut left = body;
    while let Some(line) = find(left, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&left[..line])?.trim(), 16)?;
        let Some((_, next)) = left.split_at_checked(line + 2 + size + 2) else {
            return Ok(false);
        };
        if size == 0 {
            return Ok(true);
        }
        left = next;
    }
    Ok(false)
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        if !name.eq_ignore_ascii_case(NAME) {
            return None;
        }
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
