//! Building from a map of files instead of a folder, for code that was written a moment ago: what stands behind
//! `createWorker()` and `createApp()` of `@cloudflare/worker-bundler`.
//!
//! This runs in a jailed process that is made for one build and ends with it: the source is hostile, and nothing here
//! opens a file. A request and its reply are a length (four bytes, little-endian), that many bytes of JSON, and the
//! contents that the JSON lists, one after the other. The way in and out of the process is [`serve`].

mod bundling;
mod files;
mod plugin;
mod project;
mod reply;
mod request;
mod styles;
mod transform;
mod worker;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use protocol::limits::{MAX_BUILD_BYTES, MAX_BUILD_REPLY_BYTES};

use files::Files;
use reply::{Failure, Reply};

/// Threads of a build, for parsing and for linking each. The process cannot ask how many cores there are.
const THREADS: usize = 2;
/// Exit status of a process whose build panicked.
const EXIT_PANICKED: i32 = 101;

/// Does the one build that comes over `socket`, after getting ready for it, and returns when the reply is sent.
///
/// # Errors
/// When the other side is gone or sends too much.
pub fn serve(mut socket: UnixStream) -> std::io::Result<()> {
    reply_when_panicking(socket.try_clone()?);
    let runtime = runtime()?;
    warm_up(&runtime);
    let request = read_part(&mut socket)?;
    let packages = read_part(&mut socket)?;
    let mut reply = answer(&runtime, request, packages);
    if reply.len() > MAX_BUILD_REPLY_BYTES {
        reply = Reply::Failed(Failure::new("The build gives more than is allowed.")).encode();
    }
    send(&socket, &reply)
}

/// A panic of one of its tasks is something that the bundler would wait for without end.
fn reply_when_panicking(socket: UnixStream) {
    std::panic::set_hook(Box::new(move |panic| {
        let message = format!(
            "The bundler failed on this source: {}",
            panic.payload_as_str().unwrap_or("it panicked")
        );
        let reply = Reply::Failed(Failure::new(message)).encode();
        // Whoever waits sees the process end in any case.
        drop(send(&socket, &reply));
        std::process::exit(EXIT_PANICKED);
    }));
}

fn send(mut socket: &UnixStream, reply: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(reply.len()).map_err(std::io::Error::other)?;
    socket.write_all(&length.to_le_bytes())?;
    socket.write_all(reply)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .build()
}

/// A small build, so that the first real one finds threads and tables ready.
fn warm_up(runtime: &tokio::runtime::Runtime) {
    let request = request::encode(
        r#"{"action":"worker","files":[["index.ts",48]],"options":{"jsx":"automatic"}}"#,
        b"let a: number = 1; export default { fetch() {} };",
    );
    drop(answer(runtime, request, Vec::new()));
}

/// The reply to a request with the packages that belong to it.
fn answer(runtime: &tokio::runtime::Runtime, request: Vec<u8>, packages: Vec<u8>) -> Vec<u8> {
    let work = || -> Result<Reply, Failure> {
        let request = request::Request::read(request)?;
        let files = Files::new(request.files, request::read_packages(packages)?)?;
        runtime.block_on(worker::make(request.action, files, request.options))
    };
    work().unwrap_or_else(Reply::Failed).encode()
}

fn read_part(socket: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_BUILD_BYTES {
        return Err(std::io::Error::other("more than a build may have"));
    }
    let mut part = vec![0; length];
    socket.read_exact(&mut part)?;
    Ok(part)
}

#[cfg(test)]
mod tests;
