//! Finds out which packages a project needs, and where each of them lies.
//!
//! Breadth first, in the order of names, as npm does it: what is near the project is placed first and highest. What a lock
//! file already says stays as it is; only what does not fit is looked up.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::allow::Allow;
use crate::error::{Error, UNFIT};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::name;
use crate::packument::Packument;
use crate::place::{Candidate, Choose, Origin, Placement};
use crate::pnpm::PnpmLock;
use crate::prefetch::Prefetch;
use crate::progress::{Progress, Step};
use crate::registry::Registry;
use crate::spec::Spec;
use crate::tree::{Edge, Kind, NodeId, ROOT, Source, Tree, join};

/// What one may not be asked to do without end.
const MAX_STEPS_FOR_EACH_PACKAGE: usize = 40;

/// Where packages come from, and which.
pub(crate) struct Rules {
    pub(crate) allow: Allow,
    pub(crate) limits: Limits,
    /// Whether a peer that cannot be met is an error.
    pub(crate) strict_peers: bool,
    /// The folder of the project; none where there are no files.
    pub(crate) folder: Option<PathBuf>,
    /// What pnpm's lock file says.
    pub(crate) pnpm: Option<PnpmLock>,
    /// The lock file that has to have everything.
    pub(crate) frozen: Option<PathBuf>,
}

/// Why a choice cannot be made now.
pub(crate) enum Wait {
    /// What the registry says about this package is not known yet.
    For(String),
    Never(Error),
}

