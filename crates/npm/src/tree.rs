//! Packages and where each of them lies: what `node_modules` is going to be.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::integrity::Integrity;
use crate::manifest::Manifest;
use crate::overrides::Scope;
use crate::spec::Spec;

pub(crate) type NodeId = usize;
pub(crate) const ROOT: NodeId = 0;

/// Where a package comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// It is the project, one of its workspaces, or a folder that is linked to.
    Folder,
    /// It is a link to that folder.
    Link(NodeId),
    /// A registry.
    Registry {
        url: Option<String>,
        integrity: Option<Integrity>,
    },
    /// The archive of the package that it lies in.
    Bundled,
}

/// How somebody needs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Optional,
    Peer,
    OptionalPeer,
    Workspace,
}

impl Kind {
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Peer | Self::OptionalPeer)
    }

    /// Whether it may be absent.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::Optional | Self::OptionalPeer)
    }
}

/// What a package needs.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) name: String,
    pub(crate) written: String,
    pub(crate) spec: Arc<Spec>,
    pub(crate) kind: Kind,
    /// The rules that hold for what is found.
    pub(crate) scope: Scope,
}

/// A package at a place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The name of its folder.
    pub(crate) name: String,
    /// Its folder, from the project: nothing for the project itself.
    pub(crate) location: String,
    /// Where its code looks for packages after its own folder.
    pub(crate) parent: Option<NodeId>,
    pub(crate) children: BTreeMap<String, NodeId>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) source: Source,
    pub(crate) edges: Vec<Edge>,
    pub(crate) scope: Scope,
    pub(crate) alive: bool,
    /// Its entry in the lock file, as long as that still holds.
    pub(crate) locked: Option<Arc<str>>,
    /// Its key in pnpm's lock file.
    pub(crate) snapshot: Option<String>,
    /// Whether it lies outside the project, whose packages are somebody else's concern.
    pub(crate) external: bool,
}

impl Node {
    pub(crate) fn is_top(&self) -> bool {
        matches!(self.source, Source::Folder)
    }
}

/// All packages of a project.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    /// Who needs something of this name.
    dependents: HashMap<String, Vec<NodeId>>,
    pub(crate) legacy_peer_deps: bool,
}

