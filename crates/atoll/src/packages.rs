//! Packages for programs that workers build: from registries, by the cache that all projects share.
//!
//! What a program asks for is somebody's text. It is followed within what `builds` in `atoll.jsonc` allows and within bounds,
//! nothing of a package is run, and without a list of packages no registry is told a credential: whoever writes a program
//! shall not get what only the one who runs it may have.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bundle::Project;
use bundle::config::Builds;
use host::{Building, Fetcher, Installed, Packages, Runtime, Wanted};
use npm::{
    Allow, ArchiveLimits, Cache, Client, DEFAULT_REGISTRY, Limits, Settings, VirtualProject,
};
use protocol::limits::{
    MAX_BUILD_BYTES, MAX_BUILD_DEPTH, MAX_BUILD_FILES, MAX_BUILD_PACKAGES,
    MAX_BUILD_PACKUMENT_BYTES, MAX_BUILD_PATH_BYTES, MAX_KEPT_PACKAGES_BYTES,
};

use crate::error::Error;
use crate::terminal;

/// A name for every package: all of them, with the credentials of `.npmrc`.
const ANY: &str = "*";
/// How long a registry may be silent: a build waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long packages that were found are still those that a tag or a range means. Registries say the same of their answers.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// What builds programs, by the project whose `.npmrc` counts and by what programs may have.
#[derive(Clone, Default)]
pub(crate) struct Bundlers(Arc<Mutex<ByProject>>);

type ByProject = HashMap<(PathBuf, Builds), Arc<dyn Fetcher>>;

impl Bundlers {
    /// The one for the workers of a project.
    pub(crate) fn of(
        &self,
        runtime: &Runtime,
        project: &Project,
    ) -> Result<Arc<dyn Fetcher>, Error> {
        let folder = npm::project_of(&project.root).unwrap_or_else(|| project.root.clone());
        let builds = &project.settings.builds;
        let mut bundlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (folder, builds.clone());
        if let Some(bundler) = bundlers.get(&key) {
            return Ok(Arc::clone(bundler));
        }
        let settings = Settings::load(&key.0)?;
        let packages = match Cache::open(Cache::default_folder()) {
            Ok(cache) => Some(Arc::new(FromRegistry::new(settings, cache, builds)) as Arc<_>),
            Err(error) => {
                let what = format_args!("workers that build programs get no packages: {error}");
                terminal::warning(what);
                None
            }
        };
        let bundler = runtime.bundler(Building {
            packages,
            ..Building::default()
        });
        // Those of earlier settings go with the last worker that has them.
        bundlers.retain(|_, bundler| Arc::strong_count(bundler) > 1);
        bundlers.insert(key, Arc::clone(&bundler));
        Ok(bundler)
    }
}

type Dependencies = BTreeMap<String, String>;

/// Packages from registries and the cache.
struct FromRegistry {
    settings: Arc<Settings>,
    cache: Arc<Cache>,
    allow: Allow,
    registries: Vec<String>,
    kept: Mutex<Vec<Kept>>,
}

/// Packages that were found.
struct Kept {
    registry: String,
    dependencies: Dependencies,
    installed: Arc<Installed>,
    bytes: usize,
    at: Instant,
}

impl FromRegistry {
    fn new(settings: Settings, cache: Cache, builds: &Builds) -> Self {
        let mut settings = match builds.packages {
            Some(_) => settings,
            None => settings.without_credentials(),
        };
        settings.timeout = settings.timeout.min(TIMEOUT);
        settings.retries = settings.retries.min(1);
        let allow = match &builds.packages {
            Some(names) if !names.iter().any(|name| name == ANY) => {
                Allow::only(names.iter().cloned())
            }
            _ => Allow::All,
        };
        Self {
            settings: Arc::new(settings),
            cache: Arc::new(cache),
            allow,
            registries: builds.registries.clone(),
            kept: Mutex::default(),
        }
    }