/// Finds out which packages there have to be.
pub(crate) struct Resolver<'a> {
    pub(crate) tree: Tree,
    rules: &'a Rules,
    registry: &'a Arc<Registry>,
    known: HashMap<String, Arc<Packument>>,
    prefetch: Prefetch,
    progress: Progress,
    pub(crate) warnings: Vec<String>,
    queue: BTreeSet<(usize, String, NodeId)>,
    seen: HashSet<NodeId>,
    steps: usize,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        tree: Tree,
        rules: &'a Rules,
        registry: &'a Arc<Registry>,
        progress: Progress,
    ) -> Self {
        Self {
            tree,
            rules,
            registry,
            known: HashMap::new(),
            prefetch: Prefetch::new(registry.clone(), rules.allow.clone(), rules.limits.packages),
            progress,
            warnings: Vec::new(),
            queue: BTreeSet::new(),
            seen: HashSet::new(),
            steps: 0,
        }
    }

    /// Makes the tree whole: what is needed is there, and nothing else.
    pub(crate) async fn run(mut self) -> Result<(Tree, Vec<String>), Error> {
        let tops: Vec<NodeId> = self
            .tree
            .alive()
            .filter(|(_, node)| node.is_top())
            .map(|(id, _)| id)
            .collect();
        for id in tops {
            self.enqueue(id);
        }
        while let Some((_, _, id)) = self.queue.pop_first() {
            let node = self.tree.node(id);
            if !node.alive || node.external || !self.seen.insert(id) {
                continue;
            }
            let names = self.problems(id);
            for name in &names {
                if let Some(edge) = self.edge(id, name)
                    && let Some(package) = edge.spec.package(&edge.name)
                    && self.rules.pnpm.is_none()
                {
                    self.prefetch.start(package, edge.spec.wanted());
                }
            }
            for name in &names {
                self.mend(id, name).await?;
            }
            let found: Vec<NodeId> = self
                .tree
                .node(id)
                .edges
                .iter()
                .filter_map(|edge| self.tree.resolve(id, &edge.name))
                .flat_map(|found| [found, self.tree.target(found)])
                .collect();
            for found in found {
                self.enqueue(found);
            }
        }
        self.prune();
        self.check_peers()?;
        Ok((self.tree, self.warnings))
    }

    fn enqueue(&mut self, id: NodeId) {
        if !self.seen.contains(&id) {
            let node = self.tree.node(id);
            self.queue
                .insert((self.tree.depth(id), node.location.clone(), id));
        }
    }

    fn edge(&self, id: NodeId, name: &str) -> Option<&Edge> {
        self.tree
            .node(id)
            .edges
            .iter()
            .find(|edge| edge.name == name)
    }

    /// What a package needs and does not find, in npm's order.
    fn problems(&self, id: NodeId) -> Vec<String> {
        let mut names: Vec<String> = self
            .tree
            .node(id)
            .edges
            .iter()
            .filter(|edge| self.is_problem(id, edge))
            .map(|edge| edge.name.clone())
            .collect();
        names.sort_by(|left, right| name::order(left, right));
        names
    }

    fn is_problem(&self, id: NodeId, edge: &Edge) -> bool {
        match self.tree.resolve(id, &edge.name) {
            Some(found) => !self.tree.satisfies(id, edge, found) && !edge.kind.is_peer(),
            None => edge.kind != Kind::OptionalPeer,
        }
    }

    /// Brings what a package needs under this name.
    async fn mend(&mut self, id: NodeId, name: &str) -> Result<(), Error> {
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS_FOR_EACH_PACKAGE * self.rules.limits.packages {
                return Err(Error::limit(
                    "the search for packages",
                    self.steps as u64,
                    "steps",
                ));
            }
            let Some(edge) = self.edge(id, name).filter(|edge| self.is_problem(id, edge)) else {
                return Ok(());
            };
            let edge = edge.clone();
            if let (Some(path), Some(_)) = (&self.rules.frozen, edge.spec.package(name)) {
                if edge.kind.is_optional() {
                    return Ok(());
                }
                let wanter = self.tree.describe(id);
                return Err(Error::Lock {
                    path: path.clone(),
                    message: format!(
                        "{UNFIT}{wanter} wants {name}@{}, and it has none",
                        edge.written
                    ),
                });
            }
            let planned = self
                .choose(&self.tree, id, &edge)
                .and_then(|candidate| self.tree.plan(self, id, &edge, &candidate));
            let error = match planned {
                Ok(plan) => return self.apply(plan),
                Err(Wait::Never(error)) => error,
                Err(Wait::For(package)) => match self.registry.packument(&package).await {
                    Ok(packument) => {
                        self.known.insert(package, packument);
                        self.progress.tell(Step::Resolving {
                            known: self.known.len(),
                        });
                        continue;
                    }
                    Err(error) => error,
                },
            };
            if edge.kind != Kind::Optional
                || matches!(error, Error::NotAllowed { .. } | Error::Limit { .. })
            {
                return Err(self.wanted_by(error, id));
            }
            self.warnings
                .push(format!("left out {name}, which is optional: {error}"));
            return Ok(());
        }
    }

    /// Adds who wanted it.
    fn wanted_by(&self, error: Error, id: NodeId) -> Error {
        let wanter = self.tree.describe(id);
        match error {
            Error::NoVersion {
                name,
                spec,
                by,
                latest,
            } if by.is_empty() => Error::NoVersion {
                name,
                spec,
                by: wanter,
                latest,
            },
            other => other,
        }
    }

    fn apply(&mut self, plan: Vec<Placement>) -> Result<(), Error> {
        let mut names = Vec::new();
        for Placement {
            parent,
            name,
            candidate,
        } in plan
        {
            let Candidate {
                manifest,
                origin,
                scope,
                snapshot,
            } = candidate;
            let id = match origin {
                Origin::Registry(source) => self.tree.place(parent, &name, manifest, source, scope),
                Origin::Folder(location) => {
                    let target = self
                        .folder_at(&location)
                        .unwrap_or_else(|| self.tree.add_folder(&location, manifest.clone()));
                    self.enqueue(target);
                    self.tree
                        .place(parent, &name, manifest, Source::Link(target), scope)
                }
            };
            self.tree.nodes[id].snapshot = snapshot;
            self.enqueue(id);
            names.push(name);
        }
        let most = self.rules.limits.packages;
        if self.tree.nodes.len() > 4 * most || self.tree.alive().count() > most {
            return Err(Error::limit(
                "packages of a project",
                most as u64,
                "packages",
            ));
        }
        // Who found something else before looks again.
        for name in names {
            let again: Vec<NodeId> = self
                .tree
                .dependents(&name)
                .filter(|(id, edge)| self.seen.contains(id) && self.is_problem(*id, edge))
                .map(|(id, _)| id)
                .collect();
            for id in again {
                self.seen.remove(&id);
                self.enqueue(id);
            }
        }
        Ok(())
    }

    fn folder_at(&self, location: &str) -> Option<NodeId> {
        self.tree
            .alive()
            .find(|(_, node)| node.is_top() && node.location == location)
            .map(|(id, _)| id)
    }

    /// Takes out what nobody needs.
    fn prune(&mut self) {
        let mut needed: HashSet<NodeId> = HashSet::new();
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            if !needed.insert(id) {
                continue;
            }
            let node = self.tree.node(id);
            open.push(self.tree.target(id));
            // What is inside of something needed is part of it when it came with it; else its folder is needed at least.
            let bundled =
                |child: &&NodeId| matches!(self.tree.node(**child).source, Source::Bundled);
            open.extend(node.children.values().filter(bundled));
            for edge in &node.edges {
                if edge.kind != Kind::OptionalPeer {
                    open.extend(self.tree.resolve(id, &edge.name));
                }
            }
        }
        let unneeded: Vec<NodeId> = self
            .tree
            .alive()
            .map(|(id, _)| id)
            .filter(|id| !needed.contains(id))
            .collect();
        for id in unneeded {
            let holds = needed.iter().any(|other| {
                self.tree.node(*other).alive && *other != id && self.tree.is_within(*other, id)
            });
            if !holds && self.tree.node(id).alive {
                self.tree.take_out(id);
            }
        }
    }

    /// Says which peers are not as somebody wants them.
    fn check_peers(&mut self) -> Result<(), Error> {
        for (id, node) in self.tree.alive() {
            for edge in node.edges.iter().filter(|edge| edge.kind.is_peer()) {
                let found = self.tree.resolve(id, &edge.name);
                let wrong = match found {
                    Some(found) => !self.tree.satisfies(id, edge, found),
                    None => edge.kind == Kind::Peer && !node.external,
                };
                if !wrong {
                    continue;
                }
                let found = found.map_or_else(
                    || "nothing".to_owned(),
                    |found| self.tree.node(self.tree.target(found)).manifest.id(),
                );
                let text = format!(
                    "{} wants its peer {}@{} and finds {found}",
                    self.tree.describe(id),
                    edge.name,
                    edge.written
                );
                if self.rules.strict_peers {
                    return Err(Error::Peer(text));
                }
                self.warnings.push(text);
            }
        }
        Ok(())
    }
}

