//! Writes lock files as npm writes them, and leaves alone what still holds.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::graph::Flags;
use crate::lock::LockFile;
use crate::manifest::Manifest;
use crate::name;
use crate::settings::Settings;
use crate::tree::{Node, NodeId, ROOT, Source, Tree};

/// Fields that come first, in this order.
const FIRST: [&str; 8] = [
    "name",
    "version",
    "lockfileVersion",
    "resolved",
    "integrity",
    "requires",
    "packages",
    "dependencies",
];

/// The text of a lock file for a tree. `before` is the file as it was.
pub(crate) fn lock(
    tree: &Tree,
    flags: &[Flags],
    settings: &Settings,
    folder: &str,
    before: Option<&LockFile>,
) -> String {
    let indent = before.map_or("  ", |before| indent_of(&before.text));
    let root = tree.node(ROOT);
    let mut entries: Vec<(String, String)> = Vec::new();
    let project = root_entry(&root.manifest);
    let kept = before.and_then(|before| before.root.as_ref());
    entries.push((String::new(), unless_same(&project, kept, indent)));
    let mut nodes: Vec<(NodeId, &Node)> = tree.alive().filter(|(id, _)| *id != ROOT).collect();
    nodes.sort_by(|(_, left), (_, right)| name::order(&left.location, &right.location));
    for (id, node) in nodes {
        let fields = entry(tree, id, flags[id], settings);
        let known = before.and_then(|before| before.packages.get(&node.location));
        let text = match (&node.locked, known) {
            // What it says of the package holds; only how it is needed may be different.
            (Some(raw), Some(known)) => {
                let same = ["dev", "optional", "devOptional", "peer"]
                    .iter()
                    .all(|name| fields.contains_key(*name) == known.is(name));
                if same && !known.is("extraneous") {
                    raw.to_string()
                } else {
                    let mut changed = known.fields.clone();
                    for name in ["dev", "optional", "devOptional", "peer", "extraneous"] {
                        changed.remove(name);
                        if let Some(value) = fields.get(name) {
                            changed.insert(name.to_owned(), value.clone());
                        }
                    }
                    nice(&Value::Object(changed), indent, 2)
                }
            }
            (None, known) => unless_same(&fields, known.map(|known| &known.raw), indent),
            (Some(_), None) => nice(&Value::Object(fields), indent, 2),
        };
        entries.push((node.location.clone(), text));
    }
    let name = match root.manifest.name.as_str() {
        "" => folder,
        name => name,
    };
    let mut text = String::from("{\n");
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{indent}{}: {value},\n", Value::from(name)));
    };
    line("name", &Value::from(name).to_string());
    if !root.manifest.version.is_empty() {
        line(
            "version",
            &Value::from(root.manifest.version.as_str()).to_string(),
        );
    }
    line("lockfileVersion", "3");
    line("requires", "true");
    text.push_str(&format!("{indent}\"packages\": {{\n"));
    let last = entries.len() - 1;
    for (index, (location, entry)) in entries.iter().enumerate() {
        let comma = if index == last { "" } else { "," };
        text.push_str(&format!(
            "{indent}{indent}{}: {entry}{comma}\n",
            Value::from(location.as_str())
        ));
    }
    text.push_str(&format!("{indent}}}\n}}\n"));
    if before.is_some_and(|before| before.text.contains("\r\n")) {
        text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    text
}

/// The text of what `node_modules` says that it holds.
pub(crate) fn hidden_lock(
    tree: &Tree,
    flags: &[Flags],
    installed: &HashSet<NodeId>,
    settings: &Settings,
    folder: &str,
) -> String {
    let root = tree.node(ROOT);
    let mut packages = Map::new();
    for (id, node) in tree.alive() {
        if id != ROOT && installed.contains(&id) && !node.external {
            packages.insert(
                node.location.clone(),
                Value::Object(entry(tree, id, flags[id], settings)),
            );
        }
    }
    let mut head = Map::new();
    let name = if root.manifest.name.is_empty() {
        folder
    } else {
        &root.manifest.name
    };
    head.insert("name".to_owned(), name.into());
    if !root.manifest.version.is_empty() {
        head.insert("version".to_owned(), root.manifest.version.as_str().into());
    }
    head.insert("lockfileVersion".to_owned(), 3.into());
    head.insert("requires".to_owned(), true.into());
    head.insert("packages".to_owned(), packages.into());
    let mut text = nice(&Value::Object(head), "  ", 0);
    text.push('\n');
    text
}

/// An entry as it was, if it says the same.
fn unless_same(fields: &Map<String, Value>, before: Option<&Arc<str>>, indent: &str) -> String {
    if let Some(raw) = before
        && serde_json::from_str::<Map<String, Value>>(raw).is_ok_and(|before| before == *fields)
    {
        return raw.to_string();
    }
    nice(&Value::Object(fields.clone()), indent, 2)
}

