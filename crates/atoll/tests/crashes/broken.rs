//! Servers that are broken on purpose, for the checker to notice. Each is this program again, on a disk that loses at a kill
//! what was not synced, and with one thing wrong.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gateway::{Gateway, Options, Target};
use host::StorageOptions;

use crate::disk::{Cached, Fault};
use crate::ledger;
use crate::server::Server;
use crate::workers::{App, start};
use crate::wrapped::Wrapped;

const FOLDER: &str = "ATOLL_BROKEN_SERVER_FOLDER";
const HOW: &str = "ATOLL_BROKEN_SERVER_HOW";

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    /// Nothing. Without this one, the checker might complain of the disk.
    Sound,
    /// Its log is never synced.
    Unsynced,
    /// What an isolate says does not wait for what it wrote.
    Ungated,
    /// Commits of an object stand in its log in another order than they were made in. They are acknowledged when they are
    /// safe, as they should be.
    Reordered,
}

impl How {
    const ALL: [Self; 4] = [Self::Sound, Self::Unsynced, Self::Ungated, Self::Reordered];

    fn fault(self) -> Fault {
        match self {
            Self::Sound | Self::Ungated => Fault::None,
            Self::Unsynced => Fault::NoSync,
            Self::Reordered => Fault::Reorders,
        }
    }
}

/// Starts a server that is broken in this way.
pub(crate) fn serve(folder: &Path, how: How) -> Result<Server, String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "broken::server", "--nocapture"])
        .env(FOLDER, folder)
        .env(HOW, format!("{how:?}"));
    Server::start(command)
}

/// Not a test of its own: the broken server.
#[test]
fn server() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let named = std::env::var(HOW).unwrap();
    let how = How::ALL.into_iter().find(|how| format!("{how:?}") == named);
    let how = how.unwrap();
    let disk = Cached::new(how.fault());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let host = start(2).await;
        let mut options = StorageOptions::new(PathBuf::from(folder));
        options.disk = Arc::new(Wrapped(disk.clone()));
        if how == How::Ungated {
            options.remove_output_gate();
        }
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
        disk.settle().unwrap();
    });
}
