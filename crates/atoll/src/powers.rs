//! What a project's `atoll.jsonc` lets workers reach, the secrets for that, and what is written down of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bundle::Mode;
use bundle::config::{self, EgressPolicy, EgressRule, Settings};
use host::journal::{Journal, JournalOptions};
use host::secrets::{self, SecretStore};
use host::{Audit, Network, Piece, Policy, PolicyOptions, Rule};
use http::{HeaderName, Method};

use crate::error::Error;
use crate::terminal;

/// The folder of journals in a folder of state.
const LOGS: &str = "logs";
/// The variable that names the file of the key.
const KEY_VARIABLE: &str = "ATOLL_KEY_FILE";

/// What all workers of one command have in common.
#[derive(Clone)]
pub(crate) struct Powers {
    pub(crate) secrets: Arc<SecretStore>,
    pub(crate) audit: Arc<Journal>,
    /// What workers log.
    pub(crate) console: Arc<Journal>,
    mode: Mode,
}

/// The journal of what is used.
pub(crate) fn audit_path(state: &Path) -> PathBuf {
    state.join(LOGS).join("audit.jsonl")
}

/// The journal of what workers log.
pub(crate) fn console_path(state: &Path) -> PathBuf {
    state.join(LOGS).join("console.jsonl")
}

/// The file of the key: the command line, else the environment, else the user's configuration.
pub(crate) fn key_path(named: Option<&Path>) -> Result<PathBuf, Error> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some(path) = variable(KEY_VARIABLE) {
        return Ok(path.into());
    }
    let folder = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")));
    match folder {
        Some(folder) => Ok(folder.join("atoll").join("key")),
        None => Err(Error::mistake(
            "there is no place for the key of the secrets: neither HOME nor XDG_CONFIG_HOME is set",
            format_args!("name its file with --key-file or {KEY_VARIABLE}"),
        )),
    }
}

impl Powers {
    /// Those of a folder of state.
    pub(crate) fn open(
        state: &Path,
        secrets: &Path,
        key_file: Option<&Path>,
        mode: Mode,
    ) -> Result<Self, Error> {
        let journal = |path: PathBuf| {
            Journal::open(&path, JournalOptions::default())
                .map(Arc::new)
                .map_err(|error| Error::failed("cannot keep a journal", error))
        };
        Ok(Self {
            // Without a place for the key there are no secrets, and nothing may ask for one.
            secrets: Arc::new(SecretStore::new(
                secrets,
                &key_path(key_file).unwrap_or_default(),
            )),
            audit: journal(audit_path(state))?,
            console: journal(console_path(state))?,
            mode,
        })
    }

    pub(crate) fn auditor(&self) -> Audit {
        Audit::new(Arc::clone(&self.audit))
    }

    /// The policies of a project, by name.
    pub(crate) fn policies(&self, settings: &Settings) -> Result<HashMap<String, Policy>, Error> {
        let made = settings.egress.iter().map(|policy| {
            self.check_secrets(policy)?;
            Ok((policy.name.clone(), self.policy(policy)))
        });
        made.collect()
    }

    fn policy(&self, policy: &EgressPolicy) -> Policy {
        Policy::new(PolicyOptions {
            name: policy.name.clone(),
            rules: policy.allow.iter().map(rule).collect(),
            networks: policy
                .addresses
                .iter()
                .filter_map(|text| Network::parse(text))
                .collect(),
            max_request_bytes: policy.max_request_bytes,
            max_response_bytes: policy.max_response_bytes,
            requests_per_minute: policy.requests_per_minute,
            secrets: Some(Arc::clone(&self.secrets)),
            audit: policy.audit.then(|| self.auditor()),
        })
    }

    /// Says at the start which secrets will be missed.
    fn check_secrets(&self, policy: &EgressPolicy) -> Result<(), Error> {
        let headers = policy.allow.iter().flat_map(|rule| &rule.headers);
        for piece in headers.flat_map(|(_, pieces)| pieces) {
            let config::Piece::Secret(name) = piece else {
                continue;
            };
            if self.secret(name)?.is_none() {
                let needs = format!(
                    "the egress policy {} needs the secret {name}, which is not set",
                    policy.name
                );
                self.miss(&needs, &format!("atoll secret put {name}"))?;
            }
        }
        Ok(())
    }

    /// The value of a secret that the configuration of a worker requires.
    pub(crate) fn required(&self, name: &str) -> Result<Option<String>, Error> {
        let value = self.secret(name)?;
        if value.is_none() {
            let needs = format!("the secret {name} is required and not set");
            self.miss(
                &needs,
                &format!("atoll secret put {name}, or a line in .dev.vars"),
            )?;
        }
        Ok(value)
    }

    fn secret(&self, name: &str) -> Result<Option<String>, Error> {
        let value = self.secrets.get(name).map_err(of_secrets)?;
        Ok(value.map(|value| value.as_str().to_owned()))
    }

    /// Whoever writes a worker may put its secrets where they belong later.
    fn miss(&self, what: &str, hint: &str) -> Result<(), Error> {
        if self.mode == Mode::Production {
            return Err(Error::mistake(what, hint));
        }
        terminal::warning(what);
        terminal::hint(hint);
        Ok(())
    }
}

fn rule(rule: &EgressRule) -> Rule {
    let target = &rule.target;
    let piece = |piece: &config::Piece| match piece {
        config::Piece::Text(text) => Piece::Text(text.clone()),
        config::Piece::Secret(name) => Piece::Secret(name.clone()),
    };
    Rule {
        methods: rule
            .methods
            .iter()
            .filter_map(|method| Method::from_bytes(method.as_bytes()).ok())
            .collect(),
        text: target.text.clone(),
        secure: target.secure,
        sockets_only: target.sockets_only,
        host: target.host.clone(),
        port: target.port,
        path: target.path.clone(),
        headers: rule
            .headers
            .iter()
            .filter_map(|(name, pieces)| {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, pieces.iter().map(piece).collect()))
            })
            .collect(),
    }
}

/// A policy of one rule that only reads, for the command line.
pub(crate) fn reading(name: &str, url: &str) -> Result<EgressPolicy, Error> {
    let target = config::EgressTarget::parse(url).map_err(|(message, hint)| {
        Error::mistake(format_args!("--allow {name}: {message}"), hint)
    })?;
    Ok(EgressPolicy {
        name: name.to_owned(),
        allow: vec![EgressRule {
            methods: vec!["GET".to_owned(), "HEAD".to_owned()],
            target,
            headers: Vec::new(),
        }],
        ..EgressPolicy::default()
    })
}

/// What went wrong with secrets, and what to do about it.
pub(crate) fn of_secrets(error: secrets::Error) -> Error {
    use secrets::Error as E;
    let hint = match &error {
        E::NoKey(_) => format!(
            "bring the key file back, or name where it is with --key-file or {KEY_VARIABLE}"
        ),
        E::KeyIsOpen(path, _) => format!("chmod 600 {}", path.display()),
        E::NotAKey(_) | E::KeyFile(_, _) => {
            format!("name another file with --key-file or {KEY_VARIABLE}")
        }
        E::WrongKey(_) => format!(
            "name the key that they were put with: --key-file or {KEY_VARIABLE}; without it they can only be deleted and put again"
        ),
        E::Damaged(name) => format!("put it again: atoll secret put {name}"),
        E::File(_, _) => {
            "bring it back from a backup, or delete it and put the secrets again".to_owned()
        }
        E::TooLong => "keep a file of that size elsewhere".to_owned(),
        E::Disk(_, _) => {
            return Error::failed("secrets cannot be kept", error);
        }
    };
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Error::mistake(text, hint)
}