fn root_entry(manifest: &Manifest) -> Map<String, Value> {
    let mut fields = about(manifest);
    if !manifest.name.is_empty() {
        fields.insert("name".to_owned(), manifest.name.as_str().into());
    }
    dependencies(&mut fields, "devDependencies", &manifest.dev_dependencies);
    fields
}

/// What a lock file says of a package.
pub(crate) fn entry(
    tree: &Tree,
    id: NodeId,
    flags: Flags,
    settings: &Settings,
) -> Map<String, Value> {
    let node = tree.node(id);
    let manifest = &node.manifest;
    let mut fields = match &node.source {
        Source::Link(target) => {
            let mut fields = Map::new();
            fields.insert(
                "resolved".to_owned(),
                tree.node(*target).location.as_str().into(),
            );
            fields.insert("link".to_owned(), true.into());
            return fields;
        }
        Source::Folder => {
            let mut fields = about(manifest);
            dependencies(&mut fields, "devDependencies", &manifest.dev_dependencies);
            fields
        }
        Source::Registry { .. } | Source::Bundled => about(manifest),
    };
    if !manifest.name.is_empty() && manifest.name != node.name {
        fields.insert("name".to_owned(), manifest.name.as_str().into());
    }
    match &node.source {
        Source::Registry { url, integrity } => {
            if let Some(url) = url.as_ref().filter(|_| !settings.omit_resolved) {
                fields.insert("resolved".to_owned(), url.as_str().into());
            }
            if let Some(integrity) = integrity {
                fields.insert("integrity".to_owned(), integrity.to_string().into());
            }
        }
        Source::Bundled => {
            fields.insert("inBundle".to_owned(), true.into());
        }
        _ => {}
    }
    for (name, set) in [
        ("dev", flags.dev),
        ("optional", flags.optional),
        ("devOptional", flags.dev_optional),
        ("peer", flags.peer),
    ] {
        if set {
            fields.insert(name.to_owned(), true.into());
        }
    }
    fields
}

/// What a lock file repeats of a manifest.
fn about(manifest: &Manifest) -> Map<String, Value> {
    let mut fields = Map::new();
    if !manifest.version.is_empty() {
        fields.insert("version".to_owned(), manifest.version.as_str().into());
    }
    dependencies(&mut fields, "dependencies", &manifest.dependencies);
    dependencies(
        &mut fields,
        "optionalDependencies",
        &manifest.optional_dependencies,
    );
    dependencies(&mut fields, "peerDependencies", &manifest.peer_dependencies);
    for (name, list) in [
        ("os", &manifest.os),
        ("cpu", &manifest.cpu),
        ("libc", &manifest.libc),
    ] {
        if !list.is_empty() {
            fields.insert(name.to_owned(), json!(list));
        }
    }
    if !manifest.bundled.is_empty() {
        fields.insert("bundleDependencies".to_owned(), json!(manifest.bundled));
    }
    if !manifest.bin.is_empty() {
        fields.insert("bin".to_owned(), json!(manifest.bin));
    }
    if manifest.has_install_script {
        fields.insert("hasInstallScript".to_owned(), true.into());
    }
    if let Some(why) = &manifest.deprecated {
        fields.insert("deprecated".to_owned(), why.as_str().into());
    }
    for (name, value) in &manifest.notes {
        fields.insert((*name).to_owned(), value.clone());
    }
    fields
}

fn dependencies(
    fields: &mut Map<String, Value>,
    name: &str,
    dependencies: &crate::manifest::Dependencies,
) {
    if !dependencies.is_empty() {
        fields.insert(name.to_owned(), json!(dependencies));
    }
}

/// How far a file's lines are moved in.
fn indent_of(text: &str) -> &str {
    let line = text.lines().nth(1).unwrap_or_default();
    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
    if blank == 0 { "  " } else { &line[..blank] }
}

/// JSON in npm's order: what is no object before what is, the first fields first, the others as names are sorted.
fn nice(value: &Value, indent: &str, depth: usize) -> String {
    let close = indent.repeat(depth);
    let open = indent.repeat(depth + 1);
    match value {
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            let rank = |name: &str| {
                FIRST
                    .iter()
                    .position(|first| *first == name)
                    .unwrap_or(FIRST.len())
            };
            sorted.sort_by(|(left, a), (right, b)| {
                a.is_object()
                    .cmp(&b.is_object())
                    .then_with(|| rank(left).cmp(&rank(right)))
                    .then_with(|| name::order(left, right))
            });
            let lines: Vec<String> = sorted
                .into_iter()
                .map(|(name, value)| {
                    format!(
                        "{open}{}: {}",
                        Value::from(name.as_str()),
                        nice(value, indent, depth + 1)
                    )
                })
                .collect();
            format!("{{\n{}\n{close}}}", lines.join(",\n"))
        }
        Value::Array(values) if values.is_empty() => "[]".to_owned(),
        Value::Array(values) => {
            let lines: Vec<String> = values
                .iter()
                .map(|value| format!("{open}{}", nice(value, indent, depth + 1)))
                .collect();
            format!("[\n{}\n{close}]", lines.join(",\n"))
        }
        other => other.to_string(),
    }
}
