//! What `createWorker()` and `createApp()` ask for.

use std::sync::Arc;

use super::bundling::{Bundle, Bundling, Place};
use super::files::Files;
use super::project::{self, Purpose, TsConfig};
use super::reply::{Built, Failure, Kind, Reply, WranglerConfig};
use super::request::{Action, Options};
use super::transform;

/// The module that a bundle is.
const BUNDLE: &str = "bundle.js";

pub(super) async fn make(action: Action, files: Files, options: Options) -> Result<Reply, Failure> {
    let config = project::wrangler_config(&files);
    let options = Arc::new(options);
    let bundling = Bundling {
        tsconfig: TsConfig::read(&files),
        files: files.clone(),
        options: Arc::clone(&options),
    };
    let (mut clients, mut styles, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    if action == Action::App {
        for entry in &options.client {
            let entry = project::entry_point(&files, Some(entry), None, Purpose::Client)?;
            let bundle = bundling.bundle(&entry, Place::Browser).await?;
            let path = client_path(&entry);
            if !bundle.styles.is_empty() {
                let sheet = format!("{}.css", path.strip_suffix(".js").unwrap_or(&path));
                styles.push((sheet, bundle.styles));
            }
            warnings.extend(bundle.found.warnings);
            clients.push((path, bundle.code));
        }
    }
    let entry = start(action, &files, &options, config.as_ref())?;
    let mut built = match options.bundle {
        Some(false) => apart(&files, &entry, &options),
        _ => bundled(bundling.bundle(&entry, Place::Worker).await?),
    };
    warnings.extend(std::mem::take(&mut built.warnings));
    Ok(Reply::Built(Built {
        wrangler_config: config,
        warnings,
        clients,
        styles,
        ..built
    }))
}

/// What `createWorker()` gives of modules that are not bundled.
pub(super) fn transformed(files: &Files, options: &Options) -> Result<Reply, Failure> {
    let config = project::wrangler_config(files);
    let entry = start(Action::Worker, files, options, config.as_ref())?;
    Ok(Reply::Built(Built {
        wrangler_config: config,
        ..apart(files, &entry, options)
    }))
}

/// The file that the worker starts from.
fn start(
    action: Action,
    files: &Files,
    options: &Options,
    config: Option<&WranglerConfig>,
) -> Result<String, Failure> {
    let purpose = match action {
        Action::Worker => Purpose::Worker,
        Action::App => Purpose::Server,
    };
    let asked = options.entry_point.as_deref();
    let entry = project::entry_point(files, asked, config, purpose)?;
    match entry.ends_with(".py") {
        true => Err(Failure::new("Python workers are not supported here.")),
        false => Ok(entry),
    }
}

fn apart(files: &Files, entry: &str, options: &Options) -> Built {
    let mut built = transform::transform(files, entry, options);
    built.warnings.extend(transform::ignored_options(options));
    built
}

fn bundled(bundle: Bundle) -> Built {
    let mut modules = bundle.found.separate;
    modules.insert(BUNDLE.to_owned(), (Kind::Esm, bundle.code.into_bytes()));
    Built {
        main: BUNDLE.to_owned(),
        modules,
        warnings: bundle.found.warnings,
        ..Built::default()
    }
}

/// Where browsers find the script of a client entry point: `src/client.tsx` is `/client.js`.
fn client_path(entry: &str) -> String {
    let name = entry.strip_prefix("src/").unwrap_or(entry);
    let stem = [".tsx", ".jsx", ".ts", ".js"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    match stem {
        Some(stem) => format!("/{stem}.js"),
        None => format!("/{name}"),
    }
}
