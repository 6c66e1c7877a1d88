//! What a worker's configuration says about Durable Objects, done: where they keep their state, and its migrations.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bundle::Project;
use bundle::config::Settings;
use bundle::config::migrate::{Known, Step};
use host::{Runtime, StorageOptions};
use protocol::Workflow;
use serde::{Deserialize, Serialize};

use crate::control;
use crate::error::Error;
use crate::terminal;

/// The folder beside the configuration for what Atoll keeps.
const OWN_FOLDER: &str = ".atoll";
/// The last migration of each worker, in the folder of state.
const TAGS: &str = "migrations.json";
/// The bounds of the last server, in the folder of state.
const BOUNDS: &str = "bounds.json";
/// For how many days objects can go back when nothing else is set.
const DEFAULT_DAYS: u32 = 30;

/// Where state is kept, and whether it is for this run only.
#[derive(Debug)]
pub(crate) enum State {
    /// A folder that stays.
    Kept(PathBuf),
    /// A folder that goes away with this.
    Passing(tempfile::TempDir),
}

impl State {
    /// The folder that the command line names, or one beside the first project's configuration.
    pub(crate) fn kept(named: Option<&Path>, project: &Project) -> Self {
        Self::Kept(match named {
            Some(named) => named.to_owned(),
            None => project.root.join(OWN_FOLDER).join("state"),
        })
    }

    /// The folder that the command line names, or one for this run only.
    pub(crate) fn passing(named: Option<&Path>) -> Result<Self, Error> {
        match named {
            Some(named) => Ok(Self::Kept(named.to_owned())),
            None => tempfile::tempdir()
                .map(Self::Passing)
                .map_err(|error| Error::failed("cannot make a folder for state", error)),
        }
    }

    /// It outlives this run.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }
}

/// What objects may keep, and for how long; `None` is the default. All workers of a process share one folder, so that the
/// most that any of them wants counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Bounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "objectQuotaMb")]
    quota_mb: Option<u64>,
}

impl Bounds {
    pub(crate) fn of<'a>(settings: impl Iterator<Item = &'a Settings>) -> Self {
        settings.fold(Self::default(), |most, settings| Self {
            retention_days: most.retention_days.max(settings.retention_days),
            quota_mb: most.quota_mb.max(settings.object_quota_mb),
        })
    }

    /// Those of the server that had a folder of state last: commands without one go by them.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(BOUNDS);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Error::failed("cannot read what objects may keep", error)),
        };
        serde_json::from_str(&text).map_err(|error| {
            Error::mistake(
                format_args!("{} is damaged: {error}", path.display()),
                "delete it: the next server writes it again",
            )
        })
    }

    /// Writes them down for commands without a server. One that cannot is as good as before.
    fn keep(self, folder: &Path) {
        if Self::of_folder(folder).is_ok_and(|kept| kept == self) {
            return;
        }
        let text = serde_json::to_string_pretty(&self).map_err(std::io::Error::other);
        if let Err(error) = text.and_then(|text| replace_file(folder, BOUNDS, &text)) {
            terminal::warning(format_args!(
                "`atoll objects` without this server does not know how much objects may keep: cannot write {}: {error}",
                folder.join(BOUNDS).display()
            ));
        }
    }

    /// For how many days objects can go back.
    pub(crate) fn days(self) -> u32 {
        self.retention_days.unwrap_or(DEFAULT_DAYS)
    }

    pub(crate) fn options(self, folder: &Path) -> StorageOptions {
        let mut options = StorageOptions::new(folder);
        options.retention = Duration::from_secs(u64::from(self.days()) * 24 * 60 * 60);
        if let Some(megabytes) = self.quota_mb {
            options.quota_bytes = megabytes * 1024 * 1024;
        }
        options
    }
}

/// What to do about a disk that is full.
const ROOM: &str = "make room on that disk: a server sets 64 MiB of it aside for its log";

/// Why a folder of state is not opened, and what to do about it. `in_use` is that for one that another process has.
pub(crate) fn not_opened(error: host::Error, in_use: &str) -> Error {
    use std::io::ErrorKind;
    use storage::Error as E;
    let hint = match &error {
        host::Error::Storage(E::InUse { .. }) => Some(in_use),
        host::Error::Storage(E::Newer { .. }) => {
            Some("use the version that made it, or a copy of the folder from before")
        }
        host::Error::Storage(E::Damaged { path, .. }) if path.ends_with("format") => {
            Some("this is no folder of state, or no longer: name another one with --persist-to")
        }
        host::Error::Storage(E::Damaged { .. }) => {
            Some("put a backup of the folder in its place; to begin with nothing, move it away")
        }
        host::Error::Storage(E::Full { .. }) => Some(ROOM),
        host::Error::Storage(E::Io { cause, .. }) => match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(ROOM),
            ErrorKind::WouldBlock => {
                Some("this user or container may have no more processes: raise its limit")
            }
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => Some(
                "there is a file where the folder would be, or a link that leads nowhere: name another one with --persist-to",
            ),
            ErrorKind::PermissionDenied => Some(
                "run it as the user whose folder that is, or name one that this user may write to: --persist-to FOLDER",
            ),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound => {
                Some("name a folder that this user may write to: --persist-to FOLDER")
            }
            _ => None,
        },
        _ => None,
    };
    Error::Failed {
        error: anyhow::Error::new(error).context("cannot open what Durable Objects keep"),
        hint: hint.map(str::to_owned),
    }
}

