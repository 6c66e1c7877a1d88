//! A small HTTP/1.1 load generator: kept connections, one request at a time on each.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// Sends `request` over `connections` for `duration`, and checks that each answer is a 200 of `body_bytes`.
pub(crate) async fn run(
    port: u16,
    request: &'static str,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Run> {
    // One thread for all connections: the load has to leave the cores to the servers.
    let loaded = tokio::task::spawn_blocking(move || -> anyhow::Result<(Vec<u32>, f64)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..connections)
                .map(|_| tokio::spawn(connection(port, request, start + duration)))
                .collect();
            let mut times = Vec::new();
            for task in tasks {
                times.extend(task.await??);
            }
            Ok((times, start.elapsed().as_secs_f64()))
        })
    });
    let (mut times, elapsed) = loaded.await??;
    times.sort_unstable();
    let at = |part: f64| {
        times
            .get((times.len() as f64 * part) as usize)
            .map_or(0.0, |time| f64::from(*time) / 1000.0)
    };
    Ok(Run {
        requests: times.len(),
        per_second: times.len() as f64 / elapsed,
        p50_us: at(0.5),
        p99_us: at(0.99),
    })
}

/// Nanoseconds of each request.
async fn connection(port: u16, request: &'static str, until: Instant) -> anyhow::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .context("connecting")?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(64 * 1024);
    while Instant::now() < until {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        read_response(&mut stream, &mut buffer).await?;
        times.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    Ok(times)
}

/// Reads one response, whose body is discarded.
pub(crate) async fn read_response(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<()> {
    buffer.clear();
    let end = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let head = &buffer[..end];
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
        while buffer.len() < end + length {
            more(stream, buffer).await?;
        }
        return Ok(());
    }
    // Chunked: follow the sizes.
    let mut at = end;
    loop {
        let line = loop {
            if let Some(line) = find(&buffer[at..], b"\r\n") {
                break line;
            }
            more(stream, buffer).await?;
        };
        let size = usize::from_str_radix(std::str::from_utf8(&buffer[at..at + line])?.trim(), 16)?;
        at += line + 2;
        while buffer.len() < at + size + 2 {
            more(stream, buffer).await?;
        }
        at += size + 2;
        if size == 0 {
            return Ok(());
        }
        buffer.drain(..at);
        at = 0;
    }
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

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.reserve(64 * 1024);
    if stream.read_buf(buffer).await? == 0 {
        bail!("the connection closed");
    }
    Ok(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
