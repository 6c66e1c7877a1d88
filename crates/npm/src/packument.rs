//! What a registry says about a package: its versions and tags, in the short form that installers ask for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nodejs_semver::Version;

use crate::error::Error;
use crate::json;
use crate::manifest::Manifest;
use crate::spec::{Spec, version};

/// What a registry says about a package. Versions are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Packument {
    name: String,
    tags: HashMap<String, String>,
    /// All that was said.
    text: String,
    /// Where in it each version is.
    versions: HashMap<String, Range<usize>>,
    sorted: OnceLock<Vec<(Version, String)>>,
    read: Mutex<HashMap<String, Arc<Manifest>>>,
}

impl Packument {
    pub(crate) fn parse(package: &str, body: Vec<u8>) -> Result<Self, Error> {
        let wrong = |message: String| Error::Packument {
            package: package.to_owned(),
            message,
        };
        let text = String::from_utf8(body).map_err(|_| wrong("it is not Unicode".to_owned()))?;
        let mut packument = Self {
            name: String::new(),
            tags: HashMap::new(),
            versions: HashMap::new(),
            text: String::new(),
            sorted: OnceLock::new(),
            read: Mutex::default(),
        };
        let start = text.as_ptr().addr();
        for (field, value) in json::fields(&text).map_err(wrong)? {
            let read = |error: serde_json::Error| wrong(format!("`{field}`: {error}"));
            match field.as_str() {
                "name" => packument.name = serde_json::from_str(value).map_err(read)?,
                "dist-tags" => packument.tags = serde_json::from_str(value).map_err(read)?,
                "versions" => {
                    for (version, value) in json::fields(value).map_err(wrong)? {
                        let at = value.as_ptr().addr() - start;
                        packument.versions.insert(version, at..at + value.len());
                    }
                }
                _ => {}
            }
        }
        packument.text = text;
        if packument.name != package {
            return Err(wrong(format!("it is about {:?}", packument.name)));
        }
        Ok(packument)
    }

    /// The versions, newest first.
    fn sorted(&self) -> &[(Version, String)] {
        self.sorted.get_or_init(|| {
            let mut versions: Vec<(Version, String)> = self
                .versions
                .keys()
                .filter_map(|text| Some((version(text)?, text.clone())))
                .collect();
            versions.sort_by(|left, right| right.cmp(left));
            versions
        })
    }

    pub(crate) fn latest(&self) -> Option<String> {
        self.tags.get("latest").cloned()
    }

    /// What is said about one version.
    pub(crate) fn manifest(&self, version: &str) -> Result<Option<Arc<Manifest>>, Error> {
        let Some(place) = self.versions.get(version) else {
            return Ok(None);
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manifest) = read.get(version) {
            return Ok(Some(manifest.clone()));
        }
        let wrong = |message: String| Error::Packument {
            package: format!("{}@{version}", self.name),
            message,
        };
        let manifest = Manifest::parse(self.text[place.clone()].as_bytes()).map_err(wrong)?;
        if manifest.name != self.name || manifest.version != version {
            return Err(wrong(format!("it is about {}", manifest.id())));
        }
        if manifest.tarball.is_none() {
            return Err(wrong("it does not say where the archive is".to_owned()));
        }
        let manifest = Arc::new(manifest);
        read.insert(version.to_owned(), manifest.clone());
        Ok(Some(manifest))
    }

    /// The version that npm would choose: the latest where it fits, else the newest that fits, and none that is deprecated
    /// if there is another.
    pub(crate) fn pick(&self, wanted: &Spec) -> Result<Option<Arc<Manifest>>, Error> {
        let text = match wanted {
            Spec::Tag(tag) => self.tags.get(tag).cloned(),
            Spec::Version(wanted) => self
                .sorted()
                .iter()
                .find(|(version, _)| version == wanted)
                .map(|(_, text)| text.clone()),
            Spec::Any | Spec::Range(_) => return self.newest(wanted),
            Spec::Alias { .. } | Spec::Folder(_) | Spec::Workspace | Spec::Unsupported(_) => None,
        };
        match text {
            Some(text) => self.manifest(&text),
            None => Ok(None),
        }
    }

