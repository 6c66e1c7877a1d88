//! Processes that build, each once. Some are ready ahead of time.

use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use protocol::limits::MAX_BUILD_REPLY_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Building;

/// Processes that wait for a build.
const SPARES: usize = 2;
/// Threads and processes of one build's user, where it has one of its own.
const MAX_THREADS: u32 = 64;
/// How long to wait for word of how a process ended.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    zygote: jail::Forker,
    building: Building,
    spares: Mutex<Vec<jail::Child>>,
}

impl Pool {
    pub(super) fn new(zygote: jail::Forker, building: Building) -> Self {
        let pool = Self(Arc::new(Inner {
            zygote,
            building,
            spares: Mutex::default(),
        }));
        pool.refill();
        pool
    }

    /// Has a process of its own build what is asked for. When the caller stops waiting, it ends.
    pub(super) async fn build(&self, request: &[u8], packages: &[u8]) -> Result<Bytes, String> {
        let child = self.take().await?;
        let limit = self.0.building.time;
        let socket = child.socket.try_clone();
        let exchange = async {
            let socket = into_tokio(socket?)?;
            exchange(socket, request, packages).await
        };
        let outcome = tokio::time::timeout(limit, exchange).await;
        match outcome {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(self.ended(child, &error).await),
            Err(_) => Err(format!(
                "The build was ended: it took more than {} ms.",
                limit.as_millis()
            )),
        }
    }

    async fn take(&self) -> Result<jail::Child, String> {
        let spare = self.spares().pop();
        self.refill();
        if let Some(spare) = spare {
            return Ok(spare);
        }
        let inner = Arc::clone(&self.0);
        let forked = tokio::task::spawn_blocking(move || inner.fork()).await;
        let forked = forked.unwrap_or(Err(jail::Error::Gone));
        forked.map_err(|error| format!("The bundler does not start: {error}"))
    }

    /// Why a process gave no reply.
    async fn ended(&self, child: jail::Child, error: &std::io::Error) -> String {
        let jail::Child { process, socket } = child;
        drop(socket);
        let wait = move || process.wait(Some(EXIT_TIMEOUT)).ok().flatten();
        let exit = tokio::task::spawn_blocking(wait).await.ok().flatten();
        match exit {
            Some(exit) if exit.is_out_of_cpu_time() => {
                "The build was ended: it used too much processor time.".to_owned()
            }
            Some(exit) => format!(
                "The build ended without a result: its process {exit}. The source may nest too deeply, or need more \
                 than {} MiB of memory.",
                self.0.building.memory_bytes / (1024 * 1024)
            ),
            None => format!("The build ended without a result: {error}"),
        }
    }

    fn refill(&self) {
        let inner = Arc::clone(&self.0);
        let fill = move || {
            loop {
                let missing = SPARES > inner.spares().len();
                match missing.then(|| inner.fork()) {
                    Some(Ok(child)) => inner.spares().push(child),
                    // Whoever needs one is told.
                    Some(Err(_)) | None => return,
                }
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(fill);
        }
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<jail::Child>> {
        self.0.spares()
    }
}

impl Inner {
    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<jail::Child>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fork(&self) -> Result<jail::Child, jail::Error> {
        let limits = jail::Limits {
            memory_bytes: self.building.memory_bytes,
            // Both cores of a build may be busy until its time is over.
            cpu_time: Some(2 * self.building.time),
            descriptors: 16,
            processes: MAX_THREADS,
            ..jail::Limits::default()
        };
        self.zygote.fork(jail::Role::Threaded, &limits)
    }
}

fn into_tokio(socket: StdUnixStream) -> std::io::Result<UnixStream> {
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// Sends what is to be built, and reads what became of it.
async fn exchange(
    mut socket: UnixStream,
    request: &[u8],
    packages: &[u8],
) -> std::io::Result<Bytes> {
    for part in [request, packages] {
        let length = u32::try_from(part.len()).map_err(std::io::Error::other)?;
        socket.write_all(&length.to_le_bytes()).await?;
        socket.write_all(part).await?;
    }
    let length = socket.read_u32_le().await? as usize;
    if length > MAX_BUILD_REPLY_BYTES {
        return Err(std::io::Error::other("it replied too much"));
    }
    let mut reply = vec![0; length];
    socket.read_exact(&mut reply).await?;
    Ok(reply.into())
}