/// Makes the stored classes what a worker's configuration says, before a version of it runs. `gave_way` gets those of
/// its classes that others have taken the place of: workers that are bound to them hold what is no more.
pub(crate) async fn prepare(
    project: &Project,
    runtime: &Runtime,
    state: &State,
    bounds: Bounds,
    gave_way: &mut Vec<String>,
) -> Result<(), Error> {
    let has_objects = !project.objects.is_empty() || !project.object_classes.is_empty();
    if !has_objects && project.stored_bindings().next().is_none() {
        return Ok(());
    }
    let folder = state.folder();
    keep_out_of_version_control(folder);
    let is_first = runtime.store().is_none();
    runtime
        .open_storage(&bounds.options(folder))
        .await
        .map_err(|error| not_opened(error, "one process at a time has a folder of state: end that one, or use another folder with --persist-to"))?;
    let store = runtime
        .store()
        .ok_or_else(|| Error::failed("cannot reach storage", host::Error::NoStorage))?;
    if is_first {
        bounds.keep(folder);
        if let Err(error) = control::listen(runtime, folder, bounds.days()) {
            terminal::warning(format_args!(
                "`atoll objects` cannot reach this process, as there can be no socket in {}: {error}",
                folder.display()
            ));
        }
    }
    let mut tags = Tags::read(folder)?;
    let known = known(project, &store, &tags);
    let plan = project
        .plan_objects(&known)
        .map_err(|error| Error::mistake(&error, error.hint()))?;
    for warning in &plan.warnings {
        terminal::warning(warning);
    }
    let own = |class: &str| format!("{}:{class}", project.name);
    for step in &plan.steps {
        if let Step::Rename { to, .. } | Step::Transfer { to, .. } = step
            && store.find_namespace(&own(to)).is_some()
        {
            gave_way.push(to.clone());
        }
        let done = match step {
            Step::Create { class } => store.namespace(&own(class)).map(drop),
            Step::Rename { from, to } => store.rename_namespace(&own(from), &own(to)),
            Step::Delete { class } => store.delete_namespace(&own(class)),
            Step::Transfer {
                from_script,
                from,
                to,
            } => store.rename_namespace(&format!("{from_script}:{from}"), &own(to)),
        };
        done.map_err(|error| Error::Failed {
            hint: matches!(error, storage::Error::Full { .. }).then(|| ROOM.to_owned()),
            error: anyhow::Error::new(error).context("cannot migrate the stored objects"),
        })?;
    }
    if let Some(tag) = plan.tag
        && tags.0.get(&project.name) != Some(&tag)
    {
        tags.0.insert(project.name.clone(), tag);
        tags.write(folder)?;
    }
    Ok(())
}

fn known(project: &Project, store: &host::Store, tags: &Tags) -> Known {
    let mut known = Known {
        tag: tags.0.get(&project.name).cloned(),
        ..Known::default()
    };
    for namespace in store.namespaces() {
        let Some((worker, class)) = namespace.key().rsplit_once(':') else {
            continue;
        };
        if Workflow::is_instance_class(class) {
            continue;
        }
        if worker == project.name {
            known.classes.insert(class.to_owned());
        }
        let stored = (worker.to_owned(), class.to_owned());
        if store.objects(&namespace).next().is_none() {
            known.empty.insert(stored.clone());
        }
        known.elsewhere.insert(stored);
    }
    known
}

/// The last migration of each worker.
struct Tags(BTreeMap<String, String>);

impl Tags {
    fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(TAGS);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self(BTreeMap::new()));
            }
            Err(error) => {
                return Err(Error::failed(
                    "cannot read which migrations are done",
                    error,
                ));
            }
        };
        serde_json::from_str(&text).map(Self).map_err(|error| {
            Error::mistake(
                format_args!("{} is damaged: {error}", path.display()),
                "it has the last migration of each worker, such as {\"chat\": \"v1\"}",
            )
        })
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(&self.0).map_err(std::io::Error::other);
        text.and_then(|text| replace_file(folder, TAGS, &text))
            .map_err(|error| Error::failed("cannot keep which migrations are done", error))
    }
}

/// Replaces a file as a whole.
fn replace_file(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let next = folder.join(format!("{name}.next"));
    let mut file = std::fs::File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&next, folder.join(name))?;
    std::fs::File::open(folder)?.sync_all()
}

/// State in Atoll's own folder does not belong into a repository. That it cannot be said is no reason to stop.
pub(crate) fn keep_out_of_version_control(state: &Path) {
    let parent = state.parent();
    let Some(own) = parent.filter(|parent| parent.ends_with(OWN_FOLDER)) else {
        return;
    };
    let ignore = own.join(".gitignore");
    if !ignore.exists() && std::fs::create_dir_all(own).is_ok() {
        let _ = std::fs::write(ignore, "*\n");
    }
}

/// The folder of state that the arguments of a command mean, which need not be there: the one that is named, or the one
/// beside a configuration.
pub(crate) fn state_folder(named: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, Error> {
    let beside = |folder: &Path| folder.join(OWN_FOLDER).join("state");
    if let Some(folder) = named {
        return Ok(folder.to_owned());
    }
    let current = std::env::current_dir()
        .map_err(|error| Error::failed("cannot tell the current folder", error))?;
    let options = bundle::config::Options {
        folder: current.clone(),
        config: config.map(Path::to_owned),
        ..Default::default()
    };
    match bundle::config::find(&options) {
        Ok(file) => Ok(beside(file.parent().unwrap_or(&current))),
        Err(error) if config.is_some() => Err(error.into()),
        Err(_) => Ok(beside(&current)),
    }
}