impl Tree {
    /// A tree with nothing but the project in it.
    pub(crate) fn new(project: Arc<Manifest>, legacy_peer_deps: bool) -> Result<Self, String> {
        let scope = Scope::of(&project)?;
        if let Some(mistake) = scope.contradiction(&project) {
            return Err(mistake);
        }
        let mut tree = Self {
            legacy_peer_deps,
            ..Self::default()
        };
        tree.add(
            None,
            String::new(),
            String::new(),
            project,
            Source::Folder,
            scope,
        );
        Ok(tree)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Puts a package into `node_modules` of another one, in place of what was there.
    pub(crate) fn place(
        &mut self,
        parent: NodeId,
        name: &str,
        manifest: Arc<Manifest>,
        source: Source,
        scope: Scope,
    ) -> NodeId {
        if let Some(before) = self.nodes[parent].children.remove(name) {
            self.remove(before);
        }
        let location = below(&self.nodes[parent].location, name);
        let id = self.add(
            Some(parent),
            name.to_owned(),
            location,
            manifest,
            source,
            scope,
        );
        self.nodes[parent].children.insert(name.to_owned(), id);
        id
    }

    /// Adds a folder that a link can lead to.
    pub(crate) fn add_folder(&mut self, location: &str, manifest: Arc<Manifest>) -> NodeId {
        let name = location.rsplit('/').next().unwrap_or(location).to_owned();
        let external = location == ".." || location.starts_with("../") || location.starts_with('/');
        // Code looks for packages in all folders above.
        let parent = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.alive && node.is_top() && !external)
            .filter(|(_, node)| {
                node.location.is_empty()
                    || location
                        .strip_prefix(&node.location)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
            .max_by_key(|(_, node)| node.location.len())
            .map(|(id, _)| id);
        let scope = self.nodes[ROOT].scope.clone();
        let id = self.add(
            parent,
            name,
            location.to_owned(),
            manifest,
            Source::Folder,
            scope,
        );
        self.nodes[id].external = external;
        id
    }

    fn add(
        &mut self,
        parent: Option<NodeId>,
        name: String,
        location: String,
        manifest: Arc<Manifest>,
        source: Source,
        scope: Scope,
    ) -> NodeId {
        let id = self.nodes.len();
        let edges = match source {
            Source::Link(_) | Source::Bundled => Vec::new(),
            Source::Folder => self.edges(&manifest, &scope, true),
            Source::Registry { .. } => self.edges(&manifest, &scope, false),
        };
        for edge in &edges {
            self.dependents
                .entry(edge.name.clone())
                .or_default()
                .push(id);
        }
        self.nodes.push(Node {
            name,
            location,
            parent,
            children: BTreeMap::new(),
            manifest,
            source,
            edges,
            scope,
            alive: true,
            locked: None,
            snapshot: None,
            external: false,
        });
        id
    }

    /// Adds what a package needs of a workspace.
    pub(crate) fn add_workspace_edge(&mut self, name: &str) {
        let root = &mut self.nodes[ROOT];
        root.edges.retain(|edge| edge.name != name);
        root.edges.push(Edge {
            name: name.to_owned(),
            written: "*".to_owned(),
            spec: Arc::new(Spec::Workspace),
            kind: Kind::Workspace,
            scope: root.scope.clone(),
        });
        self.dependents
            .entry(name.to_owned())
            .or_default()
            .push(ROOT);
    }

    /// What a package needs. Of a name that is there twice the last kind counts, as npm has it.
    pub(crate) fn edges(&self, manifest: &Manifest, scope: &Scope, develops: bool) -> Vec<Edge> {
        let mut wanted: BTreeMap<&str, (&str, Kind)> = BTreeMap::new();
        if !self.legacy_peer_deps {
            for (name, written) in &manifest.peer_dependencies {
                let kind = if manifest.optional_peers.contains(name) {
                    Kind::OptionalPeer
                } else {
                    Kind::Peer
                };
                wanted.insert(name, (written, kind));
            }
        }
        for (name, written) in &manifest.dependencies {
            wanted.insert(name, (written, Kind::Normal));
        }
        for (name, written) in &manifest.optional_dependencies {
            wanted.insert(name, (written, Kind::Optional));
        }
        if develops {
            for (name, written) in &manifest.dev_dependencies {
                wanted.insert(name, (written, Kind::Dev));
            }
        }
        wanted
            .into_iter()
            .filter(|(name, _)| develops || !manifest.bundled.contains(*name))
            .map(|(name, (written, kind))| {
                let (other, scope) = scope.apply(name, written);
                let written = other.unwrap_or_else(|| written.to_owned());
                Edge {
                    name: name.to_owned(),
                    spec: Arc::new(Spec::parse(&written)),
                    written,
                    kind,
                    scope,
                }
            })
            .collect()
    }

    pub(crate) fn remove(&mut self, id: NodeId) {
        let node = &mut self.nodes[id];
        node.alive = false;
        for child in std::mem::take(&mut node.children).into_values() {
            self.remove(child);
        }
    }

    /// Takes a package out of the folder that it lies in.
    pub(crate) fn take_out(&mut self, id: NodeId) {
        let (parent, name) = (self.nodes[id].parent, self.nodes[id].name.clone());
        if let Some(parent) = parent
            && self.nodes[parent].children.get(&name) == Some(&id)
        {
            self.nodes[parent].children.remove(&name);
        }
        self.remove(id);
    }

    /// What a package's code finds under a name.
    pub(crate) fn resolve(&self, from: NodeId, name: &str) -> Option<NodeId> {
        let mut at = Some(from);
        while let Some(id) = at {
            let node = &self.nodes[id];
            if let Some(found) = node.children.get(name) {
                return Some(*found);
            }
            at = node.parent;
        }
        None
    }

    /// Where a link leads, else the package itself.
    pub(crate) fn target(&self, id: NodeId) -> NodeId {
        match self.nodes[id].source {
            Source::Link(target) => target,
            _ => id,
        }
    }

    /// Whether a package is what is wanted.
    pub(crate) fn satisfies(&self, from: NodeId, edge: &Edge, found: NodeId) -> bool {
        let node = &self.nodes[found];
        if let Source::Link(target) = node.source {
            let target = &self.nodes[target];
            return match &*edge.spec {
                Spec::Workspace => true,
                Spec::Folder(path) => join(&self.nodes[from].location, path)
                    .is_some_and(|path| path == target.location),
                _ => is_linked_by(edge, &target.manifest),
            };
        }
        edge.spec
            .accepts(&edge.name, &node.manifest.name, &node.manifest.version)
    }

    /// Whether one of the project's own folders is what is wanted, and will be linked.
    pub(crate) fn has_folder_for(&self, edge: &Edge) -> bool {
        let mut folders = self.alive().filter(|(_, node)| node.is_top());
        folders.any(|(id, node)| {
            id != ROOT && node.manifest.name == edge.name && is_linked_by(edge, &node.manifest)
        })
    }

    /// Those that need something of this name and are still there.
    pub(crate) fn dependents<'a>(&'a self, name: &str) -> impl Iterator<Item = (NodeId, &'a Edge)> {
        let name = name.to_owned();
        self.dependents
            .get(&name)
            .into_iter()
            .flatten()
            .filter(|id| self.nodes[**id].alive)
            .filter_map(move |id| {
                let edge = self.nodes[*id]
                    .edges
                    .iter()
                    .find(|edge| edge.name == name)?;
                Some((*id, edge))
            })
    }

    /// Whether a package lies somewhere in another one, or is it.
    pub(crate) fn is_within(&self, id: NodeId, ancestor: NodeId) -> bool {
        let mut at = Some(id);
        while let Some(id) = at {
            if id == ancestor {
                return true;
            }
            at = self.nodes[id].parent;
        }
        false
    }

    pub(crate) fn depth(&self, id: NodeId) -> usize {
        let mut depth = 0;
        let mut at = self.nodes[id].parent;
        while let Some(id) = at {
            depth += 1;
            at = self.nodes[id].parent;
        }
        depth
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.alive)
    }