impl Choose for Resolver<'_> {
    type Wait = Wait;

    fn choose(&self, tree: &Tree, from: NodeId, edge: &Edge) -> Result<Candidate, Wait> {
        let by = tree.describe(from);
        if let Some(pnpm) = &self.rules.pnpm
            && let Some((key, manifest)) =
                pnpm.choose(tree.node(from), edge).map_err(Wait::Never)?
        {
            self.allowed(&manifest.name, &by)?;
            let source = self.source(&manifest)?;
            return Ok(Candidate {
                manifest,
                origin: Origin::Registry(source),
                scope: edge.scope.clone(),
                snapshot: Some(key),
            });
        }
        match &*edge.spec {
            Spec::Unsupported(_) => match edge.spec.unsupported(&edge.name, &edge.written, &by) {
                Some(error) => Err(Wait::Never(error)),
                None => unreachable!("it is not supported"),
            },
            Spec::Folder(path) => self.folder(tree, from, edge, path, &by),
            Spec::Workspace => {
                let found = tree.alive().find(|(id, node)| {
                    *id != ROOT
                        && node.is_top()
                        && !node.external
                        && node.manifest.name == edge.name
                });
                match found {
                    Some((_, node)) => Ok(Candidate {
                        manifest: node.manifest.clone(),
                        origin: Origin::Folder(node.location.clone()),
                        scope: edge.scope.clone(),
                        snapshot: None,
                    }),
                    None => Err(Wait::Never(Error::NoVersion {
                        name: edge.name.clone(),
                        spec: format!("in a workspace ({})", edge.written),
                        by,
                        latest: None,
                    })),
                }
            }
            spec => self.version(edge, spec, &by),
        }
    }
}

impl Resolver<'_> {
    fn allowed(&self, package: &str, by: &str) -> Result<(), Wait> {
        if self.rules.allow.permits(package) {
            return Ok(());
        }
        Err(Wait::Never(Error::NotAllowed {
            name: package.to_owned(),
            by: by.to_owned(),
        }))
    }

    fn source(&self, manifest: &Manifest) -> Result<Source, Wait> {
        let url = manifest
            .tarball
            .as_ref()
            .map(|url| self.registry.settings.in_own_registry(&manifest.name, url));
        if url
            .as_ref()
            .is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            return Err(Wait::Never(Error::Packument {
                package: manifest.id(),
                message: "its archive is not at an address of the web".to_owned(),
            }));
        }
        Ok(Source::Registry {
            url,
            integrity: manifest.integrity.clone(),
        })
    }

    fn version(&self, edge: &Edge, spec: &Spec, by: &str) -> Result<Candidate, Wait> {
        let package = spec.package(&edge.name).unwrap_or(&edge.name);
        self.allowed(package, by)?;
        let Some(packument) = self.known.get(package) else {
            return Err(Wait::For(package.to_owned()));
        };
        match packument.pick(spec.wanted()).map_err(Wait::Never)? {
            Some(manifest) => {
                let source = self.source(&manifest)?;
                Ok(Candidate {
                    manifest,
                    origin: Origin::Registry(source),
                    scope: edge.scope.clone(),
                    snapshot: None,
                })
            }
            None => Err(Wait::Never(Error::NoVersion {
                name: package.to_owned(),
                spec: edge.written.clone(),
                by: by.to_owned(),
                latest: packument.latest(),
            })),
        }
    }

    fn folder(
        &self,
        tree: &Tree,
        from: NodeId,
        edge: &Edge,
        path: &str,
        by: &str,
    ) -> Result<Candidate, Wait> {
        let unsupported = |what| {
            Wait::Never(Error::Unsupported {
                name: edge.name.clone(),
                spec: edge.written.clone(),
                what,
                by: by.to_owned(),
            })
        };
        let Some(base) = &self.rules.folder else {
            return Err(unsupported("a folder, and there are no folders here"));
        };
        // A package of the registry has no say about the folders of this machine.
        if !tree.node(from).is_top() {
            return Err(unsupported(
                "a folder, which only a package of the project can name",
            ));
        }
        let Some(location) = join(&tree.node(from).location, path) else {
            return Err(unsupported("a folder whose place cannot be told"));
        };
        let manifest = match self.folder_at(&location) {
            Some(id) => tree.node(id).manifest.clone(),
            None => Arc::new(
                Manifest::read(&base.join(&location).join("package.json")).map_err(Wait::Never)?,
            ),
        };
        Ok(Candidate {
            manifest,
            origin: Origin::Folder(location),
            scope: edge.scope.clone(),
            snapshot: None,
        })
    }
}
