//! Who is needed by whom, and how: what a lock file says of each package, and what this machine gets.

use std::collections::HashSet;

use crate::error::Error;
use crate::platform::{self, Platform};
use crate::tree::{Kind, NodeId, ROOT, Tree};

/// How a package is needed. Each is true as long as nothing says that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) dev: bool,
    pub(crate) optional: bool,
    pub(crate) dev_optional: bool,
    pub(crate) peer: bool,
}

/// How each package is needed, by its number.
pub(crate) fn flags(tree: &Tree) -> Vec<Flags> {
    let all = Flags {
        dev: true,
        optional: true,
        dev_optional: true,
        peer: true,
    };
    let mut flags = vec![all; tree.nodes.len()];
    flags[ROOT] = Flags {
        dev: false,
        optional: false,
        dev_optional: false,
        peer: false,
    };
    let mut open = vec![ROOT];
    let mut seen = HashSet::from([ROOT]);
    while let Some(id) = open.pop() {
        let from = flags[id];
        let mut lower = |to: NodeId, lowered: Flags, flags: &mut Vec<Flags>| {
            let before = flags[to];
            let after = Flags {
                dev: before.dev && lowered.dev,
                optional: before.optional && lowered.optional,
                dev_optional: before.dev_optional && lowered.dev_optional,
                peer: before.peer && lowered.peer,
            };
            flags[to] = after;
            if after != before || seen.insert(to) {
                open.push(to);
            }
        };
        let target = tree.target(id);
        if target != id {
            lower(target, from, &mut flags);
            continue;
        }
        for edge in &tree.node(id).edges {
            let Some(to) = tree.resolve(id, &edge.name) else {
                continue;
            };
            let (dev, optional) = (edge.kind == Kind::Dev, edge.kind.is_optional());
            let lowered = Flags {
                dev: from.dev || dev,
                optional: from.optional || optional,
                dev_optional: from.dev_optional || from.dev || from.optional || dev || optional,
                peer: from.peer || edge.kind.is_peer(),
            };
            lower(to, lowered, &mut flags);
        }
    }
    for flags in &mut flags {
        flags.dev_optional &= !flags.dev && !flags.optional;
    }
    flags
}

/// The packages that this machine gets, by their numbers: what it needs and what it can do without, where that runs here.
pub(crate) fn installed(
    tree: &Tree,
    platform: &Platform,
    with_dev: bool,
) -> Result<HashSet<NodeId>, Error> {
    let broken = broken(tree, platform);
    let mut installed = HashSet::new();
    let mut open = vec![ROOT];
    while let Some(id) = open.pop() {
        if !installed.insert(id) {
            continue;
        }
        let node = tree.node(id);
        open.push(tree.target(id));
        for edge in &node.edges {
            if (edge.kind == Kind::Dev && !with_dev) || edge.kind == Kind::OptionalPeer {
                continue;
            }
            let Some(to) = tree.resolve(id, &edge.name) else {
                continue;
            };
            if !broken.contains(&to) {
                open.push(to);
            } else if edge.kind != Kind::Optional {
                // What it needs may be what does not run here.
                let (mut wrong, mut passed) = (to, HashSet::from([to]));
                while platform.fits(&tree.node(wrong).manifest) {
                    let needs = tree
                        .node(wrong)
                        .edges
                        .iter()
                        .filter(|edge| !edge.kind.is_optional());
                    let next = needs
                        .filter_map(|edge| tree.resolve(wrong, &edge.name))
                        .find(|next| broken.contains(next) && passed.insert(*next));
                    match next {
                        Some(next) => wrong = next,
                        None => break,
                    }
                }
                let manifest = &tree.node(wrong).manifest;
                return Err(Error::Platform {
                    package: manifest.id(),
                    wanted: match platform::wanted(manifest) {
                        wanted if wanted.is_empty() => "other machines".to_owned(),
                        wanted => wanted,
                    },
                    here: platform.describe(),
                });
            }
        }
    }
    Ok(installed)
}

/// Packages that do not run here, or need one that does not.
fn broken(tree: &Tree, platform: &Platform) -> HashSet<NodeId> {
    let mut broken: HashSet<NodeId> = tree
        .alive()
        .filter(|(_, node)| !node.is_top() && !platform.fits(&node.manifest))
        .map(|(id, _)| id)
        .collect();
    let mut grows = !broken.is_empty();
    while grows {
        let more: Vec<NodeId> = tree
            .alive()
            .filter(|(id, node)| !node.is_top() && !broken.contains(id))
            .filter(|(id, node)| {
                node.edges.iter().any(|edge| {
                    !edge.kind.is_optional()
                        && tree
                            .resolve(*id, &edge.name)
                            .is_some_and(|to| broken.contains(&to))
                })
            })
            .map(|(id, _)| id)
            .collect();
        grows = !more.is_empty();
        broken.extend(more);
    }
    broken
}