    /// A package in words: where it lies, or its name and version.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        let node = &self.nodes[id];
        match (&node.source, node.location.as_str()) {
            (Source::Folder, "") => "the project".to_owned(),
            (Source::Folder, location) => location.to_owned(),
            _ => node.manifest.id(),
        }
    }
}

/// The place of a package in another one's `node_modules`.
pub(crate) fn below(location: &str, name: &str) -> String {
    if location.is_empty() {
        format!("node_modules/{name}")
    } else {
        format!("{location}/node_modules/{name}")
    }
}

/// A path seen from a folder of the project; none when it leaves the file system's root or is not written plainly.
pub(crate) fn join(location: &str, path: &str) -> Option<String> {
    if path.contains('\0') || path.starts_with('~') {
        return None;
    }
    let (mut parts, absolute): (Vec<&str>, bool) = if path.starts_with('/') {
        (Vec::new(), true)
    } else {
        let parts = location.split('/').filter(|part| !part.is_empty());
        (parts.collect(), location.starts_with('/'))
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_none_or(|last| *last == "..") => {
                if absolute {
                    return None;
                }
                parts.push("..");
            }
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if absolute {
        format!("/{joined}")
    } else {
        joined
    })
}

/// Whether a package of the same project is what is wanted. They have its own version, and often none.
fn is_linked_by(edge: &Edge, manifest: &Manifest) -> bool {
    edge.spec
        .accepts(&edge.name, &manifest.name, &manifest.version)
        || (manifest.version.is_empty() && matches!(*edge.spec, Spec::Any))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_are_seen_from_the_project() {
        let of =
            |location: &str, path: &str| join(location, path).unwrap_or_else(|| "none".to_owned());
        assert_eq!(of("", "./packages/a/"), "packages/a");
        assert_eq!(of("packages/b", "../a"), "packages/a");
        assert_eq!(of("packages/b", "../../../x"), "../x");
        assert_eq!(of("", "../../x/../y"), "../../y");
        assert_eq!(of("a", "/b/./c"), "/b/c");
        assert_eq!(of("", "/../b"), "none");
    }
}
