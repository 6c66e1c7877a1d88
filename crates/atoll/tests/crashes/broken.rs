//! Servers that are broken on purpose, for the checker to notice. Each is this program again, with a disk that says too
//! early that something is safe: what a host without its output gate, or a log without its syncs, comes to.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{Gateway, Options, Target};
use host::StorageOptions;
use host::disk::{Disk, File, Lock, SystemDisk};

use crate::ledger;
use crate::server::Server;
use crate::workers::{App, start};

const FOLDER: &str = "ATOLL_BROKEN_SERVER_FOLDER";
const HOW: &str = "ATOLL_BROKEN_SERVER_HOW";

/// How long the disk keeps what it said was safe to itself.
const LATE_BY: Duration = Duration::from_millis(40);

/// Starts a server that is broken in this way.
pub(crate) fn serve(folder: &Path, how: &str) -> Result<Server, String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "broken::server", "--nocapture"])
        .env(FOLDER, folder)
        .env(HOW, how);
    Server::start(command)
}

/// Not a test of its own: the broken server.
#[test]
fn server() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let disk = Late::new(std::env::var(HOW).unwrap() == "reordered");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let host = start(2).await;
        let mut options = StorageOptions::new(PathBuf::from(folder));
        options.disk = Arc::new(disk.clone());
        host.open_storage(&options).await.unwrap();
        let app = App::new(ledger::CODE)
            .name("ledger")
            .objects("LEDGER", "Ledger");
        let worker = app.try_deploy_on(&host).await.unwrap();
        let target = Target {
            name: "ledger".into(),
            fetcher: Arc::new(worker),
        };
        let options = Options::new(([127, 0, 0, 1], 0).into());
        let gateway = Gateway::bind(options, target).unwrap();
        eprintln!("http://{} ", gateway.address());
        let mut stop =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        let stop = async move {
            stop.recv().await;
        };
        gateway.run(stop).await;
        host.close().await.unwrap();
        disk.settle();
    });
}

/// Writes to one file that are not where they should be.
type Waiting = (Arc<dyn File>, Vec<(u64, Vec<u8>)>);

/// A disk that keeps what is written to the log to itself for a while, though it was told to sync it.
#[derive(Clone, Debug, Default)]
struct Late(Arc<Mutex<HashMap<u64, Waiting>>>);

impl Late {
    fn new(reordered: bool) -> Self {
        let disk = Self::default();
        let late = disk.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(LATE_BY);
                for (file, writes) in late.0.lock().unwrap().values_mut() {
                    // The first of them goes behind those that came later.
                    let kept = usize::from(reordered && writes.len() > 1);
                    let write = |(offset, bytes): (u64, Vec<u8>)| file.write_at(&bytes, offset);
                    writes.drain(kept..).rev().try_for_each(write).unwrap();
                }
            }
        });
        disk
    }

    /// Writes everything that waits.
    fn settle(&self) {
        for (file, writes) in self.0.lock().unwrap().values_mut() {
            let mut writes = writes.drain(..);
            writes
                .try_for_each(|(offset, bytes)| file.write_at(&bytes, offset))
                .unwrap();
        }
    }

    fn wrap(&self, path: &Path, file: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
        if !path.parent().is_some_and(|folder| folder.ends_with("log")) {
            return Ok(file);
        }
        let inode = std::fs::metadata(path)?.ino();
        Ok(Arc::new(LateFile {
            disk: self.clone(),
            inode,
            file,
        }))
    }
}

#[derive(Debug)]
struct LateFile {
    disk: Late,
    inode: u64,
    file: Arc<dyn File>,
}

impl File for LateFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.settle();
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset == 0 {
            // A log that cannot even be opened would be noticed too easily.
            return self.file.write_at(bytes, offset);
        }
        let mut waiting = self.disk.0.lock().unwrap();
        let (_, writes) = waiting
            .entry(self.inode)
            .or_insert_with(|| (self.file.clone(), Vec::new()));
        writes.push((offset, bytes.to_vec()));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.settle();
        self.file.len()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.settle();
        self.file.set_len(length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.file.allocate(length)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn descriptor(&self) -> io::Result<OwnedFd> {
        self.file.descriptor()
    }
}

impl Disk for Late {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        self.wrap(path, SystemDisk.open(path, create)?)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.wrap(path, SystemDisk.open_to_read(path)?)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.make_folder(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        SystemDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove_folder(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Result<Box<dyn Lock>, String>> {
        SystemDisk.lock(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(folder)
    }
}
