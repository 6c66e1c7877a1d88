//! Reads npm's lock files, versions 2 and 3. Nothing in one is believed that cannot be checked, or has to be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::{BROKEN, Error, MERGED};
use crate::integrity::Integrity;
use crate::json;
use crate::limits::{Limits, MAX_LOCK_BYTES, MAX_NESTING};
use crate::manifest::Manifest;
use crate::name;
use crate::settings::Settings;
use crate::spec::version;
use crate::tree::{NodeId, ROOT, Source, Tree};

/// The names of the file, the one that counts first.
pub(crate) const FILES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// A lock file as it is written.
#[derive(Debug)]
pub(crate) struct LockFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) version: u64,
    /// What it says of the project itself.
    pub(crate) root: Option<Arc<str>>,
    pub(crate) packages: BTreeMap<String, Entry>,
}

/// What it says of a package.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) raw: Arc<str>,
    pub(crate) fields: Map<String, Value>,
}

impl Entry {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.fields.get(name) == Some(&Value::Bool(true))
    }
}

impl LockFile {
    /// Reads the lock file of a folder, if there is one.
    pub(crate) fn read(folder: &Path, limits: &Limits) -> Result<Option<Self>, Error> {
        for file in FILES {
            let path = folder.join(file);
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.len() > MAX_LOCK_BYTES => {
                    return Err(Error::limit(
                        path.display().to_string(),
                        MAX_LOCK_BYTES,
                        "bytes",
                    ));
                }
                Ok(_) => {
                    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
                    return Self::parse(path, text, limits).map(Some);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", &path)(error)),
            }
        }
        Ok(None)
    }

    /// Reads the text of a lock file.
    pub(crate) fn parse(path: PathBuf, text: String, limits: &Limits) -> Result<Self, Error> {
        let wrong = |message: String| Error::Lock {
            path: path.clone(),
            message,
        };
        if text.lines().any(|line| line.starts_with("<<<<<<< ")) {
            return Err(wrong(MERGED.to_owned()));
        }
        let head = json::fields(&text).map_err(|message| wrong(format!("{BROKEN}{message}")))?;
        let field = |name: &str| {
            head.iter()
                .find(|(other, _)| other == name)
                .map(|(_, raw)| *raw)
        };
        let version: u64 = field("lockfileVersion")
            .and_then(|raw| raw.parse().ok())
            .unwrap_or(1);
        if !(2..=3).contains(&version) {
            return Err(wrong(format!(
                "it has version {version} of npm's lock files; 2 and 3 are supported: npm install --package-lock-only --lockfile-version 3"
            )));
        }
        let packages = match field("packages") {
            Some(raw) => {
                json::fields(raw).map_err(|message| wrong(format!("`packages`: {message}")))?
            }
            None => return Err(wrong("it has no `packages`".to_owned())),
        };
        if packages.len() > limits.packages {
            return Err(Error::limit(
                path.display().to_string(),
                limits.packages as u64,
                "packages",
            ));
        }
        let mut root = None;
        let mut entries = BTreeMap::new();
        for (key, raw) in packages {
            let fields: Map<String, Value> =
                serde_json::from_str(raw).map_err(|error| wrong(format!("{key}: {error}")))?;
            if key.is_empty() {
                root = Some(raw.into());
                continue;
            }
            if entries
                .insert(
                    key.clone(),
                    Entry {
                        raw: raw.into(),
                        fields,
                    },
                )
                .is_some()
            {
                return Err(wrong(format!("it has {key} twice")));
            }
        }
        Ok(Self {
            path,
            text,
            version,
            root,
            packages: entries,
        })
    }

