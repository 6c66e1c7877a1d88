//! pnpm's lock file, versions 6 and 9: which version of everything somebody chose.
//!
//! It is only read. Its graph is laid out as npm would, so that each package finds the version that pnpm chose for it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::integrity::Integrity;
use crate::limits::MAX_LOCK_BYTES;
use crate::manifest::{Dependencies, Manifest};
use crate::name;
use crate::spec::version;
use crate::tree::{Edge, Node};
use crate::yaml;

/// The name of the file.
pub(crate) const FILE: &str = "pnpm-lock.yaml";

/// What pnpm's lock file says.
#[derive(Debug, Default)]
pub(crate) struct PnpmLock {
    importers: BTreeMap<String, Importer>,
    packages: HashMap<String, Locked>,
}

#[derive(Debug)]
struct Locked {
    manifest: Arc<Manifest>,
    /// The key of each dependency.
    keys: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Importer {
    dependencies: BTreeMap<String, Pinned>,
    dev_dependencies: BTreeMap<String, Pinned>,
    optional_dependencies: BTreeMap<String, Pinned>,
}

#[derive(Debug, Deserialize)]
struct Pinned {
    specifier: String,
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: Value,
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    #[serde(default)]
    snapshots: BTreeMap<String, Snapshot>,
    /// Version 6 has those of a single project here.
    #[serde(flatten)]
    single: Importer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    resolution: Resolution,
    os: Vec<String>,
    cpu: Vec<String>,
    libc: Vec<String>,
    deprecated: Option<Value>,
    requires_build: bool,
    #[serde(flatten)]
    needs: Snapshot,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Snapshot {
    dependencies: Dependencies,
    optional_dependencies: Dependencies,
}

impl PnpmLock {
    /// Reads the lock file of a folder, if there is one.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE);
        let text = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_LOCK_BYTES => {
                return Err(Error::limit(
                    path.display().to_string(),
                    MAX_LOCK_BYTES,
                    "bytes",
                ));
            }
            Ok(_) => std::fs::read_to_string(&path).map_err(Error::io("read", &path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let lock = Self::parse(&text).map_err(|message| Error::Lock { path, message })?;
        Ok(Some(lock))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File =
            serde_json::from_value(yaml::parse(text)?).map_err(|error| error.to_string())?;
        let number = match &file.lockfile_version {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !number.starts_with("6.") && !number.starts_with("9.") {
            return Err(format!(
                "it has version {number} of pnpm's lock files; 6 and 9 are supported"
            ));
        }
        let mut importers = file.importers;
        if importers.is_empty() {
            importers.insert(".".to_owned(), file.single);
        }
        let mut packages = HashMap::new();
        // Version 9 has the needs of each package for each set of its peers, version 6 all in one.
        let split = !file.snapshots.is_empty();
        let keys: Vec<(String, Option<Snapshot>)> = if split {
            file.snapshots
                .into_iter()
                .map(|(key, needs)| (key, Some(needs)))
                .collect()
        } else {
            file.packages
                .keys()
                .map(|key| (key.clone(), None))
                .collect()
        };
        for (written, needs) in keys {
            let key = written.trim_start_matches('/').to_owned();
            let bare = key.split('(').next().unwrap_or(&key);
            let about = if split { bare } else { written.as_str() };
            let Some(package) = file.packages.get(about) else {
                return Err(format!("{key} has no entry in `packages`"));
            };
            let needs = needs.unwrap_or_else(|| package.needs.clone());
            if let Some(locked) = locked(bare, package, &needs)? {
                packages.insert(key, locked);
            }
        }
        Ok(Self {
            importers,
            packages,
        })
    }

    /// The folders that have packages of the project.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.importers
            .keys()
            .map(String::as_str)
            .filter(|folder| *folder != ".")
    }

    /// What was chosen for a dependency, with its key; none when the file does not know it as it is written now.
    pub(crate) fn choose(
        &self,
        from: &Node,
        edge: &Edge,
    ) -> Result<Option<(String, Arc<Manifest>)>, Error> {
        let key = if from.is_top() {
            let place = if from.location.is_empty() {
                "."
            } else {
                &from.location
            };
            let pinned = self.importers.get(place).and_then(|importer| {
                importer
                    .optional_dependencies
                    .get(&edge.name)
                    .or_else(|| importer.dependencies.get(&edge.name))
                    .or_else(|| importer.dev_dependencies.get(&edge.name))
            });
            match pinned {
                Some(pinned)
                    if pinned.specifier == edge.written || edge.written.starts_with("catalog:") =>
                {
                    key(&edge.name, &pinned.version)
                }
                _ => return Ok(None),
            }
        } else {
            let locked = from
                .snapshot
                .as_ref()
                .and_then(|key| self.packages.get(key));
            match locked.and_then(|locked| locked.keys.get(&edge.name)) {
                Some(key) => key.clone(),
                None => return Ok(None),
            }
        };
        if key.contains("link:") || key.contains("file:") {
            return Ok(None);
        }
        match self.packages.get(&key) {
            Some(locked) => Ok(Some((key, locked.manifest.clone()))),
            None => Err(Error::Lock {
                path: FILE.into(),
                message: format!("{key} is needed, and has no entry that can be used"),
            }),
        }
    }
}

/// The key of a version of a package: the version alone, or a package with another name.
fn key(name: &str, version: &str) -> String {
    let version = version.trim_start_matches('/');
    if version.starts_with(|sign: char| sign.is_ascii_digit()) {
        format!("{name}@{version}")
    } else {
        version.to_owned()
    }
}

/// The name and version of a key without peers.
fn split(key: &str) -> Option<(&str, &str)> {
    let key = key.split('(').next()?;
    let at = key.rfind('@').filter(|at| *at > 0)?;
    Some((&key[..at], &key[at + 1..]))
}

/// A package; none when it does not come from a registry.
fn locked(key_of: &str, package: &Package, needs: &Snapshot) -> Result<Option<Locked>, String> {
    let Some((package_name, number)) = split(key_of) else {
        return Ok(None);
    };
    if package.resolution.kind.is_some() || version(number).is_none() {
        return Ok(None);
    }
    if !name::is_valid(package_name) {
        return Err(format!("{package_name:?} cannot be the name of a package"));
    }
    let integrity = match &package.resolution.integrity {
        Some(text) => Some(
            Integrity::parse(text)
                .ok_or_else(|| format!("the integrity of {key_of} cannot be read"))?,
        ),
        None => None,
    };
    let mut keys = BTreeMap::new();
    let mut take = |needs: &Dependencies| -> Result<Dependencies, String> {
        let mut taken = Dependencies::new();
        for (dependency, chosen) in needs {
            if !name::is_valid(dependency) {
                return Err(format!("{dependency:?} cannot be the name of a package"));
            }
            let key = key(dependency, chosen);
            let Some((package, number)) =
                split(&key).filter(|(_, number)| version(number).is_some())
            else {
                continue;
            };
            let written = if package == dependency {
                number.to_owned()
            } else {
                format!("npm:{package}@{number}")
            };
            taken.insert(dependency.clone(), written);
            keys.insert(dependency.clone(), key);
        }
        Ok(taken)
    };
    let manifest = Manifest {
        name: package_name.to_owned(),
        version: number.to_owned(),
        dependencies: take(&needs.dependencies)?,
        optional_dependencies: take(&needs.optional_dependencies)?,
        os: package.os.clone(),
        cpu: package.cpu.clone(),
        libc: package.libc.clone(),
        has_install_script: package.requires_build,
        deprecated: package
            .deprecated
            .as_ref()
            .and_then(|why| why.as_str().map(str::to_owned)),
        tarball: package.resolution.tarball.clone(),
        integrity,
        ..Manifest::default()
    };
    Ok(Some(Locked {
        manifest: Arc::new(manifest),
        keys,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE: &str = "lockfileVersion: '9.0'\nsettings:\n  autoInstallPeers: true\nimporters:\n  .:\n    dependencies:\n      \
        '@s/a':\n        specifier: ^1\n        version: 1.2.0(react@18.0.0)\n      old:\n        specifier: npm:b@1\n        \
        version: b@1.0.0\npackages:\n  '@s/a@1.2.0':\n    resolution: {integrity: sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=}\n    \
        engines: {node: '>=16'}\n    peerDependencies:\n      react: ^18\n  b@1.0.0:\n    resolution: {integrity: \
        sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=}\n    os: [linux]\n  react@18.0.0:\n    resolution: {integrity: \
        sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=}\nsnapshots:\n  '@s/a@1.2.0(react@18.0.0)':\n    dependencies:\n      react: 18.0.0\n      \
        c: b@1.0.0\n  b@1.0.0: {}\n  react@18.0.0: {}\n";

    #[test]
    fn version_nine_is_read() {
        let lock = PnpmLock::parse(NINE).unwrap();
        let a = &lock.packages["@s/a@1.2.0(react@18.0.0)"];
        assert_eq!(a.manifest.id(), "@s/a@1.2.0");
        assert_eq!(a.manifest.dependencies["c"], "npm:b@1.0.0");
        assert_eq!(a.keys["react"], "react@18.0.0");
        assert_eq!(lock.packages["b@1.0.0"].manifest.os, ["linux"]);
        assert_eq!(
            key("old", &lock.importers["."].dependencies["old"].version),
            "b@1.0.0"
        );
    }

    #[test]
    fn version_six_is_read() {
        let six = "lockfileVersion: '6.0'\ndependencies:\n  '@s/a':\n    specifier: ^1\n    version: 1.2.0(react@18.0.0)\npackages:\n  \
            /@s/a@1.2.0(react@18.0.0):\n    resolution: {integrity: sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=}\n    dependencies:\n      \
            react: 18.0.0\n    dev: false\n  /react@18.0.0:\n    resolution: {integrity: sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=}\n    dev: false\n";
        let lock = PnpmLock::parse(six).unwrap();
        assert_eq!(
            lock.packages["@s/a@1.2.0(react@18.0.0)"].keys["react"],
            "react@18.0.0"
        );
        assert_eq!(
            lock.importers["."].dependencies["@s/a"].version,
            "1.2.0(react@18.0.0)"
        );
    }

    #[test]
    fn files_that_lie_are_refused() {
        for (from, to) in [
            ("'9.0'", "'5.4'"),
            ("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "sha1-nothing"),
            (
                "      react: 18.0.0\n      c",
                "      ../../react: 18.0.0\n      c",
            ),
            ("  b@1.0.0: {}\n", "  b@1.0.1: {}\n"),
            ("  '@s/a@1.2.0':", "  '@s/../a@1.2.0':"),
        ] {
            assert!(NINE.contains(from));
            assert!(PnpmLock::parse(&NINE.replace(from, to)).is_err(), "{to}");
        }
    }
}
