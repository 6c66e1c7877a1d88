//! The socket in a folder of state: a line with an operation goes in, a line with what came of it comes out.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::Runtime;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Answer, Operation, Refusal, perform};

const NAME: &str = "control.sock";
/// The longest operation, in bytes.
const MAX_OPERATION_BYTES: u64 = 1024 * 1024;
/// Operations that are done at once; more wait.
const AT_ONCE: usize = 8;

/// A short path to something in a folder: the addresses of sockets have little room.
fn through(folder: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// Lets commands reach the runtime that has this folder of state, for as long as the process runs. Objects can go back
/// for so many days.
///
/// # Errors
/// When there can be no socket in the folder.
pub(crate) fn listen(runtime: &Runtime, folder: &Path, days: u32) -> io::Result<()> {
    let opened = File::open(folder)?;
    let next = format!("{NAME}.next");
    let path = folder.join(&next);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(through(&opened, &next))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    let owner = std::fs::metadata(&path)?.uid();
    // In place of what a process that is no more has left: this one holds the folder's lock.
    std::fs::rename(&path, folder.join(NAME))?;
    let runtime = runtime.clone();
    tokio::spawn(async move {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                // Too many files are open: that passes.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let is_allowed = stream
                .peer_cred()
                .is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
            if !is_allowed {
                continue;
            }
            let runtime = runtime.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(stream, &runtime, days).await {
                    tracing::debug!(%error, "a command went away");
                }
                drop(turn);
            });
        }
    });
    Ok(())
}

async fn serve(stream: UnixStream, runtime: &Runtime, days: u32) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(MAX_OPERATION_BYTES));
    reader.read_line(&mut line).await?;
    let outcome = match serde_json::from_str::<Operation>(&line) {
        Ok(operation) => perform(runtime, days, operation).await,
        Err(error) => Err(Refusal::failed(format_args!(
            "the server does not know this operation: {error}"
        ))),
    };
    let mut answer = serde_json::to_vec(&outcome)?;
    answer.push(b'\n');
    writer.write_all(&answer).await
}

/// The server that has a folder of state open, if one listens there.
pub(crate) struct Server(UnixStream);

/// Connects to the server that has the folder open. `None` when there is none.
pub(crate) async fn connect(folder: &Path) -> Option<Server> {
    let opened = File::open(folder).ok()?;
    let stream = UnixStream::connect(through(&opened, NAME)).await.ok()?;
    Some(Server(stream))
}

impl Server {
    /// Has the server do it.
    pub(crate) async fn perform(mut self, operation: &Operation) -> Result<Answer, Refusal> {
        let mut line = serde_json::to_vec(operation).map_err(Refusal::failed)?;
        line.push(b'\n');
        let mut answer = String::new();
        let asked = async {
            self.0.write_all(&line).await?;
            BufReader::new(&mut self.0).read_line(&mut answer).await
        };
        let broken = |why: &dyn std::fmt::Display| {
            Refusal::failed(format_args!("the server broke off: {why}"))
        };
        match asked.await {
            Ok(0) => Err(broken(&"it closed the connection")),
            Ok(_) => serde_json::from_str::<Result<Answer, Refusal>>(&answer)
                .unwrap_or_else(|error| Err(broken(&error))),
            Err(error) => Err(broken(&error)),
        }
    }
}