    /// The settings with the registry that a program names, if it may.
    fn settings(&self, asked: Option<&str>) -> Result<Arc<Settings>, String> {
        let own = &self.settings;
        let same = |registry: &str, asked: &str| {
            registry.trim_end_matches('/') == asked.trim_end_matches('/')
        };
        // The one that everybody uses stands for the one that is used here.
        let asked = asked.filter(|asked| !same(DEFAULT_REGISTRY, asked));
        let Some(asked) = asked.filter(|asked| !same(&own.registry, asked)) else {
            return Ok(Arc::clone(own));
        };
        let mut known = self.registries.iter().chain(own.scopes.values());
        if !known.any(|registry| same(registry, asked)) {
            return Err(format!(
                "The registry {asked} is not one that programs may use here: see `builds.registries` in atoll.jsonc."
            ));
        }
        let mut settings = Settings::clone(own);
        settings.registry = format!("{}/", asked.trim_end_matches('/'));
        Ok(Arc::new(settings))
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn install(&self, wanted: Wanted) -> Result<Arc<Installed>, String> {
        let settings = self.settings(wanted.registry.as_deref())?;
        let (registry, mut dependencies) = (settings.registry.clone(), wanted.dependencies);
        let found = {
            let mut kept = self.kept();
            kept.retain(|kept| kept.at.elapsed() < KEPT_FOR);
            let mut all = kept.iter();
            let same =
                |kept: &&Kept| kept.dependencies == dependencies && kept.registry == registry;
            all.find(same).map(|kept| Arc::clone(&kept.installed))
        };
        if let Some(installed) = found {
            return Ok(installed);
        }
        let asked = dependencies.clone();
        // A client remembers what it was told and that nobody answers: each set of packages is found by one of its own.
        let client = Client::with(settings, Arc::clone(&self.cache), MAX_BUILD_PACKUMENT_BYTES);
        let mut warnings = Vec::new();
        let installed = match self.find(&client, &dependencies).await {
            Ok(installed) => installed,
            Err(error) if dependencies.len() < 2 => {
                for name in dependencies.keys() {
                    warnings.push(failed(name, &error)?);
                }
                Installed::default()
            }
            Err(_) => {
                // The others are there nevertheless.
                for (name, spec) in std::mem::take(&mut dependencies) {
                    let alone = Dependencies::from([(name.clone(), spec.clone())]);
                    match self.find(&client, &alone).await {
                        Ok(_) => drop(dependencies.insert(name, spec)),
                        Err(error) => warnings.push(failed(&name, &error)?),
                    }
                }
                let rest = self.find(&client, &dependencies).await;
                rest.map_err(|error| format!("The packages cannot be installed: {}", told(&error)))?
            }
        };
        let is_whole = warnings.is_empty();
        let installed = Arc::new(Installed {
            warnings: [warnings, installed.warnings].concat(),
            ..installed
        });
        if is_whole {
            self.keep(registry, asked, &installed);
        }
        Ok(installed)
    }

    async fn find(
        &self,
        client: &Client,
        dependencies: &Dependencies,
    ) -> Result<Installed, npm::Error> {
        let names = dependencies.iter();
        let project = VirtualProject::of(names.map(|(name, spec)| (name.as_str(), spec.as_str())));
        let limits = Limits {
            packages: MAX_BUILD_PACKAGES,
            files: MAX_BUILD_FILES,
            bytes: MAX_BUILD_BYTES as u64,
            archive: ArchiveLimits {
                packed_bytes: MAX_BUILD_BYTES as u64,
                unpacked_bytes: MAX_BUILD_BYTES as u64,
                files: MAX_BUILD_FILES,
                path_bytes: MAX_BUILD_PATH_BYTES,
                path_depth: MAX_BUILD_DEPTH,
                ..ArchiveLimits::default()
            },
        };
        let tree = client
            .install_virtual(&project, &limits, &self.allow)
            .await?;
        let packages = tree.packages.iter();
        Ok(Installed {
            packages: packages
                .map(
                    |(place, (name, version))| match place == &format!("node_modules/{name}") {
                        true => format!("{name}@{version}"),
                        false => format!("{name}@{version} in {place}"),
                    },
                )
                .collect(),
            identity: tree.lock,
            files: tree.files.into_iter().collect(),
            warnings: tree.warnings,
        })
    }

    fn keep(&self, registry: String, dependencies: Dependencies, installed: &Arc<Installed>) {
        let bytes = installed.files.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut kept = self.kept();
        kept.push(Kept {
            registry,
            dependencies,
            installed: Arc::clone(installed),
            bytes,
            at: Instant::now(),
        });
        while kept.iter().map(|kept| kept.bytes).sum::<usize>() > MAX_KEPT_PACKAGES_BYTES {
            kept.remove(0);
        }
    }
}

/// What a program is told of a package that it does not get, where that is so in the words of the npm package.
fn failed(wanted: &str, error: &npm::Error) -> Result<String, String> {
    let name = wanted;
    match error {
        npm::Error::Io { .. } => Err(told(error)),
        npm::Error::NoPackage { name, registry } if name == wanted => Ok(format!(
            "Failed to install {name}: Registry returned 404 Not Found for \"{name}\" at {registry}{} (package not found — \
             check the name in package.json or set the `registry` option if it lives on a private registry)",
            name.replace('/', "%2F")
        )),
        npm::Error::NoVersion { name, spec, .. } if name == wanted => {
            Ok(format!("Could not resolve version for {name}@{spec}"))
        }
        error => Ok(format!("Failed to install {name}: {}", told(error))),
    }
}

/// An error without the folders of this machine, which are nobody's business who writes programs.
fn told(error: &npm::Error) -> String {
    match error {
        npm::Error::Missing { missing, cause, .. } => {
            format!("{} cannot be had: {cause}", missing.join(", "))
        }
        npm::Error::Io { source, .. } => {
            terminal::warning(format_args!("packages for programs: {error}: {source}"));
            "the cache of packages cannot be used".to_owned()
        }
        error => error.to_string(),
    }
}

impl Packages for FromRegistry {
    fn install(
        &self,
        wanted: Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<Installed>, String>> + Send + '_>> {
        Box::pin(self.install(wanted))
    }
}
