//! How a command ends when it does not succeed. A person's mistake and a failure have different exit codes.

use std::fmt::Display;
use std::process::ExitCode;

use bundle::Severity;

use crate::report;
use crate::terminal;

const FAILURE: u8 = 1;
const MISTAKE: u8 = 2;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Error {
    /// What was asked for cannot be.
    Mistake {
        message: String,
        hint: Option<String>,
    },
    /// Mistakes in a project's files.
    Project(bundle::Error),
    /// A worker's code does not start. The report has its stack mapped.
    Start {
        worker: String,
        report: Box<gateway::Report>,
    },
    /// It was possible, and failed.
    Failed {
        error: anyhow::Error,
        hint: Option<String>,
    },
    /// It failed, and everything is said.
    Told,
}

impl Error {
    pub(crate) fn mistake(message: impl Display, hint: impl Display) -> Self {
        Self::Mistake {
            message: message.to_string(),
            hint: Some(hint.to_string()),
        }
    }

    pub(crate) fn failed(
        what: &'static str,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Failed {
            error: anyhow::Error::new(error).context(what),
            hint: None,
        }
    }

    /// A process has ended that others come from.
    pub(crate) fn loss(what: String) -> Self {
        Self::Failed {
            error: anyhow::Error::msg(what),
            hint: Some(
                "the kernel ends processes when memory is short, and `dmesg` says so; all that was acknowledged is kept: start again, as a service manager does"
                    .to_owned(),
            ),
        }
    }

    /// Says what is wrong, and which exit code that is.
    pub(crate) fn tell(&self) -> ExitCode {
        let (code, hint) = match self {
            Self::Told => (FAILURE, &None),
            Self::Mistake { message, hint } => {
                terminal::error(message);
                (MISTAKE, hint)
            }
            Self::Project(error) => {
                for diagnostic in &error.diagnostics {
                    report::diagnostic(diagnostic);
                }
                (MISTAKE, &None)
            }
            Self::Start { worker, report } => {
                report::tell(worker, report);
                (MISTAKE, &None)
            }
            Self::Failed { error, hint } => {
                terminal::error(format_args!("{error:#}"));
                (FAILURE, hint)
            }
        };
        if let Some(hint) = hint {
            terminal::hint(hint);
        }
        ExitCode::from(code)
    }

    /// What a browser is shown in place of a worker that does not run.
    pub(crate) fn report(&self) -> gateway::Report {
        match self {
            Self::Project(error) => report::of_build(error),
            Self::Start { report, .. } => (**report).clone(),
            Self::Mistake { message, hint } => gateway::Report {
                title: "Mistake in the configuration".to_owned(),
                message: message.clone(),
                hint: hint.clone(),
                ..Default::default()
            },
            Self::Failed { error, .. } => gateway::Report {
                title: "Failed".to_owned(),
                message: format!("{error:#}"),
                ..Default::default()
            },
            Self::Told => gateway::Report::default(),
        }
    }
}

impl From<bundle::Error> for Error {
    fn from(error: bundle::Error) -> Self {
        Self::Project(error)
    }
}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        let hint = match &error {
            host::Error::Zygote(jail::Error::Confine {
                step: "seccomp" | "no_new_privs",
                ..
            }) => Some(
                "this system or container forbids filters of system calls, and no code runs without them: allow `seccomp` in its profile",
            ),
            host::Error::Zygote(
                jail::Error::Confine { step: "fork", .. } | jail::Error::Fork(_),
            ) => Some("this user or container may have no more processes: raise its limit"),
            host::Error::Zygote(jail::Error::Spawn(cause))
                if cause.kind() == std::io::ErrorKind::WouldBlock =>
            {
                Some("this user or container may have no more processes: raise its limit")
            }
            host::Error::Zygote(jail::Error::Spawn(_) | jail::Error::Gone) => Some(
                "it takes Linux 5.11 or later, and a container that allows pidfd_open, prctl and clone",
            ),
            _ => None,
        };
        Self::Failed {
            error: anyhow::Error::new(error).context("the runtime does not start"),
            hint: hint.map(str::to_owned),
        }
    }
}

impl From<npm::Error> for Error {
    fn from(error: npm::Error) -> Self {
        let hint = error.hint();
        if error.is_mistake() {
            return Self::Mistake {
                message: error.to_string(),
                hint,
            };
        }
        Self::Failed {
            error: error.into(),
            hint,
        }
    }
}

impl From<gateway::Error> for Error {
    fn from(error: gateway::Error) -> Self {
        let hint = Some(error.hint());
        Self::Failed {
            error: error.into(),
            hint,
        }
    }
}

/// Tells the warnings of a configuration or a build.
pub(crate) fn warn(diagnostics: &[bundle::Diagnostic]) {
    for diagnostic in diagnostics {
        if diagnostic.severity == Severity::Warning {
            report::diagnostic(diagnostic);
        }
    }
}
