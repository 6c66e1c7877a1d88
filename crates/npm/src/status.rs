//! Whether `node_modules` has what a project needs to run, told from a few files and without any network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits::Limits;
use crate::lock::LockFile;
use crate::manifest::Manifest;
use crate::pnpm::{self, PnpmLock};
use crate::spec::Spec;
use crate::workspaces;

/// What `node_modules` lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    Fresh,
    /// Something, and this says what.
    Stale(String),
    /// Something, and another program laid out `node_modules` in a way of its own.
    Foreign {
        /// That program.
        tool: &'static str,
        /// What is missing.
        missing: String,
    },
}

/// The nearest folder from here on up that has a package.json.
#[must_use]
pub fn package_of(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.join("package.json").is_file())
}

/// The folder whose package.json counts for a folder: the nearest above, or the project that has it as a workspace.
#[must_use]
pub fn project_of(folder: &Path) -> Option<PathBuf> {
    let nearest = package_of(folder)?;
    for above in nearest.ancestors().skip(1) {
        let patterns = patterns(above);
        let below = nearest.strip_prefix(above).ok().and_then(Path::to_str);
        if let Some(below) = below.filter(|_| !patterns.is_empty())
            && workspaces::name(&patterns, below)
        {
            return Some(above.to_owned());
        }
    }
    Some(nearest.to_owned())
}

/// The patterns of a project's workspaces.
fn patterns(folder: &Path) -> Vec<String> {
    let manifest = folder.join("package.json");
    let mut patterns = if manifest.is_file() {
        Manifest::read(&manifest).map_or_else(|_| Vec::new(), |manifest| manifest.workspaces)
    } else {
        return Vec::new();
    };
    if let Ok(Some(lock)) = PnpmLock::read(folder) {
        patterns.extend(lock.folders().map(str::to_owned));
    }
    patterns
}

/// Whether what a project needs to run is there. What it needs only to be developed is not looked at.
///
/// # Errors
/// package.json or the lock file cannot be read.
pub fn status(folder: &Path) -> Result<Status, Error> {
    status_for(folder, None)
}

/// The same, when only these workspaces of the project are to run. Where another program has laid out `node_modules`,
/// which need not have done so for all of them, the others are not looked at.
///
/// # Errors
/// package.json or the lock file cannot be read.
pub fn status_for(folder: &Path, used: Option<&BTreeSet<PathBuf>>) -> Result<Status, Error> {
    let file = folder.join("package.json");
    if !file.is_file() {
        return Ok(Status::Fresh);
    }
    let project = Manifest::read(&file)?;
    let mut folders = workspaces::find(folder, &patterns(folder))?;
    folders.insert(String::new(), project);
    let needs = folders
        .values()
        .any(|manifest| !manifest.dependencies.is_empty());
    if !needs {
        return Ok(Status::Fresh);
    }
    if let Some(tool) = foreign(folder) {
        if let Some(used) = used {
            keep_used(folder, &mut folders, used);
        }
        return Ok(match direct(folder, &folders) {
            Some(missing) => Status::Foreign { tool, missing },
            None => Status::Fresh,
        });
    }
    if let Some(missing) = direct(folder, &folders) {
        return Ok(Status::Stale(missing));
    }
    if folder.join(pnpm::FILE).is_file() {
        return Ok(Status::Fresh);
    }
    Ok(match LockFile::read(folder, &Limits::default())? {
        Some(lock) => locked(folder, &lock).map_or(Status::Fresh, Status::Stale),
        None => Status::Fresh,
    })
}

/// Keeps the workspaces that are used, and those that they depend on.
fn keep_used(folder: &Path, folders: &mut BTreeMap<String, Manifest>, used: &BTreeSet<PathBuf>) {
    let mut kept = BTreeSet::new();
    let mut left: Vec<String> = folders
        .keys()
        .filter(|place| used.contains(&folder.join(place)))
        .cloned()
        .collect();
    while let Some(place) = left.pop() {
        let needs = folders[&place].dependencies.keys();
        let names: BTreeSet<&String> = needs.collect();
        let needed = folders
            .iter()
            .filter(|(other, manifest)| !kept.contains(*other) && names.contains(&manifest.name));
        left.extend(needed.map(|(other, _)| other.clone()));
        kept.insert(place);
    }
    folders.retain(|place, _| kept.contains(place));
}

/// Another program's way of laying things out.
pub(crate) fn foreign(folder: &Path) -> Option<&'static str> {
    let there = |name: &str| folder.join(name).exists();
    if there("node_modules/.modules.yaml") {
        Some("pnpm")
    } else if there(".pnp.cjs") || there("node_modules/.yarn-state.yml") {
        Some("yarn")
    } else {
        None
    }
}

/// What packages of the project need themselves, and do not find.
fn direct(folder: &Path, folders: &BTreeMap<String, Manifest>) -> Option<String> {
    for (place, manifest) in folders {
        for (name, written) in &manifest.dependencies {
            let from = folder.join(place);
            let found = from
                .ancestors()
                .take_while(|above| above.starts_with(folder))
                .map(|above| above.join("node_modules").join(name).join("package.json"))
                .find(|file| file.is_file());
            let Some(file) = found else {
                return Some(format!("{name} is not there"));
            };
            let spec = Spec::parse(written);
            if spec.package(name).is_none() || !manifest.overrides.is_empty() || !place.is_empty() {
                continue;
            }
            let Ok(there) = Manifest::read(&file) else {
                return Some(format!("{name} is not whole"));
            };
            let linked = fs::symlink_metadata(folder.join("node_modules").join(name))
                .is_ok_and(|metadata| metadata.is_symlink());
            if !linked && !spec.accepts(name, &there.name, &there.version) {
                return Some(format!(
                    "{} is there, and {name}@{written} is wanted",
                    there.id()
                ));
            }
        }
    }
    None
}

/// What the lock file has, and `node_modules` has not.
fn locked(folder: &Path, lock: &LockFile) -> Option<String> {
    let hidden: Map<String, Value> =
        fs::read_to_string(folder.join("node_modules/.package-lock.json"))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
    let hidden = hidden.get("packages").and_then(Value::as_object);
    for (key, entry) in &lock.packages {
        let passing = [
            "dev",
            "optional",
            "devOptional",
            "link",
            "inBundle",
            "extraneous",
        ]
        .iter()
        .any(|flag| entry.is(flag));
        if passing || !key.contains("node_modules/") {
            continue;
        }
        let file = folder.join(key).join("package.json");
        if !file.is_file() {
            return Some(format!(
                "{} is not there",
                key.rsplit("node_modules/").next().unwrap_or(key)
            ));
        }
        let same = |name: &str, there: &Map<String, Value>| match (
            entry.fields.get(name),
            there.get(name),
        ) {
            (Some(locked), Some(there)) => locked == there,
            _ => true,
        };
        let there = hidden
            .and_then(|packages| packages.get(key))
            .and_then(Value::as_object);
        let fresh = match there {
            Some(there) => same("version", there) && same("integrity", there),
            None => Manifest::read(&file)
                .is_ok_and(|there| entry.text("version") == Some(&there.version)),
        };
        if !fresh {
            let name = key.rsplit("node_modules/").next().unwrap_or(key);
            return Some(format!("{name} is not the one of the lock file"));
        }
    }
    None
}
