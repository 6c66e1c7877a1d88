//! Installs: finds out what is needed, brings it into the cache, and writes it down.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::allow::Allow;
use crate::cache::Cache;
use crate::download::Archive;
use crate::error::{Error, UNFIT};
use crate::graph;
use crate::integrity::{Integrity, key};
use crate::layout::{self, Item, Program};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::platform::Platform;
use crate::progress::{Fetching, Progress};
use crate::project::Project;
use crate::registry::{Registry, blocking, gone_on_with};
use crate::render;
use crate::resolve::{Resolver, Rules};
use crate::settings::Settings;
use crate::status::{self, Status};
use crate::tree::{NodeId, ROOT, Source, Tree, below};

/// What `node_modules` says that it holds, as npm does.
const HIDDEN: &str = "node_modules/.package-lock.json";

/// Of the key that a project has, so many digits say which lock it takes: there are 4,096, however many projects come and go.
const LOCK_DIGITS: usize = 3;

/// How a project is installed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the lock file has to fit, and stays as it is.
    pub frozen: bool,
    /// Whether what is needed only to develop is left out.
    pub omit_dev: bool,
    /// How much there may be.
    pub limits: Limits,
    /// Who hears how far it is.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            frozen: false,
            omit_dev: false,
            limits: Limits::default(),
            progress: Progress::none(),
        }
    }
}

/// What an installation did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Packages that there are now.
    pub packages: usize,
    /// Packages that were written.
    pub written: usize,
    /// Packages that were removed.
    pub removed: usize,
    /// Packages that were downloaded.
    pub downloaded: usize,
    /// Bytes that were downloaded.
    pub downloaded_bytes: usize,
    /// Packages that want to run something when they are installed, and do not let it fail. Nothing was run.
    pub scripts: Vec<String>,
    /// What one should know.
    pub warnings: Vec<String>,
    /// The lock file, if it was written.
    pub lock: Option<PathBuf>,
}

/// Has packages from registries and the cache of this machine.
pub struct Client {
    pub(crate) registry: Arc<Registry>,
    pub(crate) platform: Platform,
}

impl Client {
    /// A client with these settings and this cache.
    #[must_use]
    pub fn new(settings: Settings, cache: Cache) -> Self {
        Self::with(Arc::new(settings), Arc::new(cache), u64::MAX)
    }

