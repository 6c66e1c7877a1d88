//! A project on the disk: its packages, and what its lock file says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::limits::Limits;
use crate::lock::LockFile;
use crate::manifest::Manifest;
use crate::pnpm::PnpmLock;
use crate::settings::Settings;
use crate::spec::Spec;
use crate::tree::{NodeId, ROOT, Tree, join};
use crate::workspaces;

/// A project on the disk.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) tree: Tree,
    pub(crate) lock: Option<LockFile>,
    pub(crate) pnpm: Option<PnpmLock>,
}

impl Project {
    pub(crate) fn read(folder: &Path, settings: &Settings, limits: &Limits) -> Result<Self, Error> {
        let file = folder.join("package.json");
        let mut manifest = Manifest::read_own(&file)?;
        let lock = LockFile::read(folder, limits)?;
        // npm's own file counts where there are both.
        let pnpm = if lock.is_some() {
            None
        } else {
            PnpmLock::read(folder)?
        };
        let mut patterns = manifest.workspaces.clone();
        if let Some(pnpm) = &pnpm {
            patterns.extend(pnpm.folders().map(str::to_owned));
        }
        let workspaces = workspaces::find(folder, &patterns)?;
        // What it needs of itself is there.
        let own = manifest.name.clone();
        manifest.dependencies.remove(&own);
        let mut tree =
            Tree::new(Arc::new(manifest), settings.legacy_peer_deps).map_err(|message| {
                Error::Manifest {
                    path: file.clone(),
                    message,
                }
            })?;
        for (location, mut manifest) in workspaces {
            if manifest.name.is_empty() {
                manifest.name = location.rsplit('/').next().unwrap_or(&location).to_owned();
            }
            if !crate::name::is_valid(&manifest.name) {
                return Err(Error::Manifest {
                    path: folder.join(&location).join("package.json"),
                    message: format!("{:?} cannot be the name of a package", manifest.name),
                });
            }
            let name = manifest.name.clone();
            tree.add_folder(&location, Arc::new(manifest));
            // pnpm links what is asked for; npm links all.
            if pnpm.is_none() {
                tree.add_workspace_edge(&name);
            }
        }
        let mut project = Self {
            folder: folder.to_owned(),
            tree,
            lock,
            pnpm,
        };
        project.add_linked_folders()?;
        if let Some(lock) = &project.lock {
            lock.plant(&mut project.tree, settings)?;
        }
        Ok(project)
    }

    /// Folders inside of the project that its packages link to: a lock file can say what they hold.
    fn add_linked_folders(&mut self) -> Result<(), Error> {
        let mut open: Vec<NodeId> = self.tree.alive().map(|(id, _)| id).collect();
        while let Some(id) = open.pop() {
            let node = self.tree.node(id);
            let folders: Vec<String> = node
                .edges
                .iter()
                .filter_map(|edge| match &*edge.spec {
                    Spec::Folder(path) => join(&node.location, path),
                    _ => None,
                })
                .filter(|location| {
                    !location.starts_with('/')
                        && !location.starts_with("..")
                        && !location.is_empty()
                })
                .collect();
            for location in folders {
                if self.tree.alive().any(|(_, node)| node.location == location) {
                    continue;
                }
                let manifest = Manifest::read(&self.folder.join(&location).join("package.json"))?;
                open.push(self.tree.add_folder(&location, Arc::new(manifest)));
            }
        }
        Ok(())
    }

    /// What a project is called that has no name.
    pub(crate) fn folder_name(&self) -> String {
        let name = self.folder.file_name().and_then(|name| name.to_str());
        name.unwrap_or("project").to_owned()
    }

    /// What packages of the project need and their lock file does not have.
    pub(crate) fn unlocked(&self) -> Option<String> {
        for (id, node) in self
            .tree
            .alive()
            .filter(|(_, node)| node.is_top() && !node.external)
        {
            for edge in &node.edges {
                if edge.kind.is_optional()
                    || matches!(&*edge.spec, Spec::Folder(_) | Spec::Workspace)
                {
                    continue;
                }
                let found = self.tree.resolve(id, &edge.name);
                if found.is_none() && self.pnpm.is_none() && self.tree.has_folder_for(edge) {
                    continue;
                }
                if !found.is_some_and(|found| self.tree.satisfies(id, edge, found)) {
                    let has = found.map_or_else(
                        || "it has none".to_owned(),
                        |found| format!("it has {}", self.tree.node(found).manifest.id()),
                    );
                    let who = if id == ROOT {
                        "package.json"
                    } else {
                        &node.location
                    };
                    return Some(format!(
                        "{who} wants {}@{}, and {has}",
                        edge.name, edge.written
                    ));
                }
            }
        }
        None
    }
}
