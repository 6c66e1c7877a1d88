//! Writes `node_modules`: packages, links between folders, and programs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::cache::Cache;
use crate::error::Error;
use crate::integrity::Integrity;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::pack::Pack;
use crate::progress::{Progress, Step};
use crate::spec::version;
use crate::tree::NodeId;

/// Making files waits for the kernel more than for the processor.
const THREADS_FOR_EACH_CORE: usize = 2;
const MAX_THREADS: usize = 16;

/// A package to write.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: NodeId,
    /// Its folder, from the project.
    pub(crate) location: String,
    /// What it has to be.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) integrity: Integrity,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// What each package says about itself.
    pub(crate) manifests: HashMap<NodeId, Manifest>,
    /// Packages whose entry in the cache is not whole.
    pub(crate) damaged: Vec<NodeId>,
}

/// Checks that a package is the one that somebody wants.
pub(crate) fn identify(pack: &Pack, name: &str, wanted: &str) -> Result<Manifest, Error> {
    let id = || format!("{name}@{wanted}");
    let wrong = |message: String| Error::Archive {
        package: id(),
        message,
    };
    let Some(file) = pack.find("package.json") else {
        return Err(wrong("has no package.json".to_owned()));
    };
    let mut manifest = Manifest::parse(&pack.content(file))
        .map_err(|message| wrong(format!("has a package.json that cannot be used: {message}")))?;
    let same_version = manifest.version == wanted
        || match (version(&manifest.version), version(wanted)) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => false,
        };
    if manifest.name != name || !same_version {
        return Err(wrong(format!("is that of {}", manifest.id())));
    }
    if pack.find("binding.gyp").is_some() {
        (manifest.has_install_script, manifest.needs_install_script) = (true, true);
    }
    if let (true, Some(folder)) = (manifest.bin.is_empty(), &manifest.bin_folder) {
        let start = format!("{folder}/");
        manifest.bin = pack
            .files
            .iter()
            .filter_map(|file| Some((file.path.strip_prefix(&start)?, file)))
            .filter(|(name, _)| !name.contains('/') && !name.starts_with('.'))
            .map(|(name, file)| (name.to_owned(), file.path.clone()))
            .collect();
    }
    Ok(manifest)
}

/// Writes packages. Those that lie in others come after them.
pub(crate) fn write(
    folder: &Path,
    cache: &Cache,
    mut items: Vec<Item>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Written, Error> {
    let depth = |item: &Item| item.location.matches("node_modules/").count();
    items.sort_by_key(depth);
    let total = items.len();
    let done = AtomicUsize::new(0);
    let (files, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let result = Mutex::new((Written::default(), None));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = (cores * THREADS_FOR_EACH_CORE).min(MAX_THREADS);
    for level in items.chunk_by(|left, right| depth(left) == depth(right)) {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(item) = level.get(next.fetch_add(1, Ordering::Relaxed)) {
                let written = package(folder, cache, item, limits, &files, &bytes);
                let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
                match written {
                    Ok(Some(manifest)) => {
                        result.0.manifests.insert(item.id, manifest);
                        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                        progress.tell(Step::Writing { done, total });
                    }
                    Ok(None) => result.0.damaged.push(item.id),
                    Err(error) => {
                        result.1.get_or_insert(error);
                    }
                }
                if result.1.is_some() {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(level.len()) {
                scope.spawn(work);
            }
            work();
        });
        if result
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .is_some()
        {
            break;
        }
    }
    match result.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (_, Some(error)) => Err(error),
        (written, None) => Ok(written),
    }
}

fn package(
    folder: &Path,
    cache: &Cache,
    item: &Item,
    limits: &Limits,
    files: &AtomicUsize,
    bytes: &AtomicU64,
) -> Result<Option<Manifest>, Error> {
    let Some(pack) = cache.package(&item.integrity)? else {
        return Ok(None);
    };
    let manifest = identify(&pack, &item.name, &item.version)?;
    if files.fetch_add(pack.files.len(), Ordering::Relaxed) + pack.files.len() > limits.files {
        return Err(Error::limit(
            "files of all packages",
            limits.files as u64,
            "files",
        ));
    }
    if bytes.fetch_add(pack.size(), Ordering::Relaxed) + pack.size() > limits.bytes {
        return Err(Error::limit("files of all packages", limits.bytes, "bytes"));
    }
    let target = folder.join(&item.location);
    clear(&target)?;
    fs::create_dir_all(&target).map_err(Error::io("make", &target))?;
    let mut made: HashSet<&str> = HashSet::new();
    let mut path = target.clone();
    for file in &pack.files {
        path.clone_from(&target);
        path.push(&file.path);
        if let Some((parent, _)) = file.path.rsplit_once('/')
            && made.insert(parent)
            && let Some(folder) = path.parent()
        {
            fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        // Never through a link, and never over anything: the folder is new.
        let mut handle = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .map_err(Error::io("write", &path))?;
        handle
            .write_all(&pack.content(file))
            .map_err(Error::io("write", &path))?;
    }
    Ok(Some(manifest))
}

/// Removes whatever is there. Links are removed, and not what they lead to.
pub(crate) fn clear(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(Error::io("remove", path))
}

/// Makes links from places to folders, both from the project.
pub(crate) fn link(folder: &Path, links: &[(String, String)]) -> Result<(), Error> {
    for (location, target) in links {
        let path = folder.join(location);
        let to = if target.starts_with('/') {
            PathBuf::from(target)
        } else {
            // As many steps up as there are folders above the link.
            let up = "../".repeat(location.matches('/').count());
            PathBuf::from(format!("{up}{target}"))
        };
        if fs::read_link(&path).is_ok_and(|before| before == to) {
            continue;
        }
        clear(&path)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("make", parent))?;
        }
        symlink(&to, &path).map_err(Error::io("make", &path))?;
    }
    Ok(())
}

