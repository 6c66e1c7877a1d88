//! What can go wrong, in words that a person can act on.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::integrity::Integrity;

/// How the message begins of a lock file that package.json has left behind.
pub(crate) const UNFIT: &str = "it does not fit: ";

/// What is said of a lock file in which two versions stand beside each other.
pub(crate) const MERGED: &str = "it has the marks of a merge that is not finished";

/// How the message begins of a lock file that is no JSON.
pub(crate) const BROKEN: &str = "it is no JSON: ";

/// Why packages could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A package.json cannot be used.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A lock file cannot be trusted, or does not fit its package.json.
    #[error("{}: {message}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A setting cannot be used.
    #[error("{place}: {message}")]
    Setting {
        /// The file or the variable.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// The registry has no such package.
    #[error("there is no package {name} in {registry}")]
    NoPackage {
        /// The package.
        name: String,
        /// Where it was asked for.
        registry: String,
    },
    /// The package has no version that fits.
    #[error("{name} has no version that is {spec}{}", wanted(by))]
    NoVersion {
        /// The package.
        name: String,
        /// What was asked for.
        spec: String,
        /// Who asked for it.
        by: String,
        /// The version that most people get.
        latest: Option<String>,
    },
    /// A kind of dependency that is not supported.
    #[error("{name}: `{spec}` is {what}{}", wanted(by))]
    Unsupported {
        /// The dependency.
        name: String,
        /// As it is written.
        spec: String,
        /// What kind it is, and that it is not supported.
        what: &'static str,
        /// Who depends on it.
        by: String,
    },
    /// A package outside what is allowed.
    #[error("the package {name} is not allowed here{}", wanted(by))]
    NotAllowed {
        /// The package.
        name: String,
        /// Who depends on it.
        by: String,
    },
    /// A package that runs on other machines only.
    #[error("{package} is for {wanted}, and this is {here}")]
    Platform {
        /// Its name and version.
        package: String,
        /// What it is for.
        wanted: String,
        /// What this machine is.
        here: String,
    },
    /// A peer dependency that cannot be met, where that was asked to be an error.
    #[error("{0}")]
    Peer(String),
    /// An archive whose bytes are not those that were promised.
    #[error("{package} is not what it should be: expected {expected}, found {found}")]
    Integrity {
        /// Its name and version.
        package: String,
        /// What was promised.
        expected: Box<Integrity>,
        /// What came.
        found: Box<Integrity>,
    },
    /// An archive that cannot be used.
    #[error("the archive of {package} {message}")]
    Archive {
        /// Its name and version.
        package: String,
        /// What is wrong with it.
        message: String,
    },
    /// What a registry says about a package cannot be used.
    #[error("what the registry says about {package} cannot be used: {message}")]
    Packument {
        /// The package.
        package: String,
        /// What is wrong with it.
        message: String,
    },
    /// Something is not in the cache, and the registry was not or could not be asked.
    #[error("{}", Missing(missing, looked, cause))]
    Missing {
        /// What there is not.
        missing: Vec<String>,
        /// The places that were looked in.
        looked: Vec<String>,
        /// Why no more was done.
        cause: String,
    },
    /// The registry refuses.
    #[error("{url} answers {status}{}", detail(message))]
    Status {
        /// What was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
        /// What the answer says.
        message: String,
    },
    /// The registry cannot be reached. Callers see [`Error::Missing`], which says what that means.
    #[error("{url}: {message}")]
    Network {
        /// What was asked for.
        url: String,
        /// What happened.
        message: String,
    },
    /// Something is larger than it may be.
    #[error("{what}: at most {most} {unit}")]
    Limit {
        /// What is too large.
        what: String,
        /// How much there may be.
        most: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The file system.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn limit(what: impl Into<String>, most: u64, unit: &'static str) -> Self {
        Self::Limit {
            what: what.into(),
            most,
            unit,
        }
    }

    /// What one can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoPackage { .. } => {
                "see how it is spelled, or name its registry in .npmrc: @scope:registry=URL"
            }
            Self::NoVersion {
                latest: Some(latest),
                name,
                ..
            } => return Some(format!("the latest {name} is {latest}")),
            Self::Unsupported { .. } => {
                "take it from the registry, or from a folder with file:FOLDER"
            }
            Self::Integrity { .. } => {
                "somebody changed the package or the lock file: compare them before you delete the entry"
            }
            Self::Status {
                status: 401 | 403, ..
            } => {
                "see `_authToken` in .npmrc, //HOST/:_authToken=${TOKEN}, and whether the variable is set"
            }
            Self::Lock { message, .. } if message.starts_with(UNFIT) => {
                "run `atoll install`, and commit the lock file"
            }
            Self::Lock { message, .. } if message == MERGED => {
                "take one of the two versions whole, and run `atoll install`"
            }
            Self::Lock { message, .. } if message.starts_with(BROKEN) => {
                "bring it back from where it was whole, or delete it: `atoll install` then chooses versions anew"
            }
            Self::Io { what, source, .. }
                if *what != "read"
                    && matches!(
                        source.kind(),
                        std::io::ErrorKind::PermissionDenied
                            | std::io::ErrorKind::ReadOnlyFilesystem
                    ) =>
            {
                "packages are installed in the project's folder: run `atoll install` there before, as who may write to it"
            }
            Self::Peer(_) => "set strict-peer-deps=false in .npmrc to go on with a warning",
            Self::Missing { cause, .. } if cause == crate::registry::OFFLINE => {
                "run it once without --offline"
            }
            Self::Missing { cause, .. } if let Some(hint) = crate::trust::hint(cause) => hint,
            Self::Missing { .. } => {
                "see `registry`, `proxy` and `cafile` in .npmrc, or try again when there is a network"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Whether what was asked for cannot be, in contrast to something that failed and may work another time.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        !matches!(
            self,
            Self::Missing { .. } | Self::Status { .. } | Self::Network { .. } | Self::Io { .. }
        )
    }
}

fn wanted(by: &str) -> String {
    match by {
        "" => String::new(),
        by => format!(" (wanted by {by})"),
    }
}

fn detail(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

struct Missing<'a>(&'a [String], &'a [String], &'a str);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let Self(missing, looked, cause) = self;
        write!(f, "{} missing: ", missing.len())?;
        for (index, name) in missing.iter().take(SHOWN).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}")?;
        }
        if missing.len() > SHOWN {
            write!(f, " and {} more", missing.len() - SHOWN)?;
        }
        write!(f, "; looked in {}; {cause}", looked.join(" and "))
    }
}