    /// Puts what it says into a tree that has the project and its folders.
    pub(crate) fn plant(&self, tree: &mut Tree, settings: &Settings) -> Result<(), Error> {
        let wrong = |key: &str, message: &str| Error::Lock {
            path: self.path.clone(),
            message: format!("{key:?} {message}"),
        };
        let mut places: HashMap<String, NodeId> = tree
            .alive()
            .map(|(id, node)| (node.location.clone(), id))
            .collect();
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let mut keys: Vec<(usize, &String, &Entry)> = Vec::new();
        for (key, entry) in &self.packages {
            let depth = key.matches("node_modules/").count();
            if depth > MAX_NESTING {
                return Err(wrong(key, "lies too deep"));
            }
            keys.push((depth, key, entry));
        }
        keys.sort_by_key(|(depth, key, _)| (*depth, *key));
        for (_, key, entry) in keys {
            let Some((parent, name)) = split(key) else {
                if key.split('/').any(|part| part == "node_modules") {
                    return Err(wrong(key, "is no place of a package"));
                }
                // A folder: package.json says which there are.
                if !places.contains_key(key) {
                    gone.insert(key.clone());
                }
                continue;
            };
            if !name::is_valid(name) {
                return Err(wrong(key, "is no place of a package"));
            }
            // Links are made of what package.json says.
            if entry.is("link") {
                gone.insert(key.clone());
                continue;
            }
            let parent = match places.get(parent) {
                Some(parent) => *parent,
                None if gone.contains(parent) => {
                    gone.insert(key.clone());
                    continue;
                }
                None => return Err(wrong(key, "lies in a package that is not there")),
            };
            let (manifest, source) = self.entry(key, name, entry, settings)?;
            let scope = match tree.node(ROOT).edges.iter().find(|edge| edge.name == name) {
                Some(edge) if parent == ROOT => edge.scope.clone(),
                // Rules about it hold for what it needs, as when it was chosen.
                _ => tree.node(parent).scope.apply(name, &manifest.version).1,
            };
            let id = tree.place(parent, name, Arc::new(manifest), source, scope);
            tree.nodes[id].locked = Some(entry.raw.clone());
            places.insert(key.clone(), id);
        }
        Ok(())
    }

    fn entry(
        &self,
        key: &str,
        name: &str,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<(Manifest, Source), Error> {
        let wrong = |message: String| Error::Lock {
            path: self.path.clone(),
            message: format!("{key:?} {message}"),
        };
        let mut manifest = Manifest::of(entry.fields.clone())
            .map_err(|message| wrong(format!("cannot be used: {message}")))?;
        if manifest.name.is_empty() {
            name.clone_into(&mut manifest.name);
        }
        if !name::is_valid(&manifest.name) {
            return Err(wrong(
                "has a name that cannot be the name of a package".to_owned(),
            ));
        }
        if entry.is("inBundle") {
            return Ok((manifest, Source::Bundled));
        }
        let url = entry.text("resolved");
        if let Some(url) = url
            && !url.starts_with("https://")
            && !url.starts_with("http://")
        {
            return Err(Error::Unsupported {
                name: manifest.name,
                spec: url.to_owned(),
                what: "not an archive of a registry, which is all that is supported",
                by: self.path.display().to_string(),
            });
        }
        if version(&manifest.version).is_none() {
            return Err(wrong(format!(
                "has no version that can be read: {:?}",
                manifest.version
            )));
        }
        let integrity = match entry.fields.get("integrity") {
            None => None,
            Some(value) => match value.as_str().and_then(Integrity::parse) {
                Some(integrity) => Some(integrity),
                None => return Err(wrong("has an integrity that cannot be read".to_owned())),
            },
        };
        let url = url.map(|url| settings.in_own_registry(&manifest.name, url));
        if let Some(url) = url.as_ref().filter(|url| !settings.is_known(url)) {
            return Err(wrong(format!(
                "is said to be at {url}, which is in no registry that .npmrc names"
            )));
        }
        manifest.tarball.clone_from(&url);
        manifest.integrity.clone_from(&integrity);
        Ok((manifest, Source::Registry { url, integrity }))
    }
}

/// A key's parent and the name in it; none for a folder.
fn split(key: &str) -> Option<(&str, &str)> {
    if let Some(at) = key.rfind("/node_modules/") {
        return Some((&key[..at], &key[at + "/node_modules/".len()..]));
    }
    key.strip_prefix("node_modules/").map(|name| ("", name))
}
