//! A project in a folder of its own, with a home and a cache of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use npm::{Cache, Client, Error, Options, Report, Settings, VirtualProject};
use serde_json::Value;

use crate::registry::{Registry, read};

pub(crate) struct Project {
    folder: tempfile::TempDir,
    pub(crate) environment: Vec<(String, String)>,
    runtime: tokio::runtime::Runtime,
}

impl Project {
    /// A project with this package.json, which uses this registry.
    pub(crate) fn new(registry: &Registry, manifest: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let environment = [
            ("HOME", at("home")),
            ("npm_config_registry", registry.url()),
            ("npm_config_globalconfig", at("none")),
            ("npm_config_fetch_retries", "1".to_owned()),
        ];
        let project = Self {
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            folder,
        };
        project.write(
            "package.json",
            &serde_json::to_string_pretty(&manifest).unwrap(),
        );
        project
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        read(self.path().join(path))
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn client(&self) -> Client {
        let settings = Settings::load_with(&self.path(), &self.environment).unwrap();
        Client::new(settings, Cache::open(self.cache()).unwrap())
    }

    pub(crate) fn try_install(&self, options: &Options) -> Result<Report, Error> {
        self.runtime
            .block_on(self.client().install(&self.path(), options))
    }

    pub(crate) fn install(&self) -> Report {
        self.try_install(&Options::default()).unwrap()
    }

    /// The error of an installation, with its hint.
    pub(crate) fn refuse(&self) -> String {
        let error = self.try_install(&Options::default()).unwrap_err();
        error
            .to_string()
            .replace(self.folder.path().to_str().unwrap(), "FOLDER")
    }

    pub(crate) fn install_virtual(
        &self,
        project: &VirtualProject,
        limits: &npm::Limits,
        allow: &npm::Allow,
    ) -> Result<npm::VirtualTree, Error> {
        self.runtime
            .block_on(self.client().install_virtual(project, limits, allow))
    }

    /// Packages in `node_modules` and in those of packages and workspaces, with their versions; links with where they lead.
    pub(crate) fn packages(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        collect(&self.path(), "", &mut found);
        found
    }

    /// Takes the words of an expected listing: `place version`, line by line.
    pub(crate) fn expect(&self, lines: &str) {
        let found: Vec<String> = self
            .packages()
            .iter()
            .map(|(place, version)| format!("{place} {version}"))
            .collect();
        let expected: Vec<&str> = lines
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(found, expected);
    }

    pub(crate) fn lock(&self) -> Value {
        serde_json::from_str(&self.read("package-lock.json")).unwrap()
    }
}

fn collect(root: &Path, folder: &str, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap();
        let below = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            found.insert(
                below,
                format!("-> {}", std::fs::read_link(entry.path()).unwrap().display()),
            );
        } else if kind.is_dir() {
            let parent = folder.rsplit('/').next().unwrap_or_default();
            let package = parent == "node_modules" || parent.starts_with('@');
            if package && !name.starts_with('@') {
                let manifest: Value =
                    serde_json::from_str(&read(entry.path().join("package.json")))
                        .unwrap_or_default();
                found.insert(
                    below.clone(),
                    manifest["version"].as_str().unwrap_or("?").to_owned(),
                );
            }
            collect(root, &below, found);
        }
    }
}
