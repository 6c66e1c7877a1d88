//! What a package says about itself: its package.json, what the registry says about a version, an entry of a lock file.
//!
//! Whatever does not have the form that it should have is as if it were not there, as npm has it: there are all kinds of
//! manifests in the registry. What becomes a path or an address is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::integrity::Integrity;
use crate::limits::MAX_MANIFEST_BYTES;
use crate::name;

/// Names of dependencies and what of each is wanted.
pub type Dependencies = BTreeMap<String, String>;

/// What a package says about itself.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Its name; empty in a project that has none.
    pub name: String,
    /// Its version; empty in a project that has none.
    pub version: String,
    /// What it needs.
    pub dependencies: Dependencies,
    /// What it needs while it is developed.
    pub dev_dependencies: Dependencies,
    /// What it can do without.
    pub optional_dependencies: Dependencies,
    /// What has to be there once, for it and for those who use it.
    pub peer_dependencies: Dependencies,
    /// Those of the peer dependencies that need not be there.
    pub optional_peers: BTreeSet<String>,
    /// Dependencies that are inside its archive.
    pub bundled: BTreeSet<String>,
    /// Programs: their names and files.
    pub bin: BTreeMap<String, String>,
    /// A folder whose files are all programs.
    pub bin_folder: Option<String>,
    /// Operating systems that it is for.
    pub os: Vec<String>,
    /// Processors that it is for.
    pub cpu: Vec<String>,
    /// C libraries that it is for.
    pub libc: Vec<String>,
    /// What it wants to run when it is installed, which never runs.
    pub has_install_script: bool,
    /// It has one that may not fail: others are not needed, and mostly advertise something.
    pub needs_install_script: bool,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// Rules of a project about versions anywhere in its tree.
    pub overrides: Map<String, Value>,
    /// Patterns of folders with packages of the same project.
    pub workspaces: Vec<String>,
    /// Where its archive is.
    pub(crate) tarball: Option<String>,
    /// What its archive is.
    pub(crate) integrity: Option<Integrity>,
    /// Fields that a lock file repeats.
    pub(crate) notes: BTreeMap<&'static str, Value>,
}