    fn newest(&self, wanted: &Spec) -> Result<Option<Arc<Manifest>>, Error> {
        let range = match wanted {
            Spec::Range(range) => Some(range),
            _ => None,
        };
        let fits = |version: &Version| match range {
            Some(range) => range.satisfies(version),
            None => !version.is_prerelease(),
        };
        let latest = self.tags.get("latest");
        let latest = latest.and_then(|text| Some((version(text)?, text)));
        if let Some((number, text)) = &latest
            && (fits(number) || range.is_none())
            && let Some(manifest) = self.manifest(text)?
            && manifest.deprecated.is_none()
        {
            return Ok(Some(manifest));
        }
        let mut deprecated = None;
        for (number, text) in self.sorted() {
            // Nothing newer than the latest is chosen where something else fits, unless only that is there.
            if !fits(number) {
                continue;
            }
            let Some(manifest) = self.manifest(text)? else {
                continue;
            };
            if manifest.deprecated.is_none() {
                return Ok(Some(manifest));
            }
            deprecated.get_or_insert(manifest);
        }
        Ok(deprecated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packument(latest: &str, versions: &[(&str, &str)]) -> Packument {
        let versions: serde_json::Map<_, _> = versions
            .iter()
            .map(|(version, deprecated)| {
                let value = serde_json::json!({ "name": "a", "version": version, "deprecated": deprecated,
                    "dist": { "tarball": "https://r.example/a.tgz" } });
                ((*version).to_owned(), value)
            })
            .collect();
        let body = serde_json::json!({ "name": "a", "dist-tags": { "latest": latest, "next": "3.0.0-rc.1" }, "versions": versions });
        Packument::parse("a", body.to_string().into_bytes()).unwrap()
    }

    #[test]
    fn the_version_is_chosen_as_npm_does() {
        let of = |packument: &Packument, spec: &str| {
            packument
                .pick(Spec::parse(spec).wanted())
                .unwrap()
                .map(|manifest| manifest.version.clone())
        };
        let some = |text: &str| Some(text.to_owned());
        let a = packument(
            "1.5.0",
            &[
                ("1.4.0", ""),
                ("1.5.0", ""),
                ("1.6.0", ""),
                ("2.0.0", ""),
                ("3.0.0-rc.1", ""),
            ],
        );
        assert_eq!(of(&a, "^1"), some("1.5.0"));
        assert_eq!(of(&a, ">=1"), some("1.5.0"));
        assert_eq!(of(&a, "^2"), some("2.0.0"));
        assert_eq!(of(&a, "*"), some("1.5.0"));
        assert_eq!(of(&a, "next"), some("3.0.0-rc.1"));
        assert_eq!(of(&a, "^3"), None);
        assert_eq!(of(&a, "1.4.0"), some("1.4.0"));
        assert_eq!(of(&a, "missing-tag"), None);
        let b = packument(
            "1.1.0",
            &[("1.0.0", ""), ("1.1.0", "do not"), ("1.2.0", "do not")],
        );
        assert_eq!(of(&b, "^1"), some("1.0.0"));
        assert_eq!(of(&b, "^1.1"), some("1.2.0"));
    }

    #[test]
    fn a_registry_that_speaks_of_another_package_is_not_believed() {
        assert!(Packument::parse("a", br#"{ "name": "b", "versions": {} }"#.to_vec()).is_err());
        let lying = br#"{ "name": "a", "versions": { "1.0.0": { "name": "a", "version": "6.6.6" }, "1.0.1": { "name": "b", "version": "1.0.1" } } }"#;
        let packument = Packument::parse("a", lying.to_vec()).unwrap();
        assert!(packument.manifest("1.0.0").is_err() && packument.manifest("1.0.1").is_err());
    }
}
