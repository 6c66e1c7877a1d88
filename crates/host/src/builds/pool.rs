//! Processes that build, each once. Some are ready ahead of time, forked from one that has got ready for them all.

use std::io::Read;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use protocol::limits::MAX_BUILD_REPLY_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Building;

/// Processes that wait for a build.
const SPARES: usize = 2;
/// Threads and processes that builds may have together, where their jail has a user of its own.
const MAX_THREADS: u32 = 1024;
/// How long the process that others are forked from may take to get ready, on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait for word of how a process ended.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    zygote: jail::Forker,
    building: Building,
    /// What processes are forked from, once it is there.
    template: Mutex<Option<jail::Forker>>,
    spares: Mutex<Vec<jail::Child>>,
}

impl Pool {
    pub(super) fn new(zygote: jail::Forker, building: Building) -> Self {
        let pool = Self(Arc::new(Inner {
            zygote,
            building,
            template: Mutex::default(),
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
            // Both cores of a build may be busy until its time is over.
            cpu_time: Some(2 * self.building.time),
            ..self.limits()
        };
        match self.template()?.fork(jail::Role::Threaded, &limits) {
            // It has ended, or was killed because it did not answer.
            Err(jail::Error::Gone | jail::Error::Timeout) => {
                *self.known_template() = None;
                self.template()?.fork(jail::Role::Threaded, &limits)
            }
            outcome => outcome,
        }
    }

    fn limits(&self) -> jail::Limits {
        jail::Limits {
            memory_bytes: self.building.memory_bytes,
            descriptors: 16,
            processes: MAX_THREADS,
            ..jail::Limits::default()
        }
    }

    fn known_template(&self) -> std::sync::MutexGuard<'_, Option<jail::Forker>> {
        self.template.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that is ready for any build.
    fn template(&self) -> Result<jail::Forker, jail::Error> {
        let mut template = self.known_template();
        if let Some(template) = template.as_ref() {
            return Ok(template.clone());
        }
        let role = jail::Role::ThreadedTemplate;
        let mut child = self.zygote.fork(role, &self.limits())?;
        let mut ready = || {
            child.socket.set_read_timeout(Some(READY_TIMEOUT))?;
            child.socket.read_exact(&mut [0])?;
            child.socket.set_read_timeout(None)
        };
        ready().map_err(|error| jail::Error::System("it does not get ready", error))?;
        Ok(template.insert(child.into_forker()?).clone())
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
    let length = |part: &[u8]| u32::try_from(part.len()).map_err(std::io::Error::other);
    let lengths = [length(request)?, length(packages)?].map(u32::to_le_bytes);
    let mut whole = Buf::chain(lengths.as_flattened(), request);
    socket.write_all_buf(&mut whole).await?;
    socket.write_all(packages).await?;
    let length = socket.read_u32_le().await? as usize;
    if length > MAX_BUILD_REPLY_BYTES {
        return Err(std::io::Error::other("it replied too much"));
    }
    let mut reply = vec![0; length];
    socket.read_exact(&mut reply).await?;
    Ok(reply.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What comes of a builder that replies this and goes.
    async fn reply_of(reply: &[u8]) -> std::io::Result<Bytes> {
        let (ours, mut theirs) = StdUnixStream::pair().unwrap();
        let reply = reply.to_vec();
        let builder = std::thread::spawn(move || {
            let mut request = [0; 4 + 4 + 3 + 2];
            theirs.read_exact(&mut request).unwrap();
            assert_eq!(&request, b"\x03\0\0\0\x02\0\0\0abcde");
            theirs.write_all(&reply).unwrap();
        });
        let outcome = exchange(into_tokio(ours).unwrap(), b"abc", b"de").await;
        builder.join().unwrap();
        outcome
    }

    #[tokio::test]
    async fn builders_that_lie_are_not_believed() {
        assert_eq!(reply_of(b"\x02\0\0\0ok").await.unwrap(), "ok");
        assert_eq!(reply_of(b"\x02\0\0\0ok and more").await.unwrap(), "ok");
        for reply in [&b""[..], b"\x02\0\0", b"\x02\0\0\0o"] {
            let error = reply_of(reply).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        }
        let error = reply_of(b"\xff\xff\xff\xffall").await.unwrap_err();
        assert_eq!(error.to_string(), "it replied too much");
    }
}
