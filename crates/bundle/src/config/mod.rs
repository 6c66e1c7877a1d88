//! Finding and reading a project's configuration: `wrangler.json`, `.jsonc` or `.toml`, the secrets
//! beside it and `atoll.jsonc`.

mod bindings;
mod compatibility;
mod document;
mod egress;
mod keys;
pub mod migrate;
mod objects;
mod project;
mod reader;
mod secrets;
mod settings;
mod wrangler;

use std::path::{Path, PathBuf};

pub use egress::{
    EgressBinding, EgressPolicy, EgressRule, EgressTarget, GlobalOutbound, LoaderSettings, Piece,
    is_secret_name,
};
pub use objects::{Migration, ObjectBinding, RenamedClass, TransferredClass};
pub use project::{
    Assets, BucketBinding, Dev, EmailBinding, HtmlHandling, KeyValueBinding, NotFoundHandling,
    Project, Rule, RunWorkerFirst, Service, UnsupportedBinding, Variable, VariableValue,
    WorkflowBinding,
};
pub use settings::{
    Browser, Builds, Isolation, Limits, Model, SETTINGS_FILE, Settings, Sockets, read_settings,
};

use crate::error::{Diagnostic, Error, Severity};

pub use compatibility::NEWEST;

/// The configuration file names, in the order wrangler looks for them.
pub const CONFIG_FILES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What the command line says about the project.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder to look for a configuration in, and then its parents.
    pub folder: PathBuf,
    /// The configuration file, absolute or relative to `folder`.
    pub config: Option<PathBuf>,
    /// The environment (`--env`).
    pub environment: Option<String>,
    /// `--var NAME:VALUE`; overrides all else.
    pub vars: Vec<(String, String)>,
    /// Files to read secrets from instead of `.dev.vars` and `.env` (`--env-file`); of one name the last value counts.
    pub secret_files: Vec<PathBuf>,
    /// What is taken where there is no configuration to be found, as JSON.
    pub otherwise: Option<String>,
}

/// A project and what is questionable about its configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// Diagnostics of severity `Warning`.
    pub warnings: Vec<Diagnostic>,
}

/// The configuration file that `options` mean.
pub fn find(options: &Options) -> Result<PathBuf, Error> {
    let folder = std::path::absolute(&options.folder).unwrap_or_else(|_| options.folder.clone());
    if let Some(config) = &options.config {
        let path = folder.join(config);
        if path.is_file() {
            return Ok(path);
        }
        if path.is_dir() {
            let inside = CONFIG_FILES.iter().map(|name| path.join(name));
            if let Some(found) = inside.into_iter().find(|candidate| candidate.is_file()) {
                return Ok(found);
            }
        }
        if path.is_dir() {
            let missing = Diagnostic::error(
                "no wrangler.jsonc, wrangler.json or wrangler.toml in this folder",
            );
            return Err(Error::one(missing.path(&path)));
        }
        let mut missing = Diagnostic::error("there is no such configuration file").path(&path);
        missing.hint = nearest_file(&path).map(|near| format!("did you mean `{near}`?"));
        return Err(Error::one(missing));
    }
    for name in CONFIG_FILES {
        for parent in folder.ancestors() {
            let candidate = parent.join(name);
            if candidate.is_file() {
                return Ok(candidate);
            }
        }
    }
    Err(Error::one(
        Diagnostic::error("no wrangler.jsonc, wrangler.json or wrangler.toml here or above")
            .path(&folder)
            .hint("name it with --config, make a project with `atoll new NAME`, or try a script alone: `atoll dev FILE`"),
    ))
}

/// A warning of another configuration beside the one that is taken, unless somebody named that one.
fn not_read(taken: &Path, options: &Options) -> Option<Diagnostic> {
    let named = options
        .config
        .as_ref()
        .is_some_and(|config| taken.ends_with(config));
    let others = CONFIG_FILES.iter().map(|name| taken.with_file_name(name));
    let other = others
        .filter(|_| !named)
        .find(|other| other != taken && other.is_file())?;
    let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
    let (taken, told) = (name(taken), name(&other));
    let warning = Diagnostic::warning(format!("{told} is not read: {taken} is there too"));
    let hint = format!("delete one of them, or name the one that you mean: --config {told}");
    Some(warning.path(&other).hint(hint))
}

/// Finds and reads the project that `options` mean.
///
/// # Errors
/// Every mistake in the configuration at once, with its place.
pub fn load(options: &Options) -> Result<Loaded, Error> {
    let config_path = match (find(options), &options.otherwise) {
        // Where it would be looked for first.
        (Err(_), Some(_)) if options.config.is_none() => {
            let folder = std::path::absolute(&options.folder);
            let folder = folder.unwrap_or_else(|_| options.folder.clone());
            folder.join(CONFIG_FILES[1])
        }
        (found, _) => found?,
    };
    let mut diagnostics = Vec::new();
    diagnostics.extend(not_read(&config_path, options));
    let project = wrangler::read(&config_path, options, &mut diagnostics);
    let failed = diagnostics
        .iter()
        .any(|diagnostic: &Diagnostic| diagnostic.severity == Severity::Error);
    match project {
        Ok(Some(project)) if !failed => Ok(Loaded {
            project,
            warnings: diagnostics,
        }),
        Ok(_) => Err(Error { diagnostics }),
        Err(mut error) => {
            diagnostics.append(&mut error.diagnostics);
            Err(Error { diagnostics })
        }
    }
}

/// The file in the same folder whose name is most like `path`'s, as a path the user can type.
pub(crate) fn nearest_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let by_name = crate::text::nearest(wanted, names.iter().map(String::as_str));
    let near = by_name.map(str::to_owned).or_else(|| {
        let stems: Vec<String> = names.iter().map(|name| stem(name)).collect();
        let wanted = stem(wanted);
        let near = crate::text::nearest(&wanted, stems.iter().map(String::as_str))?;
        let index = stems.iter().position(|stem| stem == near)?;
        names.into_iter().nth(index)
    });
    near.filter(|near| !near.is_empty())
}
