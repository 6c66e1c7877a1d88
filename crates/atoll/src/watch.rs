//! Waiting until a file of a project changes.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc;

use crate::error::Error;

/// Editors write a file in several steps; they are over when nothing happens for so long.
const QUIET: Duration = Duration::from_millis(25);
/// However busy a folder is, a change is looked at after this time.
const LONGEST: Duration = Duration::from_millis(250);

/// What the kernel stamps most files with that are written now. It goes by ticks, and is behind the clock.
fn clock_of_files() -> SystemTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let since = Duration::try_from(now).unwrap_or_default();
    SystemTime::UNIX_EPOCH + since
}

/// Waits until files that are written get a later stamp than any that was written before.
fn next_stamps() -> SystemTime {
    // Some files are stamped by the clock itself.
    let before = SystemTime::now();
    // Two ticks at most, unless somebody sets the clock back.
    let begun = Instant::now();
    while clock_of_files() <= before && begun.elapsed() < Duration::from_millis(100) {
        std::thread::sleep(Duration::from_micros(200));
    }
    clock_of_files()
}

/// Watches the files of all workers. Their folders are what is really watched: editors replace files.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    sender: mpsc::UnboundedSender<PathBuf>,
    /// Since when what is done to files is news: those who build now began to read after that.
    since: SystemTime,
    /// The same for packages, which are installed before anything builds.
    packages_since: SystemTime,
    folders: HashSet<PathBuf>,
    /// Which workers each file belongs to.
    files: HashMap<PathBuf, HashSet<usize>>,
    /// Workers that do not build: any new file near them may be what they miss.
    broken: HashMap<usize, HashSet<PathBuf>>,
    /// Files that this program's own output goes to. To tell that something does not build changes nothing.
    own_output: HashSet<PathBuf>,
}

impl Watch {
    /// To be made before anything is read that will be watched.
    pub(crate) fn new() -> Result<Self, Error> {
        let (sender, changes) = mpsc::unbounded_channel();
        let told = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                // The receiver lives as long as the watcher.
                let _ = told.send(path);
            }
        })
        .map_err(|error| Error::failed("cannot watch files", error))?;
        Ok(Self {
            watcher,
            changes,
            sender,
            since: next_stamps(),
            packages_since: clock_of_files(),
            folders: HashSet::new(),
            files: HashMap::new(),
            broken: HashMap::new(),
            own_output: ["/proc/self/fd/1", "/proc/self/fd/2"]
                .into_iter()
                .filter_map(|output| std::fs::read_link(output).ok())
                .collect(),
        })
    }

    /// What was done to packages until now was done before anything was read of them.
    pub(crate) fn packages_are_there(&mut self) {
        self.packages_since = clock_of_files();
    }

    /// From now on the worker with this number has these files.
    pub(crate) fn set(&mut self, worker: usize, files: &[PathBuf], works: bool) {
        self.files.retain(|_, workers| {
            workers.remove(&worker);
            !workers.is_empty()
        });
        let folders: HashSet<PathBuf> = files
            .iter()
            .filter_map(|file| file.parent().map(Path::to_owned))
            .collect();
        for file in files {
            self.files.entry(file.clone()).or_default().insert(worker);
        }
        let mut new = HashSet::new();
        for folder in &folders {
            // A folder that does not exist yet is seen when the one above changes.
            if !self.folders.contains(folder)
                && self
                    .watcher
                    .watch(folder, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                self.folders.insert(folder.clone());
                new.insert(folder.as_path());
            }
        }
        for file in files {
            if file.parent().is_some_and(|folder| new.contains(folder)) && self.was_missed(file) {
                // The receiver is in here.
                let _ = self.sender.send(file.clone());
            }
        }
        if works {
            self.broken.remove(&worker);
        } else {
            self.broken.insert(worker, folders);
        }
    }

    /// Whether a file changed while nobody watched it yet, though it was being read.
    fn was_missed(&self, file: &Path) -> bool {
        let is_package = file
            .components()
            .any(|part| part.as_os_str() == "node_modules");
        let since = match is_package {
            true => self.since.max(self.packages_since),
            false => self.since,
        };
        let since = since.duration_since(SystemTime::UNIX_EPOCH);
        let changed = std::fs::metadata(file).map(|data| {
            let seconds = Duration::from_secs(data.ctime().try_into().unwrap_or(0));
            seconds + Duration::from_nanos(data.ctime_nsec().try_into().unwrap_or(0))
        });
        changed.is_ok_and(|changed| changed >= since.unwrap_or_default())
    }

    /// Waits for a change, and says which workers it concerns and what changed.
    pub(crate) async fn next(&mut self) -> (Vec<usize>, HashSet<PathBuf>) {
        loop {
            let Some(first) = self.changes.recv().await else {
                return std::future::pending().await;
            };
            let mut changed = HashSet::from([first]);
            let _ = tokio::time::timeout(LONGEST, async {
                while let Ok(Some(path)) = tokio::time::timeout(QUIET, self.changes.recv()).await {
                    changed.insert(path);
                }
            })
            .await;
            let mut workers: Vec<usize> = changed
                .iter()
                .flat_map(|path| self.workers_of(path))
                .collect();
            workers.sort_unstable();
            workers.dedup();
            if !workers.is_empty() {
                self.since = clock_of_files();
                return (workers, changed);
            }
        }
    }

    fn workers_of(&self, path: &Path) -> HashSet<usize> {
        let mut workers = self.files.get(path).cloned().unwrap_or_default();
        if self.own_output.contains(path) {
            return workers;
        }
        for (worker, folders) in &self.broken {
            if path.parent().is_some_and(|folder| folders.contains(folder)) {
                workers.insert(*worker);
            }
        }
        workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changed_before_it_was_watched_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("index.ts");
        let mut watch = Watch::new().expect("the system can watch files");
        std::fs::write(&file, "written while it was being read").expect("a file");
        watch.set(3, std::slice::from_ref(&file), true);
        assert_eq!(watch.next().await, (vec![3], HashSet::from([file])));
    }

    #[test]
    fn what_was_written_just_before_is_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("index.ts");
        for _ in 0..50 {
            std::fs::write(&file, "").expect("a file");
            let watch = Watch::new().expect("the system can watch files");
            assert!(!watch.was_missed(&file));
        }
    }

    #[test]
    fn packages_that_were_just_installed_are_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = Watch::new().expect("the system can watch files");
        let (own, package) = (
            folder.path().join("index.js"),
            folder.path().join("node_modules"),
        );
        for file in [&own, &package] {
            std::fs::write(file, "").expect("a file");
            assert!(watch.was_missed(file));
        }
        watch.packages_are_there();
        // As if that had taken some time.
        watch.packages_since += Duration::from_secs(1);
        assert!(watch.was_missed(&own) && !watch.was_missed(&package));
    }

    #[test]
    fn a_project_that_does_not_build_waits_for_any_file_but_what_is_told_of_it() {
        let mut watch = Watch::new().expect("the system can watch files");
        let folder = std::env::temp_dir();
        let (known, new, log) = (
            folder.join("index.ts"),
            folder.join("missing.ts"),
            folder.join("dev.log"),
        );
        watch.own_output.insert(log.clone());
        watch.set(3, std::slice::from_ref(&known), false);
        assert_eq!(watch.workers_of(&known), HashSet::from([3]));
        assert_eq!(watch.workers_of(&new), HashSet::from([3]));
        assert_eq!(watch.workers_of(&log), HashSet::new());
        watch.set(3, std::slice::from_ref(&known), true);
        assert_eq!(watch.workers_of(&new), HashSet::new());
    }
}