/// A program: the `node_modules` that it is for, its name, and its file, seen from the project.
pub(crate) type Program = (String, String, String);

/// Makes links to programs in each `node_modules/.bin`, and takes out those that are for nothing any more.
pub(crate) fn programs(
    folder: &Path,
    programs: &[Program],
    places: &BTreeSet<String>,
) -> Result<(), Error> {
    let mut wanted: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (place, name, file) in programs {
        let path = folder.join(file);
        let Ok(metadata) = fs::metadata(&path) else {
            // A package can name what it does not have.
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        // It is run by its name. A folder of the project is its owner's to change.
        let mode = metadata.permissions().mode();
        if mode & 0o111 != 0o111 && file.contains("node_modules/") {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o111))
                .map_err(Error::io("change", &path))?;
        }
        wanted.entry(place).or_default().entry(name).or_insert(file);
    }
    for place in places {
        let bin = folder.join(place).join(".bin");
        let wanted = wanted.remove(place.as_str()).unwrap_or_default();
        if let Ok(entries) = fs::read_dir(&bin) {
            for entry in entries.flatten() {
                let name = entry.file_name();
                if !name.to_str().is_some_and(|name| wanted.contains_key(name)) {
                    clear(&entry.path())?;
                }
            }
        }
        if wanted.is_empty() {
            // It stays if something is left in it.
            let _ = fs::remove_dir(&bin);
            continue;
        }
        fs::create_dir_all(&bin).map_err(Error::io("make", &bin))?;
        let up = "../".repeat(place.matches('/').count() + 2);
        for (name, file) in wanted {
            let path = bin.join(name);
            let inside = file
                .strip_prefix(place.as_str())
                .and_then(|rest| rest.strip_prefix('/'));
            let to = match inside {
                Some(inside) => PathBuf::from(format!("../{inside}")),
                None => PathBuf::from(format!("{up}{file}")),
            };
            if fs::read_link(&path).is_ok_and(|before| before == to) {
                continue;
            }
            clear(&path)?;
            symlink(&to, &path).map_err(Error::io("make", &path))?;
        }
    }
    Ok(())
}

/// Removes packages of these `node_modules` that are not wanted; what begins with a dot is not a package.
pub(crate) fn prune(
    folder: &Path,
    places: &BTreeSet<String>,
    wanted: &HashSet<String>,
) -> Result<usize, Error> {
    let mut removed = 0;
    for place in places {
        let mut open = vec![place.clone()];
        while let Some(location) = open.pop() {
            let Ok(entries) = fs::read_dir(folder.join(&location)) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                let below = format!("{location}/{name}");
                if name.starts_with('@')
                    && location == *place
                    && entry.file_type().is_ok_and(|kind| kind.is_dir())
                {
                    open.push(below);
                } else if !wanted.contains(&below)
                    && entry.file_type().is_ok_and(|kind| !kind.is_file())
                {
                    clear(&entry.path())?;
                    removed += 1;
                }
            }
            if location != *place {
                // A scope whose packages are all gone; it stays if one is left.
                let _ = fs::remove_dir(folder.join(&location));
            }
        }
    }
    Ok(removed)
}

/// Finds out whether packages can be written into a project, so that nothing is downloaded for one that cannot have them.
pub(crate) fn try_writing(folder: &Path) -> Result<(), Error> {
    let modules = folder.join("node_modules");
    let (place, told) = if modules.is_dir() {
        (modules.as_path(), Error::io("write into", &modules))
    } else {
        (folder, Error::io("make", &modules))
    };
    let path = place.join(format!(".atoll.{}", std::process::id()));
    let tried = File::create(&path).and_then(|_| fs::remove_file(&path));
    tried.map_err(told)
}

/// Writes a file in one step.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // The error that is told is the first.
        let _ = fs::remove_file(&beside);
        Error::io("write", path)(error)
    })
}
