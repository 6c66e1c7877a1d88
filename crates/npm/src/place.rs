//! Where a package can lie: as high in the tree as everybody can bear, so that few are there twice.

use std::sync::Arc;

use crate::manifest::Manifest;
use crate::overrides::Scope;
use crate::spec::version;
use crate::tree::{Edge, Kind, NodeId, Source, Tree, join};

/// A package that could be placed.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) origin: Origin,
    pub(crate) scope: Scope,
    pub(crate) snapshot: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Registry(Source),
    /// A folder, from the project.
    Folder(String),
}

/// A package with its place.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) parent: NodeId,
    pub(crate) name: String,
    pub(crate) candidate: Candidate,
}

/// Whether a package can lie somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Yes,
    /// Somebody would find the wrong package.
    Conflict,
    /// It could, if its peers could.
    Peers,
}

/// Chooses a version for a peer, or says what has to be known first.
pub(crate) trait Choose {
    type Wait;
    fn choose(&self, tree: &Tree, from: NodeId, edge: &Edge) -> Result<Candidate, Self::Wait>;
}

/// Chains of peers end.
const MAX_PEER_DEPTH: usize = 24;

impl Tree {
    /// Where a package goes, with the peers that it brings. In the end it goes somewhere, even where peers are not met.
    pub(crate) fn plan<C: Choose>(
        &self,
        chooser: &C,
        from: NodeId,
        edge: &Edge,
        candidate: &Candidate,
    ) -> Result<Vec<Placement>, C::Wait> {
        let start = match self.node(from).parent {
            Some(parent) if edge.kind.is_peer() && !self.node(from).is_top() => parent,
            _ => from,
        };
        let (mut best, mut highest, mut at) = (None, None, Some(start));
        while let Some(target) = at {
            let mut plan = Vec::new();
            match self.fits(chooser, target, Some(from), edge, candidate, &mut plan, 0)? {
                Fit::Yes => best = Some(plan),
                Fit::Peers => highest = Some(target),
                Fit::Conflict => break,
            }
            at = self.node(target).parent;
        }
        Ok(best.unwrap_or_else(|| {
            vec![Placement {
                parent: highest.unwrap_or(start),
                name: edge.name.clone(),
                candidate: candidate.clone(),
            }]
        }))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "they are what a decision depends on"
    )]
    fn fits<C: Choose>(
        &self,
        chooser: &C,
        target: NodeId,
        from: Option<NodeId>,
        edge: &Edge,
        candidate: &Candidate,
        plan: &mut Vec<Placement>,
        depth: usize,
    ) -> Result<Fit, C::Wait> {
        if depth > MAX_PEER_DEPTH {
            return Ok(Fit::Peers);
        }
        let name = &edge.name;
        if let Some(planned) = plan
            .iter()
            .find(|other| other.parent == target && other.name == *name)
        {
            let same = planned.candidate.manifest.id() == candidate.manifest.id();
            return Ok(if same { Fit::Yes } else { Fit::Conflict });
        }
        let node = self.node(target);
        if let Some(own) = node.edges.iter().find(|own| own.name == *name) {
            // A peer is never inside of who needs it.
            if own.kind.is_peer() && !node.is_top() {
                return Ok(Fit::Conflict);
            }
            let asks = from == Some(target);
            if !asks && !node.children.contains_key(name) && !self.accepts(target, own, candidate) {
                return Ok(Fit::Conflict);
            }
        }
        let fit = match node.children.get(name) {
            Some(current) => match self.over(*current, from, edge, candidate) {
                Some(true) => return Ok(Fit::Yes),
                Some(false) => Fit::Yes,
                None => Fit::Conflict,
            },
            None if self.shadows(target, from, name, candidate) => Fit::Conflict,
            None => Fit::Yes,
        };
        if fit != Fit::Yes {
            return Ok(fit);
        }
        let before = plan.len();
        plan.push(Placement {
            parent: target,
            name: name.clone(),
            candidate: candidate.clone(),
        });
        if let Origin::Folder(_) = candidate.origin {
            return Ok(Fit::Yes);
        }
        for peer in self.edges(&candidate.manifest, &candidate.scope, false) {
            if peer.kind.is_peer() && !self.bring(chooser, target, &peer, plan, depth)? {
                plan.truncate(before);
                return Ok(Fit::Peers);
            }
        }
        Ok(Fit::Yes)
    }

    /// Whether a peer is there for a package in `target`, or can be.
    fn bring<C: Choose>(
        &self,
        chooser: &C,
        target: NodeId,
        peer: &Edge,
        plan: &mut Vec<Placement>,
        depth: usize,
    ) -> Result<bool, C::Wait> {
        let mut visible = None;
        let mut at = Some(target);
        while let (Some(id), None) = (at, visible) {
            let planned = plan
                .iter()
                .find(|other| other.parent == id && other.name == peer.name);
            visible = match planned {
                Some(planned) => Some(self.accepts(target, peer, &planned.candidate)),
                None => self
                    .node(id)
                    .children
                    .get(&peer.name)
                    .map(|found| self.satisfies(target, peer, *found)),
            };
            at = self.node(id).parent;
        }
        match visible {
            Some(true) => return Ok(true),
            // What needs nothing can be left out, but not be wrong.
            None if peer.kind == Kind::OptionalPeer => return Ok(true),
            Some(false) if peer.kind == Kind::OptionalPeer => return Ok(false),
            _ => {}
        }
        let candidate = self.choose_peer(chooser, target, peer)?;
        let (mut best, mut at) = (None, Some(target));
        while let Some(id) = at {
            let mut trial = plan.clone();
            match self.fits(chooser, id, None, peer, &candidate, &mut trial, depth + 1)? {
                Fit::Yes => best = Some(trial),
                Fit::Peers => {}
                Fit::Conflict => break,
            }
            at = self.node(id).parent;
        }
        match best {
            Some(trial) => {
                *plan = trial;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// What somebody above wants of the peer counts, where that is good for it too.
    fn choose_peer<C: Choose>(
        &self,
        chooser: &C,
        target: NodeId,
        peer: &Edge,
    ) -> Result<Candidate, C::Wait> {
        let mut at = Some(target);
        while let Some(id) = at {
            if let Some(own) = self.node(id).edges.iter().find(|own| own.name == peer.name) {
                let candidate = chooser.choose(self, id, own)?;
                if self.accepts(target, peer, &candidate) {
                    return Ok(candidate);
                }
            }
            at = self.node(id).parent;
        }
        chooser.choose(self, target, peer)
    }

    /// Whether a candidate can stand for what lies there: `true` if that is as good, `false` to replace it.
    fn over(
        &self,
        current: NodeId,
        from: Option<NodeId>,
        edge: &Edge,
        candidate: &Candidate,
    ) -> Option<bool> {
        let node = self.node(current);
        // A folder of the project is what it asks for, whatever was found in its place.
        if let Origin::Folder(_) = candidate.origin {
            return Some(false);
        }
        let manifest = &self.node(self.target(current)).manifest;
        if manifest.id() == candidate.manifest.id()
            || from.is_some_and(|from| self.satisfies(from, edge, current))
        {
            return Some(true);
        }
        if matches!(node.source, Source::Link(_) | Source::Bundled) {
            return None;
        }
        let newer = match (
            version(&candidate.manifest.version),
            version(&manifest.version),
        ) {
            (Some(candidate), Some(current)) => candidate >= current,
            _ => false,
        };
        if !newer && !edge.kind.is_peer() {
            return None;
        }
        let all = self.dependents(&edge.name).all(|(id, other)| {
            from == Some(id)
                || self.resolve(id, &edge.name) != Some(current)
                || !self.satisfies(id, other, current)
                || self.accepts(id, other, candidate)
        });
        all.then_some(false)
    }

    /// Whether somebody would find the candidate in `target`, who finds the right one above now.
    fn shadows(
        &self,
        target: NodeId,
        from: Option<NodeId>,
        name: &str,
        candidate: &Candidate,
    ) -> bool {
        self.dependents(name).any(|(id, edge)| {
            if from == Some(id) || !self.is_within(id, target) {
                return false;
            }
            match self.resolve(id, name) {
                Some(found) => {
                    let above = self
                        .node(found)
                        .parent
                        .is_none_or(|holder| holder != target && !self.is_within(holder, target));
                    above && self.satisfies(id, edge, found) && !self.accepts(id, edge, candidate)
                }
                // It can have its own, unless that is a peer.
                None => {
                    edge.kind == Kind::Peer && id != target && !self.accepts(id, edge, candidate)
                }
            }
        })
    }

    /// Whether a candidate is what somebody wants.
    fn accepts(&self, from: NodeId, edge: &Edge, candidate: &Candidate) -> bool {
        use crate::spec::Spec;
        let manifest = &candidate.manifest;
        match (&candidate.origin, &*edge.spec) {
            (Origin::Folder(_), Spec::Workspace) => true,
            (Origin::Folder(location), Spec::Folder(path)) => {
                join(&self.node(from).location, path).as_ref() == Some(location)
            }
            (_, spec) => spec.accepts(&edge.name, &manifest.name, &manifest.version),
        }
    }
}