impl Manifest {
    /// Reads a package.json.
    ///
    /// # Errors
    /// The file cannot be read, is not JSON, or has names that cannot be names.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_with(path, |_| None)
    }

    /// Reads the package.json of a project. What registries have that is odd is left aside; who writes a project is told.
    pub(crate) fn read_own(path: &Path) -> Result<Self, Error> {
        Self::read_with(path, odd_dependencies)
    }

    fn read_with(path: &Path, odd: impl Fn(&[u8]) -> Option<String>) -> Result<Self, Error> {
        let size = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .len();
        if size > MAX_MANIFEST_BYTES {
            return Err(Error::limit(
                path.display().to_string(),
                MAX_MANIFEST_BYTES,
                "bytes",
            ));
        }
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        let wrong = |message: String| Error::Manifest {
            path: path.to_owned(),
            message,
        };
        match odd(&text) {
            Some(message) => Err(wrong(message)),
            None => Self::parse(&text).map_err(wrong),
        }
    }

    /// Reads the text of a package.json.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Self::of(fields),
            Ok(_) => Err("it is not an object".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads the fields of a manifest.
    pub(crate) fn of(mut fields: Map<String, Value>) -> Result<Self, String> {
        let text = |fields: &Map<String, Value>, name: &str| -> String {
            fields
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let package = text(&fields, "name");
        let (bin, bin_folder) = programs(&fields, &package);
        let mut dependencies = dependencies(&fields, "dependencies")?;
        let optional_dependencies = self::dependencies(&fields, "optionalDependencies")?;
        // The registry repeats optional dependencies among the others.
        dependencies.retain(|name, _| !optional_dependencies.contains_key(name));
        let bundled = match ["bundleDependencies", "bundledDependencies"]
            .iter()
            .find_map(|name| fields.get(*name))
        {
            Some(Value::Array(names)) => strings(names),
            Some(Value::Bool(true)) => dependencies.keys().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let dist = fields.get("dist").and_then(Value::as_object);
        let (tarball, integrity) = match dist {
            Some(dist) => (
                dist.get("tarball")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                dist.get("integrity")
                    .and_then(Value::as_str)
                    .and_then(Integrity::parse)
                    .or_else(|| Integrity::of_shasum(dist.get("shasum")?.as_str()?)),
            ),
            None => (None, None),
        };
        let has_install_script = match fields.get("hasInstallScript") {
            Some(Value::Bool(has)) => *has,
            _ => install_scripts(&fields).next().is_some(),
        };
        let needs_install_script = install_scripts(&fields).any(|script| !may_fail(script));
        let deprecated = match fields.get("deprecated") {
            Some(Value::String(why)) if !why.is_empty() => Some(why.clone()),
            Some(Value::Bool(true)) => Some("deprecated".to_owned()),
            _ => None,
        };
        let workspaces = match fields.get("workspaces") {
            Some(Value::Array(patterns)) => list(patterns),
            Some(Value::Object(object)) => match object.get("packages") {
                Some(Value::Array(patterns)) => list(patterns),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let optional_peers = fields
            .get("peerDependenciesMeta")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, meta)| meta["optional"] == Value::Bool(true))
            .map(|(name, _)| name.clone())
            .collect();
        let one_or_more = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(texts)) => list(texts),
            _ => Vec::new(),
        };
        let (os, cpu, libc) = (one_or_more("os"), one_or_more("cpu"), one_or_more("libc"));
        let mut manifest = Self {
            version: text(&fields, "version"),
            dev_dependencies: self::dependencies(&fields, "devDependencies")?,
            peer_dependencies: self::dependencies(&fields, "peerDependencies")?,
            name: package,
            dependencies,
            optional_dependencies,
            optional_peers,
            bundled,
            bin,
            bin_folder,
            os,
            cpu,
            libc,
            has_install_script,
            needs_install_script,
            deprecated,
            overrides: Map::new(),
            workspaces,
            tarball,
            integrity,
            notes: BTreeMap::new(),
        };
        for name in [
            "license",
            "licenses",
            "funding",
            "engines",
            "peerDependenciesMeta",
            "workspaces",
        ] {
            if let Some(value) = fields.remove(name) {
                manifest.note(name, value);
            }
        }
        if let Some(Value::Object(overrides)) = fields.remove("overrides") {
            manifest.overrides = overrides;
        }
        Ok(manifest)
    }

    fn note(&mut self, name: &'static str, value: Value) {
        if value.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        match (name, value) {
            ("license" | "licenses", Value::String(text)) => {
                self.notes.insert("license", text.into());
            }
            ("license", Value::Object(object)) => {
                if let Some(text) = object.get("type").and_then(Value::as_str) {
                    self.notes.insert("license", text.into());
                }
            }
            ("funding", Value::String(url)) => {
                self.notes
                    .insert("funding", serde_json::json!({ "url": url }));
            }
            ("engines" | "peerDependenciesMeta", Value::Object(object)) if !object.is_empty() => {
                self.notes.insert(name, Value::Object(object));
            }
            ("funding" | "workspaces", value @ (Value::Object(_) | Value::Array(_))) => {
                self.notes.insert(name, value);
            }
            _ => {}
        }
    }

    /// Takes over from a package's own file what the registry leaves out.
    pub(crate) fn complete_from(&mut self, own: &Self) {
        for name in ["license", "funding", "engines", "workspaces"] {
            if let (false, Some(value)) = (self.notes.contains_key(name), own.notes.get(name)) {
                self.notes.insert(name, value.clone());
            }
        }
        if self.libc.is_empty() {
            self.libc.clone_from(&own.libc);
        }
    }

    /// Name and version.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

fn strings(values: &[Value]) -> BTreeSet<String> {
    values
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn list(values: &[Value]) -> Vec<String> {
    values
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// What is wrong with the form of the dependencies in the text of a manifest.
fn odd_dependencies(text: &[u8]) -> Option<String> {
    let fields: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let sections = [
        "dependencies",
        "devDependencies",
        "optionalDependencies",
        "peerDependencies",
    ];
    for section in sections {
        match fields.get(section) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                let mut entries = entries.iter();
                if let Some((name, _)) = entries.find(|(_, wanted)| !wanted.is_string()) {
                    return Some(format!(
                        "the version of {name:?} in `{section}` is no text: write {name:?}: \"^1.0.0\""
                    ));
                }
            }
            Some(_) => {
                return Some(format!(
                    "`{section}` is no object: write {{ \"NAME\": \"VERSION\" }}"
                ));
            }
        }
    }
    None
}

fn dependencies(fields: &Map<String, Value>, field: &str) -> Result<Dependencies, String> {
    let Some(Value::Object(entries)) = fields.get(field) else {
        return Ok(Dependencies::new());
    };
    let mut found = Dependencies::new();
    for (name, wanted) in entries {
        if !name::is_valid(name) {
            return Err(format!(
                "`{field}` has {name:?}, which cannot be the name of a package"
            ));
        }
        if let Some(wanted) = wanted.as_str() {
            found.insert(name.clone(), wanted.trim().to_owned());
        }
    }
    Ok(found)
}

/// Programs, with names that are no paths and files that are inside the package.
fn programs(
    fields: &Map<String, Value>,
    package: &str,
) -> (BTreeMap<String, String>, Option<String>) {
    let mut bin = BTreeMap::new();
    let mut add = |name: &str, file: &str| {
        let name = name.rsplit(['/', '\\', ':']).next().unwrap_or(name);
        let file = inside(file);
        if !matches!(name, "" | "." | "..") && !name.contains('\0') && !file.is_empty() {
            bin.insert(name.to_owned(), file);
        }
    };
    match fields.get("bin") {
        Some(Value::String(file)) => add(name::unscoped(package), file),
        Some(Value::Object(files)) => {
            for (name, file) in files {
                if let Some(file) = file.as_str() {
                    add(name, file);
                }
            }
        }
        _ => {}
    }
    let folder = fields
        .get("directories")
        .and_then(|directories| directories["bin"].as_str())
        .map(inside)
        .filter(|folder| !folder.is_empty() && bin.is_empty());
    (bin, folder)
}

/// A path as if the package were the root of everything.
fn inside(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    if path.contains('\0') {
        String::new()
    } else {
        path
    }
}

/// What a package wants to run when it is installed.
fn install_scripts(fields: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let scripts = fields.get("scripts");
    ["preinstall", "install", "postinstall"]
        .into_iter()
        .filter_map(move |name| scripts?.get(name)?.as_str())
}

/// Whether a script takes it as it comes when it fails.
fn may_fail(script: &str) -> bool {
    let script: String = script.split_whitespace().collect();
    let ends = ["||exit0", "||true", "||:"];
    script.contains("catch(e){}")
        || script.contains("catch{}")
        || ends.iter().any(|end| script.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_stay_inside_their_package() {
        let manifest = Manifest::parse(
            br#"{ "name": "@s/tool", "bin": { "../../up": "../../../etc/passwd", "ok": "./bin/ok.js", "..": "x", "b": "" } }"#,
        )
        .unwrap();
        let bin: Vec<_> = manifest.bin.into_iter().collect();
        assert_eq!(
            bin,
            [
                ("ok".to_owned(), "bin/ok.js".to_owned()),
                ("up".to_owned(), "etc/passwd".to_owned())
            ]
        );
        let manifest = Manifest::parse(br#"{ "name": "@s/tool", "bin": "cli.js" }"#).unwrap();
        assert_eq!(manifest.bin["tool"], "cli.js");
    }

    #[test]
    fn names_of_dependencies_that_are_paths_are_refused() {
        for field in [
            "dependencies",
            "devDependencies",
            "optionalDependencies",
            "peerDependencies",
        ] {
            let text = format!(r#"{{ "{field}": {{ "../../up": "1" }} }}"#);
            let error = Manifest::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains("cannot be the name of a package"), "{error}");
        }
    }

    #[test]
    fn fields_of_the_wrong_form_are_as_good_as_absent() {
        let manifest = Manifest::parse(
            br#"{ "name": 1, "version": [], "dependencies": ["a"], "devDependencies": { "a": 1 }, "bin": 3,
                  "os": 1, "engines": "node", "scripts": "x", "workspaces": 1, "deprecated": false, "dist": [] }"#,
        )
        .unwrap();
        assert_eq!(manifest.id(), "@");
        assert!(manifest.dependencies.is_empty() && manifest.dev_dependencies.is_empty());
        assert!(!manifest.has_install_script && manifest.notes.is_empty());
        for nothing in ["", "[]", "{", "1"] {
            assert!(Manifest::parse(nothing.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_script_that_may_fail_is_not_needed() {
        let needs = |script: &str| {
            let json = serde_json::json!({ "name": "a", "scripts": { "postinstall": script } });
            let manifest = Manifest::parse(json.to_string().as_bytes()).unwrap();
            assert!(manifest.has_install_script);
            manifest.needs_install_script
        };
        for script in [
            "node -e \"try{require('./postinstall')}catch(e){}\"",
            "node fund.js || exit 0",
            "./x || true",
        ] {
            assert!(!needs(script), "{script}");
        }
        for script in ["node install.js", "prebuild-install || node-gyp rebuild"] {
            assert!(needs(script), "{script}");
        }
    }
}
