//! Packages for a project that is nowhere on the disk: a package.json in, the files of `node_modules` out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::allow::Allow;
use crate::client::{Client, Options, Report};
use crate::error::Error;
use crate::graph;
use crate::layout;
use crate::limits::Limits;
use crate::lock::LockFile;
use crate::manifest::Manifest;
use crate::progress::Progress;
use crate::registry::blocking;
use crate::render;
use crate::resolve::{Resolver, Rules};
use crate::tree::{NodeId, ROOT, Tree};

/// A project that is nowhere on the disk.
#[derive(Clone, Debug, Default)]
pub struct VirtualProject {
    /// The text of its package.json. `dependencies`, `optionalDependencies`, `peerDependencies` and `overrides` count.
    pub manifest: String,
    /// The text of its package-lock.json, which makes that the same packages are taken.
    pub lock: Option<String>,
}

impl VirtualProject {
    /// A project that needs these packages.
    #[must_use]
    pub fn of<'a>(dependencies: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let dependencies: BTreeMap<&str, &str> = dependencies.into_iter().collect();
        Self {
            manifest: serde_json::json!({ "dependencies": dependencies }).to_string(),
            lock: None,
        }
    }
}

/// What a project that is nowhere on the disk needs.
#[derive(Clone, Debug, Default)]
pub struct VirtualTree {
    /// Files by their paths, such as `node_modules/hono/package.json`. The bytes of a package are shared, not copied.
    pub files: BTreeMap<String, Bytes>,
    /// Packages by their places, such as `node_modules/hono`: name and version.
    pub packages: BTreeMap<String, (String, String)>,
    /// A package-lock.json that gives the same tree again.
    pub lock: String,
    /// What one should know.
    pub warnings: Vec<String>,
}

impl Client {
    /// Has the packages of a project that is nowhere on the disk, from the same cache and by the same rules as for others.
    ///
    /// Nothing is taken that `allow` does not permit, however deep in the tree it is wanted. `limits` bounds packages, files
    /// and bytes together, and each archive. What is needed only to develop is left out; folders, git and archives at other
    /// addresses are errors. With [`crate::Network::Offline`], or a lock file and everything in the cache, no registry is asked.
    ///
    /// # Errors
    /// Something cannot be had, is not allowed, passes a limit, or is not what it should be.
    pub async fn install_virtual(
        &self,
        project: &VirtualProject,
        limits: &Limits,
        allow: &Allow,
    ) -> Result<VirtualTree, Error> {
        let file = PathBuf::from("package.json");
        let wrong = |message: String| Error::Manifest {
            path: file.clone(),
            message,
        };
        let manifest = Manifest::parse(project.manifest.as_bytes()).map_err(wrong)?;
        if !manifest.workspaces.is_empty() {
            return Err(wrong(
                "`workspaces` need folders, and there are none here".to_owned(),
            ));
        }
        let manifest = Manifest {
            dev_dependencies: BTreeMap::new(),
            ..manifest
        };
        let settings = &self.registry.settings;
        let mut tree = Tree::new(Arc::new(manifest), settings.legacy_peer_deps).map_err(wrong)?;
        let lock = match &project.lock {
            Some(text) => Some(LockFile::parse(
                "package-lock.json".into(),
                text.clone(),
                limits,
            )?),
            None => None,
        };
        if let Some(lock) = &lock {
            lock.plant(&mut tree, settings)?;
        }
        let rules = Rules {
            allow: allow.clone(),
            limits: limits.clone(),
            strict_peers: settings.strict_peer_deps,
            folder: None,
            pnpm: None,
            frozen: None,
        };
        let (mut tree, mut warnings) =
            Resolver::new(tree, &rules, &self.registry, Progress::none())
                .run()
                .await?;
        // What a lock file brought is asked as well.
        for (_, node) in tree.alive().filter(|(id, _)| *id != ROOT) {
            if !allow.permits(&node.manifest.name) {
                return Err(Error::NotAllowed {
                    name: node.manifest.name.clone(),
                    by: "the lock file".to_owned(),
                });
            }
        }
        let installed = graph::installed(&tree, &self.platform, false)?;
        let options = Options {
            limits: limits.clone(),
            ..Options::default()
        };
        let mut made = VirtualTree::default();
        let mut bytes = 0;
        let mut wanted = installed.clone();
        // An entry of the cache that turns out not to be whole is downloaded again, once.
        for attempt in 0..2 {
            let integrities = self
                .fetch(&mut tree, &wanted, &options, &mut Report::default())
                .await?;
            let mut items: Vec<(NodeId, _)> = integrities.into_iter().collect();
            items.sort_by_key(|(id, _)| *id);
            wanted.clear();
            for (id, integrity) in items {
                let cache = self.registry.cache.clone();
                let Some(pack) = blocking(move || cache.package(&integrity)).await? else {
                    wanted.insert(id);
                    continue;
                };
                bytes += pack.size();
                if bytes > limits.bytes {
                    return Err(Error::limit("files of all packages", limits.bytes, "bytes"));
                }
                let node = tree.node(id);
                layout::identify(&pack, &node.manifest.name, &node.manifest.version)?;
                for file in &pack.files {
                    made.files.insert(
                        format!("{}/{}", node.location, file.path),
                        pack.content(file),
                    );
                }
                let id = (node.manifest.name.clone(), node.manifest.version.clone());
                made.packages.insert(node.location.clone(), id);
                if made.files.len() > limits.files {
                    return Err(Error::limit(
                        "files of all packages",
                        limits.files as u64,
                        "files",
                    ));
                }
            }
            if wanted.is_empty() {
                break;
            }
            if attempt == 1 {
                return Err(Error::Missing {
                    missing: wanted
                        .iter()
                        .map(|id| tree.node(*id).manifest.id())
                        .collect(),
                    looked: vec![format!(
                        "the cache in {}",
                        self.registry.cache.folder().display()
                    )],
                    cause: "what was downloaded does not stay whole".to_owned(),
                });
            }
        }
        warnings.extend(self.registry.take_warnings());
        made.warnings = warnings;
        made.lock = render::lock(
            &tree,
            &graph::flags(&tree),
            settings,
            "project",
            lock.as_ref(),
        );
        Ok(made)
    }
}
