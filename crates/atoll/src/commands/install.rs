//! `atoll install`, and what other commands do when packages are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use npm::{Cache, Client, Network, Options, Progress, Section, Settings, Status, Step};
use owo_colors::OwoColorize as _;

use crate::arguments::Install;
use crate::error::Error;
use crate::fleet::Member;
use crate::{lines, terminal};

/// Lock files of other programs, which are not read.
const FOREIGN_LOCKS: [&str; 3] = ["yarn.lock", "bun.lock", "bun.lockb"];
/// A terminal is told no more often than this.
const BETWEEN_LINES: Duration = Duration::from_millis(50);
/// How many names are told of a long list.
const SHOWN: usize = 5;

pub(crate) async fn run(arguments: Install) -> Result<(), Error> {
    let start = match &arguments.config {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) if path.is_file() => match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        },
        Some(path) => {
            return Err(Error::mistake(
                format_args!("there is no {}", path.display()),
                "name the project's folder: atoll install -c FOLDER",
            ));
        }
        None => PathBuf::from("."),
    };
    let start = start
        .canonicalize()
        .map_err(|error| Error::failed("cannot find the project's folder", error))?;
    let named = !arguments.names.is_empty();
    // Packages that are named have to be written down somewhere.
    let folder = npm::project_of(&start).or_else(|| named.then(|| start.clone()));
    let Some(folder) = folder else {
        return Err(Error::mistake(
            format_args!("there is no package.json in {} or above", start.display()),
            "a project without packages needs none to be installed",
        ));
    };
    let network = match (arguments.offline, arguments.prefer_offline) {
        (true, _) => Some(Network::Offline),
        (_, true) => Some(Network::PreferOffline),
        _ => None,
    };
    let options = Options {
        frozen: arguments.frozen,
        omit_dev: arguments.omit_dev,
        ..Options::default()
    };
    if !named {
        return install(&folder, options, network).await;
    }
    // A package of a project with several is written into its own package.json.
    let own = start
        .ancestors()
        .find(|above| above.join("package.json").is_file())
        .unwrap_or(&folder);
    let section = match arguments.save_dev {
        true => Section::Development,
        false => Section::Needed,
    };
    let client = client(&folder, network)?;
    let saved = client.save(own, &arguments.names, section).await?;
    let installed = install_with(&client, &folder, options).await;
    if installed.is_err() {
        // What cannot be had is not wanted either.
        saved.undo()?;
        return installed;
    }
    if saved.is_new() {
        terminal::note("wrote package.json");
    }
    for (name, spec) in saved.dependencies {
        terminal::line(format_args!("{} {name}@{spec}", "added".green()));
    }
    Ok(())
}

/// Installs what the projects of these workers lack. A lock file that does not fit is mended unless it is `frozen`.
pub(crate) async fn complete(members: &[Member], frozen: bool) -> Result<(), Error> {
    let mut projects: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for member in members {
        let root = &member.project().root;
        if let (Some(project), Some(package)) = (npm::project_of(root), npm::package_of(root)) {
            let used = projects.entry(project).or_default();
            used.insert(package.to_owned());
        }
    }
    for (folder, used) in projects {
        match npm::status_for(&folder, Some(&used))? {
            Status::Fresh => {}
            Status::Foreign { tool, missing } => {
                terminal::warning(format_args!(
                    "{missing}, and {tool} has laid out node_modules"
                ));
                terminal::hint(format_args!("run `{tool} install`"));
            }
            // What is there belongs to another project, which may need more of it.
            Status::Stale(missing) if folder.join("node_modules").is_symlink() => {
                terminal::warning(format_args!("{missing}, and node_modules is a link"));
                terminal::hint(format_args!("install it where the link leads to"));
            }
            Status::Stale(missing) => {
                terminal::note(format_args!("installing packages: {missing}"));
                let frozen = frozen && has_lock(&folder);
                let options = Options {
                    frozen,
                    ..Options::default()
                };
                install(&folder, options, None).await?;
            }
        }
    }
    Ok(())
}

fn has_lock(folder: &Path) -> bool {
    ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml"]
        .iter()
        .any(|file| folder.join(file).is_file())
}

fn client(folder: &Path, network: Option<Network>) -> Result<Client, Error> {
    let mut settings = Settings::load(folder)?;
    if let Some(network) = network {
        settings.network = network;
    }
    Ok(Client::new(settings, Cache::open(Cache::default_folder())?))
}

async fn install(folder: &Path, options: Options, network: Option<Network>) -> Result<(), Error> {
    install_with(&client(folder, network)?, folder, options).await
}

async fn install_with(client: &Client, folder: &Path, mut options: Options) -> Result<(), Error> {
    let started = Instant::now();
    let shown = std::io::stderr().is_terminal();
    if shown {
        options.progress = on_terminal();
    }
    let result = client.install(folder, &options).await;
    if shown {
        terminal::progress(format_args!(""));
    }
    let report = result?;
    for warning in &report.warnings {
        terminal::warning(warning);
    }
    if !report.scripts.is_empty() {
        let names = some_of(&report.scripts);
        let have = match report.scripts.len() {
            1 => "has an install script",
            _ => "have install scripts",
        };
        terminal::note(format_args!(
            "{names} {have}; such scripts are never run, and few packages need theirs"
        ));
    }
    if let Some(lock) = &report.lock {
        let name = lock.file_name().unwrap_or_default().display();
        terminal::note(format_args!("wrote {name}"));
        let mut foreign = FOREIGN_LOCKS.iter();
        if let Some(foreign) = foreign.find(|file| folder.join(file).is_file()) {
            terminal::note(format_args!(
                "{foreign} is not read: versions were chosen from package.json alone"
            ));
        }
    }
    let plural = if report.packages == 1 { "" } else { "s" };
    let mut done = vec![format!("{} package{plural}", report.packages)];
    let counts = [
        (report.written, "written"),
        (report.downloaded, "downloaded"),
        (report.removed, "removed"),
    ];
    done.extend(
        counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    terminal::line(format_args!(
        "{} {} {}",
        "installed".green(),
        done.join(", "),
        format_args!("in {}", lines::duration(started.elapsed())).dimmed()
    ));
    Ok(())
}

fn some_of(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// One line that says how far it is.
fn on_terminal() -> Progress {
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    Progress::new(move |step| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < BETWEEN_LINES) {
            return;
        }
        *last = Some(Instant::now());
        match step {
            Step::Resolving { known } => {
                terminal::progress(format_args!("resolving  {known} packages"))
            }
            Step::Fetching { done, total, bytes } => {
                let megabytes = bytes as f64 / 1e6;
                terminal::progress(format_args!(
                    "downloading  {done} of {total} packages  {megabytes:.1} MB"
                ));
            }
            Step::Writing { done, total } => {
                terminal::progress(format_args!("writing  {done} of {total} packages"))
            }
        }
    })
}