    /// A client that keeps at most so many bytes of what registries say about packages in memory.
    #[must_use]
    pub fn with(settings: Arc<Settings>, cache: Arc<Cache>, most_told: u64) -> Self {
        let mut registry = Registry::new(settings, cache);
        registry.most_told = most_told;
        Self {
            registry: Arc::new(registry),
            platform: Platform::here(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.registry.settings
    }

    /// Installs what a project needs into its `node_modules`. The folder is that of package.json.
    ///
    /// Two installations of the same project wait for each other, also in different processes.
    ///
    /// # Errors
    /// Something that is needed cannot be had or is not what it should be; then `node_modules` may be incomplete, and the
    /// next installation completes it.
    pub async fn install(&self, folder: &Path, options: &Options) -> Result<Report, Error> {
        let folder = std::path::absolute(folder).map_err(Error::io("find", folder))?;
        let _alone = self.alone(&folder).await?;
        self.registry.forget();
        let project = {
            let (folder, settings, limits) = (
                folder.clone(),
                self.registry.settings.clone(),
                options.limits.clone(),
            );
            blocking(move || Project::read(&folder, &settings, &limits)).await?
        };
        if let Some(tool) = status::foreign(&folder) {
            return Err(Error::Manifest {
                path: folder.join("node_modules"),
                message: format!(
                    "{tool} has laid it out in a way of its own: install with {tool}, or delete it"
                ),
            });
        }
        let modules = folder.join("node_modules");
        if let Ok(target) = std::fs::read_link(&modules) {
            return Err(Error::Manifest {
                path: modules,
                message: format!(
                    "it is a link to {}, and what is there belongs to another project: install there, or delete the link",
                    target.display()
                ),
            });
        }
        if matches!(status::status(&folder), Ok(Status::Stale(_))) {
            layout::try_writing(&folder)?;
        }
        let name = project.folder_name();
        let Project {
            tree, lock, pnpm, ..
        } = project;
        let rules = Rules {
            allow: Allow::All,
            limits: options.limits.clone(),
            strict_peers: self.registry.settings.strict_peer_deps,
            folder: Some(folder.clone()),
            frozen: lock
                .as_ref()
                .filter(|_| options.frozen)
                .map(|lock| lock.path.clone()),
            pnpm,
        };
        if options.frozen {
            let unfit = |path: PathBuf, message: String| Error::Lock { path, message };
            match (&lock, &rules.pnpm) {
                (Some(lock), _) => {
                    let project = Project {
                        folder: folder.clone(),
                        tree,
                        lock: None,
                        pnpm: None,
                    };
                    if let Some(unlocked) = project.unlocked() {
                        return Err(unfit(lock.path.clone(), format!("{UNFIT}{unlocked}")));
                    }
                    return self
                        .finish(project.tree, &rules, &folder, &name, lock.into(), options)
                        .await;
                }
                (None, Some(_)) => {}
                (None, None) => {
                    return Err(unfit(
                        folder.join("package-lock.json"),
                        "there is none".to_owned(),
                    ));
                }
            }
        }
        self.finish(tree, &rules, &folder, &name, lock.as_ref(), options)
            .await
    }

    async fn finish(
        &self,
        tree: Tree,
        rules: &Rules,
        folder: &Path,
        name: &str,
        lock: Option<&crate::lock::LockFile>,
        options: &Options,
    ) -> Result<Report, Error> {
        let resolver = Resolver::new(tree, rules, &self.registry, options.progress.clone());
        let (mut tree, warnings) = resolver.run().await?;
        let installed = graph::installed(&tree, &self.platform, !options.omit_dev)?;
        let mut report = Report {
            warnings,
            ..Report::default()
        };
        let mut integrities = self
            .fetch(&mut tree, &installed, options, &mut report)
            .await?;
        let before = hidden(folder);
        // Entries of the cache that turn out not to be whole are downloaded again, once.
        let mut manifests = HashMap::new();
        for attempt in 0..2 {
            let items = outdated(folder, &tree, &installed, &integrities, before.as_ref());
            let items: Vec<Item> = items
                .into_iter()
                .filter(|item| !manifests.contains_key(&item.id))
                .collect();
            if attempt == 0 {
                report.removed = self.clean(folder, &tree, &installed, !items.is_empty())?;
            }
            let written = {
                let (folder, cache) = (folder.to_owned(), self.registry.cache.clone());
                let (limits, progress) = (options.limits.clone(), options.progress.clone());
                blocking(move || layout::write(&folder, &cache, items, &limits, &progress)).await?
            };
            manifests.extend(written.manifests);
            if written.damaged.is_empty() {
                break;
            }
            if attempt == 1 {
                let names: Vec<String> = written
                    .damaged
                    .iter()
                    .map(|id| tree.node(*id).manifest.id())
                    .collect();
                return Err(Error::Missing {
                    missing: names,
                    looked: vec![format!(
                        "the cache in {}",
                        self.registry.cache.folder().display()
                    )],
                    cause: "what was downloaded does not stay whole".to_owned(),
                });
            }
            let damaged: HashSet<NodeId> = written.damaged.iter().copied().collect();
            integrities.extend(
                self.fetch(&mut tree, &damaged, options, &mut report)
                    .await?,
            );
        }
        report.written = manifests.len();
        report.packages = installed
            .iter()
            .filter(|id| matches!(tree.node(**id).source, Source::Registry { .. }))
            .count();
        self.complete(folder, &mut tree, &installed, manifests, &mut report)?;
        let flags = graph::flags(&tree);
        let settings = &self.registry.settings;
        if settings.package_lock && !options.frozen && rules.pnpm.is_none() {
            let text = render::lock(&tree, &flags, settings, name, lock);
            let path = lock.map_or_else(
                || folder.join("package-lock.json"),
                |lock| lock.path.clone(),
            );
            if lock.is_none_or(|lock| !same_lock(lock, &text)) {
                layout::replace(&path, &text)?;
                report.lock = Some(path);
            }
        }
        if !installed.iter().all(|id| *id == ROOT) {
            // Last: who reads it knows that everything is there.
            let text = render::hidden_lock(&tree, &flags, &installed, settings, name);
            layout::replace(&folder.join(HIDDEN), &text)?;
        }
        report.warnings.extend(self.registry.take_warnings());
        Ok(report)
    }

    /// Keeps others from installing the same project at the same time.
    async fn alone(&self, folder: &Path) -> Result<File, Error> {
        let locks = self.registry.cache.folder().join("locks");
        std::fs::create_dir_all(&locks).map_err(Error::io("make", &locks))?;
        // Files that are locked cannot be taken away, so projects share a number of them.
        let key = key(&folder.to_string_lossy());
        let path = locks.join(&key[..LOCK_DIGITS]);
        let file = File::create(&path).map_err(Error::io("make", &path))?;
        // The kernel opens it again when this process ends in whatever way.
        blocking(move || match file.lock() {
            Ok(()) => Ok(file),
            Err(error) => Err(Error::io("lock", &path)(error)),
        })
        .await
    }

    /// Brings into the cache what is not there, and tells under which checksum each package is there.
    pub(crate) async fn fetch(
        &self,
        tree: &mut Tree,
        wanted: &HashSet<NodeId>,
        options: &Options,
        report: &mut Report,
    ) -> Result<HashMap<NodeId, Integrity>, Error> {
        let mut found = HashMap::new();
        let mut absent: Vec<(NodeId, Archive)> = Vec::new();
        for id in wanted {
            let node = tree.node(*id);
            if let Source::Registry { url, integrity } = &node.source {
                let archive = Archive {
                    package: node.manifest.name.clone(),
                    version: node.manifest.version.clone(),
                    url: url.clone(),
                    integrity: integrity.clone(),
                };
                match self.registry.cached(&archive) {
                    Some(integrity) => drop(found.insert(*id, integrity)),
                    None => absent.push((*id, archive)),
                }
            }
        }
        // The same archive can lie in several places.
        absent.sort_by_key(|(id, archive)| (archive.id(), *id));
        let mut unique: Vec<(Vec<NodeId>, Archive)> = Vec::new();
        for (id, archive) in absent {
            match unique.last_mut() {
                Some((ids, last))
                    if last.id() == archive.id() && last.integrity == archive.integrity =>
                {
                    ids.push(id)
                }
                _ => unique.push((vec![id], archive)),
            }
        }
        let fetching = Arc::new(Fetching::new(options.progress.clone(), unique.len()));
        // How many run at once is bounded by those who download.
        let mut downloads = JoinSet::new();
        for (ids, archive) in unique {
            let (registry, fetching) = (self.registry.clone(), fetching.clone());
            let limits = options.limits.archive.clone();
            downloads
                .spawn(async move { (ids, registry.download(&archive, &limits, &fetching).await) });
        }
        let (mut missing, mut bytes) = (None, 0);
        while let Some(joined) = downloads.join_next().await {
            let (ids, result) = match joined {
                Ok(done) => done,
                Err(error) => gone_on_with(error).await,
            };
            match result {
                Ok(integrity) => {
                    report.downloaded += 1;
                    bytes += self.registry.cache.size_of_package(&integrity);
                    if bytes > options.limits.bytes {
                        return Err(Error::limit(
                            "files of all packages",
                            options.limits.bytes,
                            "bytes",
                        ));
                    }
                    found.extend(ids.into_iter().map(|id| (id, integrity.clone())));
                }
                // The last one names all that are missing.
                Err(error @ Error::Missing { .. }) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        report.downloaded_bytes += fetching.bytes.load(std::sync::atomic::Ordering::Relaxed);
        match missing {
            Some(error) => Err(error),
            None => {
                for (id, known) in &found {
                    if let Source::Registry {
                        integrity: integrity @ None,
                        ..
                    } = &mut tree.nodes[*id].source
                    {
                        *integrity = Some(known.clone());
                    }
                }
                Ok(found)
            }
        }
    }

    /// Removes what is not wanted any more, and the word that everything is there, if something is going to change.
    fn clean(
        &self,
        folder: &Path,
        tree: &Tree,
        installed: &HashSet<NodeId>,
        changes: bool,
    ) -> Result<usize, Error> {
        let (places, wanted) = places(tree, installed);
        if changes {
            layout::clear(&folder.join(HIDDEN))?;
        }
        layout::prune(folder, &places, &wanted)
    }

    /// Links and programs, and what packages say about themselves.
    fn complete(
        &self,
        folder: &Path,
        tree: &mut Tree,
        installed: &HashSet<NodeId>,
        mut manifests: HashMap<NodeId, Manifest>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut links = Vec::new();
        let mut programs: Vec<Program> = Vec::new();
        let mut ids: Vec<NodeId> = installed.iter().copied().filter(|id| *id != ROOT).collect();
        ids.sort_by(|left, right| tree.node(*left).location.cmp(&tree.node(*right).location));
        for id in ids {
            let node = tree.node(id);
            let (location, parent) = (node.location.clone(), node.parent);
            let own = match &node.source {
                Source::Link(target) => {
                    let target = tree.node(*target);
                    links.push((location.clone(), target.location.clone()));
                    Some(((*target.manifest).clone(), target.location.clone()))
                }
                Source::Registry { .. } => {
                    let written = manifests.remove(&id);
                    let is_new = written.is_some();
                    let own = match written {
                        Some(own) => own,
                        None => Manifest::read(&folder.join(&location).join("package.json"))?,
                    };
                    // Who installs the rest was told of it before.
                    if is_new && own.needs_install_script {
                        report.scripts.push(node.manifest.id());
                    }
                    if node.locked.is_none() {
                        let mut manifest = (*node.manifest).clone();
                        manifest.complete_from(&own);
                        tree.nodes[id].manifest = Arc::new(manifest);
                    }
                    Some((own, location.clone()))
                }
                _ => None,
            };
            if let (Some((own, files)), Some(parent)) = (own, parent) {
                let place = bin_place(&tree.node(parent).location);
                for (name, file) in own.bin {
                    let file = if files.is_empty() {
                        file
                    } else {
                        format!("{files}/{file}")
                    };
                    programs.push((place.clone(), name, file));
                }
            }
        }
        layout::link(folder, &links)?;
        layout::programs(folder, &programs, &places(tree, installed).0)
    }
}

fn bin_place(location: &str) -> String {
    if location.is_empty() {
        "node_modules".to_owned()
    } else {
        format!("{location}/node_modules")
    }
}

/// Every `node_modules` that there is, and every package that is to be in one.
fn places(tree: &Tree, installed: &HashSet<NodeId>) -> (BTreeSet<String>, HashSet<String>) {
    let mut places = BTreeSet::new();
    let mut wanted = HashSet::new();
    for (id, node) in tree.alive() {
        // What lies in an archive is not ours to remove.
        let own = !node.external
            && node.manifest.bundled.is_empty()
            && !matches!(node.source, Source::Link(_) | Source::Bundled);
        if (installed.contains(&id) && own) || id == ROOT || (node.is_top() && !node.external) {
            places.insert(bin_place(&node.location));
        }
        if installed.contains(&id)
            && let Some(parent) = node.parent
            && !node.is_top()
        {
            wanted.insert(below(&tree.node(parent).location, &node.name));
        }
    }
    (places, wanted)
}

/// What `node_modules` says that it holds.
fn hidden(folder: &Path) -> Option<Map<String, Value>> {
    let text = std::fs::read_to_string(folder.join(HIDDEN)).ok()?;
    let mut value: Map<String, Value> = serde_json::from_str(&text).ok()?;
    match value.remove("packages") {
        Some(Value::Object(packages)) => Some(packages),
        _ => None,
    }
}

/// Packages that are not there as they should be. What lies in one that is written anew is written anew as well.
fn outdated(
    folder: &Path,
    tree: &Tree,
    installed: &HashSet<NodeId>,
    integrities: &HashMap<NodeId, Integrity>,
    before: Option<&Map<String, Value>>,
) -> Vec<Item> {
    let mut ids: Vec<NodeId> = integrities
        .keys()
        .copied()
        .filter(|id| installed.contains(id))
        .collect();
    ids.sort_by_key(|id| tree.depth(*id));
    let mut anew: HashSet<NodeId> = HashSet::new();
    for id in ids {
        let node = tree.node(id);
        let there = before
            .and_then(|before| before.get(&node.location))
            .is_some_and(|entry| {
                entry["integrity"].as_str() == Some(&integrities[&id].to_string())
                    && entry["version"].as_str() == Some(&node.manifest.version)
                    && !folder.join(&node.location).is_symlink()
                    && folder.join(&node.location).join("package.json").is_file()
            });
        if !there || node.parent.is_some_and(|parent| anew.contains(&parent)) {
            anew.insert(id);
        }
    }
    anew.into_iter()
        .map(|id| {
            let node = tree.node(id);
            Item {
                id,
                location: node.location.clone(),
                name: node.manifest.name.clone(),
                version: node.manifest.version.clone(),
                integrity: integrities[&id].clone(),
            }
        })
        .collect()
}

/// Whether a lock file says the same as a text: one of version 2 has more than that.
fn same_lock(lock: &crate::lock::LockFile, text: &str) -> bool {
    if lock.version == 3 {
        return lock.text == *text;
    }
    let packages = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map(|mut value| value["packages"].take())
            .ok()
    };
    packages(&lock.text) == packages(text)
}
