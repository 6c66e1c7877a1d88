//! Building from a map of files instead of a folder, for code that was written a moment ago: what stands behind
//! `createWorker()` and `createApp()` of `@cloudflare/worker-bundler`.
//!
//! This runs in a jailed process that is made for one build and ends with it: the source is hostile, and nothing here
//! opens a file. It is forked from one that is ready for a build ([`get_ready`]), with the request waiting on its socket.
//! A request and its reply are a length (four bytes, little-endian), that many bytes of JSON, and the contents that the
//! JSON lists, one after the other. The way in and out of the process is [`serve`].
//!
//! What is small and not to be bundled is done by who asks for it ([`transform_here`]): it takes less than the way to another
//! process.

mod bundling;
mod files;
mod here;
mod plugin;
mod project;
mod ready;
mod reply;
mod request;
mod styles;
mod transform;
mod worker;

use std::io::{IoSlice, Read, Write};
use std::mem::ManuallyDrop;
use std::os::unix::net::UnixStream;

use protocol::limits::{MAX_BUILD_BYTES, MAX_BUILD_REPLY_BYTES};

use files::Files;
pub use here::{get_ready_to_transform, transform_here};
pub use ready::get_ready;
use reply::{Failure, Reply};

/// Threads of a large build, for parsing and for linking each. The process cannot ask how many cores there are.
const THREADS: usize = 2;
/// From so many bytes of files on a build has threads. Starting them takes longer than parsing less does.
const LARGE_BYTES: usize = 4 * 1024 * 1024;
/// Stack of the thread that has a large build done, in bytes: as much as the main thread's.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// Exit status of a process whose build panicked.
const EXIT_PANICKED: i32 = 101;

/// Does the one build that comes over `socket`, and returns when the reply is sent.
///
/// # Errors
/// When the other side is gone or sends too much.
pub fn serve(mut socket: UnixStream) -> std::io::Result<()> {
    reply_when_panicking(socket.try_clone()?);
    ready::touch_memory();
    let mut lengths = [[0; 4]; 2];
    socket.read_exact(lengths.as_flattened_mut())?;
    let [request, packages] = lengths;
    let request = read_part(&mut socket, request)?;
    let packages = read_part(&mut socket, packages)?;
    let mut reply = match request.len() + packages.len() < LARGE_BYTES {
        // The process is about to end, which takes less than ending it bit by bit.
        true => answer(&ManuallyDrop::new(alone()?), request, packages),
        false => std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || Ok(answer(&with_threads()?, request, packages)))?
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("it panicked")))?,
    };
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
    let length = length.to_le_bytes();
    // In one piece where it fits, since whoever waits wakes up for each.
    let sent = socket.write_vectored(&[IoSlice::new(&length), IoSlice::new(reply)])?;
    socket.write_all(length.get(sent..).unwrap_or_default())?;
    socket.write_all(&reply[sent.saturating_sub(length.len())..])
}

/// Everything happens on the thread that waits for it.
fn alone() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().build()
}

fn with_threads() -> std::io::Result<tokio::runtime::Runtime> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .build_global()
        .map_err(std::io::Error::other)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .build()
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

/// As many bytes as these four say.
fn read_part(socket: &mut impl Read, length: [u8; 4]) -> std::io::Result<Vec<u8>> {
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
