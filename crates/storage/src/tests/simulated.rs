//! A disk that forgets what was not synced, and does as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, File, Lock};

/// Bytes that a disk writes at once or not at all.
const SECTOR: usize = 512;

/// A small generator: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// As programs see it.
    now: Vec<u8>,
    /// As it is on the disk for sure.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, u64),
    Remove(PathBuf),
}

#[derive(Clone, Debug, Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    unsynced_names: BTreeMap<PathBuf, Vec<NameChange>>,
    folders: BTreeSet<PathBuf>,
    /// Operations so far.
    operations: u64,
    /// From this operation on nothing works.
    dies_at: Option<u64>,
    /// Bytes of all files together.
    capacity: Option<u64>,
    fail_sync: bool,
    /// Deliberately broken: says that it synced and did not.
    lies: bool,
    read_only: bool,
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, content) => {
            let offset = usize::try_from(*offset).unwrap();
            let end = offset + content.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[offset..end].copy_from_slice(content);
        }
        Change::Length(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
    }
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.operations += 1;
        if state.dies_at.is_some_and(|at| state.operations >= at) {
            return Err(io::Error::other("the machine is off"));
        }
        if state.read_only {
            return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        }
        Ok(state)
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    pub(crate) fn die_at(&self, operation: u64) {
        self.state().dies_at = Some(operation);
    }

    pub(crate) fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    pub(crate) fn used(&self) -> u64 {
        used(&self.state())
    }

    pub(crate) fn fail_sync(&self) {
        self.state().fail_sync = true;
    }

    pub(crate) fn lie_about_syncs(&self) {
        self.state().lies = true;
    }

    pub(crate) fn make_read_only(&self) {
        self.state().read_only = true;
    }

    /// The segments of the log, in order.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let state = self.state();
        let names = state.names.keys();
        names
            .filter(|path| path.extension().is_some_and(|e| e == "seg"))
            .cloned()
            .collect()
    }

    /// Changes a file behind everyone's back.
    pub(crate) fn edit(&self, path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let node = state.names[path];
        let node = state.nodes.get_mut(&node).unwrap();
        edit(&mut node.now);
        node.durable = node.now.clone();
        node.unsynced.clear();
    }

    /// Another disk with the same on it.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// The disk after the power failed: of what was not synced, some is there and some is not, torn at sectors.
    pub(crate) fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut state = self.state().clone();
        for node in state.nodes.values_mut() {
            let keep = random.below(4);
            for change in std::mem::take(&mut node.unsynced) {
                if keep == 0 || (keep > 1 && random.below(3) == 0) {
                    continue;
                }
                match change {
                    Change::Write(offset, bytes) if keep == 2 => {
                        for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                            if random.below(2) == 0 {
                                let offset = offset + (index * SECTOR) as u64;
                                apply(&mut node.durable, &Change::Write(offset, sector.to_vec()));
                            }
                        }
                    }
                    change => apply(&mut node.durable, &change),
                }
            }
            node.now = node.durable.clone();
        }
        for changes in std::mem::take(&mut state.unsynced_names).into_values() {
            // File systems keep the order of names, but may not have come to the last ones.
            let kept = random.below(changes.len() as u64 + 1);
            for change in changes.into_iter().take(usize::try_from(kept).unwrap()) {
                match change {
                    NameChange::Set(path, node) => {
                        state.durable_names.insert(path, node);
                    }
                    NameChange::Remove(path) => {
                        state.durable_names.remove(&path);
                    }
                }
            }
        }
        state.names = state.durable_names.clone();
        state.dies_at = None;
        state.operations = 0;
        Self(Arc::new(Mutex::new(state)))
    }
}

fn used(state: &State) -> u64 {
    let nodes: BTreeSet<u64> = state.names.values().copied().collect();
    nodes
        .iter()
        .map(|node| state.nodes[node].now.len() as u64)
        .sum()
}

impl State {
    fn note(&mut self, path: &Path, change: NameChange) {
        let folder = path.parent().unwrap().to_owned();
        self.unsynced_names.entry(folder).or_default().push(change);
    }
}

#[derive(Debug)]
struct NoLock;
impl Lock for NoLock {}

#[derive(Debug)]
struct Open {
    disk: Simulated,
    node: u64,
}

impl Disk for Simulated {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut state = self.change()?;
        let node = match state.names.get(path) {
            Some(node) => *node,
            None if create => {
                if !state.folders.contains(path.parent().unwrap()) {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
                state.next += 1;
                let node = state.next;
                state.nodes.insert(node, Node::default());
                state.names.insert(path.to_owned(), node);
                state.note(path, NameChange::Set(path.to_owned(), node));
                node
            }
            None => return Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Ok(Arc::new(Open {
            disk: self.clone(),
            node,
        }))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let state = self.state();
        let node = state.names.get(path).copied();
        Ok(Arc::new(Open {
            disk: self.clone(),
            node: node.ok_or(io::ErrorKind::NotFound)?,
        }))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        state.folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.folders.contains(folder) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let all = state.names.keys().chain(&state.folders);
        Ok(all
            .filter(|path| path.parent() == Some(folder))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let node = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), node);
        state.note(to, NameChange::Set(to.to_owned(), node));
        state.note(from, NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.note(path, NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        if !state.folders.contains(path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        state.folders.retain(|folder| !folder.starts_with(path));
        let inside: Vec<PathBuf> = state
            .names
            .keys()
            .filter(|p| p.starts_with(path))
            .cloned()
            .collect();
        for path in inside {
            state.names.remove(&path);
            state.note(&path, NameChange::Remove(path.clone()));
        }
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Result<Box<dyn Lock>, String>> {
        Ok(Ok(Box::new(NoLock)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        if state.lies {
            return Ok(());
        }
        for change in state.unsynced_names.remove(folder).unwrap_or_default() {
            match change {
                NameChange::Set(path, node) => state.durable_names.insert(path, node),
                NameChange::Remove(path) => state.durable_names.remove(&path),
            };
        }
        Ok(())
    }
}

impl Open {
    fn do_(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let capacity = state.capacity;
        let all = used(&state);
        let node = state.nodes.get_mut(&self.node).unwrap();
        let before = node.now.len() as u64;
        let after = match &change {
            Change::Write(offset, bytes) => before.max(offset + bytes.len() as u64),
            Change::Length(length) => *length,
        };
        if after > before && capacity.is_some_and(|limit| all + after - before > limit) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        apply(&mut node.now, &change);
        node.unsynced.push(change);
        Ok(())
    }
}

impl File for Open {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let content = &state.nodes[&self.node].now;
        let from = usize::try_from(offset).unwrap().min(content.len());
        let count = bytes.len().min(content.len() - from);
        bytes[..count].copy_from_slice(&content[from..from + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.do_(Change::Write(offset, bytes.to_vec()))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().nodes[&self.node].now.len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.do_(Change::Length(length))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        if self.len()? < length {
            self.do_(Change::Length(length))?;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.change()?;
        if state.fail_sync {
            return Err(io::Error::other("the disk is broken"));
        }
        if state.lies {
            return Ok(());
        }
        let node = state.nodes.get_mut(&self.node).unwrap();
        for change in std::mem::take(&mut node.unsynced) {
            apply(&mut node.durable, &change);
        }
        Ok(())
    }

    fn descriptor(&self) -> io::Result<OwnedFd> {
        use std::io::Write;
        let state = self.disk.state();
        let mut file = tempfile::tempfile()?;
        file.write_all(&state.nodes[&self.node].now)?;
        Ok(file.into())
    }
}
